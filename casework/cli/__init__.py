"""The operator's commands."""

from __future__ import annotations

import click
from click import Context as Run

from casework.cli.figures import assess, months, policy, replay
from casework.cli.grants import grant
from casework.cli.rounds import round_
from casework.cli.running import beat, demo, migrate, population, serve, status, token, work
from casework.cli.vault import duplicates, vault
from casework.cli.views import rebuild, unpark, verify
from casework.config import ConfigError, Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(run: Run) -> None:
    """Case management for the households that a city helps to reach its services."""
    try:
        run.obj = Settings.from_env()
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


for command in (
    assess,
    beat,
    demo,
    duplicates,
    grant,
    migrate,
    months,
    policy,
    population,
    rebuild,
    replay,
    round_,
    serve,
    status,
    token,
    unpark,
    vault,
    verify,
    work,
):
    main.add_command(command)
