"""Saying that an entry counts at no date: command 30 of DOMAIN 8.2.

What a household is after that, is the fold of its stream without the entry, at every date. The rule stands in one
place, :meth:`VoidingCommands._leave_out`, which ``apply`` calls, so that every fold keeps to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from casework.domain.checks import check_codes
from casework.domain.events.corrections import EntryVoided, MemberFactsCorrected, ServiceCorrected, ServiceVoided
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.livelihood import EmploymentEnded, EmploymentStarted, NeedCleared, NeedRecorded
from casework.domain.events.membership import (
    HeadChanged,
    MemberBorn,
    MemberDied,
    MemberFactsRecorded,
    MemberJoined,
    MemberLeft,
    NewMember,
)
from casework.domain.events.residence import HouseholdMoved, ResidenceVerified
from casework.domain.events.services import (
    ReferralAnswered,
    ServiceDelivered,
    ServiceDenied,
    ServiceEnded,
    ServiceGranted,
    ServiceReferred,
    ServiceRenewed,
    ServiceRequested,
    ServiceStarted,
)
from casework.domain.fact_corrections import IN_THE_VAULT, OF_BIRTH, FactCorrectionCommands
from casework.domain.residence import By, HouseholdState, refuse_if
from casework.errors import CaseworkError, FieldError, Refused, problems

COMMANDS: dict[type[HouseholdEvent], str] = {
    ResidenceVerified: "verify_residence",
    HouseholdMoved: "move_household",
    MemberJoined: "add_member",
    MemberBorn: "record_birth",
    MemberLeft: "remove_member",
    MemberDied: "record_death",
    HeadChanged: "change_head",
    MemberFactsRecorded: "record_member_facts",
    MemberFactsCorrected: "correct_member_facts",
    EmploymentStarted: "start_employment",
    EmploymentEnded: "end_employment",
    NeedRecorded: "record_need",
    NeedCleared: "clear_need",
    ServiceRequested: "request_service",
    ServiceReferred: "refer_service",
    ReferralAnswered: "answer_referral",
    ServiceGranted: "grant_service",
    ServiceDenied: "deny_service",
    ServiceStarted: "start_service",
    ServiceRenewed: "renew_service",
    ServiceEnded: "end_service",
    ServiceDelivered: "record_delivery",
    ServiceCorrected: "correct_service",
    ServiceVoided: "void_service",
}
"""By which command an event came about, so that its rules can be asked again."""

LIMITED = frozenset(
    {
        *(ResidenceVerified, HouseholdMoved, MemberBorn, MemberLeft, MemberDied),
        HeadChanged,
    }
)
"""What is not told more than 400 days back without a supervisor, and so not untold either (RULES G2)."""

VOIDABLE = LIMITED | {
    *(MemberJoined, MemberFactsRecorded, MemberFactsCorrected),
    *(EmploymentStarted, EmploymentEnded, NeedRecorded, NeedCleared),
}
"""What can be voided: commands 2, 3 and 8 to 18. Services have a void of their own."""

NOBODY = UUID(int=0)


class VoidingCommands(FactCorrectionCommands):
    """Void an entry."""

    def entry(self, version: int) -> HouseholdEvent:
        """Return the event of a version, voided or not."""
        refuse_if(not 0 < version <= len(self.entries), "entry-unknown")
        return self.entries[version - 1]

    def void_entry(
        self,
        by: By,
        *,
        voided_on: date,
        voids: int,
        reason: str,
        commitment: bytes | None = None,
        profile_commitment: bytes | None = None,
    ) -> None:
        """Say that an entry was wrong; refused where a later entry rests on it, or nobody would be left.

        Of a doubled record ``profile_commitment`` is to the profile of the one that stays, told without it.
        """
        self._check_open()
        self._check_date(by, voided_on, backdated=False)
        check_codes(reason=("void_reasons", reason))
        event = self.entry(voids)
        refuse_if(type(event) not in VOIDABLE, "entry-not-voidable")
        refuse_if(voids in self.voided_entries, "voided")
        self._check_date(by, event.occurred_on, backdated=type(event) in LIMITED)
        refuse_if(_has_other_half(event), "entry-of-two-households")
        for person_id in self.told_of(event):
            self._check_still_ours(person_id)
        need_id: UUID = getattr(event, "need_id", NOBODY)
        self._check_still_here(need_id)
        told_again = (self.carried_in.get(each, 0) for each in (*self.told_of(event), need_id))
        refuse_if(max(told_again) > voids, "entry-carried")
        refuse_if(profile_commitment is None and _tells_profile(event), "entry-with-profile")
        self._check_without(by, voids)
        self.record(
            EntryVoided(
                occurred_on=voided_on,
                voids=voids,
                reason=reason,
                commitment=commitment,
                profile_commitment=profile_commitment,
            )
        )

    def told_of(self, event: HouseholdEvent) -> list[UUID]:
        """The people of whom an event tells, under each of their records; none where it tells of the household."""
        member: NewMember | None = getattr(event, "member", None)
        employment = self.employments.get(getattr(event, "employment_id", NOBODY))
        need = self.needs.get(getattr(event, "need_id", NOBODY))
        named = [
            getattr(event, "person_id", None),
            member.person_id if member else None,
            getattr(event, "mother", None),
            employment.person_id if employment else None,
            need.person_id if need else None,
        ]
        people = [person_id for person_id in named if person_id is not None]
        return [*people, *(one.person_id for one in self.people.values() if not set(one.doubles).isdisjoint(people))]

    def _leave_out(self, entry: int) -> None:
        """Begin again, without this entry and those that were left out before."""
        entries, pending, now = self.entries, self.pending, self.version
        voided = {**self.voided_entries, entry: now}
        HouseholdState.__init__(self, self.id)
        self.pending, self.voided_entries = pending, voided
        for self.version, event in enumerate(entries, 1):
            self._go_on(event, voided)

    def _go_on(self, event: HouseholdEvent, voided: Collection[int]) -> None:
        if self.version in voided or isinstance(event, EntryVoided):
            self.entries.append(event)
        else:
            self.apply(event)

    def _check_without(self, by: By, entry: int) -> None:
        """Refuse where a later entry could not have been told without this one, or the household is left without."""
        as_it_is, without = type(self)(self.id), type(self)(self.id)
        anyway = dict(as_it_is._retell(by, self, self.voided_entries, entry))
        for version, rule in without._retell(by, self, {*self.voided_entries, entry}, entry):
            if anyway.get(version) != rule:
                raise Refused("entry-relied-on", errors=_why(rule), entry=version)
        refuse_if(self.members and not without.members, "last-member")
        led = [household._is_led() for household in (self, without)]
        refuse_if(led == [True, False], "head-not-a-member")

    def _retell(
        self, by: By, other: VoidingCommands, left_out: Collection[int], after: int
    ) -> Iterator[tuple[int, str]]:
        """Go through another household's entries, but for some; yield which of those after one break which rule.

        It cannot go on after one that tells of what is not there.
        """
        for version, event in enumerate(other.entries, 1):
            is_asked = version > after and version not in left_out and type(event) in COMMANDS
            rule = self._broken_by(by, event, version) if is_asked else None
            if rule is not None:
                yield version, rule
            self.version = version
            if len(self.entries) < version:
                try:
                    self._go_on(event, left_out)
                except (LookupError, AttributeError, Refused):
                    yield version, "entry-unknown"
                    return

    def _broken_by(self, by: By, event: HouseholdEvent, version: int) -> str | None:
        """Give the command of an event again; the rule that refuses it, if one does.

        Who was eligible, who decided and how late it was told, was judged then: that stands.
        """
        self.version = version - 1
        try:
            getattr(self, COMMANDS[type(event)])(By(by.today, supervisor=True), **_fields(event))
        except CaseworkError as error:
            return error.errors[0].code if error.errors else error.code
        finally:
            self.pending.clear()
        return None

    def _is_led(self) -> bool:
        return any(person.person_id == self.head for person in self.members)


def _why(rule: str) -> tuple[FieldError, ...]:
    """The rule that a later entry would break, where its sentence stands by itself."""
    return () if "{" in problems()[rule].detail["en"] else (FieldError("", rule, ""),)


def _has_other_half(event: HouseholdEvent) -> bool:
    """Whether it stands in another household's stream too."""
    if isinstance(event, MemberLeft):
        return event.to_household is not None
    if isinstance(event, MemberFactsCorrected):
        return any(change.path.startswith(OF_BIRTH) for change in event.changes)
    return isinstance(event, MemberJoined) and (
        event.member.carried is not None or event.member.from_household is not None
    )


def _tells_profile(event: HouseholdEvent) -> bool:
    """Whether the vault holds, or agrees with, what the entry told: that is told anew, and not untold."""
    if isinstance(event, MemberFactsCorrected):
        return event.commitment is not None or any(change.path in IN_THE_VAULT for change in event.changes)
    return isinstance(event, MemberFactsRecorded | MemberLeft) and event.commitment is not None


@cache
def _parameters(name: str) -> tuple[str, ...]:
    """What a command takes; its own date comes first."""
    parameters = inspect.signature(getattr(VoidingCommands, name)).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


def _fields(event: HouseholdEvent) -> dict[str, Any]:
    own_date, *others = _parameters(COMMANDS[type(event)])
    fields = {name: getattr(event, name) for name in others if hasattr(event, name)}
    if "born_on" in others:
        fields["born_on"] = date.min
    if "override_reason" in others:
        fields["override_reason"] = fields["override_reason"] or "hardship"
    return {own_date: event.occurred_on, **fields}
