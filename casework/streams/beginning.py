"""Where a subscription begins: at the first event of all, at its opening, or at the first event of a day."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from casework.domain.calendar import SHANGHAI
from casework.domain.ids import REGISTRY
from casework.domain.subscriptions import NOW, Subscription
from casework.log import reading
from casework.log.reading import Db
from casework.streams.cursor import PARTITIONS, Cursor


def beginning_of(db: Db, subscription: Subscription, epoch: int) -> Cursor:
    """Return the cursor before the first event that a subscription may be given; the same one whenever it is asked.

    What happened to the grant before the opening is no news to it. The connection must not be in a transaction.
    """
    [opening] = reading.timeline(db, subscription.id, limit=1)
    positions = [0] * PARTITIONS
    start, since = subscription.opened.start, subscription.opened.since
    if start == NOW:
        cut = reading.cut_at(db, opening.recorded_at)
        positions = [cut[partition] for partition in range(PARTITIONS)]
    elif since is not None:
        cut = reading.cut_at(db, datetime.combine(since, time(), SHANGHAI) - timedelta(microseconds=1))
        positions = [cut[partition] for partition in range(PARTITIONS)]
    positions[REGISTRY] = opening.position
    return Cursor(epoch, 0, tuple(positions))
