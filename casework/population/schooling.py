"""Children go to kindergarten and school, year by year (plan lines 33 and 35)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from casework.domain.calendar import school_year_end, school_year_start
from casework.population import rates
from casework.population.family import Member
from casework.population.life import Life
from casework.population.steps import Case, Thread, feed

_STAGE_AGES = {"kindergarten": range(3, 6), "primary": range(6, 12), "junior": range(12, 15)}


def schooling(life: Life, child: Member) -> Thread:
    """A place each September: in the same school as before, or in another."""
    case: Case | None = None
    stage = ""
    for autumn in _autumns(life, child):
        before, stage = stage, _stage(child, autumn)
        on = max(life.chance.after(autumn, 0, 9), life.since(child))
        if not stage:
            case = None
        elif case and stage == before and life.chance.happens(rates.SAME_SCHOOL):
            yield case.renewed(on, _next_year(child, stage, autumn), valid_to=school_year_end(autumn))
        else:
            case = _place(life, child, stage, on)
            if case is not None:
                yield case.requested(on)
                yield case.granted(on, _evidence(life, child, stage, autumn))


def _autumns(life: Life, child: Member) -> Iterator[date]:
    autumn = school_year_start(life.since(child))
    while autumn <= life.city.span.until:
        yield autumn
        autumn = date(autumn.year + 1, 9, 1)


def _stage(child: Member, autumn: date) -> str:
    age = child.age(autumn - timedelta(1))
    return next((stage for stage, ages in _STAGE_AGES.items() if age in ages), "")


def _place(life: Life, child: Member, stage: str, on: date) -> Case | None:
    kindergarten = stage == "kindergarten"
    if not life.chance.happens(rates.PRESCHOOL_PLACE if kindergarten else rates.SCHOOL_PLACE):
        return None
    school = _school(life, life.area(on), stage)
    service = "EDU-PRE" if kindergarten else "EDU-COMP"
    return life.case(on, service, child, desk=feed("EDUB"), unit_id=school)


def _school(life: Life, area: str, stage: str) -> UUID:
    world = life.city.world
    near = world.places.get((area, stage)) or [school.id for school in world.schools]
    return life.chance.one(near)


def _grade(child: Member, autumn: date) -> int:
    return child.age(autumn - timedelta(1)) - 5


def _evidence(life: Life, child: Member, stage: str, autumn: date) -> dict[str, Any]:
    chance = life.chance
    if stage == "kindergarten":
        return {"year": autumn.year, "inclusive_flag": chance.happens(0.5)}
    evidence: dict[str, Any] = {
        "grade": _grade(child, autumn),
        "fee_free": chance.happens(rates.FEE_FREE),
        "ownership": chance.pick(rates.OWNERSHIP),
        "mixed_class": chance.happens(rates.MIXED_CLASS),
    }
    if chance.happens(0.5):
        evidence["xueji_ref"] = f"G419999{autumn.year}{chance.whole(0, 999_999):06d}"
    return evidence


def _next_year(child: Member, stage: str, autumn: date) -> dict[str, Any]:
    return {"year": autumn.year} if stage == "kindergarten" else {"grade": _grade(child, autumn)}
