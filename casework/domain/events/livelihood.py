"""What can happen to members' work, and to needs."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent


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
