"""What waits to be delivered: where it stands in the log, and when it is due. What it says is read when it is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from casework.log.pool import done, rows
from casework.log.reading import Db
from casework.streams.again import Place
from casework.streams.cursor import Cursor

DEAD_DAYS = 30
"""How long a delivery that was given up can be sent again by its id; by a cursor it can be for ever."""


class Waiting(NamedTuple):
    """A delivery that waits, or was given up; ``chain`` is the household, within which order is kept."""

    partition: int
    position: int
    chain: UUID
    event_id: UUID
    type: str
    sequence: int
    recorded_at: datetime
    state: str = "waiting"
    attempts: int = 0
    outcome: str | None = None
    failed_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.partition, self.position


class Failed(NamedTuple):
    """A delivery that was tried in vain: what came of it, and in how many seconds it is tried again."""

    place: Place
    outcome: str
    retry_in: float


_COLUMNS = """
partition, position, chain, event_id, type, sequence, recorded_at, state, attempts, outcome, failed_at, due_at"""
_DUE = f"""
SELECT {_COLUMNS} FROM casework.webhook_waiting
WHERE subscription_id = %(id)b AND state = 'waiting' AND chain IN (
    SELECT chain FROM (
        SELECT DISTINCT ON (chain) chain, due_at, attempts FROM casework.webhook_waiting
        WHERE subscription_id = %(id)b AND state = 'waiting' ORDER BY chain, position) AS first
    WHERE due_at <= clock_timestamp() ORDER BY attempts, due_at LIMIT %(chains)b::bigint)
ORDER BY chain, position LIMIT %(most)b::bigint"""
_NEXT_DUE = """
SELECT min(due_at) FROM (
    SELECT DISTINCT ON (chain) due_at FROM casework.webhook_waiting
    WHERE subscription_id = %b AND state = 'waiting' ORDER BY chain, position) AS first"""
_COUNT = "SELECT count(*) FROM casework.webhook_waiting WHERE subscription_id = %b AND state = 'waiting'"
_BLOCKED = """
SELECT DISTINCT chain FROM casework.webhook_waiting
WHERE subscription_id = %b AND state = 'waiting' AND chain = ANY (%b::uuid[])"""
_ADD = """
INSERT INTO casework.webhook_waiting
    (partition, subscription_id, position, chain, event_id, type, sequence, recorded_at, due_at)
SELECT new.partition, %(id)b, new.position, new.chain, new.event_id, new.type, new.sequence, new.recorded_at,
       clock_timestamp()
FROM unnest(%(partitions)b::smallint[], %(positions)b::bigint[], %(chains)b::uuid[], %(events)b::uuid[],
            %(types)b::text[], %(sequences)b::bigint[], %(recorded)b::timestamptz[])
     AS new (partition, position, chain, event_id, type, sequence, recorded_at)
ON CONFLICT (partition, subscription_id, position) DO NOTHING"""
_FAIL = """
UPDATE casework.webhook_waiting AS old
SET attempts = old.attempts + 1, outcome = new.outcome, failed_at = coalesce(old.failed_at, clock_timestamp()),
    state = CASE WHEN old.failed_at < clock_timestamp() - make_interval(secs => %(give_up)b::float8)
                 THEN 'dead' ELSE 'waiting' END,
    due_at = clock_timestamp() + make_interval(secs => new.retry_in)
FROM unnest(%(partitions)b::smallint[], %(positions)b::bigint[], %(outcomes)b::text[], %(retries)b::float8[])
     AS new (partition, position, outcome, retry_in)
WHERE old.subscription_id = %(id)b AND (old.partition, old.position) = (new.partition, new.position)
RETURNING old.state = 'dead'"""
_HURRY = """
UPDATE casework.webhook_waiting SET due_at = clock_timestamp()
WHERE subscription_id = %b AND state = 'waiting' AND due_at > clock_timestamp()"""
_REMOVE = """
DELETE FROM casework.webhook_waiting AS old
USING unnest(%b::smallint[], %b::bigint[]) AS gone (partition, position)
WHERE old.subscription_id = %b AND (old.partition, old.position) = (gone.partition, gone.position)"""
_REMOVE_AFTER = """
DELETE FROM casework.webhook_waiting
WHERE subscription_id = %b AND position > (%b::bigint[])[partition + 1]"""
_REMOVE_ALL = "DELETE FROM casework.webhook_waiting WHERE subscription_id = %b"
_CANCEL = """
WITH gone AS (DELETE FROM casework.webhook_waiting WHERE subscription_id = %(id)b AND partition < 64 RETURNING 1)
UPDATE casework.webhook_endpoint SET withheld = withheld + (SELECT count(*) FROM gone)
WHERE subscription_id = %(id)b AND EXISTS (SELECT FROM gone)"""
_FORGET = """
DELETE FROM casework.webhook_waiting
WHERE state = 'dead' AND due_at < clock_timestamp() - make_interval(days => %b::int)"""
_LIST = f"""
SELECT {_COLUMNS} FROM casework.webhook_waiting
WHERE subscription_id = %(id)b AND state = %(state)b AND (partition, position) > (%(partition)b, %(position)b)
ORDER BY partition, position LIMIT %(limit)b"""
_FIND = f"SELECT {_COLUMNS} FROM casework.webhook_waiting WHERE subscription_id = %b AND event_id = %b"
_REVIVE = """
WITH revived AS (
    UPDATE casework.webhook_waiting SET state = 'waiting', failed_at = NULL, due_at = clock_timestamp()
    WHERE subscription_id = %(id)b AND event_id = %(event)b AND state = 'dead' RETURNING 1)
