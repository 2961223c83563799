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
from casework.population import Loaded

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
