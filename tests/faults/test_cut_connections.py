"""Row 3: a connection to the database is cut at any statement, COMMIT among them, before or after it took effect."""

from __future__ import annotations

from pathlib import Path
from random import Random

from casework.log.pool import open_pool
from casework.log.recorder import LogRecorder
from casework.projections.engine import AWAY, Engine
from tests.faults.amounts import amount, seeds
from tests.faults.clients import Client
from tests.faults.invariants import assert_each_once, assert_gapless, assert_views_hold
from tests.given import casework_on
from tests.log.given import event, stream_in
from tests.log.proxy import When, proxy_to
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated

STEPS = amount(short=20, long=520)
WAYS: tuple[When, ...] = ("sent", "answered")


def test_a_command_whose_connection_is_cut_has_one_effect_and_is_no_conflict(log: Simulated, tmp_path: Path):
    with proxy_to(log.url) as proxy:
        for casework in casework_on(proxy.url, tmp_path / "keys"):
            client = Client(casework)
            for seed in seeds(short=20, long=2000):
                chance = Random(seed)
                proxy.cut(chance.choice(WAYS), after=chance.randrange(7))
                client.register_and_visit()
            proxy.cut(None)

    assert proxy.cuts > len(client.answers) / 6
    assert_each_once(log, client.answers)
    assert_gapless(log)


def test_a_drain_whose_connection_is_cut_has_taken_place_or_has_not(log: Simulated):
    stories = {stream_in(number): number for number in (3, 3, 4, 5)}
    streams = [life(household_id, seed, steps=STEPS) for household_id, seed in stories.items()]
    log.tell([event for stream in streams for event in stream[:1]])
    log.drain()
    cuts = 0
    with proxy_to(log.url) as proxy, open_pool(proxy.url, max_size=1) as pool:
        engine = Engine(pool, today=lambda: log.today)
        for number, seed in enumerate(seeds(short=12, long=500), 1):
            chance = Random(seed)
            log.tell([event for stream in streams for event in stream[number : number + 1]])
            log.report_contract(chance.choice(EMPLOYERS), UNTIL)
            proxy.cut(chance.choice(WAYS), after=chance.randrange(30))
            try:
                engine.drain()
            except AWAY:
                cuts += 1

            log.drain()
            assert_views_hold(log)
        proxy.cut(None)

    assert cuts > number / 3


def test_a_subscription_of_the_library_goes_on_where_its_connection_is_cut(log: Simulated):
    """The library's own runner stops for good there."""
    seen: list[int] = []
    with proxy_to(log.url) as proxy, open_pool(proxy.url, max_size=1) as pool:
        writing, subscription = LogRecorder(log.pool, partitions=1), LogRecorder(pool, partitions=1).subscribe()
        stream_id = stream_in(0)
        for seed in seeds(short=10, long=200):
            proxy.cut(Random(seed).choice(WAYS))
            writing.append([event(stream_id, len(seen) + 1)])
            seen.append(next(subscription).originator_version)
        subscription.stop()

    assert proxy.cuts == len(seen)
    assert seen == [*range(1, len(seen) + 1)]
