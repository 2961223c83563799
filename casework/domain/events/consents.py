"""What people have their say over: consent, erasure, and answers to surveys."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain.aggregate import event_type
from casework.domain.events.event import HouseholdEvent
from casework.domain.state import Answers


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
