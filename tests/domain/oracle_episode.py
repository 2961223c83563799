"""A service's life as the oracle knows it: what was granted, renewed, ended, delivered, and what holds on a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.domain.oracle_dates import day, end_of_school_year, maybe_day, month_end, plus_months

INSURANCES = ("SSI-PEN", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT")

Evidence = dict[str, Any]


@dataclass
class Terms:
    on: date
    version: int
    valid_to: date | None
    evidence: Evidence


@dataclass
class Episode:
    id: str
    service: str
    person: str | None
    unit: str | None = None
    requested_on: date | None = None
    said_from: date | None = None
    grant: Terms | None = None
    renewals: list[Terms] = field(default_factory=list)
    delivery: Terms | None = None
    started_on: date | None = None
    ended_on: date | None = None
    ended_as: str | None = None
    denied: bool = False
    voided: bool = False
    referrals: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def terms(self) -> list[Terms]:
        """The grant (or delivery) and then the renewals as they follow one another."""
        first = self.grant or self.delivery
        return [first, *self.renewals] if first else []

    @property
    def valid_from(self) -> date | None:
        """RULES D1: by default the day of the grant."""
        return self.said_from or (self.grant.on if self.grant else None)

    @property
    def is_over(self) -> bool:
        return self.ended_on is not None or self.denied or self.voided or self.delivery is not None

    @property
    def open_referral(self) -> str | None:
        return next((id for id, said in self.referrals.items() if "answered_on" not in said), None)

    def evidence(self, on: date) -> Evidence:
        """What is believed on a day: the grant's evidence with the renewals' laid over it."""
        laid: Evidence = {}
        for terms in self.terms[:1] + [t for t in self.terms[1:] if t.on <= on]:
            laid |= terms.evidence
        return laid

    def valid_to(self, on: date) -> date | None:
        """RULES D1 to D3: the last day inside as believed on a day; None where it is open."""
        assert self.valid_from is not None
        said = ([self.terms[0]] + [t for t in self.terms[1:] if t.on <= on])[-1].valid_to
        evidence = self.evidence(on)
        if self.service in INSURANCES:
            paid = evidence.get("paid_through")
            return month_end(plus_months(day(f"{paid}-01"), 3)) if paid else date.min
        if said is not None:
            return said
        if self.service in ("EDU-PRE", "EDU-COMP"):
            return end_of_school_year(self.valid_from)
        if self.service in ("EMP-START", "FPL-FILE"):
            return plus_months(self.valid_from, 24)
        if self.service in ("LIV-DIBAO", "LIV-CHILD"):
            return plus_months(self.valid_from, 12)
        if self.service == "HLT-REC":
            updated = evidence.get("updated_on")
            return plus_months(day(updated), 24) if updated else date.min
        if self.service == "SSI-UBEN":
            months = evidence.get("months")
            return plus_months(self.valid_from, int(months)) if months else date.min
        return maybe_day(evidence.get("to")) if self.service == "EMP-CONTRACT" else None

    def in_force(self, on: date) -> bool:
        """RULES D1."""
        if self.voided or self.grant is None or self.grant.on > on or (self.ended_on or date.max) <= on:
            return False
        if self.valid_from is None or self.valid_from > on or on > (self.valid_to(on) or date.max):
            return False
        signed = self.evidence(on).get("signed_on") if self.service == "EMP-CONTRACT" else None
        return signed is None or day(signed) <= on

    @property
    def given_on(self) -> date | None:
        """RULES D4: the day of a one-off service."""
        if self.voided:
            return None
        if self.delivery is not None:
            return self.delivery.on
        return self.ended_on if self.ended_as == "completed" and self.grant is not None else None
