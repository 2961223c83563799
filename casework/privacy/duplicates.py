"""Probable duplicates: found at entry and by a nightly pass over all, queued for a reviewer, decided for good.

Only people who share a keyed hash (ID number, phone, name and month of birth, surname and day of birth) are compared,
and what they are compared by never leaves the process that may open the vault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection

from casework.errors import NotFound
from casework.privacy.matching import Match, compare
from casework.privacy.persons import Persons, Profile
from casework.privacy.search import BLOCKS

Db = Connection[Any]
Pair = tuple[UUID, UUID]

BIGGEST_BLOCK = 50
"""A hash that so many people share (a phone of an office, say) tells nobody apart."""

_SHARING = """
SELECT found.subject_id FROM unnest(%(kinds)b::text[], %(hashes)b::bytea[]) AS asked (kind, hash)
CROSS JOIN LATERAL (
    SELECT k.subject_id FROM vault.search_key AS k
    WHERE k.kind = asked.kind AND k.hash = asked.hash LIMIT %(most)b::int + 1
) AS found
GROUP BY found.subject_id"""

_BLOCKS = """
SELECT kind, hash, array_agg(subject_id ORDER BY subject_id) FROM vault.search_key
WHERE kind = ANY (%(kinds)b::text[]) AND (kind, hash) > (%(kind)b::text, %(hash)b::bytea)
GROUP BY kind, hash HAVING count(*) BETWEEN 2 AND %(most)b::int
ORDER BY kind, hash LIMIT %(limit)b::int"""

_KNOWN = """
SELECT d.one, d.other FROM unnest(%b::uuid[], %b::uuid[]) AS asked (one, other)
JOIN vault.duplicate AS d USING (one, other)"""

_REMEMBER = """
INSERT INTO vault.duplicate (one, other, score, reasons)
SELECT * FROM json_to_recordset(%b::json) AS new (one uuid, other uuid, score real, reasons text[])
ON CONFLICT (one, other) DO UPDATE SET score = EXCLUDED.score, reasons = EXCLUDED.reasons
WHERE vault.duplicate.decision IS NULL"""

_WAITING = """
SELECT one, other, score, reasons, found_at FROM vault.duplicate
WHERE decision IS NULL AND (-score, one, other) > (%b::real, %b::uuid, %b::uuid)
ORDER BY -score, one, other LIMIT %b::int"""

_DECIDE = """
UPDATE vault.duplicate SET decision = %b::text, decided_by = %b::text, decided_at = clock_timestamp()
WHERE one = %b::uuid AND other = %b::uuid
RETURNING one"""


class Found(NamedTuple):
    """A pair that waits for a reviewer; ``reasons`` are codes that say in what they agree and differ."""

    one: UUID
    other: UUID
    score: float
    reasons: Sequence[str]
    found_at: datetime


class Duplicates:
    """Finds pairs of people who are probably one, and keeps what was decided of them."""

    def __init__(self, persons: Persons) -> None:
        self.persons = persons

    def of(self, db: Db, person_id: UUID, profile: Profile) -> dict[UUID, Match]:
        """Return who is probably the same person as this one, whether or not somebody decided on it before."""
        keys = self.persons.hashes.search_keys(person_id, msgspec.to_builtins(profile))
        blocking = [key for key in keys if key.kind in BLOCKS]
        asked = {"kinds": [key.kind for key in blocking], "hashes": [key.hash for key in blocking]}
        rows = db.execute(_SHARING, {**asked, "most": BIGGEST_BLOCK}, prepare=True, binary=True)
        others = {subject_id for (subject_id,) in rows} - {person_id}
        profiles = self.persons.profiles(db, others)
        matches = {other: compare(profile, profiles[other]) for other in profiles}
        return {other: match for other, match in matches.items() if match.is_probable}

    def note(self, db: Db, person_id: UUID, profile: Profile) -> list[UUID]:
        """Queue who is probably the same person as this one; return those of whom nobody has decided otherwise."""
        found = {_pair(person_id, other): match for other, match in self.of(db, person_id, profile).items()}
        known = self._decided_otherwise(db, found)
        self._remember(db, found)
        return [one if other == person_id else other for one, other in found if (one, other) not in known]

    def look_at_all(self, db: Db, *, blocks: int = 500) -> Iterator[int]:
        """Compare all pairs that share a hash and were never compared, block by block; yield how many were queued."""
        kind, hash = "", b""
        while rows := self._blocks(db, kind, hash, blocks):
            pairs = {pair for _, _, people in rows for pair in combinations(people, 2)}
            yield self._compare(db, pairs - self._known(db, pairs))
            kind, hash, _ = rows[-1]

    def waiting(self, db: Db, *, after: tuple[float, UUID, UUID] | None = None, limit: int = 50) -> list[Found]:
        """Return the next pairs that wait for a reviewer, the likeliest first."""
        score, one, other = after or (2.0, UUID(int=0), UUID(int=0))
        return [Found._make(row) for row in db.execute(_WAITING, (-score, one, other, limit), binary=True)]

    def are_two(self, db: Db, one: UUID, other: UUID) -> bool:
        """Say whether a reviewer found that two people are not the same."""
        return bool(self._decided_otherwise(db, [_pair(one, other)]))

    def decide(self, db: Db, pair: Pair, decision: str, *, by: str) -> None:
        """Keep that two people are the same, or not the same, for good; NotFound where nobody asked."""
        if db.execute(_DECIDE, (decision, by, *_pair(*pair))).fetchone() is None:
            raise NotFound

    def settle(self, db: Db, pair: Pair, *, by: str) -> None:
        """Keep that two people are the same, asked or not, where nobody decided otherwise."""
        if not self.are_two(db, *pair):
            self._remember(db, {_pair(*pair): Match(1.0, ())})
            self.decide(db, pair, "same", by=by)

    def _blocks(self, db: Db, kind: str, hash: bytes, limit: int) -> list[Any]:
        asked = {"kinds": list(BLOCKS), "kind": kind, "hash": hash, "most": BIGGEST_BLOCK, "limit": limit}
        return db.execute(_BLOCKS, asked, binary=True).fetchall()

    def _compare(self, db: Db, pairs: set[Pair]) -> int:
        profiles = self.persons.profiles(db, {person for pair in pairs for person in pair})
        there = [pair for pair in sorted(pairs) if pair[0] in profiles and pair[1] in profiles]
        found = {(one, other): compare(profiles[one], profiles[other]) for one, other in there}
        return self._remember(db, {pair: match for pair, match in found.items() if match.is_probable})

    def _remember(self, db: Db, found: dict[Pair, Match]) -> int:
        rows = [
            {"one": one, "other": other, "score": match.score, "reasons": match.reasons}
            for (one, other), match in sorted(found.items())
        ]
        if rows:
            db.execute(_REMEMBER, (msgspec.json.encode(rows).decode(),))
        return len(rows)

    def _known(self, db: Db, pairs: Iterable[Pair]) -> set[Pair]:
        columns = [list(column) for column in zip(*pairs, strict=True)] or [[], []]
        return {(one, other) for one, other in db.execute(_KNOWN, columns, binary=True)}

    def _decided_otherwise(self, db: Db, pairs: Iterable[Pair]) -> set[Pair]:
        columns = [list(column) for column in zip(*pairs, strict=True)] or [[], []]
        query = _KNOWN + " WHERE d.decision = 'not_same'"
        return {(one, other) for one, other in db.execute(query, columns, binary=True)}


def _pair(one: UUID, other: UUID) -> Pair:
    return (one, other) if one < other else (other, one)
