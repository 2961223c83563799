"""A selection round beside others of the same year: under a draft policy, and as became known since its freeze."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from flask import Response, g
from marshmallow import fields

from api.auth import principal
from api.comparison_schemas import AppealAnswer, ComparisonAsked, ResponsibleEvents, WhatIfAnswer
from api.fields import Body, Instant, Query, QueryWhole, Text
from api.giving import casework
from api.paging import MalformedCursor, next_link
from api.resource import Fields, Resource, answer
from api.round_pages import named_unit
from api.rounds import KIND, ROUND
from api.schemas import described
from api.unit_entries import found
from casework.domain.ids import REGISTRY
from casework.domain.policy import parse_draft
from casework.domain.rounds.round import Round
from casework.errors import Invalid, NotFound
from casework.projections import jobs
from casework.projections.jobs import Job
from casework.selection import kept
from casework.selection.appealing import check_appeal
from casework.selection.freezing import frozen_of
from casework.selection.kept import BEFORE_ALL
from casework.selection.responsible import Responsible

bp = Resource("comparisons", __name__, description=__doc__)

Content = dict[str, Any]

WHAT_IF, APPEAL = "try_policy", "appeal_round"
"""The kinds of jobs."""

NAMES_HOUSEHOLDS = frozenset({"auditor"})
"""Who reads households besides those who work on them; the selection office reads none."""

_AT = re.compile(r"\$[A-Za-z0-9_.\[\]]*")


class WhatIf(Body):
    """A draft policy is tried."""

    policy = fields.Dict(
        required=True, **described("The whole draft, as a policy's file has it, under a version that is not published.")
    )


class Appeal(Body):
    """A round is looked at again."""

    known_at = Instant(**described("An instant after the freeze; default: now."))


class ReadMoved(Query):
    """Filters of those who stand otherwise."""

    kind = Text(80, pattern=KIND)
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(9, pattern="[0-9]{1,9}")


class ReadEvents(Query):
    """A page of events."""

    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(22, pattern="[0-9]{1,2}:[0-9]{1,18}")


@bp.asking(f"{ROUND}/what-ifs", WhatIf, ComparisonAsked)
def ask_what_if(asked: Fields, year: int) -> Response:
    """Ask who would stand otherwise under a draft policy, by the frozen figures; nothing of the round is changed.

    The draft may have other weights, goals, quotas, sizes and active kinds. The panel's scores are those that are open.
    """
    opened = casework().round(year)
    frozen_of(opened)
    draft = msgspec.json.encode(asked["policy"])
    _check_draft(draft)
    return _asked(WHAT_IF, "what-ifs", opened, sha256(draft).hexdigest(), draft=draft.decode())


@bp.reading(f"{ROUND}/what-ifs/<uuid:comparison_id>", ReadMoved, WhatIfAnswer, later=ComparisonAsked)
def read_what_if(asked: Fields, year: int, comparison_id: UUID) -> Response:
    """Read who would stand otherwise, and why; kept for seven days."""
    job = _found(WHAT_IF, year, comparison_id)
    if job.result is None:
        return _later(job, "what-ifs", year)
    content, rows = _page(job.result, **asked)
    return answer({"id": job.id, **content, "items": [_moved(row) for row in rows]}, headers=next_link(content["next"]))


@bp.asking(f"{ROUND}/appeals", Appeal, ComparisonAsked)
def ask_appeal(asked: Fields, year: int) -> Response:
    """Ask what the figures of a round come to as known at a later instant, and which events are responsible.

    Nothing of the round is changed by it: its authorities decide, by vetoes, objections and revocations.
    """
    known_at = min(asked.get("known_at") or datetime.now(UTC), datetime.now(UTC))
    opened = casework().round(year)
    check_appeal(opened, known_at)
    return _asked(APPEAL, "appeals", opened, known_at.isoformat(), known_at=known_at.isoformat())


@bp.reading(f"{ROUND}/appeals/<uuid:comparison_id>", ReadMoved, AppealAnswer, later=ComparisonAsked)
def read_appeal(asked: Fields, year: int, comparison_id: UUID) -> Response:
    """Read who stands otherwise by what became known since the freeze, and why; kept for seven days."""
    job = _found(APPEAL, year, comparison_id)
    if job.result is None:
        return _later(job, "appeals", year)
    content, rows = _page(job.result, **asked)
    units = [UUID(row["unit"]["unit_id"]) for row in rows if row["unit"]]
    with casework().pool.connection() as db:
        counts = kept.counts(db, job.id, units)
    place = f"/v1/rounds/{year}/appeals/{job.id}/units"
    items = [{**_moved(row), "events": _events_of(row, counts, place)} for row in rows]
    return answer({"id": job.id, **content, "items": items}, headers=next_link(content["next"]))


@bp.reading(f"{ROUND}/appeals/<uuid:comparison_id>/units/<unit>/events", ReadEvents, ResponsibleEvents)
def list_events(asked: Fields, year: int, comparison_id: UUID, unit: str) -> Response:
    """List the events that a unit's figures differ by: each changed what a household adds to it, or what it is."""
    job, limit = _found(APPEAL, year, comparison_id), asked["limit"]
    unit_id = found(casework().registry(at_most_old=1), unit).id
    with casework().pool.connection() as db:
        events = kept.events(db, job.id, unit_id, _place(asked.get("cursor")), limit + 1)
    following = events[limit - 1].place if len(events) > limit else None
    content = {"items": [_event(each) for each in events[:limit]], "next": following}
    return answer(content, headers=next_link(following))


