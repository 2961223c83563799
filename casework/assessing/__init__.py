"""``casework assess --json``: households as lines of commands in, assessments as lines out (docs/assess-format.md).

No server and no vault: each line has households of its own, its commands given to the aggregates as the application
gives them, their events folded up to ``known_at``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context

from casework.assessing.lines import answer

__all__ = ["answer", "assess_lines"]

CHUNK = 100
"""How many lines travel to a process at once."""


def assess_lines(lines: Iterable[bytes], processes: int | None = 1) -> Iterator[bytes]:
    """Answer each line by one line, in their order, on so many processes; None takes one for each core."""
    chunks = _chunks(line for line in lines if line.strip())
    first = list(islice(chunks, 2))
    workers = min(processes or len(os.sched_getaffinity(0)), len(first))
    if workers < 2:
        return chain.from_iterable(map(_answers, chain(first, chunks)))
    return _spread(chain(first, chunks), processes or len(os.sched_getaffinity(0)))


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    source = iter(lines)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _answers(lines: list[bytes]) -> list[bytes]:
    return [answer(line) for line in lines]


def _spread(chunks: Iterable[list[bytes]], processes: int) -> Iterator[bytes]:
    """Keep every process busy while no more is read than they can soon take."""
    waiting: deque[Future[list[bytes]]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(_answers, chunk))
            if len(waiting) > 4 * processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
