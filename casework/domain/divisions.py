"""The divisions of the city in the national statistical list: districts and zones, townships, communities.

The first six digits of a code name the district, the next three the township, the last three the community.
Who administers a division can differ from its code (RULES G14): that stands in the registry.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, cast

from casework.errors import NotFound

CITY = "4101"

# Statistical codes of development zones, which no ID number carries.
_ZONES = frozenset({"410171", "410172", "410173"})

Level = Literal["city", "district", "township", "community"]


class Division(NamedTuple):
    """A division: its code, Chinese name, level, and the code of the one above (None for the city)."""

    code: str
    name: str
    level: Level
    parent: str | None

    @property
    def is_city(self) -> bool:
        """Whether it is the whole city."""
        return self.level == "city"

    @property
    def is_district(self) -> bool:
        """Whether it is a district, county, county-level city or development zone."""
        return self.level == "district"

    @property
    def is_zone(self) -> bool:
        """Whether it is a development zone, which has a statistical code only."""
        return self.code in _ZONES

    @property
    def is_township(self) -> bool:
        """Whether it is a township, town or subdistrict."""
        return self.level == "township"

    @property
    def is_community(self) -> bool:
        """Whether it is a community or village."""
        return self.level == "community"


@cache
def divisions() -> dict[str, Division]:
    """Return every division by code, each after the one above it."""
    text = files("casework.data").joinpath("zhengzhou-divisions.csv").read_text(encoding="utf-8")
    return {row["code"]: _division(row) for row in csv.DictReader(text.splitlines())}


def _division(row: dict[str, str]) -> Division:
    return Division(row["code"], row["name"], cast(Level, row["level"]), row["parent"] or None)


@cache
def _children() -> dict[str, tuple[str, ...]]:
    below: dict[str, list[str]] = {}
    for each in divisions().values():
        if each.parent is not None:
            below.setdefault(each.parent, []).append(each.code)
    return {code: tuple(codes) for code, codes in below.items()}


def division(code: str) -> Division:
    """Return a division by its code; NotFound when the city has none such."""
    found = divisions().get(code)
    if found is None:
        raise NotFound("division-unknown")
    return found


def is_division(code: str) -> bool:
    """Say whether the city has a division of this code."""
    return code in divisions()


def children(code: str) -> tuple[Division, ...]:
    """Return the divisions just below, in the order of their codes."""
    return tuple(divisions()[child] for child in _children().get(division(code).code, ()))


def ancestors(code: str) -> tuple[Division, ...]:
    """Return the divisions above, the nearest first and the city last."""
    above: list[Division] = []
    parent = division(code).parent
    while parent is not None:
        above.append(divisions()[parent])
        parent = above[-1].parent
    return tuple(above)


def at_level(level: Level) -> tuple[Division, ...]:
    """Return all divisions of one level."""
    return tuple(each for each in divisions().values() if each.level == level)


def is_within(code: str, divisions_allowed: Iterable[str]) -> bool:
    """Say whether a division is one of the given ones or lies below one of them."""
    found = division(code)
    return not {found.code, *(above.code for above in ancestors(code))}.isdisjoint(divisions_allowed)
