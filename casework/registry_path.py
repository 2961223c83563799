"""What commands look at before they decide: households, units, and where a community lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from threading import Lock
from time import monotonic
from typing import Any, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import InfrastructureFactory, Mapper
from eventsourcing.utils import Environment

from casework.domain import registry
from casework.domain.aggregate import Recorded
from casework.domain.calendar import shanghai_date
from casework.domain.household import Household, fold
from casework.domain.ids import REGISTRY, partition_of
from casework.domain.registry import Registry, UnitRegistered
from casework.domain.residence import refuse_if
from casework.errors import NotFound, Refused
from casework.log import reading
from casework.log.codec import EventMapper
from casework.log.pool import Pool
from casework.log.reading import RegistryEvent
from casework.log.recorder import LogFactory


class RegistryPath(Application[UUID]):
    """One log, its households, and its registry as it is now: units, and the tree of divisions."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self.pool = pool
        self.now = now
        self._registry = Registry()
        self._registry_lock = Lock()
        self._registry_seen_at = 0.0
        super().__init__()

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return LogFactory(self.pool, env=env)

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper()

    @property
    def today(self) -> date:
        """The Shanghai date."""
        return shanghai_date(self.now())

    def household(self, household_id: UUID) -> Household:
        """A household folded from its own stream: always current."""
        if partition_of(household_id) == REGISTRY:
            raise NotFound
        try:
            return cast("Household", self.repository.get(household_id, projector_func=cast("Any", fold)))
        except AggregateNotFoundError:
            raise NotFound from None

    def registry(self, *, at_most_old: float = 0) -> Registry:
        """Units, feeds and policies as the registry's partition has them now, or had them so many seconds ago."""
        if at_most_old and monotonic() - self._registry_seen_at < at_most_old:
            return self._registry
        asked_at = monotonic()
        with self.pool.connection() as db:
            events = reading.registry_events(db, after=self._registry.position)
        if events:
            self._continue_registry(events)
        self._registry_seen_at = asked_at
        return self._registry

    def _continue_registry(self, events: Sequence[RegistryEvent]) -> None:
        with self._registry_lock:
            fresh = [event for event in events if event.position > self._registry.position]
            if fresh:
                self._registry = self._registry.continued(
                    (e.position, Recorded(e.stream_id, e.version, self._decode(e.type, e.state))) for e in fresh
                )

    def is_within(self, community: str, divisions: frozenset[str]) -> bool:
        """Whether a community lies in one of some divisions, by the administrative tree of today; none named: yes."""
        if not divisions:
            return True
        allowed = {registry.unit_id(code) for code in divisions}
        place = registry.unit_id(community)
        near = {place, *self.registry(at_most_old=1).ancestors(place, self.today)}
        return not allowed.isdisjoint(near) or not allowed.isdisjoint(self.registry().ancestors(place, self.today))

    def _registries(self) -> Iterator[Registry]:
        """The registry as it was a second ago at most, and for whoever does not find there what they need, as it is."""
        yield self.registry(at_most_old=1)
        yield self.registry()

    def _unit(self, unit_id: UUID, on: date) -> UnitRegistered | None:
        # Another stream's state, so it is asked when deciding and not at the commit: a unit that closes in between is
        # found by the next look.
        for units in self._registries():
            unit = units.units.get(unit_id)
            if unit is not None and unit.is_active(on):
                return unit.registered
        return None

    def _check_community(self, code: str, on: date) -> None:
        unit = self._unit(registry.unit_id(code), on)
        refuse_if(unit is None or unit.kind != "community", "community-not-active")

    def _check_unit(self, unit_id: UUID | None, kinds: Sequence[str] | None, on: date) -> None:
        if unit_id is None:
            return
        unit = self._unit(unit_id, on)
        if unit is None:
            raise Refused("unit-unknown")
        refuse_if(kinds is not None and unit.kind not in kinds, "unit-kind")

    def _decode(self, type_name: str, state: bytes) -> Any:
        return cast("EventMapper", self.mapper).codec.decode(type_name, state)
