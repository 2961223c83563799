"""When the collector of cycles may run: seldom, and not where none arise."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def keep_for_good() -> None:
    """Let the collector pass over what lives as long as the process, and look seldom: few cycles arise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@contextmanager
def without_collections() -> Iterator[None]:
    """Leave cycles alone meanwhile: a fold makes none, and looking for them takes a third of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
