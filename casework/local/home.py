"""The folder that keeps the servers' data, ports and passwords, and the user that they run as."""

from __future__ import annotations

import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple


class ServerFailed(RuntimeError):
    """An embedded server cannot be started; the message says which one and why, or where its log is."""


User = tuple[int, int]
"""User and group that run the servers when root starts them."""


class Home(NamedTuple):
    """The folder, and the servers' user where they do not run as ourselves."""

    folder: Path
    user: User | None

    @classmethod
    def open(cls, data_dir: Path) -> Home:
        """Return the folder, made where it was not; its servers' user can pass into it, else it is refused."""
        folder = data_dir.resolve()  # a server that runs is known by its folder's name
        user = _servers_user(folder) if os.geteuid() == 0 else None
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            folder.chmod(0o711 if user else 0o700)  # whatever the umask
        if user and not is_open(folder):
            raise ServerFailed(f"The servers' user cannot pass into {folder}: choose another CASEWORK_DATA_DIR.")
        return cls(folder, user)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time start or stop servers here."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def give(self, path: Path) -> None:
        """Let the servers' user have a file or folder that we made."""
        if self.user:
            os.chown(path, *self.user)


def _servers_user(folder: Path) -> User:
    """Return the data's owner, else ``postgres``, else ``nobody``: PostgreSQL refuses to run as root."""
    data = folder / "postgres"
    if data.exists():
        return data.stat().st_uid, data.stat().st_gid
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


def is_open(folder: Path) -> bool:
    """Say whether every user can pass into this folder."""
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def write_secret(path: Path, text: str) -> None:
    """Replace a file in one step, readable for its owner alone."""
    new = path.with_name(f"{path.name}.new")
    new.touch(0o600)
    new.write_text(text)
    new.replace(path)
