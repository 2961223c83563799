"""Counts a run of month ends until it is whole: in this process, in others beside it, and whoever else helps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from threading import Event, Thread
from time import monotonic, sleep
from uuid import UUID

from casework.garbage import keep_for_good
from casework.log.pool import open_pool
from casework.log.reading import Db
from casework.projections import months
from casework.projections.months import Counting, MonthRun, Progress

POLL_SECONDS = 0.2


def count_all(
    db: Db,
    run: MonthRun,
    told: Callable[[Progress], None] = lambda progress: None,
    *,
    url: str = "",
    role: str = "",
    beside: int = 0,
) -> Progress:
    """Count a run until it is whole, in this process and ``beside`` more; ``told`` hears how far it is.

    The others log in at ``url`` as ``role``. A partition that somebody left half counted is counted again here.
    """
    counting = Counting(run)
    with _helpers(url, role, run.id, beside):
        while not (now := months.progress(db, run.id)).is_whole:
            told(now)
            if not counting.count_next(db):
                sleep(POLL_SECONDS)  # others have what is left
    told(now)
    return now


def count_until(db: Db, run: UUID, *, until: float, stop: Event) -> int:
    """Count partitions that nobody is at work on until none waits, a time (of ``monotonic``) or a stop."""
    counting, counted = Counting(months.find(db, run)), 0
    while not stop.is_set() and monotonic() < until and counting.count_next(db):
        counted += 1
    return counted


@contextmanager
def _helpers(url: str, role: str, run: UUID, number: int) -> Iterator[None]:
    context = get_context("spawn")
    helpers = [context.Process(target=_help, args=(url, role, run), daemon=True) for _ in range(number)]
    for helper in helpers:
        helper.start()
    try:
        yield
    finally:
        for helper in helpers:
            helper.terminate()  # what it is at work on is not needed, or is left for the next who goes on
            helper.join()


def _help(url: str, role: str, run: UUID) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is interrupted ends us
    Thread(target=_end_with_parent, daemon=True).start()
    keep_for_good()
    with open_pool(url, role=role, max_size=1) as pool, pool.connection() as db:
        counting = Counting(months.find(db, run))
        while counting.count_next(db):
            pass


def _end_with_parent() -> None:
    """End at once when the parent was killed: it is gone on with when somebody asks again."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
    os._exit(1)
