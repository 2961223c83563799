"""``casework status``: how far the views are, who is parked, what waits in the queues."""

from __future__ import annotations

import json
from typing import Any

import click
import redis
from rich.table import Table

from casework import wiring
from casework.config import Settings
from casework.log.pool import Pool
from casework.projections import reading
from casework.terminal import wide_console
from casework.wake import connect

QUEUES = ("drains", "long")
PARKED_SHOWN = 20


def report(settings: Settings, pool: Pool) -> dict[str, Any]:
    """All of it as plain JSON values."""
    return {
        "views": {name: _view(rows) for name, rows in reading.status(pool).items()},
        "parked": _parked(pool),
        "queues": _queues(settings),
    }


def show(settings: Settings, *, as_json: bool) -> None:
    """Print the report, as tables or as one JSON object."""
    with wiring.closing_casework(settings) as casework:
        found = report(settings, casework.pool)
    if as_json:
        click.echo(json.dumps(found))
        return
    screen = wide_console()
    screen.print(_views_table(found["views"]))
    for each in found["parked"]:
        screen.print(f"parked: {each['household_id']}: {each['error']}")
    for name, waiting in found["queues"].items():
        screen.print(f"queue {name}: {'Redis does not answer' if waiting is None else f'{waiting} waiting'}")


def _view(rows: list[reading.PartitionStatus]) -> dict[str, Any]:
    return {
        "head": sum(row.head for row in rows),
        "position": sum(row.position for row in rows),
        "lag": sum(row.lag for row in rows),
        "registry_lag": max((row.registry_lag for row in rows), default=0),
        "as_of": min(row.as_of for row in rows).isoformat(),
        "parked": sum(row.parked for row in rows),
        "paused": {row.partition: row.paused for row in rows if row.paused},
    }


def _parked(pool: Pool) -> list[dict[str, str]]:
    with reading.live_views(pool) as (db, _):
        found = reading.parked(db, limit=PARKED_SHOWN)
    return [{"household_id": str(each.household_id), "error": each.error} for each in found]


def _queues(settings: Settings) -> dict[str, int | None]:
    """How many jobs wait in each queue; None where Redis is away."""
    if settings.redis_url is None:
        return {}
    try:
        with connect(settings.redis_url, answer_seconds=1) as connection:
            return {name: int(connection.llen(f"rq:queue:{name}")) for name in QUEUES}
    except redis.RedisError:
        return dict.fromkeys(QUEUES)


def _views_table(views: dict[str, dict[str, Any]]) -> Table:
    table = Table("view set", "head", "position", "lag", "registry lag", "as of", "parked", "paused partitions")
    for name, view in views.items():
        paused = ", ".join(f"{partition}: {reason}" for partition, reason in view["paused"].items())
        numbers = (view["head"], view["position"], view["lag"], view["registry_lag"], view["as_of"], view["parked"])
        table.add_row(name, *map(str, numbers), paused)
    return table
