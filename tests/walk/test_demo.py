"""The whole system as an operator starts it: one command, real servers, real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from casework.local.process import tries

HOUSEHOLDS = "40"
ENOUGH_FOR_A_SEAT = "100"
SECONDS = 30

Demo = Callable[..., subprocess.CompletedProcess[str]]


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "CASEWORK_DATABASE_URL": database_url,
        "CASEWORK_REDIS_URL": redis_url,
        "CASEWORK_DATA_DIR": str(tmp_path),
        "CASEWORK_API_PORT": free_port(),
        "CASEWORK_STREAMS_PORT": free_port(),
    }


@pytest.fixture
def demo(environment: dict[str, str]) -> Demo:
    def run(*options: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "casework", "demo", "--once", "--json", *options]
        return subprocess.run(command, env={**environment, **more}, capture_output=True, text=True)

    return run


def shown(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answers(port: str) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", int(port))) == 0


def test_the_demo_fills_a_log_keeps_its_views_and_adds_nothing_the_second_time(demo: Demo):
    first = shown(demo("--households", HOUSEHOLDS))
    again = shown(demo("--households", HOUSEHOLDS))

    files = first["households"]  # some have a second one: they split, or another was merged into them
    assert int(HOUSEHOLDS) <= files < int(HOUSEHOLDS) * 1.2
    assert first["verified"] == {**first["verified"], "households": files, "differences": []}
    assert len(first["shown"]) == 3
    assert len(first["units"]) == 5
    assert again == first


def test_killed_in_the_middle_of_its_round_it_leaves_nothing_running_and_goes_on(
    demo: Demo, environment: dict[str, str]
):
    asked = ("--round", "--households", ENOUGH_FOR_A_SEAT)

    killed = demo(*asked, CASEWORK_FAULT="ranking-made=kill")

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    ports = (environment["CASEWORK_API_PORT"], environment["CASEWORK_STREAMS_PORT"])
    assert any(not any(map(answers, ports)) for _ in tries(SECONDS, pause=0.1))

    whole = demo(*asked)

    assert shown(whole)["verified"]["differences"] == []
    assert "commended, under policy" in whole.stdout
    assert "0 events added" in whole.stderr
