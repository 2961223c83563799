"""One household: at any date, as known at any instant, and why its levels are what they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Desk, DeskOf, arrived


@pytest.fixture
def clerk(desk: DeskOf) -> Desk:
    return desk()


def indicators(read: Any) -> dict[str, Any]:
    return {each["indicator"]: each for level in read["assessment"]["levels"] for each in level["indicators"]}


def test_a_met_count_leads_to_its_events(clerk: Desk):
    household = arrived(clerk)
    delivered = clerk.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-09-01"})

    read = clerk.get(f"/v1/households/{household}").json

    [reason] = indicators(read)["COM5"]["reasons"]
    [event] = delivered.json["events"]
    assert (reason["met"], reason["missing"], reason["record_id"]) == (True, [], event["episode_id"])
    assert reason["events"] == [{"event_id": event["event_id"], "version": 2, "type": event["type"]}]


def test_a_residence_that_was_verified_is_a_reason_too(clerk: Desk):
    household = arrived(clerk)
    seen = clerk.edit(household, "residence-verifications", {"verified_on": "2013-09-01", "outcome": "present"})

    [reason] = indicators(clerk.get(f"/v1/households/{household}").json)["COM5"]["reasons"]

    assert reason["met"]
    assert [each["event_id"] for each in reason["events"]] == [seen.json["events"][0]["event_id"]]


def test_an_unmet_count_says_what_would_meet_it_and_what_is_gained(clerk: Desk):
    household = arrived(clerk)

    read = clerk.get(f"/v1/households/{household}", Accept_Language="en").json

    community = next(level for level in read["assessment"]["levels"] if level["level"] == "community")
    [reason] = indicators(read)["COM1"]["reasons"]
    assert reason["missing"] == [
        {"kind": "service", "any_of": [{"code": "HLT-REC", "label": reason["missing"][0]["any_of"][0]["label"]}]}
    ]
    assert (community["score"], community["band"], community["next_band"]) == (0.0, "D", "C")
    assert community["steps"] >= 1
    gains = [offer["gain"] for offer in read["assessment"]["offer_next"]]
    assert gains == sorted(gains, reverse=True)
    assert read["assessment"]["overall"]["band_label"] != ""


def test_what_was_offered_lifts_the_level_by_the_gain_that_was_told(clerk: Desk):
    household = arrived(clerk)
    person = clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"]
    before = clerk.get(f"/v1/households/{household}").json
    asked = {"service": "SSI-CARD", "person_id": person, "requested_on": "2013-09-01"}
    episode = clerk.edit(household, "services", asked).json["events"][0]["episode_id"]
    clerk.edit(household, f"services/{episode}/grants", {"granted_on": "2013-09-02"})

    after = clerk.get(f"/v1/households/{household}").json

    def city(read: Any) -> float:
        return float(next(level["score"] for level in read["assessment"]["levels"] if level["level"] == "city"))

    [reason] = indicators(before)["CIT2"]["reasons"]
    assert city(after) - city(before) == pytest.approx(reason["gain"])


def test_a_past_date_shows_the_household_as_it_was(clerk: Desk):
    household = arrived(clerk)
    clerk.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-09-01"})

    before = clerk.get(f"/v1/households/{household}?as_of=2013-08-31").json
    long_before = clerk.get(f"/v1/households/{household}?as_of=2012-12-31").json

    assert before["services"] == []
    assert indicators(before)["COM5"]["num"] == 0
    assert before["meta"]["as_of"] == "2013-08-31"
    assert (long_before["status"], long_before["members"]) == ("not_arrived", [])
    assert long_before["assessment"]["status"] == "not_arrived"


def test_a_past_instant_shows_what_was_known(clerk: Desk):
    household = arrived(clerk)
    story = clerk.get(f"/v1/households/{household}/timeline").json["items"]
    then = story[0]["recorded_at"]
    clerk.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": "2013-02-01"})

    known = clerk.get(f"/v1/households/{household}?known_at={then}").json
    told = clerk.get(f"/v1/households/{household}/timeline?known_at={then}").json
    nothing = clerk.get(f"/v1/households/{household}?known_at=2001-01-01T00:00:00%2B08:00")

    assert (known["version"], known["services"]) == (1, [])
    assert len(told["items"]) == 1
    assert nothing.status == 404
    assert known["meta"]["known_at"] is not None


def test_an_unknown_policy_is_not_found(clerk: Desk):
    household = arrived(clerk)

    assert clerk.get(f"/v1/households/{household}?policy=1999.1").json["code"] == "policy-unknown"
    assert clerk.get(f"/v1/households/{household}?as_of=1950-01-01").json["code"] == "policy-not-in-force"
    assert clerk.get(f"/v1/households/{household}?policy=2013.1").status == 200


def test_the_timeline_tells_who_when_and_what_page_by_page(clerk: Desk):
    household = arrived(clerk)
    for day in ("2013-02-01", "2013-02-02"):
        clerk.edit(household, "deliveries", {"service": "COM-HALL", "delivered_on": day})

    first = clerk.get(f"/v1/households/{household}/timeline?limit=2", Accept_Language="en")
    rest = clerk.get(f"/v1/households/{household}/timeline?limit=2&cursor={first.json['next']}")

    registered, delivered = first.json["items"]
    assert registered["by"] == {"actor": "caseworker-1", "role": "caseworker", "bureau": None, "unit_id": None}
    assert (registered["label"], registered["occurred_on"]) == ("Household registered", "2013-01-05")
    assert delivered["changed"]["service"] == "COM-HALL"
    assert 'rel="next"' in first.headers["Link"]
    assert [item["version"] for item in rest.json["items"]] == [3]
    assert rest.json["next"] is None


def test_catalogue_and_policies_are_told_in_both_languages(clerk: Desk):
    chinese = clerk.get("/v1/services/EDU-COMP").json
    english = clerk.get("/v1/services/EDU-COMP", Accept_Language="en").json

    assert (chinese["label"], english["label"]) == ("义务教育就学", "Compulsory school place")
    assert len(clerk.get("/v1/services").json["items"]) == 42
    assert {row["area"] for row in clerk.get("/v1/services?area=EDU").json["items"]} == {"EDU"}
    assert clerk.get("/v1/services?on=1900-01-01").json["items"] == []
    assert len(clerk.get("/v1/bureaus").json["items"]) == 21
    assert len(clerk.get("/v1/needs").json["items"]) == 10
    assert sum(len(level["indicators"]) for level in clerk.get("/v1/policies/2013.1").json["levels"]) == 18
