"""``casework round``: freeze, rank, recompute, what-if, appeal and report: a round's figures, and others beside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import click
import msgspec

from casework import wiring
from casework.application import Casework
from casework.bulk.round_page import page
from casework.bulk.round_sheets import workbook
from casework.compared import content_of, event_content, event_line, lines_of
from casework.config import Settings
from casework.drafts import choose
from casework.log.reading import Db
from casework.outcome import Context
from casework.projections.months import MonthRun
from casework.selection import freezing
from casework.selection.appealing import Found, appeal
from casework.selection.freezing import Count, Recomputed
from casework.selection.report import Report, Spoken
from casework.selection.reporting import check_published, check_ranked, office_report, public_report
from casework.selection.responsible import Responsible
from casework.selection.sources import figures_of, sources_of
from casework.selection.trying import what_if
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
        figures = figures_of(db, freezing.frozen_snapshot(db, opened, count))
        made = (public_report if public else office_report)(sources_of(casework, opened, figures), spoken)
    content = _WRITERS[format](made)
    with click.open_file(output, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


_WRITERS: Mapping[str, Callable[[Report], bytes | str]] = {
    "json": msgspec.json.encode,
    "xlsx": workbook,
    "html": page,
}


def try_policy(settings: Settings, *, year: int, policy: str, workers: int, as_json: bool) -> None:
    """Show who would stand otherwise under another policy."""
    chosen = choose(policy, what_if=True)
    with _working(settings, workers) as (casework, db, count):
        found = what_if(casework, db, year, *chosen, count)
    for line in [json.dumps(content_of(found))] if as_json else lines_of(found):
        click.echo(line)


def appeal_round(
    settings: Settings, *, year: int, known_at: datetime | None, unit: str | None, workers: int, as_json: bool
) -> None:
    """Show who stands otherwise by what became known since the freeze, and the events responsible."""
    with _working(settings, workers) as (casework, db, count):
        found, events = appeal(casework, db, year, known_at or datetime.now(UTC), count)
        moved = {each.unit: each.code for kind in found.kinds for each in kind.moved}
        if unit is not None:
            _show_events(unit, (each for some in events for each in some if moved[each.unit] == unit), as_json)
            return
        by_unit = Found()
        for some in events:
            for each in some:
                by_unit.add(each)
    for line in [json.dumps(content_of(found, by_unit))] if as_json else lines_of(found, by_unit):
        click.echo(line)


def _show_events(unit: str, events: Iterator[Responsible], as_json: bool) -> None:
    for each in events:
        click.echo(json.dumps({"unit": unit, **event_content(each)}) if as_json else event_line(each))


def _lines(found: Recomputed) -> Iterator[str]:
    yield f"figures  frozen {found.frozen}"
    yield f"         again  {found.again}"
    if found.ranked is not None:
        yield f"ranking  told   {found.ranked}"
        yield f"         again  {found.ranked_again}"
    yield f"kept     {_KEPT[found.kept]}"
    yield "All is the same." if found.agrees else "They differ."


_KEPT = {True: "the same", False: "others", None: "nothing"}
"""What reports read, beside what was frozen."""


def _step(settings: Settings, year: int, workers: int, step: freezing.Step) -> None:
    with _working(settings, workers) as (casework, db, count):
        step(casework, db, OPERATOR, year, count)


@contextmanager
def _working(settings: Settings, workers: int) -> Iterator[tuple[Casework, Db, Count]]:
    with wiring.closing_casework(settings) as casework, casework.pool.connection() as db:
        yield casework, db, partial(_count, settings, workers)


def _count(settings: Settings, workers: int, db: Db, run: MonthRun) -> None:
    count_months(settings, db, run, workers)
