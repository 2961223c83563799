"""Commands about what bureaus are told."""

from __future__ import annotations

from typing import Any

import click

from casework import wiring
from casework.cli.servers import with_servers
from casework.config import Settings
from casework.domain.codes import codes
from casework.outcome import Context

REVOCATIONS = [row.code for row in codes("grant_revocation_reasons")]


@click.group()
def grant() -> None:
    """What bureaus are told of households."""


@grant.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each.")
@with_servers
def list_grants(settings: Settings, as_json: bool) -> None:
    """Show every grant, and whether it is in force."""
    from casework import granting

    with wiring.closing_casework(settings) as casework:
        granting.show(casework.registry().grants.values(), casework.today, as_json=as_json)


@grant.command()
@click.argument("file", type=click.File("rb"))
@with_servers
def issue(settings: Settings, file: Any) -> None:
    """Issue the grant that FILE holds, as JSON; whoever is to be told more later gets another."""
    from casework import granting

    with wiring.closing_casework(settings) as casework:
        click.echo(granting.issue(casework, file.read()))


@grant.command()
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@with_servers
def narrow(settings: Settings, name: str, file: Any) -> None:
    """Tell less under a grant, at once: FILE holds, as JSON, the whole extent that is left."""
    from casework import granting

    with wiring.closing_casework(settings) as casework:
        click.echo(granting.narrow(casework, name, file.read()))


@grant.command()
@click.argument("name")
@click.option("--reason", required=True, type=click.Choice(REVOCATIONS), help="Why.")
@with_servers
def revoke(settings: Settings, name: str, reason: str) -> None:
    """Tell nothing more under a grant, at once."""
    with wiring.closing_casework(settings) as casework:
        context = Context(actor="operator", role="operator")
        outcome = casework.revoke_grant(context, name=name, revoked_on=casework.today, reason=reason)
    click.echo(f"grant {name} is revoked" if outcome.changed else f"grant {name} was revoked already")
