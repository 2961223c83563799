"""Every command has an address, and does what the address says."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from casework.domain.ids import uuid7
from casework.domain.registry import POLICY_ID, feed_id, unit_id
from tests.api.conftest import Answer, Desk, DeskOf, arrival, arrived, id_number
from tests.given import COMMUNITY, OTHER_COMMUNITY


@pytest.fixture
def clerk(desk: DeskOf) -> Desk:
    return desk("caseworker", bureau="HRSS")


def only_member(clerk: Desk, household: str) -> str:
    return str(clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"])


def created(answer: Answer, name: str) -> str:
    assert answer.status in (200, 201), answer.text
    return str(answer.json["events"][0][name])


def asked_for(clerk: Desk, household: str, service: str, **more: Any) -> str:
    body = {"service": service, "requested_on": "2013-02-01", **more}
    return created(clerk.edit(household, "services", body), "episode_id")


def episode(clerk: Desk, household: str, episode_id: str) -> Any:
    known = clerk.get(f"/v1/households/{household}").json["services"]
    return next(each for each in known if each["episode_id"] == episode_id)


def test_a_household_arrives_and_is_read(clerk: Desk):
    answer = clerk.post("/v1/households", arrival("李娜", phone="13800000001"))

    read = clerk.get(f"/v1/households/{answer.json['id']}").json
    assert (answer.status, answer.json["changed"], answer.json["version"]) == (201, True, 1)
    assert answer.json["position"].count(":") == 1
    assert read["community"]["code"] == COMMUNITY
    assert read["members"][0]["profile"]["name"] == "李娜"
    assert read["members"][0]["person_id"] == answer.json["events"][0]["person_ids"][0] == read["head"]
    assert (read["status"], read["assessment"]["status"]) == ("open", "assessed")


def test_the_caller_may_choose_the_ids(clerk: Desk):
    chosen = "01952f2c-7a10-7c3e-8a55-3f6d1c0b9e42"
    person = "01952f2c-7a10-7c3e-8a55-3f6d1c0b9e43"

    answer = clerk.post("/v1/households", {**arrival(person_id=person), "id": chosen})

    assert (answer.json["id"], answer.json["events"][0]["person_ids"]) == (chosen, [person])


def test_a_household_of_several_needs_one_head(clerk: Desk):
    two_heads = arrival()
    two_heads["members"] *= 2

    answer = clerk.post("/v1/households", two_heads)

    assert (answer.status, answer.json["code"]) == (422, "head-not-told")


def test_residence_moves_and_closing(clerk: Desk):
    household = arrived(clerk)

    seen = clerk.edit(household, "residence-verifications", {"verified_on": "2013-02-01", "outcome": "present"})
    moved = clerk.edit(household, "moves", {"moved_on": "2013-03-01", "to_community": OTHER_COMMUNITY})
    closed = clerk.edit(household, "closings", {"closed_on": "2013-04-01", "reason": "left_city"})

    read = clerk.get(f"/v1/households/{household}").json
    before = clerk.get(f"/v1/households/{household}?as_of=2013-02-15").json
    assert [seen.status, moved.status, closed.status] == [200, 200, 200]
    assert (read["status"], read["closed_reason"]) == ("closed", "left_city")
    assert read["community"]["code"] == OTHER_COMMUNITY
    assert (before["status"], before["community"]["code"]) == ("open", COMMUNITY)


def test_members_join_are_born_lead_leave_and_die(clerk: Desk):
    household = arrived(clerk)
    head = only_member(clerk, household)
    spouse = {"relation": "spouse", "sex": "male", "born_on": "1988-01-02", "name": "赵军", "migrant": True}
    child = {"relation": "child", "sex": "female", "born_on": "2013-02-20", "migrant": True}

    joined = created(clerk.edit(household, "members", {"joined_on": "2013-02-01", "member": spouse}), "person_id")
    born = created(
        clerk.edit(household, "births", {"reported_on": "2013-03-01", "member": child, "mother": head}), "person_id"
    )
    led = clerk.edit(household, "head-changes", {"changed_on": "2013-03-02", "person_id": joined})
    left = clerk.edit(household, f"members/{head}/departures", {"left_on": "2013-04-01", "reason": "left_city"})
    died = clerk.edit(household, f"members/{born}/deaths", {"died_on": "2013-05-01"})

    read = clerk.get(f"/v1/households/{household}").json
    assert [led.status, left.status, died.status] == [200, 200, 200]
    assert [member["person_id"] for member in read["members"]] == [joined]
    assert {each["person_id"] for each in read["former_members"]} == {head, born}


def test_a_member_goes_on_to_another_household_with_all_that_is_theirs(clerk: Desk):
    household, other = arrived(clerk), arrived(clerk)
    spouse = {"relation": "spouse", "sex": "male", "born_on": "1988-01-02", "name": "赵军", "migrant": True}
    person = created(clerk.edit(household, "members", {"joined_on": "2013-02-01", "member": spouse}), "person_id")
    card = asked_for(clerk, household, "SSI-CARD", person_id=person)

    left = clerk.edit(
        household,
        f"members/{person}/departures",
        {"left_on": "2013-04-01", "reason": "other_household", "to_household": other, "relation": "spouse"},
    )

    read = clerk.get(f"/v1/households/{other}").json
    assert left.json["position"].count(":") == 2
    assert person in {member["person_id"] for member in read["members"]}
    assert card in {service["episode_id"] for service in read["services"]}


def test_facts_of_a_member_and_who_they_are(clerk: Desk):
    household = arrived(clerk)
    person = only_member(clerk, household)
    told = {
        "recorded_on": "2013-02-01",
        "facts": {
            "education": "college",
            "student": {"from": "2012-09-01", "to": "2013-07-01"},
            "permit": {"status": "residence", "from": "2013-01-10"},
        },
        "profile": {"phone": "13911112222"},
    }

    answer = clerk.edit(household, f"members/{person}/facts", told)

    member = clerk.get(f"/v1/households/{household}").json["members"][0]
    assert answer.status == 200
    assert member["facts"]["education"] == "college"
    assert member["facts"]["student"] == {"from": "2012-09-01", "to": "2013-07-01"}
    assert member["profile"]["phone"] == "13911112222"
    assert member["profile"]["name"] == "王芳"


def test_work_begins_and_ends(clerk: Desk):
    household = arrived(clerk)
    person = only_member(clerk, household)
    work = {"person_id": person, "kind": "employee", "unit_id": "emp-1", "from": "2013-02-01"}

    employment = created(clerk.edit(household, "employments", work), "employment_id")
    ended = clerk.edit(household, f"employments/{employment}/endings", {"to": "2013-05-31", "reason": "resigned"})

    [job] = clerk.get(f"/v1/households/{household}").json["employments"]
    assert ended.status == 200
    assert (job["from"], job["to"], job["unit_name"]) == ("2013-02-01", "2013-05-31", "emp-1")


def test_a_need_is_assessed_and_cleared(clerk: Desk):
    household = arrived(clerk)
    found = {"need": "HOUSING", "result": "present", "assessed_on": "2013-02-01", "remark": "三人一室"}

    need = created(clerk.edit(household, "needs", found), "need_id")
    cleared = clerk.edit(household, f"needs/{need}/clearings", {"cleared_on": "2013-06-01", "reason": "met"})

    [known] = clerk.get(f"/v1/households/{household}").json["needs"]
    assert cleared.status == 200
    assert (known["need"], known["label"], known["cleared_reason"]) == ("HOUSING", "住房困难", "met")


def test_the_whole_life_of_a_service(clerk: Desk):
    household = arrived(clerk)
    person = only_member(clerk, household)
    wanted = asked_for(clerk, household, "SSI-PEN", person_id=person, unit_id="emp-1")
    path = f"services/{wanted}"
    paid = {"scheme": "employee", "paid_through": "2013-04"}

    granted = clerk.edit(
        household, f"{path}/grants", {"granted_on": "2013-02-10", "unit_id": "emp-1", "evidence": paid}
    )
    started = clerk.edit(household, f"{path}/starts", {"started_on": "2013-02-11"})
    renewed = clerk.edit(
        household, f"{path}/renewals", {"renewed_on": "2013-06-01", "evidence": {"paid_through": "2013-09"}}
    )
    corrected = clerk.edit(
        household,
        f"{path}/corrections",
        {
            "changes": [{"path": "granted_on", "old": "2013-02-10", "new": "2013-02-09"}],
            "reason": "entry_error",
        },
    )
    known = episode(clerk, household, wanted)
    ended = clerk.edit(household, f"{path}/endings", {"ended_on": "2013-09-01", "reason": "withdrawn"})
    voided = clerk.edit(household, f"{path}/voids", {"reason": "never_happened", "remark": "核对有误"})

    assert [a.status for a in (granted, started, renewed, corrected, ended, voided)] == [200] * 6
    assert (known["state"], known["granted_on"], known["valid_to"]) == ("active", "2013-02-09", "2013-12-31")
    assert known["evidence"] == {"scheme": "employee", "paid_through": "2013-09"}
    assert episode(clerk, household, wanted)["state"] == "voided"


def test_a_service_is_referred_answered_and_denied(clerk: Desk, desk: DeskOf):
    household = arrived(clerk)
    wanted = asked_for(clerk, household, "HSG-PUB", override_reason="hardship")
    referral = created(
        clerk.edit(
            household,
            f"services/{wanted}/referrals",
            {"referred_on": "2013-02-05", "from_bureau": "HRSS", "to_bureau": "HSG", "reason": "not_responsible"},
        ),
        "referral_id",
    )
    waiting = episode(clerk, household, wanted)["state"]
    answer = {"answered_on": "2013-02-08", "answer": "accepted"}

    by_another = clerk.edit(household, f"services/{wanted}/referrals/{referral}/answers", answer)
    by_the_asked = desk("bureau", bureau="HSG").edit(
        household, f"services/{wanted}/referrals/{referral}/answers", answer
    )
    denied = clerk.edit(
        household, f"services/{wanted}/denials", {"denied_on": "2013-02-10", "reason": "documents_missing"}
    )

    assert waiting == "referred"
    assert (by_another.status, by_another.json["code"]) == (409, "referral-not-yours")
    assert [by_the_asked.status, denied.status] == [200, 200]
    assert episode(clerk, household, wanted)["state"] == "denied"


def test_a_delivery_counts_once(clerk: Desk):
    household = arrived(clerk)
    visit = {"service": "COM-VISIT", "delivered_on": "2013-02-01", "evidence": {"outcome": "一切安好"}}

    first = clerk.edit(household, "deliveries", visit)
    again = clerk.edit(household, "deliveries", visit)

    assert first.status == 201
    assert (again.status, again.json["code"]) == (409, "delivered-already")


def test_evidence_that_is_wrong_is_pointed_at(clerk: Desk):
    household = arrived(clerk)
    person = only_member(clerk, household)
    wanted = asked_for(clerk, household, "SSI-PEN", person_id=person, unit_id="emp-1")
    wrong = {"scheme": "golden", "paid_through": "soon", "salary": 3}

    answer = clerk.edit(
        household, f"services/{wanted}/grants", {"granted_on": "2013-02-10", "evidence": wrong}, Accept_Language="en"
    )

    assert (answer.status, answer.json["code"]) == (422, "evidence-invalid")
    assert {(e["pointer"], e["code"]) for e in answer.json["errors"]} == {
        ("/evidence/scheme", "evidence-value"),
        ("/evidence/paid_through", "evidence-value"),
        ("/evidence", "evidence-unknown"),
    }


def test_a_refusal_names_its_rule_in_the_readers_language(clerk: Desk):
    household = arrived(clerk)
    body = {"closed_on": "2031-01-01", "reason": "dissolved"}

    chinese = clerk.edit(household, "closings", body)
    english = clerk.edit(household, "closings", body, Accept_Language="en-GB,en;q=0.8")

    assert chinese.status == english.status == 409
    assert chinese.json["code"] == english.json["code"] == "date-in-future"
    assert (chinese.json["detail"], english.json["detail"]) == ("日期不能晚于今天。", "The day has not come yet.")
    assert (chinese.headers["Content-Language"], english.headers["Content-Language"]) == ("zh-CN", "en")


def test_warnings_come_with_the_first_answer_and_with_every_other(clerk: Desk):
    body = arrival(id_number=id_number("19900518", "002"))

    first = clerk.post("/v1/households", body, Idempotency_Key="warned")
    again = clerk.post("/v1/households", body, Idempotency_Key="warned")

    assert "born-differs" in {warning["code"] for warning in first.json["warnings"]}
    assert again.json == first.json


def test_a_corrected_unit_is_one_that_there_is_and_may_be_named_by_its_code(clerk: Desk):
    household = arrived(clerk)
    person = only_member(clerk, household)
    place = asked_for(clerk, household, "EDU-COMP", person_id=person, unit_id="school-1", override_reason="hardship")
    path = f"services/{place}/corrections"

    def corrected(new: str | None) -> Answer:
        change = {"path": "unit_id", "old": "school-1", "new": new}
        return clerk.edit(household, path, {"changes": [change], "reason": "entry_error"})

    wrong = [corrected(new) for new in (str(uuid4()), "emp-1", "no such unit")]
    right = corrected(None)

    assert [answer.json["code"] for answer in wrong[:2]] == ["unit-unknown", "unit-kind"]
    assert (wrong[2].status, right.status) == (422, 200)


def test_a_bureau_refers_in_its_own_name(clerk: Desk, desk: DeskOf):
    household = arrived(clerk)
    person = only_member(clerk, household)
    wanted = asked_for(clerk, household, "SSI-CARD", person_id=person)
    passed_on = {"referred_on": "2013-02-05", "to_bureau": "HSG", "reason": "not_responsible"}

    own = desk("bureau", bureau="HRSS")
    answers = [
        own.edit(household, f"services/{wanted}/referrals", {**passed_on, "from_bureau": bureau})
        for bureau in ("CIV", "HRSS")
    ]

    assert [answer.json.get("code") for answer in answers] == ["bureau-not-yours", None]


def test_a_feed_needs_no_version_and_its_reference_counts_once(desk: DeskOf):
    feed, household = desk("service"), arrived(desk())
    sent = {
        "service": "COM-HALL",
        "delivered_on": "2013-02-01",
        "source": {"system": "hall", "ref": "2013/0001"},
    }

    def send() -> Answer:
        client = feed.client
        headers = {"Authorization": f"Bearer {feed.token}"}
        response = client.post(f"/v1/households/{household}/deliveries", json=sent, headers=headers)
        return Answer(response.status_code, response.get_json(), dict(response.headers), "")

    first, again = send(), send()

    assert first.status == 201
    assert again.json == first.json
    assert feed.get(f"/v1/households/{household}").json["version"] == 2


def test_numbers_that_were_mixed_up_are_put_right(clerk: Desk):
    one, other = id_number("19900517", "006"), id_number("19900517", "008")
    body = arrival(id_number=one)
    body["members"].append({**body["members"][0], "relation": "spouse", "id_number": other})
    home = clerk.post("/v1/households", body).json
    head, spouse = home["events"][0]["person_ids"]

    def tell(person: str, number: str | None) -> int:
        told = {"recorded_on": "2013-02-01", "profile": {"id_number": number}}
        return clerk.edit(home["id"], f"members/{person}/facts", told).status

    steps = [tell(head, other), tell(head, None), tell(spouse, one), tell(head, other)]
    elsewhere = clerk.post("/v1/households", arrival(id_number=one))

    assert steps == [409, 200, 200, 200]
    assert elsewhere.status == 409


def visit(ref: str, day: str = "2013-02-01") -> dict[str, Any]:
    return {"verified_on": day, "outcome": "present", "source": {"system": "hall", "ref": ref}}


@pytest.mark.parametrize("keys", [({}, {}), ({}, {"Idempotency_Key": "k"}), ({"Idempotency_Key": "j"}, {})])
def test_a_feeds_reference_counts_once_whatever_its_key(desk: DeskOf, keys: tuple[dict[str, str], dict[str, str]]):
    feed, home, other, ref = desk("service"), arrived(desk()), arrived(desk()), uuid4().hex

    def send(household: str, body: Any, headers: dict[str, str], path: str = "residence-verifications") -> Answer:
        return feed.post(f"/v1/households/{household}/{path}", body, **headers)

    first, again = (send(home, visit(ref), headers) for headers in keys)
    differs = send(home, visit(ref, "2013-02-02"), keys[1])
    elsewhere = send(other, visit(ref), keys[1])

    assert (first.status, again.status, again.json) == (200, 200, first.json)
    assert (differs.status, differs.json["code"]) == (422, "command-reused")
    assert (elsewhere.status, elsewhere.json["code"]) == (409, "claim-taken")
    assert [feed.get(f"/v1/households/{each}").json["version"] for each in (home, other)] == [2, 1]


def test_a_feeds_reference_is_of_one_thing_even_where_bodies_are_alike(clerk: Desk, desk: DeskOf):
    household, feed, ref = arrived(clerk), desk("service"), uuid4().hex
    cleared = {"cleared_on": "2013-02-02", "reason": "met", "source": {"system": "hall", "ref": ref}}
    found = {"result": "present", "assessed_on": "2013-02-01"}
    needs = [clerk.edit(household, "needs", {"need": need, **found}) for need in ("HOUSING", "LOW_INCOME")]

    answers = [
        feed.post(f"/v1/households/{household}/needs/{created(need, 'need_id')}/clearings", cleared) for need in needs
    ]

    assert [answer.status for answer in answers] == [200, 422], answers


def test_a_feed_learns_nothing_of_households_that_are_not_its_own(desk: DeskOf):
    home, ref = arrived(desk()), uuid4().hex
    near, far = desk("service", sub="near"), desk("service", sub="far", divisions=["410102"])
    near.post(f"/v1/households/{home}/residence-verifications", visit(ref))

    told = [
        far.post(f"/v1/households/{home}/residence-verifications", body)
        for body in (visit(ref), visit(ref, "2013-02-02"), visit(uuid4().hex))
    ]
    beside = desk("service", sub="near-2").post(f"/v1/households/{home}/residence-verifications", visit(ref))

    assert {(answer.status, answer.json["code"]) for answer in told} == {(404, "not-found")}
    assert (beside.status, beside.json["version"]) == (200, 2)


def test_who_moved_a_household_away_hears_so_again(desk: DeskOf):
    clerk, home = desk(divisions=["410105"]), arrived(desk())
    moved = {"moved_on": "2013-03-01", "to_community": OTHER_COMMUNITY}
    headers = {"Idempotency_Key": "away", "If_Match": '"1"'}

    first, again = (clerk.post(f"/v1/households/{home}/moves", moved, **headers) for _ in range(2))

    assert (first.status, again.status, again.json) == (200, 200, first.json)


def test_only_a_feed_may_name_its_source(clerk: Desk):
    household = arrived(clerk)
    body = {"verified_on": "2013-02-01", "outcome": "present", "source": {"system": "hall", "ref": "1"}}

    answer = clerk.edit(household, "residence-verifications", body)

    assert (answer.status, answer.json["code"]) == (403, "source-of-feeds")


def test_a_bureau_decides_its_own_services_alone(desk: DeskOf):
    clerk, education = desk(), desk("bureau", bureau="EDUB")
    household = arrived(clerk)
    card = asked_for(clerk, household, "SSI-CARD", person_id=only_member(clerk, household))

    granted = education.edit(household, f"services/{card}/grants", {"granted_on": "2013-02-10"})
    delivered = education.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-02-01"})
    by_its_own = desk("bureau", bureau="HRSS").edit(household, f"services/{card}/grants", {"granted_on": "2013-02-10"})

    assert (granted.status, granted.json["code"]) == (403, "bureau-not-yours")
    assert (delivered.status, delivered.json["code"]) == (403, "bureau-not-yours")
    assert by_its_own.status == 200


def test_units_are_registered_report_facts_and_close_months(desk: DeskOf):
    operator, bureau = desk("operator"), desk("bureau", bureau="EDUB")
    works = {
        "code": "emp-77",
        "kind": "employer",
        "name_zh": "第七机械厂",
        "registered_on": "2013-01-01",
        "parent": "410105",
    }
    contract = {"fact": "UF-COLL", "reported_on": "2013-02-01", "from": "2013-01-01", "to": "2015-12-31"}

    registered = operator.post("/v1/units", works)
    again = operator.post("/v1/units", works)
    reported = operator.post("/v1/units/emp-77/facts", contract, If_Match=registered.headers["ETag"])
    closed = bureau.post("/v1/feeds/EDUB/EDU/closings", {"month": "2013-08"})
    foreign = bureau.post("/v1/feeds/HRSS/EMP/closings", {"month": "2013-08"})

    unit = operator.get("/v1/units/emp-77").json
    assert [registered.status, reported.status, closed.status] == [201, 201, 201]
    assert (again.json["changed"], again.json["position"]) == (False, None)
    assert unit["facts"][0]["fact"] == "UF-COLL"
    assert [each["code"] for each in unit["ancestors"]] == ["410105", "4101"]
    assert (foreign.status, foreign.json["code"]) == (403, "bureau-not-yours")
    assert {"bureau": "EDUB", "area": "EDU", "months": ["2013-08"]} in operator.get("/v1/feeds").json["items"]


def test_a_policy_is_put_in_force(desk: DeskOf):
    operator = desk("operator")

    answer = operator.post("/v1/policies/2013.1/activations", {"activated_on": "2013-10-01"})
    unknown = operator.post("/v1/policies/1999.9/activations", {})

    assert (answer.status, answer.json["changed"]) == (200, True)
    assert (unknown.status, unknown.json["code"]) == (404, "policy-unknown")


@pytest.mark.parametrize(
    "path", [f"services/{uuid7()}/grants", f"needs/{uuid7()}/clearings"], ids=["grant", "clearing"]
)
@pytest.mark.parametrize(
    "stream", [unit_id("410105"), feed_id("EDUB", "EDU"), POLICY_ID], ids=["unit", "feed", "policy"]
)
def test_a_bureau_finds_no_household_where_another_stream_is(desk: DeskOf, path: str, stream: UUID):
    body = {"granted_on": "2013-03-01"} if "grants" in path else {"cleared_on": "2013-03-01", "reason": "met"}

    answer = desk("bureau", bureau="HRSS").post(f"/v1/households/{stream}/{path}", body, If_Match='"1"')

    assert (answer.status, answer.json["code"]) == (404, "not-found")
