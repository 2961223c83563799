"""One round of sending: chains of messages side by side, each in its order, until all are sent or it fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from threading import Lock
from typing import NamedTuple

from casework.faults import fault
from casework.streams.webhooks.endpoints import Came
from casework.streams.webhooks.schedule import Schedule
from casework.streams.webhooks.sending import Answer
from casework.streams.webhooks.waiting import Failed, Waiting

GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503
_BUSY = (TOO_MANY, UNAVAILABLE)
_ITS_OWN_STATE = (408, 425, TOO_MANY)
"""Statuses under 500 that say something of the endpoint and not of the message."""


class Message(NamedTuple):
    """A message with where it stands; every try has the same id."""

    waiting: Waiting
    id: str
    body: bytes


Post = Callable[[Message], Answer]


class Round:
    """A round, and what came of it: ``delivered``, ``failed``, and what the endpoint as a whole is to be done with."""

    def __init__(
        self, chains: Sequence[Sequence[Message]], schedule: Schedule, failures: int, is_over: Callable[[], bool]
    ) -> None:
        self.delivered: list[Waiting] = []
        self.failed: list[Failed] = []
        self.failures = failures
        self.rest = 0.0
        self.disable: str | None = None
        self._chains = deque(chains)
        self._schedule = schedule
        self._is_over = is_over
        self._lock = Lock()
        self._is_halted = False

    def send(self, post: Post, senders: Executor, parallel: int) -> None:
        """Send side by side, as many chains at a time as is said."""
        others = [senders.submit(self._work, post) for _ in range(min(parallel, len(self._chains)) - 1)]
        self._work(post)
        for each in others:
            each.result()

    def came(self, *, dead: int = 0, withheld: int = 0) -> Came:
        """Return what is kept of the round."""
        counts = (len(self.delivered), len(self.failed), dead, withheld)
        return Came(*counts, self.failures, self.rest, self.disable)

    def _work(self, post: Post) -> None:
        while not self._stops() and (chain := self._next()):
            for message in chain:
                if self._stops() or not self._note(message, post(message)):
                    break

    def _next(self) -> Sequence[Message]:
        try:
            return self._chains.popleft()
        except IndexError:
            return ()

    def _stops(self) -> bool:
        return self._is_halted or self._is_over()

    def _note(self, message: Message, answer: Answer) -> bool:
        """Take in what came of a message; false where the next of its chain has to wait."""
        fault("webhook-sent")
        with self._lock:
            if answer.ok:
                self.failures = 0
                self.delivered.append(message.waiting)
                return True
            retry = self._schedule.retry_after(message.waiting.attempts + 1)
            asked = self._schedule.asked_wait(answer.retry_after) if answer.status in _BUSY else None
            self.failed.append(Failed(message.waiting.place, answer.code, retry if asked is None else asked))
            if answer.status == GONE:
                self.disable, self._is_halted = "gone", True
            elif asked is not None:
                self.rest, self._is_halted = asked, True
            elif not 400 <= answer.status < 500 or answer.status in _ITS_OWN_STATE:
                self._count_failure()
            return False

    def _count_failure(self) -> None:
        if self._is_halted:  # it was on its way beside the one that halted the round, and says nothing more
            return
        self.failures += 1
        rest = self._schedule.rest(self.failures)
        if rest:
            self.rest, self._is_halted = rest, True
