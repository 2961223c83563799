"""The figures that the demo shows: sizes, bands, some households with their reasons, some units."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from casework.application import Casework
from casework.domain.assessment import Assessment, assess
from casework.domain.explanation import all_reasons, explain
from casework.domain.metrics import UnitFigures, hidden, unit_figures
from casework.domain.policy import Policy
from casework.domain.registry import Registry
from casework.domain.scoring import as_text
from casework.log import reading as log
from casework.log.reading import Db
from casework.projections import reading, sets
from casework.projections.verify import verify

UNITS_SHOWN = ("city", "district", "township", "community", "employer")
_BANDS = "SELECT band, bands FROM household WHERE status = 'assessed'"
_SHOWN = """
SELECT household_id FROM household WHERE status = 'assessed' AND children > 0 AND score IS NOT NULL
ORDER BY partition, household_id LIMIT 3"""
_LARGEST = "SELECT unit_id FROM unit_total GROUP BY unit_id ORDER BY sum(households + employees) DESC, unit_id"


def collect(casework: Casework) -> dict[str, Any]:
    """All figures as plain JSON values, with the cut that they were read at."""
    registry = casework.registry()
    with reading.live_views(casework.pool) as (db, view):
        cutting = sets.cutting(db)
        policy = view.policy
        shown = [row[0] for row in db.execute(_SHOWN)]
        return {
            "cut": {str(partition): position for partition, position in cutting.cut.items()},
            "as_of": cutting.as_of.isoformat(),
            "policy": policy.version,
            "households": _count(db, "SELECT count(*) FROM household"),
            "events": sum(log.heads(db).values()),
            "bands": _bands(db, policy),
            "shown": [_household(casework, household_id, policy) for household_id in shown],
            "units": _units(db, registry, policy, casework),
        }


def check(casework: Casework) -> dict[str, Any]:
    """Compare every view row with a fresh replay."""
    verified = verify(casework.pool)
    differences = [{"table": each.table, "id": str(each.id), "column": each.column} for each in verified.differences]
    return {"households": verified.households, "unit_totals": verified.units, "differences": differences}


def _count(db: Db, query: Any) -> int:
    row = db.execute(query).fetchone()
    return int(row[0]) if row else 0


def _bands(db: Db, policy: Policy) -> dict[str, dict[str, int]]:
    """How many households are in each band, overall and per level."""
    rows = db.execute(_BANDS).fetchall()
    counts = {"overall": Counter(row[0] for row in rows)}
    for place, level in enumerate(policy.levels):
        counts[level.code] = Counter(row[1][place] for row in rows)
    order = [*(band for band, _ in policy.bands), "U", "NA"]
    return {code: {band: found[band] for band in order if found[band]} for code, found in counts.items()}


def _household(casework: Casework, household_id: UUID, policy: Policy) -> dict[str, Any]:
    household = casework.household(household_id)
    assessment = assess(household, policy, casework.today, casework.registry().facts)
    reasons = all_reasons(explain(household, assessment, policy))
    return {
        "id": str(household_id),
        "members": len(household.members),
        "overall": as_text(assessment.overall.score),
        "band": assessment.overall.band,
        "levels": {code: _level(assessment, code) for code in assessment.levels},
        "missing": [
            {"level": level, "indicator": code, "codes": [c for m in reason.missing for c in m.codes]}
            for level, code, reason in reasons[:5]
        ],
    }


def _level(assessment: Assessment, code: str) -> dict[str, Any]:
    score = assessment.levels[code]
    prefixes = {"school": "SCH", "workplace": "WRK", "community": "COM", "city": "CIT"}
    counts = {
        result.code: f"{result.num}/{result.den}"
        for result in assessment.indicators.values()
        if result.code.startswith(prefixes[code]) and result.den
    }
    return {"score": as_text(score.score), "band": score.band, "indicators": counts}


def _units(db: Db, registry: Registry, policy: Policy, casework: Casework) -> list[dict[str, Any]]:
    """The largest unit of each kind that has figures; divisions are the sum of their communities."""
    own = [registry.units[row[0]] for row in db.execute(_LARGEST) if row[0] in registry.units]
    largest: dict[str, UUID] = {}
    for unit in own:
        kind = unit.registered.kind if unit.registered else ""
        for each in (unit.id, *(registry.ancestors(unit.id, casework.today) if kind == "community" else ())):
            registered = registry.units[each].registered
            largest.setdefault(registered.kind if registered else "", each)
    return [_unit(db, registry, policy, casework, largest[kind]) for kind in UNITS_SHOWN if kind in largest]


def _unit(db: Db, registry: Registry, policy: Policy, casework: Casework, unit_id: UUID) -> dict[str, Any]:
    figures = unit_figures(reading.tally(db, registry.counted(unit_id, casework.today)), policy)
    registered = registry.units[unit_id].registered
    return {
        "code": registered.code if registered else "",
        "kind": registered.kind if registered else "",
        "name": registered.name_zh if registered else "",
        "households": figures.households,
        "employees": figures.employees,
        "overall": as_text(figures.overall.score),
        "band": figures.overall.band,
        "levels": {code: as_text(score.score) for code, score in figures.levels.items()},
        "indicators": _rates(figures, policy),
    }


def _rates(figures: UnitFigures, policy: Policy) -> dict[str, str]:
    """Counts by indicator; those of fewer than five persons, or whose complement is, are hidden (RULES U17)."""
    cells = {code: figures.measures[code] for code in policy.indicators if figures.measures[code].den}
    hides = hidden(list(cells.values()), policy.small_n)
    shown = zip(cells.items(), hides, strict=True)
    return {code: "hidden" if hide else f"{cell.num}/{cell.den}" for (code, cell), hide in shown}
