"""Deliveries to a receiver on this machine, worked off in the test's own thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from casework.application import Casework
from casework.domain.subscriptions import Subscription
from casework.streams.feeds import Feeds
from casework.streams.webhooks import waiting
from casework.streams.webhooks.lanes import Lanes
from casework.streams.webhooks.managing import Webhooks
from casework.streams.webhooks.schedule import schedule
from casework.streams.webhooks.sending import Sender
from tests.given import by, registered
from tests.streams.test_feed import VISITS, subscribed
from tests.streams.webhooks.receiver import Receiver, receiving

BUREAU = by("bureau", bureau="EDUB")

AT_ONCE = replace(schedule(), retry_seconds=(0.0,), rest_seconds=(0.0,), failures_to_rest=1000, answer_seconds=2.0)
"""No waits, and no breaker."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@dataclass
class Post:
    """Webhooks of one log: endpoints are set, and what waits is worked off, by a plan."""

    casework: Casework
    plan: Any = AT_ONCE

    def __post_init__(self) -> None:
        self.feeds = Feeds(self.casework)
        self.hooks = Webhooks(self.casework, self.feeds, loopback=True)
        self.secrets: dict[UUID, str] = {}

    def to(self, receiver: Receiver, path: str = "/in", content: str = "full", **said: Any) -> Subscription:
        """A bureau's subscription that is sent to a receiver."""
        subscription = subscribed(self.casework, **{"start": "now", "types": (VISITS,), **said})
        made = self.hooks.set_endpoint(BUREAU, subscription, url=receiver.url(path), content=content)
        assert made.secret is not None
        self.secrets[subscription.id] = made.secret
        return self.casework.registry().subscriptions[subscription.id]

    def work(self, **changes: Any) -> None:
        """Do all that is to be done now."""
        plan = replace(self.plan, **changes)
        sender = Sender(connect_seconds=plan.connect_seconds, answer_seconds=plan.answer_seconds, loopback=True)
        Lanes(self.casework, sender, Event(), plan=plan).work_off()
        sender.close()

    def row(self, subscription: Subscription, column: str) -> Any:
        """A column of an endpoint's row."""
        with self.casework.pool.connection() as db:
            row = db.execute(
                f"SELECT {column} FROM casework.webhook_endpoint WHERE subscription_id = %s",
                (subscription.id,),
            ).fetchone()
        return row and row[0]

    def waiting(self, subscription: Subscription, state: str = "waiting") -> list[Any]:
        """What waits for an endpoint, or was given up."""
        with self.casework.pool.connection() as db:
            return waiting.listed(db, subscription.id, state, (-1, 0), 1000)


@pytest.fixture
def post(casework: Casework) -> Iterator[Post]:
    post = Post(casework)
    yield post
    with casework.pool.connection() as db:  # else the next test of the module would send there
        db.execute("DELETE FROM casework.webhook_endpoint")


def homes_of(casework: Casework, count: int) -> list[UUID]:
    """Some households."""
    return [registered(casework).id for _ in range(count)]
