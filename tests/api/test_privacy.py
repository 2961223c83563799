"""What names a person is shown to whoever may see it, is recorded, and is nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from casework.application import Casework
from tests.api.conftest import Desk, DeskOf, arrival, arrived, id_number
from tests.given import COMMUNITY, OTHER_COMMUNITY

SECRETS = ("欧阳震华", "13812345678", "嵩山路88号", "三室一厅的秘密")


def told_all(desk: Desk) -> tuple[str, str]:
    """A household whose file holds secrets of every kind."""
    body = arrival("欧阳震华", phone="13812345678", address="嵩山路88号", id_number=id_number("19900517", "104"))
    answer = desk.post("/v1/households", {**body, "remark": "三室一厅的秘密"})
    assert answer.status == 201, answer.text
    return answer.json["id"], answer.json["events"][0]["person_ids"][0]


@pytest.fixture(scope="module")
def secret(desk: DeskOf) -> tuple[str, str]:
    return told_all(desk())


def reads(casework: Casework) -> list[tuple[Any, ...]]:
    with casework.pool.connection() as db:
        return db.execute(
            "SELECT household_id::text, person_id::text, actor, role, bureau, purpose, action"
            " FROM vault.access ORDER BY id"
        ).fetchall()


def test_who_reads_a_named_person_is_recorded_with_the_purpose(
    desk: DeskOf, casework: Casework, secret: tuple[str, str]
):
    before = len(reads(casework))

    desk(sub="clerk-7", purpose="visit").get(f"/v1/households/{secret[0]}")

    assert reads(casework)[before:] == [
        (*secret, "clerk-7", "caseworker", None, "visit", "households.read"),
    ]


def test_a_search_and_a_list_are_recorded_too(
    desk: DeskOf, casework: Casework, secret: tuple[str, str], drain: Callable[[], None]
):
    drain()
    before = len(reads(casework))

    desk().post("/v1/households/search", {"name": "欧阳震华"})
    desk().get("/v1/households")
    desk().get("/v1/households?names=false")
    desk().get("/v1/worklist")
    desk().get("/v1/worklist/counts")

    assert {(row[1], row[-1]) for row in reads(casework)[before:]} == {
        (secret[1], "households.search"),
        (secret[1], "households.list_households"),
        (secret[1], "worklist.list_items"),
    }


def test_the_record_cannot_be_changed_by_the_application(casework: Casework):
    with casework.pool.connection() as db, pytest.raises(Exception, match="permission denied"):
        db.execute("DELETE FROM vault.access")


@pytest.mark.parametrize("who", [{"role": "auditor"}, {"role": "caseworker", "purpose": None}])
def test_without_the_role_or_a_purpose_nobody_is_named(
    desk: DeskOf, casework: Casework, secret: tuple[str, str], drain: Callable[[], None], who: dict[str, Any]
):
    drain()
    before, reader = len(reads(casework)), desk(**who)

    answers = [
        reader.get(path)
        for path in (f"/v1/households/{secret[0]}", f"/v1/households/{secret[0]}/timeline", "/v1/households")
    ]

    assert all(answer.status == 200 for answer in answers)
    assert not [word for word in SECRETS for answer in answers if word in answer.text]
    assert len(reads(casework)) == before


def test_a_search_needs_a_purpose(desk: DeskOf):
    answer = desk(purpose=None).post("/v1/households/search", {"name": "欧阳震华"})

    assert (answer.status, answer.json["code"]) == (403, "purpose-missing")


def test_the_id_number_is_shown_by_its_last_four(desk: DeskOf, secret: tuple[str, str]):
    answer = desk().get(f"/v1/households/{secret[0]}")

    [member] = answer.json["members"]
    assert member["profile"]["id_number_last4"] == id_number("19900517", "104")[-4:]
    assert id_number("19900517", "104") not in answer.text


def test_remarks_and_sealed_evidence_are_part_of_the_story_for_those_who_may(desk: DeskOf, secret: tuple[str, str]):
    story = desk().get(f"/v1/households/{secret[0]}/timeline").json["items"]

    assert story[0]["sealed"] == {"remark": "三室一厅的秘密"}
    assert "born_on" not in json.dumps(story)


def test_nothing_that_names_a_person_is_in_an_error_a_header_or_a_log(
    desk: DeskOf, secret: tuple[str, str], capfd: pytest.CaptureFixture[str]
):
    clerk = desk()
    answers = [
        clerk.post("/v1/households", arrival("欧阳震华", phone="13812345678", id_number=id_number("19900517", "104"))),
        clerk.post("/v1/households", arrival("欧阳震华", id_number="410105199005170011")),
        clerk.post("/v1/households", {**arrival(), "欧阳震华": 1}),
        clerk.post("/v1/households", arrival(sex="欧阳震华")),
        clerk.post("/v1/households/search", {"name": "欧阳震华", "phone": 13812345678}),
        clerk.get("/v1/households/欧阳震华"),
        clerk.get("/v1/units/13812345678"),
        clerk.get("/v1/households?name=欧阳震华"),
        clerk.get("/v1/households?unit=欧阳震华"),
        clerk.get("/欧阳震华"),
    ]

    assert all(400 <= answer.status < 500 for answer in answers)
    told = "".join(answer.text + json.dumps(answer.headers) for answer in answers) + "".join(capfd.readouterr())
    for word in ("欧阳", "13812345678", id_number("19900517", "104"), "410105199005170011"):
        assert word not in told


def test_every_request_is_logged_by_route_and_ids(
    desk: DeskOf, secret: tuple[str, str], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "casework.api.access")

    desk().get(f"/v1/households/{secret[0]}?as_of=2013-05-05")

    line = json.loads(capfd.readouterr().err.splitlines()[-1])
    assert line["route"] == "/v1/households/<uuid:household_id>"
    assert (line["household_id"], line["actor"], line["status"]) == (secret[0], "caseworker-1", 200)
    assert set(line) >= {"at", "request_id", "ms", "role", "method"}


@pytest.fixture(scope="module")
def restricted(desk: DeskOf) -> tuple[str, str]:
    """A household with a restricted need, service and fact, and one that is not, all of which bureaus may share."""
    clerk = desk()
    household = arrived(clerk)
    person = clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"]
    need = {"need": "PSYCH", "person_id": person, "result": "present", "assessed_on": "2013-02-01"}
    care = {"service": "HLT-PSY", "person_id": person, "delivered_on": "2013-03-01"}
    facts = {"recorded_on": "2013-03-01", "facts": {"disability": "mental", "education": "college"}}
    done = [
        clerk.edit(household, "needs", need),
        clerk.edit(household, "deliveries", care),
        clerk.edit(household, f"members/{person}/facts", facts),
        clerk.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-03-01"}),
        clerk.edit(
            household,
            f"members/{person}/consents",
            {"scope": "cross_bureau", "given_on": "2013-03-01", "notice_version": "2013-1"},
        ),
    ]
    assert [answer.status for answer in done] == [201, 201, 200, 201, 201]
    return household, person


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ({"role": "caseworker"}, True),
        ({"role": "supervisor"}, True),
        ({"role": "auditor"}, True),
        ({"role": "bureau", "bureau": "HLTH"}, True),
        ({"role": "bureau", "bureau": "EDUB"}, False),
        ({"role": "service"}, False),
        ({"role": "service", "bureau": "HLTH"}, True),
    ],
)
def test_restricted_needs_and_services_are_for_their_bureau_and_those_who_decide(
    desk: DeskOf, restricted: tuple[str, str], who: dict[str, Any], sees: bool
):
    reader = desk(**who)

    read = reader.get(f"/v1/households/{restricted[0]}")
    story = reader.get(f"/v1/households/{restricted[0]}/timeline")

    for answer in (read, story):
        assert ("HLT-PSY" in answer.text, "PSYCH" in answer.text) == (sees, sees)
        assert "COM-HALL" in answer.text
    [member] = read.json["members"]
    assert member["facts"]["education"] == "college"


def test_a_restricted_fact_is_seen_by_the_bureau_that_needs_it(desk: DeskOf, restricted: tuple[str, str]):
    path = f"/v1/households/{restricted[0]}"

    by_welfare = desk("bureau", bureau="CIV").get(path).json["members"][0]["facts"]
    by_health = desk("bureau", bureau="HLTH").get(path).json["members"][0]["facts"]

    assert (by_welfare.get("disability"), by_health.get("disability")) == ("mental", None)


@pytest.mark.parametrize(("bureau", "hidden"), [("EDUB", {"COM2", "COM3"}), ("HLTH", {"COM3"}), ("PFP", {"COM2"})])
def test_a_bureau_sees_no_number_from_which_a_restricted_service_could_be_found(
    desk: DeskOf, restricted: tuple[str, str], bureau: str, hidden: set[str]
):
    assessment = desk("bureau", bureau=bureau).get(f"/v1/households/{restricted[0]}").json["assessment"]

    indicators = {each["indicator"]: each for level in assessment["levels"] for each in level["indicators"]}
    scores = {level["level"]: level["band"] for level in assessment["levels"]}
    assert {code for code, each in indicators.items() if each["state"] == "hidden"} == hidden
    assert {each[name] for code in hidden for each in [indicators[code]] for name in ("num", "den", "withheld")} == {
        None
    }
    assert assessment["overall"]["band"] is scores["community"] is None
    assert scores["city"] is not None


def test_a_list_shows_and_filters_no_score_that_is_hidden(desk: DeskOf, restricted: tuple[str, str], drain: Any):
    drain()
    education = desk("bureau", bureau="EDUB")

    listed = education.get("/v1/households").json["items"]
    refused = [education.get(f"/v1/households?{query}") for query in ("band=D", "level=community&level_band=D")]
    allowed = education.get("/v1/households?level=school&level_band=NA")

    assert {item["band"] for item in listed} == {None}
    assert {level["level"] for item in listed for level in item["levels"]} == {"school", "workplace", "city"}
    assert [(answer.status, answer.json["code"]) for answer in refused] == [(403, "score-restricted")] * 2
    assert allowed.status == 200


def test_a_timeline_does_not_show_that_something_restricted_was_told(desk: DeskOf):
    clerk = desk()
    household = arrived(clerk)
    person = clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"]
    clerk.edit(household, f"members/{person}/facts", {"recorded_on": "2013-03-01", "facts": {"disability": "mental"}})
    care = clerk.edit(household, "services", {"service": "FPL-FILE", "person_id": person, "requested_on": "2013-03-02"})
    clerk.edit(household, "closings", {"closed_on": "2013-04-01", "reason": "left_city"})

    shown = desk("bureau", bureau="EDUB").get(f"/v1/households/{household}/timeline")

    types = [item["type"] for item in shown.json["items"]]
    assert types == ["household.registered.v1", "household.closed.v1"]
    assert care.json["events"][0]["episode_id"] not in shown.text


def test_what_happened_between_two_edits_is_not_told_by_its_kind(desk: DeskOf, restricted: tuple[str, str]):
    household, person = restricted
    card = {"service": "SSI-CARD", "person_id": person, "requested_on": "2013-04-01"}
    asked = desk().edit(household, "services", card)
    path = f"services/{asked.json['events'][0]['episode_id']}"
    assert desk().edit(household, f"{path}/grants", {"granted_on": "2013-04-02"}).status == 200

    stale = {"If_Match": f'"{asked.json["version"]}"'}
    answer = desk("bureau", bureau="HRSS").edit(household, f"{path}/starts", {"started_on": "2013-04-03"}, **stale)

    assert answer.status == 412
    assert {name for event in answer.json["events"] for name in event} == {"version", "recorded_at"}


def test_another_bureaus_restricted_service_cannot_be_touched_or_felt_for(desk: DeskOf, restricted: tuple[str, str]):
    household, _ = restricted
    known = desk().get(f"/v1/households/{household}").json["services"]
    hidden = next(each["episode_id"] for each in known if each["service"] == "HLT-PSY")
    need = desk().get(f"/v1/households/{household}").json["needs"][0]["need_id"]
    education = desk("bureau", bureau="EDUB")

    clearing = {"cleared_on": "2013-05-01", "reason": "met"}

    voided = [education.edit(household, f"services/{id}/voids", {"reason": "duplicate"}) for id in (hidden, uuid4())]
    cleared = [education.edit(household, f"needs/{id}/clearings", clearing) for id in (need, uuid4())]

    assert [answer.json["code"] for answer in voided] == ["episode-unknown"] * 2
    assert [answer.json["code"] for answer in cleared] == ["need-unknown"] * 2


def test_who_lives_elsewhere_now_is_not_told_of_in_the_file_that_they_left(desk: DeskOf):
    clerk = desk()
    left, number = arrived(clerk, "甲", phone="13900007771"), id_number("19800302", "102")
    joined = clerk.edit(
        left,
        "members",
        {"joined_on": "2013-01-06", "member": member("乙", phone="13900007772", id_number=number)},
    )
    person = joined.json["events"][0]["person_id"]
    clerk.edit(left, f"members/{person}/departures", {"left_on": "2013-02-01", "reason": "moved_out"})
    body = {**arrival(), "members": [{**member("乙", phone="13900007773", id_number=number), "person_id": person}]}
    other = desk(divisions=[OTHER_COMMUNITY])
    registered = other.post("/v1/households", {**body, "community": OTHER_COMMUNITY})

    before = clerk.get(f"/v1/households/{left}?as_of=2013-01-20").json["members"]
    found = desk(divisions=["410105"]).post("/v1/households/search", {"phone": "13900007773"}).json["items"]

    assert registered.status == 201
    assert {each["profile"] and each["profile"]["name"] for each in before} == {"甲", None}
    assert found == []


def test_nobody_is_renamed_by_registering_them_under_a_known_id(desk: DeskOf):
    clerk = desk()
    household = arrived(clerk, "甲")
    other = clerk.edit(household, "members", {"joined_on": "2013-01-06", "member": member("乙")})
    person = other.json["events"][0]["person_id"]
    clerk.edit(household, f"members/{person}/departures", {"left_on": "2013-02-01", "reason": "left_city"})

    renamed = clerk.post("/v1/households", {**arrival(), "members": [{**member("丙"), "person_id": person}]})
    returned = clerk.post("/v1/households", {**arrival(), "members": [{**member("乙"), "person_id": person}]})

    assert (renamed.status, renamed.json["code"], returned.status) == (409, "person-differs", 201)


def test_a_household_is_registered_in_ones_own_divisions_alone(desk: DeskOf):
    answer = desk(divisions=["410105"]).post("/v1/households", arrival(community=OTHER_COMMUNITY))

    assert (answer.status, answer.json["code"]) == (403, "community-not-yours")


def test_a_birth_date_told_anew_lies_in_the_month_of_the_record(desk: DeskOf):
    clerk = desk()
    household = arrived(clerk)
    person = clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"]
    told = [
        clerk.edit(household, f"members/{person}/facts", {"recorded_on": "2013-03-01", "profile": {"born_on": born_on}})
        for born_on in ("1990-04-17", "1990-05-18")
    ]

    assert [answer.json.get("code") for answer in told] == ["birth-month-differs", None]


def member(name: str, **more: Any) -> dict[str, Any]:
    """A person born in March 1980."""
    return {"relation": "head", "sex": "female", "born_on": "1980-03-02", "name": name, "migrant": True, **more}


def test_search_finds_by_number_name_pinyin_and_phone_in_ones_own_divisions(desk: DeskOf):
    clerk = desk()
    number = id_number("19900517", "208")
    household = arrived(clerk, "司马青衫", phone="+86 139 0000 1111", id_number=number)

    found = [
        clerk.post("/v1/households/search", asked).json["items"]
        for asked in (
            {"id_number": number},
            {"name": "司马青衫"},
            {"name": "sima qingshan"},
            {"phone": "13900001111"},
            {"name": "司马青衫", "phone": "13900001111"},
        )
    ]
    elsewhere = desk(divisions=["410102"]).post("/v1/households/search", {"id_number": number}).json["items"]
    narrowed = clerk.post("/v1/households/search", {"name": "司马青衫", "phone": "13912345678"}).json["items"]

    assert [[each["household_id"] for each in items] for items in found] == [[household]] * 5
    assert found[0][0]["community"]["code"] == COMMUNITY
    assert (elsewhere, narrowed) == ([], [])


def test_a_search_for_nothing_is_refused(desk: DeskOf):
    answer = desk().post("/v1/households/search", {})

    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "search-for-nothing")


NUMBER = id_number("19900517", "104")


@pytest.mark.parametrize("said", [NUMBER, f"x-{NUMBER}", "13987650123", "tel:13987650123"])
def test_nobodys_number_is_kept_in_clear(desk: DeskOf, said: str):
    unit = {"kind": "employer", "name_zh": "工厂", "registered_on": "2012-01-01"}
    fact = {"fact": "UF-COLL", "reported_on": "2013-03-01", "from": "2013-01-01", "evidence": said}
    source = {"system": "EDUB", "ref": said}
    operator, feed, home = desk("operator"), desk("service"), arrived(desk())

    refused = {
        "/evidence": operator.post("/v1/units/emp-1/facts", fact, If_Match='"1"'),
        "/name_zh": operator.post("/v1/units", {**unit, "code": "new-1", "name_zh": f"王芳{said}"}),
        "/code": operator.post("/v1/units", {**unit, "code": said.replace(":", "-")}),
        "/source/ref": feed.post(
            f"/v1/households/{home}/residence-verifications",
            {"verified_on": "2013-03-01", "outcome": "present", "source": source},
        ),
    }

    for pointer, answer in refused.items():
        errors = [(each["pointer"], each["code"]) for each in answer.json["errors"]]
        assert (answer.status, errors) == (422, [(pointer, "field-personal")])
        assert said not in answer.text
