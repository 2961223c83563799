"""Lists and units: pages, filters, freshness, figures, and what of them is hidden."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from time import monotonic
from typing import Any

import pytest
from flask import Flask

from casework.application import Casework
from casework.domain.registry import unit_id
from tests.api.conftest import Answer, Desk, DeskOf, arrived
from tests.given import COMMUNITY, OTHER_COMMUNITY, by

Drain = Callable[[], None]
MANY, FEW = 9, 3


@pytest.fixture(scope="module")
def homes(desk: DeskOf) -> dict[str, list[str]]:
    """Nine households in one community, three in another; two of the nine were visited."""
    clerk = desk()
    there = {
        COMMUNITY: [arrived(clerk, f"甲{number}") for number in range(MANY)],
        OTHER_COMMUNITY: [arrived(clerk, f"乙{number}", community=OTHER_COMMUNITY) for number in range(FEW)],
    }
    for household in there[COMMUNITY][:2]:
        visit = {"service": "COM-VISIT", "delivered_on": "2013-09-01"}
        assert clerk.edit(household, "deliveries", visit).status == 201
    return there


def pages(desk: Desk, path: str) -> list[list[str]]:
    """The ids of each page, followed by link from the first to the last."""
    found = []
    while path:
        answer = desk.get(path)
        assert answer.status == 200, answer.text
        found.append([item["id"] for item in answer.json["items"]])
        link = answer.headers.get("Link", "")
        path = link.partition(">")[0].removeprefix("<")
        assert bool(path) == (answer.json["next"] is not None)
    return found


def test_pages_follow_one_another_without_gap_or_repetition(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()

    found = pages(desk(), "/v1/households?limit=5")

    flat = [household for page in found for household in page]
    assert [len(page) for page in found] == [5, 5, 2]
    assert sorted(flat) == sorted(homes[COMMUNITY] + homes[OTHER_COMMUNITY])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"unit={COMMUNITY}", MANY),
        ("unit=410105", MANY),
        ("unit=4101", MANY + FEW),
        ("unit=nowhere", 0),
        ("band=D", MANY + FEW),
        ("band=A", 0),
        ("status=assessed", MANY + FEW),
        ("status=closed", 0),
        ("level=community&level_band=D", MANY + FEW),
        ("level=school&level_band=NA", MANY + FEW),
        ("level=school&level_band=A", 0),
        ("unit=410105&band=D&status=assessed", MANY),
    ],
)
def test_filters(desk: DeskOf, homes: dict[str, list[str]], drain: Drain, query: str, count: int):
    drain()

    answer = desk().get(f"/v1/households?limit=100&{query}")

    assert len(answer.json["items"]) == count


def test_a_list_holds_the_callers_divisions_alone(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()
    there = desk(divisions=[OTHER_COMMUNITY])

    mine, other = there.get("/v1/households"), there.get("/v1/households?unit=410105")

    assert sorted(item["id"] for item in mine.json["items"]) == sorted(homes[OTHER_COMMUNITY])
    assert other.json["items"] == []


def test_a_list_tells_heads_levels_and_the_cut(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()

    answer = desk().get("/v1/households?limit=1")

    [item] = answer.json["items"]
    assert item["head_name"][0] in "甲乙"
    assert [level["level"] for level in item["levels"]] == ["school", "workplace", "community", "city"]
    assert (answer.json["meta"]["as_of"], answer.json["meta"]["policy"]) == ("2013-10-20", "2013.1")
    assert ",64:" in answer.json["meta"]["cut"]
    assert desk().get("/v1/households?limit=1&names=false").json["items"][0]["head_name"] is None


def test_a_list_waits_for_what_its_caller_wrote(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()
    clerk = desk()
    visit = {"service": "COM-VISIT", "delivered_on": "2013-08-01"}
    position = clerk.edit(homes[COMMUNITY][3], "deliveries", visit).json["position"]

    before = clerk.get(f"/v1/households?min_position={position}", Prefer="wait=0")
    without = clerk.get("/v1/households", Prefer="respond-async, wait=0")
    drain()
    after = clerk.get(f"/v1/households?min_position={position}", Prefer="wait=0")

    for answer in (before, without):
        assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "projection-lag", "1")
    assert after.status == 200


def test_units_are_listed_by_kind_and_division(desk: DeskOf):
    clerk = desk("panelist")

    kinds = {item["kind"] for item in clerk.get("/v1/units?kind=community").json["items"]}
    under = {item["code"] for item in clerk.get("/v1/units?under=410105").json["items"]}
    codes = [item["code"] for item in clerk.get("/v1/units").json["items"]]

    assert kinds == {"community"}
    assert under == {COMMUNITY}
    assert codes == sorted(codes)
    assert len(pages(clerk, "/v1/units?limit=4")) == 2


def figures(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.text
    return {each["indicator"]: each for each in answer.json["indicators"]}


def test_small_cells_and_their_complements_are_hidden(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()

    seen = desk("auditor").get("/v1/units/410105/figures")
    hidden = desk("caseworker").get("/v1/units/410105/figures")

    assert (figures(seen)["COM5"]["num"], figures(seen)["COM5"]["den"]) == (3, MANY)
    assert (figures(hidden)["COM5"]["state"], figures(hidden)["COM5"]["num"]) == ("hidden", None)
    assert figures(hidden)["COM1"]["state"] == "hidden"  # nobody has one: 0 of 9 tells of all nine
    assert figures(hidden)["SCH1"]["state"] == figures(seen)["SCH1"]["state"] == "not_applicable"
    assert seen.json["households"] == {"state": "known", "value": MANY}
    assert hidden.json["households"]["state"] == "hidden"  # beside the only other one, of three, it tells of those


def test_of_fewer_than_five_households_not_even_a_score_is_shown(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    drain()

    seen = desk("selection").get(f"/v1/units/{OTHER_COMMUNITY}/figures").json
    hidden = desk("panelist").get(f"/v1/units/{OTHER_COMMUNITY}/figures").json

    assert (hidden["households"], hidden["overall"]["state"]) == ({"state": "hidden", "value": None}, "hidden")
    assert {level["state"] for level in hidden["levels"]} == {"hidden", "not_applicable"}
    assert (seen["households"]["value"], seen["overall"]["state"]) == (FEW, "known")


def test_what_a_sibling_would_tell_is_hidden_with_it(
    desk: DeskOf, casework: Casework, homes: dict[str, list[str]], drain: Drain
):
    """The city has two divisions: what is hidden in the smaller could be had by subtraction from the larger."""
    drain()

    larger = desk("panelist").get("/v1/units/410105/figures")

    # Each of the nine owes two insurances: 18 pairs, none paid, which is small on one side in both divisions.
    assert figures(larger)["CIT1"]["state"] == "hidden"


def test_a_feed_that_is_late_is_not_the_same_as_nobody(
    desk: DeskOf, casework: Casework, homes: dict[str, list[str]], drain: Drain
):
    casework.close_feed(by("operator"), bureau="HLTH", area="HLT", month="2013-01", closed_on=date(2013, 2, 10))
    drain()

    found = figures(desk("auditor").get("/v1/units/410105/figures"))

    assert (found["COM1"]["state"], found["SCH1"]["state"]) == ("not_reported", "not_applicable")


def test_an_employer_has_its_own_measures(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    clerk = desk()
    person = clerk.get(f"/v1/households/{homes[COMMUNITY][0]}").json["members"][0]["person_id"]
    work = {"person_id": person, "kind": "employee", "unit_id": "emp-1", "from": "2013-02-01"}
    assert clerk.edit(homes[COMMUNITY][0], "employments", work).status == 201
    drain()

    answer = desk("auditor").get(f"/v1/units/{unit_id('emp-1')}/figures")

    assert set(figures(answer)) == {"WRK1", "WRK5", "K03B", "K03D"}
    assert (figures(answer)["WRK1"]["num"], figures(answer)["WRK1"]["den"]) == (0, 1)
    assert (answer.json["levels"], answer.json["overall"]) == ([], None)


def test_figures_say_at_which_cut_they_were_computed(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()

    meta = desk().get("/v1/units/4101/figures").json["meta"]

    assert set(meta) == {"cut", "as_of", "known_at", "policy", "computed_at", "tree", "tree_label"}
    assert desk().get("/v1/units/nobody/figures").status == 404


def test_half_of_the_threads_never_wait(app: Flask, desk: DeskOf):
    clerk = desk()
    places = app.extensions["waiting"]
    taken = [places.acquire(blocking=False) for _ in range(4)]
    began = monotonic()

    answer = clerk.get("/v1/households?min_position=1:999999999", Prefer="wait=10")
    shown = clerk.get("/v1/households?min_position=1:0", Prefer="wait=10")

    for _ in taken:
        places.release()
    assert taken == [True] * 4
    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "projection-lag", "1")
    assert shown.status == 200
    assert monotonic() - began < 5