UPDATE casework.webhook_endpoint SET next_due_at = clock_timestamp()
WHERE subscription_id = %(id)b AND EXISTS (SELECT FROM revived)"""


def due(db: Db, subscription_id: UUID, *, chains: int, most: int) -> list[Waiting]:
    """Return what waits in some chains whose first delivery is due, chain by chain, the least tried first."""
    found = rows(db, _DUE, {"id": subscription_id, "chains": chains, "most": most})
    return [Waiting._make(row) for row in found]


def next_due(db: Db, subscription_id: UUID) -> datetime | None:
    """Return when something is due next; None where nothing waits."""
    at: datetime | None
    [(at,)] = rows(db, _NEXT_DUE, (subscription_id,))
    return at


def count(db: Db, subscription_id: UUID) -> int:
    """Return how many deliveries wait."""
    [(number,)] = rows(db, _COUNT, (subscription_id,))
    return int(number)


def blocked(db: Db, subscription_id: UUID, chains: Iterable[UUID]) -> set[UUID]:
    """Return those chains in which something waits, so that what comes after it waits, too."""
    return {chain for (chain,) in rows(db, _BLOCKED, (subscription_id, list(chains)))}


def add(db: Db, subscription_id: UUID, new: Sequence[Waiting]) -> None:
    """Let deliveries wait."""
    if not new:
        return
    columns = zip(*(each[:7] for each in new), strict=True)
    names = ("partitions", "positions", "chains", "events", "types", "sequences", "recorded")
    done(db, _ADD, {"id": subscription_id, **{name: list(each) for name, each in zip(names, columns, strict=True)}})


def fail(db: Db, subscription_id: UUID, failed: Sequence[Failed], give_up: float) -> int:
    """Keep that deliveries were tried in vain; return how many are given up, having failed for so many seconds."""
    if not failed:
        return 0
    found = rows(
        db,
        _FAIL,
        {
            "id": subscription_id,
            "give_up": give_up,
            "partitions": [each.place[0] for each in failed],
            "positions": [each.place[1] for each in failed],
            "outcomes": [each.outcome for each in failed],
            "retries": [each.retry_in for each in failed],
        },
    )
    return sum(dead for (dead,) in found)


def hurry(db: Db, subscription_id: UUID) -> None:
    """Let all that waits be due: the endpoint is back."""
    done(db, _HURRY, (subscription_id,))


def remove(db: Db, subscription_id: UUID, places: Collection[Place]) -> None:
    """Let deliveries wait no more."""
    if places:
        partitions, positions = zip(*places, strict=True)
        done(db, _REMOVE, (list(partitions), list(positions), subscription_id))


def remove_all(db: Db, subscription_id: UUID) -> None:
    """Let nothing wait any more, and forget what was given up."""
    done(db, _REMOVE_ALL, (subscription_id,))


def cancel(db: Db, subscription_id: UUID) -> None:
    """The same of all that tells of households; notices about the grant go on."""
    done(db, _CANCEL, {"id": subscription_id})


def remove_after(db: Db, subscription_id: UUID, cursor: Cursor) -> None:
    """Let what a feed that is taken again from a cursor will bring wait no more, and no longer be given up."""
    done(db, _REMOVE_AFTER, (subscription_id, list(cursor.positions)))


def forget_dead(db: Db) -> None:
    """Forget what was given up long ago."""
    done(db, _FORGET, (DEAD_DAYS,))


def listed(db: Db, subscription_id: UUID, state: str, after: Place, limit: int) -> list[Waiting]:
    """Return deliveries in a state, after a place."""
    asked = {"id": subscription_id, "state": state, "partition": after[0], "position": after[1], "limit": limit}
    return [Waiting._make(row) for row in rows(db, _LIST, asked)]


def find(db: Db, subscription_id: UUID, event_id: UUID) -> Waiting | None:
    """Return the delivery of an event, if it waits or was given up."""
    return next((Waiting._make(row) for row in rows(db, _FIND, (subscription_id, event_id))), None)


def revive(db: Db, subscription_id: UUID, event_id: UUID) -> None:
    """Have a delivery that was given up tried again now."""
    done(db, _REVIVE, {"id": subscription_id, "event": event_id})
