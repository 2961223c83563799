"""Streams: what ends one from our side."""

from __future__ import annotations

from itertools import islice
from time import time

import psycopg
import pytest

from casework.application import Casework
from casework.projections.reading import Unheard
from casework.streams import tail
from casework.streams.feeds import Feeds
from casework.streams.tail import Tail
from tests.streams.test_feed import beginning, subscribed


def test_a_stream_of_the_epoch_before_a_restore_ends(casework: Casework, monkeypatch: pytest.MonkeyPatch):
    """Its positions may belong to other events by now, and would pass over them."""
    monkeypatch.setattr(tail, "CHECK_SECONDS", 0)
    monkeypatch.setattr(tail, "HEARTBEAT_SECONDS", 1)
    subscription = subscribed(casework, start="now")
    streams = Tail(casework, Feeds(casework), Unheard())
    stream = streams.stream(subscription, beginning(casework, subscription), time() + 3600)
    began = next(stream)
    with psycopg.connect(str(casework.pool.conninfo)) as db:
        db.execute("UPDATE casework.log_birth SET epoch = epoch + 1")

    told = list(islice(stream, 20))
    streams.close()

    assert began == b": \n\n"
    assert told[-1] == b'event: ended\ndata: {"reason":"epoch-changed"}\n\n'
