"""View sets: which there are, which is live, and how a transaction chooses one."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from casework.domain.policy import Policy, load_policy
from casework.errors import Unavailable
from casework.log.reading import Cut, Db

PROJECTION_VERSION = 1
"""Goes up when the same log would give other rows; a program drains only sets of its own version."""

DEFAULT_POLICY = "2013.1"


class ViewSet(NamedTuple):
    """One schema of views: its name and the policy that its rows are made under."""

    name: str
    policy: Policy


class Cutting(NamedTuple):
    """What the views of a set show: each partition's position, the registry's, and the date.

    Where partitions stand at different dates or registry positions, for a moment after either has moved, the
    earliest is named.
    """

    cut: Cut
    registry_position: int
    as_of: date


_DRAINED = """
SELECT name, policy FROM casework.view_set WHERE state = 'drained' AND projection_version = %b ORDER BY created_at"""

_LIVE = """
SELECT made.name, made.policy, set_config('search_path', made.name, true)
FROM casework.live_view AS live JOIN casework.view_set AS made USING (name)"""

_CUT = "SELECT partition, position, registry_position, as_of FROM checkpoint"


def drained(db: Db) -> list[ViewSet]:
    """Return the sets that this program keeps at the heads."""
    rows = db.execute(_DRAINED, (PROJECTION_VERSION,), binary=True).fetchall()
    return [ViewSet(name, load_policy(policy)) for name, policy in rows]


def enter(db: Db, view: ViewSet) -> None:
    """Let the names of tables mean this set's, up to the end of the transaction."""
    db.execute("SELECT set_config('search_path', %b::text, true)", (view.name,))


def enter_live(db: Db) -> ViewSet:
    """Let the names of tables mean the live set's, up to the end of the transaction; return which set it is."""
    row = db.execute(_LIVE, binary=True).fetchone()
    if row is None:
        raise Unavailable
    return ViewSet(row[0], load_policy(row[1]))


def ensure_live(db: Db, policy: str = DEFAULT_POLICY) -> str:
    """Make the first set and let it be live, unless one is; return the name of the live one."""
    load_policy(policy)
    with db.transaction():
        db.execute("LOCK TABLE casework.live_view IN SHARE ROW EXCLUSIVE MODE")
        row = db.execute("SELECT name FROM casework.live_view").fetchone()
        return str(row[0]) if row is not None else make_live(db, create(db, policy))


def create(db: Db, policy: str) -> str:
    """Make the next set, empty, for a policy; return its name."""
    row = db.execute("SELECT casework.create_view_set(%b, %b::int)", (policy, PROJECTION_VERSION)).fetchone()
    assert row is not None
    return str(row[0])


def make_live(db: Db, name: str) -> str:
    """Let readers use this set."""
    db.execute(
        "INSERT INTO casework.live_view (name) VALUES (%b) ON CONFLICT (only_row) DO UPDATE SET name = EXCLUDED.name",
        (name,),
    )
    return name


def cutting(db: Db) -> Cutting:
    """Return what the views of the set show that this transaction has entered."""
    rows = db.execute(_CUT, prepare=True, binary=True).fetchall()
    return Cutting({row[0]: row[1] for row in rows}, min(row[2] for row in rows), min(row[3] for row in rows))
