"""What a feed or a file calls a row: it is one command for as long as nobody undoes what came of it.

An undoing marks the command, by a claim in its own append. Where the reference comes again it is the next command,
named after the one that was undone: the same one whoever sends it, by whichever door, so that it counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from casework.log.append import Claim
from casework.log.reading import Db
from casework.outcome import Context
from casework.privacy.search import KeyedHashes

_MARKED = "SELECT hash FROM casework.claim WHERE hash = ANY (%b::bytea[])"


class Reference(NamedTuple):
    """Which command a reference is now, and after which one that was undone, if any was."""

    command_id: UUID
    after: UUID | None = None


def current(db: Db, hashes: KeyedHashes, source: str, refs: Iterable[str]) -> dict[str, Reference]:
    """Return which command each of a source's references is: the first one that was not undone."""
    found = {ref: first(hashes, source, ref) for ref in refs}
    looked_at = found
    while looked_at:
        gone = undone(db, hashes, {each.command_id for each in looked_at.values()})
        looked_at = {
            ref: Reference(hashes.command_id("source", source, ref, str(each.command_id)), each.command_id)
            for ref, each in looked_at.items()
            if each.command_id in gone
        }
        found |= looked_at
    return found


def first(hashes: KeyedHashes, source: str, ref: str) -> Reference:
    """Return which command a reference is before anything of it is undone."""
    return Reference(hashes.command_id("source", source, ref))


def undone(db: Db, hashes: KeyedHashes, command_ids: Iterable[UUID]) -> set[UUID]:
    """Return which of some commands were undone as those of references."""
    marks = {_mark(hashes, command_id): command_id for command_id in command_ids}
    return {marks[bytes(hash)] for (hash,) in db.execute(_MARKED, (list(marks),), binary=True)}


def claims(hashes: KeyedHashes, context: Context) -> list[Claim]:
    """Return what an append claims of a command's reference, and of the one that it frees; neither is ever released."""
    claimed = []
    if context.source is not None and context.source_ref is not None:
        after = () if context.after is None else (str(context.after),)
        claimed.append(Claim(hashes.claim_hash("source", context.source, context.source_ref, *after), "source"))
    if context.undoes is not None:
        claimed.append(Claim(_mark(hashes, context.undoes), "source"))
    return claimed


def _mark(hashes: KeyedHashes, command_id: UUID) -> bytes:
    return hashes.claim_hash("undone", str(command_id))
