"""Worklists: what each caller sees, page by page, and that a count is the length of its list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.ids import partition_of
from casework.projections import sets
from tests.api.conftest import Desk, DeskOf, arrival, arrived, id_number
from tests.api.test_lists import Drain
from tests.given import COMMUNITY, OTHER_COMMUNITY

Item = dict[str, Any]
CALLERS: list[tuple[str, dict[str, Any]]] = [
    ("caseworker", {}),
    ("caseworker", {"divisions": [OTHER_COMMUNITY]}),
    ("supervisor", {"divisions": ["410105"]}),
    ("supervisor", {"divisions": ["4101"]}),
    ("auditor", {"divisions": []}),
    *(("bureau", {"bureau": bureau}) for bureau in ("HLTH", "PFP", "HRSS", "CIV", "LOCAL")),
]
QUERIES = [
    "",
    "kind=service_due",
    "area=HLT",
    "bureau=HRSS",
    f"community={COMMUNITY}",
    "overdue=true",
    "overdue=false",
    "overdue=true&as_of=2013-01-10",
    "kind=parked",
    "kind=duplicate",
    "kind=duplicate&overdue=true&as_of=2100-01-01",
    "area=SSH&bureau=HRSS&overdue=true&as_of=2030-01-01",
]


@pytest.fixture(scope="module")
def homes(desk: DeskOf) -> dict[str, list[str]]:
    """Two households in one community, one in another; something restricted, a request and a referral among them."""
    clerk = desk()
    there = {COMMUNITY: [arrived(clerk, "甲"), arrived(clerk, "乙")]}
    there[OTHER_COMMUNITY] = [arrived(clerk, "丙", community=OTHER_COMMUNITY)]
    ill, asks = there[COMMUNITY]
    person = clerk.get(f"/v1/households/{ill}").json["members"][0]["person_id"]
    told: list[tuple[str, str, Item]] = [
        (ill, "needs", {"need": "CHRONIC", "result": "present", "assessed_on": "2013-05-01", "person_id": person}),
        (ill, f"members/{person}/facts", {"recorded_on": "2013-05-01", "facts": {"pregnancy": {"from": "2013-04-01"}}}),
        (asks, "needs", {"need": "HOUSING", "result": "present", "assessed_on": "2013-09-01"}),
        (asks, "services", {"service": "HSG-PUB", "requested_on": "2013-09-02"}),
    ]
    for household, path, body in told:
        answer = clerk.edit(household, path, body)
        assert answer.json.get("changed"), answer.text
    return there


def items(desk: Desk, query: str = "", limit: int = 1000) -> list[Item]:
    """All items, followed by link from page to page."""
    found: list[Item] = []
    path = f"/v1/worklist?limit={limit}&{query}"
    while path:
        answer = desk.get(path)
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
        assert bool(path) == (answer.json["next"] is not None)
    return found


@pytest.mark.parametrize(("role", "claims"), CALLERS, ids=[f"{role} {claims}" for role, claims in CALLERS])
def test_counts_are_the_lengths_of_lists_whoever_asks(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain, role: str, claims: dict[str, Any]
):
    drain()
    caller = desk(role, **claims)

    for query in QUERIES:
        listed, counted = items(caller, query), caller.get(f"/v1/worklist/counts?{query}").json
        assert counted["count"] == len(listed), query
        assert counted["overdue"] == sum(item["overdue"] for item in listed), query
        for group in counted["items"]:
            same = [each for each in listed if all(each[name] == group[name] for name in ("kind", "area", "bureau"))]
            assert (group["count"], group["overdue"]) == (len(same), sum(item["overdue"] for item in same))


def test_pages_follow_one_another_without_gap_or_repetition(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()

    whole, pieces = items(desk()), items(desk(), limit=3)

    assert len(whole) > 10
    assert pieces == whole
    assert [item["due_on"] for item in whole] == sorted(item["due_on"] for item in whole)


def test_an_item_says_what_for_whom_why_and_what_closes_it(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()

    [request] = items(desk(), "kind=request")
    [record] = [item for item in items(desk(divisions=[OTHER_COMMUNITY])) if item["why"] == "no-health-record"]
    english = desk().get("/v1/worklist?kind=request", Accept_Language="en").json["items"][0]

    assert (request["household_id"], request["services"][0]["code"]) == (homes[COMMUNITY][1], "HSG-PUB")
    assert (request["bureau"], request["area"], request["due_on"]) == ("HSG", "SSH", "2013-09-30")
    assert (request["overdue"], request["closes"], request["person_id"]) == (True, "services.grant", None)
    assert english["reason"] == "A request waits for a decision."
    assert (record["community"]["code"], record["person_name"]) == (OTHER_COMMUNITY, "丙")
    assert items(desk(), "kind=request&names=false")[0]["person_name"] is None


def test_overdue_is_told_for_the_day_that_is_asked_about(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()

    [before] = items(desk(), "kind=request&as_of=2013-09-30")
    [after] = items(desk(), "kind=request&as_of=2013-10-01")

    assert (before["overdue"], after["overdue"]) == (False, True)
    assert items(desk(), "kind=request&as_of=2013-09-30&overdue=true") == []


def test_an_item_is_gone_when_its_command_was_given(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    drain()
    clerk, household = desk(), homes[OTHER_COMMUNITY][0]
    [visit] = [item for item in items(clerk, f"community={OTHER_COMMUNITY}") if item["why"] == "no-contact"]
    body = {"service": visit["services"][0]["code"], "delivered_on": "2013-10-01"}

    position = clerk.edit(household, "deliveries", body).json["position"]
    stale = clerk.get(f"/v1/worklist?min_position={position}", Prefer="wait=0")
    drain()

    assert (stale.status, stale.json["code"]) == (503, "projection-lag")
    assert "no-contact" not in [item["why"] for item in items(clerk, f"community={OTHER_COMMUNITY}")]


def test_a_bureau_sees_its_own_items_and_nothing_restricted_of_others(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    drain()

    seen = {bureau: items(desk("bureau", bureau=bureau)) for bureau in ("HLTH", "HRSS", "PFP")}

    assert {bureau: {item["bureau"] for item in found} for bureau, found in seen.items()} == {
        bureau: {bureau} for bureau in seen
    }
    assert {"chronic-visit-due", "maternal-visit-due"} <= {item["why"] for item in seen["HLTH"]}
    assert {item["services"][0]["code"] for item in seen["PFP"]} == {"FPL-FILE", "FPL-OFFER"}
    assert items(desk("bureau", bureau="HRSS"), "bureau=HLTH") == []


def test_a_restricted_service_stays_hidden_from_the_bureau_that_it_was_referred_to(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    clerk, household = desk(), homes[COMMUNITY][0]
    person = clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"]
    asked = {"service": "FPL-FILE", "person_id": person, "requested_on": "2013-10-01"}
    episode = clerk.edit(household, "services", asked).json["events"][0]["episode_id"]
    refer = {"referred_on": "2013-10-02", "from_bureau": "PFP", "to_bureau": "CIV", "reason": "needs_other_bureau"}
    assert clerk.edit(household, f"services/{episode}/referrals", refer).status == 201
    drain()

    assert [item["bureau"] for item in items(clerk, "kind=referral")] == ["CIV"]
    assert items(desk("bureau", bureau="CIV"), "kind=referral") == []


def test_a_parked_household_is_one_item_of_its_own(
    desk: DeskOf, homes: dict[str, list[str]], casework: Casework, drain: Drain
):
    household = UUID(arrived(desk(), "丁", community=OTHER_COMMUNITY))
    drain()
    with casework.pool.connection() as db:
        db.execute(
            "INSERT INTO view_1.parked (partition, household_id, error) VALUES (%s, %s, 'Undecodable')",
            (partition_of(household), household),
        )

    shown = items(desk(), "kind=parked")
    elsewhere, bureau = desk(divisions=["410105"]), desk("bureau", bureau="HRSS")

    assert [(item["household_id"], item["why"], item["closes"]) for item in shown] == [(str(household), "parked", None)]
    assert items(elsewhere, "kind=parked") == items(bureau, "kind=parked") == []
    test_counts_are_the_lengths_of_lists_whoever_asks(desk, homes, drain, "caseworker", {})


def test_a_request_to_be_erased_is_an_item_of_who_may_erase_until_they_do(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    home = arrived(desk(), "蒋玉兰")
    [member] = desk().get(f"/v1/households/{home}").json["members"]
    path, boss = f"members/{member['person_id']}", desk("supervisor")
    desk().edit(home, f"{path}/erasure-requests", {"requested_on": "2013-10-01", "basis": "consent_withdrawn"})
    drain()

    seen = [items(caller, "kind=erasure") for caller in (boss, desk(), desk("bureau", bureau="HRSS"))]
    elsewhere = items(desk("supervisor", divisions=["410102"]), "kind=erasure")
    counted = boss.get("/v1/worklist/counts?kind=erasure").json["count"]
    done = boss.edit(home, f"{path}/erasures", {"erased_on": "2013-10-02"})
    drain()

    [item] = seen[0]
    assert (item["person_id"], item["closes"], item["due_on"]) == (member["person_id"], "privacy.erase", "2013-10-22")
    assert ([*seen[1:], elsewhere], counted) == ([[], [], []], 1)
    assert (done.status, items(boss, "kind=erasure")) == (200, [])


def twins(desk: DeskOf, name: str, **born: str) -> tuple[list[str], list[str]]:
    """Two households with somebody who is probably one person: one here, one elsewhere; and who those are."""
    bodies = [arrival(name, place, born_on="1971-08-09", **born) for place in (COMMUNITY, OTHER_COMMUNITY)]
    answers = [desk().post("/v1/households", body).json for body in bodies]
    return [each["id"] for each in answers], [each["events"][0]["person_ids"][0] for each in answers]


def test_a_possible_duplicate_is_an_item_of_each_household_until_a_reviewer_decides(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    (here, there), (one, other) = twins(desk, "冯桂英")
    drain()
    reviewer, of_one = desk("supervisor", divisions=["4101"]), desk("supervisor", divisions=["410105"])

    def found(caller: Desk) -> dict[str, Item]:
        shown = items(caller, "kind=duplicate")
        return {item["household_id"]: item for item in shown if item["household_id"] in (here, there)}

    seen = found(reviewer)
    assert [(seen[home]["person_id"], seen[home]["record_id"]) for home in (here, there)] == [
        (one, other),
        (other, one),
    ]
    assert {item["closes"] for item in seen.values()} == {"duplicates.decide"}
    assert seen[here]["person_name"] == "冯桂英"
    assert found(of_one).keys() == {here}
    for role, claims in (("caseworker", {}), ("auditor", {"divisions": []}), ("bureau", {"bureau": "HRSS"})):
        assert items(desk(role, **claims), "kind=duplicate") == []
    counted = reviewer.get("/v1/worklist/counts?kind=duplicate").json
    item = seen[there]
    reviewer.put(f"/v1/duplicates/{item['person_id']}/{item['record_id']}", {"decision": "not_same"})
    assert (found(reviewer), found(of_one)) == ({}, {})
    assert reviewer.get("/v1/worklist/counts?kind=duplicate").json["count"] == counted["count"] - 2


def test_two_members_who_were_found_to_be_one_are_an_item_until_one_record_leaves(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    number = id_number("19710809", "002")
    (here, there), (one, other) = twins(desk, "卫桂枝")
    clerk, reviewer = desk(), desk("supervisor", divisions=["4101"], purpose="review")
    told = {"recorded_on": "2013-05-02", "profile": {"id_number": number}}
    assert reviewer.edit(there, f"members/{other}/facts", told).status == 200
    reviewer.put(f"/v1/duplicates/{one}/{other}", {"decision": "same"})
    drain()

    def found() -> list[tuple[str, str]]:
        shown = items(reviewer, "kind=duplicate")
        return [(item["why"], item["closes"]) for item in shown if item["household_id"] in (here, there)]

    apart = found()
    merged = reviewer.edit(here, "merges", {"merged_on": "2013-05-02", "from_household": there})
    assert merged.status == 200, merged.text
    drain()
    together = found()
    leaving = {"left_on": "2013-05-03", "reason": "registered_twice", "same_as": one}
    left = clerk.edit(here, f"members/{other}/departures", leaving)
    drain()

    assert left.status == 200, left.text
    assert apart == [("in-two-households", "regrouping.merge")] * 2
    assert (together, found()) == ([("registered-twice", "members.leave")], [])
    [member] = clerk.get(f"/v1/households/{here}").json["members"]
    assert (member["person_id"], member["profile"]["id_number_last4"]) == (one, number[-4:])
    taken = clerk.post("/v1/households", arrival("卫桂枝", born_on="1971-08-09", id_number=number))
    assert (taken.status, taken.json["code"]) == (409, "claim-taken")


def test_two_who_were_found_not_to_be_one_are_not_made_one(desk: DeskOf, homes: dict[str, list[str]], drain: Drain):
    (here, there), (one, other) = twins(desk, "沈桂珍")
    clerk, reviewer = desk(), desk("supervisor", divisions=["4101"], purpose="review")
    reviewer.put(f"/v1/duplicates/{one}/{other}", {"decision": "not_same"})
    clerk.edit(here, "merges", {"merged_on": "2013-05-02", "from_household": there})
    leaving = {"left_on": "2013-05-03", "reason": "registered_twice", "same_as": one}

    refused = clerk.edit(here, f"members/{other}/departures", leaving)
    reviewer.put(f"/v1/duplicates/{one}/{other}", {"decision": "same"})

    assert (refused.status, refused.json["code"]) == (409, "same-as-another")
    assert clerk.edit(here, f"members/{other}/departures", leaving).status == 200


def test_what_is_found_of_a_doubled_record_is_so_of_the_one_that_stays(
    desk: DeskOf, homes: dict[str, list[str]], casework: Casework, drain: Drain
):
    """And once two records were made one, nobody is asked about these two, not by the nightly pass either."""
    (here, there), (one, other) = twins(desk, "韩桂清")
    clerk, reviewer = desk(), desk("supervisor", divisions=["4101"], purpose="review")
    clerk.edit(here, "merges", {"merged_on": "2013-05-02", "from_household": there})
    leaving = {"left_on": "2013-05-03", "reason": "registered_twice", "same_as": one}
    assert clerk.edit(here, f"members/{other}/departures", leaving).status == 200
    again = clerk.post("/v1/households", arrival("韩桂清", OTHER_COMMUNITY, born_on="1971-08-09")).json
    [third], third_home = again["events"][0]["person_ids"], again["id"]
    drain()
    with casework.pool.connection() as db:
        list(casework.duplicates.look_at_all(db))

    def found() -> set[tuple[str, str, str]]:
        shown = items(reviewer, "kind=duplicate")
        return {(i["why"], i["person_id"], i["record_id"]) for i in shown if i["household_id"] == third_home}

    before = found()
    waiting = reviewer.get("/v1/duplicates?limit=100").json["items"]
    assert reviewer.put(f"/v1/duplicates/{third}/{other}", {"decision": "same"}).status == 200

    assert {one, other} not in [{each[side]["person_id"] for side in ("one", "other")} for each in waiting]
    assert before == {("possibly-duplicate", third, each) for each in (one, other)}
    assert found() == {("in-two-households", third, one)}


def test_two_records_that_are_one_are_items_of_both_households_until_one_of_them_goes_to_the_other(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    (here, there), (one, other) = twins(desk, "蒋桂芳")
    clerk, reviewer = desk(), desk("supervisor", divisions=["4101"], purpose="review")
    son = arrival("蒋明", born_on="2004-08-09", sex="male", relation="child")["members"][0]
    assert clerk.edit(there, "members", {"joined_on": "2013-05-01", "member": son}).status == 201
    reviewer.put(f"/v1/duplicates/{one}/{other}", {"decision": "same"})
    drain()

    def found() -> dict[str, tuple[str, str]]:
        shown = items(reviewer, "kind=duplicate")
        return {
            item["household_id"]: (item["why"], item["closes"])
            for item in shown
            if item["household_id"] in (here, there)
        }

    apart = found()
    going = {
        "left_on": "2013-05-02",
        "reason": "other_household",
        "to_household": here,
        "new_head": clerk.get(f"/v1/households/{there}").json["members"][1]["person_id"],
    }
    went = clerk.edit(there, f"members/{other}/departures", going)
    drain()

    assert went.status == 200, went.text
    assert apart == {
        here: ("in-two-households", "regrouping.merge"),
        there: ("in-two-households", "members.leave"),
    }
    assert found() == {here: ("registered-twice", "members.leave")}


def test_whoever_is_in_several_files_is_an_item_where_they_are_active(
    desk: DeskOf, homes: dict[str, list[str]], drain: Drain
):
    (left, there), (person, _) = twins(desk, "褚秀兰")
    desk().edit(left, "closings", {"closed_on": "2013-04-01", "reason": "left_city"})
    drain()
    reviewer = desk("supervisor", divisions=["4101"])
    gone = {item["household_id"] for item in items(reviewer, "kind=duplicate")}

    again = desk().post("/v1/households", arrival("褚秀兰", born_on="1971-08-09", person_id=person)).json["id"]
    drain()

    assert {left, there} <= gone
    assert {item["household_id"] for item in items(reviewer, "kind=duplicate")} - gone == {again}
    assert left not in {item["household_id"] for item in items(reviewer, "kind=duplicate")}


def test_two_members_of_one_household_who_are_probably_one_are_one_item(
    desk: DeskOf, homes: dict[str, list[str]], casework: Casework, drain: Drain
):
    body = arrival("卫玉珍", born_on="1972-08-09")
    again = {**body["members"][0], "relation": "other_relative"}
    home = desk().post("/v1/households", {**body, "members": [*body["members"], again]}).json["id"]
    drain()
    with casework.pool.connection() as db:
        list(casework.duplicates.look_at_all(db))

    found = items(desk("supervisor", divisions=["4101"]), "kind=duplicate")

    assert [item["household_id"] for item in found].count(home) == 1
    test_counts_are_the_lengths_of_lists_whoever_asks(desk, homes, drain, "supervisor", {"divisions": ["4101"]})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("cursor=nothing", "cursor-invalid"),
        ("cursor=2013-01-01.01952f2c-7a10-7c3e-8a55-3f6d1c0b9e42.99999", "cursor-invalid"),
        ("cursor=20130101.01952f2c-7a10-7c3e-8a55-3f6d1c0b9e42.1", "cursor-invalid"),
        ("kind=everything", "unknown-code"),
        ("colour=red", "parameter-unknown"),
    ],
)
def test_what_was_never_offered_is_refused(desk: DeskOf, homes: dict[str, list[str]], query: str, code: str):
    answer = desk().get(f"/v1/worklist?{query}")

    assert answer.status == 400
    assert code in (answer.json["code"], *(error["code"] for error in answer.json.get("errors", ())))


def test_a_set_that_an_older_program_made_has_no_worklist(
    desk: DeskOf, homes: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sets, "PROJECTION_VERSION", sets.PROJECTION_VERSION + 1)

    answer = desk().get("/v1/worklist")

    assert (answer.status, answer.json["code"]) == (503, "views-being-filled")


def test_the_smallest_sets_of_a_level_are_told_with_their_score(desk: DeskOf, homes: dict[str, list[str]]):
    clerk, household = desk(), homes[COMMUNITY][1]

    answer = clerk.get(f"/v1/households/{household}/next-services?level=city")
    first = answer.json["sets"][0]
    again = clerk.get(f"/v1/households/{household}/next-services?level=city", If_None_Match=answer.headers["ETag"])

    assert (answer.json["band"], answer.json["next_band"], answer.json["complete"]) == ("D", "C", True)
    assert {each["indicator"] for each in first["services"]} <= {"CIT1", "CIT2", "CIT3", "CIT5"}
    assert len(first["services"]) == answer.json["size"]
    assert first["score"] >= 50
    assert again.status == 304


def test_whom_a_level_is_hidden_from_is_not_told_what_it_lacks(desk: DeskOf, homes: dict[str, list[str]]):
    path = f"/v1/households/{homes[COMMUNITY][0]}/next-services?level="

    hidden, shown = (
        desk("bureau", bureau="HRSS").get(path + "community"),
        desk("bureau", bureau="HRSS").get(path + "city"),
    )

    assert (hidden.status, hidden.json["code"]) == (403, "score-restricted")
    assert shown.status == 200
    assert desk().get(path.removesuffix("level=")).status == 400
