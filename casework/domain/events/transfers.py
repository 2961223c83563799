"""What one office asks of another about a household, and the answer."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent


@event_type("household.transfer-requested.v1")
class TransferRequested(HouseholdEvent, frozen=True, kw_only=True):
    """Another office asks for a member: for a household of its own, for a new one in its community, or for all of this.

    ``due_on`` is the last day on which it is answered in time; ``relation`` is that to the head there.
    """

    transfer_id: UUID
    person_id: UUID
    to_community: str
    due_on: date
    to_household: UUID | None = None
    relation: str | None = None
    whole_household: bool = False
    commitment: bytes | None = None


@event_type("household.transfer-answered.v1")
class TransferAnswered(HouseholdEvent, frozen=True, kw_only=True):
    """The request of another office is accepted, and carried out in the same append, or declined.

    ``moved_to`` is the household in which the person is from then on: it may be this one, which moved.
    """

    transfer_id: UUID
    answer: str
    reason: str | None = None
    moved_to: UUID | None = None
    commitment: bytes | None = None
