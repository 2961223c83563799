"""A synthetic log with views, and worker processes on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.projections.simulated import Simulated, simulated

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def log(database_url: str) -> Iterator[Simulated]:
    """An empty log with one live view set."""
    with simulated(database_url) as log:
        yield log


@pytest.fixture
def start(log: Simulated, redis_url: str) -> Iterator[Start]:
    """Start one of the processes: ``start("drains", CASEWORK_FAULT=…)``; ``stderr`` has its messages."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(kind: str, **environ: str) -> subprocess.Popen[bytes]:
        servers = {"CASEWORK_DATABASE_URL": log.url, "CASEWORK_REDIS_URL": redis_url}
        command = [sys.executable, "-m", "workers.run", kind]
        process = subprocess.Popen(command, env={**os.environ, **servers, **environ}, stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill() if process.poll() is None else None
        process.communicate()


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask a process to stop, and return its exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=10)
