"""The servers' processes: started as their user, told from others, awaited and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from casework.local.home import Home

Process = subprocess.Popen[bytes]


def dying_with_us(number: str, command: list[str]) -> list[str]:
    """Return the command whose process gets a signal when we die, also of a kill that nobody can catch."""
    return ["setpriv", "--pdeathsig", number, *command]


def spawn(command: list[str], *, home: Home, log: Path, stdin: int | IO[str] = subprocess.DEVNULL) -> Process:
    """Start a process as the servers' user, out of reach of our Ctrl-C, to be interrupted when we die."""
    user: dict[str, Any] = {}
    if home.user:
        user = {"user": home.user[0], "group": home.user[1], "extra_groups": []}
    log.touch(0o600)
    with log.open("ab") as output:
        return subprocess.Popen(
            dying_with_us("INT", command),
            cwd=home.folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            stdin=stdin,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **user,
        )


def stop(processes: list[Process]) -> None:
    """End servers in good order: an interrupt tells each to write what is open and leave."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        process.wait()


def process_in(pid_file: Path) -> Path:
    """Return where the system tells of the process whose id stands first in this file."""
    return Path("/proc", *pid_file.read_text().split()[:1])


def runs(pid_file: Path, word: Path) -> bool:
    """Say whether that process has this word on its command line; another program and a zombie have not."""
    try:
        words = (process_in(pid_file) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(word) in words


def tries(seconds: float, pause: float = 0.02) -> Iterator[None]:
    """Let a loop run again and again until the time is over."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        yield
        time.sleep(pause)
