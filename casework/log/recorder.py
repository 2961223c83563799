"""The log behind the interfaces of the ``eventsourcing`` library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Event as Flag
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Notification,
    NotSupportedError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType
from psycopg import Connection

from casework.domain.ids import PARTITIONS, partition_of, uuid7
from casework.log.append import (
    NOTHING,
    Appended,
    Beside,
    Claim,
    Erasing,
    NewEvent,
    SearchKey,
    VaultRow,
    append_statement,
    simulated_statement,
)
from casework.log.codec import Metadata
from casework.log.failures import LogUnavailable
from casework.log.pool import Pool
from casework.log.store import Store

_LAST_VERSION = 2**31 - 1
_LAST_POSITION = 2**63 - 1

_SELECT_EVENTS = (
    "SELECT stream_id, version, type, state FROM casework.events"
    " WHERE partition = %b::smallint AND stream_id = %b AND version > %b::int AND version <= %b::int"
)
_SELECT_ASCENDING = _SELECT_EVENTS + " ORDER BY version LIMIT %b::bigint"
_SELECT_DESCENDING = _SELECT_EVENTS + " ORDER BY version DESC LIMIT %b::bigint"
_SELECT_STREAM = (
    "SELECT version, type, state, meta FROM casework.events"
    " WHERE partition = %b::smallint AND stream_id = %b ORDER BY version"
)
_SELECT_NOTIFICATIONS = (
    "SELECT stream_id, version, type, state, position FROM casework.events"
    " WHERE partition = 0 AND position >= %b::bigint AND position <= %b::bigint"
    " AND (%b::text[] IS NULL OR type = ANY (%b::text[]))"
    " ORDER BY position LIMIT %b::bigint"
)
_MAX_POSITION = "SELECT max(position) FROM casework.events WHERE partition = 0"


class LogAggregateRecorder(AggregateRecorder):
    """Appends to streams and reads them. With ``partitions=1`` every stream lives in partition 0."""

    def __init__(self, pool: Pool, *, partitions: int = PARTITIONS) -> None:
        if partitions not in (1, PARTITIONS):
            raise ValueError(f"A log has {PARTITIONS} partitions, or 1 for the library's own use.")
        self.store = Store(pool)
        self.partitions = partitions

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append events as :meth:`append` does; an aggregate recorder tells no positions."""
        self._insert(stored_events, **kwargs)
        return None

    def append(self, events: Sequence[NewEvent], beside: Beside = NOTHING) -> Appended:
        """Append events of one partition or two, and what stands beside them, in one transaction.

        Raises :class:`~casework.log.failures.StreamConflict`, ``EventTooLarge`` or ``LogUnavailable``, or
        :class:`~casework.errors.ClaimTaken` (``values["held_by"]``: the other stream, ``values["kind"]``).
        """
        statement = append_statement(events, beside)
        if beside.erasing is not None:
            return self.store.erase(events, statement, beside.erasing)
        if beside.forget is not None:
            return self.store.forget(events, statement, beside.forget)
        return self.store.append(events, statement)

    def append_simulated(
        self, events: Sequence[NewEvent], recorded_at: Sequence[datetime], beside: Beside = NOTHING
    ) -> Appended:
        """Append events of one partition, recorded in the past, to a log that was born synthetic."""
        return self.store.append(events, simulated_statement(events, recorded_at, beside))

    def new_event(self, stored: StoredEvent, meta: bytes | None = None) -> NewEvent:
        """Return a stored event with its partition and metadata, ready for :meth:`append`."""
        stream_id = cast(UUID, stored.originator_id)
        return NewEvent(
            self.partition_of(stream_id),
            stream_id,
            stored.originator_version,
            stored.topic,
            stored.state,
            meta or Metadata(event_id=uuid7()).encode(),
        )

    def partition_of(self, stream_id: UUID) -> int:
        """Return the partition that a stream lives in."""
        return partition_of(stream_id) if self.partitions == PARTITIONS else 0

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return a stream's events with versions above ``gt`` and up to ``lte``."""
        stream_id = cast(UUID, originator_id)
        query = _SELECT_DESCENDING if desc else _SELECT_ASCENDING
        after = -1 if gt is None else gt
        upto = _LAST_VERSION if lte is None else lte
        rows = self.store.read(query, (self.partition_of(stream_id), stream_id, after, upto, limit))
        return [StoredEvent(*row) for row in rows]

    def select_stream(self, stream_id: UUID) -> Sequence[tuple[int, str, bytes, bytes]]:
        """Return a whole stream: version, type, state and metadata of each event."""
        rows = self.store.read(_SELECT_STREAM, (self.partition_of(stream_id), stream_id))
        return cast("Sequence[tuple[int, str, bytes, bytes]]", rows)

    def _insert(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        metadata: Sequence[bytes] = (),
        vault: Sequence[VaultRow] = (),
        search_keys: Sequence[SearchKey] = (),
        claims: Sequence[Claim] = (),
        released: Sequence[UUID] = (),
        erasing: Erasing | None = None,
        forget: Callable[[Connection[Any]], None] | None = None,
        tracking: Tracking | None = None,
    ) -> list[int]:
        if tracking is not None:
            raise NotSupportedError("The log keeps no tracking records.")
        if not stored_events:
            return []
        metas: Sequence[bytes | None] = metadata or [None] * len(stored_events)
        events = [self.new_event(stored, meta) for stored, meta in zip(stored_events, metas, strict=True)]
        return self.append(events, Beside(vault, search_keys, claims, released, erasing, forget)).positions


