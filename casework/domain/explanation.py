"""Why a household's levels are what they are: what counts, what it rests on, and what is missing (DESIGN idea 6).

Nothing is computed twice: the counts are the assessment's own. Beside them stand the records that they rest on, by
id, and for each one that is not met what would meet it and how much the level would gain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.aggregate import Recorded
from casework.domain.assessment import KNOWN, Assessment, IndicatorResult
from casework.domain.clock import Clock
from casework.domain.events.residence import ResidenceVerified
from casework.domain.household import Household
from casework.domain.indicators import Count
from casework.domain.needs import live_need
from casework.domain.policy import LevelPolicy, Policy
from casework.domain.present import evidence_of
from casework.domain.scoring import attained, rounded, weighted_mean
from casework.domain.state import Episode


class Missing(NamedTuple):
    """One thing that is missing: any one of ``codes``, which are services, a unit's facts, or evidence of a service.

    ``kind`` is ``service``, ``unit_fact``, ``evidence``, or ``need`` where a need has to be assessed again.
    """

    kind: str
    codes: tuple[str, ...]


class Reason(NamedTuple):
    """One count of an indicator: for whom, on what it rests, and what is missing where it is not met.

    ``gain`` says by how many hundredths the level would rise if this one were met.
    """

    met: bool
    person_id: UUID | None
    unit_id: UUID | None
    what: str | None
    record_id: UUID | None
    need_id: UUID | None
    missing: tuple[Missing, ...]
    gain: int

    @property
    def services(self) -> set[str]:
        """The services that this reason tells of, apart from the record's own."""
        named = {self.what} if self.what else set()
        return named | {code for missing in self.missing if missing.kind == "service" for code in missing.codes}


class IndicatorReasons(NamedTuple):
    """An indicator's result, its weight in the level, and a reason for each of its counts."""

    result: IndicatorResult
    weight: int
    reasons: list[Reason]


class LevelReasons(NamedTuple):
    """A level's indicators, the next better band, and how many of the counts would have to be met to reach it.

    ``steps`` is None where no better band exists or the known counts cannot reach it.
    """

    indicators: list[IndicatorReasons]
    next_band: str | None
    steps: int | None


def explain(household: Household, assessment: Assessment, policy: Policy) -> dict[str, LevelReasons]:
    """Return for each level why it is what it is; empty where the household is not assessed."""
    if not assessment.is_assessed:
        return {}
    return {level.code: _level(household, assessment, policy, level) for level in policy.levels}


def trail(recorded: Iterable[Recorded]) -> dict[UUID, list[int]]:
    """Return the versions of the events that tell of each episode, need and employment."""
    versions: dict[UUID, list[int]] = {}
    for item in recorded:
        for name in ("episode_id", "need_id", "employment_id"):
            record_id = getattr(item.event, name, None)
            if record_id is not None:
                versions.setdefault(record_id, []).append(item.originator_version)
    return versions


def last_contact(recorded: Iterable[Recorded], as_of: date) -> int | None:
    """Return the version of the event that last found the household present by a day (COM5)."""
    found = [
        (item.event.occurred_on, item.originator_version)
        for item in recorded
        if isinstance(item.event, ResidenceVerified)
        and item.event.outcome == "present"
        and item.event.occurred_on <= as_of
    ]
    return max(found)[1] if found else None


def _level(household: Household, assessment: Assessment, policy: Policy, level: LevelPolicy) -> LevelReasons:
    results = {code: assessment.indicators[code] for code in level.indicators}
    indicators = []
    for code, result in results.items():
        gain = _gain(results, policy, code)
        reasons = [_reason(household, assessment.as_of, policy, code, count, gain) for count in result.counts]
        indicators.append(IndicatorReasons(result, policy.indicators[code].weight, reasons))
    return LevelReasons(indicators, *_next_band(results, policy, assessment.levels[level.code].band))


def _reason(household: Household, day: date, policy: Policy, code: str, count: Count, gain: int) -> Reason:
    record = count.behind
    record_id = None
    if record is not None:
        record_id = record.episode_id if isinstance(record, Episode) else record.employment_id
    need_id, lapsed = _need(household, day, policy, count)
    lacks: tuple[Missing, ...] = ()
    if not count.met:
        lacks = (Missing("need", (str(count.what),)),) if lapsed else tuple(missing(code, count, day, policy))
    return Reason(
        count.met, count.person_id, count.unit_id, count.what, record_id, need_id, lacks, 0 if count.met else gain
    )


def _need(household: Household, day: date, policy: Policy, count: Count) -> tuple[UUID | None, bool]:
    """The need that makes somebody count, and whether it lapsed, so that nothing given can meet it (RULES D6)."""
    needs = household.needs_on(str(count.what), count.person_id, Clock(day))
    live = live_need(needs, policy.need_tails.get(str(count.what), {}), Clock(day)) if needs else None
    return (live.need.need_id, live.lapsed) if live is not None else (None, False)


