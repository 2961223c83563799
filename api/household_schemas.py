"""What is answered about households."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import Meta, described


def _text(**more: Any) -> fields.String:
    return fields.String(required=True, **more)


def _maybe(field: type[fields.Field[Any]], **more: Any) -> fields.Field[Any]:
    return field(required=True, allow_none=True, **more)


class Place(ma.Schema):
    """A community."""

    id = _maybe(fields.UUID)
    code = _maybe(fields.String)
    name = _maybe(fields.String)


class ProfileAnswer(ma.Schema):
    """What names a person; null for whoever may not see it."""

    name = _maybe(fields.String)
    born_on = fields.Date(required=True)
    id_number_last4 = _maybe(fields.String)
    phone = _maybe(fields.String)
    address = _maybe(fields.String)


class Member(ma.Schema):
    """An active member on the day."""

    person_id = fields.UUID(required=True)
    relation = _text(**described("To whoever was the head when it was told; who that is now says `head`."))
    sex = _text()
    birth_month = _text()
    joined_on = fields.Date(required=True)
    resident_since = fields.Date(required=True)
    facts = fields.Dict(required=True, **described("The facts that hold on the day."))
    erased_on = _maybe(fields.Date, **described("Since when nothing names the person any more."))
    profile = fields.Nested(ProfileAnswer, required=True, allow_none=True)


class ConsentHeld(ma.Schema):
    """A use of a member's data that is agreed to on the day."""

    person_id = fields.UUID(required=True)
    scope = _text()
    notice_version = _text()
    given_on = fields.Date(required=True)
    by = _maybe(fields.UUID, **described("The guardian of a child."))
    until = _maybe(fields.Date)


class FormerMember(ma.Schema):
    """Somebody who left or died."""

    person_id = fields.UUID(required=True)
    left_on = fields.Date(required=True)
    to_household = _maybe(fields.UUID)


class Employment(ma.Schema):
    """A job of a member."""

    employment_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    kind = _text()
    unit_id = _maybe(fields.UUID)
    unit_name = _maybe(fields.String)
    from_ = fields.Date(required=True, data_key="from")
    to = _maybe(fields.Date)
    reason = _maybe(fields.String)


class Need(ma.Schema):
    """An assessed need."""

    need_id = fields.UUID(required=True)
    need = _text()
    label = _text()
    person_id = _maybe(fields.UUID)
    result = _text()
    assessed_on = fields.Date(required=True)
    cleared_on = _maybe(fields.Date)
    cleared_reason = _maybe(fields.String)


class Referral(ma.Schema):
    """A service passed from one bureau to another."""

    referral_id = fields.UUID(required=True)
    from_bureau = _text()
    to_bureau = _text()
    referred_on = fields.Date(required=True)
    due_on = _maybe(fields.Date)
    answered_on = _maybe(fields.Date)
    answer = _maybe(fields.String)


class Episode(ma.Schema):
    """A service's life, or a delivery."""

    episode_id = fields.UUID(required=True)
    service = _text()
    label = _text()
    kind = _text(validate=validate.OneOf(["episode", "one_off", "periodic"]))
    state = _text(validate=validate.OneOf(["requested", "referred", "granted", "active", "ended", "denied", "voided"]))
    person_id = _maybe(fields.UUID)
    unit_id = _maybe(fields.UUID)
    unit_name = _maybe(fields.String)
    requested_on = _maybe(fields.Date)
    granted_on = _maybe(fields.Date)
    delivered_on = _maybe(fields.Date)
    denied_on = _maybe(fields.Date)
    started_on = _maybe(fields.Date)
    ended_on = _maybe(fields.Date)
    ended_reason = _maybe(fields.String)
    decided_by = _maybe(fields.String)
    valid_from = _maybe(fields.Date)
    valid_to = _maybe(fields.Date)
    voided = _maybe(fields.String)
    evidence = fields.Dict(required=True)
    referrals = fields.List(fields.Nested(Referral), required=True)