def _check_draft(draft: bytes) -> None:
    """Refuse what is no policy, by the place in it and without a word of it."""
    try:
        parse_draft(draft)
    except Invalid as error:
        at = _AT.search(error.values["reason"])
        if at is None:
            raise
        raise Invalid("draft-invalid", reason=f"see {at[0]}") from None


def _asked(kind: str, name: str, opened: Round, key: str, **what: Any) -> Response:
    """Ask for a job; the same question of a round that went on since, as to open scores, is another."""
    year = opened.begun.year
    with casework().pool.connection() as db:
        id = jobs.ask(db, kind, f"{year} {opened.version} {key}", {"year": year, "actor": principal().sub, **what})
    return _places(id, name, year)


def _places(id: UUID, name: str, year: int) -> Response:
    place = f"/v1/jobs/{id}"
    told = {"id": id, "href": place, "answer_href": f"/v1/rounds/{year}/{name}/{id}"}
    return answer(told, 202, {"Location": place, "Retry-After": "1"})


def _later(job: Job, name: str, year: int) -> Response:
    """Say that the answer is yet to come; where none will, there is nothing here, and the job says why."""
    if job.state in jobs.UNFINISHED:
        raise NotFound
    return _places(job.id, name, year)


def _found(kind: str, year: int, id: UUID) -> Job:
    with casework().pool.connection() as db:
        job = jobs.find(db, id)
    if job is None or job.kind != kind or job.asked["year"] != year:
        raise NotFound
    return job


def _page(
    result: Content, *, limit: int, kind: str | None = None, cursor: str | None = None
) -> tuple[Content, Sequence[Content]]:
    """All but who stands otherwise, and a page of these."""
    wanted = [row for row in result["moved"] if kind in (None, row["kind"])]
    begin = int(cursor) if cursor is not None else 0
    following = str(begin + limit) if begin + limit < len(wanted) else None
    head = {name: value for name, value in result.items() if name != "moved"}
    return {**head, "next": following}, wanted[begin : begin + limit]


def _moved(row: Content) -> Content:
    registry = casework().registry(at_most_old=1)
    unit = named_unit(registry, UUID(row["unit"]["unit_id"])) if row["unit"] else None
    return {"rules": [], **row, "unit": unit, "before": _standing(row["before"]), "after": _standing(row["after"])}


def _standing(row: Content | None) -> Content | None:
    """A standing with its scores out of 100."""
    if row is None:
        return None
    scores = {name: _points(row[name]) for name in ("metric", "final")}
    several = {name: {code: _points(score) for code, score in row[name].items()} for name in ("parts", "levels")}
    return {**row, **scores, **several}


def _points(score: int | None) -> float | None:
    return None if score is None else score / 100


def _events_of(row: Content, counts: dict[UUID, int], place: str) -> Content | None:
    if row["unit"] is None:
        return None
    unit = UUID(row["unit"]["unit_id"])
    return {"count": counts.get(unit, 0), "href": f"{place}/{unit}/events"}


def _event(each: Responsible) -> Content:
    return {
        "position": each.place,
        "type": each.type,
        "recorded_at": each.recorded_at,
        "occurred_on": each.occurred_on,
        "household_id": each.household if g.role in NAMES_HOUSEHOLDS else None,
        "changed": each.changed,
    }


def _place(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return BEFORE_ALL
    partition, _, position = cursor.partition(":")
    if int(partition) > REGISTRY:
        raise MalformedCursor
    return int(partition), int(position)
