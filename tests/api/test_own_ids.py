"""A bureau answers in the ids that it knows from its feed."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from casework.application import Casework
from casework.privacy.own_ids import OwnIds, is_ours
from tests.api.conftest import Desk, DeskOf, arrived

ANSWER = {"answered_on": "2013-02-08", "answer": "accepted"}


@pytest.fixture
def own(casework: Casework) -> OwnIds:
    return casework.persons.hashes.own_ids("HSG")


@pytest.fixture
def housing(desk: DeskOf) -> Desk:
    return desk("bureau", bureau="HSG")


def given_referral(clerk: Desk, like: Any = lambda household: True) -> tuple[str, str, str]:
    """A household, its service and a referral to the housing bureau."""
    while not like(household := arrived(clerk)):
        pass
    wanted = clerk.edit(
        household,
        "services",
        {"service": "HSG-PUB", "requested_on": "2013-02-01", "override_reason": "hardship"},
    ).json["events"][0]["episode_id"]
    passed_on = {"referred_on": "2013-02-05", "from_bureau": "HRSS", "to_bureau": "HSG", "reason": "not_responsible"}
    referral = clerk.edit(household, f"services/{wanted}/referrals", passed_on)
    return household, wanted, referral.json["events"][0]["referral_id"]


def path_of(*ids: str) -> str:
    return "/v1/households/{}/services/{}/referrals/{}/answers".format(*ids)


def test_a_referral_is_answered_in_the_bureaus_own_ids(desk: DeskOf, housing: Desk, own: OwnIds):
    known = given_referral(desk())
    household, wanted, referral = (own.encode(UUID(id)) for id in known)

    answered = housing.post(path_of(household, wanted, referral), ANSWER)

    assert (answered.status, answered.json["id"]) == (200, household)
    [event] = answered.json["events"]
    assert (event["episode_id"], event["referral_id"]) == (wanted, referral)
    assert not [id for id in known if id in answered.text]
    [service] = desk().get(f"/v1/households/{known[0]}").json["services"]
    assert service["referrals"][0]["answer"] == "accepted"


def test_the_same_command_in_either_form_counts_once(desk: DeskOf, housing: Desk, own: OwnIds):
    known = given_referral(desk())
    key = {"Idempotency_Key": uuid4().hex}

    first = housing.post(path_of(*(own.encode(UUID(id)) for id in known)), ANSWER, **key)
    again = housing.edit(known[0], path_of(*known).split("/", 4)[4], ANSWER, **key)

    assert (first.status, again.status) == (200, 200)
    assert (again.json["id"], again.json["version"]) == (known[0], first.json["version"])


def test_staff_who_work_in_the_file_go_on_with_its_ids(desk: DeskOf, housing: Desk):
    known = given_referral(desk())

    blind = housing.post(path_of(*known), ANSWER)
    answered = housing.edit(known[0], path_of(*known).split("/", 4)[4], ANSWER)

    assert (blind.status, blind.json["code"]) == (428, "if-match-missing")
    assert (answered.status, answered.json["id"]) == (200, known[0])


def test_where_an_id_could_be_of_either_form_it_is_the_one_that_there_is(desk: DeskOf, housing: Desk, own: OwnIds):
    by_file = given_referral(desk(), like=lambda id: is_ours(own.decode(UUID(id))))
    by_feed = given_referral(desk(), like=lambda id: is_ours(UUID(own.encode(UUID(id)))))

    told = housing.edit(by_file[0], path_of(*by_file).split("/", 4)[4], ANSWER)
    told_own = housing.post(path_of(*(own.encode(UUID(id)) for id in by_feed)), ANSWER)

    assert (told.status, told.json["id"]) == (200, by_file[0])
    assert (told_own.status, told_own.json["id"]) == (200, own.encode(UUID(by_feed[0])))


def test_another_bureaus_ids_lead_nowhere(desk: DeskOf, own: OwnIds):
    known = given_referral(desk())
    path = path_of(*(own.encode(UUID(id)) for id in known))

    by_another = desk("bureau", bureau="CIV").post(path, ANSWER, If_Match='"3"')
    by_the_desk = desk().post(path, ANSWER, If_Match='"3"')

    assert (by_another.status, by_the_desk.status) == (404, 404)


def test_a_mixture_of_both_forms_leads_nowhere(desk: DeskOf, housing: Desk, own: OwnIds):
    household, wanted, referral = given_referral(desk())

    answered = housing.post(path_of(own.encode(UUID(household)), wanted, referral), ANSWER)

    assert answered.status == 404
