"""One household's life, told to its own aggregate in the order in which offices would record it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from heapq import heappop, heappush
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain import catalogue, registry
from casework.domain.aggregate import Recorded
from casework.domain.household import Household
from casework.domain.ids import uuid7  # noqa: F401
from casework.domain.residence import By
from casework.domain.restricted import is_restricted_event
from casework.errors import Refused
from casework.log.append import Beside, Claim
from casework.log.codec import EventCodec, Metadata
from casework.population import rates
from casework.population.chance import chance_of
from casework.population.family import Family, found
from casework.population.sealing import SimulatedVault
from casework.population.steps import Step, Thread
from casework.population.told import DAY, Span, Told
from casework.population.world import World
from casework.privacy.persons import Persons, sealed_fields, together

OPENS = 8 * 3600 + 1800
"""The second of the day at which offices open."""
OPEN_FOR = 9 * 3600 + 1800

_encode = EventCodec().encode
