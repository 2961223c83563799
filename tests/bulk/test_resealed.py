"""With the vault, uploads are sealed again under a new key, whatever was made of them by then."""

from __future__ import annotations

from uuid import UUID

import pytest
from click.testing import CliRunner

from casework.application import Casework
from casework.bulk import files
from casework.cli import main
from casework.errors import Refused
from casework.privacy.keys import KeyRing
from casework.privacy.vault import Vault
from tests.bulk.conftest import Clerk, Installation
from tests.bulk.lots import delivered, table


def keys_in_use(casework: Casework) -> set[str]:
    query = (
        "SELECT key_id FROM casework.import_piece UNION SELECT key_id FROM casework.import_part WHERE sealed <> ''"
        " UNION SELECT key_id FROM vault.person"
    )
    with casework.pool.connection() as db:
        return {key_id for (key_id,) in db.execute(query)}


def test_a_rotation_seals_uploads_again_and_then_the_older_key_is_not_needed(
    casework: Casework, clerk: Clerk, installation: Installation, people: dict[str, UUID]
):
    id = clerk.uploads("services", table(people, "2013-03-01"))
    tried = clerk.runs(id, "validated")
    environ = {"CASEWORK_DATABASE_URL": installation.url, "CASEWORK_KEYS_DIR": str(installation.keys_dir)}
    environ |= {"CASEWORK_REDIS_URL": "redis://nowhere", "CASEWORK_DATA_DIR": str(installation.keys_dir.parent)}
    [older] = keys_in_use(casework)

    first = CliRunner().invoke(main, ["vault", "rotate"], env=environ)
    [current] = keys_in_use(casework)
    again = CliRunner().invoke(main, ["vault", "rotate", "--again"], env=environ)
    (installation.keys_dir / f"master-{older}.key").unlink()
    casework.persons.vault = Vault(KeyRing.open(installation.keys_dir, create=False))

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert first.output.endswith(f"sealed under {current}\n")
    assert again.output == (f"0 rows of the vault, 0 parts of files and 0 secrets of webhooks sealed under {current}\n")
    assert current != older
    assert clerk.runs(id, "committed") == tried
    assert delivered(casework, people, "2013-03-01") == [2] * 30


def test_what_an_erasure_has_emptied_is_left_alone(casework: Casework, clerk: Clerk, people: dict[str, UUID]):
    id = clerk.uploads("services", table(people, "2013-03-02"))
    clerk.runs(id, "validated")
    keys = casework.persons.vault._keys
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.import_part SET sealed = '' WHERE import_id = %s", (id,))
        keys.rotate()
        list(files.reseal(db, casework.persons.vault, batch=1))

        with pytest.raises(Refused, match="deleted"):
            files.rows_of(db, casework.persons.vault, id, min(files.sizes(db, id)))
