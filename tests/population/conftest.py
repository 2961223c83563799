"""A city without a log: lives are told, and nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from casework.domain.household import Household
from casework.population.family import Family
from casework.population.office import City
from casework.population.sealing import SimulatedVault
from casework.population.story import life_of
from casework.population.told import Span, Told
from casework.population.world import world
from casework.privacy.keys import KeyRing
from casework.privacy.persons import Persons
from casework.privacy.search import KeyedHashes

SEED = 2013
UNTIL = date(2014, 9, 28)

NewCity = Callable[[str], City]


class Lived(NamedTuple):
    """A life that was told to its end."""

    family: Family
    household: Household
    told: list[Told]
    refused: Counter[str]
    unchanged: int


@pytest.fixture(scope="session")
def new_city(tmp_path_factory: pytest.TempPathFactory) -> NewCity:
    """Make a city of a profile, under keys of its own."""

    def make(profile: str) -> City:
        keys_dir: Path = tmp_path_factory.mktemp("city") / "keys"
        keys = KeyRing.open(keys_dir, create=True)
        vault = SimulatedVault(keys)
        persons = Persons(vault, KeyedHashes(keys), synthetic=True)
        return City(world(profile, SEED), Span(UNTIL), persons, vault)

    return make


def lived(city: City, number: int) -> Lived:
    """Tell the life of a household."""
    life = life_of(city, number)
    told = list(life.told())
    return Lived(life.family, life.household, told, life.office.refused, life.office.unchanged)


@pytest.fixture(scope="session")
def demo(new_city: NewCity) -> City:
    """The city of the demo."""
    return new_city("demo")


@pytest.fixture(scope="session")
def thousand(demo: City) -> list[Lived]:
    """The first thousand lives of the demo."""
    return [lived(demo, number) for number in range(1000)]
