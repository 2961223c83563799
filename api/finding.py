"""Households found: lists by division and band, and search by who somebody is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_args
from uuid import UUID

from flask import Response

from api import naming
from api.auth import principal, sight
from api.fields import unit_from
from api.freshness import await_positions, meta, refuse_older
from api.giving import casework
from api.household_state import unit_name
from api.paging import next_link, place
from api.policy_choice import default_policy
from api.resource import MalformedParameters, answer
from casework.domain.household import Household
from casework.domain.policy import Policy
from casework.domain.registry import Registry, unit_id
from casework.errors import FieldError, Forbidden, Invalid
from casework.privacy.persons import Profile
from casework.privacy.search import SearchKind
from casework.projections import reading, sets
from casework.projections.reading import Filter
from casework.projections.views import HouseholdRow

Content = dict[str, Any]

MOST_MATCHES = 1000
"""A name that so many people have is no way to find one of them."""


def page(
    *,
    names: bool,
    limit: int,
    cursor: str | None = None,
    min_position: str | None = None,
    policy: str | None = None,
    **asked: Any,
) -> Response:
    """Answer one page of the list."""
    after = place(cursor)
    wanted = _filter(**asked)
    await_positions(min_position)
    registry = casework().registry(at_most_old=1)
    with reading.views_under(casework().pool, policy) as (db, view):
        found = reading.households(db, wanted, after=after, limit=limit)
        shown = sets.cutting(db)
    refuse_older(min_position, view, shown)
    with casework().pool.connection() as db:
        heads = [(row.household_id, row.head) for row in found.items if row.head] if names else []
        profiles = naming.profiles(db, heads)
    items = [_item(row, registry, profiles, view.policy) for row in found.items]
    following = str(found.next[1]) if found.next is not None else None
    content = {"items": items, "next": following, "meta": meta(shown, view.policy.version)}
    return answer(content, headers=next_link(following))


def found(*, limit: int, **asked: str) -> Content:
    """Answer who matches all that was asked, in the households of the caller's divisions."""
    if not asked:
        raise Invalid(errors=(FieldError("", "search-for-nothing", ""),))
    if not naming.may_name():
        raise Forbidden("purpose-missing")
    persons = _matching(asked)
    seen = [each for each in households_of(persons) if casework().is_within(each.community, principal().divisions)]
    with casework().pool.connection() as db:
        elsewhere = naming.elsewhere(db, [(each.id, person) for each in seen for person in each.people])
    pairs = [
        (each.id, person)
        for each in seen
        for person in each.people
        if person in persons
        and each.people[person].was_here
        and (each.id, person) not in elsewhere
        and not each.people[person].is_erased
    ]
    with casework().pool.connection() as db:
        profiles = naming.profiles(db, pairs[:limit])
    registry = casework().registry(at_most_old=1)
    folded = {each.id: each for each in seen}
    items = [_match(folded[home], person, registry, profiles) for home, person in pairs[:limit]]
    return {"items": items, "more": len(pairs) > limit}


def _filter(
    unit: str | None = None,
    status: str | None = None,
    band: str | None = None,
    level: str | None = None,
    level_band: str | None = None,
) -> Filter:
    """What a list shows: never more than the caller's divisions."""
    if (level is None) != (level_band is None):
        raise MalformedParameters(errors=(FieldError("/level", "level-and-band", ""),))
    _check_filter(band, level)
    if band is not None and level_band is not None:
        raise MalformedParameters(errors=(FieldError("/level_band", "level-and-band", ""),))
    registry = casework().registry(at_most_old=1)
    return Filter(communities_seen(registry, unit), status, level_band or band, level)


def _check_filter(band: str | None, level: str | None) -> None:
    """Refuse a filter by a score that the caller does not see."""
    policy = default_policy(casework().registry(at_most_old=1), casework().today)
    hidden = {each.code for each in policy.levels if not sight().level(each)}
    if level in hidden or (band is not None and not sight().overall(policy)):
        raise Forbidden("score-restricted")


def communities_seen(registry: Registry, unit: str | None) -> Sequence[UUID] | None:
    """Return the communities that a list of the caller's is of, in a unit where one is named; None: the whole city."""
    day, allowed = casework().today, None
    if principal().divisions:
        allowed = _below(registry, frozenset(unit_id(code) for code in principal().divisions), day)
    if unit is None:
        return None if allowed is None else sorted(allowed)
    asked = _below(registry, frozenset({unit_from(unit)}), day)
    return sorted(asked if allowed is None else asked & allowed)


@lru_cache(32)
def _below(registry: Registry, units: frozenset[UUID], day: Any) -> frozenset[UUID]:
    """The communities under some units on a day, by this registry, which never changes once it is read."""
    return frozenset(found for unit in units for found in registry.subtree(unit, day))


def _item(row: HouseholdRow, registry: Registry, profiles: Mapping[UUID, Profile], policy: Policy) -> Content:
    head = profiles.get(row.head) if row.head is not None else None
    levels = zip(policy.levels, row.scores or (), row.bands or (), strict=False)
    overall = sight().overall(policy)
    return {
        "id": row.household_id,
        "version": row.version,
        "status": row.status,
        "community": {
            "code": row.community_code,
            "id": row.community_id,
            "name": unit_name(registry, row.community_id),
        },
        "arrived_on": row.arrived_on,
        "closed_on": row.closed_on,
        "head": row.head,
        "head_name": head.name if head is not None else None,
        "members": row.members,
        "children": row.children,
        "settled": row.settled,
        "score": _points(row.score) if overall else None,
        "band": row.band if overall else None,
        "levels": [
            {"level": level.code, "score": _points(score), "band": band}
            for level, score, band in levels
            if sight().level(level)
        ],
        "stale": row.stale,
    }


def _points(score: int | None) -> float | None:
    return None if score is None else score / 100


def _matching(asked: Mapping[str, str]) -> set[UUID]:
    """The people who match every field that was asked."""
    hashes = casework().persons.hashes
    kinds: tuple[SearchKind, ...] = get_args(SearchKind)
    with casework().pool.connection() as db:
        matches = [set(hashes.lookup(db, kind, asked[kind])) for kind in kinds if kind in asked]
    people = set.intersection(*matches)
    if len(people) > MOST_MATCHES:
        raise Invalid("search-too-wide")
    return people


def households_of(persons: Iterable[UUID]) -> list[Household]:
    """The households of some people: by who is active where, which is true at once, and by the views for the others."""
    people = list(persons)
    if not people:
        return []
    with reading.live_views(casework().pool) as (db, _):
        ids = set(casework().persons.holders(db, people).values())
        ids |= {row.household_id for row in reading.with_persons(db, people, limit=MOST_MATCHES)}
    return [casework().household(household_id) for household_id in sorted(ids)]


def _match(home: Household, person_id: UUID, registry: Registry, profiles: Mapping[UUID, Profile]) -> Content:
    profile = profiles.get(person_id)
    person = home.people[person_id]
    return {
        "household_id": home.id,
        "version": home.version,
        "community": {
            "code": home.community,
            "id": unit_id(home.community),
            "name": unit_name(registry, unit_id(home.community)),
        },
        "open": home.closed_on is None,
        "person_id": person_id,
        "member": person.current is not None and home.closed_on is None,
        "relation": person.relation,
        "profile": naming.shown(profile) if profile is not None else None,
    }
