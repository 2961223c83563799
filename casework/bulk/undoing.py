"""Take back what an import did: each row's events are answered by the command that undoes them, where nothing since
rests on them.

What a row found there already is left alone, and nothing leaves the log. A reference is used up all the same: a row
that is to count after all comes under another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from casework.application import Casework
from casework.bulk import files, rows
from casework.bulk.files import ImportFile
from casework.bulk.importing import Progress, context_of, count, layout_of
from casework.bulk.rows import Command, Verdict
from casework.domain.aggregate import Event
from casework.domain.events import (
    EmploymentStarted,
    HouseholdRegistered,
    MemberJoined,
    ServiceDelivered,
    ServiceRequested,
)
from casework.errors import CaseworkError, NotFound, Refused, Unavailable
from casework.log import reading
from casework.log.codec import EventCodec
from casework.log.reading import LoggedEvent
from casework.outcome import Context

STAGE = "undone"
_codec = EventCodec()


def run(casework: Casework, id: UUID, progress: Progress) -> dict[str, Any]:
    """Undo a committed import; return how many rows were undone, and how many could not be."""
    with casework.pool.connection() as db:
        file = files.find(db, id)
        if file is None:
            raise NotFound
        if file.state not in ("committed", STAGE):
            raise Refused("import-state")
        done = {verdict.row for verdict in files.verdicts(db, id, "committed") if verdict.status == "done"}
        sizes, judged = files.sizes(db, id), files.judged(db, id, STAGE)
    total, so_far = sum(sizes.values()), sum(size for each, size in sizes.items() if each in judged)
    for partition in sorted(set(sizes) - judged):
        verdicts = []
        for number, verdict in enumerate(_undone(casework, file, partition, done)):
            verdicts.append(verdict)
            if number % 50 == 0:
                progress(so_far + number, total)
        so_far += sizes[partition]
        with casework.pool.connection() as db:
            files.keep_verdicts(db, id, partition, STAGE, verdicts)
        progress(so_far, total)
    with casework.pool.connection() as db:
        counted = count(files.verdicts(db, id, STAGE))
        files.move_on(db, id, STAGE, counted)
    return counted


def _undone(casework: Casework, file: ImportFile, partition: int, done: set[int]) -> Iterator[Verdict]:
    """Undo one partition's rows, the last one first, since earlier ones can be what it rests on."""
    layout = layout_of(casework, file)
    with casework.pool.connection() as db:
        staged = files.rows_of(db, casework.persons.vault, file.id, partition)
    for row in sorted(staged, key=lambda row: -row.number):
        if row.number not in done:
            continue
        context = context_of(casework, file, row.number, layout.fields(row.cells))
        try:
            yield _undo(casework, file, row.number, row.household_id, context)
        except Unavailable:
            raise
        except CaseworkError as error:
            yield rows.refused(row.number, error)


def _undo(casework: Casework, file: ImportFile, number: int, household_id: UUID, given: Context) -> Verdict:
    context = msgspec.structs.replace(
        file.context(),
        source=None,
        command_id=casework.persons.hashes.command_id("undo", str(file.id), str(number)),
        body_hash=casework.persons.hashes.body_hash("undo", str(number).encode()),
    )
    with casework.pool.connection() as db:
        story = reading.timeline(db, household_id)
    mine = [each for each in story if each.meta.command_id == given.command_id]
    if not mine or mine[0].meta.correlation_id != file.id:
        return Verdict(number, "unchanged")
    if all(each.meta.command_id != context.command_id for each in story):
        since = [each for each in story if each.version > mine[-1].version]
        undoing = _command(casework, household_id, context, mine, since)
        undoing(casework)
    return Verdict(number, "done")


def _command(
    casework: Casework, household_id: UUID, context: Context, mine: Sequence[LoggedEvent], since: Sequence[LoggedEvent]
) -> Command:
    """Return the command that undoes a row's events; Refused where later events rest on them.

    Whether something rests on a member or an employment is for the domain to say, which replays the story without.
    """
    later, today = [_event(each) for each in since], casework.today
    for version, event in ((each.version, _event(each)) for each in mine):
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


def _refuse_if_any(later: Sequence[Event]) -> None:
    if later:
        raise Refused("undo-later-facts")


def _event(logged: LoggedEvent) -> Event:
    return _codec.decode(logged.type, logged.state)
