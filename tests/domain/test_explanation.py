"""Why a level is what it is, and what is missing for the next band."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest

from casework.domain.assessment import assess
from casework.domain.events.membership import NewMember
from casework.domain.explanation import LevelReasons, Missing, Reason, all_reasons, explain, last_contact, trail
from casework.domain.household import Household
from casework.domain.ids import uuid7
from casework.domain.policy import load_policy
from casework.domain.registry import Facts, unit_id
from casework.domain.residence import By
from casework.domain.state import MemberFacts

POLICY = load_policy("2013.1")
DAY, BY = date(2013, 9, 30), By(date(2013, 9, 30))
WOMAN, PUPIL = UUID(int=1), UUID(int=2)


def family() -> Household:
    household = Household(uuid7())
    people = [
        NewMember(person_id=person, relation=relation, sex="female", birth_month=month, facts=MemberFacts(migrant=True))
        for person, relation, month in ((WOMAN, "head", "1985-03"), (PUPIL, "child", "2005-03"))
    ]
    household.register_household(BY, arrived_on=date(2012, 9, 1), community="410105001001", head=WOMAN, members=people)
    return household


def granted(household: Household, service: str, person: UUID | None, **evidence: object) -> UUID:
    episode, unit = uuid4(), unit_id("school-1") if service == "EDU-COMP" else None
    household.request_service(
        BY,
        requested_on=date(2013, 9, 1),
        episode_id=episode,
        service=service,
        person_id=person,
        unit_id=unit,
        override_reason="hardship",
    )
    household.grant_service(
        BY,
        granted_on=date(2013, 9, 1),
        episode_id=episode,
        unit_id=unit,
        evidence=evidence,  # type: ignore[arg-type]
    )
    return episode


def explained(household: Household) -> dict[str, LevelReasons]:
    return explain(household, assess(household, POLICY, DAY, Facts()), POLICY)


def reasons(household: Household, indicator: str) -> list[Reason]:
    found = [each for level in explained(household).values() for each in level.indicators]
    return next(each.reasons for each in found if each.result.code == indicator)


def test_a_household_that_is_not_assessed_has_no_reasons():
    household = family()
    household.close_household(BY, closed_on=date(2013, 9, 1), reason="left_city")

    assert explained(household) == {}


def test_every_count_of_every_indicator_has_its_reason():
    household = family()
    granted(household, "SSI-CARD", WOMAN)
    assessment = assess(household, POLICY, DAY, Facts())

    for level in explain(household, assessment, POLICY).values():
        for each in level.indicators:
            assert len(each.reasons) == each.result.den
            assert sum(reason.met for reason in each.reasons) == each.result.num
            assert all(reason.missing for reason in each.reasons if not reason.met)


def test_a_met_count_names_the_record_that_it_rests_on():
    household = family()
    card = granted(household, "SSI-CARD", WOMAN)

    met = [reason for reason in reasons(household, "CIT2") if reason.met]

    assert [(reason.person_id, reason.record_id, reason.gain) for reason in met] == [(WOMAN, card, 0)]
    assert trail(household.pending)[card] == [2, 3]


def test_a_pupil_without_a_place_needs_one_and_with_a_place_what_makes_it_equal():
    household = family()
    [without] = reasons(household, "SCH1")
    granted(household, "EDU-COMP", PUPIL, fee_free=True, mixed_class=False, ownership="private")

    [unequal] = reasons(household, "SCH3")

    assert without.missing == (Missing("service", ("EDU-COMP",)),)
    assert unequal.missing == (Missing("evidence", ("mixed_class",)), Missing("evidence", ("ownership",)))


def test_of_a_file_and_an_offer_what_is_there_is_not_missing():
    household = family()
    [both] = reasons(household, "COM3")
    granted(household, "FPL-FILE", WOMAN)

    [offer] = reasons(household, "COM3")

    assert [missing.codes for missing in both.missing] == [("FPL-FILE",), ("FPL-OFFER",)]
    assert [missing.codes for missing in offer.missing] == [("FPL-OFFER",)]


def test_a_lapsed_need_is_met_by_nothing_but_another_look():
    household, need = family(), uuid4()
    household.record_need(BY, assessed_on=date(2013, 3, 1), need_id=need, need="HOUSING", result="present")
    [present] = reasons(household, "CIT3")
    household.clear_need(BY, cleared_on=date(2013, 8, 1), need_id=need, reason="lapsed")

    [lapsed] = reasons(household, "CIT3")

    assert (present.need_id, present.missing[0].codes) == (need, ("HSG-LOW", "HSG-PUB", "HSG-ECO"))
    assert lapsed.missing == (Missing("need", ("HOUSING",)),)


def test_the_gain_is_what_the_level_rises_by():
    household = family()
    before = assess(household, POLICY, DAY, Facts()).levels["city"].score
    gain = reasons(household, "CIT2")[0].gain

    granted(household, "SSI-CARD", WOMAN)

    after = assess(household, POLICY, DAY, Facts()).levels["city"].score
    assert before is not None
    assert after == before + gain


def test_the_steps_to_the_next_band_are_enough_and_no_fewer_are():
    household = family()
    level = explained(household)["city"]
    assert (level.next_band, level.steps) == ("C", 3)  # 21.43 + 19.05 + 19.05 points of 50

    offers = [reason for name, _, reason in all_reasons(explained(household)) if name == "city"]

    assert offers[0].gain == max(offer.gain for offer in offers)


@pytest.mark.parametrize("outcome", ["absent", "unknown"])
def test_only_being_found_present_is_a_contact(outcome: str):
    household = family()
    household.verify_residence(BY, verified_on=date(2013, 8, 1), outcome="present")
    household.verify_residence(BY, verified_on=date(2013, 8, 9), outcome=outcome)

    assert last_contact(household.pending, DAY) == 2
    assert last_contact(household.pending, date(2013, 7, 1)) is None
