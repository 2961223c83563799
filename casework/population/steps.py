"""What is told of a life, step by step: one command of the household each, and who records it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from casework.domain.events.corrections import Change
from casework.log.append import NOTHING, Beside
from casework.population.family import Member


class Desk(NamedTuple):
    """Who records something: a caseworker of the community, somebody of a bureau at an agency, or a bureau's feed."""

    role: str = "caseworker"
    bureau: str | None = None
    agency: str | None = None

    @property
    def is_feed(self) -> bool:
        """Whether it comes from a bureau's own system."""
        return self.role == "service"


COMMUNITY = Desk()
STATION = Desk("bureau", "PFP", "FPL")
EMPLOYMENT = Desk("bureau", "HRSS", "EMP")
INSURANCE = Desk("bureau", "HRSS", "SSI")
CENTRE = Desk("caseworker", "LOCAL", "GOV")


def bureau(code: str) -> Desk:
    """Return the desk of a bureau in the districts' government service centres."""
    return Desk("bureau", code, "GOV")


def feed(code: str) -> Desk:
    """Return a bureau's own system."""
    return Desk("service", code)


class Step(NamedTuple):
    """A command of :class:`~casework.domain.household.Household`, on the day of which it tells.

    ``person`` is whom it is about, so that nothing is told of a time when they are not there. What ``is_apart`` is
    told of the second file, of those who split off or are yet to be merged.
    """

    on: date
    command: str
    arguments: dict[str, Any]
    person: Member | None = None
    desk: Desk = COMMUNITY
    beside: Beside = NOTHING
    is_apart: bool = False


Thread: TypeAlias = Iterator[Step]
"""One thing in a household's life: it goes on only where its last step was recorded, and not refused."""


class Case(NamedTuple):
    """One service for somebody: the episode that its steps belong to."""

    episode_id: UUID
    service: str
    person: Member | None = None
    desk: Desk = COMMUNITY
    unit_id: UUID | None = None

    def _step(self, on: date, command: str, desk: Desk | None = None, **arguments: Any) -> Step:
        arguments["episode_id"] = self.episode_id
        return Step(on, command, arguments, self.person, desk or self.desk)

    def requested(self, on: date, **more: Any) -> Step:
        """Ask for it."""
        channel = "feed" if self.desk.is_feed else "hall" if self.desk.agency else "community"
        about: dict[str, Any] = {"person_id": self.person.id} if self.person else {}
        return self._step(
            on, "request_service", requested_on=on, service=self.service, channel=channel, **about, **more
        )

    def referred(self, on: date, referral_id: UUID, to: str, **more: Any) -> Step:
        """Pass it on to another bureau."""
        sender = self.desk.bureau or "LOCAL"
        return self._step(
            on,
            "refer_service",
            referred_on=on,
            referral_id=referral_id,
            from_bureau=sender,
            to_bureau=to,
            reason="needs_other_bureau",
            **more,
        )

    def answered(self, on: date, referral_id: UUID, by: str, answer: str, reason: str | None = None) -> Step:
        """Answer for the bureau that was asked."""
        return self._step(
            on,
            "answer_referral",
            bureau(by),
            answered_on=on,
            referral_id=referral_id,
            answer=answer,
            reason=reason,
        )

    def granted(self, on: date, evidence: dict[str, Any] | None = None, **more: Any) -> Step:
        """Grant it."""
        return self._step(on, "grant_service", granted_on=on, unit_id=self.unit_id, evidence=evidence, **more)

    def denied(self, on: date, reason: str) -> Step:
        """Deny it."""
        return self._step(on, "deny_service", denied_on=on, reason=reason)

    def started(self, on: date) -> Step:
        """Begin what was granted."""
        return self._step(on, "start_service", started_on=on)

    def renewed(self, on: date, evidence: dict[str, Any] | None = None, **more: Any) -> Step:
        """Prolong it."""
        return self._step(on, "renew_service", renewed_on=on, evidence=evidence, **more)

    def ended(self, on: date, reason: str) -> Step:
        """End it."""
        return self._step(on, "end_service", ended_on=on, reason=reason)

    def corrected(self, on: date, *changes: Change, reason: str = "changed_circumstances") -> Step:
        """Say what was wrong, or not known, when it was recorded."""
        return self._step(on, "correct_service", corrected_on=on, changes=changes, reason=reason)

    def delivered(self, on: date, evidence: dict[str, Any] | None = None) -> Step:
        """Give it once."""
        about: dict[str, Any] = {"person_id": self.person.id} if self.person else {}
        return self._step(
            on,
            "record_delivery",
            delivered_on=on,
            service=self.service,
            unit_id=self.unit_id,
            evidence=evidence,
            **about,
        )
