"""What an operator asks of the views: how far they are, who is parked, what waits, and whether they are right."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any, cast
from uuid import UUID

import click
import redis
from rich.table import Column, Table

from casework import wiring
from casework.config import Settings
from casework.domain.aggregate import Recorded
from casework.domain.calendar import shanghai_date
from casework.domain.registry import Registry
from casework.log import reading as log_reading
from casework.log.codec import EventCodec
from casework.log.pool import Pool
from casework.projections import reading
from casework.projections.engine import Engine
from casework.projections.verify import verify
from casework.streams.acknowledged import unacknowledged
from casework.streams.standing import standings
from casework.streams.webhooks.report import Stands, stands
from casework.streams.webhooks.schedule import schedule
from casework.terminal import wide_console
from casework.wake import connect

QUEUES = ("drains", "fills", "long", "webhooks")
PARKED_SHOWN = 20
RATE_SECONDS = 1.0
SHOWN = (
    *("head", "position", "lag", "lag_seconds", "events_per_second", "registry_lag", "frozen_seconds"),
    *("as_of", "parked"),
)
SHOWN_OF_WEBHOOKS = (
    *("state", "reason", "breaker", "lag", "lag_seconds", "waiting", "dead"),
    *("delivered_total", "failed_total", "dead_total", "withheld_total"),
)


def report(settings: Settings, pool: Pool, registry: Registry) -> dict[str, Any]:
    """All of it as plain JSON values; the registry says whose subscriptions are over."""
    over = _over(registry)
    return {
        "views": {name: _view(rows) for name, rows in reading.status(pool).items()},
        "parked": _parked(pool),
        "queues": _queues(settings),
        "subscriptions": _subscriptions(pool, over),
        "webhooks": _webhooks(pool, over),
        "erasures": _erasures(pool, registry, over),
    }


def report_with_rates(settings: Settings, pool: Pool) -> dict[str, Any]:
    """The report, and how many events a second each view takes in, for which it looks twice."""
    before, began = reading.status(pool), monotonic()
    sleep(RATE_SECONDS)
    registry = _registry(pool)
    found = report(settings, pool, registry)
    for name, view in found["views"].items():
        moved = view["position"] - sum(row.position for row in before.get(name, ()))
        view["events_per_second"] = round(moved / (monotonic() - began), 1)
    for told in (found["subscriptions"], found["webhooks"], found["erasures"]):
        for id, each in told.items():
            each["grant"] = registry.subscriptions[UUID(id)].opened.grant
    return found


def show(settings: Settings, *, as_json: bool) -> None:
    """Print the report, as tables or as one JSON object."""
    with closing(wiring.open_log(settings)) as pool:
        found = report_with_rates(settings, pool)
    if as_json:
        click.echo(json.dumps(found))
        return
    screen = wide_console()
    screen.print(_views_table(found["views"]))
    for each in found["parked"]:
        screen.print(f"parked: {each['household_id']}: {each['error']}")
    for name, queue in found["queues"].items():
        screen.print(f"queue {name}: {_waiting(queue)}")
    for id, told in found["subscriptions"].items():
        held = f", {told['held']} partitions wait for an event that cannot be read" if told["held"] else ""
        behind = f"{told['lag']} positions behind, the oldest for {told['lag_seconds']} s"
        behind = "ended" if told["ended"] else behind
        screen.print(f"subscription {id} ({told['grant']}): {told['sequence']} events given, {behind}{held}")
    for id, told in found["erasures"].items():
        if told["unacknowledged"]:
            left = f"{told['unacknowledged']} erasures not acknowledged, the oldest for {told['oldest_seconds']} s"
            screen.print(f"subscription {id} ({told['grant']}): {left}")
    if found["webhooks"]:
        screen.print(_webhooks_table(found["webhooks"]))


def unpark(settings: Settings) -> int:
    """Try again what is parked or paused; return how many households stay parked."""
    with closing(wiring.open_log(settings)) as pool:
        waiting = {row.partition for rows in reading.status(pool).values() for row in rows if row.parked or row.paused}
        engine = Engine(pool)
        return sum(engine.unpark(partition) for partition in sorted(waiting))


def verify_views(settings: Settings, *, as_json: bool, sample: int | None, seed: int) -> bool:
    """Compare the live views with a replay and print what was found; say whether all is as it must be."""
    with closing(wiring.open_log(settings)) as pool:
        found = verify(pool, sample=sample, seed=seed)
    if as_json:
        click.echo(json.dumps({**found._asdict(), "differences": [str(each) for each in found.differences]}))
    else:
        click.echo(f"{found.view}: {found.households} households and {found.units} totals compared with a replay")
        for each in found.differences:
            click.echo(f"differs: {each}")
    return not found.differences


def _view(rows: list[reading.PartitionStatus]) -> dict[str, Any]:
    return {
        "head": sum(row.head for row in rows),
        "position": sum(row.position for row in rows),
        "lag": sum(row.lag for row in rows),
        "registry_lag": max((row.registry_lag for row in rows), default=0),
        "lag_seconds": round(max((row.lag_seconds for row in rows), default=0), 1),
        "frozen_seconds": round(max((row.frozen_seconds for row in rows), default=0), 1),
        "as_of": min(row.as_of for row in rows).isoformat(),
        "parked": sum(row.parked for row in rows),
        "paused": {row.partition: row.paused for row in rows if row.paused},
    }


def _registry(pool: Pool) -> Registry:
    """Grants and subscriptions alone, so that an entry about a unit which cannot be read keeps none of them back."""
    codec = EventCodec()
    with pool.connection() as db:
        events = [each for each in log_reading.registry_events(db) if each.type.startswith(("grant.", "subscription."))]
    told = [
        (each.position, Recorded(each.stream_id, each.version, codec.decode(each.type, each.state))) for each in events
    ]
    return Registry().fold(told)


def _over(registry: Registry) -> set[UUID]:
    """Subscriptions to which nothing more is given out."""
    today = shanghai_date(datetime.now(UTC))
    return {id for id, each in registry.subscriptions.items() if registry.is_over(each, today)}


def _webhooks(pool: Pool, over: Collection[UUID]) -> dict[str, dict[str, Any]]:
    """By subscription how its endpoint stands."""
    with pool.connection() as db:
        found = stands(db, schedule().failures_to_rest)
    return {
        str(each.subscription_id): _stands(each.ended() if each.subscription_id in over else each) for each in found
    }


def _erasures(pool: Pool, registry: Registry, over: Collection[UUID]) -> dict[str, dict[str, Any]]:
    """By subscription how many erasures it has yet to acknowledge; who was to delete everything is left out."""
    going_on = [each for id, each in registry.subscriptions.items() if id not in over]
    with pool.connection() as db:
        found = unacknowledged(db, going_on)
    now = datetime.now(UTC)
    return {
        str(id): {"unacknowledged": each.people, "oldest_seconds": round(each.seconds(now), 1)}
        for id, each in found.items()
    }


def _stands(found: Stands) -> dict[str, Any]:
    told = found._asdict()
    del told["subscription_id"], told["oldest_at"]
    told["rests_until"] = found.rests_until and found.rests_until.isoformat()
    return {**told, "lag_seconds": round(found.lag_seconds, 1)}


def _parked(pool: Pool) -> list[dict[str, str]]:
    with reading.live_views(pool) as (db, _):
        found = reading.parked(db, limit=PARKED_SHOWN)
    return [{"household_id": str(each.household_id), "error": each.error} for each in found]


def _subscriptions(pool: Pool, over: Collection[UUID]) -> dict[str, dict[str, Any]]:
    """How far each subscriber has come that ever asked."""
    with pool.connection() as db:
        found = {id: each.ended() if id in over else each for id, each in standings(db).items()}
    return {
        str(id): {
            "sequence": each.sequence,
            "lag": each.lag,
            "lag_seconds": round(each.lag_seconds, 1),
            "held": len(each.held),
            "ended": id in over,
        }
        for id, each in found.items()
    }


def _queues(settings: Settings) -> dict[str, dict[str, Any] | None]:
    """How many jobs wait in each queue, and for how many seconds the oldest has; None where Redis is away."""
    if settings.redis_url is None:
        return {}
    try:
        with connect(settings.redis_url, answer_seconds=1) as connection:
            return {name: _queue(connection, f"rq:queue:{name}") for name in QUEUES}
    except redis.RedisError:
        return dict.fromkeys(QUEUES)


def _queue(connection: redis.Redis, key: str) -> dict[str, Any]:
    oldest = cast("bytes | None", connection.lindex(key, 0))
    made = cast("bytes | None", connection.hget(f"rq:job:{oldest.decode()}", "created_at")) if oldest else None
    age = (datetime.now(UTC) - datetime.fromisoformat(made.decode())).total_seconds() if made else 0.0
    return {"waiting": int(connection.llen(key)), "oldest_seconds": round(max(age, 0.0), 1)}


def _waiting(queue: dict[str, Any] | None) -> str:
    if queue is None:
        return "Redis does not answer"
    return f"{queue['waiting']} waiting, the oldest for {queue['oldest_seconds']} s"


def _webhooks_table(webhooks: dict[str, dict[str, Any]]) -> Table:
    table = Table(Column("webhooks of", overflow="fold"), *(name.replace("_", " ") for name in SHOWN_OF_WEBHOOKS))
    for id, hook in webhooks.items():
        table.add_row(
            f"{hook['grant']} {id}", *("" if hook[name] is None else str(hook[name]) for name in SHOWN_OF_WEBHOOKS)
        )
    return table


def _views_table(views: dict[str, dict[str, Any]]) -> Table:
    table = Table("view set", *(name.replace("_", " ") for name in SHOWN), "paused partitions")
    for name, view in views.items():
        paused = ", ".join(f"{partition}: {reason}" for partition, reason in view["paused"].items())
        table.add_row(name, *(str(view[column]) for column in SHOWN), paused)
    return table
