"""What a line says of units and feeds, for the assessment."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from casework.assessing.instants import Id, end_of_day, instant, unit
from casework.domain.checks import check_feed, check_month
from casework.domain.codes import unit_facts
from casework.domain.registry import Facts, Feed, UnitFactReported, feed_id
from casework.errors import Invalid


class RegistryEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact of a unit (``unit_id``, ``fact``, ``from``), or a closed month (``bureau``, ``area``, ``month``)."""

    recorded_at: str | None = None
    occurred_on: date | None = None
    unit_id: Id | None = None
    fact: str | None = None
    from_: date | None = msgspec.field(name="from", default=None)
    to: date | None = None
    items: tuple[str, ...] | None = None
    bureau: str | None = None
    area: str | None = None
    month: str | None = None


_decode = msgspec.json.Decoder(list[RegistryEntry] | None).decode


@lru_cache(256)
def known_facts(entries: bytes, known_at: datetime) -> Facts:
    """What an assessment asks of the registry, from the entries recorded by ``known_at``; many lines have the same."""
    contracts: dict[UUID, tuple[UnitFactReported, ...]] = {}
    months: dict[tuple[str, str], set[str]] = {}
    for entry in _decode(entries) or ():
        if entry.bureau and entry.area and entry.month:
            check_feed(entry.bureau, entry.area)
            check_month("month", entry.month)
            if _is_known(entry, known_at):
                months.setdefault((entry.bureau, entry.area), set()).add(entry.month)
        elif entry.unit_id is not None and entry.from_ and entry.fact in unit_facts():
            if entry.fact == "UF-COLL" and _is_known(entry, known_at):
                unit_id = unit(entry.unit_id)
                contracts[unit_id] = (*contracts.get(unit_id, ()), _contract(entry, entry.from_))
        else:
            raise Invalid("malformed-command", reason="An entry is a unit's fact or a bureau's closed month.")
    return Facts(contracts, {f"{bureau}/{area}": _feed(bureau, area, months[bureau, area]) for bureau, area in months})


def _is_known(entry: RegistryEntry, known_at: datetime) -> bool:
    if entry.recorded_at is not None:
        return instant(entry.recorded_at) <= known_at
    return entry.occurred_on is None or end_of_day(entry.occurred_on) <= known_at


def _contract(entry: RegistryEntry, begins: date) -> UnitFactReported:
    """A fact without a day of its own is told of from its first day on."""
    return UnitFactReported(occurred_on=entry.occurred_on or begins, fact="UF-COLL", from_=begins, to=entry.to)


def _feed(bureau: str, area: str, months: set[str]) -> Feed:
    feed = Feed(feed_id(bureau, area))
    feed.months, feed.first = months, min(months)
    return feed
