"""Take back what an import did: each row's events are answered by the command that undoes them, where nothing since
rests on them.

What a row found there already is left alone, and nothing leaves the log. The reference of a row that was undone is free
again. What somebody voided by hand is not undone here, and its reference stays used up: what a person said of that one
entry stands. The file is not needed: the log knows what was carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec

from casework.application import Casework
from casework.bulk import files, rows
from casework.bulk.files import ImportFile, RowIds
from casework.bulk.rows import Command, Progress, Verdict, count
from casework.domain.aggregate import Event
from casework.domain.events.corrections import EntryVoided, ServiceVoided
from casework.domain.events.livelihood import EmploymentStarted
from casework.domain.events.membership import MemberJoined
from casework.domain.events.residence import HouseholdRegistered
from casework.domain.events.services import ServiceDelivered, ServiceRequested
from casework.errors import CaseworkError, NotFound, Refused, Unavailable
from casework.faults import fault
from casework.log import reading
from casework.log.codec import EventCodec
from casework.log.reading import LoggedEvent
from casework.outcome import Context
from casework.projections import jobs

STAGE = "undone"
FROM = ("committing", "committed", "undoing", "undone")
HOUSEHOLDS_AT_ONCE = 200
_codec = EventCodec()


def run(casework: Casework, id: UUID, progress: Progress) -> dict[str, Any]:
    """Undo what an import carried out so far; return how many rows were undone, and how many could not be.

    Done again, also after an undoing that was cut off, it tries again those that could not be.
    """
    with casework.pool.connection() as db:
        file = files.find(db, id)
    if file is None:
        raise NotFound
    return _undo_all(casework, file, progress)


def take_back(casework: Casework, file: ImportFile, progress: Progress) -> bool:
    """Undo all that was carried out of an import that was to be carried out whole; return whether something stays.

    It goes on to its end also where the job is not wanted any more. The rows that were refused keep their errors.
    """

    def told(done: int, total: int) -> None:
        with suppress(jobs.Cancelled):
            progress(done, total)

    _undo_all(casework, file, told)
    with casework.pool.connection() as db:
        refused = {verdict.row for verdict in files.verdicts(db, file.id, "committed") if verdict.code}
        return any(verdict.code and verdict.row not in refused for verdict in files.verdicts(db, file.id, STAGE))


def _undo_all(casework: Casework, file: ImportFile, progress: Progress) -> dict[str, Any]:
    with casework.pool.connection() as db:
        files.begin(db, file.id, "undoing", of=FROM)
        sizes, settled = files.sizes(db, file.id), files.settled(db, file.id, STAGE)
    total, so_far = sum(sizes.values()), sum(size for each, size in sizes.items() if each in settled)
    for partition in sorted(set(sizes) - settled):
        verdicts = _refused(casework, file, partition)
        for number, verdict in enumerate(_undone(casework, file, partition)):
            verdicts.append(verdict)
            if number % 50 == 0:
                progress(so_far + number, total)
        so_far += sizes[partition]
        with casework.pool.connection() as db:
            files.keep_verdicts(db, file.id, partition, STAGE, verdicts)
        fault("import-rows-undone")
        progress(so_far, total)
    with casework.pool.connection() as db:
        counted = count(files.verdicts(db, file.id, STAGE))
        files.move_on(db, file.id, STAGE, counted, of=("undoing", "undone"))
    return counted


def _refused(casework: Casework, file: ImportFile, partition: int) -> list[Verdict]:
    """The rows for which an import that was to be carried out whole is undone."""
    if file.atomic != "all":
        return []
    with casework.pool.connection() as db:
        return [verdict for verdict in files.verdicts_of(db, file.id, "committed", partition) if verdict.code]


def _undone(casework: Casework, file: ImportFile, partition: int) -> Iterator[Verdict]:
    """Undo one partition's rows, the last one first, since earlier ones can be what it rests on."""
    for row in sorted(_carried_out(casework, file, partition), key=lambda row: -row.number):
        try:
            verdict = _undo(casework, file, row)
        except Unavailable:
            raise
        except CaseworkError as error:
            verdict = rows.refused(row.number, error)
        if verdict is not None:
            yield verdict


