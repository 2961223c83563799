"""A city without a log: lives are told, and nothing is written."""

from __future__ import annotations

import pytest

from casework.population.office import City
from casework.population.told import Span
from casework.population.world import world
from casework.privacy.keys import KeyRing
from tests.population.lives import SEED, UNTIL, Lived, NewCity, lived


@pytest.fixture(scope="session")
def new_city(tmp_path_factory: pytest.TempPathFactory) -> NewCity:
    """Make a city of a profile, under keys of its own."""

    def make(profile: str) -> City:
        keys = KeyRing.open(tmp_path_factory.mktemp("city") / "keys", create=True)
        return City(world(profile, SEED), Span(UNTIL), keys)

    return make


@pytest.fixture(scope="session")
def demo(new_city: NewCity) -> City:
    """The city of the demo."""
    return new_city("demo")


@pytest.fixture(scope="session")
def thousand(demo: City) -> list[Lived]:
    """The first thousand lives of the demo."""
    return [lived(demo, number) for number in range(1000)]
