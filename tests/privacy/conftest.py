"""Keys, a vault and a connection that may do what the application may."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest

from casework.domain.ids import partition_of, uuid7
from casework.log.append import Beside, NewEvent, SearchKey, VaultRow, append_statement
from casework.log.pool import open_pool
from casework.privacy.keys import KeyRing
from casework.privacy.search import KeyedHashes
from casework.privacy.vault import Vault

Database = psycopg.Connection[tuple[Any, ...]]
Append = Callable[..., None]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """A ring that tests share, and do not change."""
    return KeyRing.open(tmp_path_factory.mktemp("installation") / "keys", create=True)


@pytest.fixture(scope="session")
def vault(keys: KeyRing) -> Vault:
    return Vault(keys)


@pytest.fixture(scope="session")
def hashes(keys: KeyRing) -> KeyedHashes:
    return KeyedHashes(keys)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A connection as the application's are."""
    with open_pool(database_url) as pool, pool.connection() as connection:
        yield connection


@pytest.fixture
def append(db: Database) -> Append:
    """Write rows of the vault beside an event, as every command does."""

    def write(vault: Sequence[VaultRow] = (), search_keys: Sequence[SearchKey] = ()) -> None:
        stream = uuid7()
        event = NewEvent(partition_of(stream), stream, 1, "test.v1", b"{}", b"{}")
        query, parameters = append_statement([event], Beside(vault=vault, search_keys=search_keys))
        row = db.execute(query, parameters).fetchone()
        assert row is not None
        assert row[0] == "appended"

    return write
