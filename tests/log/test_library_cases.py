"""The eventsourcing library's own test cases for recorders, unchanged, on ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eventsourcing.tests import persistence as library

from casework.log.pool import Pool, open_pool
from casework.log.recorder import LogAggregateRecorder, LogRecorder


@pytest.fixture(autouse=True)
def recorders(request: pytest.FixtureRequest, database_url: str) -> Iterator[None]:
    """Give the test case a pool on a log of its own."""
    with open_pool(database_url, min_size=4, max_size=12) as request.instance.pool:
        yield


class TestAggregateRecorder(library.AggregateRecorderTestCase):
    pool: Pool

    def create_recorder(self):
        return LogAggregateRecorder(self.pool, partitions=1)


class TestApplicationRecorder(library.ApplicationRecorderTestCase):
    pool: Pool

    def create_recorder(self):
        return LogRecorder(self.pool, partitions=1)

    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


class TestNotificationIdsDoNotInterleave(library.NonInterleavingNotificationIDsBaseCase):
    pool: Pool

    def create_recorder(self):
        return LogRecorder(self.pool, partitions=1)
