"""What is answered about selection rounds."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import described
from api.unit_schemas import UnitName
from casework.domain.rounds.steps import CANCELLED, STATES

ALL_STATES = (*STATES, CANCELLED)


class RoundKind(ma.Schema):
    """A kind of exemplar of the round."""

    kind = fields.String(required=True)
    label = fields.String(required=True)
    project_extension = fields.Boolean(required=True, **described("The kind is an extension of ours, not of the plan."))
    nominations = fields.Integer(required=True, **described("Those that were not taken back."))


class RoundQuota(ma.Schema):
    """How the seats are shared."""

    mode = fields.String(required=True)
    total = fields.Integer(required=True)


class RoundDates(ma.Schema):
    """The days of the round. What is due by `checked_to` and later may come late; nominations may not."""

    as_of = fields.Date(required=True)
    opens_on = fields.Date(required=True)
    nominations_to = fields.Date(required=True)
    checked_to = fields.Date(required=True)
    reviewed_to = fields.Date(required=True)
    decided_to = fields.Date(required=True)


class Frozen(ma.Schema):
    """What the figures of the round rest on."""

    snapshot_id = fields.UUID(required=True)
    as_of = fields.Date(required=True)
    known_at = fields.AwareDateTime(required=True)
    sha256 = fields.String(required=True)
    rows = fields.Integer(required=True)
    policy_sha256 = fields.String(required=True)
    code_version = fields.String(required=True)
    frozen_on = fields.Date(required=True)


class NoticePeriod(ma.Schema):
    """When the public may object; both days are inside."""

    notice_from = fields.Date(required=True)
    notice_to = fields.Date(required=True)


class PublishedList(NoticePeriod):
    """How the list was shown."""

    channels = fields.List(fields.String(), required=True)


class Signatory(ma.Schema):
    """A bureau that commends, and who holds its role on the day."""

    bureau = fields.String(required=True)
    holder = fields.String(required=True)
    signed_on = fields.Date(required=True, allow_none=True)


class Issued(ma.Schema):
    """The joint decision."""

    document = fields.String(required=True)
    issued_on = fields.Date(required=True)


class RoundEntry(ma.Schema):
    """A year's round."""

    year = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(ALL_STATES))
    policy = fields.String(required=True)
    opened_on = fields.Date(required=True)


class RoundAnswer(RoundEntry):
    """A round: under what it runs, and how far it has come."""

    version = fields.Integer(required=True)
    policy_sha256 = fields.String(required=True)
    approval_ref = fields.String(required=True, allow_none=True)
    kinds = fields.List(fields.Nested(RoundKind), required=True)
    quota = fields.Nested(RoundQuota, required=True)
    dates = fields.Nested(RoundDates, required=True)
    notice_working_days = fields.Integer(required=True)
    panelists = fields.Integer(required=True)
    frozen = fields.Nested(Frozen, required=True, allow_none=True)
    scores_open = fields.Boolean(required=True, **described("False: every score is sealed, for everybody."))
    ranking_sha256 = fields.String(required=True, allow_none=True)
    published = fields.Nested(PublishedList, required=True, allow_none=True)
    listed = fields.Integer(required=True)
    list_sha256 = fields.String(required=True, allow_none=True, **described("Of the final list; both bureaus sign it."))
    signatories = fields.List(fields.Nested(Signatory), required=True)
    commendation = fields.Nested(Issued, required=True, allow_none=True)
    cancelled_reason = fields.String(required=True, allow_none=True)


class RoundList(ma.Schema):
    """The rounds, the latest first."""

    items = fields.List(fields.Nested(RoundEntry), required=True)


class CandidateName(ma.Schema):
    """A unit, or a person by id: who that is stands in their household's file."""

    unit = fields.Nested(UnitName, required=True, allow_none=True)
    person_id = fields.UUID(required=True, allow_none=True)


class RankedPlace(ma.Schema):
    """A candidate's place in its kind; scores out of 100, chances out of 1."""

    metric = fields.Float(required=True, allow_none=True, **described("Null of a person."))
    panel = fields.Float(required=True)
    final = fields.Float(required=True)
    rank = fields.Integer(required=True)
    rank_low = fields.Integer(required=True)
    rank_median = fields.Integer(required=True)
    rank_high = fields.Integer(required=True)
    p_selected = fields.Float(required=True)
    tie_break = fields.String(required=True, allow_none=True)
    seated = fields.Boolean(required=True)
    reserve = fields.Boolean(required=True)


class OpinionAnswer(ma.Schema):
    """An authority's opinion."""

    authority = fields.Nested(UnitName, required=True)
    opinion = fields.String(required=True)
    document = fields.String(required=True)
    received_on = fields.Date(required=True)


class VetoAnswer(ma.Schema):
    """A veto, and whether it stands."""

    veto_id = fields.UUID(required=True)
    ground = fields.String(required=True)
    authority = fields.Nested(UnitName, required=True)
    document = fields.String(required=True)
    happened_on = fields.Date(required=True)
    recorded_on = fields.Date(required=True)
    stands = fields.Boolean(required=True)


