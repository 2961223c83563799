"""The eighteen indicators of DOMAIN 8.4 as RULES E makes them exact; nothing else knows these rules.

An indicator is a generator: for one household on one day it yields who or what is eligible, and whether it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from uuid import UUID

import msgspec

from casework.domain.calendar import add_days, add_months, nth_working_day_after, school_entry
from casework.domain.clock import Clock
from casework.domain.health import due_services
from casework.domain.needs import LiveNeed
from casework.domain.present import (
    Job,
    Member,
    Present,
    evidence_of,
    given_on,
    in_terms,
    is_in_force,
)
from casework.domain.state import Employment, Episode, overlaid


class Count(msgspec.Struct, frozen=True, gc=False):
    """One eligible person, pair or household: met or not, for which unit, by what, due by when."""

    met: bool
    unit_id: UUID | None = None
    person_id: UUID | None = None
    behind: Episode | Employment | None = None
    what: str | None = None
    due_on: date | None = None


Indicator = Callable[[Present, Clock], Iterator[Count]]

INDICATORS: dict[str, Indicator] = {}
"""The rule of each indicator, and of what only units count, by code."""


def indicator(code: str) -> Callable[[Indicator], Indicator]:
    """Name the rule of an indicator."""

    def register(rule: Indicator) -> Indicator:
        INDICATORS[code] = rule
        return rule

    return register


def _met(episode: Episode | None, member: Member | None = None, what: str | None = None) -> Count:
    person_id = member.id if member else None
    unit_id = episode.unit_id if episode else None
    return Count(episode is not None, unit_id, person_id, episode, what)


def _of_school_age(h: Present, least: int, below: int, clock: Clock) -> Iterator[Member]:
    """Children who had completed ``least`` but not ``below`` years on the last 31 August (RULES B9)."""
    for member in h.members:
        if clock.reached(school_entry(member.born, least)) and not clock.reached(school_entry(member.born, below)):
            yield member


@indicator("SCH1")
def compulsory_place(h: Present, clock: Clock) -> Iterator[Count]:
    """Children of compulsory school age, 30 days in the city, who have a school place (plan line 35)."""
    ages = h.policy.ages
    for child in _of_school_age(h, ages.compulsory_from, ages.compulsory_below, clock):
        if clock.reached(child.settled_in):
            yield _met(h.has("EDU-COMP", child.id, clock), child)


@indicator("SCH2")
def preschool_place(h: Present, clock: Clock) -> Iterator[Count]:
    """Children of preschool age who have a place in a kindergarten, or already in a school (plan line 33)."""
    ages = h.policy.ages
    for child in _of_school_age(h, ages.preschool_from, ages.compulsory_from, clock):
        yield _met(h.has("EDU-PRE", child.id, clock) or h.has("EDU-COMP", child.id, clock), child)


@indicator("SCH3")
def free_and_equal(h: Present, clock: Clock) -> Iterator[Count]:
    """Pupils counted in SCH1 whose place is free, mixed and not private at their own cost (plan line 35)."""
    for count in compulsory_place(h, clock):
        if isinstance(count.behind, Episode):
            evidence = evidence_of(count.behind, clock)
            equal = evidence.get("fee_free") is True and evidence.get("mixed_class") is True
            met = equal and evidence.get("ownership") in h.policy.equal_ownership
            yield msgspec.structs.replace(count, met=met)


def _jobs(h: Present, clock: Clock) -> list[Job]:
    jobs = h.jobs
    clock.also(h.jobs_clock.until)
    return jobs


@indicator("WRK1")
def written_contract(h: Present, clock: Clock) -> Iterator[Count]:
    """Employees of 30 days or more who have a written contract with that employer (plan line 45)."""
    for job in _jobs(h, clock):
        if clock.reached(_day_after(job, h.policy.grace.job_days)):
            contracts = h.in_force("EMP-CONTRACT", job.member.id, clock)
            contract = next((c for c in contracts if c.unit_id == job.unit_id is not None), None)
            yield Count(contract is not None, job.unit_id, job.member.id, contract or job.employment)


def _day_after(job: Job, days: int) -> date:
    return add_days(job.since, days)


def _adults_in_need(h: Present, need: str, clock: Clock) -> Iterator[tuple[Member, LiveNeed]]:
    for member in h.members if need in h.needs else ():
        live = h.need(need, member.id, clock)
        if live is not None and h.aged(member, h.policy.ages.adult, None, clock):
            yield member, live


@indicator("WRK2")
def training(h: Present, clock: Clock) -> Iterator[Count]:
    """Adults who want training and are in one, or completed one within 24 months (plan line 45)."""
    for member, live in _adults_in_need(h, "TRAINING", clock):
        done = None if live.lapsed else trained(h, member, h.policy.windows.training_months, clock)
        yield Count(done is not None, None, member.id, done, "TRAINING")


def trained(h: Present, member: Member, months: int, clock: Clock) -> Episode | None:
    """A training that runs on the day, or was completed within so many months."""
    for episode in h.household.episodes_of.get(("EMP-TRAIN", member.id), ()):
        if episode.started_on is not None and clock.reached(episode.started_on) and is_in_force(episode, clock):
            return episode
        completed = given_on(episode)
        if completed is not None and clock.reached(completed) and clock.within(add_months(completed, months)):
            return episode
    return None


@indicator("WRK3")
def employment_service(h: Present, clock: Clock) -> Iterator[Count]:
    """Adults who want a job and were guided within 6 months, or found one (plan line 41)."""
    for member, live in _adults_in_need(h, "JOB", clock):
        behind = None if live.lapsed else _guided(h, member, live, clock) or _found_work(h, member, live, clock)
        yield Count(behind is not None, None, member.id, behind, "JOB")


def _guided(h: Present, member: Member, live: LiveNeed, clock: Clock) -> Episode | None:
    begun = live.need.assessed_on
    ends = add_months(begun, h.policy.windows.guide_months)
    for day, episode in reversed(h.deliveries("EMP-GUIDE", member.id)):
        if begun <= day <= ends and clock.reached(day):
            return episode
    return None


def _found_work(h: Present, member: Member, live: LiveNeed, clock: Clock) -> Employment | None:
    for job in h.household.employments.values():
        found = job.person_id == member.id and live.need.assessed_on <= job.from_
        if found and clock.reached(job.on) and clock.reached(job.from_):
            return job
    return None


@indicator("WRK4")
def startup_support(h: Present, clock: Clock) -> Iterator[Count]:
    """Adults who want to start a business and are supported (plan line 43)."""
    for member, live in _adults_in_need(h, "STARTUP", clock):
        yield _met(None if live.lapsed else h.has("EMP-START", member.id, clock), member, "STARTUP")


@indicator("WRK5")
def collective_contract(h: Present, clock: Clock) -> Iterator[Count]:
    """Employees whose employer has a collective contract in force (plan line 45)."""
    for job in _jobs(h, clock):
        yield Count(has_collective_contract(h, job.unit_id, clock), job.unit_id, job.member.id, job.employment)


def has_collective_contract(h: Present, employer: UUID | None, clock: Clock) -> bool:
    """Whether one of the employer's reported contracts holds on the day, for at most 36 months."""
    for fact in h.facts.contracts.get(employer, ()) if employer else ():
        last = add_months(fact.from_, h.policy.windows.collective_contract_months)
        begun = clock.reached(fact.occurred_on) and clock.reached(fact.from_)
        if begun and clock.within(min(last, fact.to) if fact.to else last):
            return True
    return False


