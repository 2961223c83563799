"""The real divisions of Zhengzhou, from the national statistical list of 31 October 2022."""

import pytest

from casework.domain import catalogue
from casework.domain.divisions import (
    ancestors,
    at_level,
    children,
    division,
    divisions,
    is_division,
    is_within,
)
from casework.errors import NotFound


def test_the_city_has_15_districts_and_zones_208_townships_and_3306_communities():
    assert {level: len(at_level(level)) for level in ("city", "district", "township", "community")} == {
        "city": 1,
        "district": 15,
        "township": 208,
        "community": 3306,
    }
    assert len(divisions()) == 3530


def test_townships_are_counted_by_district_as_in_the_list():
    counts = {district.code: len(children(district.code)) for district in children("4101")}

    assert counts == {
        "410102": 14,
        "410103": 16,
        "410104": 14,
        "410105": 24,
        "410106": 6,
        "410108": 8,
        "410122": 17,
        "410171": 6,
        "410172": 5,
        "410173": 15,
        "410181": 20,
        "410182": 14,
        "410183": 19,
        "410184": 15,
        "410185": 15,
    }


def test_three_of_the_districts_are_development_zones():
    zones = [district.name for district in at_level("district") if district.is_zone]

    assert zones == ["郑州经济技术开发区", "郑州高新技术产业开发区", "郑州航空港经济综合实验区"]


def test_a_code_begins_with_that_of_the_division_above():
    for each in divisions().values():
        if each.parent is not None:
            assert each.code.startswith(each.parent)
            assert division(each.parent).level == {
                "district": "city",
                "township": "district",
                "community": "township",
            }.get(each.level)


def test_above_a_community_stand_its_township_its_district_and_the_city():
    assert [above.name for above in ancestors("410102001002")] == ["林山寨街道", "中原区", "郑州市"]
    assert ancestors("4101") == ()
    assert children("410102001002") == ()


def test_a_division_knows_its_level():
    levels = [division(code) for code in ("4101", "410102", "410102001", "410102001002")]

    assert [(d.is_city, d.is_district, d.is_township, d.is_community) for d in levels] == [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, True),
    ]


def test_a_division_is_within_itself_and_those_above():
    assert is_within("410102001002", {"410102001002"})
    assert is_within("410102001002", {"410103", "410102"})
    assert not is_within("410102001002", {"410103"})
    assert not is_within("410102", {"410102001"})


def test_a_code_outside_the_city_is_no_division():
    assert not is_division("419999")
    for lookup in (division, children, ancestors):
        with pytest.raises(NotFound, match="no such division"):
            lookup("419999")


def test_the_zone_without_a_code_manages_subdistricts_that_lie_under_jinshui():
    (zhengdong,) = catalogue.zones_without_code()

    assert zhengdong.label["zh"] == "郑东新区"
    assert [division(code).name for code in zhengdong.manages] == [
        "如意湖街道",
        "博学路街道",
        "龙湖街道",
        "龙源路街道",
        "金光路街道",
    ]
    assert {division(code).parent for code in zhengdong.manages} == {"410105"}
    assert division(zhengdong.parent).is_city
