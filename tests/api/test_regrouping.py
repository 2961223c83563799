"""Splits, merges, unmerges and reopenings by their addresses: who may, what both households answer, what lists show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from casework.domain.ids import partition_of, uuid7
from tests.api.conftest import Answer, Desk, DeskOf, arrival, arrived
from tests.given import COMMUNITY, OTHER_COMMUNITY

SPOUSE = {"relation": "spouse", "sex": "male", "born_on": "1988-01-02", "name": "赵军", "migrant": True}


@pytest.fixture
def clerk(desk: DeskOf) -> Desk:
    return desk("caseworker")


def couple(clerk: Desk, name: str = "王芳", **more: Any) -> tuple[str, str, str]:
    """A household of two, its head and the other."""
    body = arrival(name, **more)
    answer = clerk.post("/v1/households", {**body, "members": [*body["members"], SPOUSE]})
    assert answer.status == 201, answer.text
    head, other = answer.json["events"][0]["person_ids"]
    return answer.json["id"], head, other


def card(clerk: Desk, household: str, person: str) -> str:
    asked = {"service": "SSI-CARD", "person_id": person, "requested_on": "2013-02-01"}
    episode = clerk.edit(household, "services", asked).json["events"][0]["episode_id"]
    clerk.edit(household, f"services/{episode}/grants", {"granted_on": "2013-02-02"})
    return str(episode)


def read(clerk: Desk, household: str, query: str = "") -> Any:
    answer = clerk.get(f"/v1/households/{household}{query}")
    assert answer.status == 200, answer.text
    return answer.json


def people(clerk: Desk, household: str) -> set[str]:
    return {member["person_id"] for member in read(clerk, household)["members"]}


def split(clerk: Desk, household: str, *persons: str, **more: Any) -> Answer:
    return clerk.edit(
        household, "splits", {"split_on": "2013-04-01", "members": [{"person_id": p} for p in persons], **more}
    )


def merge(clerk: Desk, target: str, source: str, **more: Any) -> Answer:
    return clerk.edit(target, "merges", {"merged_on": "2013-05-01", "from_household": source, **more})


def unmerge(clerk: Desk, target: str, source: str, **more: Any) -> Answer:
    return clerk.edit(target, "unmerges", {"unmerged_on": "2013-06-01", "to_household": source, **more})


def test_a_household_splits_and_both_are_read(clerk: Desk):
    household, head, spouse = couple(clerk)
    episode = card(clerk, household, spouse)

    answer = split(clerk, household, spouse, community=OTHER_COMMUNITY, remark="分居")

    assert answer.status == 201, answer.text
    new = answer.json["events"][0]["new_household"]
    stayed, went = read(clerk, household), read(clerk, new)
    assert answer.json["position"].count(":") == len({household[-2:], new[-2:]})
    assert ({m["person_id"] for m in stayed["members"]}, stayed["former_members"][0]["to_household"]) == ({head}, new)
    assert [(m["person_id"], m["relation"]) for m in went["members"]] == [(spouse, "head")]
    assert (went["origin"], went["origin_household"], went["head"]) == ("split", household, spouse)
    assert (went["community"]["code"], went["arrived_on"]) == (OTHER_COMMUNITY, "2013-04-01")
    assert [service["episode_id"] for service in went["services"]] == [episode]
    assert went["members"][0]["profile"]["name"] == "赵军"
    assert went["members"][0]["resident_since"] == "2013-01-05"


@pytest.mark.parametrize("same", [True, False], ids=["one partition", "two partitions"])
def test_a_split_and_a_merge_work_within_one_partition_and_across_two(clerk: Desk, same: bool):
    household, _, spouse = couple(clerk)
    new = uuid7()
    while (partition_of(new) == partition_of(type(new)(household))) != same:
        new = uuid7()

    divided = split(clerk, household, spouse, new_household=str(new))
    merged = merge(clerk, household, str(new))
    parted = unmerge(clerk, household, str(new))

    positions = [answer.json["position"].count(":") for answer in (divided, merged, parted)]
    assert positions == [1 if same else 2] * 3
    assert people(clerk, str(new)) == {spouse}


def test_services_and_needs_of_the_household_go_along_where_they_are_named(clerk: Desk):
    household, head, spouse = couple(clerk)
    home = housed(clerk, household)
    told = {"result": "present", "assessed_on": "2013-02-01"}
    needs = [
        clerk.edit(household, "needs", {"need": need, **told, **whose}).json["events"][0]["need_id"]
        for need, whose in (("HOUSING", {}), ("LOW_INCOME", {}), ("JOB", {"person_id": head}))
    ]

    refused = split(clerk, household, spouse, carried_needs=needs[2:])
    answer = split(clerk, household, spouse, carried_episodes=[home], carried_needs=needs[:1])

    assert (refused.status, refused.json["code"]) == (409, "need-of-person")
    assert answer.status == 201, answer.text
    new = answer.json["events"][0]["new_household"]
    clerk.edit(new, f"needs/{needs[0]}/clearings", {"cleared_on": "2013-05-01", "reason": "met"})
    assert [need["need_id"] for need in read(clerk, household)["needs"]] == needs[1:]
    assert [(need["need_id"], need["cleared_on"]) for need in read(clerk, new)["needs"]] == [(needs[0], "2013-05-01")]
    assert [service["episode_id"] for service in read(clerk, new)["services"]] == [home]


def test_a_split_given_again_answers_the_same(clerk: Desk):
    household, _, spouse = couple(clerk)
    body = {"split_on": "2013-04-01", "members": [{"person_id": spouse}]}
    path, headers = f"/v1/households/{household}/splits", {"Idempotency_Key": "apart", "If_Match": '"1"'}

    first, again, other = (
        clerk.post(path, each, **headers) for each in (body, body, {**body, "split_on": "2013-04-02"})
    )

    assert (first.status, again.json) == (201, first.json)
    assert (other.status, other.json["code"]) == (422, "command-reused")


def test_a_merged_household_says_where_it_went(clerk: Desk, drain: Callable[[], None]):
    source, head, spouse = couple(clerk)
    target = arrived(clerk, "李娜")
    card(clerk, source, spouse)

    answer = merge(clerk, target, source, relations=[{"person_id": head, "relation": "sibling"}])

    assert answer.status == 200, answer.text
    gone, before, home = read(clerk, source), read(clerk, source, "?as_of=2013-04-30"), read(clerk, target)
    assert (gone["status"], gone["merged_into"], gone["closed_on"]) == ("merged_away", target, "2013-05-01")
    assert (gone["members"], gone["assessment"]["status"]) == ([], "merged_away")
    assert (before["status"], before["merged_into"], len(before["members"])) == ("open", None, 2)
    assert {m["person_id"]: m["relation"] for m in home["members"]}[head] == "sibling"
    assert {m["person_id"] for m in home["members"]} >= {head, spouse}
    assert len(home["services"]) == 1
    drain()
    listed = clerk.get("/v1/households?status=merged_away").json["items"]
    assert source in {item["id"] for item in listed}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("residence-verifications", {"verified_on": "2013-06-01", "outcome": "present"}),
        ("closings", {"closed_on": "2013-06-01", "reason": "left_city"}),
        ("reopenings", {"reopened_on": "2013-06-01"}),
        ("needs", {"need": "HOUSING", "result": "present", "assessed_on": "2013-06-01"}),
    ],
)
def test_a_command_to_what_was_merged_away_is_told_where_it_went(clerk: Desk, path: str, body: dict[str, str]):
    source, target = arrived(clerk), arrived(clerk, "李娜")
    merge(clerk, target, source)

    answer = clerk.edit(source, path, body)

    assert (answer.status, answer.json["code"]) == (409, "household-merged-away")
    assert answer.json["merged_into"] == target


def test_a_facts_command_too_is_told_where_the_household_went(clerk: Desk):
    source, head, _ = couple(clerk)
    target = arrived(clerk, "李娜")
    merge(clerk, target, source)

    answer = clerk.edit(
        source, f"members/{head}/facts", {"recorded_on": "2013-06-01", "profile": {"phone": "13911112222"}}
    )

    assert (answer.json["code"], answer.json["merged_into"]) == ("household-merged-away", target)


def housed(clerk: Desk, household: str) -> str:
    asked = {"service": "HSG-PUB", "requested_on": "2013-02-01", "override_reason": "hardship"}
    episode = clerk.edit(household, "services", asked).json["events"][0]["episode_id"]
    granted = clerk.edit(household, f"services/{episode}/grants", {"granted_on": "2013-02-02"})
    assert granted.status == 200, granted.text
    return str(episode)


def test_a_merge_warns_of_two_services_of_which_a_household_has_one(clerk: Desk):
    source, target = arrived(clerk), arrived(clerk, "李娜")
    theirs, _ = housed(clerk, source), housed(clerk, target)
    body = {"merged_on": "2013-05-01", "from_household": source}
    seen = clerk.get(f"/v1/households/{target}").headers["ETag"]

    first, again = (
        clerk.post(f"/v1/households/{target}/merges", body, Idempotency_Key="one", If_Match=seen) for _ in range(2)
    )

    assert [warning["code"] for warning in first.json["warnings"]] == ["service-duplicate"]
    assert first.json["events"][0]["duplicates"] == [theirs]
    assert again.json == first.json
    assert {service["state"] for service in read(clerk, target)["services"]} == {"active"}


def test_a_merge_is_undone_and_everybody_is_where_they_belong(clerk: Desk, drain: Callable[[], None]):
    source, head, spouse = couple(clerk)
    target = arrived(clerk, "李娜")
    home = housed(clerk, source)
    merge(clerk, target, source)
    episode = card(clerk, target, spouse)
    clerk.edit(target, f"members/{spouse}/facts", {"recorded_on": "2013-05-03", "profile": {"phone": "13700000001"}})
    clerk.edit(target, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-05-02"})

    answer = unmerge(clerk, target, source, remark="误并")

    assert answer.status == 200, answer.text
    back, left = read(clerk, source), read(clerk, target)
    assert (back["status"], back["merged_into"], back["head"]) == ("open", None, head)
    assert {m["person_id"]: m["profile"]["phone"] for m in back["members"]} == {head: None, spouse: "13700000001"}
    assert {service["episode_id"] for service in back["services"]} == {episode, home}
    assert ([m["relation"] for m in left["members"]], left["former_members"]) == (["head"], [])
    assert [service["service"] for service in left["services"]] == ["COM-HALL"]
    assert (
        clerk.edit(source, f"services/{episode}/endings", {"ended_on": "2013-07-01", "reason": "withdrawn"}).status
        == 200
    )
    drain()
    found = clerk.post("/v1/households/search", {"phone": "13700000001"}).json["items"]
    assert [(each["household_id"], each["member"]) for each in found] == [(source, True)]


def test_who_was_here_by_a_wrong_merge_alone_is_not_found_here(clerk: Desk, drain: Callable[[], None]):
    namesake = {**SPOUSE, "name": "欧阳一一"}
    body = arrival("王芳")
    answer = clerk.post("/v1/households", {**body, "members": [*body["members"], namesake]})
    source, spouse = answer.json["id"], answer.json["events"][0]["person_ids"][1]
    target = arrived(clerk, "欧阳一一")
    merge(clerk, target, source)
    unmerge(clerk, target, source)
    clerk.edit(source, f"members/{spouse}/departures", {"left_on": "2013-07-01", "reason": "left_city"})
    drain()

    found = clerk.post("/v1/households/search", {"name": "欧阳一一"}).json["items"]

    assert sorted((each["household_id"], each["member"]) for each in found) == sorted([(source, False), (target, True)])


def test_a_merge_is_not_undone_once_somebody_went_on(clerk: Desk):
    source, _, spouse = couple(clerk)
    target = arrived(clerk, "李娜")
    merge(clerk, target, source)
    split(clerk, target, spouse, split_on="2013-05-02")

    answer = unmerge(clerk, target, source)

    assert (answer.status, answer.json["code"]) == (409, "merged-people-elsewhere")


def test_a_closed_file_opens_again_and_takes_its_claims_back(clerk: Desk):
    household, head, spouse = couple(clerk)
    clerk.edit(household, "closings", {"closed_on": "2013-04-01", "reason": "left_city"})

    answer = clerk.edit(household, "reopenings", {"reopened_on": "2013-06-01", "community": OTHER_COMMUNITY})

    assert answer.status == 200, answer.text
    now, between = read(clerk, household), read(clerk, household, "?as_of=2013-05-01")
    assert (now["status"], between["status"], between["closed_reason"]) == ("open", "closed", "left_city")
    assert {m["person_id"]: m["resident_since"] for m in now["members"]} == {head: "2013-06-01", spouse: "2013-06-01"}
    assert (now["community"]["code"], between["community"]["code"]) == (OTHER_COMMUNITY, COMMUNITY)
    taken = clerk.post("/v1/households", arrival("王芳", person_id=head))
    assert (taken.status, taken.json["code"]) == (409, "claim-taken")


def test_a_file_does_not_open_again_while_somebody_is_active_elsewhere(clerk: Desk):
    household, head, _ = couple(clerk)
    clerk.edit(household, "closings", {"closed_on": "2013-04-01", "reason": "left_city"})
    clerk.post("/v1/households", arrival("王芳", person_id=head))

    answer = clerk.edit(household, "reopenings", {"reopened_on": "2013-06-01"})

    assert (answer.status, answer.json["code"]) == (409, "claim-taken")
    assert read(clerk, household)["status"] == "closed"


def test_a_household_opens_again_in_a_community_that_is_there(clerk: Desk):
    household = arrived(clerk)
    clerk.edit(household, "closings", {"closed_on": "2013-04-01", "reason": "left_city"})

    answer = clerk.edit(household, "reopenings", {"reopened_on": "2013-06-01", "community": "410105999999"})

    assert (answer.status, answer.json["code"]) == (409, "community-not-active")


def test_only_who_has_access_to_both_households_brings_them_together_or_apart(desk: DeskOf):
    everywhere, here = desk(), desk(divisions=["410105"])
    target, source = arrived(everywhere), arrived(everywhere, "李娜", community=OTHER_COMMUNITY)

    merged = merge(here, target, source)
    done = merge(everywhere, target, source)
    undone = unmerge(here, target, source)

    assert [(a.status, a.json.get("code")) for a in (merged, undone)] == [(404, "not-found")] * 2
    assert done.status == 200


def test_a_split_that_cannot_be_leaves_nothing(clerk: Desk):
    household, head, spouse = couple(clerk)

    answers = [
        split(clerk, household, head, spouse, head=head),
        split(clerk, household, head),
        split(clerk, household, spouse, spouse, head=spouse),
        split(clerk, household, spouse, new_household=arrived(clerk)),
        split(clerk, household, spouse, community="410105999999"),
        split(clerk, household, spouse, head=head),
    ]

    assert [answer.json["code"] for answer in answers] == [
        *("nobody-stays", "new-head-needed", "member-twice", "household-exists"),
        *("community-not-active", "head-not-a-member"),
    ]
    assert read(clerk, household)["version"] == 1


def test_an_edit_that_did_not_see_a_merge_conflicts_with_it(clerk: Desk):
    target, source = arrived(clerk), arrived(clerk, "李娜")
    merge(clerk, target, source)

    answer = clerk.post(
        f"/v1/households/{target}/residence-verifications",
        {"verified_on": "2013-06-01", "outcome": "present"},
        If_Match='"1"',
    )

    assert (answer.status, [event["type"] for event in answer.json["events"]]) == (412, ["household.merged-in.v1"])


@pytest.mark.parametrize(
    ("language", "labels"),
    [
        ("zh-CN", [["家庭登记", "并入其他家庭", "撤销并户，恢复独立"], ["家庭登记", "其他家庭并入", "撤销并户"]]),
        (
            "en",
            [
                ["Household registered", "Merged into another household", "Household restored after a merge"],
                ["Household registered", "Another household merged in", "Merge undone"],
            ],
        ),
    ],
)
def test_the_story_tells_of_a_merge_and_of_its_end(clerk: Desk, language: str, labels: list[list[str]]):
    target, source = arrived(clerk), arrived(clerk, "李娜")
    merge(clerk, target, source, remark="同一家庭")
    unmerge(clerk, target, source)

    stories = [
        clerk.get(f"/v1/households/{each}/timeline", Accept_Language=language).json["items"]
        for each in (source, target)
    ]

    assert [[item["label"] for item in story] for story in stories] == labels
    away, back = stories[0][1]["changed"], stories[0][2]["changed"]
    assert (away["to_household"], back["from_household"]) == (target, target)
    assert stories[1][1]["changed"]["from_household"] == source
    assert stories[1][1]["sealed"] == {"remark": "同一家庭"}
    assert stories[1][1]["changed"]["members"][0]["relation"] == "other_relative"


def test_what_a_story_tells_of_those_who_came_back_holds_no_record_of_theirs(clerk: Desk):
    source, head, _ = couple(clerk)
    target = arrived(clerk, "李娜")
    clerk.edit(source, "needs", {"need": "PSYCH", "person_id": head, "result": "present", "assessed_on": "2013-02-01"})
    merge(clerk, target, source)
    unmerge(clerk, target, source)

    for household in (source, target):
        items = clerk.get(f"/v1/households/{household}/timeline").json["items"]
        for item in items:
            if "merge" in item["type"] or "restored" in item["type"]:
                assert "PSYCH" not in str(item["changed"])
                assert "carried" not in str(item["changed"])
