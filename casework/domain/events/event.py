"""What all that can happen to a household has."""

from __future__ import annotations

from datetime import date

from casework.domain.aggregate import Event


class HouseholdEvent(Event, frozen=True, kw_only=True):
    """Something that happened to a household on a Shanghai date."""

    occurred_on: date
