"""What can happen to a household's members: they join, are born, leave, die; what is told of them."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent
from casework.domain.state import Carried, MemberFacts, Spell


class NewMember(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person as told when the household takes them in."""

    person_id: UUID
    relation: str
    sex: str
    birth_month: str
    facts: MemberFacts = MemberFacts()
    resident_since: date | None = None
    from_household: UUID | None = None
    carried: Carried | None = None
    commitment: bytes | None = None


class ReturnedMember(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person as another household gives them back: all that is theirs, and their times there."""

    member: NewMember
    spells: tuple[Spell, ...]


@event_type("household.member-joined.v1")
class MemberJoined(HouseholdEvent, frozen=True, kw_only=True):
    """A person joined, perhaps with all that another household's stream knew of them."""

    member: NewMember


@event_type("household.member-born.v1")
class MemberBorn(HouseholdEvent, frozen=True, kw_only=True):
    """A birth was reported on this day."""

    member: NewMember
    mother: UUID | None = None


@event_type("household.member-left.v1")
class MemberLeft(HouseholdEvent, frozen=True, kw_only=True):
    """From this day a person is no longer in the household.

    Of who was registered twice, ``same_as`` is the record that stays; ``commitment`` is to its profile, where that was
    told more by the doubled one's.
    """

    person_id: UUID
    reason: str
    to_household: UUID | None = None
    new_head: UUID | None = None
    same_as: UUID | None = None
    commitment: bytes | None = None


@event_type("household.member-died.v1")
class MemberDied(HouseholdEvent, frozen=True, kw_only=True):
    """A person died; their employments and episodes end on this day."""

    person_id: UUID
    new_head: UUID | None = None


@event_type("household.head-changed.v1")
class HeadChanged(HouseholdEvent, frozen=True, kw_only=True):
    """Another member speaks for the household."""

    person_id: UUID
    minor: bool = False


@event_type("household.member-facts-recorded.v1")
class MemberFactsRecorded(HouseholdEvent, frozen=True, kw_only=True):
    """Facts of a person that hold from this day."""

    person_id: UUID
    facts: MemberFacts
    commitment: bytes | None = None


@event_type("household.id-number-released.v1")
class IdNumberReleased(HouseholdEvent, frozen=True, kw_only=True):
    """The ID number that was told of a member is not theirs: they are without one, and it can be somebody else's.

    ``commitment`` is that of the evidence, ``profile_commitment`` that of what the vault says of them from now on.
    """

    person_id: UUID
    reason: str
    commitment: bytes
    profile_commitment: bytes
