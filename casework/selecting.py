"""``casework round``: freeze, rank, recompute, what-if, appeal and report: a round's figures, and others beside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
import msgspec

from casework import wiring
from casework.application import Casework
from casework.bulk.round_page import page
from casework.bulk.round_sheets import workbook
from casework.config import Settings
from casework.drafts import choose
from casework.log.reading import Db
from casework.outcome import Context
from casework.projections.months import MonthRun
from casework.selection import freezing
from casework.selection.appealing import FIRST, Found, appeal
from casework.selection.comparing import Moved
from casework.selection.freezing import Count, Recomputed
from casework.selection.report import Report, Spoken
from casework.selection.reporting import check_published, check_ranked, office_report, public_report
from casework.selection.responsible import Responsible
from casework.selection.sources import figures_of, sources_of
from casework.selection.standing import Standing
from casework.selection.trying import Compared, what_if
from casework.terminal import count_months

Content = dict[str, Any]

MOST_REASONS = 3

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
    for line in [json.dumps(_content(found))] if as_json else _compared(found):
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
    for line in [json.dumps(_content(found, by_unit))] if as_json else _compared(found, by_unit):
        click.echo(line)


def _show_events(unit: str, events: Iterator[Responsible], as_json: bool) -> None:
    for each in events:
        click.echo(json.dumps({"unit": unit, **_event(each)}) if as_json else _event_line(each))


def _content(found: Compared, events: Found | None = None) -> Content:
    moved = [each for kind in found.kinds for each in kind.moved]
    return {**found.told(), "moved": [{**each.told(), **_events(each, events)} for each in moved]}


def _events(moved: Moved, events: Found | None) -> Content:
    if events is None or moved.unit is None:
        return {}
    first = events.first.get(moved.unit, [])
    return {"events": {"count": events.counts[moved.unit], "first": [_event(each) for each in first]}}


def _event(each: Responsible) -> Content:
    """What an operator is told of an event: not whose it is."""
    return {
        "position": each.place,
        "type": each.type,
        "recorded_at": each.recorded_at.isoformat(),
        "occurred_on": each.occurred_on and each.occurred_on.isoformat(),
        "changed": each.changed,
    }


def _event_line(each: Responsible) -> str:
    return f"{each.place}  {each.type}  of {each.occurred_on}: {', '.join(each.changed)}"


def _compared(found: Compared, events: Found | None = None) -> Iterator[str]:
    told = found.told()
    yield f"Round {told['year']} under policy {told['policy']}, as known at {told['known_at']}; nothing is changed"
    yield f"frozen {told['frozen_sha256']}"
    yield f"now    {told['sha256']}"
    if not told["ranked"]:
        yield "The panel's scores are not open: figures alone, no ranks."
    for kinds, why in ((found.left_out, "not in the round"), (found.dropped, "not in the policy")):
        if kinds:
            yield f"left out, since {why}: {', '.join(kinds)}"
    for kind in found.kinds:
        yield f"{kind.kind}: {len(kind.moved)} of {kind.units} units and candidates stand otherwise"
        for moved in kind.moved:
            yield from _moved(moved, events)


def _moved(moved: Moved, events: Found | None) -> Iterator[str]:
    why = ", ".join(f"{each.code} {each.what} {each.points:+.2f}" for each in moved.why[:MOST_REASONS])
    sides = f"{_standing(moved.before)} -> {_standing(moved.after)}"
    yield f"  {moved.code or moved.nomination_id}: {sides}  {why}".rstrip()
    yield from (f"    {each.rule}: {each.before} -> {each.after}" for each in moved.rules)
    if events is not None and moved.unit is not None and moved.unit in events.counts:
        yield from (f"    {_event_line(each)}" for each in events.first[moved.unit])
        if events.counts[moved.unit] > FIRST:
            yield f"    and more, {events.counts[moved.unit]} in all: --unit {moved.code}"


def _standing(standing: Standing | None) -> str:
    if standing is None:
        return "not there"
    metric = "no metric" if standing.metric is None else f"M {standing.metric / 100:.2f}"
    rank = f", rank {standing.rank}" if standing.rank is not None else ""
    seat = f", {standing.seat}" if standing.seat else ""
    return f"{metric}{rank}{seat}" + (f", {standing.not_ranked}" if standing.not_ranked else "")


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