@indicator("COM1")
def health_record(h: Present, clock: Clock) -> Iterator[Count]:
    """Members who have a live health record (plan line 75)."""
    for member in h.members:
        yield _met(h.has("HLT-REC", member.id, clock), member)


@indicator("COM2")
def due_health_services(h: Present, clock: Clock) -> Iterator[Count]:
    """Pairs of a member and a public-health service that is due (plan line 75)."""
    for due in due_services(h, clock):
        yield Count(due.met, None, due.member.id, due.behind, due.service, due.due_on)


@indicator("COM3")
def family_planning_offer(h: Present, clock: Clock) -> Iterator[Count]:
    """Members of 18 to 49 who have a file and were offered the free services (plan line 83)."""
    ages = h.policy.ages
    for member in h.members:
        if h.aged(member, ages.family_planning_from, ages.family_planning_below, clock):
            file = h.has("FPL-FILE", member.id, clock)
            offer = file and h.recent("FPL-OFFER", member.id, h.policy.windows.offer_months, clock)
            yield Count(bool(offer), None, member.id, offer or file)


@indicator("COM4")
def living_security(h: Present, clock: Clock) -> Iterator[Count]:
    """The household in low income and the children in need of welfare who receive it (plan lines 65, 67)."""
    poor = h.need("LOW_INCOME", None, clock)
    if poor is not None:
        yield _met(None if poor.lapsed else h.has("LIV-DIBAO", None, clock), what="LOW_INCOME")
    for member in h.members:
        live = h.need("CHILD_WELFARE", member.id, clock)
        if live is not None and h.aged(member, 0, h.policy.ages.child_welfare_below, clock):
            yield _met(None if live.lapsed else h.has("LIV-CHILD", member.id, clock), member, "CHILD_WELFARE")


@indicator("COM5")
def community_contact(h: Present, clock: Clock) -> Iterator[Count]:
    """Whether the community met the household within 12 months (plan line 59)."""
    months = h.policy.windows.contact_months
    behind = h.recent("COM-HALL", None, months, clock) or h.recent("COM-VISIT", None, months, clock)
    yield Count(behind is not None or _was_present(h, months, clock), None, None, behind)


def _was_present(h: Present, months: int, clock: Clock) -> bool:
    found = sorted((day for day, outcome in h.household.verified if outcome == "present"), reverse=True)
    return any(clock.reached(day) and clock.within(add_months(day, months)) for day in found)


