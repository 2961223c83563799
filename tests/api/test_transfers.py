"""Transfers and releases of ID numbers by their addresses: who may, who sees what, and that nobody is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from casework.application import Casework
from casework.config import Settings
from tests.api.conftest import Answer, Desk, DeskOf, arrival, arrived, id_number
from tests.given import COMMUNITY, OTHER_COMMUNITY
from tests.traces import dump_of, dump_with, files_in, traces

NUMBERS = iter([id_number("19900517", f"{n:03}") for n in range(2, 1000, 2)])
NAME, REMARK = "欧阳转", "已随女儿迁来本社区"
SPOUSE = {"relation": "spouse", "sex": "male", "born_on": "1988-01-02", "name": "赵军", "migrant": True}


@pytest.fixture
def here(desk: DeskOf) -> Desk:
    """The office that asks."""
    return desk(divisions=[OTHER_COMMUNITY], sub="here-1", purpose="casework")


@pytest.fixture
def there(desk: DeskOf) -> Desk:
    """The office that holds."""
    return desk(divisions=["410105"], sub="there-1", purpose="casework")


@pytest.fixture
def number() -> str:
    """An ID number that no other test has."""
    return next(NUMBERS)


@pytest.fixture
def couple(there: Desk, number: str) -> tuple[str, str, str]:
    """A household there, its head, who has the number, and the other."""
    return held(there, number)


def held(there: Desk, number: str) -> tuple[str, str, str]:
    body = arrival(NAME, id_number=number)
    answer = there.post("/v1/households", {**body, "members": [*body["members"], SPOUSE]})
    assert answer.status == 201, answer.text
    head, spouse = answer.json["events"][0]["person_ids"]
    return answer.json["id"], head, spouse


def ask(here: Desk, number: str | None = None, **body: Any) -> Answer:
    who = {"id_number": number} if number else {}
    where = {} if "to_household" in body else {"to_community": OTHER_COMMUNITY}
    return here.post("/v1/transfers", who | where | body)


def asked(here: Desk, number: str, **body: Any) -> str:
    answer = ask(here, number, **body)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def listed(desk: Desk, query: str = "") -> list[Any]:
    answer = desk.get(f"/v1/transfers{query}")
    assert answer.status == 200, answer.text
    items: list[Any] = answer.json["items"]
    return items


def test_who_is_refused_is_told_to_ask_and_whom_it_is_about_is_told_to_nobody(
    here: Desk, couple: tuple[str, str, str], number: str
):
    body = arrival("另一名", OTHER_COMMUNITY, id_number=number)

    told = [here.post("/v1/households", body, Accept_Language=language) for language in ("en", "zh-CN")]

    assert [(answer.status, answer.json["code"]) for answer in told] == [(409, "held-elsewhere")] * 2
    assert all("POST /v1/transfers" in answer.json["detail"] for answer in told)
    for answer in told:
        assert not any(word in answer.text for word in (*couple, number, NAME, COMMUNITY, "410105"))


def test_each_office_sees_its_side_of_a_request(
    here: Desk, there: Desk, couple: tuple[str, str, str], desk: DeskOf, number: str
):
    household, head, _ = couple
    mine = arrived(here, "李娜", OTHER_COMMUNITY)

    answer = ask(here, number, to_household=mine, relation="sibling", remark=REMARK)

    assert (answer.status, answer.json["version"], answer.json["position"], answer.json["events"]) == (201, 1, None, [])
    transfer = answer.json["id"]
    [of_us], [by_us] = ([item for item in listed(office) if item["id"] == transfer] for office in (there, here))
    same = {
        "id": transfer,
        "state": "open",
        "asked_on": "2013-10-20",
        "due_on": "2013-11-08",
        "answered_on": None,
        "reason": None,
        "whole_household": False,
        "relation": "sibling",
        "to_community": of_us["to_community"],
    }
    assert of_us == {
        **same,
        "asked_of_us": True,
        "asked_by_us": False,
        "household_id": household,
        "person_id": head,
        "to_household": None,
    }
    assert by_us == {
        **same,
        "asked_of_us": False,
        "asked_by_us": True,
        "household_id": None,
        "person_id": None,
        "to_household": mine,
    }
    assert of_us["to_community"]["code"] == OTHER_COMMUNITY
    assert there.get(f"/v1/transfers/{transfer}").json == of_us
    assert listed(desk(divisions=["410106"])) == []
    assert desk(divisions=["410106"]).get(f"/v1/transfers/{transfer}").status == 404
    assert transfer in {item["id"] for item in listed(desk("auditor"))}
    for text in (answer.text, here.get("/v1/transfers").text):
        assert not any(word in text for word in (household, head, number, NAME, COMMUNITY))


def test_the_story_and_the_worklist_tell_the_office_that_holds(
    here: Desk, there: Desk, couple: tuple[str, str, str], drain: Callable[[], None], number: str
):
    household, head, spouse = couple
    transfer = asked(here, number, remark=REMARK)
    drain()

    story = there.get(f"/v1/households/{household}/timeline").json["items"][-1]
    waiting = there.get("/v1/worklist?kind=transfer").json["items"]
    [item] = [each for each in waiting if each["household_id"] == household]
    [count] = there.get("/v1/worklist/counts?kind=transfer").json["items"]

    assert (story["type"], story["by"]["actor"]) == ("household.transfer-requested.v1", "here-1")
    assert story["sealed"] == {"remark": REMARK}
    assert (item["household_id"], item["person_id"], item["record_id"]) == (household, head, transfer)
    assert (item["due_on"], item["closes"], item["area"], item["bureau"]) == (
        "2013-11-08",
        "transfers.accept",
        None,
        None,
    )
    assert (item["person_name"], item["services"], count["count"]) == (NAME, [], len(waiting))
    assert here.get("/v1/worklist?kind=transfer").json["items"] == []

    answer = there.post(f"/v1/transfers/{transfer}/acceptances", {"new_head": spouse, "remark": "同意"})

    assert answer.status == 200, answer.text
    assert [event["type"] for event in answer.json["events"]] == [
        "household.transfer-answered.v1",
        "household.split.v1",
    ]
    drain()
    waiting.remove(item)
    assert there.get("/v1/worklist?kind=transfer").json["items"] == waiting
    [home] = here.post("/v1/households/search", {"id_number": number}).json["items"]
    assert (home["person_id"], home["profile"]["name"], home["relation"]) == (head, NAME, "head")
    assert there.post("/v1/households/search", {"id_number": number}).json["items"] == []
    of_us, by_us = (office.get(f"/v1/transfers/{transfer}").json for office in (there, here))
    assert (of_us["state"], of_us["to_household"]) == ("accepted", None)
    assert (by_us["to_household"], by_us["household_id"]) == (home["household_id"], None)
    assert transfer not in {each["id"] for each in listed(here)}


def test_a_declined_request_says_why(here: Desk, there: Desk, couple: tuple[str, str, str], number: str):
    transfer = asked(here, number)

    answer = there.post(f"/v1/transfers/{transfer}/denials", {"reason": "still_here"})

    read = here.get(f"/v1/transfers/{transfer}").json
    assert (answer.status, read["state"], read["reason"], read["answered_on"]) == (
        200,
        "declined",
        "still_here",
        "2013-10-20",
    )
    late = there.post(f"/v1/transfers/{transfer}/acceptances", {})
    assert (late.status, late.json["code"]) == (409, "transfer-answered")


def test_a_list_is_read_page_by_page(here: Desk, there: Desk):
    before = {item["id"] for item in listed(here)}
    numbers = [next(NUMBERS) for _ in range(3)]
    for number in numbers:
        held(there, number)
    ids = {asked(here, number) for number in numbers} | before
    half = len(ids) - 1

    first = here.get(f"/v1/transfers?limit={half}")
    rest = here.get(f"/v1/transfers?limit={half}&cursor={first.json['next']}")

    assert {item["id"] for page in (first, rest) for item in page.json["items"]} == ids
    assert (len(first.json["items"]), rest.json["next"]) == (half, None)
    assert f"cursor={first.json['next']}" in first.headers["Link"]
    for cursor in ("x", "2013-11-08", f"20131108.{next(iter(ids))}"):
        assert here.get(f"/v1/transfers?cursor={cursor}").json["code"] == "cursor-invalid"
    assert listed(here, "?state=lapsed") == []
    assert here.get("/v1/transfers?state=accepted").status == 400


@pytest.mark.parametrize(
    "change",
    [
        {"person_id": "01386b2f-daf2-7f32-9eca-5f420e5e18c5"},
        {"id_number": None},
        {"to_community": None},
        {"to_household": "01386b2f-daf2-7f32-9eca-5f420e5e18c5"},
        {"to_community": None, "to_household": "01386b2f-daf2-7f32-9eca-5f420e5e18c5", "whole_household": True},
    ],
)
def test_an_unclear_request_is_refused(here: Desk, change: dict[str, Any], number: str):
    body = {"id_number": number, "to_community": OTHER_COMMUNITY} | change

    answer = here.post("/v1/transfers", {name: value for name, value in body.items() if value is not None})

    assert (answer.status, answer.json["code"]) == (422, "transfer-unclear")


def test_a_number_that_is_none_is_pointed_at_and_not_repeated(here: Desk):
    answer = ask(here, "419999199005170221")

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/id_number")
    assert "19900517" not in answer.text


def test_an_erased_person_is_nobody_to_ask_for(
    here: Desk, there: Desk, couple: tuple[str, str, str], desk: DeskOf, number: str
):
    household, head, spouse = couple
    transfer = asked(here, number)
    there.edit(
        household, f"members/{head}/erasure-requests", {"requested_on": "2013-10-20", "basis": "consent_withdrawn"}
    )
    erased = desk("supervisor", divisions=["410105"]).edit(
        household, f"members/{head}/erasures", {"erased_on": "2013-10-20"}
    )
    assert erased.status == 200, erased.text

    answers = [
        there.post(f"/v1/transfers/{transfer}/acceptances", {"new_head": spouse}),
        ask(here, number),
        ask(here, person_id=head),
    ]

    assert [answer.json["code"] for answer in answers] == ["person-erased", "transfer-nobody", "transfer-nobody"]


def test_a_released_number_is_in_no_earlier_profile(here: Desk, desk: DeskOf, there: Desk, number: str):
    household, head, _ = held(there, number)
    boss = desk("supervisor", divisions=["410105"], sub="boss-1", purpose="casework")
    there.edit(household, f"members/{head}/facts", {"recorded_on": "2013-05-02", "profile": {"phone": "13812345678"}})

    def profiles() -> list[bool]:
        sealed = boss.get(f"/v1/households/{household}/record").json["sealed"]
        return [number in str(row["fields"]) for row in sealed if row["subject_id"] == head and row["kind"] == "person"]

    before = profiles()
    body = {"reason": "somebody_elses_number", "evidence_ref": "豫公核2013-77"}
    released = boss.edit(household, f"members/{head}/id-number-releases", body)

    assert released.status == 200, released.text
    assert (before, profiles()) == ([True, True], [False])
    assert boss.get(f"/v1/households/{household}/timeline").status == 200


def test_a_supervisor_releases_a_number_that_is_somebody_elses(here: Desk, desk: DeskOf, there: Desk, number: str):
    household, head, _ = held(there, number)
    path = f"members/{head}/id-number-releases"
    body = {"reason": "somebody_elses_number", "evidence_ref": "豫公核2013-77", "remark": REMARK}
    boss = desk("supervisor", divisions=["410105"], sub="boss-1", purpose="casework")
    owner = arrival("真主人", OTHER_COMMUNITY, id_number=number)
    assert there.edit(household, path, body).status == 403
    assert (
        desk("supervisor", divisions=[OTHER_COMMUNITY])
        .post(f"/v1/households/{household}/{path}", body, If_Match='"1"')
        .status
        == 404
    )

    answer, again = boss.edit(household, path, body), boss.edit(household, path, body)

    assert (answer.status, answer.json["changed"], again.status, again.json["changed"]) == (200, True, 200, False)
    read = there.get(f"/v1/households/{household}").json
    [profile] = [member["profile"] for member in read["members"] if member["person_id"] == head]
    assert (profile["id_number_last4"], profile["name"]) == (None, NAME)
    story = there.get(f"/v1/households/{household}/timeline").json["items"][-1]
    assert (story["type"], story["by"]["actor"], story["by"]["role"]) == (
        "household.id-number-released.v1",
        "boss-1",
        "supervisor",
    )
    assert story["changed"] == {"person_id": head, "reason": "somebody_elses_number"}
    assert story["sealed"] == {"evidence_ref": "豫公核2013-77", "remark": REMARK}
    assert here.post("/v1/households", owner).status == 201
    stale = boss.post(f"/v1/households/{household}/{path}", body)
    assert (stale.status, stale.json["code"]) == (428, "if-match-missing")
    told = there.edit(
        household, f"members/{head}/facts", {"recorded_on": "2013-10-20", "profile": {"id_number": number}}
    )
    assert (told.status, told.json["code"]) == (409, "held-elsewhere")


def test_what_was_seen_before_a_number_was_told_anew_is_not_released(desk: DeskOf, there: Desk, number: str):
    household, head, _ = held(there, number)
    boss = desk("supervisor", divisions=["410105"])
    seen = boss.get(f"/v1/households/{household}").headers["ETag"]
    there.edit(
        household, f"members/{head}/facts", {"recorded_on": "2013-10-20", "profile": {"id_number": next(NUMBERS)}}
    )

    answer = boss.post(
        f"/v1/households/{household}/members/{head}/id-number-releases",
        {"reason": "wrong_id_number", "evidence_ref": "1"},
        If_Match=seen,
    )

    assert (answer.status, answer.json["code"]) == (412, "version-conflict")


def test_no_byte_of_a_number_or_a_remark_is_outside_the_vault(
    here: Desk,
    there: Desk,
    desk: DeskOf,
    casework: Casework,
    settings: Settings,
    drain: Callable[[], None],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    number: str,
):
    caplog.set_level("DEBUG")
    household, head, _ = held(there, number)
    transfer = asked(here, number, remark=REMARK)
    told = [
        ask(here, number),
        ask(here, number, to_community=COMMUNITY),
        here.post("/v1/households", arrival("另一名", OTHER_COMMUNITY, id_number=number)),
        there.post(f"/v1/transfers/{transfer}/denials", {"reason": "another_person", "remark": REMARK}),
        desk("supervisor").edit(
            household,
            f"members/{head}/id-number-releases",
            {"reason": "wrong_id_number", "evidence_ref": number, "remark": NAME},
        ),
        here.get("/v1/transfers"),
        here.get(f"/v1/transfers/{transfer}"),
    ]
    drain()

    logs = "".join(capfd.readouterr()) + caplog.text
    answers = {f"answer {place}": each.data for place, each in enumerate(told)}
    url = str(casework.pool.conninfo)
    places = {**dump_of(url), "logs": logs.encode(), **answers, **files_in(settings.data_dir)}
    assert traces(places, number, NAME, REMARK) == []
    for secret in (number, NAME, REMARK):
        assert {trace.word for trace in traces(dump_with(url, secret), number, NAME, REMARK)} == {secret}
    assert [each.status for each in told] == [409, 403, 409, 200, 200, 200, 200]
