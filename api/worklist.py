"""Worklists: what is due to whom, in the caller's divisions and for the caller's bureau."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response

from api import naming
from api.auth import REVIEWERS, RIGHTS, principal, sight
from api.fields import POSITIONS, UNIT_CODE, Code, Day, Query, QueryFlag, QueryWhole, Text
from api.finding import communities_seen
from api.freshness import await_positions, meta
from api.giving import casework
from api.household_state import unit_name
from api.language import told
from api.paging import MalformedCursor, next_link
from api.resource import Fields, Resource, answer
from api.schemas import described
from api.worklist_schemas import WorkCounts, WorkPage
from casework.domain import catalogue, codes, work_items
from casework.domain.ids import REGISTRY, partition_of
from casework.domain.registry import Registry
from casework.errors import Unavailable
from casework.log.reading import Db
from casework.privacy.persons import Profile
from casework.projections import reading, sets, worklists
from casework.projections.sets import ViewSet
from casework.projections.worklists import Counted, Filter, Place, WorkItem

bp = Resource("worklist", __name__, description=__doc__)

Content = dict[str, Any]

KINDS = tuple(kind.code for kind in work_items.settings().kinds)
LABELS = {kind.code: kind.label for kind in work_items.settings().kinds}
TELLS_PREGNANCY = "HLT-MAT"


class Asked(Query):
    """Filters; without any, all that the caller sees."""

    kind = Code(KINDS)
    area = Code("areas")
    bureau = Code([bureau.code for bureau in codes.bureaus()], **described("The bureau that leads."))
    community = Text(64, pattern=UNIT_CODE, **described("A community, or any division above it, by code or id."))
    overdue = QueryFlag(**described("Only what is overdue, or only what is not."))
    as_of = Day(**described("The day for which `overdue` is told; default: today."))
    min_position = Text(200, pattern=POSITIONS, **described("Wait until this is taken in."))


class AskedPage(Asked):
    """Filters and the page; without filters, all that the caller sees."""

    names = QueryFlag(load_default=True, **described("Whether persons are named; each naming is recorded."))
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Text(200)


@bp.reading("/worklist", AskedPage, WorkPage)
def list_items(asked: Fields) -> Response:
    """List what is due, page by page, what is due first coming first.

    Services due by age or need that nobody was offered, what runs out, requests and referrals that wait, places for
    the next school year, households that cannot be computed; to reviewers also who is probably in two files, an item
    for each household, and who asked to be erased. The list comes from views, which follow the log within moments and
    the date every day; `meta.as_of` is their date. What reviewers decided of two people is gone at once.
    """
    after, limit, names = _place(asked.pop("cursor", None)), asked.pop("limit"), asked.pop("names")
    min_position, wanted = asked.pop("min_position", None), _filter(**asked)
    with _views(min_position) as (db, view):
        page, shown = worklists.page(db, wanted, after=after, limit=limit), sets.cutting(db)
    pairs = [(item.household_id, item.person_id) for item in page.items if item.person_id is not None]
    with casework().pool.connection() as db:
        profiles = naming.profiles(db, pairs) if names else {}
    registry = casework().registry(at_most_old=1)
    following = _cursor(page.next) if page.next is not None else None
    content = {
        "items": [_shown(item, wanted.as_of, registry, profiles) for item in page.items],
        "next": following,
        "as_of": wanted.as_of,
        "meta": meta(shown, view.policy.version),
    }
    return answer(content, headers=next_link(following))


@bp.reading("/worklist/counts", Asked, WorkCounts)
def count_items(asked: Fields) -> Content:
    """Count what is due by kind, area and bureau: what the list would show under the same filters."""
    min_position, wanted = asked.pop("min_position", None), _filter(**asked)
    with _views(min_position) as (db, view):
        found, shown = worklists.counts(db, wanted), sets.cutting(db)
    return {
        "items": [_counted(each) for each in found],
        "count": sum([each.items for each in found]),
        "overdue": sum([each.overdue for each in found]),
        "as_of": wanted.as_of,
        "meta": meta(shown, view.policy.version),
    }


def _counted(each: Counted) -> Content:
    return {
        "kind": each.kind,
        "label": told(LABELS[each.kind]),
        "area": each.area,
        "bureau": each.bureau,
        "count": each.items,
        "overdue": each.overdue,
    }


@contextmanager
def _views(min_position: str | None) -> Iterator[tuple[Db, ViewSet]]:
    """One moment of the live set; one that an older program made has no worklists."""
    await_positions(min_position)
    with reading.live_views(casework().pool) as (db, view):
        if not view.is_ours:
            raise Unavailable("views-being-filled", retry_after=10)
        yield db, view


def _filter(
    kind: str | None = None,
    area: str | None = None,
    bureau: str | None = None,
    community: str | None = None,
    overdue: bool | None = None,
    as_of: date | None = None,
) -> Filter:
    """What was asked for, and no more than the caller sees: by division, by bureau, by what is restricted."""
    seen, registry = sight(), casework().registry(at_most_old=1)
    is_bureau = seen.role == "bureau"
    return Filter(
        as_of=as_of or casework().today,
        communities=communities_seen(registry, community),
        kind=kind,
        area=area,
        bureau=bureau,
        overdue=overdue,
        hidden=[code for code in catalogue.services() if not _is_seen(code)],
        of_bureau=principal().bureau if is_bureau else None,
        parked=not is_bureau,
        duplicates=seen.role in REVIEWERS,
        erasures=seen.role in RIGHTS["privacy.erase"],
    )


def _is_seen(service: str) -> bool:
    """Whether the caller sees that a service is due to somebody (RULES G10)."""
    return sight().service(service) and (service != TELLS_PREGNANCY or sight().fact("pregnancy"))


def _shown(item: WorkItem, as_of: date, registry: Registry, profiles: dict[UUID, Profile]) -> Content:
    why = work_items.reasons()[item.why]
    profile = profiles.get(item.person_id) if item.person_id is not None else None
    unit = registry.units.get(item.community_id) if item.community_id is not None else None
    return {
        "household_id": item.household_id,
        "community": {
            "id": item.community_id,
            "code": unit.registered.code if unit is not None and unit.registered is not None else None,
            "name": unit_name(registry, item.community_id),
        },
        "kind": item.kind,
        "label": told(LABELS[item.kind]),
        "why": item.why,
        "reason": told(why.label),
        "services": [{"code": code, "label": told(catalogue.services()[code].label)} for code in item.services],
        "any_of_them": why.any,
        "area": item.area,
        "bureau": item.bureau,
        "person_id": item.person_id,
        "person_name": profile.name if profile is not None else None,
        "record_id": item.record_id,
        "due_on": item.due_on,
        "overdue": item.due_on < as_of,
        "closes": item.closes,
    }


def _cursor(place: Place) -> str:
    return f"{place.due_on.isoformat()}.{place.household_id}.{place.place}"


def _place(cursor: str | None) -> Place | None:
    """The item after which a page begins."""
    if cursor is None:
        return None
    try:
        due_on, household_id, place = cursor.split(".")
        found = Place(date.fromisoformat(due_on), UUID(household_id), int(place))
    except ValueError:
        raise MalformedCursor from None
    if partition_of(found.household_id) == REGISTRY or _cursor(found) != cursor or not 0 <= found.place < 1 << 15:
        raise MalformedCursor
    return found
