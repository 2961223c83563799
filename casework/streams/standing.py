"""How far each subscriber has come, and how far it is behind: for bureaus and operators to see."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from casework.log.pool import rows
from casework.log.reading import Db
from casework.streams.cursor import Cursor

# No disk is waited for: what is lost here is told again by the next request.
_REMEMBER = """
WITH quickly AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO casework.subscriber AS known (subscription_id, epoch, sequence, positions, held)
SELECT %b, %b::int, %b::bigint, %b::bigint[], %b::smallint[] FROM quickly
ON CONFLICT (subscription_id) DO UPDATE
SET epoch = excluded.epoch, sequence = excluded.sequence, positions = excluded.positions, held = excluded.held,
    seen_at = clock_timestamp()
WHERE (known.epoch, known.positions, known.held) IS DISTINCT FROM (excluded.epoch, excluded.positions, excluded.held)
   OR known.seen_at < clock_timestamp() - interval '10 seconds'"""


def unread(positions: str) -> str:
    """Return the SQL of what lies beyond a cursor's positions, a row for each partition: ``at``, ``heads``, ``next``.

    The registry is left out: nothing of it is given out but notices about the grant, which cost no looking.
    """
    return f"""unnest({positions}) WITH ORDINALITY AS at(position, place)
JOIN (
    SELECT part, coalesce((SELECT max(position) FROM casework.events WHERE partition = part::smallint), 0) AS head
    FROM generate_series(0, 63) AS part
) AS heads ON heads.part = at.place - 1
LEFT JOIN casework.events AS next ON next.partition = heads.part::smallint AND next.position = at.position + 1"""


_STANDINGS = f"""
SELECT known.subscription_id, known.sequence, known.held, known.seen_at,
       sum(greatest(heads.head - at.position, 0))::bigint, min(next.recorded_at),
       coalesce(greatest(extract(epoch FROM clock_timestamp() - min(next.recorded_at)), 0), 0)::float8
FROM casework.subscriber AS known
CROSS JOIN LATERAL {unread("known.positions")}
WHERE (%b::uuid[] IS NULL OR known.subscription_id = ANY (%b::uuid[])) AND NOT EXISTS (
    SELECT FROM casework.events AS over
    WHERE over.partition = 64 AND over.stream_id = known.subscription_id AND over.type = 'subscription.closed.v1')
GROUP BY known.subscription_id"""


class Standing(NamedTuple):
    """How far a subscriber has come: envelopes that it was given, and what it has not been past yet.

    ``lag`` counts positions of the log, told or withheld; ``oldest_at`` is when the first of them was recorded, and
    ``lag_seconds`` how long ago that is. ``held`` are partitions that wait for an event that cannot be read.
    """

    subscription_id: UUID
    sequence: int
    held: list[int]
    seen_at: datetime
    lag: int
    oldest_at: datetime | None
    lag_seconds: float

    def ended(self) -> Standing:
        """The same where nothing more is given out, and so it is behind nothing."""
        return self._replace(held=[], lag=0, oldest_at=None, lag_seconds=0.0)


def remember(db: Db, subscription_id: UUID, cursor: Cursor, held: Collection[int]) -> None:
    """Keep how far a subscriber says that it has come."""
    stands = (cursor.epoch, cursor.sequence, list(cursor.positions), sorted(held))
    rows(db, _REMEMBER, (subscription_id, *stands))


def standings(db: Db, subscription_ids: Collection[UUID] | None = None) -> dict[UUID, Standing]:
    """Return how far some subscribers have come, or all; who never asked, or was closed, is left out."""
    asked = None if subscription_ids is None else list(subscription_ids)
    found = [Standing._make(row) for row in rows(db, _STANDINGS, (asked, asked))]
    return {each.subscription_id: each for each in found}
