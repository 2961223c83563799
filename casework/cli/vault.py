"""Commands about what names people."""

from __future__ import annotations

import click

from casework import wiring
from casework.bulk.files import reseal
from casework.cli.servers import with_servers
from casework.config import Settings
from casework.privacy.keys import KeyRing
from casework.streams.webhooks import signing
from casework.terminal import progress_bar


@click.command()
@with_servers
def duplicates(settings: Settings) -> None:
    """Compare everybody who may be in two files now, instead of tonight."""
    with wiring.closing_casework(settings) as casework, casework.pool.connection() as db, progress_bar() as bar:
        task, queued = bar.add_task("blocks of people compared", total=None), 0
        for found in casework.duplicates.look_at_all(db):
            queued += found
            bar.advance(task)
    click.echo(f"{queued} pairs were queued: see /v1/duplicates.")


@click.group()
def vault() -> None:
    """What names people."""


@vault.command()
@with_servers
def reconcile(settings: Settings) -> None:
    """Erase again whom the ledger of erasures says was erased, as after an older backup was restored."""
    with wiring.closing_casework(settings, reconciling=True) as casework:
        applied = casework.reconcile()
    click.echo(f"{applied} erasures applied again" if applied else "the vault lacks no erasure of the ledger")


@vault.command()
@click.option("--again", is_flag=True, help="Add no key: seal what others have sealed under older ones since.")
@with_servers
def rotate(settings: Settings, again: bool) -> None:
    """Add a master key, and seal the vault and the files that were uploaded again under it.

    It can be stopped and begun again (`--again`). Start the API and the workers again afterwards, copy the key to their
    machines before, and run it with `--again` until it seals nothing: then the older keys can go.
    """
    if not again:
        with wiring.closing_casework(settings):  # a vault that lacks erasures is not opened, and needs no key
            KeyRing.open(settings.keys_dir, create=False).rotate()
    with wiring.closing_casework(settings) as casework, casework.pool.connection() as db:
        vault = casework.persons.vault
        rows, files = sum(vault.rotate(db)), sum(reseal(db, vault))
        secrets = signing.reseal(db, vault)
    click.echo(
        f"{rows} rows of the vault, {files} parts of files and {secrets} secrets of webhooks"
        f" sealed under {vault.current_key}"
    )
