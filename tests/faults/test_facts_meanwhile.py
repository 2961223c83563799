"""Row 18b: a fact of an employer changes while a household that depends on it is drained by another worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from random import Random
from threading import Barrier
from time import sleep
from uuid import UUID, uuid4

import pytest

from casework import faults
from casework.domain.aggregate import Recorded
from casework.domain.events.membership import NewMember
from casework.domain.household import Household
from casework.domain.registry import unit_id
from casework.domain.residence import By
from casework.domain.state import MemberFacts
from casework.projections import sets
from casework.projections.batch import Batch
from casework.projections.engine import Engine
from casework.projections.facts import RegistryReader
from casework.projections.verify import Difference, Replay
from tests.faults.amounts import amount, seeds
from tests.faults.invariants import assert_views_hold
from tests.log.given import stream_in
from tests.projections.lives import BEGIN, COMMUNITIES, UNTIL
from tests.projections.simulated import Simulated

ROUNDS = 10  # of one scene, with households of its own
SCENES = amount(short=12, long=10_000 // ROUNDS)
PLACES = ("claimed", "events-read", "rows-written", "totals-moved", "checkpoints-moved", "committed")
PARTITIONS = (5, 5, 9)


class Scene:
    """Three households that find work, employers that have a collective contract, and two workers on the views."""

    def __init__(self, log: Simulated, chance: Random) -> None:
        self.log = log
        self.chance = chance
        self.engines = [Engine(log.pool, today=lambda: log.today) for _ in range(2)]
        self.registry = RegistryReader()
        self.employers = [uuid4().hex for _ in range(ROUNDS)]
        self.households = [stream_in(partition) for partition in PARTITIONS]
        self.stories = [working_life(household_id, self.employers) for household_id in self.households]
        log.tell([next(story) for story in self.stories])

    def rounds(self) -> Iterator[list[Difference]]:
        """Play all rounds; after each, what the views have otherwise than a replay."""
        waiting: list[str] = []
        with ThreadPoolExecutor(4) as threads:
            for employer in self.employers:
                waiting.append(employer)  # it reports now, or when its people have long been counted
                reporting = waiting.pop(self.chance.randrange(len(waiting)))
                acts = [self.go_on, partial(self.log.report_contract, reporting, date(2013, 1, 1))]
                acts += [engine.drain for engine in self.engines]
                list(threads.map(partial(at_once, Barrier(4)), self.chance.sample(acts, 4)))
                self.log.drain(self.engines[0])
                yield self.differences()

    def go_on(self) -> None:
        """The households begin to work for one more employer."""
        self.log.tell([next(story) for story in self.stories])

    def differences(self) -> list[Difference]:
        """What the views have otherwise than a replay of these households."""
        found: list[Difference] = []
        with self.log.pool.connection() as db, db.transaction():
            view = sets.enter_live(db)
            for partition in set(PARTITIONS):
                ids = [household_id for household_id in self.households if household_id.int & 63 == partition]
                found += Replay(db, view, partition, self.registry).differences(ids, totals=False)
        return found


def at_once(together: Barrier, act: Callable[[], object]) -> None:
    """Act when all are ready."""
    together.wait()
    act()


def working_life(household_id: UUID, employers: Sequence[str]) -> Iterator[Recorded]:
    """The events of somebody who works for more and more employers."""
    household, by = Household(household_id), By(UNTIL)
    member = NewMember(
        person_id=uuid4(), relation="head", sex="male", birth_month="1980-01", facts=MemberFacts(migrant=True)
    )
    household.register_household(
        by, arrived_on=BEGIN, community=COMMUNITIES[0], head=member.person_id, members=[member]
    )
    yield from household.collect_events()
    for employer in employers:
        household.start_employment(
            by,
            occurred_on=BEGIN,
            employment_id=uuid4(),
            person_id=member.person_id,
            kind="employee",
            from_=BEGIN,
            born_on=date(1980, 1, 1),
            unit_id=unit_id(employer),
        )
        yield from household.collect_events()


def linger(monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    """Let every drain stay for a random moment at every fault point, so that all orders come about."""
    stay = lambda: sleep(chance.random() ** 3 / 200)  # noqa: E731
    monkeypatch.setattr(faults, "_armed", dict.fromkeys(PLACES, stay))


@pytest.fixture
def log(log: Simulated) -> Simulated:
    """A log of which only the partitions in question are drained: a fact would move all 64."""
    log.as_owner("UPDATE view_1.checkpoint SET paused = 'not in this test' WHERE partition <> ALL (%s)", [*PARTITIONS])
    return log


def test_no_reassessment_is_lost(log: Simulated, monkeypatch: pytest.MonkeyPatch):
    for seed in seeds(SCENES, SCENES):
        linger(monkeypatch, Random(seed))
        for differences in Scene(log, Random(seed)).rounds():
            assert differences == []
    assert log.engine.drain() == 0
    assert_views_hold(log)


def test_a_drain_that_notes_a_later_registry_than_it_used_is_caught(log: Simulated, monkeypatch: pytest.MonkeyPatch):
    """As somebody might write it who looks at the registry's head when the checkpoint is moved."""
    finish = Batch.finish

    def careless(batch: Batch, cut: Mapping[int, int]) -> None:
        [(head,)] = batch.db.execute("SELECT coalesce(max(position), 0) FROM casework.events WHERE partition = 64")
        batch.target = batch.target._replace(registry_position=head)
        finish(batch, cut)

    monkeypatch.setattr(Batch, "finish", careless)
    linger(monkeypatch, Random(1))

    assert any(differences for seed in range(SCENES) for differences in Scene(log, Random(seed)).rounds())
