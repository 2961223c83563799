"""The queues run what is ours, as JSON, and hold one waiting drain at most."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.callbacks import Callback
from rq.job import JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from casework.config import Settings
from casework.wake import ANSWER_SECONDS, Wake, connect
from workers import jobs
from workers.queue import DRAINS, ClosedJob, DrainWaker, UnknownJob, enqueue, enqueue_drain, queue, sweep
from workers.run import RHYTHM, DrainWorker, LongWorker, _new_worker


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


@pytest.fixture
def drains(connection: redis.Redis) -> Queue:
    return queue(DRAINS, connection)


def ran(connection: redis.Redis, drains: Queue) -> Any:
    """Work on the one job that waits, and return it as it then is."""
    [job_id] = drains.job_ids
    worker = SimpleWorker([drains], connection=connection, job_class=ClosedJob, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="ERROR")
    return ClosedJob.fetch(job_id, connection=connection, serializer=JSONSerializer)


def test_a_job_is_stored_as_json(connection: redis.Redis, drains: Queue):
    enqueue("verify_views", drains, timeout=5, sample=3)

    [job_id] = drains.job_ids
    stored = zlib.decompress(connection.hget(f"rq:job:{job_id}", "data"))  # type: ignore[arg-type]

    assert json.loads(stored) == ["verify_views", None, [], {"sample": 3}]


@pytest.mark.parametrize("name", ["os.system", "workers.jobs.drain_views", "builtins.print", ""])
def test_no_other_function_is_enqueued(drains: Queue, name: str):
    with pytest.raises(UnknownJob):
        enqueue(name, drains, timeout=5)


def test_no_other_function_runs_whoever_put_it_there(connection: redis.Redis, tmp_path: Any):
    theirs = Queue(DRAINS, connection=connection, serializer=JSONSerializer)
    theirs.enqueue("os.mkdir", str(tmp_path / "made"))

    job = ran(connection, queue(DRAINS, connection))

    assert job.get_status() is JobStatus.FAILED
    assert not (tmp_path / "made").exists()


def test_no_method_of_an_object_runs(connection: redis.Redis, drains: Queue):
    enqueue("drain_views", drains, timeout=5)
    [job_id] = drains.job_ids
    data = zlib.compress(json.dumps(["drain_views", "object", [], {}]).encode())
    connection.hset(f"rq:job:{job_id}", "data", data)

    assert ran(connection, drains).get_status() is JobStatus.FAILED


def test_callbacks_and_webhooks_of_a_job_are_not_followed(connection: redis.Redis):
    theirs = Queue(DRAINS, connection=connection, serializer=JSONSerializer)
    job = theirs.enqueue("verify_views", on_failure=Callback("os.abort"), on_success=Callback("os.abort"))
    connection.hset(job.key, "webhooks", json.dumps([{"url": "http://127.0.0.1:1/", "statuses": ["failed"]}]))

    ours = ClosedJob.fetch(job.id, connection=connection, serializer=JSONSerializer)

    assert (ours.success_callback, ours.failure_callback, ours.stopped_callback) == (None, None, None)
    assert ours.webhooks == []


def test_at_most_one_drain_waits(redis_url: str, drains: Queue):
    def ask() -> bool:
        with redis.Redis.from_url(redis_url) as mine:
            return enqueue_drain(queue(DRAINS, mine))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(), range(200)))

    assert len(drains.job_ids) == 1


@pytest.mark.parametrize("status", [JobStatus.STARTED, JobStatus.FAILED, JobStatus.FINISHED])
def test_no_drain_of_before_stands_in_the_way_of_the_next(drains: Queue, status: JobStatus):
    """RQ's own uniqueness refuses as long as a job of that name exists, running or over."""
    enqueue_drain(drains)
    before = drains.fetch_job(str(drains.pop_job_id()))
    assert before is not None
    before.set_status(status)

    assert enqueue_drain(drains)


def test_a_commit_asks_for_a_drain_where_none_lingers(redis_url: str, drains: Queue):
    waker = DrainWaker(redis_url)
    waker.wake.publish([1])  # connected before it counts: a request waits only so long

    for _ in range(20):
        waker([3])

    assert len(drains.job_ids) == 1
    waker.close()


def test_a_commit_asks_for_no_drain_where_one_lingers(redis_url: str, drains: Queue):
    waker, listener, stop = DrainWaker(redis_url), Wake(redis_url), Event()

    with listener.listening(stop) as wait:
        waker([3])
        wait(10)

    assert drains.job_ids == []
    waker.close()
    listener.close()


def test_a_wait_returns_what_hints_name_and_passes_over_what_is_none(redis_url: str):
    listener, heard = Wake(redis_url), set[int]()

    with listener.listening(Event()) as wait, redis.Redis.from_url(redis_url) as teller:
        for hint in ("3,5", "", "none of ours", "65", "70000", "9" * 5000, "-1", "64"):
            teller.publish(listener.channel, hint)
        while 64 not in heard and (more := wait(10)):  # the last may be on its way when the first is there
            heard |= more

    assert heard == {3, 5, 64}
    listener.close()


def test_without_redis_a_commit_goes_on_and_leaves_it_alone_for_a_while():
    waker = DrainWaker("redis://127.0.0.1:1/0")

    waker([3])

    assert waker.wake.publish([4]) is None
    waker.close()


def test_a_request_waits_for_two_short_exchanges_at_most():
    options = connect("redis://127.0.0.1:1/0").connection_pool.connection_kwargs

    assert 2 * ANSWER_SECONDS < 0.1
    assert options["socket_timeout"] == options["socket_connect_timeout"] == ANSWER_SECONDS
    assert options["retry"].get_retries() == 0


def test_a_wait_ends_when_it_is_stopped(redis_url: str):
    wake, stop = Wake(redis_url), Event()
    stop.set()

    with wake.listening(stop) as wait:
        wait(3600)

    wake.close()


def test_a_wait_without_redis_ends_too():
    wake = Wake("redis://127.0.0.1:1/0")

    with wake.listening(Event()) as wait:
        wait(0.01)

    wake.close()


@pytest.mark.parametrize("kind", [DrainWorker, LongWorker])
def test_workers_speak_json_and_look_after_their_queue_often(redis_url: str, kind: Any):
    worker = _new_worker(kind, DRAINS, Settings.from_env({"CASEWORK_REDIS_URL": redis_url}))

    assert worker.serializer is JSONSerializer
    assert worker.job_class is ClosedJob
    assert {each.serializer for each in worker.queues} == {JSONSerializer}
    assert worker.dequeue_timeout == RHYTHM["worker_ttl"] - 15
    worker.connection.close()


def test_a_job_whose_worker_died_is_closed_by_the_sweep(connection: redis.Redis, drains: Queue):
    enqueue("drain_views", drains, timeout=5)
    [job_id] = drains.job_ids
    job = drains.fetch_job(job_id)
    assert job is not None
    job.set_status(JobStatus.STARTED)
    connection.lpop(drains.key)
    connection.zadd(StartedJobRegistry(queue=drains).key, {f"{job_id}:execution": 1})

    sweep(connection)

    assert connection.zcard(StartedJobRegistry(queue=drains).key) == 0
    assert job.get_status() is JobStatus.FAILED


def test_a_process_without_settings_names_what_it_lacks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "_settings", [Settings.from_env({})])

    with pytest.raises(RuntimeError, match="CASEWORK_DATABASE_URL"):
        jobs.runtime()
