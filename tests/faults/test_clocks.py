"""Row 17: processes whose clocks are 20 minutes apart. Order, time and date of record are the database's."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from tests.faults.amounts import amount, within
from tests.faults.clients import answers_of, two_processes, working
from tests.faults.invariants import assert_each_once, assert_gapless, assert_views_hold, is_caught_up
from tests.processes import Start
from tests.projections.simulated import Simulated

GOES_ON_SECONDS = 5
WORKING_SECONDS = amount(short=2, long=90)
SKEW = timedelta(minutes=10)
MIDNIGHT = datetime(2013, 10, 20, 16, tzinfo=UTC)
"""In Shanghai, so that the two offices do not even agree on the date."""

OUT_OF_ORDER = """
SELECT partition, position FROM (
    SELECT partition, position, recorded_at, lag(recorded_at) OVER (PARTITION BY partition ORDER BY position) AS before
    FROM casework.events
) AS event
WHERE recorded_at < before OR recorded_at NOT BETWEEN %s AND clock_timestamp()"""


def test_clocks_apart_change_neither_order_nor_views(log: Simulated, start: Start, tmp_path: Path):
    for skew in ("600", "-600"):
        for kind in ("drains", "beat"):
            start(skew, kind, module="tests.faults.skewed", CASEWORK_LOG_LEVEL="error")
    [(begun,)] = log.as_owner("SELECT clock_timestamp()")

    with two_processes(log.url, tmp_path) as offices, ExitStack() as clients_at_work:
        fast, slow = offices
        fast.now, slow.now = (lambda: MIDNIGHT + SKEW), (lambda: MIDNIGHT - SKEW)
        assert fast.today != slow.today
        clients = [each for office in offices for each in clients_at_work.enter_context(working(office, 2))]
        until = monotonic() + WORKING_SECONDS
        while monotonic() < until:
            assert all(client.goes_on(GOES_ON_SECONDS) for client in clients)

    assert within(GOES_ON_SECONDS, lambda: is_caught_up(log))
    assert log.as_owner(OUT_OF_ORDER, begun) == []
    assert log.as_owner("SELECT DISTINCT as_of <= (clock_timestamp() + interval '8 h')::date FROM view_1.checkpoint")
    assert_each_once(log, answers_of(clients))
    assert_gapless(log)
    assert_views_hold(log)


def test_the_clocks_of_these_processes_really_are_apart():
    program = (
        "import time, rq.utils; from tests.faults.skewed import skew; skew({}); print(time.time(), rq.utils.now())"
    )

    said = [subprocess.check_output([sys.executable, "-c", program.format(skew)], text=True) for skew in (600, -600)]

    (fast, fast_rq), (slow, slow_rq) = (line.split(maxsplit=1) for line in said)
    assert float(fast) - float(slow) > 1100
    assert datetime.fromisoformat(fast_rq.strip()) - datetime.fromisoformat(slow_rq.strip()) > timedelta(seconds=1100)
