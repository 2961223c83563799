"""Which erasures a subscriber has yet to acknowledge: every one since it began, until it says that it has deleted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time
from typing import NamedTuple
from uuid import UUID

from casework.domain.calendar import SHANGHAI
from casework.domain.ids import REGISTRY
from casework.domain.subscriptions import BEGINNING, Subscription
from casework.log.pool import rows
from casework.log.reading import Db

# Whole households go with their last member; of them nothing is told.
_ERASED = """
SELECT gone.subject_id, gone.erased_at FROM vault.erased AS gone
WHERE NOT EXISTS (
    SELECT FROM casework.events AS home
    WHERE home.partition = gone.partition AND home.stream_id = gone.subject_id AND home.version = 1)"""
_OPENED = f"""
SELECT stream_id, recorded_at FROM casework.events
WHERE partition = {REGISTRY} AND version = 1 AND stream_id = ANY (%b::uuid[])"""
_ALWAYS = datetime.min.replace(tzinfo=UTC)


class Unacknowledged(NamedTuple):
    """How many people were erased of whom a subscriber has not said yet that it holds nothing, and since when."""

    people: int
    oldest_at: datetime | None

    def seconds(self, now: datetime) -> float:
        """For how long the first of them has waited for that."""
        return max((now - self.oldest_at).total_seconds(), 0.0) if self.oldest_at is not None else 0.0


NOBODY = Unacknowledged(0, None)


def unacknowledged(db: Db, subscriptions: Collection[Subscription]) -> dict[UUID, Unacknowledged]:
    """Return what some subscribers have yet to acknowledge; they are told of every erasure since they began."""
    opened = dict(rows(db, _OPENED, ([each.id for each in subscriptions],)))
    erased: dict[UUID, datetime] = dict(rows(db, _ERASED))
    return {each.id: _of(each, _begun(each, opened[each.id]), erased) for each in subscriptions}


def _begun(subscription: Subscription, opened_at: datetime) -> datetime:
    """Since when a subscriber is told what happens."""
    if subscription.opened.since is not None:
        return datetime.combine(subscription.opened.since, time(), SHANGHAI)
    return _ALWAYS if subscription.opened.start == BEGINNING else opened_at


def _of(subscription: Subscription, begun: datetime, erased: dict[UUID, datetime]) -> Unacknowledged:
    left = [at for person, at in erased.items() if at >= begun and person not in subscription.acknowledged]
    return Unacknowledged(len(left), min(left, default=None))