class VisitAnswer(ma.Schema):
    """A site visit."""

    visited_on = fields.Date(required=True)
    outcome = fields.String(required=True)


class ObjectionAnswer(ma.Schema):
    """An objection, and what became of it."""

    objection_id = fields.UUID(required=True)
    grounds = fields.String(required=True)
    anonymous = fields.Boolean(required=True)
    filed_on = fields.Date(required=True)
    upheld = fields.Boolean(required=True, allow_none=True, **described("Null: still open."))
    reason = fields.String(required=True, allow_none=True)


class ScoreAnswer(ma.Schema):
    """What a panelist gave."""

    panelist = fields.String(required=True)
    items = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class Scoring(ma.Schema):
    """How far the scoring has come; nobody reads a score before all are in."""

    due = fields.Integer(required=True)
    recorded = fields.Integer(required=True)
    scores = fields.List(
        fields.Nested(ScoreAnswer), required=True, allow_none=True, **described("Null while they are sealed.")
    )


class NominationEntry(ma.Schema):
    """A nomination. What is not for the caller to see is null."""

    nomination_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    kind_label = fields.String(required=True)
    project_extension = fields.Boolean(required=True, **described("The kind is an extension of ours, not of the plan."))
    candidate = fields.Nested(CandidateName, required=True)
    nominator = fields.Nested(UnitName, required=True)
    submitted_on = fields.Date(required=True)
    withdrawn_reason = fields.String(required=True, allow_none=True)
    eligible = fields.Boolean(required=True, allow_none=True, **described("Null: not decided."))
    reasons = fields.List(fields.String(), required=True)
    standing_vetoes = fields.Integer(required=True)
    scoring = fields.Nested(Scoring, required=True, allow_none=True)
    place = fields.Nested(RankedPlace, required=True, allow_none=True)
    not_ranked = fields.String(required=True, allow_none=True)
    on_list = fields.Boolean(required=True, allow_none=True, **described("Bureaus learn it with everybody else."))
    notice = fields.Nested(NoticePeriod, required=True, allow_none=True)
    removed_reason = fields.String(required=True, allow_none=True)
    revoked_on = fields.Date(required=True, allow_none=True)


class NominationPage(ma.Schema):
    """A page of nominations."""

    items = fields.List(fields.Nested(NominationEntry), required=True)
    next = fields.String(required=True, allow_none=True)


class TextAnswer(ma.Schema):
    """What somebody wrote."""

    event = fields.String(required=True, **described("The type of the event that it belongs to."))
    told_on = fields.Date(required=True)
    objection_id = fields.UUID(required=True, allow_none=True, **described("Of an objection and its answer."))
    text = fields.String(required=True)


class NominationAnswer(NominationEntry):
    """All that is known of a nomination."""

    attachments = fields.List(fields.String(), required=True, **described("Digests (SHA-256) of what was attached."))
    opinions = fields.List(fields.Nested(OpinionAnswer), required=True)
    vetoes = fields.List(fields.Nested(VetoAnswer), required=True)
    visits = fields.List(fields.Nested(VisitAnswer), required=True)
    recused = fields.List(fields.String(), required=True, allow_none=True)
    objections = fields.List(fields.Nested(ObjectionAnswer), required=True, allow_none=True)
    texts = fields.List(
        fields.Nested(TextAnswer),
        required=True,
        allow_none=True,
        **described("What was written of it; for the office, the panel and auditors with a purpose, and recorded."),
    )


class Panelist(ma.Schema):
    """Somebody on the panel, and how far they have come."""

    panelist = fields.String(required=True)
    affiliation = fields.Nested(UnitName, required=True)
    kinds = fields.List(fields.String(), required=True)
    due = fields.Integer(required=True)
    recorded = fields.Integer(required=True)


class PanelAnswer(ma.Schema):
    """The panel."""

    items = fields.List(fields.Nested(Panelist), required=True)


class ListedUnit(ma.Schema):
    """A unit on the list."""

    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class Listed(ma.Schema):
    """A candidate as the public sees it. A person is named while they agree to that."""

    nomination_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    kind_label = fields.String(required=True)
    project_extension = fields.Boolean(required=True, **described("The kind is an extension of ours, not of the plan."))
    unit = fields.Nested(ListedUnit, required=True, allow_none=True)
    person_name = fields.String(required=True, allow_none=True)
    rank = fields.Integer(required=True)
    final = fields.Float(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["listed", "reserve", "commended", "revoked"]))
    notice = fields.Nested(NoticePeriod, required=True, allow_none=True)


class PublicList(ma.Schema):
    """The list as it was shown to the public, and what became of it."""

    year = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(ALL_STATES))
    published = fields.Nested(PublishedList, required=True)
    items = fields.List(fields.Nested(Listed), required=True)
    reserves = fields.List(fields.Nested(Listed), required=True)
    list_sha256 = fields.String(required=True, allow_none=True)
    commendation = fields.Nested(Issued, required=True, allow_none=True)


class RoundAsked(ma.Schema):
    """Where the job is that takes a round a step on."""

    id = fields.UUID(required=True, **described("The job's."))
    href = fields.String(required=True)
    round_href = fields.String(required=True)
