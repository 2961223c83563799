"""The queues: JSON only, a closed list of functions, at most one drain waiting, one job for each partition to fill.

RQ's default is pickle, and its JSON jobs still name any function that can be imported, as do their callbacks and
webhooks. Here a job's name is looked up in a closed list, and nothing else that a job's record asks for is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import redis
from rq import Queue
from rq.job import Job
from rq.registry import clean_registries
from rq.serializers import JSONSerializer

from casework.wake import Wake, connect
from workers.jobs import JOBS

DRAINS = "drains"
FILLS = "fills"
LONG = "long"
WEBHOOKS = "webhooks"
QUEUES = (DRAINS, FILLS, LONG, WEBHOOKS)

DRAIN_SECONDS = 60
"""After about twice as long, a started drain that no longer reports counts as abandoned."""

FILL_SECONDS = 120
"""The same for the filling of a partition, which ends by itself after a while; the next tick asks for the rest."""

COUNT_SECONDS = 3600
COUNTERS = 8
"""How many workers may count the month ends of one run at once."""

WEBHOOK_SECONDS = 60
"""The same for webhooks, which are sent for as long as a drain lingers."""

FAILED_SECONDS = 24 * 3600
IN_TIME = 0.05
"""A wake-up begins no further exchange with Redis when so much time is spent."""

OLDEST_REDIS = (6, 2, 0)


class UnknownJob(Exception):
    """A job names a function that is not in the closed list."""


class ClosedJob(Job):
    """A job that can only be one of ours."""

    @property
    def func(self) -> Callable[..., Any]:
        """The function of that name, from the closed list."""
        if self.func_name not in JOBS or self.instance is not None:
            raise UnknownJob(f"There is no job {self.func_name!r}.")
        return JOBS[self.func_name]

    def restore(self, raw_data: Mapping[Any, Any]) -> None:
        """Read a job's record, leaving out what would call other code or other machines."""
        super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []


def queue(name: str, connection: redis.Redis) -> Queue:
    """Return one of the queues."""
    made = Queue(name, connection=connection, job_class=ClosedJob, serializer=JSONSerializer)
    made.redis_server_version = OLDEST_REDIS  # else RQ asks the server within the first request
    return made


def enqueue(
    name: str, queue: Queue, *, timeout: int, pipeline: redis.client.Pipeline | None = None, **arguments: Any
) -> None:
    """Put a job of ours into a queue; its arguments are ids and numbers, never personal data."""
    if name not in JOBS:
        raise UnknownJob(f"There is no job {name!r}.")
    queue.enqueue_call(
        name, kwargs=arguments, timeout=timeout, result_ttl=0, failure_ttl=FAILED_SECONDS, pipeline=pipeline
    )


def enqueue_fills(queue: Queue, partitions: Iterable[tuple[str, int]]) -> bool:
    """Let a job for each partition of a set wait in the queue, unless any does; say whether they were put there."""
    with queue.connection.pipeline() as pipeline:
        try:
            pipeline.watch(queue.key)
            if pipeline.llen(queue.key):
                return False
            pipeline.multi()
            for view, partition in partitions:
                arguments = {"view": view, "partition": partition}
                enqueue("fill_partition", queue, timeout=FILL_SECONDS, pipeline=pipeline, **arguments)
            pipeline.execute()
        except redis.WatchError:
            return False
    return True


def enqueue_counts(queue: Queue, runs: Iterable[UUID]) -> bool:
    """Let some jobs for each run of month ends wait in the queue, unless any job does; say whether they were put there.

    They take partitions until none is left, so that those that find none are soon over.
    """
    with queue.connection.pipeline() as pipeline:
        try:
            pipeline.watch(queue.key)
            if pipeline.llen(queue.key):
                return False
            pipeline.multi()
            for run in runs:
                for _ in range(COUNTERS):
                    enqueue("count_months", queue, timeout=COUNT_SECONDS, pipeline=pipeline, run=str(run))
            pipeline.execute()
        except redis.WatchError:
            return False
    return True


def enqueue_webhooks(queue: Queue) -> bool:
    """Let the next job that sends webhooks wait in the queue unless one does, so that it follows the one before."""
    return _enqueue_one("deliver_webhooks", queue, WEBHOOK_SECONDS, lambda: True)


def enqueue_drain(queue: Queue, *, in_time: Callable[[], bool] = lambda: True) -> bool:
    """Let a drain wait in the queue unless one does; say whether one was put there.

    Where another process changes the queue at the same moment nothing is done: it put a drain there, or a worker
    took one, which looks at the heads after that.
    """
    return _enqueue_one("drain_views", queue, DRAIN_SECONDS, in_time)


def _enqueue_one(name: str, queue: Queue, timeout: int, in_time: Callable[[], bool]) -> bool:
    with queue.connection.pipeline() as pipeline:
        try:
            pipeline.watch(queue.key)
            if not in_time() or pipeline.llen(queue.key):
                return False
            pipeline.multi()
            enqueue(name, queue, timeout=timeout, pipeline=pipeline)
            if not in_time():
                return False
            pipeline.execute()
        except redis.WatchError:
            return False
    return True


def sweep(connection: redis.Redis) -> None:
    """Close the jobs whose workers died, in all queues, whether or not any worker does its maintenance."""
    for name in QUEUES:
        clean_registries(queue(name, connection))


class DrainWaker:
    """What the API calls after a commit: a hint to the drains that linger, and a job only where none does.

    It never raises, and a request waits a tenth of a second for it at most.
    """

    def __init__(self, redis_url: str) -> None:
        self.wake = Wake(redis_url)
        self.drains = queue(DRAINS, connect(redis_url))

    def __call__(self, partitions: Sequence[int]) -> None:
        """Say that these partitions moved."""
        begun = monotonic()

        def in_time() -> bool:
            return monotonic() - begun < IN_TIME

        if self.wake.publish(partitions) == 0 and in_time():
            try:
                enqueue_drain(self.drains, in_time=in_time)
            except redis.RedisError as error:
                self.wake.rest(error)

    def close(self) -> None:
        """Close the connections."""
        self.wake.close()
        self.drains.connection.close()