class LogRecorder(LogAggregateRecorder, ApplicationRecorder):
    """The same, and answers each event's position. With ``partitions=1`` positions are notification ids."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append events and return their positions in the order given.

        Keyword arguments: ``metadata`` (encoded, one for each event), ``vault`` rows, ``search_keys``, ``claims``,
        people whose claims are ``released``, whom it is ``erasing``, and what it is to ``forget``. Errors as
        :meth:`append` raises them.
        """
        return self._insert(stored_events, **kwargs)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events by position; only a log of one partition has such an order."""
        self._expect_one_partition()
        first = (start or 0) + (0 if inclusive_of_start else 1)
        upto = _LAST_POSITION if stop is None else stop
        types = list(topics) or None
        rows = self.store.read(_SELECT_NOTIFICATIONS, (first, upto, types, types, limit))
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        """Return the last position; only a log of one partition has one."""
        self._expect_one_partition()
        [(position,)] = self.store.read(_MAX_POSITION)
        return cast("int | None", position)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Return the events after a position, and then those to come."""
        self._expect_one_partition()
        return LogSubscription(self, gt, topics)

    def _expect_one_partition(self) -> None:
        if self.partitions != 1:
            raise NotSupportedError("Each partition has its own order; read them by casework.log.reading.")


class LogSubscription(Subscription[ApplicationRecorder]):
    """Reads on by position and asks again after a moment; an outage only makes it wait."""

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None, topics: Sequence[str], *, every: float = 0.05
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._every = every
        self._stopped = Flag()
        self._waiting: Iterator[Notification] = iter(())

    def stop(self) -> None:
        """End the iteration, also one that waits in another thread."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        while not self._stopped.is_set():
            notification = next(self._waiting, None) or self._more()
            if notification is not None:
                self._last_notification_id = notification.id
                return notification
            self._stopped.wait(self._every)
        raise StopIteration

    def _more(self) -> Notification | None:
        try:
            notifications = self._recorder.select_notifications(
                self._last_notification_id, 500, topics=self._topics, inclusive_of_start=False
            )
        except LogUnavailable:
            return None
        self._waiting = iter(notifications)
        return next(self._waiting, None)


class LogFactory(InfrastructureFactory[TrackingRecorder]):
    """Gives the library's ``Application`` the log's recorders; the pool stays its owner's to close."""

    def __init__(self, pool: Pool, *, partitions: int = PARTITIONS, env: Environment | EnvType | None = None) -> None:
        super().__init__(env)
        self.pool = pool
        self.partitions = partitions

    def aggregate_recorder(self, purpose: str = "events") -> LogAggregateRecorder:
        """Return a recorder for events; there are no snapshots, since streams are short."""
        if purpose != "events":
            raise NotSupportedError(f"The log keeps events, not {purpose}.")
        return LogAggregateRecorder(self.pool, partitions=self.partitions)

    def application_recorder(self) -> LogRecorder:
        """Return the recorder of the application."""
        return LogRecorder(self.pool, partitions=self.partitions)

    def tracking_recorder(self, tracking_recorder_class: type[TrackingRecorder] | None = None) -> TrackingRecorder:
        """Refuse: views keep their checkpoints themselves."""
        raise NotSupportedError("Views keep their own checkpoints.")

    def process_recorder(self) -> ProcessRecorder:
        """Refuse: views keep their checkpoints themselves."""
        raise NotSupportedError("Views keep their own checkpoints.")