def _carried_out(casework: Casework, file: ImportFile, partition: int) -> list[RowIds]:
    """The rows whose commands are in the log, whoever gave them."""
    with casework.pool.connection() as db:
        asked = files.row_ids(db, file.id, partition)
    asked.sort(key=attrgetter("household_id"))
    found: list[RowIds] = []
    for household_ids in _several(dict.fromkeys(row.household_id for row in asked)):
        metas: dict[UUID, list[bytes]] = {}
        with casework.pool.connection() as db:
            for stream_id, *_, meta in reading.streams_and_metas(db, partition, household_ids):
                metas.setdefault(stream_id, []).append(meta)
        told = {household_id: b" ".join(each) for household_id, each in metas.items()}
        found += [row for row in asked if str(row.command_id).encode() in told.get(row.household_id, b"")]
    return found


def _several(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    left = iter(ids)
    while some := list(islice(left, HOUSEHOLDS_AT_ONCE)):
        yield some


def _undo(casework: Casework, file: ImportFile, row: RowIds) -> Verdict | None:
    """Undo a row's events; ``unchanged`` where somebody has by hand, None where another import brought them."""
    context = msgspec.structs.replace(
        file.context(),
        source=None,
        undoes=row.command_id,
        command_id=casework.persons.hashes.command_id("undo", str(file.id), str(row.number)),
        body_hash=casework.persons.hashes.body_hash("undo", str(row.number).encode()),
    )
    with casework.pool.connection() as db:
        story = reading.timeline(db, row.household_id)
    mine = [each for each in story if each.meta.command_id == row.command_id]
    if not mine or mine[0].meta.correlation_id != file.id:
        return None
    if any(each.meta.command_id == context.command_id for each in story):
        return Verdict(row.number, "done")
    standing = _standing([each for each in story if each.version >= mine[0].version])
    given = {each.version: standing.pop(each.version) for each in mine if each.version in standing}
    if not given:
        return Verdict(row.number, "unchanged")
    undoing = _command(casework, row.household_id, context, given, list(standing.values()))
    undoing(casework)
    return Verdict(row.number, "done")


def _command(
    casework: Casework, household_id: UUID, context: Context, given: Mapping[int, Event], later: Sequence[Event]
) -> Command:
    """Return the command that undoes a row's events, by version; Refused where later events rest on them.

    Whether something rests on a member or an employment is for the domain to say, which replays the story without.
    """
    today = casework.today
    for version, event in given.items():
        match event:
            case HouseholdRegistered():
                _refuse_if_any(later)
                return lambda casework: casework.close_household(
                    household_id, context, closed_on=today, reason="registered_in_error"
                )
            case MemberJoined() | EmploymentStarted():
                return lambda casework: casework.void_entry(
                    household_id, context, voids=version, voided_on=today, reason="never_happened"
                )
            case ServiceRequested(episode_id=episode_id) | ServiceDelivered(episode_id=episode_id):
                _refuse_if_any([each for each in later if getattr(each, "episode_id", None) == episode_id])
                return lambda casework: casework.give(
                    household_id,
                    "void_service",
                    context,
                    episode_id=episode_id,
                    voided_on=today,
                    reason="never_happened",
                )
    raise Refused("undo-prolonged")


def _standing(logged: Sequence[LoggedEvent]) -> dict[int, Event]:
    """The events that still count, by version: neither voided, nor of an episode that was."""
    events = {each.version: _codec.decode(each.type, each.state) for each in logged}
    voided = {event.voids for event in events.values() if isinstance(event, EntryVoided)}
    gone = {event.episode_id for event in events.values() if isinstance(event, ServiceVoided)}
    counting = (each for each in events.items() if each[0] not in voided and not isinstance(each[1], EntryVoided))
    return {version: event for version, event in counting if getattr(event, "episode_id", None) not in gone}


def _refuse_if_any(later: Sequence[Event]) -> None:
    if later:
        raise Refused("undo-later-facts")