class Score(ma.Schema):
    """A score from 0 to 100, its band, and how much of what applies is known."""

    score = _maybe(fields.Float, **described("Null: nothing applies (band NA) or nothing is known (band U)."))
    band = _maybe(
        fields.String,
        validate=validate.OneOf(["A", "B", "C", "D", "U", "NA"]),
        **described("Null: hidden, since restricted services could be found from it."),
    )
    band_label = _maybe(fields.String)
    completeness = _maybe(fields.Float)


class Coded(ma.Schema):
    """A code and its label."""

    code = _text()
    label = _text()


class Missing(ma.Schema):
    """Something that is missing: any one of some codes."""

    kind = _text(validate=validate.OneOf(["service", "unit_fact", "evidence", "need"]))
    any_of = fields.List(fields.Nested(Coded), required=True)


class EventRef(ma.Schema):
    """An event behind a figure."""

    event_id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    type = _text()


class Reason(ma.Schema):
    """One count of an indicator: for whom, on what it rests, what is missing, and how much the level would gain."""

    met = fields.Boolean(required=True)
    person_id = _maybe(fields.UUID)
    unit_id = _maybe(fields.UUID)
    what = _maybe(fields.String, **described("The service or need that this count is about."))
    record_id = _maybe(fields.UUID, **described("The episode or employment that it rests on."))
    need_id = _maybe(fields.UUID)
    events = fields.List(fields.Nested(EventRef), required=True)
    missing = fields.List(fields.Nested(Missing), required=True)
    gain = fields.Float(required=True, **described("By how many points the level would rise if it were met."))


class Indicator(ma.Schema):
    """An indicator's counts and the reason for each."""

    indicator = _text()
    label = _text()
    eligible = _text()
    met_when = _text()
    state = _text(validate=validate.OneOf(["known", "unknown", "not_applicable", "hidden"]))
    num = _maybe(fields.Integer)
    den = _maybe(fields.Integer)
    weight = fields.Integer(required=True)
    reasons = fields.List(fields.Nested(Reason), required=True)
    withheld = _maybe(fields.Integer, **described("Reasons that are restricted for this caller; null: hidden too."))


class Level(Score):
    """A level of integration, its reasons, and what is missing for the next band."""

    level = _text()
    label = _text()
    next_band = _maybe(fields.String)
    steps = _maybe(fields.Integer, **described("The fewest counts to be met for the next band; null: out of reach."))
    indicators = fields.List(fields.Nested(Indicator), required=True)


class Offer(ma.Schema):
    """A service to offer next: any one of some."""

    level = _text()
    indicator = _text()
    person_id = _maybe(fields.UUID)
    any_of = fields.List(fields.Nested(Coded), required=True)
    gain = fields.Float(required=True)


class Assessment(ma.Schema):
    """How far services have reached the household: of the city's delivery it tells, never of the family."""

    status = _text(
        validate=validate.OneOf(["assessed", "out_of_scope", "not_arrived", "no_members", "closed", "merged_away"])
    )
    settled = fields.Boolean(required=True)
    overall = fields.Nested(Score, required=True)
    levels = fields.List(fields.Nested(Level), required=True)
    offer_next = fields.List(fields.Nested(Offer), required=True)
    next_change_on = _maybe(fields.Date, **described("Before this day nothing changes without a new event."))


