"""What can happen to a household's file: it is opened, moves, is closed and opened again."""

from __future__ import annotations

from uuid import UUID

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import NewMember
from casework.domain.state import Carried


@event_type("household.registered.v1")
class HouseholdRegistered(HouseholdEvent, frozen=True, kw_only=True):
    """A household arrived and has a file (plan line 83), or came from another by a split.

    ``carried`` are records of the whole household that the split gave it.
    """

    community: str
    head: UUID
    members: tuple[NewMember, ...]
    origin: str = "arrival"
    origin_division: str | None = None
    from_household: UUID | None = None
    carried: Carried | None = None
    commitment: bytes | None = None


@event_type("household.residence-verified.v1")
class ResidenceVerified(HouseholdEvent, frozen=True, kw_only=True):
    """Somebody looked whether the household is there: present, absent, moved or unknown."""

    outcome: str
    method: str | None = None


@event_type("household.moved.v1")
class HouseholdMoved(HouseholdEvent, frozen=True, kw_only=True):
    """From this day the household lives in another community."""

    from_community: str
    to_community: str
    commitment: bytes | None = None


@event_type("household.closed.v1")
class HouseholdClosed(HouseholdEvent, frozen=True, kw_only=True):
    """From this day the file is closed; the episodes that this ends are named."""

    reason: str
    ended_episodes: tuple[UUID, ...] = ()


@event_type("household.reopened.v1")
class HouseholdReopened(HouseholdEvent, frozen=True, kw_only=True):
    """From this day the file is open again; who was a member when it was closed is one again."""

    community: str
    members: tuple[UUID, ...]
    commitment: bytes | None = None
