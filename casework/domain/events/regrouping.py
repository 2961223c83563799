"""What can happen between two households: a split, a merge, and a merge that was wrong."""

from __future__ import annotations

from uuid import UUID

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import NewMember, ReturnedMember
from casework.domain.state import Carried


@event_type("household.split.v1")
class HouseholdSplit(HouseholdEvent, frozen=True, kw_only=True):
    """From this day some members are a household of their own; ``episodes`` and ``needs`` of the whole go with them."""

    new_household: UUID
    members: tuple[UUID, ...]
    episodes: tuple[UUID, ...] = ()
    needs: tuple[UUID, ...] = ()
    new_head: UUID | None = None
    commitment: bytes | None = None


@event_type("household.merged-away.v1")
class HouseholdMergedAway(HouseholdEvent, frozen=True, kw_only=True):
    """From this day the household is part of another; nothing more happens to it here."""

    to_household: UUID
    members: tuple[UUID, ...]


@event_type("household.merged-in.v1")
class HouseholdMergedIn(HouseholdEvent, frozen=True, kw_only=True):
    """From this day another household is part of this one, with its people and its records as a whole.

    ``duplicates`` are its episodes of exclusive services that this household has too: somebody decides which ends.
    """

    from_household: UUID
    members: tuple[NewMember, ...]
    carried: Carried
    duplicates: tuple[UUID, ...] = ()
    commitment: bytes | None = None


@event_type("household.unmerged.v1")
class HouseholdUnmerged(HouseholdEvent, frozen=True, kw_only=True):
    """The merge was wrong: it counts at no date, and its people and records are the other household's."""

    to_household: UUID
    members: tuple[UUID, ...]
    records: tuple[UUID, ...] = ()
    new_head: UUID | None = None
    commitment: bytes | None = None


@event_type("household.restored.v1")
class HouseholdRestored(HouseholdEvent, frozen=True, kw_only=True):
    """The household was never part of another; what was changed there of its people and records is told here."""

    from_household: UUID
    members: tuple[ReturnedMember, ...]
    carried: Carried
    head: UUID
