"""How webhooks stand, for bureaus and operators: positions, lags and counts, of subscriptions by id."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from casework.log.pool import rows
from casework.log.reading import Db
from casework.streams.standing import unread

CLOSED, RESTING, PROBING = "closed", "open", "half-open"
"""A breaker's states: messages flow; none does; one is to show that the endpoint is back."""

_STANDS = f"""
SELECT hook.subscription_id, hook.state, hook.reason,
       CASE WHEN hook.rests_until > clock_timestamp() THEN 'open'
            WHEN hook.failures >= %(failures)b::int THEN 'half-open' ELSE 'closed' END,
       CASE WHEN isfinite(hook.rests_until) AND hook.rests_until > clock_timestamp() THEN hook.rests_until END,
       hook.failures, hook.sequence, unread.positions, waits.waiting, waits.dead,
       least(unread.oldest_at, waits.oldest_at),
       coalesce(greatest(extract(
           epoch FROM clock_timestamp() - least(unread.oldest_at, waits.oldest_at)), 0), 0)::float8,
       hook.delivered, hook.failed, hook.dead, hook.withheld
FROM casework.webhook_endpoint AS hook
CROSS JOIN LATERAL (
    SELECT coalesce(sum(greatest(heads.head - at.position, 0)), 0)::bigint AS positions,
           min(next.recorded_at) AS oldest_at
    FROM {unread("hook.positions")}
) AS unread
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'dead') AS dead,
           min(recorded_at) FILTER (WHERE state = 'waiting') AS oldest_at
    FROM casework.webhook_waiting WHERE subscription_id = hook.subscription_id
) AS waits
WHERE coalesce(hook.subscription_id = ANY (%(ids)b::uuid[]), true)
ORDER BY hook.subscription_id"""


class Stands(NamedTuple):
    """How an endpoint stands.

    ``lag`` counts positions of the log, told or withheld, that the feed was not taken past; ``oldest_at`` is when the
    oldest was recorded of those and of what waits, and ``lag_seconds`` how long ago. ``waiting`` and ``dead`` count
    deliveries now; the last four count since the endpoint was set: deliveries taken, tries in vain, deliveries given
    up, and deliveries that waited and were no longer to be told.
    """

    subscription_id: UUID
    state: str
    reason: str | None
    breaker: str
    rests_until: datetime | None
    failures: int
    sequence: int
    lag: int
    waiting: int
    dead: int
    oldest_at: datetime | None
    lag_seconds: float
    delivered_total: int
    failed_total: int
    dead_total: int
    withheld_total: int

    def ended(self) -> Stands:
        """The same where nothing more is given out: it is behind with what waits alone, notices about the grant."""
        if self.waiting:
            return self._replace(lag=0)
        return self._replace(lag=0, oldest_at=None, lag_seconds=0.0)


def stands(db: Db, failures: int, ids: Collection[UUID] | None = None) -> list[Stands]:
    """Return how endpoints stand, all or some; a breaker opens after so many failures in a row."""
    asked = {"failures": failures, "ids": None if ids is None else list(ids)}
    return [Stands._make(row) for row in rows(db, _STANDS, asked)]
