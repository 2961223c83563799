"""The check for duplicates when a person is entered, in a city of 100,000 households, beside the bar of 50 ms.

    python -m bench duplicates [--json] [--households 100000] [--checks 2000]

The city is the synthetic one: everybody who arrives is registered, sealed and made findable, and nothing else is told
of them. Who is checked is mostly new there; every tenth has a file already, and was taken for another. A check is what
the command waits for: the search for those who share a key, their decryption, the comparison, and the line in the
queue.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from datetime import date
from multiprocessing import get_context
from time import perf_counter
from typing import NamedTuple
from uuid import UUID

import psycopg

from bench.figure import Figure, aside, show
from bench.server import installation
from casework import wiring
from casework.config import Settings
from casework.domain.ids import PARTITIONS, uuid7
from casework.log.migrations import birth
from casework.log.pool import APPLICATION_ROLE
from casework.population import residence
from casework.population.chance import chance_of
from casework.population.doubles import told_again
from casework.population.family import found
from casework.population.identity import phone_number
from casework.population.life import Life
from casework.population.loading import Loader, Order, Plan, batches
from casework.population.office import City
from casework.population.told import Span, Weeks, beside
from casework.population.world import world
from casework.privacy.duplicates import Duplicates
from casework.privacy.keys import KeyRing
from casework.privacy.persons import Profile
from casework.privacy.vault import Vault

BAR_MS = 50.0
SEED = 2013
UNTIL = date(2014, 9, 28)
WARM = 50
TWICE = 10
"""One in so many of those who are checked has a file already."""


class Checked(NamedTuple):
    """Somebody who is entered, and whether they have a file already."""

    profile: Profile
    is_known: bool


def main(arguments: Sequence[str]) -> int:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(prog="bench duplicates")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--households", type=int, default=100_000)
    parser.add_argument("--checks", type=int, default=2_000)
    chosen = parser.parse_args(arguments)
    with installation() as settings:
        show(_figures(settings, chosen.households, chosen.checks), as_json=chosen.json)
    return 0


def _figures(settings: Settings, households: int, checks: int) -> Iterator[Figure]:
    wiring.prepare(settings, synthetic=True)
    url = wiring.database_url(settings)
    birth(url, synthetic=True, until=UNTIL, seed=SEED, details={})
    keys = KeyRing.open(settings.keys_dir, create=True)
    with psycopg.connect(url, autocommit=True) as db:
        Vault(keys).bind(db)
    _filled(Order(Plan("load", households, SEED, UNTIL), url, settings.keys_dir, APPLICATION_ROLE))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ANALYZE")
        [(people,)] = db.execute("SELECT count(*) FROM vault.person").fetchall()
    city = City(world("load", SEED), Span(UNTIL), keys)
    with closing(wiring.open_log(settings)) as pool:
        duplicates = Duplicates(wiring.open_persons(settings, pool))
        with pool.connection() as db:
            for each in _to_check(city, households, WARM):
                duplicates.note(db, uuid7(), each.profile)
            asked = list(_to_check(city, households + WARM, checks))
            times, hits = _timed(duplicates, db, asked)
    aside.print(f"{people} people in {households} households; {hits} of {len(asked)} who were checked have two files")
    yield from _of_times(times)


def _timed(duplicates: Duplicates, db: psycopg.Connection[object], asked: list[Checked]) -> tuple[list[float], int]:
    """Return how many milliseconds each check took, the shortest first; and how many found somebody.

    Whoever has a file already has to be found.
    """
    times, hits = [], 0
    for each in asked:
        begun = perf_counter()
        probable: list[UUID] = duplicates.note(db, uuid7(), each.profile)
        times.append((perf_counter() - begun) * 1000)
        hits += bool(probable)
        if each.is_known and not probable:
            raise SystemExit("Somebody who has a file already was not found.")
    return sorted(times), hits


def _of_times(times: list[float]) -> Iterator[Figure]:
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        took = times[int(len(times) * share)]
        yield Figure(f"entry check {name}, vs {BAR_MS:.0f} ms", round(took, 2), BAR_MS, "ms", round(BAR_MS / took, 2))


def _to_check(city: City, first: int, many: int) -> Iterator[Checked]:
    """People of households that are not there yet; of every tenth, somebody who is there comes instead."""
    chance = chance_of(SEED, "checks", first)
    for number in range(first, first + many):
        is_known = number % TWICE == 0
        head = found(city.world, city.span, chance.whole(0, first - 1 - WARM) if is_known else number).head
        again = told_again(chance, head.profile, phone_number(number * 8)) if is_known else head.profile
        yield Checked(again, is_known)


def _filled(order: Order) -> None:
    """Register everybody, by as many processes as there are processors."""
    begun, done = perf_counter(), 0
    with ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn")) as pool:
        for part in as_completed([pool.submit(_arrive, order, partition) for partition in range(PARTITIONS)]):
            done += part.result()
    aside.print(f"{done} households registered in {perf_counter() - begun:.0f} s")


def _arrive(order: Order, partition: int) -> int:
    """Register the households of a partition, and nothing else of their lives; return how many."""
    loader = Loader(order)
    weeks, numbers = Weeks(loader.city.span), range(partition, order.plan.households, PARTITIONS)
    for number in numbers:
        life = Life(loader.city, number)
        weeks.add(life.office.record(residence.registered(life), life.now) or ())
    for batch in batches(weeks):
        events, recorded_at = [told.event(partition) for told in batch], [told.recorded_at for told in batch]
        loader.recorder.append_simulated(events, recorded_at, beside(batch))
    loader.pool.close()
    return len(numbers)
