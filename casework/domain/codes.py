"""The code lists of the project: needs, reasons, facts of persons, bureaus, facts of units; with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import Literal, TypeVar

import msgspec

from casework.errors import Invalid, Refused

Content = TypeVar("Content")


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of a data file: a misspelt field stops the start."""


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name in Chinese and English."""

    zh: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.en if language == "en" else self.zh


class Coded(Row, frozen=True, kw_only=True):
    """A code and its label."""

    code: str
    label: Label


class Need(Coded, frozen=True, kw_only=True):
    """A need that can be assessed; outside its ages it is recorded and ignored (RULES C7)."""

    beneficiary: Literal["person", "household"]
    area: str
    restricted: bool = False
    min_age: int | None = None
    max_age: int | None = None


class Codes(Row, frozen=True, kw_only=True):
    """The file of needs and plain lists of codes."""

    needs: tuple[Need, ...]
    lists: dict[str, tuple[Coded, ...]]


class Successor(Row, frozen=True, kw_only=True):
    """Who took over a bureau's duties, or those for some services, and from when (unchecked, DOMAIN 1.11)."""

    effective_from: date
    label: Label
    services: tuple[str, ...] = ()


class Bureau(Coded, frozen=True, kw_only=True):
    """A row of the plan's register of bureaus: a role, whose holder changes with time."""

    kind: Literal["municipal", "local", "zone", "supervision"]
    areas: tuple[str, ...]
    duties: tuple[str, ...] = ()
    successors: tuple[Successor, ...] = ()

    def holder(self, on: date, service: str | None = None) -> Label:
        """Return who holds the role on a day, for one service where duties were divided."""
        holder = self.label
        for successor in self.successors:
            if successor.effective_from <= on and (not successor.services or service in successor.services):
                holder = successor.label
        return holder


class ZoneWithoutCode(Row, frozen=True, kw_only=True):
    """A zone that runs subdistricts which the statistical codes place elsewhere (RULES G14)."""

    key: str
    label: Label
    parent: str
    manages: tuple[str, ...]


class Bureaus(Row, frozen=True, kw_only=True):
    """The file of bureaus and of zones without a code."""

    bureaus: tuple[Bureau, ...]
    zones_without_code: tuple[ZoneWithoutCode, ...]


class UnitFact(Coded, frozen=True, kw_only=True):
    """A dated fact of a unit: which kinds of unit carry it, and its items (none where it is one thing).

    ``area`` is that of the plan's section, none of a unit's own plan. Only new-type communities are asked for what is
    ``of_new_type``; in a selection, a unit of a kind that is ``counted_over_nodes`` has the mean of its own and of all
    units below that carry the fact (RULES U6, DOMAIN 8.6).
    """

    plan_lines: tuple[int, ...]
    carriers: tuple[str, ...]
    area: str | None = None
    of_new_type: bool = False
    items: tuple[Coded, ...] = ()
    max_months: int | None = None
    counted_over_nodes: tuple[str, ...] = ()

    @property
    def required_items(self) -> int:
        """How many items make the fact whole (RULES U6)."""
        return len(self.items) or 1


class UnitFacts(Row, frozen=True, kw_only=True):
    """The file of unit facts."""

    unit_facts: tuple[UnitFact, ...]


_reading = Lock()  # msgspec 0.22 crashes where two threads at once are the first to read the same struct


def read_data(name: str, content: type[Content]) -> Content:
    """Return a file of ``casework/data`` as the struct it is made of."""
    with _reading:
        return msgspec.json.decode(files("casework.data").joinpath(name).read_bytes(), type=content)


@cache
def _codes() -> Codes:
    return read_data("codes.json", Codes)


@cache
def _bureaus() -> Bureaus:
    return read_data("bureaus.json", Bureaus)


def code_lists() -> Mapping[str, tuple[Coded, ...]]:
    """Return every plain list of codes by its name."""
    return _codes().lists


def codes(name: str) -> tuple[Coded, ...]:
    """Return one list of codes, such as ``deny_reasons``."""
    return _codes().lists[name]


def needs() -> tuple[Need, ...]:
    """Return the needs that can be assessed."""
    return _codes().needs


def bureaus() -> tuple[Bureau, ...]:
    """Return the plan's register of bureaus."""
    return _bureaus().bureaus


def zones_without_code() -> tuple[ZoneWithoutCode, ...]:
    """Return the zones that no statistical code names."""
    return _bureaus().zones_without_code


@cache
def unit_facts() -> Mapping[str, UnitFact]:
    """Return the facts that units may report, by code."""
    return {fact.code: fact for fact in read_data("unit_facts.json", UnitFacts).unit_facts}


def facts_of(kind: str, *, new_type_community: bool) -> list[UnitFact]:
    """Return the facts that a unit of a kind has to report; some only where its community is of the new type."""
    return [
        fact for fact in unit_facts().values() if kind in fact.carriers and (new_type_community or not fact.of_new_type)
    ]


def reports_of_field(bureau: str, fact: str, unit_code: str, unit_kind: str) -> bool:
    """Whether a fact of a unit is a bureau's to report: one of its own areas, or that it has a plan itself.

    That a unit has its plan (UF-PLAN) is also for the bureaus that run the selection, and for who speaks for districts
    or for zones.
    """
    row = next((each for each in bureaus() if each.code == bureau), None)
    known = unit_facts().get(fact)
    if row is None or known is None:
        return False
    if known.area is not None:
        return known.area in row.areas
    speaks_for = {"local": "district", "zone": "zone"}.get(row.kind)
    return unit_code == bureau or "selection" in row.duties or unit_kind == speaks_for


def check_unit_fact(code: str, unit_kind: str, items: Sequence[str]) -> None:
    """Refuse an unknown fact, one that this kind of unit does not carry, and items that it does not have."""
    fact = unit_facts().get(code)
    if fact is None:
        raise Invalid("unit-fact-unknown")
    if unit_kind not in fact.carriers:
        raise Refused("unit-fact-of-others")
    if len(set(items)) < len(items) or not {item.code for item in fact.items}.issuperset(items):
        raise Invalid("unit-fact-items")
