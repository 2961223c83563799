"""What is an office's own business, and told to no bureau."""

from __future__ import annotations

from casework.domain.events.consents import IntegrationSurveyRecorded
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import IdNumberReleased
from casework.domain.events.transfers import TransferAnswered, TransferRequested

FOR_OFFICES: tuple[type[HouseholdEvent], ...] = (
    IntegrationSurveyRecorded,
    IdNumberReleased,
    TransferRequested,
    TransferAnswered,
)
"""What no bureau is ever told: answers to surveys, whose number was whose, and what offices ask of each other."""
