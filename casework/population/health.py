"""Public health: the child's calendar, mothers, the old, and everybody's record (plan line 75)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from casework.domain.calendar import add_days, add_months, born_from, month_of
from casework.domain.policy import HealthSchedule, MaternalVisit
from casework.population import rates
from casework.population.family import Member
from casework.population.life import Life
from casework.population.steps import Case, Thread, feed

RECORD_MONTHS = 24
_TOPICS = {
    "disease_prevention": 0.3,
    "health_science": 0.15,
    "food_safety": 0.15,
    "drug_safety": 0.1,
    "mother_child": 0.1,
    "elderly_chronic": 0.1,
    "policy": 0.1,
}


def record(life: Life, person: Member) -> Thread:
    """A health record, opened and now and then brought up to date."""
    chance = life.chance
    on = life.soon(person, 350)
    case = life.case(on, "HLT-REC", person, desk=feed("HLTH"))
    evidence = {"updated_on": on.isoformat()}
    if chance.happens(0.5):
        evidence["record_ref"] = f"419999{chance.whole(0, 99_999_999):08d}"
    yield case.requested(on)
    yield case.granted(on, evidence)
    while life.served(rates.HEALTH_RECORD_KEPT):
        on = chance.after(on, 300, 30 * RECORD_MONTHS)
        yield case.renewed(on, {"updated_on": on.isoformat()})


def vaccinations(life: Life, child: Member, schedule: HealthSchedule) -> Thread:
    """The doses that fall due here, most of them in time."""
    chance = life.chance
    for milestone in schedule.vaccinations:
        due = add_months(child.born, milestone.deadline_months)
        for dose in milestone.doses:
            on = due - timedelta(chance.whole(1, 50)) if chance.happens(0.93) else chance.after(due, 1, 90)
            if chance.happens(rates.DOSE) and _is_here(life, child, due):
                evidence = {"vaccine": dose.vaccine, "dose": dose.dose}
                yield _case(life, on, "HLT-VAC", child).delivered(on, evidence)


def visits(life: Life, child: Member, schedule: HealthSchedule) -> Thread:
    """The child-health visits, of which one in a while is missed."""
    chance = life.chance
    for number, visit in enumerate(schedule.child_visits, start=1):
        opens = add_months(born_from(month_of(child.born)), visit.opens_months)
        on = chance.between(opens, add_months(child.born, visit.deadline_months))
        if life.served(rates.CHILD_VISIT) and on >= life.since(child):
            yield _case(life, on, "HLT-CHI", child).delivered(on, {"visit_no": number})


def _is_here(life: Life, child: Member, due: date) -> bool:
    """Say whether a dose is this city's to give: it falls due a month after the child came, or later."""
    return due >= max(life.family.arrived_on, child.comes_on) + timedelta(30)


def maternity(life: Life, baby: Member, schedule: HealthSchedule) -> Thread:
    """The visits before and after a birth."""
    mother = baby.mother
    if mother is None:
        return
    conceived = baby.born_on - timedelta(280)
    planned = [*_windows(conceived, schedule.antenatal), *_windows(baby.born_on, schedule.postnatal)]
    for number, (opens, deadline) in enumerate(planned, start=1):
        on = life.chance.between(opens, deadline)
        if on >= life.since(mother) and life.served(rates.MATERNAL_VISIT):
            yield _case(life, on, "HLT-MAT", mother).delivered(on, {"visit_no": number})


def _windows(day: date, visits: tuple[MaternalVisit, ...]) -> Iterator[tuple[date, date]]:
    for visit in visits:
        yield add_days(day, visit.opens_days), add_days(day, visit.deadline_days)


def elder_checks(life: Life, person: Member, schedule: HealthSchedule) -> Thread:
    """The yearly check of those of 65 and more."""
    on = max(life.soon(person, 300), person.turns(schedule.elder_from))
    while True:
        if life.served(rates.ELDER_CHECK):
            yield _case(life, on, "HLT-ELD", person).delivered(on, {"check_date": on.isoformat()})
        on = life.chance.after(on, 320, 390)


def information(life: Life) -> Thread:
    """What the household is told about health."""
    on = life.chance.after(life.family.opened_on, 0, 365)
    while True:
        service = "HLT-EDU" if life.chance.happens(0.5) else "HLT-INFO"
        if life.served(rates.HEALTH_INFORMATION):
            yield life.case(on, service).delivered(on, {"topic": life.chance.pick(_TOPICS)})
        on = life.chance.after(on, 250, 480)


def infection(life: Life, person: Member) -> Thread:
    """Screening or treatment of an infectious disease, of which nothing but the day stands in the log."""
    on = life.soon(person, 800)
    kind = life.chance.pick({"screening": 0.6, "counselling": 0.2, "treatment": 0.15, "contact_tracing": 0.05})
    yield _case(life, on, "HLT-INF", person).delivered(on, {"kind": kind})


def _case(life: Life, on: date, service: str, person: Member) -> Case:
    return life.case(on, service, person, desk=feed("HLTH"))
