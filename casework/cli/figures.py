"""Commands that compute figures from the log, and the policies they are computed under."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from casework import wiring
from casework.cli.instant import Instant
from casework.cli.servers import with_servers
from casework.config import Settings
from casework.domain.calendar import shanghai_date
from casework.outcome import Context


@click.command()
@click.option("--household", type=click.UUID, help="A household's id.")
@click.option("--unit", help="A unit's code; a division is the communities that made it up on the day.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day that is asked about; default: today.")
@click.option("--known-at", type=Instant(), help="An instant, such as 2014-03-01T09:00:00+08:00; default: now.")
@click.option("--policy", default="2013.1", help="The version of the scoring policy.")
@click.option(
    "--tree",
    default="then",
    type=click.Choice(["then", "now"]),
    help="Whose boundaries add up a unit: those of the day, or the newest known.",
)
@with_servers
def replay(settings: Settings, as_of: Any, **options: Any) -> None:
    """Compute a household or a unit from the log alone, as it was on a day and as it was known at an instant."""
    if (options["household"] is None) == (options["unit"] is None):
        raise click.UsageError("Name a household or a unit.")
    from casework import replay as replaying

    replaying.show(settings, as_of=as_of.date() if as_of else shanghai_date(datetime.now(UTC)), **options)


@click.command()
@click.option("--year", type=click.IntRange(2000, 9000), required=True, help="1 October before it to its 30 September.")
@click.option("--known-at", type=Instant(), help="Default: 31 October 24:00 of the year, or now if that is to come.")
@click.option("--policy", help="A published version; default: the one in force at the year's end.")
@click.option("--workers", default=1, type=click.IntRange(1, 64), help="How many processes count here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@with_servers
def months(settings: Settings, **options: Any) -> None:
    """Add up every unit at the twelve month ends of an evaluation year, from the log alone; started again, it goes on.

    Workers of long jobs help. The same log, year and policy give the same digest, however many count.
    """
    from casework import counting

    counting.run(settings, **options)


@click.command()
@click.option("--json", "as_json", is_flag=True, required=True, help="Lines of JSON in, lines of JSON out.")
@click.option("--processes", type=click.IntRange(1, 64), default=None, help="Default: one for each core.")
def assess(as_json: bool, processes: int | None) -> None:
    """Assess households given as lines of commands on standard input (docs/assess-format.md); needs no server."""
    from casework.assessing import assess_lines

    for answer in assess_lines(sys.stdin.buffer, processes=processes):
        sys.stdout.buffer.write(answer + b"\n")


@click.group()
def policy() -> None:
    """Scoring policies."""


@policy.command()
@click.argument("version")
@with_servers
def activate(settings: Settings, version: str) -> None:
    """Put a policy file in force from today."""
    from casework.domain.policy import load_policy

    with wiring.closing_casework(settings) as casework:
        context = Context(actor="operator", role="operator")
        file = load_policy(version)
        outcome = casework.activate_policy(context, activated_on=casework.today, version=version, sha256=file.sha256)
    click.echo(f"policy {version} is in force" if outcome.changed else f"policy {version} was in force already")
