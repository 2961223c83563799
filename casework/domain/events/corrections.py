"""How entries are told to be wrong: corrected, or voided."""

from __future__ import annotations

from uuid import UUID

import msgspec

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent
from casework.domain.evidence import EvidenceValue


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One correction: ``path`` is a date's or field's name, or of what lies inside one: ``evidence.<name>``."""

    path: str
    old: EvidenceValue | None
    new: EvidenceValue | None


@event_type("household.service-corrected.v1")
class ServiceCorrected(HouseholdEvent, frozen=True, kw_only=True):
    """What was recorded of an episode was wrong, at every date; ``corrects`` is the version of the event."""

    episode_id: UUID
    changes: tuple[Change, ...]
    reason: str
    corrects: int
    commitment: bytes | None = None


@event_type("household.service-voided.v1")
class ServiceVoided(HouseholdEvent, frozen=True, kw_only=True):
    """An episode or delivery counts at no date."""

    episode_id: UUID
    reason: str
    commitment: bytes | None = None


@event_type("household.member-facts-corrected.v1")
class MemberFactsCorrected(HouseholdEvent, frozen=True, kw_only=True):
    """What was told of a person was wrong, at every date; ``corrects`` is the version of the event.

    A child's month of birth is corrected in ``mothers_household`` too, where that is another.
    """

    person_id: UUID
    changes: tuple[Change, ...]
    reason: str
    corrects: int
    mothers_household: UUID | None = None
    commitment: bytes | None = None


@event_type("household.entry-voided.v1")
class EntryVoided(HouseholdEvent, frozen=True, kw_only=True):
    """The event of version ``voids`` counts at no date: the household is what its others tell.

    ``profile_commitment`` is that of the profile of somebody's record, without what a doubled one had told it.
    """

    voids: int
    reason: str
    commitment: bytes | None = None
    profile_commitment: bytes | None = None
