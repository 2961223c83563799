"""A household's story: who recorded what and when, on which day it happened, what changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import msgspec

from api import naming
from api.auth import Sight, is_own, meeting, of_one_bureau, principal, sight
from api.household_state import plain_facts
from api.language import told as labelled
from api.paging import MalformedCursor, next_link
from casework.domain import codes
from casework.domain.aggregate import Event, Recorded
from casework.domain.events import (
    HouseholdRegistered,
    MemberBorn,
    MemberFactsRecorded,
    MemberJoined,
    NewMember,
    ReturnedMember,
)
from casework.domain.household import Household
from casework.domain.ids import partition_of
from casework.domain.state import MemberFacts
from casework.log.reading import Db, LoggedEvent

Content = dict[str, Any]

HIDDEN = {"occurred_on", "commitment", "carried"}
"""Told elsewhere, meaningless to readers, or the whole of another story."""


OF_RECORDS = {"ended_episodes", "episodes", "records", "duplicates"}
"""Fields that name services and needs, each of which may be restricted."""


class EventLabels(codes.Row, frozen=True):
    """What each type of event is called."""

    events: dict[str, codes.Label]


@cache
def labels() -> Mapping[str, codes.Label]:
    """Return the names of event types."""
    return codes.read_data("event_labels.json", EventLabels).events


def after(cursor: str | None) -> int:
    """Return the version after which a page begins."""
    if cursor is not None and not re.fullmatch("[0-9]{1,9}", cursor, re.ASCII):
        raise MalformedCursor
    return int(cursor or 0)


def told(
    db: Db,
    household: Household,
    logged: Sequence[LoggedEvent],
    recorded: Sequence[Recorded],
    after: int,
    limit: int,
) -> tuple[Content, dict[str, str]]:
    """Return one page of the story as the caller may see it, and the link to the next."""
    seen = [
        (entry, item.event)
        for entry, item in zip(logged, recorded, strict=True)
        if entry.version > after and _is_seen(item.event, household, sight())
    ]
    page = seen[:limit]
    following = str(page[-1][0].version) if len(seen) > limit else None
    secrets = naming.sealed(db, household.id, _subjects(page, household), list(household.people))
    items = [_item(household, entry, event, secrets) for entry, event in page]
    return {"items": items, "next": following}, next_link(following)


def _item(household: Household, entry: LoggedEvent, event: Event, secrets: Mapping[bytes, Content]) -> Content:
    meta = entry.meta
    return {
        "version": entry.version,
        "position": f"{partition_of(household.id)}:{entry.position}",
        "event_id": meta.event_id,
        "type": entry.type,
        "label": labelled(labels()[entry.type]),
        "occurred_on": getattr(event, "occurred_on", None),
        "recorded_at": entry.recorded_at,
        "by": {"actor": meta.actor, "role": meta.role, "bureau": meta.bureau, "unit_id": meta.unit},
        "source": {"system": meta.source, "ref": meta.source_ref} if meta.source else None,
        "changed": _changed(event, household),
        "sealed": secrets.get(getattr(event, "commitment", None) or b"", {}),
    }


def _changed(event: Event, household: Household) -> Content:
    """What an event says, without what is restricted for the caller: facts of people, services that ended with it."""
    plain: Content = {}
    for name, field in zip(event.__struct_fields__, event.__struct_encode_fields__, strict=True):
        value = getattr(event, name)
        if name in OF_RECORDS:
            value = tuple(id for id in value if _sees_record(household, id))
        if name not in HIDDEN and value not in (None, (), {}):
            plain[field] = _plain(value)
    return plain


def _sees_record(household: Household, record_id: UUID) -> bool:
    """Whether the caller may know of a service or need that an event names among others."""
    episode, need = household.episodes.get(record_id), household.needs.get(record_id)
    if episode is not None:
        return sight().service(episode.service)
    return need is None or sight().need(need.need)


def _plain(value: Any) -> Any:
    if isinstance(value, ReturnedMember):
        return _plain(value.member)
    if isinstance(value, NewMember):
        told_of = {name: getattr(value, name) for name in value.__struct_fields__ if name not in HIDDEN}
        return {name: _plain(each) for name, each in told_of.items() if each is not None}
    if isinstance(value, MemberFacts):
        return plain_facts(value, sight())
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return msgspec.to_builtins(value)


def _is_seen(event: Event, household: Household, sight: Sight) -> bool:
    """Whether the caller may know of this event at all."""
    service = getattr(event, "service", None)
    episode = household.episodes.get(getattr(event, "episode_id", None) or UUID(int=0))
    need = household.needs.get(getattr(event, "need_id", None) or UUID(int=0))
    if service is not None and not sight.service(service):
        return False
    if episode is not None and not sight.service(episode.service):
        return False
    if isinstance(event, MemberFactsRecorded) and event.commitment is None and not plain_facts(event.facts, sight):
        return False
    return need is None or sight.need(need.need)


def _subjects(page: Iterable[tuple[LoggedEvent, Event]], household: Household) -> dict[bytes, UUID]:
    """Whom the sealed remarks and evidence of some events are about; profiles are not part of a story."""
    subjects: dict[bytes, UUID] = {}
    for _, event in page:
        commitment = getattr(event, "commitment", None)
        profile = isinstance(event, MemberFactsRecorded | MemberJoined | MemberBorn)
        if commitment is not None and not profile and _is_own(event, household):
            subjects[commitment] = _subject(event, household)
    return subjects


def _is_own(event: Event, household: Household) -> bool:
    """Whether what is sealed beside an event is for the caller: a bureau reads of its own services and needs alone."""
    if not of_one_bureau():
        return True
    bureau = principal().bureau
    need = household.needs.get(getattr(event, "need_id", None) or UUID(int=0))
    episode = household.episodes.get(getattr(event, "episode_id", None) or UUID(int=0))
    services = meeting(need.need) if need is not None else (episode.service,) if episode is not None else ()
    return any(is_own(bureau, service) for service in services)


def _subject(event: Event, household: Household) -> UUID:
    if isinstance(event, HouseholdRegistered):
        return household.id
    episode = household.episodes.get(getattr(event, "episode_id", None) or UUID(int=0))
    person = getattr(event, "person_id", None) or (episode.person_id if episode is not None else None)
    return person or household.id
