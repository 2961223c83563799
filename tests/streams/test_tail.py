"""Many streams from one reading: what each client is given, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from time import monotonic, time
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.ids import partition_of
from casework.domain.subscriptions import Subscription
from casework.projections.reading import Unheard
from casework.streams.cursor import Cursor
from casework.streams.feeds import Feeds
from casework.streams.standing import Standing, standings
from casework.streams.tail import HEARTBEAT_SECONDS, Client, Tail
from tests.given import registered
from tests.streams.test_feed import (
    UNREADABLE,
    VISITS,
    beginning,
    households,
    mend,
    put_in,
    same_partition,
    subscribed,
    visited,
)

EVENT, BEAT = b"data: ", b": \n\n"


@pytest.fixture
def tail(casework: Casework) -> Iterator[Tail]:
    """The streams of a process; it hears of nothing, and polls."""
    with closing(Tail(casework, Feeds(casework), Unheard())) as tail:
        yield tail


def stand(casework: Casework, subscription: Subscription) -> Standing:
    with casework.pool.connection() as db:
        return standings(db)[subscription.id]


def streamed(tail: Tail, subscription: Subscription, cursor: Cursor) -> Any:
    return closing(tail.stream(subscription, cursor, time() + 600))


def taken(stream: Iterator[bytes], most: int) -> None:
    """Take so many events."""
    while most:
        most -= EVENT in next(stream)


def given_unreadable(casework: Casework, home: UUID) -> None:
    """An event that cannot be read in a household, and one after it in its partition."""
    [(type_name, state)] = UNREADABLE["an event that is no JSON"]
    put_in(str(casework.pool.conninfo), casework, home, 4, type_name, state)
    visited(casework, same_partition(casework, home), date(2013, 5, 3))


def test_it_is_kept_that_a_stream_waits_for_what_cannot_be_read(casework: Casework, tail: Tail):
    bad, good = households(casework, 1)[0], registered(casework).id
    while partition_of(good) == partition_of(bad):
        good = registered(casework).id
    subscription = subscribed(casework, types=(VISITS,), start="now")
    cursor = beginning(casework, subscription)
    visited(casework, good, date(2013, 5, 1))
    with streamed(tail, subscription, cursor) as stream:
        taken(stream, 1)
        given_unreadable(casework, bad)
        visited(casework, good, date(2013, 5, 2))
        taken(stream, 1)  # from here on it is told with the others
    joined = stand(casework, subscription)
    with streamed(tail, subscription, cursor) as stream:
        taken(stream, 2)  # which it still catches up with
    alone = stand(casework, subscription)

    mend(str(casework.pool.conninfo), bad, 4)
    with streamed(tail, subscription, cursor) as stream:
        taken(stream, 4)
    after = stand(casework, subscription)

    assert (joined.sequence, joined.held) == (alone.sequence, alone.held) == (2, [partition_of(bad)])
    assert (after.sequence, after.held) == (4, [])


def test_a_client_is_given_one_sign_of_life_once_it_heard_nothing_for_long(casework: Casework):
    subscription = subscribed(casework, types=(VISITS,), start="now")
    client = Client(subscription, beginning(casework, subscription), time() + 600, Feeds(casework))
    chunks = client.chunks()

    for seconds in (0, HEARTBEAT_SECONDS, 2 * HEARTBEAT_SECONDS):
        client.beat(monotonic() + seconds)
    first = next(chunks)
    client.beat(monotonic())
    client.end("ended", "restart")

    assert [first, *chunks] == [BEAT, b'event: ended\ndata: {"reason":"restart"}\n\n']
