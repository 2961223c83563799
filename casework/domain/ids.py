"""Identifiers: who is first in time can be read off them, and where a stream lives."""

from __future__ import annotations

import os
from hashlib import sha256
from threading import Lock
from time import time_ns
from typing import Final
from uuid import UUID

PARTITIONS: Final = 64
"""Households are spread over partitions 0 to 63, for ever."""

REGISTRY: Final = 64
"""The partition of everything that is not a household: units, feeds, policies, rounds, grants."""

_VARIANT: Final = 0b10 << 62
_COUNTER_BITS: Final = 42
_PAGE: Final = 1000


class _Sequence:
    """Milliseconds and a counter within them, never twice the same and never going back."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.milliseconds = 0
        self.counter = 0
        self.page, self.used = b"", 0

    def next(self) -> tuple[int, int, int]:
        now = time_ns() // 1_000_000
        with self.lock:
            if now > self.milliseconds:
                self.milliseconds = now
                self.counter = self._random(6) >> 7  # 41 bits: room to count on
            else:
                self.counter += 1
                if self.counter >> _COUNTER_BITS:
                    self.milliseconds += 1
                    self.counter = 0
            return self.milliseconds, self.counter, self._random(4)

    def _random(self, size: int) -> int:
        """Random bytes as a number; they are fetched by the page, since each fetch asks the system."""
        if self.used + size > len(self.page):
            self.page, self.used = os.urandom(_PAGE), 0
        self.used += size
        return int.from_bytes(self.page[self.used - size : self.used])


_sequence = _Sequence()


def _new_sequence() -> None:
    global _sequence
    _sequence = _Sequence()


os.register_at_fork(after_in_child=_new_sequence)


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562, 6.2 method 1): ids of one process sort by their birth."""
    milliseconds, counter, tail = _sequence.next()
    high = (milliseconds & (1 << 48) - 1) << 16 | 7 << 12 | counter >> 30
    low = _VARIANT | (counter & (1 << 30) - 1) << 32 | tail
    return UUID(int=high << 64 | low)


def uuid8_from(key: bytes) -> UUID:
    """Return the UUIDv8 that belongs to a key: the same key, the same id (RFC 9562, 5.8)."""
    digest = int.from_bytes(sha256(key).digest()[:16])
    return UUID(int=digest & ~(0xF << 76) & ~(0b11 << 62) | 8 << 76 | 0b10 << 62)


def partition_of(stream_id: UUID) -> int:
    """Return the partition that a stream lives in: the registry's for UUIDv5, else the last byte & 63."""
    number = stream_id.int
    return REGISTRY if (number >> 76) & 0xF == 5 else number & 63


def vault_partition_of(subject_id: UUID) -> int:
    """Return the partition of a subject's rows in the vault: the last byte & 63."""
    return subject_id.int & 63