@indicator("CIT1")
def social_insurance(h: Present, clock: Clock) -> Iterator[Count]:
    """Pairs of a member and an insurance that is due to them and paid (plan line 51)."""
    employees = {job.member.id for job in _jobs(h, clock)}
    for member in h.members:
        for service in _insurances(h, member, member.id in employees, clock):
            either = service in h.policy.insurances.other_adult
            paid = h.in_force(service, member.id, clock)
            yield _met(next((e for e in paid if either or _scheme(e, clock) == "employee"), None), member, service)


def _insurances(h: Present, member: Member, is_employee: bool, clock: Clock) -> tuple[str, ...]:
    kinds = h.policy.insurances
    if is_employee:
        return kinds.employee
    only_medical = (
        not h.aged(member, h.policy.ages.adult, None, clock)
        or h.is_student(member, clock)
        or h.aged(member, h.policy.ages.elder, None, clock)
    )
    return kinds.medical_only if only_medical else kinds.other_adult


@indicator("CIT2")
def social_security_card(h: Present, clock: Clock) -> Iterator[Count]:
    """Members who have a social-security card (plan lines 51 to 53)."""
    for member in h.members:
        yield _met(h.has("SSI-CARD", member.id, clock), member)


@indicator("CIT3")
def housing(h: Present, clock: Clock) -> Iterator[Count]:
    """The household in housing need that has guaranteed housing of any kind (plan line 51)."""
    live = h.need("HOUSING", None, clock)
    if live is not None:
        kinds = () if live.lapsed else ("HSG-LOW", "HSG-PUB", "HSG-ECO")
        home = next((e for kind in kinds if (e := h.has(kind, None, clock))), None)
        yield _met(home, what="HOUSING")


@indicator("CIT4")
def insurance_transfer(h: Present, clock: Clock) -> Iterator[Count]:
    """Transfers of insurance asked for over 45 working days ago that were made (plan line 51)."""
    for member in h.members:
        live = h.need("INS_TRANSFER", member.id, clock)
        if live is None:
            continue
        begun = live.need.assessed_on
        if clock.reached(nth_working_day_after(begun, h.policy.grace.transfer_working_days + 1)):
            given = () if live.lapsed else h.deliveries("SSI-TRANSFER", member.id)
            made = next((e for day, e in reversed(given) if begun <= day and clock.reached(day)), None)
            yield _met(made, member, "INS_TRANSFER")


@indicator("CIT5")
def culture_and_sport(h: Present, clock: Clock) -> Iterator[Count]:
    """Whether anybody of the household used public culture or sport within 12 months (plan line 89)."""
    months = h.policy.windows.culture_months
    for beneficiary in (None, *(member.id for member in h.members)):
        for service in ("CUL-USE", "CUL-FIT"):
            used = h.recent(service, beneficiary, months, clock)
            if used is not None:
                yield Count(True, None, None, used)
                return
    yield Count(False)


@indicator("K03B")
def employers_insurance(h: Present, clock: Clock) -> Iterator[Count]:
    """For employers: the five insurances of each employee, paid by that employer (RULES U9, D3)."""
    for job in _jobs(h, clock):
        for service in h.policy.insurances.employee:
            yield Count(_is_paid(h, service, job, clock), job.unit_id, job.member.id)


def _is_paid(h: Present, service: str, job: Job, clock: Clock) -> bool:
    return any(_paid_by(e, job.unit_id, clock) for e in h.in_force(service, job.member.id, clock))


def _paid_by(episode: Episode, employer: UUID | None, clock: Clock) -> bool:
    return episode.unit_id == employer is not None and _scheme(episode, clock) == "employee"


def _scheme(episode: Episode, clock: Clock) -> object:
    return overlaid(in_terms(episode.terms, clock)).get("scheme")


@indicator("K03D")
def employers_training(h: Present, clock: Clock) -> Iterator[Count]:
    """For employers: employees in training, or trained within 12 months (RULES U9)."""
    for job in _jobs(h, clock):
        done = trained(h, job.member, h.policy.windows.employer_training_months, clock)
        yield Count(done is not None, job.unit_id, job.member.id)


@indicator("NEEDS")
def need_coverage(h: Present, clock: Clock) -> Iterator[Count]:
    """Members of whom every need was assessed within 12 months (RULES G15)."""
    covered = h.policy.covered_needs
    possible = h.needs.issuperset(covered)
    for member in h.members:
        met = possible and all(_assessed(h, need, member, clock) for need in covered)
        yield Count(met, None, member.id)


def _assessed(h: Present, need: str, member: Member, clock: Clock) -> bool:
    of_household = h.household.needs_on(need, None, h.people_clock)
    days = [n.assessed_on for n in (*h.household.needs_of.get((need, member.id), ()), *of_household)]
    months = h.policy.windows.coverage_months
    return any(clock.reached(d) and clock.within(add_months(d, months)) for d in sorted(days, reverse=True))
