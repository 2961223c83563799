"""The dated catalogue of services, and the code lists, bureaus and unit facts that stand beside it.

Everything here is read from ``casework/data`` once and never changes while the program runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import msgspec

from casework.domain.calendar import (
    add_months,
    first_of_month,
    last_31_august,
    last_of_month,
    school_year_end,
)
from casework.domain.codes import (
    Label,
    Row,
    bureaus,
    check_unit_fact,
    code_lists,
    codes,
    needs,
    read_data,
    unit_facts,
    zones_without_code,
)
from casework.domain.evidence import Evidence, EvidenceField, clean_evidence, field_error
from casework.errors import Invalid, Refused

__all__ = [
    "Catalogue",
    "Eligibility",
    "Service",
    "UnitRule",
    "Validity",
    "bureaus",
    "check_unit_fact",
    "code_lists",
    "codes",
    "needs",
    "service",
    "services",
    "unit_facts",
    "zones_without_code",
]


class Validity(Row, frozen=True, kw_only=True):
    """Until when an episode holds when nothing else is said (RULES D2, D3)."""

    rule: Literal["school_year", "months", "months_field", "months_after_field", "until_field", "paid_through", "open"]
    months: int = 0
    field: str = ""
    not_before: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether the last day follows from the evidence alone, so that no caller may set another (G11)."""
        return self.rule == "paid_through"

    def valid_to(self, valid_from: date, evidence: Mapping[str, object]) -> date | None:
        """Return the last day inside; None is open, ``date.min`` never (D5: its evidence is absent)."""
        match self.rule:
            case "open":
                return None
            case "school_year":
                return school_year_end(valid_from)
            case "months":
                return add_months(valid_from, self.months)
        value = evidence.get(self.field)
        if isinstance(value, str):
            return _term(self.rule, value, self.months)
        if isinstance(value, int):
            return add_months(valid_from, value)
        return None if self.rule == "until_field" else date.min


@lru_cache(1 << 14)
def _term(rule: str, value: str, months: int) -> date:
    """Return the last day that a date or month of the evidence gives."""
    match rule:
        case "paid_through":
            return last_of_month(add_months(first_of_month(value), months))
        case "months_after_field":
            return add_months(date.fromisoformat(value), months)
    return date.fromisoformat(value)


class Eligibility(Row, frozen=True, kw_only=True):
    """Who may receive a service without an override reason (DOMAIN 8.3, RULES G12), by completed years."""

    min_age: int | None = None
    max_age: int | None = None
    age_at: Literal["day", "last_31_august"] = "day"
    need: str | None = None
    employment: Literal["employee", "unemployed"] | None = None
    insured: str | None = None
    pregnancy: bool = False

    @property
    def asks_age(self) -> bool:
        """Whether an age decides."""
        return self.min_age is not None or self.max_age is not None

    def age_day(self, day: date) -> date:
        """Return the day on which the age is taken."""
        return last_31_august(day) if self.age_at == "last_31_august" else day

    def admits_age(self, age: int) -> bool:
        """Say whether the age lies inside the window, both ends included."""
        return (self.min_age is None or age >= self.min_age) and (self.max_age is None or age <= self.max_age)


class UnitRule(Row, frozen=True, kw_only=True):
    """Which unit gives the service (RULES G7): its role's name, its kinds, and whether it must be named."""

    label: Label
    kinds: tuple[str, ...]
    required: bool = False


