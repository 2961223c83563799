"""``casework replay``: a household or a unit as it was on a day, by what was known at an instant."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime
from typing import Any
from uuid import UUID

import click
import msgspec

from casework import wiring
from casework.assessing.lines import as_json
from casework.config import Settings
from casework.domain import registry
from casework.domain.metrics import unit_figures
from casework.domain.policy import Policy, load_policy
from casework.domain.scoring import as_text
from casework.domain.tree import TreeOf
from casework.log.pool import Pool
from casework.projections import replay
from casework.projections.replay import Clocks
from casework.terminal import progress_bar

Content = dict[str, Any]


def show(
    settings: Settings,
    *,
    household: UUID | None,
    unit: str | None,
    as_of: date,
    known_at: datetime | None,
    policy: str,
    tree: TreeOf = "then",
) -> None:
    """Print it as one JSON object; errors are those of :mod:`casework.projections.replay`."""
    under = load_policy(policy)
    with closing(wiring.open_log(settings)) as pool:
        with pool.connection() as db:
            clocks = replay.clocks(db, as_of, known_at)
        found = _household(pool, household, under, clocks) if household else _unit(pool, str(unit), under, clocks, tree)
    cut = {str(partition): position for partition, position in clocks.cut.items() if position}
    click.echo(msgspec.json.encode({**found, "known_at": known_at, "cut": cut}).decode())


def _household(pool: Pool, household_id: UUID, policy: Policy, clocks: Clocks) -> Content:
    with pool.connection() as db:
        found = replay.replay_household(db, household_id, policy, clocks)
    return {"household": household_id, "version": found.household.version, **as_json(found.assessment)}


def _unit(pool: Pool, code: str, policy: Policy, clocks: Clocks, tree: TreeOf) -> Content:
    with progress_bar() as bar:
        task = bar.add_task("partitions", total=None)
        unit = registry.unit_id(code)
        found = replay.replay_units(
            pool,
            [unit],
            policy,
            clocks,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            tree=tree,
        )
    figures = unit_figures(found.tallies[unit], policy)
    return {
        "unit": code,
        "as_of": clocks.as_of,
        "tree": tree,
        "policy": policy.version,
        "households": figures.households,
        "employees": figures.employees,
        "pupils": figures.pupils,
        "failed": found.failed,
        "measures": {measure: [cell.num, cell.den] for measure, cell in figures.measures.items()},
        "levels": {
            level: {"score": as_text(score.score), "band": score.band} for level, score in figures.levels.items()
        },
        "overall": {"score": as_text(figures.overall.score), "band": figures.overall.band},
    }