class HouseholdAnswer(ma.Schema):
    """A household as it stands on a day."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    status = _text(validate=validate.OneOf(["open", "closed", "not_arrived", "merged_away"]))
    merged_into = _maybe(fields.UUID, **described("The household that it is part of now, where it goes on."))
    community = fields.Nested(Place, required=True)
    arrived_on = fields.Date(required=True)
    closed_on = _maybe(fields.Date)
    closed_reason = _maybe(fields.String)
    origin = _text()
    origin_division = _maybe(fields.String)
    origin_household = _maybe(fields.UUID, **described("The household that it split off from."))
    head = _maybe(fields.UUID)
    members = fields.List(fields.Nested(Member), required=True)
    consents = fields.List(fields.Nested(ConsentHeld), required=True)
    former_members = fields.List(fields.Nested(FormerMember), required=True)
    employments = fields.List(fields.Nested(Employment), required=True)
    needs = fields.List(fields.Nested(Need), required=True)
    services = fields.List(fields.Nested(Episode), required=True)
    assessment = fields.Nested(Assessment, required=True)
    meta = fields.Nested(Meta, required=True)


class By(ma.Schema):
    """Who recorded an event."""

    actor = _maybe(fields.String)
    role = _maybe(fields.String)
    bureau = _maybe(fields.String)
    unit_id = _maybe(fields.UUID)


class Source(ma.Schema):
    """The feed's record that an event came from."""

    system = _text()
    ref = _maybe(fields.String)


class StoryItem(ma.Schema):
    """Something that happened."""

    version = fields.Integer(required=True)
    position = _text()
    event_id = fields.UUID(required=True)
    type = _text()
    label = _text()
    occurred_on = _maybe(fields.Date)
    recorded_at = fields.AwareDateTime(required=True)
    by = fields.Nested(By, required=True)
    source = fields.Nested(Source, required=True, allow_none=True)
    changed = fields.Dict(required=True, **described("What the event says."))
    sealed = fields.Dict(required=True, **described("What the vault keeps beside it, for whoever may see it."))
    voided = fields.Boolean(required=True, **described("It counts at no date."))
    voided_by = _maybe(fields.Integer, **described("The version of the entry that says so."))
    corrected_by = fields.List(fields.Integer, required=True, **described("Versions of the entries that put it right."))
    mark = _maybe(fields.String, **described("Both in a sentence, in the reader's language."))


class StoryMeta(ma.Schema):
    """At which cut the story was told."""

    cut = _text()
    known_at = _maybe(fields.AwareDateTime)


class Timeline(ma.Schema):
    """A page of the story, the oldest first."""

    items = fields.List(fields.Nested(StoryItem), required=True)
    next = _maybe(fields.String)
    meta = fields.Nested(StoryMeta, required=True)


class LevelBrief(ma.Schema):
    """A level in a list."""

    level = _text()
    score = _maybe(fields.Float)
    band = _maybe(fields.String)


class HouseholdItem(ma.Schema):
    """A household in a list."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    status = _maybe(fields.String)
    community = fields.Nested(Place, required=True)
    arrived_on = _maybe(fields.Date)
    closed_on = _maybe(fields.Date)
    head = _maybe(fields.UUID)
    head_name = _maybe(fields.String)
    members = fields.Integer(required=True)
    children = fields.Integer(required=True)
    settled = fields.Boolean(required=True)
    score = _maybe(fields.Float)
    band = _maybe(fields.String)
    levels = fields.List(fields.Nested(LevelBrief), required=True)
    stale = fields.Boolean(required=True, **described("The last that could be computed; an operator looks at it."))


class HouseholdPage(ma.Schema):
    """A page of households."""

    items = fields.List(fields.Nested(HouseholdItem), required=True)
    next = _maybe(fields.String, **described("The cursor of the next page; null on the last."))
    meta = fields.Nested(Meta, required=True)


class Found(ma.Schema):
    """Somebody who matches."""

    household_id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    community = fields.Nested(Place, required=True)
    open = fields.Boolean(required=True)
    person_id = fields.UUID(required=True)
    member = fields.Boolean(required=True, **described("Whether the person is an active member of an open household."))
    relation = _text()
    profile = fields.Nested(ProfileAnswer, required=True, allow_none=True)


class FoundPage(ma.Schema):
    """Who was found."""

    items = fields.List(fields.Nested(Found), required=True)
    more = fields.Boolean(required=True, **described("There are more: narrow the search down."))
