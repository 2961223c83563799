"""The jobs: thin, safe to repeat, ids only. A worker runs nothing that is not in ``JOBS``."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

from casework.config import Settings
from casework.log.pool import Pool, open_pool
from casework.projections import verify
from casework.projections.engine import Engine
from casework.projections.lingering import drain_all
from casework.wake import Wake

stopping = Event()
"""Set by a stop signal: what lingers ends, what works ends after its transaction."""


class Runtime(NamedTuple):
    """What the jobs of one process share; made at the first job, so after any fork."""

    settings: Settings
    pool: Pool
    engine: Engine
    wake: Wake

    def close(self) -> None:
        """Close its connections."""
        self.wake.close()
        self.pool.close()


_runtimes: dict[int, Runtime] = {}
_settings: list[Settings] = []


def configure(settings: Settings) -> None:
    """Say what this process and its children work on; nothing is opened yet."""
    _settings[:] = [settings]


def runtime() -> Runtime:
    """Return this very process's connections, opened when they are first asked for."""
    made = _runtimes.get(os.getpid())
    if made is None:
        settings = _settings[0] if _settings else Settings.from_env()
        if settings.database_url is None or settings.redis_url is None:
            raise RuntimeError("A worker needs CASEWORK_DATABASE_URL and CASEWORK_REDIS_URL.")
        pool = open_pool(settings.database_url, role=settings.database_role, max_size=2)
        made = Runtime(settings, pool, Engine(pool), Wake(settings.redis_url))
        _runtimes[os.getpid()] = made
    return made


def close() -> None:
    """Close this process's connections, if it has any."""
    made = _runtimes.pop(os.getpid(), None)
    if made is not None:
        made.close()


def drain_views(seconds: float | None = None) -> int:
    """Take partitions that are behind until none is, and linger for more until the time is spent."""
    ours = runtime()
    linger = ours.settings.drain_linger_seconds if seconds is None else seconds
    return drain_all(ours.engine, ours.wake, until=monotonic() + linger, stop=stopping)


def verify_views(sample: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Compare view rows with a replay; return how many were compared and the first differences as text."""
    found = verify.verify(runtime().pool, sample=sample, seed=seed)
    return {**found._asdict(), "differences": [str(difference) for difference in found.differences]}


JOBS: dict[str, Callable[..., Any]] = {"drain_views": drain_views, "verify_views": verify_views}
