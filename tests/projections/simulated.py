"""A log that tests tell lives to, and engines whose date they choose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg

from casework.domain import registry
from casework.domain.aggregate import Event, Recorded
from casework.domain.ids import partition_of, uuid7
from casework.log.append import NewEvent
from casework.log.codec import EventCodec, Metadata
from casework.log.migrations import birth
from casework.log.pool import Pool, open_pool
from casework.log.recorder import LogRecorder
from casework.projections import sets
from casework.projections.batch import Limits
from casework.projections.engine import Engine
from casework.projections.sets import ViewSet
from casework.projections.verify import Difference, verify
from tests.projections.lives import UNTIL

RECORDED = datetime(2013, 1, 1, tzinfo=UTC)
TABLES = ("household", "assessment", "contribution", "unit_total", "worklist")


class Simulated:
    """One log: what is told to it, and what its views show."""

    def __init__(self, url: str, pool: Pool) -> None:
        self.url = url
        self.pool = pool
        self.recorder = LogRecorder(pool)
        self.versions: dict[UUID, int] = {}
        self.today = UNTIL
        self.engine = self.new_engine()

    def new_engine(self, **limits: int) -> Engine:
        """Another engine on the same log, at this log's date."""
        return Engine(self.pool, today=lambda: self.today, limits=Limits(**limits))

    def tell(self, recorded: Iterable[Recorded]) -> None:
        """Append events of any streams, each partition's in the order given."""
        parts: dict[int, list[NewEvent]] = {}
        for item in recorded:
            parts.setdefault(partition_of(item.originator_id), []).append(stored(item))
        for events in parts.values():
            self.recorder.append_simulated(events, [RECORDED] * len(events))

    def tell_registry(self, stream_id: UUID, event: Event) -> None:
        """Append one event to a stream of the registry."""
        version = self.versions[stream_id] = self.versions.get(stream_id, 0) + 1
        self.tell([Recorded(stream_id, version, event)])

    def report_contract(self, employer: str, from_: date) -> None:
        """An employer has a collective contract from a day on."""
        event = registry.UnitFactReported(occurred_on=from_, fact="UF-COLL", from_=from_)
        self.tell_registry(registry.unit_id(employer), event)

    def close_feed(self, bureau: str, area: str, month: str) -> None:
        """A bureau has reported all of a month."""
        event = registry.FeedClosed(occurred_on=UNTIL, bureau=bureau, area=area, month=month)
        self.tell_registry(registry.feed_id(bureau, area), event)

    def tell_poison(self, stream_id: UUID, version: int, type_name: str = "household.unheard-of.v1") -> None:
        """Append an event that no program can read yet."""
        state = b'{"occurred_on":"2013-10-01","outcome":"present"}'
        event = NewEvent(partition_of(stream_id), stream_id, version, type_name, state, META)
        self.recorder.append_simulated([event], [RECORDED])

    def drain(self, engine: Engine | None = None) -> int:
        """Drain and fill until nothing is behind; return how many partitions moved, repetitions counted."""
        moved, engine = 0, engine or self.engine
        while now := engine.drain() or engine.fill() or engine.drain():
            moved += now
        return moved

    def differences(self, view: ViewSet | None = None) -> list[Difference]:
        """What the views have otherwise than a replay."""
        return verify(self.pool, view=view).differences

    def rows(self, query: str, *parameters: Any, view: str = "view_1") -> list[Any]:
        """Ask the tables of a view set."""
        with self.pool.connection() as db, db.transaction():
            db.execute("SELECT set_config('search_path', %s, true)", (view,))
            return db.execute(query, parameters).fetchall()

    def contents(self, view: str) -> dict[str, list[Any]]:
        """All rows of a set, but for its checkpoints."""
        return {table: self.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3", view=view) for table in TABLES}

    def new_set(self) -> str:
        """Another view set of the same policy, empty."""
        with self.pool.connection() as db:
            return sets.create(db, sets.DEFAULT_POLICY)

    def view(self, name: str) -> ViewSet:
        """One of the sets, by name."""
        with self.pool.connection() as db:
            return next(view for view in sets.kept(db) if view.name == name)

    def as_owner(self, query: str, *parameters: Any) -> list[Any]:
        """Do, or ask, what the application's role may not."""
        with psycopg.connect(self.url, autocommit=True) as db:
            done = db.execute(query, parameters)
            return done.fetchall() if done.description else []

    def drain_in_process(self, fault: str, **limits: int) -> int:
        """Drain and fill in a process of its own with an armed fault; return its exit status."""
        with self.draining(fault, limits=limits) as process:
            return process.wait()

    def draining(
        self, fault: str, *, session: str = "", limits: dict[str, int] | None = None
    ) -> subprocess.Popen[bytes]:
        """Begin to drain and fill in a process of its own with an armed fault, and with settings of its session."""
        command = [sys.executable, "-c", DRAIN, self.url, self.today.isoformat(), json.dumps(limits or {}), session]
        environ = {**os.environ, "CASEWORK_FAULT": fault}
        return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE if session else None)


DRAIN = """
import json, sys
from datetime import date
from casework.log.pool import open_pool
from casework.projections.batch import Limits
from casework.projections.engine import Engine
_, url, today, limits, session = sys.argv
pool = open_pool(url, max_size=1)
if session:
    with pool.connection() as db:
        db.execute(session)
engine = Engine(pool, today=lambda: date.fromisoformat(today), limits=Limits(**json.loads(limits)))
while engine.drain() + engine.fill():
    pass
"""
META = Metadata(event_id=uuid7()).encode()
_codec = EventCodec()


def stored(item: Recorded) -> NewEvent:
    """An event as it is appended."""
    stream, version, event = item.originator_id, item.originator_version, item.event
    return NewEvent(partition_of(stream), stream, version, event.type_name, _codec.encode(event), META)


@contextmanager
def simulated(url: str) -> Iterator[Simulated]:
    """A synthetic log in a migrated database, with one live view set."""
    birth(url, synthetic=True)
    with open_pool(url, max_size=8) as pool:
        with pool.connection() as db:
            sets.ensure_live(db)
        yield Simulated(url, pool)


def cut(streams: Sequence[Sequence[Recorded]], share: float) -> tuple[list[Recorded], list[Recorded]]:
    """The first events of some streams, and the others."""
    places = [round(len(stream) * share) for stream in streams]
    first = [event for stream, place in zip(streams, places, strict=True) for event in stream[:place]]
    return first, [event for stream, place in zip(streams, places, strict=True) for event in stream[place:]]
