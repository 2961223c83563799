"""The walls of the house and the habits of its code, held by tools that run with the tests."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent
DOMAIN_MAY_IMPORT = ("casework.domain", "casework.data", "casework.errors", "eventsourcing.domain", "msgspec")


@pytest.mark.parametrize(
    "command",
    ["ruff check --no-cache", "ruff format --check --no-cache", "mypy", "lint-imports --no-cache"],
    ids=["lint", "format", "types", "walls"],
)
def test_the_code_passes(command: str):
    tool, *arguments = command.split()
    cache = ROOT / ".mypy_cache" if os.access(ROOT, os.W_OK) else os.devnull
    environment = {**os.environ, "MYPY_CACHE_DIR": str(cache)}

    done = subprocess.run([TOOLS / tool, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def imported(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.ImportFrom():
                yield f"{file}: relative import"


@pytest.mark.parametrize("file", sorted((ROOT / "casework/domain").rglob("*.py")), ids=lambda file: file.stem)
def test_the_domain_imports_the_standard_library_and_next_to_nothing_else(file: Path):
    strange = {
        module
        for module in imported(file)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not any(f"{module}.".startswith(f"{allowed}.") for allowed in DOMAIN_MAY_IMPORT)
    }

    assert strange == set()
