"""Worker processes of tests: started on some servers, stopped where they stand, ended with the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

Process = subprocess.Popen[bytes]
Start = Callable[..., Process]


@contextmanager
def starting(database_url: str, redis_url: str) -> Iterator[Start]:
    """Start processes of ours: ``start("drains", CASEWORK_FAULT=…)``; none outlives the block.

    They are ``workers.run``'s unless ``module`` names another; ``stderr`` takes their messages.
    """
    started: list[Process] = []
    servers = {"CASEWORK_DATABASE_URL": database_url, "CASEWORK_REDIS_URL": redis_url}

    def start(
        *arguments: str, module: str = "workers.run", stderr: int | IO[str] | None = None, **environ: str
    ) -> Process:
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, env={**os.environ, **servers, **environ}, stderr=stderr)
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill() if process.poll() is None else None
            process.communicate()


def stop(process: subprocess.Popen[Any]) -> int:
    """Ask a process to stop, and return its exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=10)


def stands_still(process: subprocess.Popen[Any]) -> bool:
    """Wait until a process has stopped (SIGSTOP), or has ended: then it is false."""
    told = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return told is not None and told.si_code == os.CLD_STOPPED
