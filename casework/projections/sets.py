"""View sets: which there are, which is live, and how a transaction chooses one."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from casework.domain.policy import Policy, load_policy, parse_policy, policy_versions
from casework.errors import NotFound, Unavailable
from casework.log.pool import rows
from casework.log.reading import Cut, Db

PROJECTION_VERSION = 5
"""Goes up when the same log would give other rows; a program drains only sets of its own version."""

DEFAULT_POLICY = "2013.1"


class NoViews(NotFound):
    """No view set is made under this policy."""

    default_code = "policy-without-views"


class ViewSet(NamedTuple):
    """One schema of views: its name, the policy that its rows are made under, and what it is for."""

    name: str
    policy: Policy
    is_live: bool = False
    is_what_if: bool = False  # filled at a cut, then left alone
    is_ours: bool = True  # of this program's projection version


class Cutting(NamedTuple):
    """What the views of a set show: each partition's position, the registry's, and the date.

    Where partitions stand at different dates or registry positions, for a moment after either has moved, the
    earliest is named.
    """

    cut: Cut
    registry_position: int
    as_of: date


# A policy that this program does not know is one of a later program, whose workers keep that set.
_KNOWN = """
SELECT made.name, made.policy, made.draft, live.name IS NOT NULL, made.state = 'what_if',
       made.projection_version = %b::int
FROM casework.view_set AS made LEFT JOIN casework.live_view AS live USING (name)
WHERE made.state IN ('drained', 'what_if') AND (made.draft IS NOT NULL OR made.policy = ANY (%b::text[]))
ORDER BY live.name IS NULL, made.created_at"""

_ENTER = """
SELECT set_config('search_path', made.name, true) FROM casework.view_set AS made
WHERE made.name = %b::text AND made.state IN ('drained', 'what_if')"""

_LIVE = """
SELECT made.name, made.policy, made.draft, true, false, made.projection_version = %b::int,
       set_config('search_path', made.name, true)
FROM casework.live_view AS live JOIN casework.view_set AS made USING (name)"""

_UNFILLED = "SELECT EXISTS (SELECT FROM checkpoint WHERE filling_to IS NOT NULL OR as_of = '0001-01-01')"

_CREATE = "SELECT casework.create_view_set(%b::text, %b::int, %b::text, %b::bytea)"

_CUT = "SELECT partition, position, registry_position, as_of FROM checkpoint"


def known(db: Db) -> list[ViewSet]:
    """Return all sets whose policy this program knows, the live one first, then the oldest.

    Until the end of the caller's transaction none of them is dropped.
    """
    return [_view_set(*row) for row in rows(db, _KNOWN, (PROJECTION_VERSION, list(policy_versions())))]


def kept(db: Db) -> list[ViewSet]:
    """Return the sets that this program works on, the live one first."""
    return [view for view in known(db) if view.is_ours]


def enter(db: Db, view: ViewSet) -> bool:
    """Let the names of tables mean this set's, up to the end of the transaction; say whether it is still there."""
    return bool(rows(db, _ENTER, (view.name,)))


def enter_live(db: Db) -> ViewSet:
    """Let the names of tables mean the live set's, up to the end of the transaction; return which set it is."""
    row = db.execute(_LIVE, (PROJECTION_VERSION,), binary=True).fetchone()
    if row is None:
        raise Unavailable
    return _view_set(*row[:6])


def enter_under(db: Db, version: str) -> ViewSet:
    """Let the names of tables mean those of the set under a policy, the live one's first; return which set it is.

    Raises :class:`NoViews` where there is none, and Unavailable while it is being filled.
    """
    for view in known(db):
        if view.policy.version == version and enter(db, view):
            [(is_unfilled,)] = db.execute(_UNFILLED, binary=True)
            if is_unfilled and not view.is_live:
                raise Unavailable("views-being-filled", retry_after=10)
            return view
    raise NoViews


def ensure_live(db: Db, policy: str = DEFAULT_POLICY) -> str:
    """Make the first set and let it be live, unless one is; return the name of the live one."""
    load_policy(policy)
    with db.transaction():
        alone(db)
        row = db.execute("SELECT name FROM casework.live_view").fetchone()
        return str(row[0]) if row is not None else make_live(db, create(db, policy))


def alone(db: Db) -> None:
    """Let no other transaction make, flip or drop sets until this one ends."""
    db.execute("LOCK TABLE casework.live_view IN SHARE ROW EXCLUSIVE MODE")


def create(db: Db, policy: str, state: str = "drained", draft: bytes | None = None) -> str:
    """Make the next set, empty, for a policy; return its name."""
    row = db.execute(_CREATE, (policy, PROJECTION_VERSION, state, draft)).fetchone()
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
    at = rows(db, _CUT)
    return Cutting({row[0]: row[1] for row in at}, min(row[2] for row in at), min(row[3] for row in at))


def _view_set(name: str, policy: str, draft: bytes | None, *kind: bool) -> ViewSet:
    return ViewSet(name, load_policy(policy) if draft is None else _parsed(draft), *kind)


_parsed = lru_cache(16)(parse_policy)
