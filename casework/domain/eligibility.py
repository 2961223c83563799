"""Who may receive a service without an override reason (DOMAIN 8.3, RULES G12)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from casework.domain.calendar import add_days, age_on, born_last
from casework.domain.catalogue import Service
from casework.domain.clock import Clock
from casework.domain.codes import needs
from casework.domain.needs import live_need
from casework.domain.policy import policy_of
from casework.domain.state import Person

if TYPE_CHECKING:
    from casework.domain.residence import HouseholdState


def is_eligible(household: HouseholdState, service: Service, person_id: UUID | None, on: date) -> bool:
    """Whether the beneficiary meets the catalogue's conditions on a day; None is the household."""
    rule = service.eligibility
    if rule.need is not None and not _has_need(household, rule.need, person_id, on):
        return False
    if person_id is None:
        return True
    person = household.people[person_id]
    if rule.asks_age and not rule.admits_age(_age(person, rule.age_day(on))):
        return False
    if rule.employment is not None and not _works_as(household, person, rule.employment, on):
        return False
    if rule.pregnancy and not _is_or_was_pregnant(person, on):
        return False
    return rule.insured is None or _is_insured(household, rule.insured, person_id)


def _has_need(household: HouseholdState, need: str, person_id: UUID | None, on: date) -> bool:
    """Whether the need is live on the day (RULES D6), of the beneficiary or, where it is one, of the household."""
    if person_id is not None and _is_too_young(household.people[person_id], need, on):
        return False
    clock, tails = Clock(on), policy_of(on).need_tails.get(need, {})
    ours = household.needs_on(need, None, clock)
    mine = () if person_id is None else household.needs_on(need, person_id, clock)
    return live_need([*mine, *ours], tails, clock) is not None


def _is_too_young(person: Person, need: str, on: date) -> bool:
    """Whether a need of somebody of that age is ignored (RULES C7)."""
    least = next((row.min_age for row in needs() if row.code == need), None)
    return least is not None and _age(person, on) < least


def _age(person: Person, on: date) -> int:
    return age_on(born_last(person.birth_month), on)


def _works_as(household: HouseholdState, person: Person, wanted: str, on: date) -> bool:
    """Whether somebody is an employee on the day (RULES C8) or, as the rule wants it, has no work of any kind."""
    kinds = {
        e.kind
        for e in household.employments.values()
        if e.person_id == person.person_id and e.from_ <= on and (e.to is None or on <= e.to)
    }
    if wanted != "employee":
        return not kinds
    policy = policy_of(on)
    of_age = policy.ages.adult <= _age(person, on) < policy.ages.retirement(person.sex)
    return of_age and not kinds.isdisjoint(policy.employee_kinds)


def _is_or_was_pregnant(person: Person, on: date) -> bool:
    """Whether a pregnancy lasts on the day, or a birth was reported by then."""
    if any(birth.reported_on <= on for birth in person.births):
        return True
    spans = [told.facts.pregnancy for told in person.told if told.facts.pregnancy is not None and told.on <= on]
    if not spans:
        return False
    ends = spans[-1].to or add_days(spans[-1].from_, policy_of(on).health.pregnancy_days)
    return spans[-1].from_ <= on < ends


def _is_insured(household: HouseholdState, service: str, person_id: UUID) -> bool:
    return any(e.terms and not e.voided for e in household.episodes_of.get((service, person_id), ()))
