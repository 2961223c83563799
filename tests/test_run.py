"""run.py on a checkout of its own, whose lock names one package that stands beside it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

RUN = Path(__file__).parents[1] / "run.py"
CLI = """
import sys, dependency
def main():
    print(sys.prefix, dependency.__file__, *sys.argv)
    return 3
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a blank in its path, a command that prints where it runs, and a lock."""
    root = tmp_path_factory.mktemp("a checkout")
    shutil.copy(RUN, root)
    (root / "casework").mkdir()
    (root / "casework/cli.py").write_text(CLI)
    with ZipFile(root / "dependency-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("dependency.py", "")
        wheel.writestr("dependency-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: dependency\nVersion: 1\n")
        wheel.writestr("dependency-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("dependency-1.dist-info/RECORD", "")
    write_lock(root)
    return root


def write_lock(root: Path, note: str = "", digest: str = "") -> None:
    wheel = root / "dependency-1-py3-none-any.whl"
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "requirements.lock").write_text(f"{note}\ndependency @ {wheel.as_uri()} --hash=sha256:{digest}\n")


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it from somewhere else, with an environment that has next to nothing."""
    command = [sys.executable, str(root / "run.py"), *arguments]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(root)}
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True)


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run", RUN)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_first_run_makes_the_environment_and_hands_the_arguments_on(checkout: Path):
    done = run(checkout, "demo", "--once", "--households", "5 0")

    venv = checkout / ".venv"
    making, answer = done.stdout.splitlines()
    assert making.startswith("Making .venv")
    assert answer.startswith(f"{venv} {venv}/lib/")
    assert answer.endswith(f"{venv}/bin/casework demo --once --households 5 0")
    assert done.returncode == 3


def test_the_next_run_changes_nothing(checkout: Path):
    run(checkout, "demo")
    stamp = (checkout / ".venv/installed").stat().st_mtime_ns

    done = run(checkout, "demo")

    assert "Making" not in done.stdout
    assert (checkout / ".venv/installed").stat().st_mtime_ns == stamp


def test_a_package_of_another_digest_is_refused_and_what_that_left_half_made_is_repaired(checkout: Path):
    write_lock(checkout, note="# changed", digest="0" * 64)
    refused = run(checkout, "demo")
    left = (checkout / ".venv/installed").exists()

    write_lock(checkout, note="# changed")
    repaired = run(checkout, "demo")

    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert refused.returncode == 1
    assert not left
    assert "Making" in repaired.stdout
    assert repaired.returncode == 3


def test_no_command_or_an_unknown_one_prints_what_there_is(checkout: Path):
    for arguments in ((), ("serve",)):
        done = run(checkout, *arguments)

        assert "run.py demo" in done.stdout
        assert done.returncode == 2


@pytest.mark.parametrize(("user", "apt"), [(1000, "/usr/bin/apt-get"), (0, None)])
def test_who_cannot_install_what_is_missing_is_told_the_line_to_run(
    monkeypatch: pytest.MonkeyPatch, user: int, apt: str | None
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: apt)
    monkeypatch.setattr(os, "geteuid", lambda: user)

    with pytest.raises(SystemExit, match="apt-get install -y python3-venv ca-certificates"):
        module().require_ensurepip()


def test_it_needs_the_standard_library_only():
    without_packages = [sys.executable, "-S", "-I", str(RUN), "--help"]

    assert subprocess.run(without_packages, capture_output=True).returncode == 0
