"""Streams: the bytes of server-sent events for many clients of one process, from one reading for all of them.

A client first catches up by a reading of its own. Then it joins those who are told under the same grant: whatever is
appended is read once for all of them, and nothing is read while nothing is appended. What a client does not take
in time is kept for it up to a bound; then it is told that it lags, and its stream ends. Nothing is lost by that: it
goes on from the cursor of the last event that it has.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Event, Lock, Thread
from time import monotonic, sleep, time
from typing import Protocol
from uuid import UUID

import msgspec
import psycopg
from msgspec.structs import replace
from psycopg_pool import PoolTimeout

from casework.application import Casework
from casework.domain.subscriptions import Subscription
from casework.errors import CaseworkError
from casework.log import reading
from casework.log.migrations import epoch_of
from casework.streams.cursor import Cursor, packed
from casework.streams.disclosure import Envelope
from casework.streams.feed import Batch
from casework.streams.feeds import Feeds
from casework.streams.standing import remember

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15
CHECK_SECONDS = 30
POLL_SECONDS = 1.0
MOST_BYTES = 128 << 10
"""How much is kept for a client that does not take it."""

_AT_ONCE = 50
"""Envelopes of one turn, before everybody is given time to send them."""

_TURN_SECONDS = 0.02
_CATCH_UPS = 4
_BEAT = b": \n\n"

GRANT_ENDED, SUBSCRIPTION_CLOSED, TOKEN_EXPIRED = "grant-ended", "subscription-closed", "token-expired"
EPOCH_CHANGED = "epoch-changed"

Positions = tuple[int, ...]
"""A position of each partition; where many clients stand at the same, all hold the same tuple."""

Held = tuple[int, ...]
"""The partitions that wait for an event that cannot be read."""

_encode = msgspec.json.Encoder().encode


class Moves(Protocol):
    """Tells when events were appended."""

    turn: int

    def wait(self, turn: int, seconds: float) -> None:
        """Return when ``turn`` is over, or after so many seconds."""
        ...


class Client:
    """One stream: how far it was given events, how far it has sent them, and what waits in between."""

    def __init__(self, subscription: Subscription, cursor: Cursor, expires_at: float, feeds: Feeds) -> None:
        self.id: UUID = subscription.id
        self.subscription = subscription
        self.cursor = self.sent = cursor
        self.expires_at = expires_at
        self.held: Held = ()
        self.remembered: tuple[Cursor, Held] | None = None
        self.over = False
        self._feeds = feeds
        self._queue: SimpleQueue[tuple[bytes, Cursor]] = SimpleQueue()
        self._waiting = 0
        self._silent_since = monotonic()

    def told(self, envelope: Envelope, positions: Sequence[int]) -> bytes:
        """Return an event that was read for this client alone; it is sent at once."""
        self.cursor = self.sent = self.cursor.moved(positions, 1)
        return _event(self._feeds.sealed(self.cursor, self.id), _encode(replace(envelope, sequence=None)), self.cursor)

    def give(
        self, place: tuple[int, int], before: Positions, after: Positions, packed_after: bytes, body: bytes
    ) -> None:
        """Keep an event that was read for all until it is sent; not one that this client has had already.

        ``before`` and ``after`` is where all stand without and with it.
        """
        mine, (partition, position) = self.cursor.positions, place
        if self.over or position <= mine[partition]:
            return
        if mine is not before and any(map(int.__gt__, mine, after)):  # it was ahead when it joined
            after = tuple(map(max, mine, after))
            packed_after = packed(after)
        self.cursor = Cursor(self.cursor.epoch, self.cursor.sequence + 1, after)
        chunk = _event(self._feeds.sealed_at(self.cursor, packed_after, self.id), body, self.cursor)
        self._waiting += len(chunk)
        if self._waiting > MOST_BYTES:
            with suppress(Empty):
                while True:
                    self._queue.get_nowait()
            self.end("lagging")
        else:
            self._queue.put((chunk, self.cursor))

    def beat(self, now: float) -> None:
        """Give a sign of life where nothing else was sent for long; with the cursor, where what came is withheld."""
        if now - self._silent_since > HEARTBEAT_SECONDS - POLL_SECONDS and self._queue.empty() and not self.over:
            is_level = self.cursor == self.sent
            chunk = _BEAT if is_level else f"id: {self._feeds.sealed(self.cursor, self.id)}\n\n".encode()
            self._waiting += len(chunk)
            self._queue.put((chunk, self.cursor))

    def pass_over(self, before: Positions, after: Positions) -> None:
        """Stand at least there: what lies before it was given, or withheld."""
        mine = self.cursor.positions
        if not self.over:
            further = mine is not before and any(map(int.__gt__, mine, after))
            positions = tuple(map(max, mine, after)) if further else after
            self.cursor = Cursor(self.cursor.epoch, self.cursor.sequence, positions)

    def end(self, name: str, reason: str | None = None) -> None:
        """Send this after what waits, and nothing more."""
        if not self.over:
            self.over = True
            self._queue.put((_ending(name, reason), self.sent))

    def chunks(self) -> Iterator[bytes]:
        """What is to be sent, as it comes, until the end was sent."""
        while not (self.over and self._queue.empty()):
            chunk, self.sent = self._queue.get()
            self._waiting -= len(chunk)
            self._silent_since = monotonic()
            yield chunk


class Group:
    """The clients that are told under the same grant, and how far all of them were given what there is."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.clients: set[Client] = set()

    @property
    def subscription(self) -> Subscription:
        """One of theirs, which names the grant of all."""
        return next(iter(self.clients)).subscription

    def tell(self, batch: Batch) -> None:
        """Give a batch to every client, and move on."""
        before = self.cursor.positions
        for envelope, place in zip(batch.envelopes, batch.places, strict=True):
            after = (*before[: place[0]], place[1], *before[place[0] + 1 :])
            packed_after, body = packed(after), _encode(replace(envelope, sequence=None))
            for client in self.clients:
                client.give(place, before, after, packed_after, body)
            before = after
        self.cursor, held = batch.cursor, tuple(batch.held)
        for client in self.clients:
            client.held = held
            client.pass_over(before, batch.cursor.positions)


