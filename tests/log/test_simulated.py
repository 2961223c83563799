"""Simulated appends: only in a log that was born synthetic, and never back in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from eventsourcing.persistence import ProgrammingError

from casework.errors import ClaimTaken
from casework.log.append import Beside
from casework.log.failures import EventTooLarge, StreamConflict
from casework.log.migrations import birth
from casework.log.recorder import LogRecorder
from tests.log.given import Db, claim, event, events, log_of, stream_in

MONDAY = datetime(2012, 5, 7, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def synthetic(database_url: str, recorder: LogRecorder) -> LogRecorder:
    """A recorder on a log that was born synthetic."""
    birth(database_url, synthetic=True, seed=1)
    return recorder


def recorded_at(db: Db, stream_id: UUID) -> list[datetime]:
    rows = db.execute("SELECT recorded_at FROM casework.events WHERE stream_id = %s ORDER BY version", (stream_id,))
    return [time for (time,) in rows]


def test_a_real_log_refuses_simulated_times(recorder: LogRecorder, admin: Db) -> None:
    stream = stream_in(1)

    with pytest.raises(ProgrammingError, match="real"):
        recorder.append_simulated([event(stream, 1)], [MONDAY])
    recorder.append([event(stream, 1)])
    with pytest.raises(ProgrammingError, match="real"):
        recorder.append_simulated([event(stream, 2)], [MONDAY])

    assert len(log_of(admin, 1)) == 1


def test_events_of_many_streams_get_the_times_given(synthetic: LogRecorder, admin: Db) -> None:
    one, other = stream_in(3), stream_in(3)
    batch = [event(one, 1), event(other, 1), event(one, 2)]

    appended = synthetic.append_simulated(batch, [MONDAY, MONDAY, MONDAY + DAY])

    assert appended.positions == [1, 2, 3]
    assert appended.recorded_at == MONDAY + DAY
    assert recorded_at(admin, one) == [MONDAY, MONDAY + DAY]
    assert recorded_at(admin, other) == [MONDAY]


@pytest.mark.parametrize(
    "times",
    [(MONDAY - DAY, MONDAY), (MONDAY + 2 * DAY, MONDAY + DAY), (MONDAY, datetime(2999, 1, 1, tzinfo=UTC))],
)
def test_times_that_go_back_or_lie_ahead_are_refused(
    synthetic: LogRecorder, admin: Db, times: tuple[datetime, ...]
) -> None:
    stream = stream_in(3)
    synthetic.append_simulated([event(stream, 1)], [MONDAY])

    with pytest.raises(ProgrammingError, match="time"):
        synthetic.append_simulated(events(stream, range(2, 4)), times)

    assert recorded_at(admin, stream) == [MONDAY]


def test_after_a_real_append_no_simulated_one_goes_before_it(synthetic: LogRecorder) -> None:
    stream = stream_in(3)
    synthetic.append_simulated([event(stream, 1)], [MONDAY])

    now = synthetic.append([event(stream, 2)]).recorded_at

    assert now > MONDAY
    with pytest.raises(ProgrammingError, match="time"):
        synthetic.append_simulated([event(stream, 3)], [MONDAY + DAY])


def test_each_partition_has_its_own_time(synthetic: LogRecorder) -> None:
    synthetic.append_simulated([event(stream_in(3), 1)], [MONDAY])

    assert synthetic.append_simulated([event(stream_in(4), 1)], [MONDAY - DAY]).positions == [1]


def test_conflicts_claims_and_size_are_refused_as_ever(synthetic: LogRecorder, admin: Db) -> None:
    holder, other = stream_in(3), stream_in(3)
    synthetic.append_simulated([event(holder, 1)], [MONDAY], Beside(claims=[claim(b"a")]))

    with pytest.raises(StreamConflict):
        synthetic.append_simulated([event(holder, 1)], [MONDAY])
    with pytest.raises(ClaimTaken):
        synthetic.append_simulated([event(other, 1)], [MONDAY], Beside(claims=[claim(b"a")]))
    with pytest.raises(EventTooLarge):
        synthetic.append_simulated([event(other, 1, state=b"x" * 65537)], [MONDAY])

    assert log_of(admin, 3) == [(1, holder, 1)]


def test_one_partition_and_a_time_for_each_event_are_expected(synthetic: LogRecorder) -> None:
    with pytest.raises(ValueError, match="one partition"):
        synthetic.append_simulated([event(stream_in(3), 1), event(stream_in(4), 1)], [MONDAY, MONDAY])
    with pytest.raises(ValueError, match="its time"):
        synthetic.append_simulated(events(stream_in(3), range(1, 3)), [MONDAY])
