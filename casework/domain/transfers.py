"""Requests of other offices that a person, or a whole household, be handed over, and their answers.

A request stands in the stream of the household that is asked for, since the office that keeps this file answers it. It
changes nothing of the household. Whether a request has lapsed is not recorded: it has, from the day after ``due_on``,
on whatever day somebody asks.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from uuid import UUID

from casework.domain.calendar import nth_working_day_after
from casework.domain.checks import check_code, check_codes
from casework.domain.codes import Row, read_data
from casework.domain.events.transfers import TransferAnswered, TransferRequested
from casework.domain.membership import MembershipCommands
from casework.domain.residence import By, refuse_if
from casework.domain.state import Transfer
from casework.errors import NotFound

OPEN, LAPSED, OVER = "open", "lapsed", "over"
ACCEPTED, DECLINED = "accepted", "declined"
UNANSWERED = (OPEN, LAPSED, OVER)
STATES = (*UNANSWERED, ACCEPTED, DECLINED)
"""What a request may be on a day. It is over where the person is no member any more, or erased: nobody can go over."""


class Settings(Row, frozen=True, kw_only=True):
    """Within how many working days an office answers."""

    answer_working_days: int


@cache
def settings() -> Settings:
    """Return the file of transfers."""
    return read_data("transfers.json", Settings)


class TransferCommands(MembershipCommands):
    """Ask for a person or the whole household; accept, decline."""

    def transfer(self, transfer_id: UUID) -> Transfer:
        """Return a request that was made of this household."""
        if transfer_id not in self.transfers:
            raise NotFound
        return self.transfers[transfer_id]

    def transfer_state(self, transfer: Transfer, day: date) -> str:
        """Return what a request is on a day: one of ``STATES``."""
        if transfer.answer is not None:
            return transfer.answer
        person = self.people.get(transfer.person_id)
        if self.closed_on is not None or person is None or person.current is None or person.is_erased:
            return OVER
        return LAPSED if day > transfer.due_on else OPEN

    def request_transfer(
        self,
        by: By,
        *,
        transfer_id: UUID,
        person_id: UUID,
        to_community: str,
        to_household: UUID | None = None,
        relation: str | None = None,
        whole_household: bool = False,
        commitment: bytes | None = None,
    ) -> None:
        """Another office asks; it waits for one answer at a time about a person."""
        self._check_open()
        check_codes(relation=("relations", relation))
        self._check_not_erased(person_id)
        self._check_parting(person_id, by.today)
        for other in self.transfers.values():
            same = (other.person_id, other.to_community) == (person_id, to_community)
            refuse_if(same and self.transfer_state(other, by.today) == OPEN, "transfer-waits")
        self.record(
            TransferRequested(
                occurred_on=by.today,
                transfer_id=transfer_id,
                person_id=person_id,
                to_community=to_community,
                to_household=to_household,
                relation=relation,
                whole_household=whole_household,
                due_on=nth_working_day_after(by.today, settings().answer_working_days),
                commitment=commitment,
            )
        )

    def accept_transfer(
        self,
        by: By,
        *,
        transfer_id: UUID,
        accepted_on: date,
        moved_to: UUID,
        late: bool = False,
        commitment: bytes | None = None,
    ) -> None:
        """Agree; whoever calls moves the person, or the household, in the same append."""
        self._check_answerable(by, transfer_id, accepted_on, late=late)
        self._check_not_erased(self.transfers[transfer_id].person_id)
        self._check_parting(self.transfers[transfer_id].person_id, accepted_on)
        self.record(
            TransferAnswered(
                occurred_on=accepted_on,
                transfer_id=transfer_id,
                answer=ACCEPTED,
                moved_to=moved_to,
                commitment=commitment,
            )
        )

    def decline_transfer(
        self,
        by: By,
        *,
        transfer_id: UUID,
        declined_on: date,
        reason: str,
        late: bool = False,
        commitment: bytes | None = None,
    ) -> None:
        """Say no, and why."""
        self._check_answerable(by, transfer_id, declined_on, late=late)
        check_code("reason", "transfer_decline_reasons", reason)
        self.record(
            TransferAnswered(
                occurred_on=declined_on,
                transfer_id=transfer_id,
                answer=DECLINED,
                reason=reason,
                commitment=commitment,
            )
        )

    def _check_answerable(self, by: By, transfer_id: UUID, on: date, *, late: bool) -> None:
        """An answer comes once, and in time; ``late`` is the right to give one all the same."""
        transfer = self.transfer(transfer_id)
        refuse_if(transfer.answer is not None, "transfer-answered")
        self._check_open()
        self._check_date(by, on)
        refuse_if(not late and by.today > transfer.due_on, "transfer-lapsed")
