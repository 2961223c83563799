"""Statements to the log's database: an append that survives a lost answer, and reads.

Where the connection dies before the answer came, nobody knows whether an append was committed, or will be a
moment later. The same append is sent again, which waits for the first one's lock, and a conflict with our own
events is the answer that they are in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import ProgrammingError
from psycopg import Connection

from casework.domain.ids import vault_partition_of
from casework.errors import ClaimTaken, Refused
from casework.faults import fault
from casework.log.append import Appended, Erasing, NewEvent, Outcome, Statement, outcome_of, positions
from casework.log.failures import EventTooLarge, LogUnavailable, StreamConflict, translated
from casework.log.pool import Pool, rows

_SENDS = 3

_SELECT_STORED = (
    "SELECT position, recorded_at, meta FROM casework.events"
    " WHERE partition = %b::smallint AND stream_id = %b AND version = %b::int"
)

# The locks of an append and of an erasure, taken before the look, so that nothing can refuse what comes after it.
_HOLD = "SELECT pg_advisory_xact_lock(1128354629, %b::int)"
_HOLD_VAULT = "SELECT pg_advisory_xact_lock(1128354629, 1000 + (get_byte(uuid_send(%b::uuid), 15) & 63))"
_LOOK = """
SELECT coalesce(max(e.version), 0), (SELECT held.stream_id FROM casework.claim AS held WHERE held.hash = %b)
FROM casework.events AS e WHERE e.partition = %b::smallint AND e.stream_id = %b"""
_ERASE = "SELECT vault.erase(%b::uuid, %b::uuid[], %b::uuid, %b::bigint[], %b::bytea[])"


class Store:
    """Sends one statement at a time, each on a connection of the pool and each its own transaction."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def append(self, events: Sequence[NewEvent], statement: Statement) -> Appended:
        """Return where the events are now, or raise why they are not in the log."""
        for attempt in range(1, _SENDS + 1):
            answer = self._answer(statement, last=attempt == _SENDS)
            if answer is not None:
                return self._appended(events, answer, sent_before=attempt > 1)
        raise LogUnavailable

    def erase(self, events: Sequence[NewEvent], statement: Statement, erasing: Erasing) -> Appended:
        """Append events of one stream, and erase: the ledger's entry first, the rest in one transaction."""
        with self._transaction() as db:
            _hold(db, events[0], erasing)
            written = erasing.write()
            fault("ledger-written")
            appended = self._appended_in(db, events, statement)
            erase_rows(db, erasing.people, erasing.subjects, events[0].stream_id, written)
            fault("erased")
        return appended

    def forget(
        self, events: Sequence[NewEvent], statement: Statement, forget: Callable[[Connection[Any]], None]
    ) -> Appended:
        """Append events, and forget what they outdate, in one transaction."""
        with self._transaction() as db:
            appended = self._appended_in(db, events, statement)
            fault("outdated")
            forget(db)
            fault("forgotten")
        return appended

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return rows; a read whose connection died is made once more."""
        rows = self._rows(query, parameters, last=False)
        if rows is None:
            rows = self._rows(query, parameters, last=True)
        return rows or []

    @contextmanager
    def _transaction(self) -> Iterator[Connection[Any]]:
        """Several statements at once. Where the answer is lost the command comes again, and finds its events."""
        try:
            with self.pool.connection() as db, db.transaction():
                yield db
        except psycopg.Error as error:
            raise translated(error) from error

    def _appended_in(self, db: Connection[Any], events: Sequence[NewEvent], statement: Statement) -> Appended:
        answer = outcome_of(rows(db, statement.query, statement.parameters)[0])
        return self._appended(events, answer, sent_before=False)

    def _answer(self, statement: Statement, *, last: bool) -> Outcome | None:
        rows = self._rows(statement.query, statement.parameters, last=last)
        return outcome_of(rows[0]) if rows else None

    def _rows(self, query: str, parameters: Sequence[Any], *, last: bool) -> list[tuple[Any, ...]] | None:
        """Return the rows, or None where they were lost with the connection and this is not the last time."""
        lost = False
        try:
            connection = self.pool.getconn()
            try:
                return connection.kept_cursor.execute(query, parameters, prepare=True).fetchall()
            except psycopg.OperationalError:
                lost = connection.broken
                raise
            finally:
                self.pool.putconn(connection)
        except psycopg.Error as error:
            if lost and not last:
                return None
            raise translated(error) from error

    def _appended(self, events: Sequence[NewEvent], answer: Outcome, *, sent_before: bool) -> Appended:
        match answer.outcome:
            case "appended":
                return Appended(positions(events, answer), answer.recorded_at)
            case "version-conflict":
                stored = self._stored(events) if sent_before else None
                if stored is None:
                    raise StreamConflict
                return stored
            case "claim-taken":
                raise ClaimTaken(held_by=answer.holder, kind=answer.kind)
            case "too-large":
                raise EventTooLarge
            case "not-synthetic":
                raise ProgrammingError("This log is real: its recorded times are its own.")
            case _:
                raise ProgrammingError("A recorded time went back, or lies in the future.")

    def _stored(self, events: Sequence[NewEvent]) -> Appended | None:
        """Return where exactly these events are in the log, or None where others took their places."""
        places = [(event.partition, event.stream_id, event.version) for event in events]
        found = [self.read(_SELECT_STORED, place) for place in places]
        if all(rows and rows[0][2] == event.meta for rows, event in zip(found, events, strict=True)):
            return Appended([rows[0][0] for rows in found], cast("Any", found[-1][0][1]))
        return None


def erase_rows(
    db: Connection[Any],
    people: Sequence[UUID],
    subjects: Sequence[UUID],
    household_id: UUID | None,
    entries: Sequence[tuple[int, bytes]],
) -> None:
    """Delete what the vault holds of a person, as entries of the ledger say; their claims in one household, or in all.

    ``people`` are all records of the person. Done again it changes nothing.
    """
    numbers, hashes = ([entry[place] for entry in entries] for place in (0, 1))
    for person_id in people:
        rows(db, _ERASE, (person_id, list(subjects), household_id, numbers, hashes))


def _hold(db: Connection[Any], first: NewEvent, erasing: Erasing) -> None:
    """Keep everybody else from the stream and from the person until the transaction ends, and refuse what must be."""
    rows(db, _HOLD, (first.partition,))
    for person_id in sorted(erasing.people, key=vault_partition_of):
        rows(db, _HOLD_VAULT, (person_id,))
    [(version, holder)] = rows(db, _LOOK, (erasing.claim, first.partition, first.stream_id))
    if version != first.version - 1:
        raise StreamConflict
    if holder not in (None, first.stream_id):
        raise Refused("erasure-elsewhere")
