"""The work for one endpoint, under its claim: what waits and is due, then what is new, round by round.

What is sent is read from the log and disclosed a moment before it is sent: of what was withdrawn, revoked or erased
meanwhile nothing goes out, however long it waited. A round ends as soon as the grant or the subscription has changed,
and in any case soon: what it had not sent yet is disclosed anew. A message that fails waits in the table, and what
comes after it in its household with it; while more waits than is allowed, and while the endpoint rests, the log itself
is the queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from casework.application import Casework
from casework.domain.ids import REGISTRY
from casework.domain.subscriptions import Subscription
from casework.faults import fault
from casework.log.migrations import epoch_of
from casework.log.reading import Db
from casework.streams import feed
from casework.streams.again import Again, told_again
from casework.streams.cursor import Cursor
from casework.streams.disclosure import Compiled, Envelope
from casework.streams.feed import Batch
from casework.streams.feeds import Feeds
from casework.streams.kept import KeptContexts
from casework.streams.webhooks import endpoints, waiting
from casework.streams.webhooks.endpoints import Endpoint
from casework.streams.webhooks.messages import MEDIA, as_waiting, body, challenge, gives_back
from casework.streams.webhooks.rounds import Message, Round
from casework.streams.webhooks.schedule import Schedule
from casework.streams.webhooks.sending import Answer, Sender
from casework.streams.webhooks.signing import Signer, unseal
from casework.streams.webhooks.waiting import Failed, Waiting

log = logging.getLogger(__name__)

SLICE_SECONDS = 2.0
"""How long an endpoint is worked for before another one's turn comes."""

AT_ONCE = 200
"""Messages in a round at most: so many may be sent twice where a worker dies."""

PARALLEL = 4
"""How many households' messages are on their way to one endpoint at a time."""

ROUND_SECONDS = 5.0
"""How long messages that were disclosed together are sent: so late a consent withdrawn or an erasure is heeded."""

CHANGED_SECONDS = 0.1
"""How late a change of the grant is."""

READ_SECONDS = 0.1
HELD = "unreadable"
"""What a try came to where the event or its household cannot be read, so that nobody knows what may be told."""


class ClaimLost(Exception):
    """Somebody else works for the endpoint now, or nobody is to."""


class Desk(NamedTuple):
    """What all turns of a process share; ``reading`` is held by whoever reads the feed, which takes the whole core."""

    casework: Casework
    feeds: Feeds
    sender: Sender
    schedule: Schedule
    contexts: KeptContexts
    reading: Lock