class Tail:
    """All streams of a process. ``moves`` tells when events were appended; a poll stands behind it."""

    def __init__(self, casework: Casework, feeds: Feeds, moves: Moves) -> None:
        self._casework, self._feeds, self._moves = casework, feeds, moves
        self._groups: dict[str, Group] = {}
        self._lock = Lock()
        self._anybody, self._closed = Event(), Event()
        self._catch_ups = BoundedSemaphore(_CATCH_UPS)
        self._check_at = self._beat_at = 0.0
        self._thread = Thread(target=self._run, name="tail", daemon=True)
        self._thread.start()

    def stream(self, subscription: Subscription, cursor: Cursor, expires_at: float) -> Iterator[bytes]:
        """Yield what is sent to one client, from a cursor on; ``expires_at`` is when its token does."""
        client = Client(subscription, cursor, expires_at, self._feeds)
        try:
            yield _BEAT
            yield from self._caught_up(client)
            yield from client.chunks()
        finally:
            self._leave(client)

    def close(self) -> None:
        """End all streams, and the reading."""
        self._closed.set()
        self._anybody.set()
        self._thread.join()
        with self._lock:
            for group in self._groups.values():
                for client in group.clients:
                    client.end("ended", "restart")

    def _caught_up(self, client: Client) -> Iterator[bytes]:
        """What there is already, until the client has joined the others, or its stream must end."""
        while not client.over:
            with self._catch_ups:
                batch, ended = self._next(client)
            positions, client.held = list(client.cursor.positions), tuple(batch.held)
            for envelope, (partition, position) in zip(batch.envelopes, batch.places, strict=True):
                positions[partition] = position
                yield client.told(envelope, positions)
            client.pass_over((), batch.cursor.positions)
            client.sent = client.cursor
            if batch.caught_up and ended is not None:
                client.end("ended", ended)
            elif batch.caught_up and self._join(client):
                return

    def _next(self, client: Client) -> tuple[Batch, str | None]:
        """What is next for one client as things stand now, and why nothing can come after it."""
        subscription = self._feeds.subscription(client.id)
        assert subscription is not None
        compiled = self._feeds.compiled(subscription)
        with self._casework.pool.connection() as db:
            batch = self._feeds.read(db, client.cursor, compiled, limit=_AT_ONCE, seconds=_TURN_SECONDS)
        return batch, _ended(subscription, compiled.grant.in_force(compiled.today), client)

    def _join(self, client: Client) -> bool:
        """Let a client be told with the others; not one that lacks something they were given before."""
        grant = client.subscription.opened.grant
        with self._lock:
            group = self._groups.setdefault(grant, Group(client.cursor))
            if group.clients and any(map(int.__lt__, client.cursor.positions, group.cursor.positions)):
                return False
            if not group.clients:
                group.cursor = client.cursor
            group.clients.add(client)
        self._anybody.set()
        return True

    def _leave(self, client: Client) -> None:
        with self._lock:
            group = self._groups.get(client.subscription.opened.grant)
            if group is not None:
                group.clients.discard(client)
                if not group.clients:
                    del self._groups[client.subscription.opened.grant]
            if not self._groups:
                self._anybody.clear()
        client.over = True
        self._remember([client])

    def _run(self) -> None:
        while not self._closed.is_set():
            self._anybody.wait()
            turn = self._moves.turn
            try:
                is_level = self._turn()
            except (CaseworkError, psycopg.Error, PoolTimeout) as error:
                log.warning("Streams wait for the database: %s", type(error).__name__)
                is_level = True
            self._beat()
            if is_level:
                self._moves.wait(turn, POLL_SECONDS)
            sleep(0)  # let everybody send

    def _beat(self) -> None:
        """Let clients hear that their streams live: one clock for all, instead of a timer for each."""
        now = monotonic()
        if now < self._beat_at:
            return
        self._beat_at = now + POLL_SECONDS
        with self._lock:
            for group in self._groups.values():
                for client in group.clients:
                    client.beat(now)

    def _turn(self) -> bool:
        """Give the groups what is new; false where there is more."""
        with self._lock:
            groups = list(self._groups.items())
        with self._casework.pool.connection() as db:
            heads = reading.heads(db)
        behind = [each for each in groups if any(heads[p] > at for p, at in enumerate(each[1].cursor.positions))]
        told = [self._tell(*each) for each in behind]
        if monotonic() >= self._check_at:
            self._check_at = monotonic() + CHECK_SECONDS
            self._check()
        return all(told)

    def _tell(self, grant: str, group: Group) -> bool:
        with self._lock:
            if self._groups.get(grant) is not group or not group.clients:
                return True
            subscription, cursor = group.subscription, group.cursor
        compiled = self._feeds.compiled(subscription)
        with self._casework.pool.connection() as db:
            batch = self._feeds.read(db, cursor, compiled, limit=_AT_ONCE, seconds=_TURN_SECONDS)
        with self._lock:
            if group.cursor is cursor:  # else all had left, and others came
                group.tell(batch)
        if batch.cursor.positions[-1] > cursor.positions[-1]:  # the registry has moved, and perhaps a grant or such
            self._check_at = 0.0
        return batch.caught_up

    def _check(self) -> None:
        """End what may not go on: the subscription, the grant, the token or the epoch; and keep how far others are."""
        with self._lock:
            clients = [(client, grant) for grant, group in self._groups.items() for client in group.clients]
        known, today = self._casework.registry(), self._casework.today
        with self._casework.pool.connection() as db:
            epoch = epoch_of(db)
        for client, grant in clients:
            subscription, found = known.subscriptions.get(client.id), known.grant(grant)
            if subscription is not None and found is not None:
                reason = _ended(subscription, found.in_force(today), client)
                if client.cursor.epoch != epoch:
                    reason = EPOCH_CHANGED
                if reason is not None:
                    client.end("ended", reason)
        self._remember([client for client, _ in clients])

    def _remember(self, clients: Sequence[Client]) -> None:
        moved = [client for client in clients if (client.sent, client.held) != client.remembered]
        if not moved:
            return
        try:
            with self._casework.pool.connection() as db:
                for place in {(client.id, client.sent, client.held): None for client in moved}:  # many stand at one
                    remember(db, *place)
            for client in moved:
                client.remembered = client.sent, client.held
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("How far streams have come is not kept: %s", type(error).__name__)


def _ended(subscription: Subscription, in_force: bool, client: Client) -> str | None:
    if subscription.closed is not None:
        return SUBSCRIPTION_CLOSED
    if client.expires_at <= time():
        return TOKEN_EXPIRED
    return None if in_force else GRANT_ENDED


def _event(cursor: str, body: bytes, at: Cursor) -> bytes:
    """An event with its cursor as id; the sequence is this client's own, so it is put into a body made for all."""
    return b'id: %b\ndata: %b,"sequence":"%012d"}\n\n' % (cursor.encode(), body[:-1], at.sequence)


def _ending(name: str, reason: str | None) -> bytes:
    return f"event: {name}\ndata: {msgspec.json.encode({'reason': reason} if reason else {}).decode()}\n\n".encode()
