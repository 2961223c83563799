"""Connections to the log's database, each ready for one call, one transaction."""

from __future__ import annotations

from functools import cached_property
from select import POLLIN, poll
from typing import Any

from psycopg import Connection, Cursor, OperationalError
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool


class LogConnection(Connection[tuple[Any, ...]]):
    """A connection that keeps a cursor, since making one costs a quarter of a short statement."""

    @cached_property
    def kept_cursor(self) -> Cursor[tuple[Any, ...]]:
        """A cursor for statements whose rows are fetched at once, in binary."""
        return self.cursor(binary=True)


Pool = ConnectionPool[LogConnection]


def rows(db: Connection[Any], query: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a statement that is prepared, in binary; none where it gives none."""
    cursor = done(db, query, parameters)
    return cursor.fetchall() if cursor.description else []


def done(db: Connection[Any], query: str, parameters: Any = ()) -> Cursor[tuple[Any, ...]]:
    """Run a statement that is prepared; the cursor is the connection's own, so what it tells is to be taken at once."""
    cursor = db.kept_cursor if isinstance(db, LogConnection) else db.cursor(binary=True)
    return cursor.execute(query, parameters, prepare=True)


APPLICATION_ROLE = "casework_app"

_SESSION = (
    "-c lock_timeout=2s"
    " -c idle_in_transaction_session_timeout=10s"
    " -c default_transaction_isolation=read\\ committed"
    " -c TimeZone=UTC"
)
_KEEPALIVE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def open_pool(
    conninfo: str,
    *,
    role: str = APPLICATION_ROLE,
    min_size: int = 1,
    max_size: int = 10,
    timeout: float = 5,
) -> Pool:
    """Return an open pool of autocommit connections that work as ``role`` (empty: as the login role).

    A connection that the server has closed is replaced before it is handed out. To be opened after a fork;
    ``timeout`` is how many seconds a caller waits for a connection.
    """
    pool: Pool

    def check_with_the_others(connection: Connection[Any]) -> None:
        try:
            check(connection)
        except OperationalError:
            # Where one is dead, more are: met one by one, with the pool's pauses, they would use up the timeout.
            pool.check()
            raise

    pool = ConnectionPool(
        conninfo,
        connection_class=LogConnection,
        kwargs={**_KEEPALIVE, "autocommit": True, "options": _options(conninfo, role)},
        min_size=min_size,
        max_size=max_size,
        timeout=timeout,
        check=check_with_the_others,
        open=False,
        name="casework",
    )
    pool.open()
    return pool


def check(connection: Connection[Any]) -> None:
    """Raise where the server has closed an idle connection; asking it would cost a round trip."""
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


def _options(conninfo: str, role: str) -> str:
    given = str(conninfo_to_dict(conninfo).get("options") or "")
    as_role = f"-c role={role}" if role else ""
    return " ".join(filter(None, (given, _SESSION, as_role)))
