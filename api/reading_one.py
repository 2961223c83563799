"""One household, folded from its own stream: as it stands or stood, and its story."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Response

from api import naming, offers, reasons, timeline
from api import record as recording
from api.auth import principal, sight
from api.giving import casework, etag
from api.household_state import Shown, state
from api.looking import viewer
from api.policy_choice import chosen_policy
from api.reasons import Grounds
from api.resource import answer, unchanged
from casework.domain.aggregate import Recorded
from casework.domain.assessment import assess_present
from casework.domain.explanation import explain, last_contact, trail
from casework.domain.household import Household
from casework.domain.ids import REGISTRY, partition_of
from casework.domain.next_services import next_services as next_services_of
from casework.domain.policy import Policy
from casework.domain.present import Present
from casework.domain.registry import Registry
from casework.domain.sight import with_voided
from casework.errors import Forbidden, NotFound
from casework.log import reading
from casework.log.codec import EventCodec
from casework.log.reading import LoggedEvent
from casework.projections.facts import registry_at

codec = EventCodec()


class Look(NamedTuple):
    """A household's stream up to a cut, and the registry there."""

    household: Household
    logged: list[LoggedEvent]
    recorded: list[Recorded]
    registry: Registry
    known_at: datetime | None

    @property
    def cut(self) -> str:
        """The positions that this look goes up to."""
        return f"{partition_of(self.household.id)}:{self.logged[-1].position},{REGISTRY}:{self.registry.position}"


def household(
    household_id: UUID, *, as_of: date | None = None, known_at: datetime | None = None, policy: str | None = None
) -> Response:
    """Answer what a household is on a day, as known at an instant, and how its levels come about."""
    look = _look(household_id, known_at)
    day = as_of or casework().today
    under = chosen_policy(policy, look.registry, day)
    tag = etag(look.household.version, look.registry.position, day.isoformat(), under.version)
    return unchanged(tag) or answer(_told(look, day, under), headers={"ETag": tag})


def next_services(household_id: UUID, *, level: str) -> Response:
    """Answer which services would lift a level to the next band today; only to whom the level is shown."""
    look = _look(household_id, None)
    day = casework().today
    under = chosen_policy(None, look.registry, day)
    if not all(sight().level(each) for each in under.levels if each.code == level):
        raise Forbidden("score-restricted")
    tag = etag(look.household.version, look.registry.position, day.isoformat(), under.version)
    if known := unchanged(tag):
        return known
    found = next_services_of(look.household, under, day, look.registry.facts, level)
    return answer({**offers.told_of(found), "meta": _meta(look, day, under)}, headers={"ETag": tag})


def story(household_id: UUID, *, known_at: datetime | None = None, limit: int, cursor: str | None = None) -> Response:
    """Answer what happened to a household."""
    after = timeline.after(cursor)
    look = _look(household_id, known_at)
    tag = etag(look.household.version, look.registry.position)
    if known := unchanged(tag):
        return known
    with casework().pool.connection() as db:
        content, link = timeline.told(db, look.household, look.logged, look.recorded, after, limit)
    content["meta"] = {"cut": look.cut, "known_at": look.known_at}
    return answer(content, headers={"ETag": tag, **link})


def record(household_id: UUID) -> Response:
    """Answer all that is held of a household, and who read it; the reading is recorded."""
    if not naming.may_name():
        raise Forbidden("purpose-missing")
    look, day = _look(household_id, None), casework().today
    told = _told(look, day, chosen_policy(None, look.registry, day))
    seen = {member["person_id"] for member in told["members"] if member["profile"] is not None}
    with casework().pool.connection() as db:
        story, _ = timeline.told(db, look.household, look.logged, look.recorded, 0, len(look.logged))
        beside = recording.beside(db, look.household, seen)
    return answer({"household": told, "events": story["items"], **beside})


def _told(look: Look, day: date, policy: Policy) -> dict[str, Any]:
    present = Present(look.household, policy, day, look.registry.facts)
    people = [(look.household.id, member.id) for member in present.members]
    with casework().pool.connection() as db:
        profiles = naming.profiles(db, people)
        looks = viewer(db, look.household, with_voided(look.household, look.recorded))
    shown = Shown(present, looks, look.registry, profiles)
    assessment = assess_present(present)
    voided = look.household.voided_entries
    standing = [item for item in look.recorded if item.originator_version not in voided]
    contact = last_contact(standing, day)
    logged = {each.version: each for each in look.logged}
    grounds = Grounds(look.household, logged, trail(standing), contact, policy, looks)
    levels = explain(look.household, assessment, policy)
    return {
        **state(shown),
        "assessment": reasons.assessed(assessment, levels, grounds),
        "meta": _meta(look, day, policy),
    }


def _meta(look: Look, day: date, policy: Policy) -> dict[str, Any]:
    return {
        "cut": look.cut,
        "as_of": day,
        "known_at": look.known_at,
        "policy": policy.version,
        "computed_at": datetime.now(UTC),
    }


def _look(household_id: UUID, asked: datetime | None) -> Look:
    """Fold a household that the caller may see; what was not known, or is not theirs, is not there.

    What will be known later cannot be told: a future instant means now, and the answer says so.
    """
    known_at = min(asked, datetime.now(UTC)) if asked is not None else None
    if partition_of(household_id) == REGISTRY:
        raise NotFound
    with casework().pool.connection() as db:
        logged = reading.timeline(db, household_id)
        cut = reading.cut_at(db, known_at) if known_at is not None else None
    recorded = [Recorded(household_id, each.version, codec.decode(each.type, each.state)) for each in logged]
    folded = Household.fold(None, recorded)
    if folded is None or not casework().is_within(folded.community, principal().divisions):
        raise NotFound
    if cut is None:
        return Look(folded, logged, recorded, casework().registry(), None)
    logged = [each for each in logged if each.position <= cut[partition_of(household_id)]]
    recorded = recorded[: len(logged)]
    folded = Household.fold(None, recorded)
    if folded is None:
        raise NotFound
    return Look(folded, logged, recorded, _registry_at(cut[REGISTRY]), known_at)


def _registry_at(position: int) -> Registry:
    """The registry as it was; the newest is at hand, an older one is folded again."""
    current = casework().registry()
    if current.position == position:
        return current
    with casework().pool.connection() as db:
        return registry_at(db, position)
