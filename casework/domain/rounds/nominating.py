"""Opening a round, and who is named for it: the first two states."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain.checks import check_code
from casework.domain.kinds import belongs, is_for_persons, round_kinds
from casework.domain.policy import Policy
from casework.domain.registry import Unit, UnitRegistered
from casework.domain.residence import By, refuse_if
from casework.domain.rounds.events import (
    Dates,
    NominationSubmitted,
    NominationWithdrawn,
    OpinionReceived,
    Quota,
    RoundOpened,
)
from casework.domain.rounds.history import History
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.state import RoundState
from casework.errors import Refused

NOMINATORS = ("bureau", "district", "zone")
"""The kinds of unit that report candidates (plan line 97)."""

OF_AN_AREA = ("district", "zone")
"""Those of them that find exemplars at their own level, and report nobody who belongs to another (plan line 97)."""

PLAN = "UF-PLAN"
"""The fact that a unit made its own plan, without which it cannot nominate."""


class Consented(NamedTuple):
    """A person who agreed to publication, and the event that says so."""

    person_id: UUID
    consent: UUID


def registered(unit: Unit | None, on: date, rule: str) -> UnitRegistered:
    """Return what a unit is, or refuse by a rule where it is not there on a day."""
    if unit is None or unit.registered is None or not unit.is_active(on):
        raise Refused(rule)
    return unit.registered


class NominatingCommands(RoundState):
    """Open; nominate, take back; ask others."""

    def open(
        self, by: By, *, year: int, policy: Policy, also: Collection[str] = (), approval_ref: str | None = None
    ) -> None:
        """Open a year's round under a policy, before its nominations close; ``also`` are further kinds to take in."""
        refuse_if(self.opened is not None, "round-exists")
        refuse_if(not policy.is_in_force(by.today), "policy-not-in-force")
        dates = _dates(policy, year)
        refuse_if(by.today.year != year, "round-of-another-year")
        refuse_if(by.today > dates.nominations_to, "round-opened-late")
        self.record(
            RoundOpened(
                occurred_on=by.today,
                year=year,
                policy_version=policy.version,
                policy_sha256=policy.sha256,
                kinds=tuple(kind.code for kind in round_kinds(policy, also)),
                quota=Quota(mode=policy.selection.quota, total=policy.selection.seats),
                dates=dates,
                notice_working_days=policy.selection.calendar.notice_working_days,
                approval_ref=approval_ref,
            )
        )

    def nominate(
        self,
        by: By,
        *,
        nomination_id: UUID,
        kind: str,
        nominator: Unit,
        submitted_by: str,
        candidate: Unit | Consented | None,
        areas: Collection[UUID],
        history: History,
        attachments: Sequence[str] = (),
        commitment: bytes | None = None,
    ) -> None:
        """Name a candidate: a unit, or a person who agreed to publication; None is a person who did not.

        ``areas`` are the districts and zones that the candidate belongs to: itself, those above it, those of a person's
        home and work. None are known of what stands below none.
        """
        self._begin(by, "nominate")
        refuse_if(nomination_id in self.nominations, "nomination-exists")
        self._check_kind(kind, candidate, by.today)
        _check_nominator(nominator, by.today)
        if candidate is None:
            raise Refused("publication-consent-missing")
        is_elsewhere = bool(areas) and nominator.id not in areas
        refuse_if(is_of_area(nominator) and is_elsewhere, "candidate-of-another-area")
        unit_id = candidate.id if isinstance(candidate, Unit) else None
        person_id, consent = candidate if isinstance(candidate, Consented) else (None, None)
        named = candidate.id if isinstance(candidate, Unit) else candidate.person_id
        refuse_if(self._is_nominated(kind, named), "nominated-already")
        history.check_not_barred(named, self.policy)
        self.record(
            NominationSubmitted(
                occurred_on=by.today,
                nomination_id=nomination_id,
                kind=kind,
                nominator=nominator.id,
                submitted_by=submitted_by,
                unit_id=unit_id,
                person_id=person_id,
                consent=consent,
                attachments=tuple(attachments),
                commitment=commitment,
            )
        )

    def withdraw_nomination(self, by: By, *, nomination_id: UUID, nominator: UUID, reason: str) -> None:
        """Take a nomination back; only who made it can, and only before the ranking."""
        nomination = self._begin_with(by, "withdraw_nomination", nomination_id)
        refuse_if(nomination.submitted.nominator != nominator, "nomination-not-yours")
        check_code("reason", "withdrawal_reasons", reason)
        self.record(NominationWithdrawn(occurred_on=by.today, nomination_id=nomination_id, reason=reason))

    def receive_opinion(
        self,
        by: By,
        *,
        nomination_id: UUID,
        authority: Unit,
        opinion: str,
        document: str,
        commitment: bytes | None = None,
    ) -> None:
        """Note what another authority thinks of a candidate; each document is noted once."""
        nomination = self._begin_with(by, "receive_opinion", nomination_id)
        registered(authority, by.today, "unit-unknown")
        check_code("opinion", "opinions", opinion)
        told = {(each.authority, each.document) for each in nomination.opinions}
        refuse_if((authority.id, document) in told, "opinion-received")
        self.record(
            OpinionReceived(
                occurred_on=by.today,
                nomination_id=nomination_id,
                authority=authority.id,
                opinion=opinion,
                document=document,
                commitment=commitment,
            )
        )

    def _check_kind(self, kind: str, candidate: Unit | Consented | None, on: date) -> None:
        refuse_if(kind not in self.begun.kinds, "kind-not-in-round")
        if not isinstance(candidate, Unit):
            refuse_if(not is_for_persons(kind), "candidate-kind")
            return
        unit = registered(candidate, on, "candidate-unknown")
        refuse_if(not belongs(kind, unit.kind, unit.name_zh), "candidate-kind")

    def _is_nominated(self, kind: str, candidate: UUID) -> bool:
        return any(
            (each.kind, each.candidate) == (kind, candidate) and not each.is_withdrawn
            for each in self.nominations.values()
        )


def is_of_person(nomination: Nomination) -> bool:
    """Whether the candidate is a person, of whom no figures exist and none are asked."""
    return nomination.submitted.person_id is not None


def is_of_area(unit: Unit) -> bool:
    """Whether a unit is a district or a zone, which reports whom it found in its own area."""
    return unit.registered is not None and unit.registered.kind in OF_AN_AREA


def has_plan(unit: Unit, on: date) -> bool:
    """Whether a unit has a plan of its own on a day (plan line 97)."""
    plans = [fact for fact in unit.facts if fact.fact == PLAN]
    return any(plan.from_ <= on and (plan.to is None or on <= plan.to) for plan in plans)


def _check_nominator(nominator: Unit, on: date) -> None:
    unit = registered(nominator, on, "unit-unknown")
    refuse_if(unit.kind not in NOMINATORS, "nominator-kind")
    refuse_if(not has_plan(nominator, on), "plan-missing")


def _dates(policy: Policy, year: int) -> Dates:
    calendar = policy.selection.calendar

    def day(name: str) -> date:
        return date.fromisoformat(f"{year:04}-{name}")

    return Dates(
        as_of=day(calendar.as_of),
        opens_on=day(calendar.opens),
        nominations_to=day(calendar.nominations_to),
        checked_to=day(calendar.checked_to),
        reviewed_to=day(calendar.reviewed_to),
        decided_to=day(calendar.decided_to),
    )
