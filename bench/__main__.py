"""Measure casework beside what one would take otherwise, in one run on one machine.

    python3 run.py bench append    appends and commands, beside the stock library, a bare INSERT and Message DB
    python3 run.py bench rebuild   all views anew, beside the stock library's runner
    python3 run.py bench growth    the same in a log of 5 million events, beside one of 1 million
    python3 run.py bench latency   from commit to visible in a view, beside the stock library's runner
    python3 run.py bench api       commands by HTTP, beside a bare view
    python3 run.py bench imports   files of 100,000 rows, beside the bar that they have to reach
    python3 run.py bench duplicates   the check for duplicates at entry, beside the bar that it has to keep
    python3 run.py bench webhooks   deliveries to 50 endpoints, beside the bar, and beside a dead one
    python3 run.py bench exports   a million events as a file: how fast, and in how much memory
    python3 run.py bench round     a round frozen and ranked, beside the bar of a minute for 100,000 households
    python3 run.py bench streams   what subscribers are given: pulled on one core, and heard by a thousand streams

With --json one line for each figure; with --help what else can be chosen.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module

BENCHES = (
    "append",
    "rebuild",
    "growth",
    "latency",
    "api",
    "imports",
    "duplicates",
    "exports",
    "round",
    "streams",
    "webhooks",
)


def main(arguments: Sequence[str]) -> int:
    """Run one measurement; only its own module is loaded."""
    if not arguments or arguments[0] not in BENCHES:
        print((__doc__ or "").strip())
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # servers stop, what was made is removed
    return int(import_module(f"bench.{arguments[0]}").main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
