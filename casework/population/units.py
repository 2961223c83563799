"""Every unit of a synthetic city as it is registered: the real divisions and bureaus, and those that are made up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain import codes
from casework.domain.divisions import CITY, Division
from casework.domain.registry import unit_id
from casework.population import rates
from casework.population.chance import Chance, chance_of
from casework.population.world import World

_TIERS = {"city": "city", "district": "county", "township": "township", "community": "community"}


class Row(NamedTuple):
    """A unit's code and kind, and the rest of what is told when it is registered."""

    code: str
    kind: str
    details: dict[str, Any]

    @property
    def id(self) -> UUID:
        """The id of its stream."""
        return unit_id(self.code)


def rows(world: World) -> Iterator[Row]:
    """Return every unit, each after the one above it."""
    chance = chance_of(world.seed, "new-type communities")
    city, *below = world.tree
    yield _division(world, city, chance)
    for zone in world.zones:
        yield Row(zone.key, "zone", _named(zone.label) | {"tier": "county", "parent": unit_id(zone.parent)})
    for division in below:
        yield _division(world, division, chance)
    for bureau in codes.bureaus():
        yield Row(bureau.code, "bureau", _named(bureau.label) | {"parent": unit_id(CITY)})
    for made in world.made:
        names = {"name_zh": made.name_zh, "name_en": made.name_en}
        yield Row(made.code, made.kind, {**names, "parent": unit_id(made.area)})


def _division(world: World, division: Division, chance: Chance) -> Row:
    details: dict[str, Any] = {"name_zh": division.name, "tier": _TIERS[division.level]}
    if division.parent is not None:
        details["parent"] = unit_id(division.parent)
    if division.is_district:
        details["name_en"] = world.areas[division.code].en
    if division.is_township and (zone := world.manager(division.code)):
        details["managed_by"] = unit_id(zone.key)
    if division.is_community:
        details["new_type_community"] = chance.happens(rates.NEW_TYPE)
    return Row(division.code, "zone" if division.is_zone else division.level, details)


def _named(label: codes.Label) -> dict[str, str]:
    return {"name_zh": label.zh, "name_en": label.en}
