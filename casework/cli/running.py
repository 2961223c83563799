"""Commands that bring an installation up, fill it and show how it is."""

from __future__ import annotations

import sys
from typing import Any

import click

from casework import wiring
from casework.cli.servers import with_servers
from casework.config import Settings
from casework.population import PROFILES
from casework.terminal import fill
from casework.tokens import ROLES


@click.command()
@with_servers
def migrate(settings: Settings) -> None:
    """Bring the database to this program's schema."""
    for name in wiring.prepare(settings):
        click.echo(f"applied {name}")


@click.command()
@click.option("--streams", is_flag=True, help="Answer the streams of subscriptions, at a port of their own.")
@with_servers
def serve(settings: Settings, streams: bool) -> None:
    """Answer the HTTP API."""
    wiring.run_program("api.serve_streams" if streams else "api.serve", settings)


@click.command()
@click.option("--long", "kind", flag_value="long", help="Work on long jobs, each in a process of its own.")
@click.option("--webhooks", "kind", flag_value="webhooks", help="Send webhooks.")
@with_servers
def work(settings: Settings, kind: str | None) -> None:
    """Keep the views current."""
    wiring.run_program("workers.run", settings, kind or "drains")


@click.command()
@with_servers
def beat(settings: Settings) -> None:
    """Look every second for what waits; two may run."""
    wiring.run_program("workers.run", settings, "beat")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def status(settings: Settings, as_json: bool) -> None:
    """Show heads, checkpoints, lag and queues."""
    from casework import status as reporting

    reporting.show(settings, as_json=as_json)


@click.command()
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the token allows.")
@click.option("--sub", default=None, help="Who the token is for; an opaque id.")
@click.option("--bureau", default=None, help="A bureau's code.")
@click.option("--unit", default=None, help="The code of the unit that they work for, such as a district.")
@click.option("--division", "divisions", multiple=True, default=("4101",), help="Codes; several are allowed.")
@click.option("--purpose", default="casework", help="For which purpose named persons are read.")
@click.option("--hours", default=12, type=click.IntRange(1, 8760), help="How long it holds.")
@click.pass_obj
def token(settings: Settings, /, **claims: Any) -> None:
    """Make a token for the API, signed with this installation's key."""
    from casework import tokens

    click.echo(tokens.make_token(settings, **claims))


@click.command()
@click.option("--profile", default="demo", type=click.Choice(sorted(PROFILES)), help="How large.")
@click.option("--households", type=click.IntRange(1), help="Only the first so many of the profile.")
@click.option("--seed", default=2013, help="The same seed makes the same events.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last simulated Sunday; default: the last one.")
@click.option("--resume", is_flag=True, help="Go on after a load that was cut short.")
@with_servers
def population(settings: Settings, until: Any, **options: Any) -> None:
    """Fill an empty log with synthetic households."""
    wiring.prepare(settings, synthetic=True)
    loaded = fill(settings, until=until.date() if until else None, **options)
    click.echo(f"{loaded.households} households: {loaded.events} events added, {loaded.present} there before")


@click.command()
@click.option("--once", is_flag=True, help="Do all of it, show the figures, check every view row, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: the figures as one JSON object on the last line.")
@click.option("--households", default=1000, type=click.IntRange(1, 10_000), help="How many households.")
@click.option("--round", "with_round", is_flag=True, help="With a part of the city, and its selection of last year.")
@with_servers
def demo(settings: Settings, **options: Any) -> None:
    """Fill a log with synthetic households, and start everything on it."""
    if options["as_json"] and not options["once"]:
        raise click.UsageError("--json goes with --once.")
    if options["with_round"] and options["households"] > PROFILES["exemplars"].households:
        raise click.UsageError(f"--round has {PROFILES['exemplars'].households} households at most.")
    from casework.demo import run_demo

    sys.exit(run_demo(settings, **options))
