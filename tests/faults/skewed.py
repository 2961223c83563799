"""``python -m tests.faults.skewed 600 drains``: a process of the workers whose clock is ten minutes fast.

All that asks Python or RQ for the time of day gets the wrong one; the database has a clock of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import rq.utils


def skew(seconds: int) -> None:
    """Put the clock of this process forward, or back."""
    of_day, of_day_ns, of_rq = time.time, time.time_ns, rq.utils.now
    time.time = lambda: of_day() + seconds
    time.time_ns = lambda: of_day_ns() + seconds * 10**9

    def now() -> datetime:
        return of_rq() + timedelta(seconds=seconds)

    replace_in_rq(of_rq, now)


def replace_in_rq(old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Put a function in the place of another wherever RQ has taken hold of it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("rq.") and getattr(module, "now", None) is old:
            module.now = new  # type: ignore[attr-defined]


if __name__ == "__main__":
    skew(int(sys.argv[1]))
    from workers.run import main

    sys.exit(main(sys.argv[2:]))
