"""Files of 100,000 rows, validated and committed, beside the bar of 1,500 rows a second.

    python -m bench imports [--json] [--rows 100000] [--households 20000] [--profile]

Households are imported first, with a person each; then services for them, several to a household and scattered over the
file. Memory is this process's at its highest, as the system tells it.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing
from datetime import date, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

from bench.figure import Figure, aside, show
from bench.server import installation
from casework import wiring
from casework.application import Casework
from casework.bulk import files, importing
from casework.bulk.sheets import written
from casework.config import Settings
from casework.domain.ids import uuid7
from casework.log.migrations import birth
from casework.outcome import Context
from casework.privacy.id_number import synthetic_id_number

BAR = 1500.0
COMMUNITY = "410105001001"
FIRST = date(1960, 1, 1)
DELIVERIES = ("HLT-EDU", "HLT-INFO", "COM-VISIT", "COM-HALL")


class Inline(Executor):
    """Does its work in the thread that asks for it, where a profile sees it."""

    def __init__(self, threads: int) -> None:
        """Need none."""

    def submit(self, work: Any, /, *given: Any, **more: Any) -> Future[Any]:
        """Work at once."""
        done: Future[Any] = Future()
        done.set_result(work(*given, **more))
        return done


def main(arguments: Sequence[str]) -> int:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(prog="bench imports")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--households", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.profile:
        vars(importing)["ThreadPoolExecutor"] = Inline
    with installation() as settings:
        show(_figures(settings, chosen.rows, chosen.households, profiled=chosen.profile), as_json=chosen.json)
    return 0


def _figures(settings: Settings, rows: int, households: int, *, profiled: bool) -> Iterator[Figure]:
    wiring.prepare(settings, synthetic=True)
    birth(wiring.database_url(settings), synthetic=True)
    with closing(wiring.open_log(settings)) as pool:
        casework = Casework(pool, wiring.open_persons(settings, pool))
        _register_places(casework)
        yield from _measured(casework, "households", _households(households), households, profiled=profiled)
        before = _peak()
        yield from _measured(casework, "services", _services(rows, households), rows, profiled=profiled)
        aside.print(f"memory: {before} MB before, {_peak()} MB after {rows} rows")
        casework.close()


def _measured(
    casework: Casework, kind: str, content: Iterator[list[str]], rows: int, *, profiled: bool
) -> Iterator[Figure]:
    id = _uploaded(casework, kind, b"".join(written(content)))
    seconds = 0.0
    for stage in ("validated", "committed"):
        profile = cProfile.Profile()
        begun = perf_counter()
        counted = profile.runcall(_run, casework, id, stage) if profiled else _run(casework, id, stage)
        took = perf_counter() - begun
        seconds += took
        aside.print(f"{kind} {stage}: {counted}, {took:.1f} s")
        yield Figure(f"{kind} {stage}", round(rows / took), BAR, "rows/s", round(rows / took / BAR, 2))
        if profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    yield Figure(f"{kind} both", round(rows / seconds), BAR, "rows/s", round(rows / seconds / BAR, 2))


def _run(casework: Casework, id: UUID, stage: str) -> dict[str, Any]:
    return importing.run(casework, id, stage, lambda done, total: None)


def _uploaded(casework: Casework, kind: str, content: bytes) -> UUID:
    asked = Context(actor="bench", role="supervisor", source="bench")
    with casework.pool.connection() as db:
        file = {
            "id": uuid7(),
            "kind": kind,
            "media": "csv",
            "digest": b"",
            "actor": asked.actor,
            "role": asked.role,
            "bureau": None,
            "unit": None,
            "divisions": [],
            "source": asked.source,
            "close_feed": None,
            "atomic": "row",
        }
        return files.add(db, casework.persons.vault, file, content).id


def _register_places(casework: Casework) -> None:
    context = Context(actor="bench", role="operator")
    for code, kind in (("4101", "city"), (COMMUNITY, "community")):
        casework.register_unit(context, registered_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code)


def _number(person: int) -> str:
    return synthetic_id_number(FIRST + timedelta(person // 400), "male", 1 + person % 400)


def _households(many: int) -> Iterator[list[str]]:
    yield ["source_ref", "community", "arrived_on", "name", "sex", "born_on", "id_number", "migrant"]
    for person in range(many):
        born = (FIRST + timedelta(person // 400)).isoformat()
        yield [f"h-{person}", COMMUNITY, "2013-01-05", f"王{person}", "male", born, _number(person), "是"]


def _services(rows: int, households: int) -> Iterator[list[str]]:
    yield ["source_ref", "id_number", "service", "occurred_on"]
    for row in range(rows):
        turn, person = divmod(row, households)
        day = date(2013, 2, 1) + timedelta(turn // len(DELIVERIES))
        service = "SSI-CARD" if turn == 4 else DELIVERIES[turn % len(DELIVERIES)]
        yield [f"s-{row}", _number(person), service, day.isoformat()]


def _peak() -> int:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
