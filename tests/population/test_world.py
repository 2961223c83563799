from collections import Counter

import pytest

from casework.domain import codes
from casework.domain.registry import unit_id
from casework.population.chance import chance_of
from casework.population.profiles import PROFILES
from casework.population.units import rows
from casework.population.world import World, world


@pytest.fixture(scope="module")
def demo() -> World:
    return world("demo", 2013)


def test_the_demo_holds_the_whole_tree_and_the_units_of_its_profile(demo):
    kinds = Counter(row.kind for row in rows(demo))

    assert (kinds["city"], kinds["district"], kinds["zone"], kinds["township"]) == (1, 12, 4, 208)
    assert (kinds["community"], kinds["bureau"], kinds["employer"], kinds["school"]) == (3306, 21, 800, 300)
    assert set(kinds) == {row.code for row in codes.codes("unit_kinds")}


def test_the_tiny_city_is_two_districts(demo):
    tiny = world("tiny", 2013)
    kinds = Counter(row.kind for row in rows(tiny))

    assert (kinds["district"], kinds["township"], kinds["community"], kinds["employer"]) == (2, 6, 20, 10)
    assert {community[:9] for community in tiny.communities} == {
        row.code for row in rows(tiny) if row.kind == "township"
    }


def test_every_unit_has_a_code_of_its_own_and_stands_below_one_that_came_before(demo):
    known = set()
    for row in rows(demo):
        assert row.id not in known
        assert row.details.get("parent") in known or row.kind == "city"
        known.add(row.id)


def test_the_zone_without_a_code_manages_its_subdistricts(demo):
    managed = [row.code for row in rows(demo) if row.details.get("managed_by") == unit_id("zhengdong")]

    assert managed == sorted(codes.zones_without_code()[0].manages)
    assert demo.area("410105560001") == "zhengdong"
    assert demo.area("410105001001") == "410105"


def test_households_live_in_every_township_but_not_everywhere(demo):
    lived_in = set(demo.inhabited.items)

    assert len(lived_in) == 600
    assert len({community[:9] for community in lived_in}) == 208


def test_some_fifteen_in_a_hundred_communities_are_of_the_new_type(demo):
    new = [row.details["new_type_community"] for row in rows(demo) if row.kind == "community"]

    assert sum(new) / len(new) == pytest.approx(0.15, abs=0.02)


def test_employers_keep_to_the_law_differently_but_on_average_as_the_country_does(demo):
    chance = chance_of(1, "jobs")
    drawn = [demo.fairness[demo.workplaces.draw(chance)] for _ in range(20_000)]

    assert sum(drawn) / len(drawn) == pytest.approx(1, abs=0.03)
    assert min(drawn) < 0.5 < 1.5 < max(drawn)


def test_the_same_seed_makes_the_same_city_and_another_seed_another():
    profile = PROFILES["tiny"]
    first, again, other = (list(rows(World(profile, seed))) for seed in (1, 1, 2))

    assert first == again
    assert [row.details for row in first] != [row.details for row in other]


def test_names_are_given_in_both_languages(demo):
    made = list(demo.made)

    assert all(unit.name_zh and unit.name_en.isascii() for unit in made)
