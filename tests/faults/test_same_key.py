"""Row 18: one idempotency key, one effect and one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import RemoteDisconnected
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from casework.config import Settings
from casework.domain.ids import partition_of, uuid8_from
from casework.errors import CommandReused
from casework.outcome import Outcome
from tests.api.serving import answered, ended, environment_on, prepare, running
from tests.faults.amounts import seeds
from tests.faults.clients import register, two_processes, visit
from tests.faults.invariants import assert_each_once, assert_gapless
from tests.given import by, casework_on, registered
from tests.log.given import held, wait_for_waiting
from tests.log.proxy import proxy_to
from tests.projections.simulated import Simulated

AT_ONCE = 50


def test_of_fifty_at_once_one_has_an_effect_and_all_have_its_answer(log: Simulated, tmp_path: Path):
    answers: dict[UUID, Outcome] = {}
    with two_processes(log.url, tmp_path) as offices, ThreadPoolExecutor(16) as threads:
        for seed in seeds(short=2, long=200):
            person_id = uuid8_from(f"person-{seed}".encode())
            given = [offices[number % 2] for number in range(AT_ONCE)]
            entered = by(key=f"register-{seed}", body=b"1")
            [household] = set(threads.map(lambda office: register(office, person_id, entered).id, given))  # noqa: B023
            visited = by(key=f"visit-{seed}", body=b"1")
            first, *others = threads.map(lambda office: visit(office, household, visited), given)  # noqa: B023

            assert others == [first] * (AT_ONCE - 1)
            assert visited.command_id is not None
            answers[visited.command_id] = first
            for office in offices:
                with pytest.raises(CommandReused):
                    visit(office, household, by(key=f"visit-{seed}", body=b"2"))
    assert_each_once(log, answers)


def test_a_request_whose_process_died_between_commit_and_reply_is_answered_when_it_comes_again(
    database_url: str, redis_url: str, tmp_path: Path
):
    environment = environment_on(database_url, redis_url, tmp_path)
    settings = Settings.from_env(environment)
    prepare(settings)
    with running({**environment, "CASEWORK_FAULT": "appended=kill"}) as program:
        try:
            with pytest.raises((RemoteDisconnected, ConnectionResetError)):
                answered(settings)
            again, once_more, other = answered(settings), answered(settings), answered(settings, name="李四")
        finally:
            ended(program)

    assert again == once_more
    assert (again[0], again[1]["changed"], other[0]) == (201, True, 422)
    with psycopg.connect(database_url) as db:
        stored = db.execute("SELECT stream_id FROM casework.events WHERE type = 'household.registered.v1'").fetchall()
    assert [str(household) for (household,) in stored] == [again[1]["id"]]


def test_a_command_that_appears_only_moments_after_its_connection_was_cut_has_one_effect(
    log: Simulated, admin: psycopg.Connection[tuple[object, ...]], tmp_path: Path
):
    """It waits in the server for a lock; the same is sent again by us, and by its client to another process."""
    visited = by(key="visit", body=b"1")
    with proxy_to(log.url) as proxy, ThreadPoolExecutor(2) as threads:
        opened = [casework_on(url, tmp_path / "keys") for url in (log.url, proxy.url)]
        offices = [next(each) for each in opened]
        household = registered(offices[0]).id
        partition = partition_of(household)
        with held(log.url, partition):
            given = [threads.submit(visit, office, household, visited) for office in offices]
            wait_for_waiting(admin, partition, number=2)
            proxy.cut_now()
            wait_for_waiting(admin, partition, number=3)
        first, second = [each.result() for each in given]
        for each in opened:
            next(each, None)

    assert first == second
    assert visited.command_id is not None
    assert_each_once(log, {visited.command_id: first})
    assert_gapless(log)
