"""Grants over the API, and what they and consent let a bureau read of a household's story."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.bulk import exporting
from casework.bulk.exporting import Asked
from casework.domain.ids import uuid7
from casework.log import reading as log
from tests.api.conftest import Desk, DeskOf, arrived

EXTENT: dict[str, Any] = {
    "areas": ["EDU", "LIV"],
    "divisions": ["410105"],
    "types": ["household.service-requested.v1", "household.registered.v1"],
    "fields": {"person_id": "keep", "service": "keep", "birth_month": "year"},
    "from": "2013-01-01",
}
LAW = {"purpose": "cross_bureau", "legal_basis": "statutory_duty", "reference": "ZZ-2013-17"}


def issued(desk: DeskOf, name: str, bureau: str = "EDUB", **said: Any) -> None:
    answer = desk("operator").post("/v1/grants", {"name": name, "bureau": bureau, **LAW, **EXTENT, **said})
    assert answer.status == 201, answer.text


def requested(clerk: Desk, household: str, service: str, **more: Any) -> str:
    body = {"service": service, "requested_on": "2013-02-01", "override_reason": "hardship", **more}
    answer = clerk.edit(household, "services", body)
    assert answer.status == 201, answer.text
    return str(answer.json["events"][0]["episode_id"])


def agree(clerk: Desk, household: str, person: str) -> None:
    consent = {"scope": "cross_bureau", "given_on": "2013-03-01", "notice_version": "2013-1"}
    assert clerk.edit(household, f"members/{person}/consents", consent).status == 201


def head_of(clerk: Desk, household: str) -> str:
    return str(clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"])


def story(reader: Desk, household: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = reader.get(f"/v1/households/{household}/timeline").json["items"]
    return items


def test_an_operator_issues_narrows_and_revokes_a_grant(desk: DeskOf):
    operator = desk("operator")

    issued(desk, "edub-schools")
    read = operator.get("/v1/grants/edub-schools").json
    left = {**EXTENT, "types": EXTENT["types"][:1], "to": "2014-12-31"}
    narrowed = operator.post("/v1/grants/edub-schools/narrowings", left)
    wider = operator.post("/v1/grants/edub-schools/narrowings", EXTENT)
    again = operator.post("/v1/grants/edub-schools/narrowings", left)
    revoked = operator.post("/v1/grants/edub-schools/revocations", {"reason": "duty_ended"})

    assert (read["policy"], read["in_force"], read["extent"]) == ("edub-schools.1", True, {**EXTENT, "to": None})
    assert (narrowed.status, wider.status, wider.json["code"]) == (200, 409, "grant-wider")
    assert (again.json["changed"], revoked.status) == (False, 200)
    after = operator.get("/v1/grants/edub-schools").json
    assert (after["policy"], after["in_force"], after["revoked_on"]) == ("edub-schools.3", False, "2013-10-20")
    assert after["revoked_reason"] == "duty_ended"


def test_a_bureau_sees_its_own_grants_alone(desk: DeskOf):
    issued(desk, "hrss-jobs", "HRSS")
    issued(desk, "edub-more", areas=["EDU"])
    bureau = desk("bureau", bureau="HRSS")

    listed = [each["name"] for each in bureau.get("/v1/grants").json["items"]]
    by_operator = desk("operator").get("/v1/grants?bureau=HRSS").json["items"]
    foreign, unknown = (bureau.get(f"/v1/grants/{name}") for name in ("edub-more", "nothing"))

    assert listed == [each["name"] for each in by_operator] == ["hrss-jobs"]
    assert (foreign.status, foreign.json["code"]) == (unknown.status, unknown.json["code"]) == (404, "grant-unknown")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"fields": {"name": "keep"}}, "/fields"),
        ({"fields": {"sex": "year"}}, "/fields"),
        ({"fields": {"sex": "loudly"}}, "/fields"),
        ({"types": ["household.integration-survey-recorded.v1"]}, "/types/0"),
        ({"name": "Wang Fang"}, "/name"),
        ({"reference": "王芳"}, "/reference"),
        ({"reference": "13812345678"}, "/reference"),
    ],
)
def test_a_grant_that_cannot_be_says_where(desk: DeskOf, said: dict[str, Any], pointer: str):
    answer = desk("operator").post("/v1/grants", {"name": "some", "bureau": "EDUB", **LAW, **EXTENT, **said})

    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"].startswith(pointer)


def test_a_bureau_reads_others_services_only_by_consent(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    household = arrived(clerk)
    person = head_of(clerk, household)
    requested(clerk, household, "EMP-TRAIN", person_id=person)
    requested(clerk, household, "EDU-PRE", person_id=person)
    clerk.edit(
        household, "needs", {"need": "JOB", "person_id": person, "result": "present", "assessed_on": "2013-02-01"}
    )

    before = schools.get(f"/v1/households/{household}").json
    story_before = story(schools, household)
    agree(clerk, household, person)
    after = schools.get(f"/v1/households/{household}").json
    story_after = story(schools, household)

    assert [each["service"] for each in before["services"]] == ["EDU-PRE"]
    assert before["needs"] == []
    assert [each["changed"].get("service") for each in story_before] == [None, "EDU-PRE"]
    assert {each["service"] for each in after["services"]} == {"EDU-PRE", "EMP-TRAIN"}
    assert [each["need"] for each in after["needs"]] == ["JOB"]
    assert len(story_after) == 5
    assert len(story(desk("auditor"), household)) == len(story(clerk, household)) == 5


def test_no_reason_of_a_level_names_a_record_that_is_withheld(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    household = arrived(clerk)
    person = head_of(clerk, household)
    job = {"person_id": person, "kind": "employee", "from": "2013-02-01", "unit_id": "emp-1"}
    assert clerk.edit(household, "employments", job).status == 201
    card = requested(clerk, household, "SSI-CARD", person_id=person)
    clerk.edit(household, f"services/{card}/grants", {"granted_on": "2013-02-02"})

    hidden = schools.get(f"/v1/households/{household}").text
    assert card in desk("bureau", bureau="HRSS").get(f"/v1/households/{household}").text
    agree(clerk, household, person)

    assert card not in hidden
    assert card in schools.get(f"/v1/households/{household}").text


def test_a_statute_shares_what_its_grant_says_and_no_more(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    household = arrived(clerk)
    requested(clerk, household, "LIV-DIBAO", channel="hall")
    requested(clerk, household, "HSG-PUB", channel="hall")
    before = story(schools, household)

    issued(desk, "edub-dibao")
    shared = story(schools, household)[1:]
    read = schools.get(f"/v1/households/{household}").json
    desk("operator").post("/v1/grants/edub-dibao/revocations", {"reason": "replaced"})

    assert [each["type"] for each in before] == ["household.registered.v1"]
    assert [each["changed"] for each in shared] == [{"service": "LIV-DIBAO"}]
    assert shared[0]["by"] == {"actor": None, "role": None, "bureau": None, "unit_id": None}
    assert (shared[0]["occurred_on"], shared[0]["source"]) == (None, None)
    assert read["services"] == []
    assert story(schools, household) == before


def test_a_statute_shares_nothing_restricted(desk: DeskOf):
    clerk, schools = desk(), desk("bureau", bureau="EDUB")
    household = arrived(clerk)
    issued(desk, "edub-family", areas=["FPL", "HLT"], divisions=["4101"])
    requested(clerk, household, "FPL-FILE", person_id=head_of(clerk, household))

    assert [each["type"] for each in story(schools, household)] == ["household.registered.v1"]


def test_an_export_for_a_bureau_holds_what_its_timelines_show(desk: DeskOf, casework: Casework):
    clerk = desk()
    household = arrived(clerk)
    person = head_of(clerk, household)
    for service in ("EMP-TRAIN", "EDU-PRE"):
        requested(clerk, household, service, person_id=person)

    files = {who: exported(casework, who, household) for who in (("bureau", "EDUB"), ("auditor", None))}

    assert ["EMP-TRAIN" in text for text in files.values()] == [False, True]
    assert ["EDU-PRE" in text for text in files.values()] == [True, True]


def exported(casework: Casework, who: tuple[str, str | None], household: str) -> str:
    """What a file of all events holds of a household, for somebody."""
    with casework.pool.connection() as db:
        asked = Asked(
            role=who[0],
            bureau=who[1],
            divisions=[],
            unit=None,
            cut=log.heads(db),
            as_of=casework.today,
            policy="2013.1",
        )
        file = exporting.add(db, uuid7(), "timeline", "tester", asked)
    exporting.run(casework, file.id, lambda done, of: None)
    whole = b"".join(exporting.content(casework, file.id)).decode()
    return "\n".join(line for line in whole.splitlines() if str(UUID(household)) in line)
