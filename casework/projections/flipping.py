"""Which set is live: flipped to another one, flipped back, and the others dropped when no reader can be in them."""

from __future__ import annotations

from time import monotonic, sleep
from typing import NamedTuple

import psycopg

from casework.errors import NotFound, Refused, Unavailable
from casework.faults import fault
from casework.log.pool import Pool
from casework.log.reading import Db
from casework.projections import sets
from casework.projections.batch import TooManyFail
from casework.projections.engine import Engine, Triple
from casework.projections.sets import ViewSet

MOST_BEHIND = 20_000
"""Events that a flip takes in while the live set stands still; else it is refused and the set catches up first."""

WAIT_SECONDS = 5.0
POLL_SECONDS = 0.05
TRIES = 50


class Flipped(NamedTuple):
    """Which set readers use now, and which they used before."""

    live: str
    former: str | None


class Cleaned(NamedTuple):
    """Which sets were dropped, and which what-if sets are kept for the rest of their seven days."""

    dropped: list[str]
    young: list[str]


_LIVE = "SELECT name, former FROM casework.live_view"
_LOCK_ALL = """
SELECT partition, position, registry_position, as_of FROM checkpoint ORDER BY partition FOR UPDATE"""
_STANDS = "SELECT partition, position, registry_position, as_of FROM checkpoint"
_UNFILLED = "SELECT EXISTS (SELECT FROM checkpoint WHERE filling_to IS NOT NULL)"
_FLIP = """
UPDATE casework.live_view SET name = %b::text, former = name, flipped_at = clock_timestamp()"""
_OTHERS = """
SELECT made.name FROM casework.view_set AS made
WHERE made.state <> 'dropped' AND NOT EXISTS (SELECT FROM casework.live_view AS live WHERE live.name = made.name)
ORDER BY made.created_at"""
_EXPIRED = """
SELECT made.name FROM casework.view_set AS made
WHERE made.state = 'retired'
   OR made.state = 'what_if' AND made.created_at < clock_timestamp() - interval '7 days'"""


def flip(engine: Engine, to: ViewSet) -> Flipped:
    """Let readers use another set, which then shows no partition less far than the live one does.

    The live set's checkpoints are locked, and the other passes them, before the one UPDATE. Raises :class:`Refused`
    where it cannot.
    """
    with engine.pool.connection() as db, db.transaction():
        live, former = _live(db)
        if to.name == live:
            return Flipped(live, former)
        view = _there(db, to.name)
        if view.is_what_if:
            raise Refused("views-what-if", view=view.name)
        floor = _stands(db, _there(db, live), _LOCK_ALL)
        fault("live-locked")
        _pass(engine, db, view, floor)
        db.execute(_FLIP, (view.name,))
        fault("flipped")
        return Flipped(view.name, live)


def flip_back(engine: Engine) -> Flipped:
    """Let readers use the set again that they used before the last flip; NotFound where that was dropped."""
    with engine.pool.connection() as db, db.transaction():
        _, former = _live(db)
        view = _there(db, former) if former is not None else None
    if view is None:
        raise NotFound("views-no-former")
    return flip(engine, view)


def clean(pool: Pool) -> Cleaned:
    """Drop the sets that are not live; Refused within ten minutes of a flip, when readers may still be in one."""
    with pool.connection() as db:
        answers = {name: _drop(db, name, TRIES) for (name,) in db.execute(_OTHERS).fetchall()}
    if "flipped" in answers.values():
        raise Refused("views-flipped-recently")
    for name, answer in answers.items():
        if answer == "in-use":
            raise Unavailable("views-in-use", view=name)
    dropped = [name for name, answer in answers.items() if answer == "retired"]
    return Cleaned(dropped, [name for name, answer in answers.items() if answer == "young"])


def drop_expired(pool: Pool) -> list[str]:
    """Drop the what-if sets that are older than seven days, and what a clean left behind, unless they are in use.

    Returns their names.
    """
    with pool.connection() as db:
        expired = [name for (name,) in db.execute(_EXPIRED).fetchall()]
        return [name for name in expired if _drop(db, name, 1) == "retired"]


def _live(db: Db) -> tuple[str, str | None]:
    sets.alone(db)
    row = db.execute(_LIVE).fetchone()
    if row is None:
        raise Unavailable
    return row[0], row[1]


def _there(db: Db, name: str) -> ViewSet:
    for view in sets.known(db):
        if view.name == name:
            return view
    raise Refused("views-gone", view=name)


def _stands(db: Db, view: ViewSet, query: str = _STANDS) -> dict[int, Triple]:
    sets.enter(db, view)
    return {row[0]: Triple._make(row[1:]) for row in db.execute(query, binary=True)}


def _pass(engine: Engine, db: Db, view: ViewSet, floor: dict[int, Triple]) -> None:
    """Let a set pass triples that stand still: by ourselves, or by the workers of the program whose set it is."""
    sets.enter(db, view)
    [(unfilled,)] = db.execute(_UNFILLED)
    if unfilled:
        raise Refused("views-not-filled", view=view.name)
    if view.is_ours:
        for partition in _behind(db, view, floor):
            _bring(engine, db, view, partition, floor[partition])
    ends = monotonic() + WAIT_SECONDS
    while behind := _behind(db, view, floor):
        if monotonic() > ends:
            raise Unavailable("views-behind", partition=min(behind))
        sleep(POLL_SECONDS)


def _behind(db: Db, view: ViewSet, floor: dict[int, Triple]) -> list[int]:
    stands = _stands(db, view)
    behind = [partition for partition, at in floor.items() if stands[partition].raised(at) != stands[partition]]
    if sum(max(0, at.position - stands[partition].position) for partition, at in floor.items()) > MOST_BEHIND:
        raise Unavailable("views-behind", partition=behind[0])
    return behind


def _bring(engine: Engine, db: Db, view: ViewSet, partition: int, floor: Triple) -> None:
    try:
        engine.bring(db, view, partition, floor)
    except TooManyFail as failing:
        raise Refused("views-paused", view=view.name, partition=partition, reason=str(failing)) from failing


def _drop(db: Db, name: str, tries: int) -> str:
    """Retire a set as soon as nobody is in any, then drop it; return what became of it, or that it is in use."""
    try:
        [(answer,)] = db.execute("SELECT casework.retire_view_set(%b::text)", (name,))
        if answer == "retired":
            fault("retired")
            db.execute("SELECT casework.drop_view_set(%b::text)", (name,))
        return str(answer)
    except psycopg.errors.LockNotAvailable:
        if tries == 1:
            return "in-use"
    sleep(POLL_SECONDS)
    return _drop(db, name, tries - 1)
