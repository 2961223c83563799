"""Commands about yearly selection rounds."""

from __future__ import annotations

from typing import Any

import click

from casework import wiring
from casework.cli.instant import Instant
from casework.cli.servers import with_servers
from casework.config import Settings
from casework.outcome import Context


@click.group(name="round")
def round_() -> None:
    """Yearly selection rounds."""


@round_.command(name="open")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--approval-ref", help="The licence to award.")
@click.option("--also", multiple=True, help="A kind that is not active in the policy; several are allowed.")
@with_servers
def open_round(settings: Settings, year: int, **options: Any) -> None:
    """Open this year's round under the policy in force, before its nominations close."""
    with wiring.closing_casework(settings) as casework:
        casework.open_round(Context(actor="operator", role="operator"), year=year, **options)
    click.echo(f"The round of {year} is open.")


@round_.command(name="show")
@click.argument("year", type=click.IntRange(2012, 2199))
@with_servers
def show_round(settings: Settings, year: int) -> None:
    """Show how far a round has come."""
    from casework import round_status

    with wiring.closing_casework(settings) as casework:
        for line in round_status.lines(casework.round(year), casework.today):
            click.echo(line)


@round_.command(name="freeze")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@with_servers
def freeze_round(settings: Settings, year: int, workers: int) -> None:
    """Count the year as it was known on 31 October, measure every unit, and freeze it for the round."""
    from casework import selecting

    selecting.freeze(settings, year=year, workers=workers)


@round_.command(name="rank")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count what is not there.")
@with_servers
def rank_round(settings: Settings, year: int, workers: int) -> None:
    """Rank the candidates by the frozen figures and the panel's open scores."""
    from casework import selecting

    selecting.rank(settings, year=year, workers=workers)


@round_.command()
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def recompute(settings: Settings, year: int, workers: int, as_json: bool) -> None:
    """Do a round's figures and ranking again from the log alone; fails where they are not the same to the byte."""
    from casework import selecting

    if not selecting.recompute(settings, year=year, workers=workers, as_json=as_json):
        raise SystemExit(1)


@round_.command(name="report")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--format", type=click.Choice(["json", "xlsx", "html"]), default="html", show_default=True)
@click.option("--language", "spoken", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False, allow_dash=True), required=True, help="A file; - to print it."
)
@click.option("--public", is_flag=True, help="As the public sees it: the published list, small cells hidden.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count what is not there.")
@with_servers
def report_round(settings: Settings, **options: Any) -> None:
    """Write a round's report: list, scores with their parts, who is not ranked, notice and decision."""
    from casework import selecting

    selecting.report(settings, **options)


@round_.command(name="what-if")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--policy", required=True, help="The file of a draft, or a published version.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def what_if(settings: Settings, **options: Any) -> None:
    """Show who would stand otherwise under another policy, by the figures that were frozen, and why.

    Nothing of the round is changed.
    """
    from casework import selecting

    selecting.try_policy(settings, **options)


@round_.command()
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--known-at", type=Instant(), help="An instant after the freeze; default: now.")
@click.option("--unit", help="The code of a unit that stands otherwise: all of its events, and nothing else.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; with --unit one for each event.")
@with_servers
def appeal(settings: Settings, **options: Any) -> None:
    """Show who stands otherwise by what became known since the freeze, and which events are responsible.

    Nothing of the round is changed: its authorities decide by vetoes, objections and revocations.
    """
    from casework import selecting

    selecting.appeal_round(settings, **options)
