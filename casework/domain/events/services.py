"""What can happen to services: from the request or the referral to the end, and deliveries."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent
from casework.domain.state import Evidence


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