SERVICES: Mapping[str, tuple[str, ...]] = {
    "SCH1": ("EDU-COMP",),
    "SCH2": ("EDU-PRE",),
    "WRK1": ("EMP-CONTRACT",),
    "WRK2": ("EMP-TRAIN",),
    "WRK3": ("EMP-GUIDE",),
    "WRK4": ("EMP-START",),
    "COM1": ("HLT-REC",),
    "COM5": ("COM-VISIT", "COM-HALL"),
    "CIT2": ("SSI-CARD",),
    "CIT3": ("HSG-LOW", "HSG-PUB", "HSG-ECO"),
    "CIT4": ("SSI-TRANSFER",),
    "CIT5": ("CUL-USE", "CUL-FIT"),
}
"""Where one service meets an indicator, or any one of several."""


def missing(code: str, count: Count, day: date, policy: Policy) -> Iterable[Missing]:
    """Return what would meet a count of an indicator that is not met."""
    special = _SPECIAL.get(code)
    if special is not None:
        yield from special(count, day, policy)
    elif code in SERVICES:
        yield Missing("service", SERVICES[code])


def _of_school(count: Count, day: date, policy: Policy) -> Iterable[Missing]:
    if isinstance(count.behind, Episode):
        evidence = evidence_of(count.behind, Clock(day))
        stands = {
            "fee_free": evidence.get("fee_free") is True,
            "mixed_class": evidence.get("mixed_class") is True,
            "ownership": evidence.get("ownership") in policy.equal_ownership,
        }
        for name, stand in stands.items():
            if not stand:
                yield Missing("evidence", (name,))


def _of_employer(count: Count, day: date, policy: Policy) -> Iterable[Missing]:
    yield Missing("unit_fact", ("UF-COLL",))


def _of_family_planning(count: Count, day: date, policy: Policy) -> Iterable[Missing]:
    if count.behind is None:
        yield Missing("service", ("FPL-FILE",))
    yield Missing("service", ("FPL-OFFER",))


def _of_living_security(count: Count, day: date, policy: Policy) -> Iterable[Missing]:
    yield Missing("service", ("LIV-DIBAO" if count.what == "LOW_INCOME" else "LIV-CHILD",))


def _named(count: Count, day: date, policy: Policy) -> Iterable[Missing]:
    yield Missing("service", (str(count.what),))


_SPECIAL: Mapping[str, Callable[[Count, date, Policy], Iterable[Missing]]] = {
    "SCH3": _of_school,
    "WRK5": _of_employer,
    "COM2": _named,
    "COM3": _of_family_planning,
    "COM4": _of_living_security,
    "CIT1": _named,
}
"""Where what is missing depends on the count."""


Counts = Mapping[str, tuple[int, int]]


def level_mean(counts: Counts, policy: Policy) -> Any:
    """Return a level's exact mean with these numerators and denominators; None where nothing is known."""
    rules = [(policy.indicators[code], count) for code, count in counts.items()]
    parts = [(rule.weight, attained(num, den, rule.goal)) for rule, (num, den) in rules]
    return weighted_mean(parts) if parts else None


def _known(results: Mapping[str, IndicatorResult]) -> dict[str, tuple[int, int]]:
    return {code: (result.num, result.den) for code, result in results.items() if result.state == KNOWN}


def _with_one_more(counts: Counts, code: str) -> dict[str, tuple[int, int]]:
    num, den = counts[code]
    return {**counts, code: (min(num + 1, den), den)}


def _gain(results: Mapping[str, IndicatorResult], policy: Policy, code: str) -> int:
    """By how many hundredths the level rises when one more of an indicator's counts is met."""
    counts = _known(results)
    if code not in counts:
        return 0
    return rounded(level_mean(_with_one_more(counts, code), policy)) - rounded(level_mean(counts, policy))


def _next_band(results: Mapping[str, IndicatorResult], policy: Policy, band: str) -> tuple[str | None, int | None]:
    """The band above, and the fewest counts to be met for it: always the one that lifts the level most."""
    names = [name for name, _ in policy.bands]
    if band not in names or names.index(band) == 0:
        return None, None
    above, cut = policy.bands[names.index(band) - 1]
    counts: Counts = _known(results)
    for steps in range(1, 1 + sum(den - num for num, den in counts.values())):
        open_codes = [code for code, (num, den) in counts.items() if num < den]
        counts = max((_with_one_more(counts, code) for code in open_codes), key=lambda each: _ordered(each, policy))
        if rounded(level_mean(counts, policy)) >= cut:
            return above, steps
    return above, None


def _ordered(counts: Counts, policy: Policy) -> int:
    """A level's score as an integer that is fine enough to compare one gain with another."""
    mean = level_mean(counts, policy)
    return int(mean.num * 10**9 // mean.den)


def all_reasons(levels: Mapping[str, LevelReasons]) -> Sequence[tuple[str, str, Reason]]:
    """Return (level, indicator, reason) of everything that is not met, what lifts its level most first."""
    unmet = [
        (level, each.result.code, reason)
        for level, reasons in levels.items()
        for each in reasons.indicators
        for reason in each.reasons
        if not reason.met
    ]
    return sorted(unmet, key=lambda entry: -entry[2].gain)
