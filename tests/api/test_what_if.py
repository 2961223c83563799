"""Lists and figures under a policy that is not in force: a draft that an operator tries."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from casework.application import Casework
from casework.domain.policy import parse_draft
from casework.projections import rebuild
from casework.projections.engine import Engine
from tests.api.conftest import DeskOf, arrived
from tests.given import COMMUNITY

FIGURES = f"/v1/units/{COMMUNITY}/figures"
LIST = "/v1/households"
HOMES = 7


@pytest.fixture(scope="module")
def engine(casework: Casework) -> Engine:
    """What keeps the views, on the day of the tests."""
    return Engine(casework.pool, today=lambda: casework.today)


@pytest.fixture(scope="module", autouse=True)
def views(casework: Casework, engine: Engine, desk: DeskOf) -> None:
    """Some households, live under the policy in force, and counted once under a draft."""
    for number in range(HOMES):
        arrived(desk(), f"甲{number}")
    while engine.drain():
        pass
    content = draft("2099.1", small_n=2, bands=[["A", 0]])
    rebuild.begin_what_if(engine, parse_draft(content), content)
    while engine.fill():
        pass


def draft(version: str, **changes: Any) -> bytes:
    """The policy in force with some numbers changed."""
    policy = json.loads(files("casework.data").joinpath("policies", "2013.1.json").read_bytes())
    return json.dumps({**policy, "version": version, **changes}).encode()


def test_figures_under_a_draft_are_those_of_its_views(desk: DeskOf):
    now, then = desk("auditor").get(FIGURES), desk("auditor").get(f"{FIGURES}?policy=2099.1")

    assert (now.json["meta"]["policy"], then.json["meta"]["policy"]) == ("2013.1", "2099.1")
    assert then.json["households"] == now.json["households"] == {"state": "known", "value": HOMES}
    assert (now.json["overall"]["band"], then.json["overall"]["band"]) == ("D", "B")


def test_lists_under_a_draft_are_those_of_its_views(desk: DeskOf):
    now, then = desk().get(f"{LIST}?limit=3"), desk().get(f"{LIST}?limit=3&policy=2099.1")

    assert {item["band"] for item in now.json["items"]} == {"D"}
    assert {item["band"] for item in then.json["items"]} == {"B"}
    assert "policy=2099.1" in then.headers["Link"]
    assert then.json["meta"]["policy"] == "2099.1"


def test_a_draft_shows_the_cut_that_it_was_made_at(desk: DeskOf, engine: Engine):
    before = desk("auditor").get(f"{FIGURES}?policy=2099.1").json
    written = desk().post("/v1/households", ARRIVAL)
    while engine.drain() or engine.fill():
        pass

    after = desk("auditor").get(f"{FIGURES}?policy=2099.1").json
    newest = desk("auditor").get(FIGURES).json
    asked = desk("auditor").get(f"{FIGURES}?policy=2099.1&min_position={written.json['position']}")

    assert (after["households"], after["meta"]["cut"]) == (before["households"], before["meta"]["cut"])
    assert newest["households"]["value"] == HOMES + 1
    assert (asked.status, asked.json["code"]) == (503, "projection-lag")


ARRIVAL = {
    "arrived_on": "2013-01-05",
    "community": COMMUNITY,
    "members": [{"relation": "head", "sex": "female", "born_on": "1990-05-17", "name": "王芳", "migrant": True}],
}


def test_the_policy_in_force_is_the_live_one(desk: DeskOf):
    assert desk("auditor").get(f"{FIGURES}?policy=2013.1").json["meta"]["policy"] == "2013.1"
    assert desk().get(f"{LIST}?policy=2013.1").json["meta"]["policy"] == "2013.1"


def test_without_views_a_policy_has_no_list(desk: DeskOf):
    answer = desk().get(f"{LIST}?policy=2098.1")

    assert (answer.status, answer.json["code"]) == (404, "policy-without-views")


def test_while_views_are_being_filled_they_are_not_shown(desk: DeskOf, engine: Engine):
    content = draft("2099.2")
    rebuild.begin_what_if(engine, parse_draft(content), content)

    answers = [desk().get(f"{place}policy=2099.2") for place in (f"{FIGURES}?", f"{LIST}?")]

    assert {(answer.status, answer.json["code"]) for answer in answers} == {(503, "views-being-filled")}
