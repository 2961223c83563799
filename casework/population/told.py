"""What was told to the log in a simulated life, and the order in which it is written: by week, then by second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from operator import attrgetter
from tempfile import SpooledTemporaryFile
from uuid import UUID

import msgspec

from casework.domain.calendar import SHANGHAI
from casework.log.append import Beside, Claim, NewEvent, SearchKey, VaultRow

DAY = 86_400
WEEK = 7 * DAY

_IN_MEMORY = 256 * 1024
"""How many bytes of one week stay in memory: a partition of any size takes some 30 MB."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """One event, recorded at a second (since 1970), and what stands beside it; ``place`` orders those of one second."""

    at: int
    place: int
    stream_id: UUID
    version: int
    type: str
    state: bytes
    meta: bytes
    vault: list[VaultRow] = []
    search_keys: list[SearchKey] = []
    claims: list[Claim] = []
    released: list[UUID] = []

    def event(self, partition: int) -> NewEvent:
        """Return the event as the log takes it."""
        return NewEvent(partition, self.stream_id, self.version, self.type, self.state, self.meta)

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded."""
        return datetime.fromtimestamp(self.at, UTC)


class Span:
    """The simulated weeks: from a Monday, where ``until`` is a Sunday, to the end of that day."""

    def __init__(self, until: date, weeks: int = 104) -> None:
        self.until = until
        self.weeks = weeks
        self.start = until - timedelta(7 * weeks - 1)
        self.begins = midnight(self.start)
        self.ends = midnight(until) + DAY

    def day(self, at: int) -> date:
        """Return the day of a second."""
        return self.start + timedelta((at - self.begins) // DAY)

    def second(self, day: date) -> int:
        """Return the first second of a day."""
        return self.begins + (day - self.start).days * DAY


def midnight(day: date) -> int:
    """Return the first second of a Shanghai day, since 1970."""
    return int(datetime.combine(day, time(), SHANGHAI).timestamp())


class Weeks:
    """Events of one partition, taken in any order and given back by week; what is large goes to temporary files."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._weeks = [SpooledTemporaryFile[bytes](_IN_MEMORY) for _ in range(span.weeks)]
        self._count = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Told).decode

    def add(self, told: Iterable[Told]) -> None:
        """Keep some events until all are there."""
        for each in told:
            data = self._encode(each)
            week = self._weeks[(each.at - self.span.begins) // WEEK]
            week.write(len(data).to_bytes(4))
            week.write(data)
            self._count += 1

    def __len__(self) -> int:
        """Return how many events there are."""
        return self._count

    def __iter__(self) -> Iterator[list[Told]]:
        """Give back every week that has events, once, in the order in which they were recorded."""
        for week in self._weeks:
            with week:
                told = list(self._read(week))
            if told:
                yield sorted(told, key=attrgetter("at", "place"))

    def _read(self, week: SpooledTemporaryFile[bytes]) -> Iterator[Told]:
        week.seek(0)
        while length := week.read(4):
            yield self._decode(week.read(int.from_bytes(length)))


def beside(told: Iterable[Told]) -> Beside:
    """Return what stands beside several events that are appended at once.

    The log releases a person's claims before it takes any, and replaces all their search keys. So of each claim and of
    each person's keys, what counts is what was told last.
    """
    vault: list[VaultRow] = []
    keys: dict[UUID, list[SearchKey]] = {}
    claims: dict[bytes, Claim] = {}
    released: set[UUID] = set()
    for each in told:
        vault += each.vault
        keys |= _by_subject(each.search_keys)
        released.update(each.released)
        claims = {hash: claim for hash, claim in claims.items() if claim.subject_id not in each.released}
        claims |= {claim.hash: claim._replace(stream_id=each.stream_id) for claim in each.claims}
    return Beside(vault, list(chain.from_iterable(keys.values())), list(claims.values()), list(released))


def _by_subject(search_keys: Iterable[SearchKey]) -> dict[UUID, list[SearchKey]]:
    found: dict[UUID, list[SearchKey]] = {}
    for key in search_keys:
        found.setdefault(key.subject_id, []).append(key)
    return found
