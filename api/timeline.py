"""A household's story: who recorded what and when, on which day it happened, what changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID

import msgspec

from api import naming
from api.auth import Sight, is_own, meeting, of_one_bureau, principal, sight
from api.household_state import plain_facts
from api.language import told as labelled
from api.paging import MalformedCursor, next_link
from casework.domain import codes
from casework.domain.aggregate import Event, Recorded
from casework.domain.entries import Marks, marked
from casework.domain.events import (
    EntryVoided,
    HouseholdEvent,
    HouseholdRegistered,
    IntegrationSurveyRecorded,
    MemberBorn,
    MemberFactsCorrected,
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
    """What each type of event is called, and how one is marked that no longer stands as it was told."""

    events: dict[str, codes.Label]
    marks: dict[str, codes.Label]


@cache
def _texts() -> EventLabels:
    return codes.read_data("event_labels.json", EventLabels)


def labels() -> Mapping[str, codes.Label]:
    """Return the names of event types."""
    return _texts().events


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
    marks = marked(household)
    whole = _with_voided(household, recorded)
    seen = [
        (entry, item.event)
        for entry, item in zip(logged, recorded, strict=True)
        if entry.version > after and _is_seen(_meant(item.event, household), whole, sight())
    ]
    page = seen[:limit]
    following = str(page[-1][0].version) if len(seen) > limit else None
    meant = [(event, _meant(event, household)) for _, event in page]
    secrets = naming.sealed(db, household.id, _subjects(meant, whole), list(whole.people))
    items = [{**_item(whole, entry, event, secrets), **_mark(marks, entry.version)} for entry, event in page]
    return {"items": items, "next": following}, next_link(following)


def _with_voided(household: Household, recorded: Sequence[Recorded]) -> Household:
    """The household with its voided entries, of which the story tells all the same."""
    if not household.voided_entries:
        return household
    told_once = (item for item in recorded if not isinstance(item.event, EntryVoided))
    return Household.fold(None, told_once) or household


def _meant(event: Event, household: Household) -> Event:
    """The entry that an event is about: of one that voids another, that other."""
    return household.entry(event.voids) if isinstance(event, EntryVoided) else event


def _mark(marks: Marks, version: int) -> Content:
    voided_by, corrected_by = marks.voided.get(version), marks.corrected.get(version, [])
    said = [("voided", voided_by)] if voided_by else [("corrected", each) for each in corrected_by]
    sentences = [labelled(_texts().marks[name]).format(entry=entry) for name, entry in said]
    return {
        "voided": voided_by is not None,
        "voided_by": voided_by,
        "corrected_by": corrected_by,
        "mark": "; ".join(sentences) or None,
    }


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
        if isinstance(event, MemberFactsCorrected) and name == "changes":
            value = tuple(change for change in value if sight().fact(change.path.partition(".")[0]))
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
    if isinstance(event, IntegrationSurveyRecorded) and not sight.surveys:
        return False
    if service is not None and not sight.service(service):
        return False
    if episode is not None and not sight.service(episode.service):
        return False
    if isinstance(event, MemberFactsRecorded) and event.commitment is None and not plain_facts(event.facts, sight):
        return False
    if isinstance(event, MemberFactsCorrected):
        return any(sight.fact(change.path.partition(".")[0]) for change in event.changes)
    return need is None or sight.need(need.need)


def _subjects(page: Iterable[tuple[Event, Event]], household: Household) -> dict[bytes, UUID]:
    """Whom the sealed remarks and evidence of some events are about; profiles are not part of a story.

    Each event stands with the entry that it is about.
    """
    subjects: dict[bytes, UUID] = {}
    for event, meant in page:
        commitment = getattr(event, "commitment", None)
        profile = isinstance(event, MemberFactsRecorded | MemberFactsCorrected | MemberJoined | MemberBorn)
        if commitment is None or profile or not _is_own(meant, household):
            continue
        of_void = isinstance(event, EntryVoided) and household.told_of(cast("HouseholdEvent", meant))
        subjects[commitment] = of_void[0] if of_void else _subject(meant, household)
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
