"""A household's story: who recorded what and when, on which day it happened, what changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID

from api import naming
from api.auth import of_one_bureau, principal
from api.language import told as labelled
from api.looking import viewer
from api.paging import MalformedCursor, next_link
from casework.domain import codes
from casework.domain.aggregate import Event, Recorded
from casework.domain.entries import Marks, marked
from casework.domain.events.corrections import EntryVoided, MemberFactsCorrected
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import MemberBorn, MemberFactsRecorded, MemberJoined, MemberLeft
from casework.domain.events.residence import HouseholdRegistered
from casework.domain.household import Household
from casework.domain.ids import partition_of
from casework.domain.sight import is_own, meant_by, meeting, with_voided
from casework.log.codec import Metadata
from casework.log.reading import Db, LoggedEvent
from casework.streams.disclosure import Happened
from casework.streams.history import Heard

Content = dict[str, Any]


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
    whole = with_voided(household, recorded)
    looks = viewer(db, household, whole)
    seen = [
        (happened, heard)
        for entry, item in zip(logged, recorded, strict=True)
        if entry.version > after
        and (heard := looks.heard(happened := Happened(household.id, entry, item.event))) is not None
    ]
    page = seen[:limit]
    following = str(page[-1][0].logged.version) if len(seen) > limit else None
    meant = [(happened.event, meant_by(happened.event, household)) for happened, _ in page]
    secrets = naming.sealed(db, household.id, _subjects(meant, whole), list(whole.people))
    items = [{**_item(happened, heard, secrets), **_mark(marks, happened.logged.version)} for happened, heard in page]
    return {"items": items, "next": following}, next_link(following)


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


def _item(happened: Happened, heard: Heard, secrets: Mapping[bytes, Content]) -> Content:
    household_id, entry, event = happened
    meta = entry.meta
    return {
        "version": entry.version,
        "position": f"{partition_of(household_id)}:{entry.position}",
        "event_id": meta.event_id,
        "type": entry.type,
        "label": labelled(labels()[entry.type]),
        "occurred_on": heard.occurred_on,
        "recorded_at": entry.recorded_at,
        "by": _by(meta) if heard.is_whole else {**_NOBODY, "bureau": meta.bureau},
        "source": {"system": meta.source, "ref": meta.source_ref} if meta.source and heard.is_whole else None,
        "changed": heard.changed,
        "sealed": secrets.get(getattr(event, "commitment", None) or b"", {}),
    }


def _by(meta: Metadata) -> Content:
    return {"actor": meta.actor, "role": meta.role, "bureau": meta.bureau, "unit_id": meta.unit}


_NOBODY = dict.fromkeys(("actor", "role", "bureau", "unit_id"))


PROFILES = (MemberFactsRecorded, MemberFactsCorrected, MemberJoined, MemberBorn, MemberLeft)
"""What commits to a profile, where it commits to anything."""


def _subjects(page: Iterable[tuple[Event, Event]], household: Household) -> dict[bytes, UUID]:
    """Whom the sealed remarks and evidence of some events are about; profiles are not part of a story.

    Each event stands with the entry that it is about.
    """
    subjects: dict[bytes, UUID] = {}
    for event, meant in page:
        commitment = getattr(event, "commitment", None)
        profile = isinstance(event, PROFILES)
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
