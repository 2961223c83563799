"""Wake-ups over Redis: hints that something was committed, on which nothing depends (DESIGN idea 4).

A drain that lingers subscribes to a channel; whoever commits publishes to it and learns how many were listening.
On a second channel drains tell that views moved, for requests that wait to see their own writes. On a third one those
listen who give out events to subscribers, so that they are never counted among the drains.
Everything here may fail or be lost at any moment: callers go on, and a short poll or the next tick finds the work.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition, Event, Thread
from time import monotonic
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from casework.domain.ids import REGISTRY

log = logging.getLogger(__name__)

ANSWER_SECONDS = 0.045
"""How long one exchange with Redis may take where a request waits for it: there are two at most."""

LISTEN_SECONDS = 0.25
"""How long a listener waits before it looks whether it is to end."""

REST_SECONDS = 1.0
"""How long Redis is left alone after it did not answer."""


class Waiting(Protocol):
    """Waits for a hint, so many seconds at most; returns the partitions that are told to have moved."""

    def __call__(self, seconds: float) -> set[int]: ...


def connect(url: str, *, answer_seconds: float = ANSWER_SECONDS) -> redis.Redis:
    """Return a client that gives up soon and never tries twice."""
    return redis.Redis.from_url(
        url,
        socket_timeout=answer_seconds,
        socket_connect_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        protocol=2,  # a connection is ready after fewer exchanges
    )


class Wake:
    """Publishes hints, and waits for them. Channels are shared by a server's databases, so theirs is in the name."""

    def __init__(self, url: str) -> None:
        self._client = connect(url)
        self._listener = connect(url, answer_seconds=1)
        database = self._client.connection_pool.connection_kwargs.get("db") or 0
        self.channel = f"casework:{database}:wake"
        self.shown_channel = f"casework:{database}:shown"
        self.feeds_channel = f"casework:{database}:feeds"
        self._rests_until = 0.0

    def __call__(self, partitions: Sequence[int]) -> None:
        """Publish, for callers that do not ask who heard it."""
        self.publish(partitions)

    def publish(self, partitions: Sequence[int]) -> int | None:
        """Say that these partitions moved; return how many drains heard it, None where Redis is away.

        Waits for no more than a tenth of a second, and not at all in the second after a failure.
        """
        told = ",".join(map(str, partitions))
        heard = self._tell((self.channel, told), (self.feeds_channel, told))
        return None if heard is None else heard[0]

    def tell_shown(self) -> None:
        """Say that views moved."""
        self._tell((self.shown_channel, ""))

    def _tell(self, *messages: tuple[str, str]) -> list[int] | None:
        """Publish in one exchange; return how many heard each."""
        if monotonic() < self._rests_until:
            return None
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for message in messages:
                    pipeline.publish(*message)
                return [int(heard) for heard in pipeline.execute()]
        except redis.RedisError as error:
            self.rest(error)
            return None

    def rest(self, error: Exception) -> None:
        """Leave Redis alone for a second."""
        self._rests_until = monotonic() + REST_SECONDS
        log.warning("Redis does not answer (%s); the views follow at the next tick.", type(error).__name__)

    @contextmanager
    def listening(self, stop: Event, channel: str | None = None) -> Iterator[Waiting]:
        """Hear hints until the block is left; inside it, a commit need not ask for another drain.

        The block begins when the subscription stands, so that a look at the heads after it misses nothing.
        """
        hints = self._listener.pubsub(ignore_subscribe_messages=False)
        try:
            _answered(hints.subscribe, channel or self.channel)
            _answered(hints.get_message, timeout=1)
            yield lambda seconds: _wait(hints, seconds, stop)
        finally:
            _answered(hints.close)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._listener.close()


class Shown:
    """Hears that views moved: one subscription of a process, on which many of its threads may wait."""

    def __init__(self, url: str) -> None:
        self.turn = 0
        self._wake = Wake(url)
        self._moved = Condition()
        self._closed = Event()
        self._thread = Thread(target=self._listen, name="shown", daemon=True)
        self._thread.start()

    def wait(self, turn: int, seconds: float) -> None:
        """Return when views have moved since ``turn``, or after so many seconds."""
        with self._moved:
            self._moved.wait_for(lambda: self.turn != turn, seconds)

    def close(self) -> None:
        """Hear no more."""
        self._closed.set()
        self._thread.join()
        self._wake.close()

    def _listen(self) -> None:
        with self._wake.listening(self._closed, self._wake.shown_channel) as wait:
            while not self._closed.is_set():
                wait(LISTEN_SECONDS)  # who is woken for nothing only looks again
                self._tell_all()

    def _tell_all(self) -> None:
        with self._moved:
            self.turn += 1
            self._moved.notify_all()


class Appended(Shown):
    """Hears that events were appended; where nothing is said nobody is woken, so a poll stands behind it."""

    def _listen(self) -> None:
        with self._wake.listening(self._closed, self._wake.feeds_channel) as wait:
            while not self._closed.is_set():
                if wait(LISTEN_SECONDS):
                    self._tell_all()


def _wait(hints: redis.client.PubSub, seconds: float, stop: Event) -> set[int]:
    """Return with the first hint and all others that are there, or after so many seconds."""
    ends = monotonic() + seconds
    while not stop.is_set() and (left := ends - monotonic()) > 0:
        heard, message = _answered(hints.get_message, timeout=min(left, 0.25))
        if not heard:
            stop.wait(min(left, 0.25))
        elif message is not None and message["type"] == "message":
            told = _partitions(message)
            while (message := _answered(hints.get_message, timeout=0)[1]) is not None:
                told |= _partitions(message)
            return told
    return set()


def _partitions(message: dict[str, Any]) -> set[int]:
    """The partitions that a hint names; whatever else somebody published is none."""
    data = message["data"] if isinstance(message["data"], bytes) else b""
    return {int(each) for each in data.split(b",") if each.isdigit() and len(each) <= 2 and int(each) <= REGISTRY}


def _answered(ask: Any, *arguments: Any, **named: Any) -> tuple[bool, Any]:
    try:
        return True, ask(*arguments, **named)
    except (redis.RedisError, RuntimeError) as error:  # RuntimeError: it never could subscribe
        log.debug("Redis does not answer: %s", type(error).__name__)
        return False, None
