"""``casework round freeze``, ``rank``, ``recompute`` and ``report``: a round's figures, and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import click
import msgspec

from casework import wiring
from casework.application import Casework
from casework.bulk.round_page import page
from casework.bulk.round_sheets import workbook
from casework.config import Settings
from casework.log.reading import Db
from casework.outcome import Context
from casework.projections.months import MonthRun
from casework.selection import freezing
from casework.selection.freezing import Count, Recomputed
from casework.selection.report import Report, Spoken
from casework.selection.reporting import check_published, check_ranked, office_report, public_report
from casework.selection.sources import figures_of, sources_of
from casework.terminal import count_months

OPERATOR = Context(actor="operator", role="operator")


def freeze(settings: Settings, *, year: int, workers: int) -> None:
    """Count the year, measure every unit and freeze the round."""
    _step(settings, year, workers, freezing.freeze)
    with wiring.closing_casework(settings) as casework:
        frozen = casework.round(year).frozen
    assert frozen is not None
    click.echo(f"The round of {year} is frozen: {frozen.rows} units, sha256 {frozen.sha256}")


def rank(settings: Settings, *, year: int, workers: int) -> None:
    """Rank the round."""
    _step(settings, year, workers, freezing.rank)
    click.echo(f"The round of {year} is ranked: casework round show {year}")


def recompute(settings: Settings, *, year: int, workers: int, as_json: bool) -> bool:
    """Do it all again from the log, and say whether it comes to the same."""
    with _working(settings, workers) as (casework, db, count):
        found = freezing.recompute(casework, db, year, count)
    for line in [json.dumps({**found._asdict(), "agrees": found.agrees})] if as_json else _lines(found):
        click.echo(line)
    return found.agrees


def report(
    settings: Settings, *, year: int, workers: int, format: str, spoken: Spoken, output: str, public: bool
) -> None:
    """Write a round's report into a file; figures that are not stored any more are counted again."""
    with _working(settings, workers) as (casework, db, count):
        opened = casework.round(year)
        (check_published if public else check_ranked)(opened)
        figures = figures_of(db, opened, freezing.frozen_snapshot(db, opened, count))
        made = (public_report if public else office_report)(sources_of(casework, opened, figures), spoken)
    content = _WRITERS[format](made)
    with click.open_file(output, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


_WRITERS: Mapping[str, Callable[[Report], bytes | str]] = {
    "json": msgspec.json.encode,
    "xlsx": workbook,
    "html": page,
}


def _lines(found: Recomputed) -> Iterator[str]:
    yield f"figures  frozen {found.frozen}"
    yield f"         again  {found.again}"
    if found.ranked is not None:
        yield f"ranking  told   {found.ranked}"
        yield f"         again  {found.ranked_again}"
    yield "Both are the same." if found.agrees else "They differ."


def _step(settings: Settings, year: int, workers: int, step: freezing.Step) -> None:
    with _working(settings, workers) as (casework, db, count):
        step(casework, db, OPERATOR, year, count)


@contextmanager
def _working(settings: Settings, workers: int) -> Iterator[tuple[Casework, Db, Count]]:
    with wiring.closing_casework(settings) as casework, casework.pool.connection() as db:
        yield casework, db, partial(_count, settings, workers)


def _count(settings: Settings, workers: int, db: Db, run: MonthRun) -> None:
    count_months(settings, db, run, workers)
