"""Commands: load a household, decide, save; through the library's API ours beside the stock one, and on Message DB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from time import perf_counter
from typing import Any, Protocol, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Mapper, Recording
from eventsourcing.utils import Environment

from bench import message_db
from bench.figure import aside
from bench.message_db import MessageStore
from bench.server import database
from bench.stock import StockCasework, StockHousehold, environment
from casework.domain.aggregate import Aggregate, Event
from casework.domain.events.services import ServiceDelivered
from casework.domain.ids import uuid7
from casework.log.codec import EventCodec, EventMapper
from casework.log.migrations import migrate
from casework.log.pool import Pool, open_pool
from casework.log.recorder import LogFactory

THREADS = 32
HOUSEHOLDS = 2560
EVENTS = 18
"""So many each at first; a round adds one to each, so that in all they have about twenty."""

DAY = date(2013, 10, 1)

Rates = dict[str, list[float]]


class OurHousehold(Aggregate):
    """As much as the stock household does, in our way: services are granted, and remembered."""

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.services: list[str] = []

    def grant(self, occurred_on: date, episode_id: UUID, service: str, unit_id: UUID) -> None:
        """Record that a service was given."""
        self.record(ServiceDelivered(occurred_on=occurred_on, episode_id=episode_id, service=service, unit_id=unit_id))

    def apply(self, event: Event) -> None:
        match event:
            case ServiceDelivered(service=service):
                self.services.append(service)


class OurCasework(Application[UUID]):
    """The library's application on our log."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        super().__init__()

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return LogFactory(self.pool, env=env)

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper()


def command_rates(server_url: str, rounds: int, households: int = HOUSEHOLDS) -> Rates:
    """Return commands a second in each round, by contestant; every round gives each household one command.

    Message DB is not among them where its package cannot be had.
    """
    with ExitStack() as stack, ThreadPoolExecutor(THREADS) as threads:
        makers = {"ours": _ours, "stock": _stock, "Message DB": _message_db}
        made = {name: make(stack, stack.enter_context(database(server_url))) for name, make in makers.items()}
        contestants = [(name, each, each.fill(threads, households)) for name, each in made.items() if each is not None]
        rates: Rates = {name: [] for name, *_ in contestants}
        for number in range(rounds):
            first = number % len(contestants)
            for name, contestant, ids in contestants[first:] + contestants[:first]:
                rates[name].append(_rate(threads, contestant.grant, ids))
            said = ", ".join(f"{name} {each[-1]:,.0f}" for name, each in rates.items())
            aside.print(f"round {number + 1}: {said} commands/s")
        return rates


class Contestant(Protocol):
    """One way to keep households."""

    def fill(self, threads: ThreadPoolExecutor, households: int) -> list[UUID]:
        """Make so many households, each with some events; return their ids."""

    def grant(self, household_id: UUID) -> object:
        """Grant a household one more service."""


class Ours:
    """The library's API on our log."""

    def __init__(self, app: OurCasework) -> None:
        self.app = app
        self.fold = cast("Any", OurHousehold.fold)

    def fill(self, threads: ThreadPoolExecutor, households: int) -> list[UUID]:
        return list(threads.map(lambda _: self._filled(), range(households)))

    def grant(self, household_id: UUID) -> None:
        household: Any = self.app.repository.get(household_id, projector_func=self.fold)
        household.grant(DAY, uuid7(), "EDU-COMP", uuid7())
        self.app.save(household)

    def _filled(self) -> UUID:
        household = _household()
        self.app.save(cast("Any", household))
        return household.id


class Stock:
    """The library as it comes."""

    def __init__(self, app: StockCasework) -> None:
        self.app = app

    def fill(self, threads: ThreadPoolExecutor, households: int) -> list[UUID]:
        return [made for first in range(0, households, 64) for made in self._filled(min(64, households - first))]

    def grant(self, household_id: UUID) -> list[Recording[UUID]]:
        household: Any = self.app.repository.get(household_id)
        household.grant(DAY, uuid7(), "EDU-COMP", uuid7(), DAY, None)
        return self.app.save(household)

    def _filled(self, number: int) -> list[UUID]:
        households = [StockHousehold("410105001001") for _ in range(number)]
        for household in households:
            for _ in range(EVENTS - 1):
                household.grant(DAY, uuid7(), "EDU-COMP", uuid7(), DAY, None)
        self.app.save(*households)
        return [household.id for household in households]


class OnMessageDB:
    """Our household and our codec on Message DB: a stream each, all of one category."""

    def __init__(self, store: MessageStore) -> None:
        self.store = store
        self.codec = EventCodec()

    def fill(self, threads: ThreadPoolExecutor, households: int) -> list[UUID]:
        ids = list(threads.map(lambda _: self._save(_household()), range(households)))
        self.store.analyze()
        return ids

    def grant(self, household_id: UUID) -> None:
        household = OurHousehold(household_id)
        for type_name, position, data in self.store.read(f"household-{household_id}"):
            household.version = position + 1
            household.apply(self.codec.decode(type_name, data.encode()))
        household.grant(DAY, uuid7(), "EDU-COMP", uuid7())
        self._save(household)

    def _save(self, household: OurHousehold) -> UUID:
        for recorded in household.collect_events():
            data, last = self.codec.encode(recorded.event).decode(), recorded.originator_version - 2
            self.store.write(f"household-{household.id}", recorded.event.type_name, data, expected=last)
        return household.id


def _ours(stack: ExitStack, url: str) -> Contestant:
    migrate(url)
    pool = stack.enter_context(open_pool(url, min_size=THREADS, max_size=THREADS))
    pool.wait()
    return Ours(OurCasework(pool))


def _stock(stack: ExitStack, url: str) -> Contestant:
    return Stock(stack.enter_context(stock_casework(url, connections=THREADS)))


def _message_db(stack: ExitStack, url: str) -> Contestant | None:
    scripts = message_db.scripts()
    if not scripts:
        return None
    return OnMessageDB(stack.enter_context(message_db.store(url, scripts, connections=THREADS)))


def stock_casework(url: str, *, connections: int) -> StockCasework:
    """Return the library's application on a database, with a pool of so many connections."""
    size = {"POSTGRES_POOL_SIZE": str(connections), "POSTGRES_CONNECT_TIMEOUT": "60"}
    return StockCasework(environment(url) | size)


def _household() -> OurHousehold:
    household = OurHousehold(uuid7())
    for _ in range(EVENTS):
        household.grant(DAY, uuid7(), "EDU-COMP", uuid7())
    return household


def _rate(threads: ThreadPoolExecutor, command: Callable[[UUID], object], ids: Sequence[UUID]) -> float:
    began = perf_counter()
    for _ in threads.map(command, ids):
        pass
    return len(ids) / (perf_counter() - began)
