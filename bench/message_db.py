"""Message DB, by the SQL that its npm package carries: a stream is read, and a message written at its end.

Nothing of it is kept here: npm fetches the package into a temporary folder when it is to be measured. Installed is
what its ``install.sh`` installs, but for the extension pgcrypto, of which it uses gen_random_uuid alone, which
PostgreSQL has had of its own since version 13; and but for reports and a role with its rights, which no call goes
through.
"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg

from bench.figure import aside
from casework.domain.ids import uuid7
from casework.log.pool import Pool, open_pool
from casework.log.store import Store

PACKAGE = "@eventide/message-db@1.3.1"
FETCH_SECONDS = 60

FUNCTIONS = (
    "message-store-version hash-64 acquire-lock category is-category id cardinal-id stream-version write-message"
    " get-stream-messages get-category-messages get-last-stream-message"
)
FILES = (
    "schema/message-store",
    "tables/messages",
    "types/message",
    *(f"functions/{name}" for name in FUNCTIONS.split()),
    *(f"indexes/messages-{name}" for name in ("id", "stream", "category")),
)
"""In the order of its ``install.sh``."""

_READ = "SELECT type, position, data FROM get_stream_messages(%b::varchar)"
_WRITE = "SELECT write_message(%b::varchar, %b::varchar, %b::varchar, %b::jsonb, NULL, %b::bigint)"


def scripts() -> list[str]:
    """Return the package's SQL in order; nothing where it cannot be had, and standard error says why."""
    try:
        package = _package()
        return [package[f"package/database/{name}.sql"] for name in FILES]
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        why = str(getattr(error, "stderr", None) or error).strip().splitlines()[:1]
        aside.print(f"Message DB is left out, since {PACKAGE} cannot be had:", *why, soft_wrap=True)
        return []


@contextmanager
def store(url: str, scripts: Sequence[str], *, connections: int) -> Iterator[MessageStore]:
    """Install it into an empty database, and open it with a pool like ours."""
    with psycopg.connect(url, autocommit=True) as db:
        for script in scripts:
            db.execute(script.encode())
    search_path = urlencode({"options": "-c search_path=message_store,public"}).replace("+", "%20")
    there = urlsplit(url)._replace(query=search_path).geturl()
    with open_pool(there, role="", min_size=connections, max_size=connections) as pool:
        pool.wait()
        yield MessageStore(pool)


class MessageStore:
    """Its two calls, as our log's are sent: prepared, with binary values, and each a transaction of its own."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.store = Store(pool)

    def read(self, stream: str) -> Sequence[tuple[Any, ...]]:
        """Return type, position and data of each message of a stream, whose first has position 0."""
        return self.store.read(_READ, (stream,))

    def write(self, stream: str, type_name: str, data: str, *, expected: int) -> None:
        """Write a message after the position that is expected to be the last, -1 in an empty stream."""
        self.store.read(_WRITE, (str(uuid7()), stream, type_name, data, expected))

    def analyze(self) -> None:
        """Let the planner know what is there."""
        with self.pool.connection() as db:
            db.execute("VACUUM ANALYZE messages")


def _package() -> Mapping[str, str]:
    """Fetch the package; return its SQL files by their names."""
    npm = which("npm")
    if npm is None:
        raise FileNotFoundError("there is no npm on this machine.")
    with tempfile.TemporaryDirectory(prefix="casework-bench-") as folder:
        command = [npm, "pack", PACKAGE, "--cache", f"{folder}/cache", "--fetch-retries", "1"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=FETCH_SECONDS)
        [archive] = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as files:
            found = [(member.name, files.extractfile(member)) for member in files if member.name.endswith(".sql")]
            return {name: file.read().decode() for name, file in found if file is not None}
