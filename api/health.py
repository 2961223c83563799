"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

from typing import Any

import psycopg
import redis
from flask import Blueprint, Response, current_app

from api.giving import casework
from api.resource import answer
from casework.config import Settings
from casework.errors import CaseworkError, Unavailable
from casework.projections import reading
from casework.wake import connect

bp = Blueprint("health", __name__)

Content = dict[str, Any]


@bp.get("/healthz")
def alive() -> Response:
    """Say that the process answers."""
    return answer({"status": "ok"})


@bp.get("/readyz")
def ready() -> Response:
    """Say whether the database answers, which all depends on, and its vault may be read; how Redis and the views are.

    A vault that lacks erasures of the ledger is an older one: nobody is to read it before they are applied again.
    """
    database, views = _views()
    vault = database and _vault()
    content = {
        "status": "ok" if vault else "unavailable",
        "database": database,
        "vault": vault,
        "redis": _redis(),
        "views": views,
    }
    return answer(content, 200 if vault else 503, {} if vault else {"Retry-After": "1"})


def _vault() -> bool:
    """Whether the vault has every erasure of the ledger; a machine that the ledger does not reach cannot tell."""
    ledger = casework().ledger
    if ledger is None or not ledger.file.exists():
        return True
    try:
        with casework().pool.connection() as db:
            ledger.check(db)
    except Unavailable:  # somebody writes to it just now
        return True
    except (CaseworkError, psycopg.Error):
        return False
    return True


def _views() -> tuple[bool, list[Content]]:
    """Whether the database answers, and how far behind each view set is."""
    try:
        found = reading.status(casework().pool)
    except (CaseworkError, psycopg.Error):
        return False, []
    return True, [
        {
            "name": name,
            "behind": sum(row.lag for row in rows),
            "registry_behind": max((row.registry_lag for row in rows), default=0),
            "parked": sum(row.parked for row in rows),
            "paused": sum(row.paused is not None for row in rows),
        }
        for name, rows in found.items()
    ]


def _redis() -> bool:
    """Redis only wakes: without it everything goes on, a little later."""
    settings: Settings = current_app.extensions["settings"]
    if not settings.redis_url:
        return False
    client = connect(settings.redis_url)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
