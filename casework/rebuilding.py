"""``casework rebuild``: the next view set beside the live one, filled by the workers, compared, flipped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic, sleep
from typing import Any, NamedTuple, TypeVar

import click
import psycopg

from casework import wiring
from casework.config import Settings
from casework.drafts import choose
from casework.errors import Refused
from casework.projections import flipping, rebuild
from casework.projections.comparing import Compared, compare
from casework.projections.engine import Engine
from casework.projections.flipping import Flipped
from casework.projections.rebuild import Progress
from casework.projections.sets import ViewSet
from casework.terminal import progress_bar

POLL_SECONDS = 0.2
STILL_SECONDS = 15
NEAR = 1000
"""Events that a set may be behind when it is compared and flipped, where it takes in the rest."""

TRIES = 5

Answer = TypeVar("Answer")


class Filled(NamedTuple):
    """How many events a set was filled with, of which some were there before, and in how many seconds."""

    events: int
    resumed_at: int
    seconds: float


def run(settings: Settings, *, policy: str | None, what_if: bool, as_json: bool) -> None:
    """Fill a set and let readers use it, or look at it; Refused where it differs from the live one."""
    with _engine(settings) as engine:
        view = _begin(engine, policy, what_if=what_if)
        filled = _fill(engine, view)
        told = _told(view, filled)
        if what_if:
            _say(told, as_json, f"{view.name} is filled under policy {view.policy.version}: see ?policy= of the API.")
            return
        compared = _compare(engine, view)
        told["compared"] = {**compared._asdict(), "differences": [_plain(each) for each in compared.differences]}
        if compared.differing:
            _say({**told, "flipped": False}, as_json, *_differing(compared))
            raise Refused("views-differ", view=view.name, count=len(compared.differing))
        flipped = _patiently(lambda: flipping.flip(engine, view))
        _say({**told, "flipped": True, **flipped._asdict()}, as_json, *_compared(compared), *_flipped(flipped))


def back(settings: Settings, *, as_json: bool) -> None:
    """Let readers use the former set again."""
    with _engine(settings) as engine:
        flipped = _patiently(lambda: flipping.flip_back(engine))
    _say({"flipped": True, **flipped._asdict()}, as_json, *_flipped(flipped))


def clean(settings: Settings, *, as_json: bool) -> None:
    """Drop the sets that are not live."""
    with closing(wiring.open_log(settings)) as pool:
        cleaned = flipping.clean(pool)
    lines = [f"{name} was dropped" for name in cleaned.dropped]
    lines += [f"{name} is a what-if of the last seven days and stays" for name in cleaned.young]
    _say(cleaned._asdict(), as_json, *(lines or ["There was nothing to drop."]))


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    with closing(wiring.open_log(settings)) as pool:
        yield Engine(pool)


def _begin(engine: Engine, named: str | None, *, what_if: bool) -> ViewSet:
    chosen = choose(named, what_if=what_if) if named is not None else None
    if not what_if:
        return rebuild.begin(engine, chosen.policy if chosen else None)
    if chosen is None:
        raise click.UsageError("Name the policy that is tried: --policy FILE_OR_VERSION.")
    return rebuild.begin_what_if(engine, *chosen)


def _fill(engine: Engine, view: ViewSet) -> Filled:
    """Wait until the workers have filled a set and it has caught up; starting again goes on from there."""
    began, first = monotonic(), rebuild.progress(engine, view)
    moved_at, seen = began, first
    with progress_bar() as bar:
        task = bar.add_task(f"events in {view.name}", completed=first.done, total=first.total)
        while not _is_near(seen):
            sleep(POLL_SECONDS)
            now = rebuild.progress(engine, view)
            _refuse_paused(view, now)
            moved_at = monotonic() if now.done != seen.done else moved_at
            if monotonic() - moved_at > STILL_SECONDS:
                bar.console.print("Nothing moves. Do `casework work` and `casework beat` run?")
                moved_at = monotonic()
            seen = now
            bar.update(task, completed=now.done, total=now.total)
    return Filled(seen.done, first.done, monotonic() - began)


def _is_near(seen: Progress) -> bool:
    return not seen.unfilled and seen.total - seen.done <= NEAR


def _refuse_paused(view: ViewSet, seen: Progress) -> None:
    for partition, reason in seen.paused.items():
        raise Refused("views-paused", view=view.name, partition=partition, reason=reason)


def _compare(engine: Engine, view: ViewSet) -> Compared:
    live = rebuild.live(engine)
    with progress_bar() as bar:
        task = bar.add_task(f"partitions of {view.name} compared with {live.name}", total=64)
        return compare(engine, live, view, progress=lambda done: bar.update(task, completed=done))


def _patiently(flip: Callable[[], Answer]) -> Answer:
    """Try again where a drain holds a partition for long."""
    for _ in range(TRIES - 1):
        try:
            return flip()
        except psycopg.errors.LockNotAvailable:
            sleep(POLL_SECONDS)
    return flip()


def _told(view: ViewSet, filled: Filled) -> dict[str, Any]:
    rate = (filled.events - filled.resumed_at) / filled.seconds if filled.seconds else 0
    return {
        "view": view.name,
        "policy": view.policy.version,
        "what_if": view.is_what_if,
        "events": filled.events,
        "resumed_at": filled.resumed_at,
        "seconds": round(filled.seconds, 1),
        "events_per_second": round(rate),
    }


def _differing(compared: Compared) -> Iterator[str]:
    yield f"{compared.other} differs from {compared.view} in partitions {', '.join(map(str, compared.differing))}"
    for each in compared.differences:
        yield f"differs: {each.table} {each.id} in partition {each.partition}"


def _compared(compared: Compared) -> Iterator[str]:
    what = "every row" if compared.all_rows else "versions alone, since policies or programs differ"
    yield f"{compared.other} equals {compared.view}: {compared.households} households, {what}"
    for partition, reason in compared.left_out.items():
        yield f"not compared: partition {partition}, which is paused in {compared.view}: {reason}"


def _flipped(flipped: Flipped) -> Iterator[str]:
    yield f"{flipped.live} is live; `casework rebuild --back` flips back to {flipped.former}"


def _plain(each: Any) -> dict[str, Any]:
    return {**each._asdict(), "id": str(each.id)}


def _say(told: dict[str, Any], as_json: bool, *lines: str) -> None:
    for line in [json.dumps(told)] if as_json else lines:
        click.echo(line)
