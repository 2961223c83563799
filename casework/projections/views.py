"""Which rows a household has in a view set: a pure function of the household, the policy, the date and the facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec

from casework.domain.assessment import Assessment, Score, assess_present, count
from casework.domain.clock import Clock
from casework.domain.contributions import Contributions, Results, community_unit, feed_of, of_community, of_givers
from casework.domain.household import Household
from casework.domain.ids import partition_of
from casework.domain.metrics import MEASURED_LEVELS, MEASURES
from casework.domain.policy import Policy
from casework.domain.present import Present, is_migrant
from casework.domain.registry import Facts
from casework.domain.state import Person
from casework.domain.worklist import due

INDICATORS = MEASURES[:18]


class HouseholdRow(msgspec.Struct, frozen=True):
    """A row of ``household``; only a stale one may lack what can be None elsewhere."""

    partition: int
    household_id: UUID
    version: int
    status: str | None
    community_id: UUID | None
    community_code: str | None
    arrived_on: date | None
    closed_on: date | None
    head: UUID | None
    persons: list[UUID]
    members: int
    migrants: int
    children: int
    settled: bool
    score: int | None
    band: str | None
    scores: list[int | None] | None
    bands: list[str] | None
    stale: bool = False


class AssessmentRow(msgspec.Struct, frozen=True):
    """A row of ``assessment``; ``worklist`` is a digest of the household's rows there, 0 where it has none."""

    partition: int
    household_id: UUID
    states: str
    num: list[int]
    den: list[int]
    holds_until: list[date | None]
    known: list[int]
    applicable: list[int]
    next_change_on: date | None
    worklist: int = 0


class Worklist(NamedTuple):
    """A household's rows of ``worklist``, the first due first: its items as JSON, and how many they are."""

    items: bytes
    length: int


class Rows(NamedTuple):
    """All rows of one household; contributions by unit."""

    household: HouseholdRow
    assessment: AssessmentRow
    contributions: Contributions
    worklist: Worklist


_as_json = msgspec.json.Encoder().encode


def rows_of(household: Household, policy: Policy, as_of: date, facts: Facts) -> Rows:
    """Return the rows of a household as it stands on a day."""
    h = Present(household, policy, as_of, facts)
    assessment = assess_present(h)
    clock = Clock(as_of, assessment.next_change_on)
    community = assessment.community or household.residences[-1][2]
    if "\0" in community:
        raise ValueError("A NUL cannot be stored.")
    contributions: Contributions = {}
    if assessment.is_assessed:
        results = _with_extra(h, assessment, clock)
        weights = _weights([assessment.levels[code] for code in MEASURED_LEVELS])
        contributions = {community_unit(community): of_community(h.jobs, results, weights)}
        contributions.update(of_givers(h.jobs, results, weights))
    row = _household_row(h, assessment, community, clock)
    found = due(h, assessment)
    clock.also(found.until)
    worklist = Worklist(_as_json(found.items), len(found.items))
    digest = _digest(worklist, community_unit(community))
    return Rows(row, _assessment_row(household.id, assessment, clock.until, digest), contributions, worklist)


def _digest(worklist: Worklist, community: UUID) -> int:
    if not worklist.length:
        return 0
    return int.from_bytes(blake2b(worklist.items + community.bytes, digest_size=8).digest(), signed=True)


def _with_extra(h: Present, assessment: Assessment, clock: Clock) -> Results:
    """The indicators, and beside them what only units count."""
    results = dict(assessment.indicators)
    for code in MEASURES[len(INDICATORS) :]:
        results[code] = count(h, code, feed_of(code, h.policy))
        clock.also(results[code].holds_until)
    return results


def _weights(levels: Sequence[Score]) -> list[int]:
    return [*(level.known_weight for level in levels), *(level.applicable_weight for level in levels)]


def _household_row(h: Present, assessment: Assessment, community: str, clock: Clock) -> HouseholdRow:
    household, levels = h.household, [assessment.levels[code] for code in MEASURED_LEVELS]
    adult = h.policy.ages.adult
    return HouseholdRow(
        partition=partition_of(household.id),
        household_id=household.id,
        version=household.version,
        status=assessment.status,
        community_id=community_unit(community),
        community_code=community,
        arrived_on=household.arrived_on,
        closed_on=household.closed_on,
        head=household.head,
        persons=[person.person_id for person in household.people.values() if not _went_on(person)],
        members=len(h.members),
        migrants=sum([is_migrant(member.person, clock) for member in h.members]),
        children=sum([not h.aged(member, adult, None, clock) for member in h.members]),
        settled=assessment.settled,
        score=assessment.overall.score,
        band=assessment.overall.band,
        scores=[level.score for level in levels],
        bands=[level.band for level in levels],
    )


def _went_on(person: Person) -> bool:
    return person.spells[-1].to_household is not None


def _assessment_row(
    household_id: UUID, assessment: Assessment, next_change_on: date | None, worklist: int
) -> AssessmentRow:
    results = [assessment.indicators[code] for code in INDICATORS] if assessment.is_assessed else []
    levels = [assessment.levels[code] for code in MEASURED_LEVELS]
    return AssessmentRow(
        partition=partition_of(household_id),
        household_id=household_id,
        states="".join([result.state[0] for result in results]),
        num=[result.num for result in results],
        den=[result.den for result in results],
        holds_until=[result.holds_until for result in results],
        known=[level.known_weight for level in levels],
        applicable=[level.applicable_weight for level in levels],
        next_change_on=next_change_on,
        worklist=worklist,
    )
