"""Units arranged by those who answer for them, read as they were on a day, and what of their reports stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

import workers.jobs
from casework.application import Casework
from casework.config import Settings
from tests.api.conftest import Answer, Desk, DeskOf, arrived
from tests.given import COMMUNITY

MADE = iter(range(1, 1000))


@pytest.fixture
def operator(desk: DeskOf) -> Desk:
    return desk("operator")


def made(operator: Desk, kind: str, parent: str, **more: Any) -> str:
    """Register a unit; its code."""
    number = next(MADE)
    code = f"410105002{number:03}" if kind == "community" else f"{kind}-{number}"
    body = {"code": code, "kind": kind, "name_zh": code, "parent": parent, "registered_on": "2012-06-01", **more}
    answer = operator.post("/v1/units", body)
    assert answer.status == 201, answer.text
    return code


def arranged(desk: Desk, unit: str, what: str, body: dict[str, Any], **headers: str) -> Answer:
    """Give a command to a unit as it is now."""
    seen = desk.get(f"/v1/units/{unit}").headers["ETag"]
    return desk.post(f"/v1/units/{unit}/{what}", body, **{"If_Match": seen, **headers})


def codes_of(named: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in named]


def on(desk: Desk, unit: str, day: str) -> Any:
    return desk.get(f"/v1/units/{unit}?as_of={day}").json


def test_a_unit_is_read_as_it_stood_on_a_day(operator: Desk):
    east, west = made(operator, "district", "4101"), made(operator, "district", "4101")
    town = made(operator, "township", east)

    moved = arranged(operator, town, "places", {"changed_on": "2013-04-01", "managed_by": west})

    before, after = on(operator, town, "2013-03-31"), on(operator, town, "2013-04-01")
    assert (moved.status, moved.json["changed"]) == (200, True)
    assert (codes_of(before["ancestors"]), codes_of(after["ancestors"])) == ([east, "4101"], [west, "4101"])
    assert (after["parent"]["code"], after["managed_by"]["code"], after["place_since"]) == (east, west, "2013-04-01")
    assert [codes_of(on(operator, each, "2013-04-01")["children"]) for each in (east, west)] == [[], [town]]
    assert on(operator, town, "2012-05-31")["active"] is False


def test_a_unit_is_read_as_it_was_known(operator: Desk):
    unit = made(operator, "district", "4101")

    assert operator.get(f"/v1/units/{unit}?known_at=2001-01-01T00:00:00Z").status == 404
    assert operator.get(f"/v1/units/{unit}?known_at=2100-01-01T00:00:00Z").json["known_at"].startswith("2100")


def test_the_tag_that_a_command_answers_is_that_of_reading(operator: Desk):
    unit = made(operator, "district", "4101")
    answer = arranged(operator, unit, "facts", {"fact": "UF-PLAN", "reported_on": "2013-02-01", "from": "2013-01-01"})

    again = operator.get(f"/v1/units/{unit}", If_None_Match=answer.headers["ETag"])

    assert (again.status, again.headers["ETag"]) == (304, answer.headers["ETag"])


def test_a_person_edits_only_what_they_have_seen(operator: Desk, desk: DeskOf):
    unit = made(operator, "district", "4101")
    plan = {"fact": "UF-PLAN", "reported_on": "2013-02-01", "from": "2013-01-01"}
    feed = desk("service", bureau="PFP")

    unseen = [operator.post(f"/v1/units/{unit}/{what}", body) for what, body in EDITS.items()]
    fed = feed.post(f"/v1/units/{unit}/facts", plan)
    late = operator.post(f"/v1/units/{unit}/facts", {**plan, "to": "2014-01-01"}, If_Match='"1"')
    other = operator.post(f"/v1/units/{unit}/facts", {**plan, "fact": "UF-TPAY"}, If_Match='"1"')

    assert {(each.status, each.json["code"]) for each in unseen} == {(428, "if-match-missing")}
    assert (fed.status, late.status, other.status) == (201, 412, 201)
    assert (late.json["expected"], late.json["actual"], late.json["events"][0]["version"]) == (1, 2, 2)


EDITS: dict[str, dict[str, Any]] = {
    "facts": {"fact": "UF-PLAN", "reported_on": "2013-02-01", "from": "2013-01-01"},
    "facts/2/voids": {"reason": "entry_error"},
    "places": {"changed_on": "2013-04-01", "parent": "4101"},
    "splits": {"split_on": "2013-04-01", "parts": [{"code": "never", "name_zh": "新"}]},
    "mergers": {"merged_on": "2013-04-01", "into": "410105"},
    "closings": {"closed_on": "2013-04-01"},
}


def test_a_district_is_split_and_its_code_answers_where_it_went(operator: Desk):
    old = made(operator, "district", "4101")
    towns = [made(operator, "township", old) for _ in range(3)]
    works = made(operator, "employer", old)
    north, south = f"north-{old}", f"south-{old}"
    split = {
        "split_on": "2013-05-01",
        "closes": True,
        "parts": [
            {"code": north, "name_zh": "北区", "name_en": "North", "takes": towns[:1]},
            {"code": south, "name_zh": "南区", "takes_rest": True},
        ],
    }
    key, seen = uuid4().hex, operator.get(f"/v1/units/{old}").headers["ETag"]

    first, again = (
        operator.post(f"/v1/units/{old}/splits", split, If_Match=seen, Idempotency_Key=key) for _ in range(2)
    )

    assert first.status == 201, first.text
    assert again.json == first.json
    assert codes_of(operator.get(f"/v1/units/{old}").json["split_into"]) == [north, south]
    assert on(operator, old, "2013-04-30")["active"] is True
    assert on(operator, old, "2013-05-01")["active"] is False
    assert (on(operator, north, "2013-05-01")["split_from"]["code"], on(operator, north, "2013-05-01")["kind"]) == (
        old,
        "district",
    )
    assert codes_of(on(operator, old, "2013-04-30")["children"]) == sorted(towns)
    assert codes_of(on(operator, south, "2013-05-01")["children"]) == sorted(towns[1:])
    assert codes_of(operator.get(f"/v1/units?parent={south}").json["items"]) == sorted([works, *towns[1:]])
    assert codes_of(operator.get(f"/v1/units?parent={old}&active_on=2013-04-30").json["items"]) == sorted(
        [works, *towns]
    )


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("units-left-below", {}),
        ("unit-not-below", {"takes": ["school-1"]}),
        ("unit-unknown", {"takes": ["nowhere"]}),
        ("unit-registered", {"code": "410105"}),
    ],
)
def test_a_split_that_cannot_be_leaves_everything_as_it_was(operator: Desk, rule: str, changed: dict[str, Any]):
    old = made(operator, "district", "4101")
    town = made(operator, "township", old)
    part = {"code": f"new-{old}", "name_zh": "新区", "takes": [], **changed}

    answer = arranged(
        operator, old, "splits", {"split_on": "2013-05-01", "parts": [part], "closes": rule == "units-left-below"}
    )

    assert (answer.status, answer.json["code"]) == (409, rule)
    assert operator.get(f"/v1/units/new-{old}").status == 404
    assert on(operator, town, "2013-05-01")["parent"]["code"] == old


def test_what_stood_below_a_merged_unit_stands_below_the_one_that_took_it_in(operator: Desk):
    zone, district = made(operator, "zone", "4101"), made(operator, "district", "4101")
    own, run = made(operator, "township", zone), made(operator, "township", district, managed_by=zone)
    merger = {"merged_on": "2013-05-01", "into": district}
    key, seen = uuid4().hex, operator.get(f"/v1/units/{zone}").headers["ETag"]

    first, again = (
        operator.post(f"/v1/units/{zone}/mergers", merger, If_Match=seen, Idempotency_Key=key) for _ in range(2)
    )
    repeated = operator.post(f"/v1/units/{zone}/mergers", merger, If_Match='"9"')

    assert (first.status, again.json) == (200, first.json)
    assert (repeated.status, repeated.json["changed"]) == (200, False)
    assert operator.get(f"/v1/units/{zone}").json["merged_into"]["code"] == district
    assert codes_of(operator.get(f"/v1/units/{district}").json["took_in"]) == [zone]
    assert codes_of(on(operator, district, "2013-05-01")["children"]) == sorted([own, run])
    assert codes_of(on(operator, zone, "2013-04-30")["children"]) == sorted([own, run])


def test_boundaries_move_and_no_view_is_rewritten(
    operator: Desk, desk: DeskOf, casework: Casework, drain: Callable[[], None]
):
    east, west = made(operator, "district", "4101"), made(operator, "district", "4101")
    first, second = (made(operator, "community", each) for each in (east, west))
    for community, count in ((first, 3), (second, 2)):
        for number in range(count):
            arrived(desk(), f"甲{number}", community=community)
    drain()

    def rows() -> Any:
        with casework.pool.connection() as db:
            return db.execute("SELECT * FROM view_1.unit_total ORDER BY unit_id, partition").fetchall()

    def households(unit: str) -> int:
        return int(desk("auditor").get(f"/v1/units/{unit}/figures").json["households"]["value"])

    before, sums = rows(), [households(each) for each in (east, west, first)]
    assert arranged(operator, second, "places", {"changed_on": "2013-10-01", "parent": east}).status == 200
    drain()
    moved = [households(each) for each in (east, west, first)]
    assert arranged(operator, second, "mergers", {"merged_on": "2013-10-02", "into": first}).status == 200
    drain()
    merged = [households(each) for each in (east, west, first, second)]

    assert rows() == before
    assert (sums, moved, merged) == ([3, 2, 3], [5, 0, 3], [5, 0, 5, 5])
    assert len(desk("auditor").get(f"/v1/households?unit={first}").json["items"]) == 5


def test_by_todays_boundaries_a_district_that_a_split_made_has_the_past_of_what_it_took(
    operator: Desk, desk: DeskOf, casework: Casework, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    old = made(operator, "district", "4101")
    stays, goes = made(operator, "community", old), made(operator, "community", old)
    for number, community in enumerate((stays, goes, goes)):
        arrived(desk(), f"丙{number}", community=community)
    part = {"code": f"part-{old}", "name_zh": "新区", "takes": [goes]}
    assert arranged(operator, old, "splits", {"split_on": "2013-06-01", "parts": [part]}).status == 201
    runtime = workers.jobs.Runtime(settings, casework.pool, None, None)  # type: ignore[arg-type]
    monkeypatch.setattr(workers.jobs, "runtime", lambda: runtime)

    def households(unit: str, tree: str) -> Any:
        job = desk("auditor").get(f"/v1/units/{unit}/figures?as_of=2013-05-31&tree={tree}").json["id"]
        workers.jobs.run_job(job)
        return desk("auditor").get(f"/v1/jobs/{job}").json["result"]["households"]["value"]

    assert [households(each, "then") for each in (old, part["code"])] == [3, 0]  # type: ignore[arg-type]
    assert [households(each, "now") for each in (old, part["code"])] == [1, 2]  # type: ignore[arg-type]


def test_a_past_days_figures_are_counted_by_its_boundaries_or_by_todays(
    operator: Desk, desk: DeskOf, casework: Casework, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    east, west = made(operator, "district", "4101"), made(operator, "district", "4101")
    community = made(operator, "community", east)
    for number in range(2):
        arrived(desk(), f"乙{number}", community=community)
    arranged(operator, community, "places", {"changed_on": "2013-06-01", "parent": west})
    runtime = workers.jobs.Runtime(settings, casework.pool, None, None)  # type: ignore[arg-type]
    monkeypatch.setattr(workers.jobs, "runtime", lambda: runtime)

    def counted(unit: str, day: str, tree: str) -> Any:
        job = desk("auditor").get(f"/v1/units/{unit}/figures?as_of={day}&tree={tree}").json["id"]
        workers.jobs.run_job(job)
        result = desk("auditor").get(f"/v1/jobs/{job}", Accept_Language="en").json["result"]
        return result["households"]["value"], result["meta"]["tree"], result["meta"]["tree_label"]

    assert [counted(each, "2013-05-31", "then") for each in (east, west)] == [
        (2, "then", "As it was"),
        (0, "then", "As it was"),
    ]
    refused = desk("supervisor").get(f"/v1/units/{east}/figures?as_of=2013-05-31&tree=now")
    assert (refused.status, refused.json["code"]) == (403, "tree-not-shown")
    assert desk("supervisor").get(f"/v1/units/{community}/figures?as_of=2013-05-31&tree=now").status == 202
    assert [counted(each, "2013-05-31", "now")[0] for each in (east, west)] == [0, 2]
    assert counted(west, "2013-06-01", "then")[0] == 2
    assert counted(east, "2013-05-31", "now")[1:] == ("now", "As it is now")


def test_a_unit_closes_when_nothing_is_left_of_it(operator: Desk, desk: DeskOf, drain: Callable[[], None]):
    town = made(operator, "township", "410105")
    community, empty, works = (
        made(operator, "community", town),
        made(operator, "community", town),
        made(operator, "employer", town),
    )
    arrived(desk(), community=community)
    drain()
    closing = {"closed_on": "2013-10-01"}

    answers = [arranged(operator, each, "closings", closing) for each in (town, community, empty, works)]

    assert [answer.status for answer in answers] == [409, 409, 200, 200]
    assert [answer.json["code"] for answer in answers[:2]] == ["units-left-below", "unit-lived-in"]
    assert on(operator, empty, "2013-10-01")["closed_on"] == "2013-10-01"


def test_a_community_that_households_live_in_is_not_split_up_whole(
    operator: Desk, desk: DeskOf, drain: Callable[[], None]
):
    community = made(operator, "community", "410105")
    arrived(desk(), community=community)
    drain()
    split = {"split_on": "2013-10-01", "parts": [{"code": f"new-{community}", "name_zh": "新社区"}]}

    whole, part = (arranged(operator, community, "splits", {**split, "closes": closes}) for closes in (True, False))

    assert (whole.status, whole.json["code"], part.status) == (409, "unit-lived-in", 201)


def test_a_wrong_report_is_voided_and_its_evidence_is_for_those_who_look_into_it(
    operator: Desk, desk: DeskOf, casework: Casework
):
    town = made(operator, "township", "410105")
    node = {
        "fact": "UF-EMPNET",
        "reported_on": "2013-02-01",
        "from": "2013-01-01",
        "items": ["staff"],
        "evidence": "doc-4711",
    }
    reported = arranged(desk("bureau", bureau="HRSS"), town, "facts", node)
    seen = [desk(role).get(f"/v1/units/{town}").json["facts"][0]["evidence"] for role in ("auditor", "caseworker")]
    entry = operator.get(f"/v1/units/{town}").json["facts"][0]["entry"]

    voided = arranged(operator, town, f"facts/{entry}/voids", {"reason": "not_in_place"})
    again = arranged(operator, town, f"facts/{entry}/voids", {"reason": "not_in_place"})
    nothing = arranged(operator, town, "facts/1/voids", {"reason": "not_in_place"})

    story = desk("auditor").get(f"/v1/units/{town}/history", Accept_Language="en").json["items"]
    assert (reported.status, seen) == (201, ["doc-4711", None])
    assert (voided.status, again.json["changed"]) == (200, False)
    assert (nothing.status, nothing.json["code"]) == (409, "unit-report-unknown")
    assert [(each["label"], each["voided_by"], each["evidence"]) for each in story] == [
        ("Unit registered", None, None),
        ("Fact reported", 3, "doc-4711"),
        ("Report voided", None, None),
    ]
    assert on(operator, town, "2013-02-01")["facts"] == []
    with casework.pool.connection() as db:
        stored = db.execute("SELECT string_agg(convert_from(state, 'UTF8'), ' ') FROM casework.events").fetchone()
    assert stored is not None
    assert "doc-4711" not in stored[0]


def test_the_history_names_the_units_that_it_tells_of_page_by_page(operator: Desk):
    town = made(operator, "township", "410105")
    arranged(operator, town, "places", {"changed_on": "2013-02-01", "parent": made(operator, "district", "4101")})

    first = operator.get(f"/v1/units/{town}/history?limit=1")
    second = operator.get(f"/v1/units/{town}/history?limit=1&cursor={first.json['next']}")

    assert codes_of(first.json["items"][0]["units"]) == ["410105"]
    assert (first.json["next"], second.json["next"], "Link" in first.headers) == ("1", None, True)
    assert second.json["items"][0]["type"] == "unit.parent-changed.v1"
    assert operator.get(f"/v1/units/{town}/history?cursor=x").status == 400
    assert operator.get(f"/v1/units/{town}/history?known_at=2001-01-01T00:00:00Z").status == 404


@pytest.mark.parametrize(
    ("who", "fact", "unit", "status"),
    [
        ({"role": "bureau", "bureau": "EDUB"}, "UF-COLL", "emp-1", 403),
        ({"role": "bureau", "bureau": "HRSS"}, "UF-COLL", "emp-1", 201),
        ({"role": "service", "bureau": "EDUB"}, "UF-COLL", "emp-1", 403),
        ({"role": "bureau", "bureau": "LOCAL", "divisions": ["410102"]}, "UF-PLAN", "410105", 403),
        ({"role": "bureau", "bureau": "LOCAL", "divisions": ["410105"]}, "UF-PLAN", "410105", 201),
        ({"role": "supervisor", "divisions": ["410105"]}, "UF-TPAY", "410105", 201),
        ({"role": "supervisor", "divisions": [COMMUNITY]}, "UF-TPAY", "410105", 403),
        ({"role": "supervisor", "divisions": []}, "UF-TPAY", "410105", 403),
    ],
)
def test_facts_are_reported_by_whose_field_and_division_they_are(
    desk: DeskOf, who: dict[str, Any], fact: str, unit: str, status: int
):
    report = {"fact": fact, "reported_on": "2013-03-01", "from": "2013-01-01"}

    assert arranged(desk(**who), unit, "facts", report).status == status


def test_a_supervisor_arranges_what_stands_below_their_division(operator: Desk, desk: DeskOf):
    east, west = made(operator, "district", "4101"), made(operator, "district", "4101")
    town, other = made(operator, "township", east), made(operator, "township", west)
    mine = desk("supervisor", divisions=[east])
    new = {"code": f"new-{town}", "kind": "community", "name_zh": "新", "registered_on": "2013-01-01"}

    allowed = [
        mine.post("/v1/units", {**new, "parent": town}),
        arranged(mine, f"new-{town}", "places", {"changed_on": "2013-02-01", "parent": east}),
        arranged(mine, f"new-{town}", "closings", {"closed_on": "2013-03-01"}),
    ]
    refused = [
        mine.post("/v1/units", {**new, "code": f"x-{town}", "parent": other}),
        mine.post("/v1/units", {**new, "code": f"x-{town}"}),
        arranged(mine, town, "places", {"changed_on": "2013-02-01", "parent": west}),
        arranged(mine, other, "places", {"changed_on": "2013-02-01", "parent": east}),
        arranged(mine, east, "closings", {"closed_on": "2013-02-01"}),
        arranged(mine, town, "mergers", {"merged_on": "2013-02-01", "into": other}),
        arranged(mine, other, "splits", {"split_on": "2013-02-01", "parts": [{"code": "y", "name_zh": "新"}]}),
    ]

    assert [answer.status for answer in allowed] == [201, 200, 200], [answer.text for answer in allowed]
    assert {(answer.status, answer.json["code"]) for answer in refused} == {(403, "unit-not-yours")}


def test_units_are_listed_by_tier_and_by_the_day_on_which_they_exist(operator: Desk):
    town = made(operator, "township", "410105", tier="township")
    arranged(operator, town, "closings", {"closed_on": "2013-05-01"})

    def listed(query: str) -> list[str]:
        return codes_of(operator.get(f"/v1/units?limit=1000&{query}").json["items"])

    assert town in listed("tier=township")
    assert town not in listed("tier=county")
    assert town in listed("active_on=2013-04-30")
    assert town not in listed("active_on=2013-05-01")
    assert town not in listed("active_on=2012-05-31")
    assert operator.get("/v1/units?parent=nowhere").status == 404


def test_what_a_district_has_yet_to_report_is_listed_with_whose_field_it_is(operator: Desk):
    district = made(operator, "district", "4101")
    new_type = made(operator, "community", district, new_type_community=True)
    plain = made(operator, "community", district)
    node = {"fact": "UF-EMPNET", "reported_on": "2013-02-01", "from": "2013-01-01", "items": ["staff", "funds"]}
    arranged(operator, new_type, "facts", node)
    arranged(operator, plain, "facts", {**node, "fact": "UF-COMHALL", "items": []})

    def missing(query: str = "") -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = operator.get(f"/v1/units/{district}/missing-facts?limit=4{query}{cursor}").json
            found += [(each["unit"]["code"], each["fact"]) for each in page["items"]]
            cursor = f"&cursor={page['next']}" if page["next"] else None
        return found

    everything = missing()
    [node_left] = operator.get(f"/v1/units/{new_type}/missing-facts?fact=UF-EMPNET").json["items"]
    assert len(everything) == len(set(everything)) == 9 + 8 + 6, everything
    assert everything == sorted(everything)
    assert (plain, "UF-COMHALL") not in everything
    assert missing("&fact=UF-SCHPOINT") == [(new_type, "UF-SCHPOINT")]
    assert (plain, "UF-COMHALL") in missing("&as_of=2013-01-31")
    assert [item["code"] for item in node_left["missing_items"]] == ["organisation", "posts", "premises", "rules"]
    assert {"HRSS", "LOCAL"} <= set(node_left["bureaus"])
    assert "EDUB" not in node_left["bureaus"]


def taken_back(desk: Desk, unit: str, type_name: str, **more: Any) -> Answer:
    """Take back the last entry of a sort."""
    entries = desk.get(f"/v1/units/{unit}/history").json["items"]
    entry = [each["version"] for each in entries if each["type"] == type_name][-1]
    return arranged(desk, unit, f"entries/{entry}/voids", {"reason": "entry_error", **more})


def test_a_wrong_closing_is_taken_back_and_the_history_says_so(operator: Desk):
    works = made(operator, "employer", "410105")
    arranged(operator, works, "closings", {"closed_on": "2013-05-01"})

    first, again = (taken_back(operator, works, "unit.closed.v1") for _ in range(2))

    assert first.status == 200, first.text
    assert (first.status, first.json["changed"], again.json["changed"]) == (200, True, False)
    assert on(operator, works, "2013-05-01")["active"] is True
    history = operator.get(f"/v1/units/{works}/history").json["items"]
    assert [(each["type"], each["voided_by"]) for each in history[1:]] == [
        ("unit.closed.v1", 3),
        ("unit.entry-voided.v1", None),
    ]


def test_a_wrong_merger_is_taken_back_with_all_that_went_along(operator: Desk):
    zone, district = made(operator, "zone", "4101"), made(operator, "district", "4101")
    own, run = made(operator, "township", zone), made(operator, "township", district, managed_by=zone)
    arranged(operator, zone, "mergers", {"merged_on": "2013-05-01", "into": district})

    answer = taken_back(operator, zone, "unit.merged.v1")

    assert answer.status == 200, answer.text
    assert codes_of(on(operator, zone, "2013-05-01")["children"]) == sorted([own, run])
    assert on(operator, run, "2013-05-01")["managed_by"]["code"] == zone
    assert on(operator, district, "2013-05-01")["children"] == []
    assert operator.get(f"/v1/units/{zone}").json["merged_into"] is None
    assert operator.get(f"/v1/units/{district}").json["took_in"] == []


def test_a_wrong_split_is_taken_back_and_the_right_one_has_its_codes(operator: Desk):
    old = made(operator, "district", "4101")
    towns = [made(operator, "township", old) for _ in range(2)]
    new = f"new-{old}"
    split = {"split_on": "2013-05-01", "parts": [{"code": new, "name_zh": "新区", "takes": towns}]}
    arranged(operator, old, "splits", split)

    answer = taken_back(operator, old, "unit.split.v1", reason="not_decided")
    gone, stands = on(operator, new, "2013-05-01"), codes_of(on(operator, old, "2013-05-01")["children"])
    split["parts"][0]["takes"] = towns[:1]  # type: ignore[index]
    again = arranged(operator, old, "splits", split)

    assert answer.status == 200, answer.text
    assert (gone["active"], stands) == (False, sorted(towns))
    assert again.status == 201, again.text
    assert codes_of(on(operator, new, "2013-05-01")["children"]) == towns[:1]
    assert on(operator, new, "2013-05-01")["active"] is True


def test_what_later_entries_depend_on_is_not_taken_back(operator: Desk, desk: DeskOf, drain: Callable[[], None]):
    old, elsewhere = made(operator, "district", "4101"), made(operator, "district", "4101")
    town, other = made(operator, "township", old), made(operator, "township", old)
    community, new = made(operator, "community", town), f"new-{old}"
    plan = {"fact": "UF-PLAN", "reported_on": "2013-06-01", "from": "2013-06-01"}
    split = {"split_on": "2013-05-01", "parts": [{"code": new, "name_zh": "新区", "takes": [town]}]}
    arranged(operator, old, "splits", split)
    arranged(operator, new, "facts", plan)
    reported = taken_back(operator, old, "unit.split.v1")
    arranged(operator, new, "facts/2/voids", {"reason": "entry_error"})
    arranged(operator, other, "places", {"changed_on": "2013-06-01", "parent": new})
    placed = taken_back(operator, old, "unit.split.v1")
    arranged(operator, other, "places", {"changed_on": "2013-06-01", "parent": old})
    arranged(operator, town, "places", {"changed_on": "2013-06-01", "parent": elsewhere})
    moved = taken_back(operator, old, "unit.split.v1")
    part = {"code": "410105002777", "name_zh": "新社区"}
    arranged(operator, community, "splits", {"split_on": "2012-10-01", "parts": [part]})
    arrived(desk(), community="410105002777")
    drain()
    lived_in = taken_back(operator, community, "unit.split.v1")
    nothing = arranged(operator, town, "entries/1/voids", {"reason": "entry_error"})

    answers = (reported, placed, moved, lived_in, nothing)
    assert [(answer.status, answer.json["code"]) for answer in answers] == [
        (409, "unit-used-since"),
        (409, "units-left-below"),
        (409, "unit-moved-since"),
        (409, "unit-used-since"),
        (409, "unit-entry-unknown"),
    ]


def test_a_closing_is_taken_back_by_who_answers_for_the_division_above(operator: Desk, desk: DeskOf):
    town = made(operator, "township", "410105")
    works = made(operator, "employer", town)
    arranged(operator, works, "closings", {"closed_on": "2013-05-01"})

    theirs = taken_back(desk("supervisor", divisions=["410102"]), works, "unit.closed.v1")
    ours = taken_back(desk("supervisor", divisions=["410105"]), works, "unit.closed.v1")

    assert (theirs.status, theirs.json["code"], ours.status) == (403, "unit-not-yours", 200)
