"""Commands through the library's API: load a household, decide, save; ours beside the stock library's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from time import perf_counter
from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Mapper
from eventsourcing.utils import Environment

from bench.figure import aside
from bench.server import database
from bench.stock import StockCasework, StockHousehold, environment
from casework.domain.aggregate import Aggregate, Event
from casework.domain.events import ServiceDelivered
from casework.domain.ids import uuid7
from casework.log.codec import EventMapper
from casework.log.migrations import migrate
from casework.log.pool import Pool, open_pool
from casework.log.recorder import LogFactory

THREADS = 32
HOUSEHOLDS = 2560
EVENTS = 18
"""So many each at first; a round adds one to each, so that in all they have about twenty."""

DAY = date(2013, 10, 1)

Command = Callable[[UUID], None]


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


def command_rates(server_url: str, rounds: int) -> tuple[list[float], list[float]]:
    """Return commands a second in each round, ours and theirs; every round gives each household one command."""
    with (
        database(server_url) as our_url,
        database(server_url) as their_url,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        migrate(our_url)
        with open_pool(our_url, min_size=THREADS, max_size=THREADS) as pool, _stock(their_url) as stock:
            pool.wait()
            return _measured(threads, OurCasework(pool), stock, rounds)


def _measured(
    threads: ThreadPoolExecutor, ours: OurCasework, stock: StockCasework, rounds: int
) -> tuple[list[float], list[float]]:
    our_ids = list(threads.map(lambda _: _fill_ours(ours), range(HOUSEHOLDS)))
    their_ids = [household for _ in range(HOUSEHOLDS // 64) for household in _fill_stock(stock, 64)]
    our_rates, their_rates = [], []
    for number in range(rounds):
        our_rates.append(_rate(threads, our_command(ours), our_ids))
        their_rates.append(_rate(threads, stock_command(stock), their_ids))
        said = f"ours {our_rates[-1]:,.0f}, stock {their_rates[-1]:,.0f}"
        aside.print(f"round {number + 1}: {said} commands/s")
    return our_rates, their_rates


def our_command(app: OurCasework) -> Command:
    """Return what grants a household one more service, in our way."""
    fold = cast("Any", OurHousehold.fold)

    def grant(household_id: UUID) -> None:
        household: Any = app.repository.get(household_id, projector_func=fold)
        household.grant(DAY, uuid7(), "EDU-COMP", uuid7())
        app.save(household)

    return grant


def stock_command(app: StockCasework) -> Command:
    """Return what grants a household one more service, as the library comes."""

    def grant(household_id: UUID) -> None:
        household: Any = app.repository.get(household_id)
        household.grant(DAY, uuid7(), "EDU-COMP", uuid7(), DAY, None)
        app.save(household)

    return grant


def _rate(threads: ThreadPoolExecutor, command: Command, ids: Sequence[UUID]) -> float:
    began = perf_counter()
    for _ in threads.map(command, ids):
        pass
    return len(ids) / (perf_counter() - began)


def _fill_ours(app: OurCasework) -> UUID:
    household = OurHousehold(uuid7())
    for _ in range(EVENTS):
        household.grant(DAY, uuid7(), "EDU-COMP", uuid7())
    app.save(cast("Any", household))
    return household.id


def _fill_stock(app: StockCasework, number: int) -> list[UUID]:
    households = [StockHousehold("410105001001") for _ in range(number)]
    for household in households:
        for _ in range(EVENTS - 1):
            household.grant(DAY, uuid7(), "EDU-COMP", uuid7(), DAY, None)
    app.save(*households)
    return [household.id for household in households]


def _stock(url: str) -> StockCasework:
    size = {"POSTGRES_POOL_SIZE": str(THREADS), "POSTGRES_CONNECT_TIMEOUT": "60"}
    return StockCasework(environment(url) | size)
