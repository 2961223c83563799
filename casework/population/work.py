"""Adults work: jobs, contracts and insurances (plan lines 41 to 53)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.calendar import add_months, month_of
from casework.population import needs, rates
from casework.population.family import NEVER, Member
from casework.population.life import Life
from casework.population.steps import EMPLOYMENT, INSURANCE, Step, Thread, feed

RETIREMENT = {"male": 60, "female": 55}
EMPLOYEES = ("employee", "dispatched")
_ENDINGS = {"resigned": 0.6, "dismissed": 0.12, "contract_ended": 0.23, "employer_closed": 0.05}
_PAID_AHEAD = 5
"""Months for which employers pay ahead; with the three that follow (RULES D3) people are covered for eight."""


class Job(NamedTuple):
    """An employment, from its first day to its last."""

    id: UUID
    kind: str
    employer: UUID | None
    begins: date
    to: date


def working_life(life: Life, person: Member) -> Thread:
    """One job after another, with time between, to the age of retirement."""
    chance = life.chance
    retires = person.turns(RETIREMENT[person.sex])
    day = _first_day(life, person) if retires > life.told_from else retires
    works = chance.happens(rates.EMPLOYED[person.sex])
    while day < retires:
        if works:
            job = _job(life, day, retires)
            yield _started(person, job)
            life.begin(*_from_job(life, person, job))
            yield _ended(life, person, job)
            day, works = chance.after(job.to, 5, 120), chance.happens(0.85)
        else:
            if chance.happens(0.45):
                life.begin(needs.job(life, person, chance.after(max(day, life.since(person)), 0, 60)))
            day, works = chance.after(day, 200, 450), chance.happens(0.5)


def _first_day(life: Life, person: Member) -> date:
    """Return when the job began that somebody has when they come into view."""
    before = life.family.opened_on - timedelta(life.chance.whole(20, 1200))
    came = life.chance.after(max(person.comes_on, before), 3, 40)
    return max(came, person.turns(17) + timedelta(life.chance.whole(0, 700)))


def _job(life: Life, begins: date, retires: date) -> Job:
    chance = life.chance
    kind = chance.pick(rates.EMPLOYMENTS)
    employer = life.city.world.workplaces.draw(chance) if kind in EMPLOYEES else None
    days = 40 + int(chance.expovariate(1 / (365 * rates.YEARS_IN_A_JOB)))
    stays = max(begins, life.family.opened_on)
    to = min(stays + timedelta(days), retires - timedelta(1), NEVER)
    return Job(life.id(begins), kind, employer, begins, max(begins, to))


def _started(person: Member, job: Job) -> Step:
    arguments = {
        "occurred_on": job.begins,
        "employment_id": job.id,
        "person_id": person.id,
        "kind": job.kind,
        "from_": job.begins,
        "born_on": person.born_on,
        "unit_id": job.employer,
    }
    return Step(job.begins, "start_employment", arguments, person)


def _ended(life: Life, person: Member, job: Job) -> Step:
    reason = life.chance.pick(_ENDINGS)
    arguments = {"occurred_on": job.to, "employment_id": job.id, "to": job.to, "reason": reason}
    return Step(job.to, "end_employment", arguments, person)


def _from_job(life: Life, person: Member, job: Job) -> Iterator[Thread]:
    """Return what an employer and the bureaus do for an employee."""
    if job.employer is None:
        return
    fairness = life.city.world.fairness[job.employer]
    if life.chance.happens(min(0.97, rates.CONTRACT * fairness)):
        yield contract(life, person, job)
    insured = [s for s, share in rates.EMPLOYEE_INSURANCES.items() if person.luck < share * fairness]
    if insured:
        yield employee_insurances(life, person, job, insured)


def contract(life: Life, person: Member, job: Job) -> Thread:
    """A written contract with the employer: recorded, prolonged, ended with the job."""
    chance = life.chance
    signed_on = max(chance.after(job.begins, 0, 30), life.told_from)
    kind = chance.pick(rates.CONTRACT_KINDS)
    to = _term(life, signed_on) if kind == "fixed" else None
    desk = feed("HRSS") if chance.happens(0.5) else EMPLOYMENT
    case = life.case(signed_on, "EMP-CONTRACT", person, desk=desk, unit_id=job.employer)
    yield case.requested(signed_on)
    if chance.happens(rates.REFERRED / 4):
        yield from needs.referral(life, case, signed_on, "FTU")
    yield case.granted(signed_on, _contract_evidence(life, kind, signed_on, to), valid_from=signed_on)
    while to is not None and to < job.to and chance.happens(rates.CONTRACT_RENEWED):
        on, to = to - timedelta(chance.whole(0, 20)), _term(life, to)
        yield case.renewed(on, {"to": to.isoformat()})
    if (to is None or job.to < to) and chance.happens(0.8):
        yield case.ended(job.to + timedelta(1), "withdrawn")


def _term(life: Life, begins: date) -> date:
    return add_months(begins, life.chance.pick({12: 0.5, 24: 0.25, 36: 0.25})) - timedelta(1)


def _contract_evidence(life: Life, kind: str, signed_on: date, to: date | None) -> dict[str, Any]:
    evidence: dict[str, Any] = {"kind": kind, "signed_on": signed_on.isoformat()}
    if to is not None:
        evidence["to"] = to.isoformat()
    if life.chance.happens(0.5):
        evidence["contract_ref"] = f"HT-{signed_on.year}-{life.chance.whole(0, 9_999_999):07d}"
    return evidence


def employee_insurances(life: Life, person: Member, job: Job, services: list[str]) -> Thread:
    """The insurances that an employer pays, reported a few times a year, until the job ends."""
    chance = life.chance
    on = max(chance.after(job.begins, 15, 70), life.told_from)
    if on > job.to:
        return
    cases = [life.case(on, service, person, desk=feed("HRSS"), unit_id=job.employer) for service in services]
    for case in cases:
        yield case.requested(on)
        yield case.granted(on, {"scheme": "employee", "paid_through": _ahead(on)})
    while (on := chance.after(on, 210, 245)) <= job.to:
        for case in cases:
            yield case.renewed(on, {"paid_through": _ahead(on)})
    if "SSI-UNE" in services and chance.happens(rates.BENEFIT):
        life.begin(_benefit(life, person, job))
    on = chance.after(job.to, 1, 40)
    for case in cases:
        yield case.ended(on, "ineligible")


def _ahead(on: date) -> str:
    return month_of(add_months(on.replace(day=1), _PAID_AHEAD))


def resident_insurance(life: Life, person: Member, service: str) -> Thread:
    """An insurance of the city's residents, paid in autumn for the year that follows."""
    on = max(life.soon(person), person.turns(16)) if service == "SSI-PEN" else life.soon(person)
    case = life.case(on, service, person, desk=INSURANCE)
    year = on.year + (on.month >= 10)
    yield case.requested(on)
    yield case.granted(on, {"scheme": "resident", "paid_through": f"{year}-12"})
    while life.chance.happens(rates.STAYS_INSURED):
        on, year = life.chance.after(date(year, 10, 1), 0, 90), year + 1
        yield case.renewed(on, {"paid_through": f"{year}-12"})


def _benefit(life: Life, person: Member, job: Job) -> Iterator[Step]:
    """Benefit for somebody insured who lost the job: asked for before there can be another."""
    asked = life.chance.after(job.to, 1, 4)
    case = life.case(asked, "SSI-UBEN", person, desk=INSURANCE)
    yield case.requested(asked)
    yield case.granted(life.chance.after(asked, 3, 20), {"months": life.chance.whole(3, 12)})
