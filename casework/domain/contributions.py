"""What a household adds to the units that it counts in: its community, its members' employers and schools (RULES U1).

Live views and month ends share this. What is unknown adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from casework.domain.assessment import IndicatorResult
from casework.domain.metrics import MEASURED_LEVELS, MEASURES, WIDTH, Counts
from casework.domain.policy import Policy
from casework.domain.present import Job
from casework.domain.registry import unit_id

FED_LIKE = {"K03B": "CIT1", "K03D": "WRK2"}
"""What only employers are counted by is known when an indicator of the same feed is."""

HOUSEHOLDS, EMPLOYEES, PUPILS, WEIGHTS = range(4)
NUM = WEIGHTS + 2 * len(MEASURED_LEVELS)
DEN = NUM + len(MEASURES)
OF_GIVERS = tuple((MEASURES.index(code), code) for code in ("WRK1", "WRK5", "K03B", "K03D", "SCH1", "SCH3"))
"""What employers and schools are counted by, and its place among the measures."""

Results = Mapping[str, IndicatorResult]
Contributions = dict[UUID, Counts]

community_unit = lru_cache(1 << 13)(unit_id)


def feed_of(code: str, policy: Policy) -> str | None:
    """Return the feed without which a measure is unknown, if there is one."""
    rule = policy.indicators.get(FED_LIKE.get(code, code))
    return rule.feed if rule else None


def of_community(jobs: Sequence[Job], results: Results, weights: Sequence[int]) -> Counts:
    """Return what an assessed household adds to its community.

    ``weights`` are the known and then the applicable weight of each level.
    """
    counted = [results[code] for code in MEASURES]
    employees = len({job.member.id for job in jobs})
    numbers = [*(result.num for result in counted), *(result.den for result in counted)]
    return (1, employees, results["SCH1"].num, *weights, *numbers)


def of_givers(jobs: Sequence[Job], results: Results, weights: Sequence[int]) -> Contributions:
    """Return its employees and their counts by employer; by school the pupils that SCH1 found there, and SCH3."""
    by_unit: dict[UUID, list[int]] = {}
    for job in jobs:
        if job.unit_id is not None:
            by_unit.setdefault(job.unit_id, [0] * WIDTH)[EMPLOYEES] += 1
    for pupil in results["SCH1"].counts:
        if pupil.met and pupil.unit_id is not None:
            by_unit.setdefault(pupil.unit_id, [0] * WIDTH)[PUPILS] += 1
    for place, code in OF_GIVERS if by_unit else ():
        for each in results[code].counts:
            if each.unit_id in by_unit:
                counts = by_unit[each.unit_id]
                counts[NUM + place] += each.met
                counts[DEN + place] += 1
    return {unit: (1, *counts[EMPLOYEES:WEIGHTS], *weights, *counts[NUM:]) for unit, counts in by_unit.items()}
