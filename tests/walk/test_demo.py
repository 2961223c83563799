"""The whole system as an operator starts it: one command, real servers, real processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HOUSEHOLDS = "40"


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@pytest.fixture
def demo(database_url: str, redis_url: str, tmp_path: Path) -> Any:
    environment = {
        **os.environ,
        "CASEWORK_DATABASE_URL": database_url,
        "CASEWORK_REDIS_URL": redis_url,
        "CASEWORK_DATA_DIR": str(tmp_path),
        "CASEWORK_API_PORT": free_port(),
        "CASEWORK_STREAMS_PORT": free_port(),
    }

    def run() -> dict[str, Any]:
        command = [sys.executable, "-m", "casework", "demo", "--once", "--json", "--households", HOUSEHOLDS]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run


def test_the_demo_fills_a_log_keeps_its_views_and_adds_nothing_the_second_time(demo: Any):
    first = demo()
    again = demo()

    files = first["households"]  # some have a second one: they split, or another was merged into them
    assert int(HOUSEHOLDS) <= files < int(HOUSEHOLDS) * 1.2
    assert first["verified"] == {**first["verified"], "households": files, "differences": []}
    assert len(first["shown"]) == 3
    assert len(first["units"]) == 5
    assert again == first
