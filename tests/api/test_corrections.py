"""What was told wrongly is put right or voided; first one may ask what that would change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from casework.application import Casework
from casework.domain.registry import unit_id
from casework.projections.verify import verify
from tests.api.conftest import Answer, Desk, DeskOf, arrival, arrived, id_number
from tests.given import COMMUNITY, OTHER_COMMUNITY


@pytest.fixture
def clerk(desk: DeskOf) -> Desk:
    return desk("caseworker")


def head_of(clerk: Desk, household: str) -> str:
    return str(clerk.get(f"/v1/households/{household}").json["head"])


def joined(clerk: Desk, household: str, **more: Any) -> str:
    member = {"relation": "spouse", "sex": "male", "born_on": "1988-01-02", "name": "赵军", "migrant": True, **more}
    answer = clerk.edit(household, "members", {"joined_on": "2013-02-01", "member": member})
    assert answer.status == 201, answer.text
    return str(answer.json["events"][0]["person_id"])


def correct(clerk: Desk, household: str, person: str, path: str, old: Any, new: Any, **more: Any) -> Answer:
    body = {"changes": [{"path": path, "old": old, "new": new}], "reason": "entry_error", **more}
    return clerk.edit(household, f"members/{person}/corrections", body)


def void(clerk: Desk, household: str, entry: int, **more: Any) -> Answer:
    return clerk.edit(household, f"entries/{entry}/voids", {"reason": "never_happened", **more})


def story(clerk: Desk, household: str, **headers: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = clerk.get(f"/v1/households/{household}/timeline", **headers).json["items"]
    return items


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def test_a_fact_is_corrected_at_every_date(clerk: Desk):
    household = arrived(clerk)
    person = head_of(clerk, household)
    clerk.edit(household, f"members/{person}/facts", {"recorded_on": "2013-03-01", "facts": {"education": "primary"}})

    answer = correct(clerk, household, person, "education", "primary", "college")

    [member] = clerk.get(f"/v1/households/{household}?as_of=2013-03-01").json["members"]
    assert (answer.status, answer.json["changed"]) == (200, True)
    assert member["facts"]["education"] == "college"
    again = correct(clerk, household, person, "education", "primary", "college")
    assert code(again) == (409, "old-value-differs")
    assert story(clerk, household)[2]["changed"]["changes"] == [
        {"path": "education", "old": "primary", "new": "college"}
    ]


def test_a_month_of_birth_agrees_with_the_vault_which_is_put_right_in_the_same_step(clerk: Desk):
    household = arrived(clerk)
    person = head_of(clerk, household)
    month = ("birth_month", "1990-05", "1991-06")

    assert code(correct(clerk, household, person, *month)) == (409, "birth-month-differs")
    other: dict[str, Any] = {"profile": {"born_on": "1991-07-01"}}
    assert code(correct(clerk, household, person, *month, **other)) == (409, "birth-month-differs")
    answer = correct(clerk, household, person, *month, profile={"born_on": "1991-06-30", "phone": "13800000077"})

    [member] = clerk.get(f"/v1/households/{household}").json["members"]
    assert answer.status == 200, answer.text
    assert (member["birth_month"], member["profile"]["born_on"]) == ("1991-06", "1991-06-30")
    assert b"13800000077" not in str(story(clerk, household)).encode()
    assert code(void(clerk, household, 2)) == (409, "entry-with-profile")


def test_what_a_doubled_record_told_is_its_own_again_where_its_departure_is_voided(clerk: Desk):
    """But for what was told anew since: that is of the record that stayed."""
    number, born_on = id_number("19710809", "024"), "1971-08-09"
    household = arrived(clerk, name="卫桂香", born_on=born_on)
    body = arrival("卫桂香", born_on=born_on, relation="other_relative", id_number=number, phone="13800000078")
    join = {"joined_on": "2013-03-01", "member": {**body["members"][0], "address": "秦岭路9号"}}
    doubled = clerk.edit(household, "members", join).json["events"][0]["person_id"]
    [kept, _] = [member["person_id"] for member in clerk.get(f"/v1/households/{household}").json["members"]]
    leaving = {"left_on": "2013-06-01", "reason": "registered_twice", "same_as": kept}
    assert clerk.edit(household, f"members/{doubled}/departures", leaving).status == 200
    told = {"recorded_on": "2013-06-02", "profile": {"address": "伏牛路1号"}}
    assert clerk.edit(household, f"members/{kept}/facts", told).status == 200

    answer = void(clerk, household, 3, reason="wrong_person")

    profiles = [member["profile"] for member in clerk.get(f"/v1/households/{household}").json["members"]]
    shown = [(each["id_number_last4"], each["phone"], each["address"]) for each in profiles]
    assert answer.status == 200, answer.text
    assert shown == [(None, None, "伏牛路1号"), (number[-4:], "13800000078", "秦岭路9号")]
    sealed = clerk.get(f"/v1/households/{household}/record").json["sealed"]
    assert {row["subject_id"] for row in sealed if row["fields"].get("phone") == "13800000078"} == {doubled}
    found = clerk.post("/v1/households/search", {"id_number": number}).json["items"]
    assert [each["person_id"] for each in found] == [doubled]
    assert clerk.edit(household, f"members/{doubled}/departures", {**leaving, "left_on": "2013-06-03"}).status == 200


def test_the_departure_of_a_doubled_record_stands_once_its_number_was_released(clerk: Desk, desk: DeskOf):
    number, born_on = id_number("19720809", "024"), "1972-08-09"
    household = arrived(clerk, name="卫桂芬", born_on=born_on)
    body = arrival("卫桂芬", born_on=born_on, relation="other_relative", id_number=number)
    join = {"joined_on": "2013-03-01", "member": body["members"][0]}
    doubled = clerk.edit(household, "members", join).json["events"][0]["person_id"]
    [kept, _] = [member["person_id"] for member in clerk.get(f"/v1/households/{household}").json["members"]]
    leaving = {"left_on": "2013-06-01", "reason": "registered_twice", "same_as": kept}
    clerk.edit(household, f"members/{doubled}/departures", leaving)
    release = {"reason": "somebody_elses_number", "evidence_ref": "GA-1"}
    released = desk("supervisor", divisions=["4101"]).edit(household, f"members/{kept}/id-number-releases", release)

    assert released.status == 200, released.text
    assert code(void(clerk, household, 3)) == (409, "entry-with-profile")


def mother_and_child(clerk: Desk) -> tuple[str, str, str]:
    """A household with a mother, somebody who can be its head, and a newborn; the mother has moved into another."""
    household = arrived(clerk, name="花木兰")
    mother = head_of(clerk, household)
    spouse = joined(clerk, household)
    child = {"relation": "child", "sex": "female", "born_on": "2013-04-10", "name": "花小兰", "migrant": True}
    body = {"reported_on": "2013-06-20", "member": child, "mother": mother}
    born = clerk.edit(household, "births", body).json["events"][0]["person_id"]
    gone = {"split_on": "2013-07-01", "members": [{"person_id": mother}], "new_head": spouse}
    new = clerk.edit(household, "splits", gone).json["events"][0]["new_household"]
    return household, str(born), str(new)


def test_a_childs_month_of_birth_reaches_the_mother_in_another_household(clerk: Desk):
    household, child, new = mother_and_child(clerk)
    path = f"/v1/households/{household}/members/{child}/corrections"
    changes = [{"path": "birth_month", "old": "2013-04", "new": "2013-03"}]
    body = {"changes": changes, "reason": "entry_error", "profile": {"born_on": "2013-03-10"}}
    seen = {"If_Match": clerk.get(f"/v1/households/{household}").headers["ETag"], "Idempotency_Key": "month"}

    first, again = (clerk.post(path, body, **seen) for _ in range(2))

    assert (first.status, first.json["warnings"]) == (200, [])
    assert again.json == first.json
    told = story(clerk, new)[-1]
    assert told["changed"]["changes"] == [{"path": f"births.{child}", "old": "2013-04", "new": "2013-03"}]
    assert story(clerk, household)[-1]["changed"]["mothers_household"] == new


def test_where_the_mother_is_in_no_household_to_be_told_a_warning_says_so(clerk: Desk):
    household, child, new = mother_and_child(clerk)
    clerk.edit(new, "closings", {"closed_on": "2013-08-01", "reason": "left_city"})

    answer = correct(clerk, household, child, "birth_month", "2013-04", "2013-03", profile={"born_on": "2013-03-10"})

    assert (answer.status, [warning["code"] for warning in answer.json["warnings"]]) == (200, ["mother-not-told"])
    assert "mothers_household" not in story(clerk, household)[-1]["changed"]


def test_a_sex_agrees_with_the_id_number(clerk: Desk):
    number, mans = id_number("19900517", "004"), id_number("19900517", "007")
    household = arrived(clerk, id_number=number)
    person = head_of(clerk, household)

    assert code(correct(clerk, household, person, "sex", "female", "male")) == (422, "sex-differs")
    answer = correct(clerk, household, person, "sex", "female", "male", profile={"id_number": mans})

    assert answer.status == 200, answer.text
    assert arrived(clerk, name="李梅", id_number=number)  # the wrong number is free again


def test_who_was_never_there_may_join_elsewhere_and_who_never_left_may_not_be_elsewhere(clerk: Desk):
    household, other = arrived(clerk), arrived(clerk)
    person = joined(clerk, household)
    elsewhere = {
        "joined_on": "2013-02-01",
        "member": {"person_id": person, "relation": "spouse", "sex": "male", "born_on": "1988-01-02", "name": "赵军"},
    }
    elsewhere["member"]["migrant"] = True  # type: ignore[index]
    assert code(clerk.edit(other, "members", elsewhere)) == (409, "claim-taken")

    assert void(clerk, household, 2).status == 200

    assert clerk.edit(other, "members", elsewhere).status == 201
    gone = clerk.edit(other, f"members/{person}/departures", {"left_on": "2013-03-01", "reason": "left_city"})
    assert gone.status == 200
    assert clerk.edit(household, "members", elsewhere).status == 201
    assert code(void(clerk, other, 3)) == (409, "claim-taken")
    assert code(void(clerk, other, 3, mode="validate")) == (409, "claim-taken")
    assert void(clerk, household, 4).status == 200
    assert void(clerk, other, 3).status == 200
    assert code(clerk.edit(household, "members", elsewhere)) == (409, "claim-taken")


def test_a_death_that_was_none_is_undone_with_all_that_it_ended(clerk: Desk):
    household = arrived(clerk)
    person = joined(clerk, household)
    work = {"person_id": person, "kind": "employee", "unit_id": "emp-1", "from": "2013-02-01"}
    clerk.edit(household, "employments", work)
    clerk.edit(household, f"members/{person}/deaths", {"died_on": "2013-03-01"})

    answer = void(clerk, household, 4, remark="同名同姓")

    read = clerk.get(f"/v1/households/{household}").json
    assert answer.status == 200, answer.text
    assert {member["person_id"] for member in read["members"]} >= {person}
    assert [job["to"] for job in read["employments"]] == [None]
    assert story(clerk, household)[4]["sealed"] == {"remark": "同名同姓"}


@pytest.mark.parametrize("mode", ["commit", "validate"])
def test_both_modes_refuse_by_the_same_rules(clerk: Desk, mode: str):
    household = arrived(clerk)
    person = joined(clerk, household)
    clerk.edit(
        household, "needs", {"need": "JOB", "person_id": person, "result": "present", "assessed_on": "2013-02-02"}
    )

    refused = void(clerk, household, 2, mode=mode)

    assert code(refused) == (409, "entry-relied-on")
    assert "第3条" in refused.json["detail"]
    assert [each["code"] for each in refused.json["errors"]] == ["person-unknown"]
    assert code(void(clerk, household, 1, mode=mode)) == (409, "entry-not-voidable")
    assert code(void(clerk, household, 9, mode=mode)) == (404, "entry-unknown")
    assert code(correct(clerk, household, person, "sex", "female", "male", mode=mode)) == (409, "old-value-differs")
    assert len(story(clerk, household)) == 3


def test_what_a_correction_would_change_is_told_and_nothing_written(clerk: Desk):
    household = arrived(clerk)
    person = head_of(clerk, household)
    work = {"person_id": person, "kind": "employee", "unit_id": "emp-1", "from": "2013-02-01"}
    clerk.edit(household, "employments", work)
    before = clerk.get(f"/v1/households/{household}")

    body, key = {"reason": "never_happened"}, uuid4().hex
    tried = clerk.edit(household, "entries/2/voids", {**body, "mode": "validate"}, Idempotency_Key=key)

    impact = tried.json["impact"]
    assert (tried.status, tried.json["changed"], tried.json["position"], tried.json["events"]) == (200, False, None, [])
    assert tried.json["version"] == 2
    assert [level["level"] for level in impact["levels"]] == ["school", "workplace", "community", "city"]
    workplace = impact["levels"][1]
    assert (workplace["before"]["band"], workplace["after"]["band"]) == ("D", "NA")
    assert impact["status"] == {"before": "assessed", "after": "assessed"}
    assert {unit["code"] for unit in impact["units"]} == {"emp-1", COMMUNITY, "410105", "4101"}
    assert impact["month_ends"] == []
    assert clerk.get(f"/v1/households/{household}").headers["ETag"] == before.headers["ETag"]
    assert len(story(clerk, household)) == 2
    told = before.json["assessment"]
    assert impact["overall"]["before"] == told["overall"]

    done = clerk.edit(household, "entries/2/voids", body, Idempotency_Key=key)

    assert (done.json["changed"], "impact" in done.json) == (True, False)
    assert clerk.get(f"/v1/households/{household}").json["assessment"]["overall"] == impact["overall"]["after"]


def test_a_services_correction_and_void_can_be_tried_too(clerk: Desk):
    household = arrived(clerk)
    card = clerk.edit(
        household,
        "services",
        {"service": "SSI-CARD", "person_id": head_of(clerk, household), "requested_on": "2013-02-01"},
    )
    episode = card.json["events"][0]["episode_id"]
    clerk.edit(household, f"services/{episode}/grants", {"granted_on": "2013-02-01"})
    change = {"changes": [{"path": "granted_on", "old": "2013-02-01", "new": "2013-10-20"}], "reason": "entry_error"}

    corrected = clerk.edit(household, f"services/{episode}/corrections", {**change, "mode": "validate"})
    voided = clerk.edit(household, f"services/{episode}/voids", {"reason": "never_happened", "mode": "validate"})

    assert corrected.json["impact"]["month_ends"][0] == "2013-02-28"
    assert corrected.json["impact"]["overall"]["before"] == corrected.json["impact"]["overall"]["after"]
    city = voided.json["impact"]["levels"][3]
    assert city["before"]["score"] > city["after"]["score"]
    assert len(story(clerk, household)) == 3


def test_the_story_shows_what_no_longer_stands_in_both_languages(clerk: Desk):
    household = arrived(clerk)
    person = head_of(clerk, household)
    clerk.edit(household, "moves", {"moved_on": "2013-03-01", "to_community": OTHER_COMMUNITY})
    void(clerk, household, 2)
    correct(clerk, household, person, "relation", "head", "child")
    correct(clerk, household, person, "relation", "child", "head")
    void(clerk, household, 5)

    items = story(clerk, household)
    marks = [each["mark"] for each in story(clerk, household, Accept_Language="en")]

    assert [(each["voided"], each["voided_by"], each["corrected_by"]) for each in items] == [
        *((False, None, [4]), (True, 3, []), (False, None, [])),
        *((False, None, []), (True, 6, []), (False, None, [])),
    ]
    assert [each["mark"] for each in items[:2]] == ["已由第4条更正", "已由第3条作废"]
    assert marks[:2] == ["Corrected by entry 4", "Voided by entry 3"]
    assert (items[2]["label"], items[2]["changed"]) == ("条目作废", {"voids": 2, "reason": "never_happened"})


def test_a_voided_service_is_shown_as_such(clerk: Desk):
    household = arrived(clerk)
    given = clerk.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-09-01"})
    episode = given.json["events"][0]["episode_id"]
    clerk.edit(household, f"services/{episode}/voids", {"reason": "never_happened"})

    assert [each["voided_by"] for each in story(clerk, household)] == [None, 3, None]


def test_a_restricted_need_stays_hidden_when_it_is_voided(clerk: Desk, desk: DeskOf):
    household = arrived(clerk)
    ill = {"need": "PSYCH", "result": "present", "assessed_on": "2013-02-01", "person_id": head_of(clerk, household)}
    clerk.edit(household, "needs", ill)
    pregnancy = {"recorded_on": "2013-03-01", "facts": {"pregnancy": {"from": "2013-02-01"}}}
    clerk.edit(household, f"members/{head_of(clerk, household)}/facts", pregnancy)
    correct(clerk, household, head_of(clerk, household), "pregnancy.from", "2013-02-01", "2013-01-01")
    void(clerk, household, 2)

    assert len(story(clerk, household)) == 5
    assert [each["version"] for each in story(desk("bureau", bureau="EDUB"), household)] == [1]
    assert len(story(desk("bureau", bureau="HLTH"), household)) == 5


def test_what_was_voided_is_behind_no_figure(clerk: Desk):
    household = arrived(clerk)
    for day in ("2013-09-02", "2013-09-01"):
        clerk.edit(household, "residence-verifications", {"verified_on": day, "outcome": "present"})
    void(clerk, household, 2)

    levels = clerk.get(f"/v1/households/{household}").json["assessment"]["levels"]

    [com5] = [each for level in levels for each in level["indicators"] if each["indicator"] == "COM5"]
    assert [each["version"] for each in com5["reasons"][0]["events"]] == [3]


def test_it_is_unknown_before_it_was_said(clerk: Desk):
    household = arrived(clerk)
    clerk.edit(household, "moves", {"moved_on": "2013-03-01", "to_community": OTHER_COMMUNITY})
    before = story(clerk, household)[-1]["recorded_at"]
    void(clerk, household, 2)

    known = clerk.get(f"/v1/households/{household}?known_at={before.replace('+', '%2B')}").json

    assert known["community"]["code"] == OTHER_COMMUNITY
    assert clerk.get(f"/v1/households/{household}?as_of=2013-03-01").json["community"]["code"] == COMMUNITY


def test_views_are_what_a_replay_says(clerk: Desk, casework: Casework, drain: Callable[[], None]):
    household = arrived(clerk)
    joined(clerk, household)
    clerk.edit(household, "moves", {"moved_on": "2013-03-01", "to_community": OTHER_COMMUNITY})
    drain()
    void(clerk, household, 3)
    void(clerk, household, 2)
    drain()

    verified = verify(casework.pool)

    assert (list(verified.differences), verified.households > 0) == ([], True)
    [listed] = [each for each in clerk.get("/v1/households?limit=1000").json["items"] if each["id"] == household]
    assert (listed["members"], listed["community"]["id"]) == (1, str(unit_id(COMMUNITY)))


def test_sent_again_it_counts_once_and_over_others_work_it_does_not_count(clerk: Desk):
    household = arrived(clerk)
    clerk.edit(household, "residence-verifications", {"verified_on": "2013-09-01", "outcome": "present"})
    seen = clerk.get(f"/v1/households/{household}").headers["ETag"]
    path, body = f"/v1/households/{household}/entries/2/voids", {"reason": "duplicate"}
    clerk.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-09-01"})

    late = clerk.post(path, body, If_Match=seen)
    tried_late = clerk.post(path, {**body, "mode": "validate"}, If_Match=seen)
    key = uuid4().hex
    now = clerk.get(f"/v1/households/{household}").headers["ETag"]
    first, again = (clerk.post(path, body, If_Match=now, Idempotency_Key=key) for _ in range(2))

    assert code(late) == code(tried_late) == (412, "version-conflict")
    assert (first.status, again.status, first.json) == (200, 200, again.json)
    assert code(void(clerk, household, 2)) == (409, "voided")


def test_what_was_not_told_long_ago_is_not_untold_without_a_supervisor(clerk: Desk, desk: DeskOf):
    household = clerk.post("/v1/households", {**arrival(), "arrived_on": "2012-08-01"}).json["id"]
    chief = desk("supervisor")
    seen = {"verified_on": "2012-09-01", "outcome": "present"}
    assert code(clerk.edit(household, "residence-verifications", seen)) == (409, "back-dated-too-far")
    assert chief.edit(household, "residence-verifications", seen).status == 200

    assert code(void(clerk, household, 2)) == (409, "back-dated-too-far")
    assert void(chief, household, 2).status == 200


@pytest.mark.parametrize(
    ("path", "new", "pointer"),
    [
        ("hukou_division", "张三", "/changes/0/new"),
        ("birth_month", "1990-13", "/changes/0/new"),
        ("joined_on", "yesterday", "/changes/0/new"),
        ("education", "phd", "/changes/0/new"),
        ("student.from", "2013-02-30", "/changes/0/new"),
        ("permit.status", "lost", "/changes/0/new"),
        ("migrant", "yes", "/changes/0/new"),
        ("name", "张三", "/changes/0/path"),
        ("student", {"from": "2013-01-01"}, "/changes/0/path"),
    ],
)
def test_a_value_that_cannot_be_is_pointed_at(clerk: Desk, path: str, new: Any, pointer: str):
    household = arrived(clerk)

    answer = correct(clerk, household, head_of(clerk, household), path, None, new)

    assert answer.status == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert "张三" not in answer.text
