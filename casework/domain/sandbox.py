"""A copy of a household in which services are given as the domain's own commands would give them, on one day.

It answers what would be: nothing that is done here is ever recorded. Evidence is what an ordinary grant shows, such
as a free place in a mixed class of a public school, or a contribution paid up to this month.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import NamedTuple
from uuid import UUID, uuid5

from casework.domain import catalogue
from casework.domain.calendar import month_of
from casework.domain.catalogue import Service
from casework.domain.clock import Clock
from casework.domain.evidence import EvidenceField, EvidenceValue
from casework.domain.health import missing_doses
from casework.domain.household import Household
from casework.domain.policy import Policy
from casework.domain.present import Present
from casework.domain.registry import Facts
from casework.domain.residence import By
from casework.domain.state import Episode, Evidence


class Gift(NamedTuple):
    """A service for a member or for the household; of a contract, with which employer."""

    service: str
    person_id: UUID | None
    employer: UUID | None = None


class Sandbox:
    """A household on a day, as it would be after some services."""

    def __init__(self, household: Household, policy: Policy, day: date, facts: Facts) -> None:
        self.household = deepcopy(household)
        self.policy, self.day, self.facts = policy, day, facts
        self._by, self._serial = By(day, supervisor=True), 0

    def present(self) -> Present:
        """Return the household as it stands by now."""
        return Present(self.household, self.policy, self.day, self.facts)

    def give(self, gift: Gift) -> None:
        """Give a service; Refused, or Invalid, where a command would be."""
        service = catalogue.service(gift.service, self.day)
        if service.is_delivery:
            for evidence in self._deliveries(service, gift):
                self._deliver(gift, evidence)
        else:
            self._grant(service, gift)

    def _deliveries(self, service: Service, gift: Gift) -> list[Evidence]:
        """What is delivered: one thing, or of a vaccination every dose that is due."""
        if service.code != "HLT-VAC":
            return [self._shown(service, gift)]
        present = self.present()
        child = next(member for member in present.members if member.id == gift.person_id)
        doses = missing_doses(present, child, Clock(self.day))
        return [{"vaccine": dose.vaccine, "dose": dose.dose} for dose in doses]

    def _deliver(self, gift: Gift, evidence: Evidence) -> None:
        self.household.record_delivery(
            self._by,
            delivered_on=self.day,
            episode_id=self._new_id(gift),
            service=gift.service,
            person_id=gift.person_id,
            evidence=evidence,
        )

    def _grant(self, service: Service, gift: Gift) -> None:
        """Grant what was asked for, or ask for it and grant it; a training is started as well."""
        evidence, waiting = self._shown(service, gift), self._waiting(gift)
        unit_id = self._unit(service, gift)
        episode_id = waiting.episode_id if waiting is not None else self._new_id(gift)
        if waiting is None:
            self.household.request_service(
                self._by,
                requested_on=self.day,
                episode_id=episode_id,
                service=gift.service,
                person_id=gift.person_id,
                unit_id=unit_id,
            )
        self.household.grant_service(
            self._by, granted_on=self.day, episode_id=episode_id, unit_id=unit_id, evidence=evidence
        )
        if service.code == "EMP-TRAIN":
            self.household.start_service(self._by, started_on=self.day, episode_id=episode_id)

    def _waiting(self, gift: Gift) -> Episode | None:
        """A request of it that waits for a decision."""
        for episode in self.household.episodes_of.get((gift.service, gift.person_id), ()):
            is_other = gift.employer is not None and episode.unit_id not in (None, gift.employer)
            if not episode.is_over and not episode.terms and not is_other:
                return episode
        return None

    def _unit(self, service: Service, gift: Gift) -> UUID | None:
        """Who gives it: the employer, or any unit where one must be named."""
        if gift.employer is not None or (service.exclusive_when and self._employer(gift) is not None):
            return gift.employer or self._employer(gift)
        return uuid5(self.household.id, "unit") if service.needs_unit else None

    def _employer(self, gift: Gift) -> UUID | None:
        jobs = self.present().jobs
        return next((job.unit_id for job in jobs if job.member.id == gift.person_id and job.unit_id), None)

    def _shown(self, service: Service, gift: Gift) -> Evidence:
        """The evidence of an ordinary grant: what must be there, and what makes it count."""
        shown: Evidence = {name: self._value(field) for name, field in service.evidence.items() if field.required}
        if service.exclusive_when:
            shown["scheme"] = "employee" if self._is_employee(gift) else "resident"
        if service.code == "EMP-CONTRACT":
            shown["kind"] = "open"
        if service.code == "EDU-COMP":
            shown |= {"fee_free": True, "mixed_class": True, "ownership": self.policy.equal_ownership[0]}
        if service.validity is not None and service.validity.field in service.evidence and service.code == "HLT-REC":
            shown[service.validity.field] = self.day.isoformat()
        return shown

    def _is_employee(self, gift: Gift) -> bool:
        return any(job.member.id == gift.person_id for job in self.present().jobs)

    def _value(self, field: EvidenceField) -> EvidenceValue:
        match field.type:
            case "code" if field.values:
                return field.values[0].code
            case "date":
                return self.day.isoformat()
            case "month":
                return month_of(self.day)
            case "number":
                return int(field.min or 1)
            case "bool":
                return True
        return "-"

    def _new_id(self, gift: Gift) -> UUID:
        self._serial += 1
        return uuid5(self.household.id, f"{gift.service} {gift.person_id} {self._serial}")
