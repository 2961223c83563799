"""What the operator's commands show while they work."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from casework import population, wiring
from casework.config import Settings
from casework.garbage import keep_for_good
from casework.log.reading import Db
from casework.population import Loaded
from casework.projections import months
from casework.projections.counting import count_all
from casework.projections.months import MonthRun

WIDTH = 150
"""Of what is written to a file or a pipe, which have no width of their own."""

screen = Console(stderr=True)


def wide_console() -> Console:
    """Where tables are printed: the terminal, or whatever stands in its place."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


class RateColumn(ProgressColumn):
    """How much is done in a second, of late."""

    def render(self, task: Task) -> Text:
        """Return the rate."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


def progress_bar() -> Progress:
    """A bar with how much is done, how fast, the time it took and the time left, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn())
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=screen)


def count_months(settings: Settings, db: Db, run: MonthRun, workers: int = 1) -> months.Progress:
    """Count a run of month ends until it is whole under a progress bar, in so many processes, this one included."""
    keep_for_good()
    first = months.progress(db, run.id)
    with progress_bar() as bar:
        task = bar.add_task(f"events up to the cut of {run.year}", completed=first.done, total=first.total)
        return count_all(
            db,
            run,
            lambda now: bar.update(task, completed=now.done),
            url=wiring.database_url(settings),
            role=settings.database_role,
            beside=workers - 1,
        )


def fill(settings: Settings, *, until: date | None = None, resume: bool = False, **options: Any) -> Loaded:
    """Load the synthetic population under a progress bar."""
    with progress_bar() as bar:
        task = bar.add_task("households", total=None)
        return population.load(
            wiring.database_url(settings),
            keys_dir=settings.keys_dir,
            role=settings.database_role,
            until=until,
            resume=resume,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **options,
        )
