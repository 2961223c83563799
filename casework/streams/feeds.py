"""The feeds of one process: subscriptions looked up, grants made ready, and contexts that whoever reads borrows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from uuid import UUID

from casework.application import Casework
from casework.domain.registry import Registry, grant_id
from casework.domain.subscriptions import Subscription
from casework.garbage import without_collections
from casework.log.migrations import epoch_of
from casework.log.reading import Db
from casework.privacy.search import KeyedHashes
from casework.streams import cursor as cursors
from casework.streams import feed
from casework.streams.again import Again, Place, told_again
from casework.streams.beginning import beginning_of
from casework.streams.cursor import Cursor
from casework.streams.disclosure import Compiled
from casework.streams.feed import Batch
from casework.streams.kept import KeptContexts


class Feeds:
    """What is told to whom, by the registry as it is at each question; for many threads."""

    def __init__(self, casework: Casework) -> None:
        self._casework = casework
        self._idle: list[KeptContexts] = []

    def subscription(self, subscription_id: UUID) -> Subscription | None:
        """Return a subscription as it is now, also one that was closed."""
        return self._casework.registry().subscriptions.get(subscription_id)

    def compiled(self, subscription: Subscription) -> Compiled:
        """Return a subscription's grant as it stands now, made ready."""
        registry, today = self._casework.registry(), self._casework.today
        return _compiled(grant_id(subscription.opened.grant), registry, self._casework.persons.hashes, today)

    def opened(self, db: Db, subscription: Subscription, text: str | None) -> Cursor:
        """Return the cursor of a text, or without one that of the subscription's beginning.

        Raises ``cursor-invalid`` and ``epoch-changed``.
        """
        epoch = epoch_of(db)
        if text is None:
            return beginning_of(db, subscription, epoch)
        return cursors.opened(text, subscription.id, self._casework.persons.hashes.keys, epoch=epoch)

    def sealed(self, cursor: Cursor, subscription_id: UUID) -> str:
        """Return a cursor as text for its subscription."""
        return cursors.sealed(cursor, subscription_id, self._casework.persons.hashes.keys)

    def sealed_at(self, cursor: Cursor, positions: bytes, subscription_id: UUID) -> str:
        """Return as text the cursor of a subscription's epoch and sequence at packed positions."""
        keys = self._casework.persons.hashes.keys
        return cursors.sealed_at(cursor.epoch, cursor.sequence, positions, subscription_id, keys)

    def read(self, db: Db, cursor: Cursor, compiled: Compiled, *, limit: int, seconds: float = feed.SECONDS) -> Batch:
        """Return what is told after a cursor."""
        with self._contexts() as contexts, without_collections():
            return feed.read(db, cursor, compiled, contexts, limit=limit, seconds=seconds)

    def told_again(self, db: Db, subscription: Subscription, places: Collection[Place]) -> Again:
        """Return what is told now at some places."""
        with self._contexts() as contexts:
            return told_again(db, self.compiled(subscription), contexts, places)

    @contextmanager
    def _contexts(self) -> Iterator[KeptContexts]:
        """Borrow those that were used last, which know the most; those of whoever failed are not used again."""
        try:
            contexts = self._idle.pop()
        except IndexError:
            contexts = KeptContexts(self._casework.persons)
        yield contexts
        self._idle.append(contexts)


@lru_cache(256)  # a registry that moves on is another one
def _compiled(id: UUID, registry: Registry, hashes: KeyedHashes, today: date) -> Compiled:
    grant = registry.grants[id]
    return Compiled(grant, hashes.own_ids(grant.issued.bureau), registry, today)
