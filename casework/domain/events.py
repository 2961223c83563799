"""What can happen to a household: the events of DOMAIN 8.2, as they stand in the log for ever.

``occurred_on`` is the only date of what an event says happened; commands and answers call it ``granted_on``,
``moved_on`` and so on. An ending event's ``occurred_on`` is the first day outside; ``to``, ``valid_to`` and
``until`` name the last day inside. Events hold codes, ids and birth months, never what names a person;
``commitment`` is the salted digest of what the vault holds beside the event.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec

from casework.domain.aggregate import Event, event_type
from casework.domain.evidence import EvidenceValue
from casework.domain.state import Answers, Carried, Evidence, MemberFacts, Spell


class HouseholdEvent(Event, frozen=True, kw_only=True):
    """Something that happened to a household on a Shanghai date."""

    occurred_on: date


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


class ReturnedMember(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person as another household gives them back: all that is theirs, and their times there."""

    member: NewMember
    spells: tuple[Spell, ...]


@event_type("household.restored.v1")
class HouseholdRestored(HouseholdEvent, frozen=True, kw_only=True):
    """The household was never part of another; what was changed there of its people and records is told here."""

    from_household: UUID
    members: tuple[ReturnedMember, ...]
    carried: Carried
    head: UUID


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


@event_type("household.employment-started.v1")
class EmploymentStarted(HouseholdEvent, frozen=True, kw_only=True):
    """A person works; ``unit_id`` is the legal employer, where there is one."""

    employment_id: UUID
    person_id: UUID
    kind: str
    from_: date = msgspec.field(name="from")
    unit_id: UUID | None = None


@event_type("household.employment-ended.v1")
class EmploymentEnded(HouseholdEvent, frozen=True, kw_only=True):
    """An employment has a last day, ``to``."""

    employment_id: UUID
    to: date
    reason: str


@event_type("household.need-recorded.v1")
class NeedRecorded(HouseholdEvent, frozen=True, kw_only=True):
    """A need was assessed on this day and found present or absent."""

    need_id: UUID
    need: str
    result: str
    person_id: UUID | None = None
    commitment: bytes | None = None


@event_type("household.need-cleared.v1")
class NeedCleared(HouseholdEvent, frozen=True, kw_only=True):
    """A need is met, lapsed or was mistaken."""

    need_id: UUID
    reason: str


@event_type("household.service-requested.v1")
class ServiceRequested(HouseholdEvent, frozen=True, kw_only=True):
    """Somebody asked for a service; without a person it is for the household."""

    episode_id: UUID
    service: str
    person_id: UUID | None = None
    channel: str | None = None
    unit_id: UUID | None = None
    override_reason: str | None = None
    commitment: bytes | None = None


@event_type("household.service-referred.v1")
class ServiceReferred(HouseholdEvent, frozen=True, kw_only=True):
    """One bureau passed a service on to another, which answers by ``due_on``."""

    episode_id: UUID
    referral_id: UUID
    from_bureau: str
    to_bureau: str
    reason: str
    due_on: date | None = None


@event_type("household.referral-answered.v1")
class ReferralAnswered(HouseholdEvent, frozen=True, kw_only=True):
    """The bureau accepted the referral or returned it."""

    episode_id: UUID
    referral_id: UUID
    answer: str
    reason: str | None = None


@event_type("household.service-granted.v1")
class ServiceGranted(HouseholdEvent, frozen=True, kw_only=True):
    """A service was granted; ``unit_id`` gives it, ``decided_by`` is the bureau."""

    episode_id: UUID
    decided_by: str
    valid_from: date | None = None
    unit_id: UUID | None = None
    valid_to: date | None = None
    evidence: Evidence = {}
    commitment: bytes | None = None


@event_type("household.service-denied.v1")
class ServiceDenied(HouseholdEvent, frozen=True, kw_only=True):
    """A service was denied."""

    episode_id: UUID
    decided_by: str
    reason: str
    commitment: bytes | None = None


@event_type("household.service-started.v1")
class ServiceStarted(HouseholdEvent, frozen=True, kw_only=True):
    """A granted service began."""

    episode_id: UUID


@event_type("household.service-renewed.v1")
class ServiceRenewed(HouseholdEvent, frozen=True, kw_only=True):
    """From this day the episode has a later end, and the evidence given here beside or over the older."""

    episode_id: UUID
    decided_by: str
    valid_to: date | None = None
    evidence: Evidence = {}
    commitment: bytes | None = None


@event_type("household.service-ended.v1")
class ServiceEnded(HouseholdEvent, frozen=True, kw_only=True):
    """From this day the service is no longer given."""

    episode_id: UUID
    reason: str


@event_type("household.service-delivered.v1")
class ServiceDelivered(HouseholdEvent, frozen=True, kw_only=True):
    """A one-off or periodic service was given on this day."""

    episode_id: UUID
    service: str
    person_id: UUID | None = None
    unit_id: UUID | None = None
    evidence: Evidence = {}
    commitment: bytes | None = None


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


@event_type("household.consent-given.v1")
class ConsentGiven(HouseholdEvent, frozen=True, kw_only=True):
    """A person, or of a child the guardian ``by``, agreed to a use of the person's data; ``until`` is its last day."""

    person_id: UUID
    scope: str
    notice_version: str
    by: UUID | None = None
    until: date | None = None


@event_type("household.consent-withdrawn.v1")
class ConsentWithdrawn(HouseholdEvent, frozen=True, kw_only=True):
    """From this day a use of a person's data is no longer agreed to; what was done before stays done."""

    person_id: UUID
    scope: str


@event_type("household.erasure-requested.v1")
class ErasureRequested(HouseholdEvent, frozen=True, kw_only=True):
    """What names a person is to be erased."""

    person_id: UUID
    basis: str


@event_type("household.person-erased.v1")
class PersonErased(HouseholdEvent, frozen=True, kw_only=True):
    """What named a person is gone, under an entry of the ledger of erasures; nothing more is told of them."""

    person_id: UUID
    ledger_entry: int


@event_type("household.integration-survey-recorded.v1")
class IntegrationSurveyRecorded(HouseholdEvent, frozen=True, kw_only=True):
    """A member answered a survey, in codes and numbers; it moves no figure."""

    person_id: UUID
    instrument: str
    version: str
    answers: Answers


@event_type("household.id-number-released.v1")
class IdNumberReleased(HouseholdEvent, frozen=True, kw_only=True):
    """The ID number that was told of a member is not theirs: they are without one, and it can be somebody else's.

    ``commitment`` is that of the evidence, ``profile_commitment`` that of what the vault says of them from now on.
    """

    person_id: UUID
    reason: str
    commitment: bytes
    profile_commitment: bytes


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


FOR_OFFICES: tuple[type[HouseholdEvent], ...] = (
    IntegrationSurveyRecorded,
    IdNumberReleased,
    TransferRequested,
    TransferAnswered,
)
"""What no bureau is ever told: answers to surveys, whose number was whose, and what offices ask of each other."""