class Service(Row, frozen=True, kw_only=True):
    """One service of the catalogue."""

    code: str
    label: Label
    area: str
    aspect: str | None
    kind: Literal["episode", "one_off", "periodic"]
    beneficiary: Literal["person", "household", "either"]
    lead: tuple[str, ...]
    others: tuple[str, ...] = ()
    plan_lines: tuple[int, ...]
    validity: Validity | None = None
    exclusive: Literal["service", "unit"] | None = None
    exclusive_when: dict[str, str] = msgspec.field(default_factory=dict)
    eligibility: Eligibility = Eligibility()
    sensitivity: Literal["normal", "restricted"] = "normal"
    unit: UnitRule | None = None
    evidence: dict[str, EvidenceField] = msgspec.field(default_factory=dict)
    grace_days: int = 0
    max_decision_days: int = 0
    effective_from: date = date.min
    effective_to: date | None = None

    @property
    def is_restricted(self) -> bool:
        """Whether only those with a restricted view may see it (RULES G10)."""
        return self.sensitivity == "restricted"

    @property
    def is_delivery(self) -> bool:
        """Whether it is recorded as a delivery: one-off and periodic services."""
        return self.kind != "episode"

    @property
    def responsible(self) -> tuple[str, ...]:
        """The bureaus that may decide it, the lead first."""
        return self.lead + self.others

    @property
    def needs_unit(self) -> bool:
        """Whether the unit that gives it must be named."""
        return self.unit is not None and self.unit.required

    def is_active(self, on: date) -> bool:
        """Say whether this row of the catalogue is in force on a day."""
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)

    def valid_to(self, valid_from: date, evidence: Mapping[str, object]) -> date | None:
        """Return the last day inside (RULES D2, D3), from the evidence after all overlays; None is open."""
        return self.validity.valid_to(valid_from, evidence) if self.validity else None

    def not_before(self, evidence: Mapping[str, object]) -> date | None:
        """Return the day that must have come before it counts: a contract's ``signed_on`` (D2)."""
        value = evidence.get(self.validity.not_before) if self.validity else None
        return date.fromisoformat(value) if isinstance(value, str) else None

    def exclusive_key(self, unit_id: object, evidence: Mapping[str, object]) -> tuple[str, object] | None:
        """Return what only one open episode of a beneficiary may have (RULES G11); None when several may.

        Before there is evidence, an insurance counts as that of the employer who is named.
        """
        if self.exclusive is None:
            return None
        per_unit = self.exclusive == "unit" and all(evidence.get(k, v) == v for k, v in self.exclusive_when.items())
        return self.code, unit_id if per_unit else None

    def check_evidence(self, evidence: Mapping[str, object]) -> Evidence:
        """Return complete evidence in its stored form; Invalid names every field that is wrong or missing."""
        required: dict[str, object] = {name: None for name, field in self.evidence.items() if field.required}
        given = {name: value for name, value in evidence.items() if value is not None}
        return clean_evidence(self.evidence, required | given)

    def check_overlay(self, evidence: Mapping[str, object]) -> Evidence:
        """Return evidence to be laid over what is there (a renewal): None withdraws a value."""
        return clean_evidence(self.evidence, evidence)

    def split_evidence(self, evidence: Evidence) -> tuple[Evidence, Evidence]:
        """Return what may stand in an event, and what belongs in the vault (RULES G9)."""
        public = {name: value for name, value in evidence.items() if not self.evidence[name].vault}
        return public, {name: value for name, value in evidence.items() if name not in public}


class Defaults(Row, frozen=True, kw_only=True):
    """What holds for every service that says nothing else."""

    grace_days: int
    max_decision_days: int


class Catalogue(Row, frozen=True, kw_only=True):
    """One edition of the catalogue of services."""

    catalogue: str
    effective_from: date
    effective_to: date | None
    defaults: Defaults
    services: tuple[Service, ...]

    def rows(self) -> list[Service]:
        """Return its services with the edition's defaults and dates filled in."""
        return [self._filled(service) for service in self.services]

    def _filled(self, service: Service) -> Service:
        return msgspec.structs.replace(
            service,
            grace_days=service.grace_days or self.defaults.grace_days,
            max_decision_days=service.max_decision_days or self.defaults.max_decision_days,
            effective_from=max(service.effective_from, self.effective_from),
            effective_to=service.effective_to or self.effective_to,
        )


@cache
def _services() -> dict[str, list[Service]]:
    by_code: dict[str, list[Service]] = {}
    folder = files("casework.data").joinpath("services")
    for name in sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json")):
        for row in read_data(f"services/{name}", Catalogue).rows():
            by_code.setdefault(row.code, []).append(row)
    return by_code


@lru_cache(1 << 14)
def service(code: str, on: date) -> Service:
    """Return a service as the catalogue has it on a day; Invalid if unknown, Refused if not in force then."""
    editions = _services().get(code)
    if editions is None:
        raise Invalid(errors=(field_error("/service", "service-unknown"),))
    for row in reversed(editions):
        if row.is_active(on):
            return row
    raise Refused("service-not-active")


@lru_cache(1024)
def services(on: date | None = None) -> Mapping[str, Service]:
    """Return the services by code as they are on a day, or else the newest edition of each."""
    if on is None:
        return {code: editions[-1] for code, editions in _services().items()}
    return {row.code: row for editions in _services().values() for row in editions if row.is_active(on)}