class Turn:
    """One endpoint's turn."""

    def __init__(self, desk: Desk, endpoint: Endpoint, heads: int, is_over: Callable[[], bool]) -> None:
        self._desk = desk
        self._endpoint = endpoint
        self._heads = heads
        self._is_over = is_over
        self._cursor = endpoint.cursor
        self._failures = endpoint.failures
        self._idle_at = -1
        self._is_left_alone = False
        self._sealed_of: Cursor | None = None
        self._sealed = ""

    def run(self, senders: Executor) -> None:
        """Work for a while, and give the endpoint back."""
        try:
            self._work(senders)
            with self._desk.casework.pool.connection() as db, db.transaction():
                self._hold(db)
                due = waiting.next_due(db, self._endpoint.subscription_id)
                endpoints.release(db, self._endpoint, self._idle_at, due)
        except ClaimLost:
            log.info("The claim on %s was lost.", self._endpoint.subscription_id)

    def _work(self, senders: Executor) -> None:
        endpoint = self._endpoint
        subscription = self._subscription()
        if subscription is None:
            return
        vault = self._desk.casework.persons.vault
        self._signer = Signer([unseal(vault, endpoint.subscription_id, each) for each in endpoint.secrets])
        if endpoint.state == endpoints.UNVERIFIED:
            self._verify()
            return
        if not self._may_go_on():
            return
        until = monotonic() + SLICE_SECONDS
        while not self._is_over() and monotonic() < until:
            if self._may_have_notices():
                self._send_new(subscription, senders, least=1)
            if self._is_left_alone or not self._send_due(subscription, senders):
                break
            if not self._send_new(subscription, senders):
                break

    def _subscription(self) -> Subscription | None:
        """The subscription, if this is what it wants; else nothing more is sent, and nothing waits."""
        endpoint = self._endpoint
        found = self._desk.casework.registry().subscriptions.get(endpoint.subscription_id)
        if found is not None and found.closed is None and found.url == endpoint.url:
            return found
        with self._desk.casework.pool.connection() as db, db.transaction():
            self._hold(db)
            if found is None or found.closed is not None or found.url is None:
                waiting.remove_all(db, endpoint.subscription_id)
            endpoints.disable(db, endpoint.subscription_id, "closed" if found and found.closed else "url-changed")
        return None

    def _may_go_on(self) -> bool:
        """Take up a wish to be sent everything again; stop where the cursor is of another epoch, or all fails for days.

        Whatever is disabled is where it was when the bureau verifies the endpoint again.
        """
        endpoint, id = self._endpoint, self._endpoint.subscription_id
        with self._desk.casework.pool.connection() as db, db.transaction():
            self._hold(db)
            epoch = epoch_of(db)
            if endpoint.again is not None:
                self._begin_again(db, endpoint.again._replace(epoch=epoch))
            reason = "epoch-changed" if self._cursor.epoch != epoch else "failing" if self._fails_for_good() else None
            if reason is not None:
                endpoints.disable(db, id, reason)
        return reason is None

    def _begin_again(self, db: Db, again: Cursor) -> None:
        id = self._endpoint.subscription_id
        ahead = [min(pair) for pair in zip(self._cursor.positions, again.positions, strict=True)]
        self._cursor = again._replace(positions=tuple(ahead))  # never past what was not sent yet
        waiting.remove_after(db, id, self._cursor)
        endpoints.move(db, id, self._cursor)
        endpoints.begun_again(db, id, again)

    def _fails_for_good(self) -> bool:
        since = self._endpoint.failing_since
        patience = timedelta(seconds=self._desk.schedule.give_up_seconds)
        return since is not None and datetime.now(UTC) - since > patience

    def _verify(self) -> None:
        """Ask the endpoint whether it wants this: a signed word that it must give back."""
        endpoint, schedule = self._endpoint, self._desk.schedule
        word, content = challenge()
        answer = self._post(f"challenge-{word[:16]}", content, "application/json")
        wants = answer.ok and gives_back(answer.body, word)
        reason = answer.code if not answer.ok else "challenge-failed"
        with self._desk.casework.pool.connection() as db, db.transaction():
            self._hold(db)
            if wants:
                endpoints.verified(db, endpoint.subscription_id)
                waiting.hurry(db, endpoint.subscription_id)
            else:
                rest = schedule.retry_after(self._failures + 1)
                endpoints.unverified(
                    db, endpoint.subscription_id, reason, rest, disable=self._fails_for_good() or answer.status == 410
                )

    def _send_due(self, subscription: Subscription, senders: Executor) -> bool:
        """Send what waits and is due; false where the endpoint is to be left alone."""
        id = self._endpoint.subscription_id
        chains = 1 if self._is_probing else AT_ONCE
        with self._desk.reading, self._desk.casework.pool.connection() as db:
            compiled = self._desk.feeds.compiled(subscription)
            if not compiled.grant.in_force(compiled.today):
                self._cancel(db)
            due = waiting.due(db, id, chains=chains, most=1 if self._is_probing else AT_ONCE)
            if not due:
                return True
            again = told_again(db, compiled, self._desk.contexts, [each.place for each in due])
        ready, held = _before_held(due, again)
        told = [self._again(each, again.told[each.place]) for each in ready if each.place in again.told]
        withheld = [each.place for each in ready if each.place not in again.told]
        round = self._sent(told, subscription, compiled, senders)
        with self._desk.casework.pool.connection() as db, db.transaction():
            self._hold(db)
            waiting.remove(db, id, [*withheld, *(each.place for each in round.delivered)])
            later = [Failed(each.place, HELD, self._desk.schedule.retry_after(each.attempts + 1)) for each in held]
            waiting.fail(db, id, later, self._desk.schedule.give_up_seconds)
            self._tell(db, round, withheld=len(withheld))
        return self._went_on(round)

    def _may_have_notices(self) -> bool:
        """Whether the grant may have changed since the feed was read: what is to be deleted is told before all else."""
        registry = self._desk.casework.registry(at_most_old=CHANGED_SECONDS)
        return registry.position > self._cursor.positions[REGISTRY]

    def _cancel(self, db: Db) -> None:
        """Let nothing wait that tells of households."""
        with db.transaction():
            self._hold(db)
            waiting.cancel(db, self._endpoint.subscription_id)

    def _again(self, waits: Waiting, envelope: Envelope) -> Message:
        """Return the message that says what is told now; its cursor goes there past all that was sent already."""
        positions = list(self._cursor.positions)
        positions[waits.partition] = waits.position - 1
        before = Cursor(self._cursor.epoch, waits.sequence - 1, tuple(positions))
        return self._message(waits, replace(envelope, sequence=f"{waits.sequence:012}"), before)

    def _send_new(self, subscription: Subscription, senders: Executor, *, least: int = 0) -> bool:
        """Take what the feed brings and send it; false where there is nothing more, or the endpoint is left alone.

        Notices come first in a feed: with ``least`` there is room for one however much waits.
        """
        id, schedule = self._endpoint.subscription_id, self._desk.schedule
        with self._desk.reading, self._desk.casework.pool.connection() as db:
            room = max(schedule.most_waiting - waiting.count(db, id), least)
            if room <= 0:
                self._idle_at = self._heads
                return False
            compiled = self._desk.feeds.compiled(subscription)
            batch = self._read(db, compiled, 1 if self._is_probing else min(room, AT_ONCE))
            new = [as_waiting(place, told, compiled) for place, told in zip(batch.places, batch.envelopes, strict=True)]
            blocked = waiting.blocked(db, id, {each.chain for each in new}) if room < schedule.most_waiting else set()
        messages = [self._message(*each, self._cursor) for each in zip(new, batch.envelopes, strict=True)]
        free = (each for each in messages if each.waiting.chain not in blocked)
        round = self._sent(free, subscription, compiled, senders)
        self._idle_at = self._heads if batch.caught_up else -1
        if batch.cursor == self._cursor:
            return False
        delivered = {each.place for each in round.delivered}
        with self._desk.casework.pool.connection() as db, db.transaction():
            self._hold(db)
            endpoints.move(db, id, batch.cursor)
            waiting.add(db, id, [each for each in new if each.place not in delivered])
            self._tell(db, round)
        self._cursor = batch.cursor
        return self._went_on(round) and not batch.caught_up

    def _read(self, db: Db, compiled: Compiled, limit: int) -> Batch:
        return feed.read(db, self._cursor, compiled, self._desk.contexts, limit=limit, seconds=READ_SECONDS)

    def _message(self, waits: Waiting, envelope: Envelope, before: Cursor) -> Message:
        """Return a message; ``before`` is a cursor after which its event is given."""
        if before is not self._sealed_of:
            self._sealed_of = before
            self._sealed = self._desk.feeds.sealed(before, self._endpoint.subscription_id)
        return Message(waits, envelope.id, body(envelope, self._endpoint.content, self._sealed))

    def _sent(
        self, messages: Iterable[Message], subscription: Subscription, compiled: Compiled, senders: Executor
    ) -> Round:
        ends = monotonic() + ROUND_SECONDS

        def is_over() -> bool:
            return self._is_over() or monotonic() >= ends or self._has_changed(subscription, compiled)

        round = Round(_chains(messages), self._desk.schedule, self._failures, is_over)
        media = MEDIA[self._endpoint.content]
        round.send(lambda each: self._post(each.id, each.body, media), senders, PARALLEL)
        fault("webhooks-sent")
        return round

    def _has_changed(self, subscription: Subscription, compiled: Compiled) -> bool:
        """Whether other things may be told now, or none, or elsewhere."""
        registry = self._desk.casework.registry(at_most_old=CHANGED_SECONDS)
        grant, now = registry.grants[compiled.grant.id], registry.subscriptions[subscription.id]
        return grant.version != compiled.grant.version or now.version != subscription.version

    def _post(self, id: str, content: bytes, media: str) -> Answer:
        headers = {"Content-Type": media, **self._signer.headers(id, content)}
        return self._desk.sender.post(self._endpoint.subscription_id, self._endpoint.url, content, headers)

    def _tell(self, db: Db, round: Round, *, withheld: int = 0) -> None:
        """Keep what came of a round, in the caller's transaction."""
        id = self._endpoint.subscription_id
        dead = waiting.fail(db, id, round.failed, self._desk.schedule.give_up_seconds)
        if self._is_probing and round.delivered:
            waiting.hurry(db, id)
        came = round.came(dead=dead, withheld=withheld)
        endpoints.tell(db, id, came, waiting.next_due(db, id))

    def _went_on(self, round: Round) -> bool:
        self._failures = round.failures
        self._is_left_alone = bool(round.rest) or round.disable is not None
        return not self._is_left_alone

    @property
    def _is_probing(self) -> bool:
        """Whether one message alone is to show that the endpoint is back."""
        return self._failures >= self._desk.schedule.failures_to_rest

    def _hold(self, db: Db) -> None:
        if not endpoints.held(db, self._endpoint):
            raise ClaimLost


def _before_held(due: Iterable[Waiting], again: Again) -> tuple[list[Waiting], list[Waiting]]:
    """Return what is not behind anything of its chain that cannot be read, and the first of each that cannot."""
    ready: list[Waiting] = []
    held: dict[UUID, Waiting] = {}
    for each in due:
        if each.place in again.held:
            held.setdefault(each.chain, each)
        elif each.chain not in held:
            ready.append(each)
    return ready, list(held.values())


def _chains(messages: Iterable[Message]) -> list[list[Message]]:
    """Sort messages into their chains, each in its order; chains in the order of their first."""
    found: dict[object, list[Message]] = {}
    for each in messages:
        found.setdefault(each.waiting.chain, []).append(each)
    return list(found.values())
