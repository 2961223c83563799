"""A second assessment, written from RULES A to F alone, as plainly as it can be, to check the first one by.

It shares no code with the first. It knows a household as `oracle_story` tells it, counts each day anew, and finds
the first day on which anything differs by walking there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from tests.domain.oracle_dates import day, end_of_evaluation_year, start_of_evaluation_year
from tests.domain.oracle_day import Count, Day, Registry
from tests.domain.oracle_story import Entry, Known

FEEDS = {
    **dict.fromkeys(("SCH1", "SCH2", "SCH3"), "EDUB/EDU"),
    **dict.fromkeys(("WRK1", "WRK2", "WRK3", "WRK4", "WRK5"), "HRSS/EMP"),
    **dict.fromkeys(("COM1", "COM2"), "HLTH/HLT"),
    "COM3": "PFP/FPL",
    "COM4": "CIV/LIV",
    "COM5": None,
    **dict.fromkeys(("CIT1", "CIT2", "CIT4"), "HRSS/SSH"),
    "CIT3": "HSG/SSH",
    "CIT5": "CRPT/CUL",
}
WEIGHTS = {
    "school": {"SCH1": 50, "SCH2": 25, "SCH3": 25},
    "workplace": {"WRK1": 40, "WRK2": 20, "WRK3": 20, "WRK4": 10, "WRK5": 10},
    "community": {"COM1": 25, "COM2": 30, "COM3": 15, "COM4": 15, "COM5": 15},
    "city": {"CIT1": 40, "CIT2": 15, "CIT3": 20, "CIT4": 10, "CIT5": 15},
}


class Score(NamedTuple):
    """A level or the overall: hundredths, band, known and applicable weight."""

    score: int | None
    band: str
    known: int
    applicable: int


NOTHING = Score(None, "NA", 0, 0)


@dataclass
class Answer:
    """What stands on a day; only `assessed` has counts."""

    status: str
    community: str | None = None
    settled: bool = False
    counts: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    levels: dict[str, Score] = field(default_factory=dict)
    overall: Score = NOTHING
    units: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def changes(self) -> tuple[Any, ...]:
        """All that `next_change_on` speaks of (RULES B11)."""
        shown = {unit: n for unit, n in self.units.items() if not unit[0].startswith("K03")}
        return self.status, self.community, self.counts, shown


def status_on(known: Known, on: date) -> tuple[str, bool]:
    """RULES C2 to C4: whether the household is assessed on a day, and whether somebody counts as settled."""
    if known.closed and known.closed[1] == "registered_in_error":
        return "closed", False
    if known.arrived is None or on < known.arrived:
        return "not_arrived", False
    settling = False
    if known.closed and known.closed[0] <= on:
        closed_on, reason = known.closed
        settling = reason == "gained_local_hukou" and on <= end_of_evaluation_year(closed_on)
        if not settling:
            return "closed", False
    members = known.members(on)
    if not members:
        return "no_members", False
    flags = [member.migrant(on) for member in members]
    start = start_of_evaluation_year(on)
    settled = any(ended is not None and start < ended <= on for flag, ended in flags if not flag)
    in_scope = settled or any(flag for flag, _ in flags)
    return ("assessed" if in_scope else "out_of_scope"), in_scope and (settled or settling)


def assess(known: Known, registry: Registry, on: date) -> Answer:
    status, settled = status_on(known, on)
    if status != "assessed":
        return Answer(status)
    answer = Answer(status, known.community_on(on), settled)
    today = Day(known, registry, on)
    answer.units = today.employer_counts()
    for code in FEEDS:
        counts: list[Count] = getattr(today, code.lower())()
        missing = registry.is_missing(FEEDS[code], on)
        if missing and (counts or (code == "SCH3" and today.pupils())):
            answer.counts[code] = ("unknown", 0, 0)
        elif not counts:
            answer.counts[code] = ("not_applicable", 0, 0)
        else:
            answer.counts[code] = ("known", sum(c.met for c in counts), len(counts))
            _attribute(answer.units, code, counts)
    _score(answer)
    return answer


def _attribute(units: Counter[tuple[str, str, str]], code: str, counts: list[Count]) -> None:
    for count in counts:
        if count.unit is not None:
            units[code, count.unit, "num"] += count.met
            units[code, count.unit, "den"] += 1


def _score(answer: Answer) -> None:
    """RULES F5 to F9."""
    exact: list[Fraction] = []
    known = applicable = 0
    for level, weights in WEIGHTS.items():
        level_known, level_applicable, total = 0, 0, Fraction(0)
        for code, weight in weights.items():
            state, num, den = answer.counts[code]
            level_applicable += weight * (state != "not_applicable")
            if state == "known":
                level_known += weight
                total += 100 * weight * Fraction(num, den)
        score = total / level_known if level_known else None
        exact += [] if score is None else [score]
        answer.levels[level] = _banded(None if score is None else hundredths(score), level_known, level_applicable)
        known, applicable = known + level_known, applicable + level_applicable
    product = Fraction(1)
    for score in exact:
        product *= max(score, Fraction(1))
    overall = _banded(root_in_hundredths(product, len(exact)) if exact else None, known, applicable)
    scored = [level.score for level in answer.levels.values() if level.score is not None]
    if overall.band == "A" and min(scored) < 6000:
        overall = overall._replace(band="B")
    answer.overall = overall


def _banded(score: int | None, known: int, applicable: int) -> Score:
    if not applicable:
        return NOTHING
    if Fraction(known, applicable) < Fraction(3, 5) or score is None:
        return Score(score, "U", known, applicable)
    band = next(band for band, least in (("A", 8500), ("B", 7000), ("C", 5000), ("D", 0)) if score >= least)
    return Score(score, band, known, applicable)


def hundredths(exact: Fraction) -> int:
    return round(exact * 100)  # Python rounds a Fraction half to even


def root_in_hundredths(product: Fraction, k: int) -> int:
    """The k-th root of a product of scores, rounded half-even, by trying every hundredth in turn of size."""
    low, high = 0, 10_001
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if Fraction(middle, 100) ** k <= product else (low, middle)
    half = Fraction(2 * low + 1, 200) ** k
    return low + (half < product or (half == product and low % 2 == 1))


def ask(entries: list[Entry], asked: dict[str, Any], on: date | None = None) -> Answer:
    """Assess what a line tells, as of its own day or another."""
    known_at = known_at_of(asked)
    known = Known([entry for entry in entries if entry.at <= known_at])
    return assess(known, Registry(asked.get("registry", []), known_at), on or day(asked["as_of"]))


def known_at_of(asked: dict[str, Any]) -> datetime:
    said = asked.get("known_at")
    return datetime.fromisoformat(said) if said else datetime.max.replace(tzinfo=UTC)


def first_change(entries: list[Entry], asked: dict[str, Any], horizon: int) -> date | None:
    """The first day after the line's own on which the answer differs, by walking there; None within the horizon."""
    start = day(asked["as_of"])
    known_at = known_at_of(asked)
    known = Known([entry for entry in entries if entry.at <= known_at])
    registry = Registry(asked.get("registry", []), known_at)
    now = assess(known, registry, start).changes()
    days = (start + timedelta(i) for i in range(1, horizon + 1))
    return next((d for d in days if assess(known, registry, d).changes() != now), None)
