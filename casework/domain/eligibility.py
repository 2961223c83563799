"""Who may receive a service without an override reason (DOMAIN 8.3, RULES G12)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from casework.domain.calendar import age_on, born_last
from casework.domain.catalogue import Service
from casework.domain.clock import Clock
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
    if rule.asks_age and not rule.admits_age(age_on(born_last(person.birth_month), rule.age_day(on))):
        return False
    if rule.employment is not None and not _works_as(household, person_id, rule.employment, on):
        return False
    if rule.pregnancy and not _is_or_was_pregnant(person, on):
        return False
    return rule.insured is None or _is_insured(household, rule.insured, person_id)


def _has_need(household: HouseholdState, need: str, person_id: UUID | None, on: date) -> bool:
    """Whether the need is live on the day (RULES D6), of the beneficiary or, where it is one, of the household."""
    of, tails = household.needs_of, policy_of(on).need_tails.get(need, {})
    mine, ours = of.get((need, person_id), ()), of.get((need, None), ())
    return live_need([*mine, *ours], tails, Clock(on)) is not None


def _works_as(household: HouseholdState, person_id: UUID, wanted: str, on: date) -> bool:
    """Whether somebody is an employee on the day or, as the rule wants it, has no work of any kind."""
    kinds = {
        e.kind
        for e in household.employments.values()
        if e.person_id == person_id and e.from_ <= on and (e.to is None or on <= e.to)
    }
    return not kinds.isdisjoint(policy_of(on).employee_kinds) if wanted == "employee" else not kinds


def _is_or_was_pregnant(person: Person, on: date) -> bool:
    clock = Clock(on)
    return bool(person.births) or any(
        t.facts.pregnancy is not None and clock.reached(t.facts.pregnancy.from_) for t in person.told
    )


def _is_insured(household: HouseholdState, service: str, person_id: UUID) -> bool:
    return any(e.terms and not e.voided for e in household.episodes_of.get((service, person_id), ()))
