"""The processes: ``python -m workers.run drains``, ``long``, ``webhooks`` or ``beat``; SIGTERM or SIGINT stop them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import closing
from types import FrameType
from typing import Any

import psycopg
import redis
from rq import SimpleWorker, Worker
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.worker import BaseWorker

from casework import wiring
from casework.config import ConfigError, Settings
from casework.errors import CaseworkError
from casework.garbage import keep_for_good
from casework.projections.engine import AWAY
from casework.stopping import set_on_signals
from casework.wake import connect
from workers import jobs
from workers.beat import Beat
from workers.queue import DRAINS, FILLS, LONG, WEBHOOKS, ClosedJob, queue

log = logging.getLogger(__name__)

LISTENS = {DRAINS: (DRAINS, FILLS), LONG: (LONG,), WEBHOOKS: (WEBHOOKS,)}
"""Which queues a worker takes jobs from, the first one first."""

AGAIN_SECONDS = 1.0
"""How long a worker waits before it begins again after Redis failed it."""

UNASKED_SECONDS = 5.0
"""How long webhooks are sent without Redis before it is looked for again."""

# An idle worker looks after its queue, and a dead one is noticed, within a minute instead of seven.
RHYTHM: dict[str, Any] = {"worker_ttl": 30, "job_monitoring_interval": 5, "maintenance_interval": 15}


class NoDeathPenalty(BaseDeathPenalty):
    """Drains end by themselves, and an alarm would look like the fault of the household that is being folded."""

    def setup_death_penalty(self) -> None:
        """Set no alarm."""

    def cancel_death_penalty(self) -> None:
        """There is none."""


class Stoppable(BaseWorker):
    """What the workers of both queues have in common."""

    max_connection_wait_time = 2.0
    pubsub_thread: Any

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End what lingers, then stop as RQ does: at once when idle, else after the job."""
        jobs.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        self._stop_requested = jobs.stopping.is_set()  # a signal may have come before

    def unsubscribe(self) -> None:
        """Stop listening to RQ's commands; in RQ's own order the thread may miss it and hold the stop for a second."""
        if self.pubsub_thread:
            self.pubsub_thread.stop()
        super().unsubscribe()  # type: ignore[no-untyped-call]


class DrainWorker(Stoppable, SimpleWorker):
    """Works in its own process, where connections and the folded registry stay warm."""

    death_penalty_class = NoDeathPenalty


class LongWorker(Stoppable, Worker):
    """Forks for each job, so that a long one can be killed and its memory goes with it."""


def run_worker(settings: Settings, name: str = DRAINS) -> None:
    """Work on the queues of one kind until a stop signal; go on when Redis comes back."""
    set_on_signals(jobs.stopping)
    jobs.configure(settings)
    keep_for_good()
    kind = LongWorker if name == LONG else DrainWorker
    while not jobs.stopping.is_set():
        try:
            _new_worker(kind, name, settings).work(logging_level="WARNING")
        except redis.RedisError as error:
            log.warning("Redis does not answer (%s).", type(error).__name__)
            if name == WEBHOOKS:
                _deliver_unasked()
        set_on_signals(jobs.stopping)
        jobs.stopping.wait(AGAIN_SECONDS)
    jobs.close()


def _deliver_unasked() -> None:
    """Send webhooks for a while though no queue asks for it."""
    set_on_signals(jobs.stopping)
    try:
        jobs.deliver_webhooks(UNASKED_SECONDS)
    except AWAY as error:
        log.warning("The database does not answer (%s).", type(error).__name__)


def refuse_while_ahead(settings: Settings) -> None:
    """Raise where the vault lacks erasures of the ledger; a database that is away is waited for."""
    set_on_signals(jobs.stopping)
    with closing(wiring.open_log(settings, max_size=1)) as pool:
        while not jobs.stopping.is_set():
            try:
                return wiring.refuse_while_ahead(settings, pool)
            except psycopg.errors.UndefinedTable:
                return  # nothing was ever erased in a database without a log
            except psycopg.OperationalError as error:
                log.warning("The database does not answer (%s).", type(error).__name__)
                jobs.stopping.wait(AGAIN_SECONDS)


def run_beat(settings: Settings) -> None:
    """Tick until a stop signal."""
    set_on_signals(jobs.stopping)
    jobs.configure(settings)
    ours = jobs.runtime()
    drains = queue(DRAINS, connect(str(settings.redis_url), answer_seconds=1))
    Beat(ours.engine, ours.wake, drains, jobs.stopping).run()
    jobs.close()


def _new_worker(kind: type[BaseWorker], name: str, settings: Settings) -> BaseWorker:
    connection = redis.Redis.from_url(str(settings.redis_url))
    return kind(
        [queue(each, connection) for each in LISTENS[name]],
        connection=connection,
        job_class=ClosedJob,
        serializer=JSONSerializer,
        log_job_description=False,
        **RHYTHM,
    )


PROCESSES: dict[str, Callable[[Settings], None]] = {
    DRAINS: lambda settings: run_worker(settings, DRAINS),
    LONG: lambda settings: run_worker(settings, LONG),
    WEBHOOKS: lambda settings: run_worker(settings, WEBHOOKS),
    "beat": run_beat,
}


def main(arguments: list[str]) -> int:
    """Run one of the processes on the servers that the environment names."""
    if len(arguments) != 1 or arguments[0] not in PROCESSES:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        settings = Settings.from_env()
        if settings.database_url is None or settings.redis_url is None:
            raise ConfigError("CASEWORK_DATABASE_URL and CASEWORK_REDIS_URL must name the servers to work on.")
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        refuse_while_ahead(settings)
    except CaseworkError as error:
        print(error, file=sys.stderr)
        return 2
    PROCESSES[arguments[0]](settings)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
