"""The lanes of a process: threads that take one endpoint after another, and keep their claims while they work.

Endpoints whose last try failed have lanes of their own: however many hang, those that answer wait for none of them.
What commits or falls due is found by a look at the heads, several times a second; a hint over Redis makes it sooner.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition, Event, Lock, Thread
from time import monotonic
from uuid import UUID, uuid4

from casework.application import Casework
from casework.config import Settings
from casework.faults import fault
from casework.log import reading
from casework.projections.computing import described
from casework.projections.engine import AWAY
from casework.streams.feeds import Feeds
from casework.streams.kept import KeptContexts
from casework.streams.webhooks import endpoints
from casework.streams.webhooks.delivering import PARALLEL, Desk, Turn
from casework.streams.webhooks.endpoints import LEASE_SECONDS, Endpoint
from casework.streams.webhooks.schedule import Schedule, schedule
from casework.streams.webhooks.sending import Sender
from casework.wake import Wake

log = logging.getLogger(__name__)

LANES = 6
SUSPECT_LANES = 4
POLL_SECONDS = 0.2
AWAY_SECONDS = 1.0
RENEW_SECONDS = 1.0
LOST_SECONDS = LEASE_SECONDS - 2 * RENEW_SECONDS
"""A claim that was not renewed for so long is given up, before anybody else can have it."""


class Claims:
    """The claims of a process, renewed together."""

    def __init__(self, casework: Casework) -> None:
        self._casework = casework
        self._renewed: dict[UUID, float] = {}
        self._lock = Lock()

    def begin(self) -> UUID:
        """Make a claim that is to be kept."""
        claim = uuid4()
        with self._lock:
            self._renewed[claim] = monotonic()
        return claim

    def end(self, claim: UUID) -> None:
        """Keep it no longer."""
        with self._lock:
            self._renewed.pop(claim, None)

    def holds(self, claim: UUID) -> bool:
        """Whether nobody else can have it yet."""
        at = self._renewed.get(claim)
        return at is not None and monotonic() - at < LOST_SECONDS

    def renew(self) -> None:
        """Renew all; one that somebody took away is held no longer."""
        with self._lock:
            asked = list(self._renewed)
        if not asked:
            return
        at = monotonic()
        with self._casework.pool.connection() as db:
            held = endpoints.renew(db, asked)
        with self._lock:
            for claim in asked:
                if claim in held and claim in self._renewed:
                    self._renewed[claim] = at
                elif monotonic() - self._renewed.get(claim, at) > RENEW_SECONDS / 2:
                    self._renewed.pop(claim, None)  # younger ones may be on their way to the database


class Lanes:
    """All lanes of a process; they begin when they are first attended, and end when they are closed.

    In between they finish what they have begun, so that no endpoint that hangs holds up the others, or whoever attends.
    """

    def __init__(
        self,
        casework: Casework,
        sender: Sender,
        stop: Event,
        *,
        plan: Schedule | None = None,
        lanes: int = LANES,
        suspect_lanes: int = SUSPECT_LANES,
    ) -> None:
        contexts = KeptContexts(casework.persons)
        self._desk = Desk(casework, Feeds(casework), sender, plan or schedule(), contexts, Lock())
        self._claims = Claims(casework)
        self._stop = stop
        self._kinds = [False] * lanes + [True] * suspect_lanes
        self._threads: list[Thread] = []
        self._closed = Event()
        self._woken = Condition()
        self._turn = 0

    def attend(self, wake: Wake, *, until: float) -> None:
        """Find what there is to do, and call the lanes, until a time (of ``monotonic``) or a stop."""
        if not self._threads:
            self._begin()
        with wake.listening(self._stop, wake.shown_channel) as wait:
            while not self._stop.is_set() and monotonic() < until:
                if self._is_work():
                    self._call()
                wait(POLL_SECONDS)

    def close(self) -> None:
        """End the lanes after the messages that are on their way, and close all connections to endpoints."""
        self._closed.set()
        self._call()
        for each in self._threads:
            each.join()
        self._desk.sender.close()

    def work_off(self) -> None:
        """Work in this thread until there is nothing more to do now."""
        with ThreadPoolExecutor(PARALLEL) as senders:
            while self._take(False, senders) or self._take(True, senders):
                pass

    def _begin(self) -> None:
        lanes = [Thread(target=self._lane, args=(each,), name="webhooks", daemon=True) for each in self._kinds]
        self._threads = [*lanes, Thread(target=self._keep, name="webhook-claims", daemon=True)]
        for each in self._threads:
            each.start()

    def _lane(self, suspect: bool) -> None:
        with ThreadPoolExecutor(PARALLEL) as senders:
            while True:
                turn = self._turn  # before the look whether it is over, so that no last call is missed
                if self._is_over():
                    break
                try:
                    took = self._take(suspect, senders)
                except Exception as error:  # whatever the database has, the lane goes on later
                    log.warning("Webhooks go on later: %s", described(error))
                    self._closed.wait(AWAY_SECONDS)
                    continue
                if not took:
                    self._rest(turn)

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._closed.is_set()

    def _take(self, suspect: bool, senders: ThreadPoolExecutor) -> bool:
        """Work for one endpoint, if any has work."""
        claim = self._claims.begin()
        try:
            with self._desk.casework.pool.connection() as db:
                heads = sum(reading.heads(db).values())
                endpoint = endpoints.claim(db, claim, heads, suspect=suspect)
            if endpoint is None:
                return False
            fault("webhooks-claimed")
            self._work(endpoint, heads, senders, lambda: self._is_over() or not self._claims.holds(claim))
            return True
        finally:
            self._claims.end(claim)

    def _work(self, endpoint: Endpoint, heads: int, senders: ThreadPoolExecutor, is_over: Callable[[], bool]) -> None:
        try:
            Turn(self._desk, endpoint, heads, is_over).run(senders)
        except AWAY:
            raise
        except Exception as error:  # of one endpoint: the others go on, and it is taken up again when its claim ran out
            log.error("Webhooks of %s failed: %s", endpoint.subscription_id, described(error))

    def _keep(self) -> None:
        while not self._closed.wait(RENEW_SECONDS):
            try:
                self._claims.renew()
            except AWAY as error:
                log.warning("The database does not answer (%s); claims run out.", type(error).__name__)

    def _is_work(self) -> bool:
        try:
            with self._desk.casework.pool.connection() as db:
                return endpoints.behind(db, sum(reading.heads(db).values())) > 0
        except AWAY:
            return False

    def _rest(self, turn: int) -> None:
        with self._woken:
            self._woken.wait_for(lambda: self._turn != turn)

    def _call(self) -> None:
        with self._woken:
            self._turn += 1
            self._woken.notify_all()


def lanes_of(casework: Casework, settings: Settings, stop: Event) -> Lanes:
    """Return the lanes of a process of this installation."""
    plan = schedule()
    sender = Sender(
        connect_seconds=plan.connect_seconds,
        answer_seconds=plan.answer_seconds,
        loopback=settings.webhook_targets == "loopback",
    )
    return Lanes(casework, sender, stop, plan=plan)
