"""Chance that can be had again: every stream of it follows from a seed and a name."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from hashlib import sha256
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar
from uuid import UUID

Item = TypeVar("Item")

_VARIANT = 0b10 << 62


class Chance(Random):
    """A stream of chance. All is drawn by ``random`` and ``getrandbits``, which no release of Python changes."""

    def happens(self, share: float) -> bool:
        """Say yes in this share of cases."""
        return self.random() < share

    def whole(self, least: int, most: int) -> int:
        """Return a whole number between two bounds, both included."""
        return least + int(self.random() * (most - least + 1))

    def one(self, items: Sequence[Item]) -> Item:
        """Return one of some items, each as likely."""
        return items[int(self.random() * len(items))]

    def pick(self, shares: Mapping[Item, float]) -> Item:
        """Return one of some items by their shares, which need not add up to one."""
        left = self.random() * sum(shares.values())
        for item, share in shares.items():
            left -= share
            if left < 0:
                return item
        *_, last = shares
        return last

    def mixed(self, items: Iterable[Item]) -> list[Item]:
        """Return some items in any order."""
        places = [(self.random(), item) for item in items]
        return [item for _, item in sorted(places, key=lambda place: place[0])]

    def after(self, day: date, least: int, most: int) -> date:
        """Return a day that lies so many days later."""
        return day + timedelta(self.whole(least, most))

    def between(self, first: date, last: date) -> date:
        """Return a day between two, both included; the first where the last lies before it."""
        return self.after(first, 0, max(0, (last - first).days))

    def uuid(self, milliseconds: int) -> UUID:
        """Return an id in the form of a UUIDv7 of an instant (milliseconds since 1970)."""
        chance = self.getrandbits(74)
        high = (milliseconds & (1 << 48) - 1) << 16 | 7 << 12 | chance >> 62
        return UUID(int=high << 64 | _VARIANT | chance & (1 << 62) - 1)


def chance_of(seed: int, *name: object) -> Chance:
    """Return the stream of this name: the same again for the same seed, and unlike every other."""
    key = "/".join(str(part) for part in (seed, *name))
    return Chance(int.from_bytes(sha256(key.encode()).digest()[:16]))


class Drawn(Generic[Item]):
    """Items that are drawn by their weights, quickly."""

    def __init__(self, items: Sequence[Item], weights: Iterable[float]) -> None:
        self.items = items
        self.sums = list(accumulate(weights))

    def draw(self, chance: Chance) -> Item:
        """Return one of them."""
        return self.items[bisect(self.sums, chance.random() * self.sums[-1], hi=len(self.items) - 1)]


def zipf(count: int, steepness: float = 1.0) -> list[float]:
    """Return the weights of so many ranks: a few are large, most are small."""
    return [1 / rank**steepness for rank in range(1, count + 1)]
