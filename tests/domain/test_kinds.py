"""Kinds of exemplars as data: six by default, extensions on demand, the literal ten by a switch."""

from __future__ import annotations

import msgspec
import pytest

from casework.domain.codes import codes
from casework.domain.divisions import at_level
from casework.domain.kinds import belongs, is_for_persons, round_kinds, unit_kinds
from casework.domain.policy import parse_draft
from casework.errors import Invalid, NotFound, Refused
from tests.domain.given_units import POLICY, literal_ten


def test_the_six_kinds_of_the_plan_are_in_a_round():
    assert [kind.code for kind in round_kinds(POLICY)] == [
        "K01_DISTRICT",
        "K02_TOWNSHIP",
        "K03_EMPLOYER",
        "K04_SERVICE_AGENCY",
        "K05_TRAINING_PROVIDER",
        "K06_MIGRANT_WORKER",
    ]


def test_an_extension_joins_them_when_it_is_asked_for_and_says_what_it_is():
    *six, seventh = round_kinds(POLICY, ["K07_COMMUNITY"])

    assert (seventh.code, seventh.project_extension) == ("K07_COMMUNITY", True)
    assert not any(kind.project_extension for kind in six)


def test_a_kind_without_formula_is_never_in_a_round():
    with pytest.raises(Refused, match="no formula"):
        round_kinds(POLICY, ["K09_HEALTH_INSTITUTION"])
    with pytest.raises(NotFound, match="no such kind"):
        round_kinds(POLICY, ["K10_HOUSEHOLD"])


def test_a_draft_policy_cannot_activate_it_either():
    draft = msgspec.json.decode(msgspec.json.encode(POLICY))
    draft.pop("sha256")
    draft["version"] = "2013.9"
    assert parse_draft(msgspec.json.encode(draft)).version == "2013.9"

    draft["selection"]["kinds"][8]["active"] = True

    with pytest.raises(Invalid, match="without formula"):
        parse_draft(msgspec.json.encode(draft))


@pytest.mark.parametrize(
    ("place", "change"),
    [(0, {"facts": ["UF-MOON"]}), (0, {"levels": ["moon"]}), (2, {"parts": {"moon": 100}}), (3, {"size_of": "pupils"})],
)
def test_a_draft_policy_measures_by_what_the_rules_know(place: int, change: dict[str, object]):
    draft = msgspec.json.decode(msgspec.json.encode(POLICY))
    draft.pop("sha256")
    draft["version"] = "2013.9"
    draft["selection"]["kinds"][place] |= change

    with pytest.raises(Invalid, match="not those of the rules"):
        parse_draft(msgspec.json.encode(draft))


def test_the_literal_reading_opens_the_brackets_to_ten():
    kinds = round_kinds(literal_ten())

    assert [kind.label["zh"] for kind in kinds] == [
        "先进县", "先进市", "先进区", "先进乡", "先进镇", "先进办",
        "用工单位", "服务管理机构", "培训机构", "外来务工人员"
    ]  # fmt: skip
    assert [kind.min_size for kind in kinds] == [300, 300, 300, 100, 100, 100, 20, 100, 20, None]
    assert len({kind.code for kind in kinds}) == 10


def test_every_division_is_of_exactly_one_of_the_literal_ten():
    counts: dict[str, int] = {}
    for level in ("district", "township"):
        for division in at_level(level):
            kind = "zone" if division.is_zone else level
            (only,) = [each.code for each in round_kinds(literal_ten()) if belongs(each.code, kind, division.name)]
            counts[only] = counts.get(only, 0) + 1

    assert counts == {"K01_COUNTY": 1, "K01_CITY": 5, "K01_URBAN": 9, "K02_RURAL": 15, "K02_TOWN": 72, "K02_URBAN": 121}


def test_districts_and_zones_are_one_kind_and_employers_another():
    assert belongs("K01_DISTRICT", "zone", "郑东新区")
    assert not belongs("K01_DISTRICT", "township", "花园口镇")
    assert belongs("K03_EMPLOYER", "employer", "甲")


def test_every_kind_is_for_units_that_there_are_but_for_persons():
    known = {row.code for row in codes("unit_kinds")}

    assert all(known.issuperset(unit_kinds(kind.code)) for kind in POLICY.selection.kinds)
    assert [kind.code for kind in POLICY.selection.kinds if is_for_persons(kind.code)] == ["K06_MIGRANT_WORKER"]


def test_no_kind_is_for_households():
    assert not any("household" in each for kind in POLICY.selection.kinds for each in unit_kinds(kind.code))
