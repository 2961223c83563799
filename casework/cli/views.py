"""Commands about the views."""

from __future__ import annotations

import sys
from typing import Any

import click

from casework.cli.servers import with_servers
from casework.config import Settings


@click.command()
@click.option("--policy", help="A published version, or with --what-if the file of a draft; default: the live one's.")
@click.option("--what-if", is_flag=True, help="Only to be looked at, for a week: never flipped.")
@click.option("--back", is_flag=True, help="Flip back to the views that were live before.")
@click.option("--clean", is_flag=True, help="Drop the views that are not live; not within 10 minutes of a flip.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@with_servers
def rebuild(settings: Settings, back: bool, clean: bool, as_json: bool, **options: Any) -> None:
    """Compute the views anew beside the live ones, compare both, and flip; started again, it goes on.

    The workers fill them. Readers and writers see no gap.
    """
    from casework import rebuilding

    if back + clean + bool(options["policy"] or options["what_if"]) > 1:
        raise click.UsageError("--back and --clean stand alone.")
    if back:
        rebuilding.back(settings, as_json=as_json)
    elif clean:
        rebuilding.clean(settings, as_json=as_json)
    else:
        rebuilding.run(settings, as_json=as_json, **options)


@click.command()
@with_servers
def unpark(settings: Settings) -> None:
    """Try the households again that could not be computed, and the partitions that were paused."""
    from casework import status as reporting

    stay = reporting.unpark(settings)
    click.echo(
        "No household stays parked." if not stay else f"{stay} households stay parked; casework status says why."
    )


@click.group()
def verify() -> None:
    """Checks of what was computed against the log."""


@verify.command()
@click.option("--sample", type=click.IntRange(1), help="About so many households; default: all, and all totals.")
@click.option("--seed", default=0, help="Another seed takes another sample.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def views(settings: Settings, as_json: bool, **options: Any) -> None:
    """Replay households from the log and compare every row of the live views; fails at a difference."""
    from casework import status as reporting

    sys.exit(0 if reporting.verify_views(settings, as_json=as_json, **options) else 1)
