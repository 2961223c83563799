"""A rebuild: the next view set beside the live one, or a what-if set under another policy, and how far it is.

Making a set is all that starts one: every worker fills it. So whoever asks for the same again finds the set that was
made before, as far as it has come.
"""

from __future__ import annotations

from typing import NamedTuple

from casework.domain.policy import Policy
from casework.errors import Refused
from casework.log.reading import Db
from casework.projections import sets
from casework.projections.engine import Engine
from casework.projections.sets import ViewSet


class Progress(NamedTuple):
    """How many of so many events a set has taken in, how many partitions are not filled, and which are paused."""

    done: int
    total: int
    unfilled: int
    paused: dict[int, str]


# Of what-if sets the cut is the end. One look, so that no partition's head is from another moment.
_PROGRESS = """
SELECT sum(CASE WHEN c.filling_to IS NULL THEN c.position ELSE c.filled END)::bigint, sum(log.head)::bigint,
       count(*) FILTER (WHERE c.position = 0 AND log.head > 0),
       coalesce(jsonb_object_agg(c.partition, c.paused) FILTER (WHERE c.paused IS NOT NULL), '{}')
FROM checkpoint AS c
CROSS JOIN LATERAL (
    SELECT CASE WHEN %(is_what_if)b THEN coalesce(c.filling_to, c.position) ELSE coalesce((
        SELECT e.position FROM casework.events AS e WHERE e.partition = c.partition
        ORDER BY e.position DESC LIMIT 1), 0) END AS head
) AS log"""

_CUT = """
UPDATE checkpoint AS c
SET registry_position = %(registry)b, as_of = %(as_of)b,
    filling_to = (SELECT max(e.position) FROM casework.events AS e WHERE e.partition = c.partition)"""

_FORMER = "SELECT former FROM casework.live_view"


def begin(engine: Engine, policy: Policy | None = None) -> ViewSet:
    """Return the set that a rebuild fills: one that was begun and never was live, else a new one.

    Without a policy it is made under the live set's.
    """
    with engine.pool.connection() as db, db.transaction():
        sets.alone(db)
        there = sets.kept(db)
        under = policy or sets.enter_live(db).policy
        former = _former(db)
        begun = [each for each in there if not (each.is_live or each.is_what_if or each.name == former)]
        same = [each for each in begun if each.policy == under]
        return same[-1] if same else ViewSet(sets.create(db, under.version), under)


def begin_what_if(engine: Engine, policy: Policy, draft: bytes | None) -> ViewSet:
    """Return the what-if set of a policy, made now at the cut that the log has now unless it was made before.

    ``draft`` is the file of a policy that is not published; Refused where its version stands for another file.
    """
    with engine.pool.connection() as db, db.transaction():
        sets.alone(db)
        for each in sets.kept(db):
            if each.is_what_if and each.policy.version == policy.version:
                if each.policy.sha256 != policy.sha256:
                    raise Refused("draft-version-taken", version=policy.version)
                return each
        view = ViewSet(sets.create(db, policy.version, "what_if", draft), policy, is_what_if=True)
        sets.enter(db, view)
        target = engine.cut(db)
        db.execute(_CUT, {"registry": target.registry_position, "as_of": target.as_of})
        return view


def live(engine: Engine) -> ViewSet:
    """Return the set that readers use."""
    with engine.pool.connection() as db, db.transaction():
        return sets.enter_live(db)


def progress(engine: Engine, view: ViewSet) -> Progress:
    """Return how far a set is; Refused where it was dropped meanwhile."""
    with engine.pool.connection() as db, db.transaction():
        if not sets.enter(db, view):
            raise Refused("views-gone", view=view.name)
        [(done, total, unfilled, paused)] = db.execute(_PROGRESS, {"is_what_if": view.is_what_if})
    return Progress(done, total, unfilled, {int(partition): reason for partition, reason in paused.items()})


def _former(db: Db) -> str | None:
    row = db.execute(_FORMER).fetchone()
    return row[0] if row is not None else None
