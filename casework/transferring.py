"""Transfers between offices: one asks for a person or a household that another holds, and that one answers.

Whoever asks sees nothing of the other household, not even its id: the claims tell where the request belongs. Accepting
it writes to both households in one append, and the claims go along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache, partial
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from casework.command import Decided
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.transfers import TransferAnswered
from casework.domain.household import Household
from casework.domain.residence import By, refuse_if
from casework.domain.state import Transfer
from casework.domain.two_households import merge, split
from casework.errors import Forbidden, NotFound, Refused, Unavailable
from casework.log import reading
from casework.log.append import Beside, Claim
from casework.log.failures import StreamConflict
from casework.log.reading import Db
from casework.outcome import Context, Outcome
from casework.privacy.persons import sealed_fields, together
from casework.regrouping import RegroupingPath

AT_ONCE = 200
"""So many households are read at a time where requests are listed."""


class Seen(NamedTuple):
    """A request as somebody sees it: with the household, and which of the two offices is theirs."""

    household: Household
    transfer: Transfer
    state: str
    is_asked_of_us: bool
    is_asked_by_us: bool


class TransferPath(RegroupingPath):
    """Ask, accept, decline; read what was asked."""

    def ask_transfer(
        self,
        context: Context,
        *,
        person_id: UUID | None = None,
        id_number: str | None = None,
        to_household: UUID | None = None,
        to_community: str | None = None,
        relation: str | None = None,
        whole_household: bool = False,
        remark: str | None = None,
    ) -> Outcome:
        """Ask the office that holds a person, known by id or ID number; the outcome's id is the request's."""
        transfer_id = context.made("transfer")
        number = self.persons.number(id_number, self.today, at="/id_number") if id_number is not None else None
        holder, subject = self._holder(transfer_id, person_id, number)

        def decide(household: Household, by: By) -> Decided:
            refuse_if(self.is_within(household.community, context.divisions), "transfer-not-needed")
            place = self._asked_for(context, to_household, to_community)
            row = sealed_fields(self.persons.vault, subject, {"remark": remark} if remark else {})
            household.request_transfer(
                by,
                transfer_id=transfer_id,
                person_id=subject,
                to_community=place,
                to_household=to_household,
                relation=relation,
                whole_household=whole_household,
                commitment=row and row.commitment,
            )
            return Decided(Beside([row] if row else [], claims=self._index(transfer_id)))

        try:
            self._change(holder, replace(context, divisions=frozenset()), decide)
        except Refused as refused:
            if "merged_into" in refused.values:  # just now: whoever asks again finds the person where they are
                raise Unavailable from None
            raise
        return Outcome(transfer_id, 1, None, True, [])

    def accept_transfer(
        self,
        context: Context,
        *,
        transfer_id: UUID,
        accepted_on: date,
        new_head: UUID | None = None,
        remark: str | None = None,
    ) -> Outcome:
        """Agree to a request, and carry it out in the same append."""

        def decide(household: Household, by: By) -> Decided:
            transfer, seen = household.transfer(transfer_id), household.version
            moved_to = _goes_to(household, transfer) or context.made("new_household")
            secret, commitment = self._remark(household, remark)
            household.accept_transfer(
                by,
                transfer_id=transfer_id,
                accepted_on=accepted_on,
                moved_to=moved_to,
                late=self._may_be_late(transfer, context),
                commitment=commitment,
            )
            try:
                moved = self._moved(household, by, transfer, moved_to, accepted_on, new_head)
            except Refused:
                if self.household(household.id).version > seen:
                    raise StreamConflict from None  # the other household was read after somebody else's answer
                raise
            return moved._replace(beside=together([moved.beside, secret, Beside(released=[transfer_id])]))

        return self._change(self._asked_of(transfer_id), context, decide)

    def decline_transfer(
        self, context: Context, *, transfer_id: UUID, declined_on: date, reason: str, remark: str | None = None
    ) -> Outcome:
        """Say no to a request."""

        def decide(household: Household, by: By) -> Decided:
            transfer = household.transfer(transfer_id)
            secret, commitment = self._remark(household, remark)
            household.decline_transfer(
                by,
                transfer_id=transfer_id,
                declined_on=declined_on,
                reason=reason,
                late=self._may_be_late(transfer, context),
                commitment=commitment,
            )
            return Decided(together([secret, Beside(released=[transfer_id])]))

        return self._change(self._asked_of(transfer_id), context, decide)

    def seen_transfer(self, transfer_id: UUID, divisions: frozenset[str]) -> Seen:
        """Return a request for somebody of one of its two offices; for others it is not there."""
        household = self.household(self._asked_of(transfer_id))
        is_ours = partial(self.is_within, divisions=divisions)
        seen = self._seen(household, household.transfer(transfer_id), is_ours)
        if seen is None:
            raise NotFound
        return seen

    def unanswered_transfers(self, divisions: frozenset[str]) -> list[Seen]:
        """Return what was asked of some divisions or by them and not answered, what is due first coming first."""
        with self.pool.connection() as db:
            ids = self.persons.asked_for(db)
        is_ours = cache(partial(self.is_within, divisions=divisions))
        found = [
            seen
            for household in self._each(ids)
            for transfer in household.transfers.values()
            if transfer.answer is None and (seen := self._seen(household, transfer, is_ours)) is not None
        ]
        return sorted(found, key=lambda seen: (seen.transfer.due_on, seen.transfer.transfer_id))

    def _seen(self, household: Household, transfer: Transfer, is_ours: Callable[[str], bool]) -> Seen | None:
        of_us, by_us = is_ours(_asked_in(household, transfer)), is_ours(transfer.to_community)
        state = household.transfer_state(transfer, self.today)
        return Seen(household, transfer, state, of_us, by_us) if of_us or by_us else None

    def _each(self, ids: Sequence[UUID]) -> Iterator[Household]:
        for first in range(0, len(ids), AT_ONCE):
            with self.pool.connection() as db:
                some = list(self.read_whole(db, ids[first : first + AT_ONCE]))
            yield from some

    def read_whole(self, db: Db, ids: Sequence[UUID]) -> Iterator[Household]:
        """Read some households, of those that are there, in no order."""
        for stream in reading.whole_streams_of(db, ids, reading.heads(db)):
            household = Household(stream.id)
            for household.version, (name, state) in enumerate(zip(stream.types, stream.states, strict=True), 1):
                household.apply(self._decode(name, state))
            yield household

    def _holder(self, transfer_id: UUID, person_id: UUID | None, id_number: str | None) -> tuple[UUID, UUID]:
        """The household where a person is active, and the person; where this was asked before, that of then."""
        hashes = self.persons.hashes
        who = ("person", str(person_id)) if person_id is not None else ("id-number", str(id_number))
        with self.pool.connection() as db:
            before = self.persons.held(db, hashes.claim_hash("transfer", str(transfer_id)))
            held = before or self.persons.held(db, hashes.claim_hash(*who))
        if held is None:
            raise Refused("transfer-nobody")
        household_id, subject = held
        return household_id, subject or household_id

    def _asked_of(self, transfer_id: UUID) -> UUID:
        with self.pool.connection() as db:
            held = self.persons.held(db, self.persons.hashes.claim_hash("transfer", str(transfer_id)))
        if held is None:
            raise NotFound
        return held[0]

    def _index(self, transfer_id: UUID) -> list[Claim]:
        """Where a request is found: by its id for ever, and among those that wait until it is answered."""
        hashes, name = self.persons.hashes, str(transfer_id)
        return [
            Claim(hashes.claim_hash("transfer", name), "source"),
            Claim(hashes.claim_hash("transfer-waiting", name), "transfer", subject_id=transfer_id),
        ]

    def _asked_for(self, context: Context, to_household: UUID | None, to_community: str | None) -> str:
        """The community for which somebody may ask: one of theirs."""
        if to_household is not None:
            target = self._other(to_household, context)
            target.check_not_merged()
            refuse_if(target.closed_on is not None, "household-closed")
            return target.community
        place = str(to_community)
        if not self.is_within(place, context.divisions):
            raise Forbidden("community-not-yours")
        self._check_community(place, self.today)
        return place

    def _may_be_late(self, transfer: Transfer, context: Context) -> bool:
        """Whether somebody decides what the two offices have let lapse: a supervisor of both."""
        return context.role == "supervisor" and self.is_within(transfer.to_community, context.divisions)

    def _moved(
        self, household: Household, by: By, transfer: Transfer, moved_to: UUID, on: date, new_head: UUID | None
    ) -> Decided:
        """Do what was asked: by the same steps as a departure, a merge, a move or a split."""
        person_id = transfer.person_id
        if transfer.to_household is not None:
            target = self.household(moved_to)
            refuse_if(target.closed_on is not None, "transfer-target-closed")
            relations = {person_id: transfer.relation or "other_relative"}
            if len(household.members) == 1:
                merge(target, household, by, merged_on=on, relations=relations)
                return Decided(self._handed_over(relations, target.id), others=(target,))
            return self._received(by, household, target, relations, on, new_head)
        if moved_to == household.id:
            self._check_community(transfer.to_community, on)
            household.move_household(by, moved_on=on, to_community=transfer.to_community)
            return Decided()
        new = Household(moved_to)
        split(
            household,
            new,
            by,
            split_on=on,
            members={person_id: "head"},
            head=person_id,
            community=transfer.to_community,
            new_head=new_head,
        )
        self._check_community(transfer.to_community, on)
        return Decided(self._handed_over([person_id], new.id), others=(new,))

    def _received(
        self,
        by: By,
        household: Household,
        target: Household,
        relations: dict[UUID, str],
        on: date,
        new_head: UUID | None,
    ) -> Decided:
        [moving] = household.leaving_members(relations)
        household.remove_member(
            by,
            left_on=on,
            person_id=moving.person_id,
            reason="other_household",
            to_household=target.id,
            new_head=new_head,
        )
        target.receive_member(by, joined_on=on, member=moving)
        return Decided(self._handed_over(relations, target.id), others=(target,))


def _asked_in(household: Household, transfer: Transfer) -> str:
    """Where the household lives that was asked for; once it was answered, where it lived then."""
    if transfer.answered_on is None:
        return household.community
    answers = (place for place, event in enumerate(household.entries, 1) if _answers(event, transfer))
    answered = next(answers, household.version)
    return next(code for _, version, code in reversed(household.residences) if version < answered)


def _answers(event: HouseholdEvent, transfer: Transfer) -> bool:
    return isinstance(event, TransferAnswered) and event.transfer_id == transfer.transfer_id


def _goes_to(household: Household, transfer: Transfer) -> UUID | None:
    """The household in which the person is to be; None where it has yet to be founded."""
    is_moving = transfer.whole_household or len(household.members) == 1
    return transfer.to_household or (household.id if is_moving else None)
