"""Who gives a command, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from casework.domain.aggregate import Recorded
from casework.domain.household import Household
from casework.domain.ids import partition_of, uuid7, uuid8_from
from casework.log.codec import Metadata


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who gives a command, and how it is to be told from another: all of it, but rights, stands in the metadata.

    A rehearsal only asks what the command would do: all is decided, and nothing written. ``after`` is the command that
    had the same reference and was undone, ``undoes`` one whose reference is free with this command.
    """

    actor: str
    role: str
    bureau: str | None = None
    unit: UUID | None = None
    divisions: frozenset[str] = frozenset()
    command_id: UUID | None = None
    body_hash: bytes | None = None
    expected_version: int | None = None
    source: str | None = None
    source_ref: str | None = None
    after: UUID | None = None
    undoes: UUID | None = None
    correlation_id: UUID | None = None
    traceparent: str | None = None
    is_rehearsal: bool = False

    def made(self, name: str) -> UUID:
        """An id for what the command creates: the same again when the command is given again."""
        return uuid8_from(self.command_id.bytes + name.encode()) if self.command_id else uuid7()


class Trial(NamedTuple):
    """A household as it is, and as a command would leave it."""

    before: Household
    after: Household


class Outcome(NamedTuple):
    """What a command did: the stream's version after it, and where its events are, such as ``17:4211,40:988``.

    ``changed`` is false where it had nothing to do, or only a ``trial`` was asked for. Given again it answers the same.
    """

    id: UUID
    version: int
    position: str | None
    changed: bool
    events: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()
    trial: Trial | None = None


class Placed(NamedTuple):
    """An event of a command, with its metadata and its position."""

    recorded: Recorded
    meta: Metadata
    position: int


def outcome_of(stream_id: UUID, placed: Sequence[Placed], warnings: tuple[str, ...] = ()) -> Outcome:
    """What was done, told from the events alone, so that it reads the same when the command comes again."""
    mine = [item for item in placed if item.recorded.originator_id == stream_id]
    last: dict[int, int] = {}
    for item in placed:
        partition = partition_of(item.recorded.originator_id)
        last[partition] = max(item.position, last.get(partition, 0))
    return Outcome(
        stream_id,
        mine[-1].recorded.originator_version,
        ",".join(f"{partition}:{position}" for partition, position in sorted(last.items())),
        True,
        [
            {
                "event_id": item.meta.event_id,
                "type": item.recorded.event.type_name,
                "version": item.recorded.originator_version,
                **_created(item.recorded),
            }
            for item in mine
        ],
        warnings,
    )


_IDS = (
    "episode_id",
    "need_id",
    "employment_id",
    "referral_id",
    "person_id",
    "new_household",
    "nomination_id",
    "veto_id",
    "objection_id",
)


def _created(recorded: Recorded) -> dict[str, Any]:
    """The ids that an event names, for the caller who let us choose them."""
    event: Any = recorded.event
    ids = {name: value for name in _IDS if (value := getattr(event, name, None)) is not None}
    member = getattr(event, "member", None)
    members = getattr(event, "members", None)
    if duplicates := getattr(event, "duplicates", ()):
        ids["duplicates"] = list(duplicates)
    if members is not None:
        return {**ids, "person_ids": [_person_id(each) for each in members]}
    return ids if member is None else {"person_id": member.person_id}


def _person_id(member: Any) -> UUID:
    """Of somebody whom an event names by their id, or tells of."""
    person_id: UUID = getattr(member, "person_id", member)
    return person_id
