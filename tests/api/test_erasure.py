"""Consent, erasure, and the record of all that is held, at the desk; and that nothing of whoever is erased stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from casework.application import Casework
from tests.api.conftest import Answer, Desk, DeskOf, arrival, id_number

NAME, SPOUSE, REMARK = "欧阳震华", "司马青衫", "三室一厅的秘密"
NUMBER, OTHER_NUMBER = id_number("19900517", "104"), id_number("19850203", "331")
PHONE, ADDRESS, REF = "13812345678", "嵩山路八十八号院", "JKDA-2013-0417"
HIS = (NAME, NUMBER, PHONE, ADDRESS, REF, "1990-05-17")


def told_all(clerk: Desk) -> tuple[str, str, str]:
    """A household of two whose file holds secrets of every kind; its id and theirs."""
    body = arrival(NAME, phone=PHONE, address=ADDRESS, id_number=NUMBER)
    spouse = {"relation": "spouse", "sex": "male", "born_on": "1985-02-03", "name": SPOUSE, "migrant": True}
    body["members"].append({**spouse, "id_number": OTHER_NUMBER})
    answer = clerk.post("/v1/households", {**body, "remark": REMARK})
    assert answer.status == 201, answer.text
    home = answer.json["id"]
    person, other = answer.json["events"][0]["person_ids"]
    asked = clerk.edit(home, "services", {"service": "HLT-REC", "person_id": person, "requested_on": "2013-03-01"})
    grant = {"granted_on": "2013-03-01", "evidence": {"record_ref": REF, "updated_on": "2013-03-01"}}
    done(clerk.edit(home, f"services/{asked.json['events'][0]['episode_id']}/grants", grant))
    return home, person, other


def done(answer: Answer) -> Answer:
    assert answer.status in (200, 201), answer.text
    return answer


def asked_for(clerk: Desk, home: str, person: str) -> None:
    body = {"requested_on": "2013-10-01", "basis": "consent_withdrawn"}
    done(clerk.edit(home, f"members/{person}/erasure-requests", body))


def erased(desk: DeskOf, home: str, person: str) -> Answer:
    asked_for(desk(), home, person)
    return done(desk("supervisor").edit(home, f"members/{person}/erasures", {"erased_on": "2013-10-02"}))


@pytest.fixture
def family(desk: DeskOf) -> Iterator[tuple[str, str, str]]:
    """The household, which leaves at the end, so that the next may have the same numbers."""
    family = told_all(desk())
    yield family
    desk("supervisor").edit(family[0], "closings", {"closed_on": "2013-10-20", "reason": "left_city"})


def test_consent_is_given_shown_and_taken_back(desk: DeskOf, family: tuple[str, str, str]):
    clerk, (home, person, _) = desk(), family
    consent = {"given_on": "2013-03-01", "scope": "publication", "notice_version": "2013-1", "until": "2014-02-28"}

    given = done(clerk.edit(home, f"members/{person}/consents", consent))
    held = clerk.get(f"/v1/households/{home}").json["consents"]
    before = clerk.get(f"/v1/households/{home}?as_of=2013-02-28").json["consents"]
    back = done(clerk.edit(home, f"members/{person}/consents/publication/withdrawals", {"withdrawn_on": "2013-09-01"}))

    assert given.status == 201
    assert (held, before) == ([{**consent, "person_id": person, "by": None}], [])
    assert back.json["events"][0]["type"] == "household.consent-withdrawn.v1"
    assert clerk.get(f"/v1/households/{home}").json["consents"] == []


@pytest.mark.parametrize(
    ("born_on", "guardian", "code"),
    [
        ("2005-04-11", None, "guardian-needed"),
        ("2005-04-11", "other", None),
        ("1999-03-02", None, "guardian-needed"),
        ("1999-03-01", None, None),
        ("1999-03-01", "other", "consent-by-other"),
    ],
)
def test_for_a_child_under_14_a_guardian_consents_by_the_vaults_date(
    desk: DeskOf, family: tuple[str, str, str], born_on: str, guardian: str | None, code: str | None
):
    clerk, (home, _, other) = desk(), family
    child = {"relation": "child", "sex": "female", "born_on": born_on, "name": "小梅", "migrant": True}
    joined = done(clerk.edit(home, "members", {"joined_on": "2013-01-06", "member": child}))
    consent = {"given_on": "2013-03-01", "scope": "survey", "notice_version": "2013-1"}

    answer = clerk.edit(
        home,
        f"members/{joined.json['events'][0]['person_id']}/consents",
        {**consent, **({"by": other} if guardian else {})},
    )

    assert answer.json.get("code") == code


def test_a_survey_needs_consent_and_is_not_for_bureaus(desk: DeskOf, family: tuple[str, str, str]):
    clerk, (home, person, _) = desk(), family
    survey = {
        "surveyed_on": "2013-04-01",
        "instrument": "integration",
        "version": "1",
        "answers": {"q1": "often", "q2": 3},
    }
    consent = {"given_on": "2013-03-01", "scope": "survey", "notice_version": "2013-1"}
    path = f"members/{person}/surveys"

    early = clerk.edit(home, path, survey)
    done(clerk.edit(home, f"members/{person}/consents", consent))
    told = clerk.edit(home, path, survey)
    named = clerk.edit(home, path, {**survey, "answers": {"q1": NUMBER}})

    assert (early.json["code"], told.status) == ("consent-missing", 201)
    assert named.json["errors"] == [{**named.json["errors"][0], "pointer": "/answers", "code": "field-personal"}]
    stories = [
        desk(*who, bureau="HLTH").get(f"/v1/households/{home}/timeline").text for who in (("bureau",), ("auditor",))
    ]
    assert ["integration-survey" in story for story in stories] == [False, True]


def test_a_supervisor_erases_what_was_asked_for(desk: DeskOf, family: tuple[str, str, str], drain: Callable[[], None]):
    clerk, (home, person, other) = desk(), family
    supervisor, path = desk("supervisor"), f"members/{person}/erasures"
    early = supervisor.edit(home, path, {"erased_on": "2013-10-02"})
    asked_for(clerk, home, person)
    by_clerk = clerk.edit(home, path, {"erased_on": "2013-10-02"})

    seen = supervisor.get(f"/v1/households/{home}").headers["ETag"]
    command: dict[str, Any] = {"If_Match": seen, "Idempotency_Key": uuid4().hex}
    answers = [
        supervisor.post(f"/v1/households/{home}/{path}", {"erased_on": "2013-10-02"}, **command) for _ in range(2)
    ]

    assert (early.status, early.json["code"]) == (409, "erasure-not-requested")
    assert by_clerk.status == 403
    assert answers[0].json == answers[1].json
    drain()
    read, listed = clerk.get(f"/v1/households/{home}").json, clerk.get("/v1/households").json["items"]
    shown = {each["person_id"]: each for each in read["members"]}
    assert (shown[person]["profile"], shown[person]["erased_on"]) == (None, "2013-10-02")
    offered = {each["person_id"] for each in read["assessment"]["offer_next"]}
    assert (person in offered, other in offered) == (False, True)
    assert shown[other]["profile"]["name"] == SPOUSE
    assert [each["head_name"] for each in listed if each["id"] == home] == [None]
    for asked in ({"name": NAME}, {"id_number": NUMBER}, {"phone": PHONE}, {"name": "ouyangzhenhua"}):
        assert home not in {each["household_id"] for each in clerk.post("/v1/households/search", asked).json["items"]}
    story = clerk.get(f"/v1/households/{home}/timeline").text
    assert REF not in story
    assert REMARK in story
    later = clerk.edit(
        home, f"members/{person}/facts", {"recorded_on": "2013-10-03", "facts": {"education": "college"}}
    )
    assert (later.status, later.json["code"]) == (409, "person-erased")


def test_what_a_restored_older_vault_has_of_whoever_was_erased_is_not_shown(
    desk: DeskOf, family: tuple[str, str, str], drain: Callable[[], None], casework: Casework
):
    home, person, _ = family
    tables = ("vault.person", "vault.search_key", "casework.claim", "vault.erased", "vault.ledger")
    with psycopg.connect(str(casework.pool.conninfo)) as db:
        older = {table: db.execute(f"TABLE {table}").fetchall() for table in tables}
    erased(desk, home, person)
    drain()
    ready = [desk(None).get("/readyz")]
    with psycopg.connect(str(casework.pool.conninfo)) as db:
        newer = {table: db.execute(f"TABLE {table}").fetchall() for table in tables}
        put_back(db, older)

    boss = desk("supervisor")
    answers = [
        *(boss.get(f"/v1/households{path}") for path in ("", f"/{home}", f"/{home}/timeline", f"/{home}/record")),
        boss.post("/v1/households/search", {"name": NAME}),
    ]
    ready.append(desk(None).get("/readyz"))
    with psycopg.connect(str(casework.pool.conninfo)) as db:
        put_back(db, newer)

    assert [answer.status for answer in answers] == [200] * 5
    listed, file, story, record, found = answers
    assert [secret for answer in (file, story, record) for secret in HIS[:-1] if secret in answer.text] == []
    assert SPOUSE in file.text
    assert [each["head_name"] for each in listed.json["items"] if each["id"] == home] == [None]
    assert home not in {each["household_id"] for each in found.json["items"]}
    assert [(each.status, each.json["vault"]) for each in ready] == [(200, True), (503, False)]


def put_back(db: psycopg.Connection[Any], copy: dict[str, list[tuple[Any, ...]]]) -> None:
    """Let tables hold what they held."""
    for table, content in copy.items():
        db.execute(f"DELETE FROM {table}")
        for row in content:
            db.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", row)


def test_a_number_that_was_erased_may_be_told_anew(desk: DeskOf, family: tuple[str, str, str]):
    home, person, _ = family
    erased(desk, home, person)

    again = desk().post("/v1/households", arrival(NAME, id_number=NUMBER))
    same = desk().post(
        "/v1/households", {**arrival(NAME), "members": [{**arrival(NAME)["members"][0], "person_id": person}]}
    )

    assert (again.status, same.status, same.json["code"]) == (201, 409, "person-erased")
    done(desk("supervisor").edit(again.json["id"], "closings", {"closed_on": "2013-10-20", "reason": "left_city"}))


def test_a_record_tells_all_that_is_held_and_who_read_it(desk: DeskOf, family: tuple[str, str, str]):
    clerk, (home, person, other) = desk(sub="clerk-7", purpose="visit"), family
    clerk.get(f"/v1/households/{home}")
    consent = {"given_on": "2013-03-01", "scope": "survey", "notice_version": "2013-1"}
    done(clerk.edit(home, f"members/{person}/consents", consent))
    survey = {"instrument": "integration", "version": "2013-1", "answers": {"q1": "often", "q2": True}}
    done(clerk.edit(home, f"members/{person}/surveys", {"surveyed_on": "2013-03-02", **survey}))

    answer = desk(sub="clerk-8", purpose="right-of-access").get(f"/v1/households/{home}/record")

    told = answer.json
    sealed = {(row["subject_id"], row["kind"]): row["fields"] for row in told["sealed"]}
    assert answer.status == 200
    assert sealed[person, "person"] == {
        "name": NAME,
        "born_on": "1990-05-17",
        "id_number": NUMBER,
        "phone": PHONE,
        "address": ADDRESS,
    }
    assert (sealed[home, "remark"], sealed[person, "evidence"]) == ({"remark": REMARK}, {"record_ref": REF})
    assert sealed[other, "person"]["name"] == SPOUSE
    assert told["household"]["assessment"]["status"] == "assessed"
    assert [each["type"] for each in told["events"]] == [
        "household.registered.v1",
        "household.service-requested.v1",
        "household.service-granted.v1",
        "household.consent-given.v1",
        "household.integration-survey-recorded.v1",
    ]
    assert told["surveys"] == [{"person_id": person, "on": "2013-03-02", **survey}]
    assert [(each["person_id"], each["on"], each["given"]) for each in told["consents"]] == [
        (person, "2013-03-01", True)
    ]
    reads = {(each["person_id"], each["actor"], each["purpose"], each["action"]) for each in told["reads"]}
    assert reads >= {
        (person, "clerk-7", "visit", "households.read"),
        *((who, "clerk-8", "right-of-access", "privacy.read_record") for who in (person, other, home)),
    }


def test_a_record_tells_what_files_hold_that_were_merged_into_it(desk: DeskOf):
    clerk = desk()
    home, into = (done(clerk.post("/v1/households", {**arrival(), "remark": REMARK})).json["id"] for _ in range(2))
    done(clerk.edit(into, "merges", {"merged_on": "2013-05-01", "from_household": home}))

    sealed = clerk.get(f"/v1/households/{into}/record").json["sealed"]

    remarks = [row["subject_id"] for row in sealed if row["fields"] == {"remark": REMARK}]
    assert sorted(remarks) == sorted([home, into])


def test_a_record_of_whoever_is_erased_or_lives_elsewhere_holds_nothing_that_names_them(
    desk: DeskOf, family: tuple[str, str, str]
):
    clerk, (home, person, other) = desk(), family
    target = done(clerk.post("/v1/households", arrival("甲"))).json["id"]
    leaving = {"left_on": "2013-09-01", "reason": "other_household", "to_household": target}
    done(clerk.edit(home, f"members/{other}/departures", leaving))
    erased(desk, home, person)

    record = clerk.get(f"/v1/households/{home}/record")

    assert not [word for word in (*HIS, SPOUSE, REMARK) if word in record.text]
    assert (record.json["sealed"], len(record.json["erasures"])) == ([], 1)
    assert SPOUSE in clerk.get(f"/v1/households/{target}/record").text
    done(desk("supervisor").edit(target, "closings", {"closed_on": "2013-10-20", "reason": "left_city"}))


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ({"role": "caseworker", "purpose": None}, "purpose-missing"),
        ({"role": "auditor"}, "forbidden"),
        ({"role": "bureau", "bureau": "HLTH"}, "forbidden"),
        ({"role": "caseworker", "divisions": ["410102"]}, "not-found"),
    ],
)
def test_a_record_is_for_the_desk_that_keeps_the_file(
    desk: DeskOf, family: tuple[str, str, str], who: dict[str, Any], code: str
):
    answer = desk(**who).get(f"/v1/households/{family[0]}/record")

    assert answer.json["code"] == code
    assert NAME not in answer.text
