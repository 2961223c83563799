"""How much of each fault: a little in an ordinary run, all that ``FAULTS.md`` asks for under ``run.py faults``.

``CASEWORK_FAULTS`` is ``short``, ``long``, or a share of the long form such as ``0.05``. ``CASEWORK_FAULTS_SEED``
repeats what a run has printed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from secrets import randbelow

from casework.local.process import tries

FORM = os.environ.get("CASEWORK_FAULTS", "short")
SHARE = {"short": 0.0, "long": 1.0}.get(FORM) if FORM in ("short", "long") else float(FORM)
PATIENCE = 4
"""A test may wait for a named time so many times as long before it fails, since machines are shared."""


def amount(short: int, long: int) -> int:
    """So many: of seeds, rounds or seconds."""
    return max(short, round(long * (SHARE or 0)))


def seeds(short: int, long: int) -> Iterator[int]:
    """So many seeds, each printed before it is used; an ordinary run takes the same ones every time."""
    first = int(os.environ.get("CASEWORK_FAULTS_SEED") or (randbelow(2**32) if SHARE else 20130101))
    for seed in range(first, first + amount(short, long)):
        print(f"CASEWORK_FAULTS_SEED={seed}")
        yield seed


def within(seconds: float, happened: Callable[[], object]) -> bool:
    """Look again and again whether something has happened, for a named time and some patience."""
    return any(happened() for _ in tries(seconds * PATIENCE, pause=0.05))
