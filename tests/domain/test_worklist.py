"""What is due to a household, why, and until when it stays so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from casework.domain import catalogue, work_items
from casework.domain.assessment import assess_present
from casework.domain.calendar import add_months, month_of
from casework.domain.events.event import HouseholdEvent
from casework.domain.explanation import SERVICES
from casework.domain.household import Household
from casework.domain.policy import load_policy
from casework.domain.present import Present
from casework.domain.registry import Facts
from casework.domain.residence import By
from casework.domain.sandbox import Gift, Sandbox
from casework.domain.state import Evidence
from casework.domain.work_items import Item
from casework.domain.worklist import Due, due
from casework.errors import Refused
from tests.domain.folded import folded
from tests.domain.given import (
    MEI,
    Phrase,
    arrived,
    cleared,
    closed,
    day,
    delivered,
    denied,
    given_household,
    granted,
    left,
    named,
    needs,
    person,
    referred,
    renewed,
    requested,
    seen,
    started,
    stopped,
    told,
    works,
)
from tests.domain.given import given as served
from tests.domain.test_consents import erased, to_be_erased
from tests.domain.test_next_change import days_until

POLICY = load_policy("2013.1")


def found(household: Household, on: date, facts: Facts | None = None) -> Due:
    present = Present(household, POLICY, on, facts or Facts())
    return due(present, assess_present(present))


def items(household: Household, on: str, *kinds: str) -> list[Item]:
    return [item for item in found(household, day(on)).items if not kinds or item.kind in kinds]


def of(household: Household, on: str, service: str) -> list[tuple[str, str, date]]:
    """Why a service is on the list, which command closes it, and by when."""
    return [(item.why, item.closes, item.due_on) for item in items(household, on) if service in item.services]


def test_what_nobody_was_ever_offered_is_due_thirty_days_after_they_came():
    household = given_household(arrived(on="2013-01-01"))

    assert of(household, "2013-01-02", "HLT-REC") == [
        ("no-health-record", "services.request_service", date(2013, 1, 31))
    ]


def test_insurances_that_are_missing_are_one_item_for_each_member():
    household = given_household(arrived(person("li"), person("wang")))

    listed = [item for item in items(household, "2013-06-01") if item.why == "insurance-missing"]

    assert [(item.person_id, item.services) for item in listed] == [
        (each, ("SSI-PEN", "SSI-MED")) for each in sorted([named("li"), named("wang")])
    ]


def test_a_request_takes_the_place_of_the_offer_until_it_is_decided():
    asked = [requested("SSI-CARD", on="2013-03-01")]

    waiting = of(given_household(*asked), "2013-03-02", "SSI-CARD")
    held = of(given_household(*asked, granted("SSI-CARD", on="2013-03-08")), "2013-03-08", "SSI-CARD")
    refused = given_household(*asked, denied("SSI-CARD", on="2013-03-08"))

    assert waiting == [("request-undecided", "services.grant", date(2013, 3, 29))]  # 20 working days
    assert held == []
    assert of(refused, "2014-03-08", "SSI-CARD") == []
    assert [why for why, *_ in of(refused, "2014-03-09", "SSI-CARD")] == ["no-card"]


def test_nothing_is_due_to_whoever_was_erased_from_that_day_on():
    story = [arrived(person("li"), person("wang")), requested("SSI-CARD", on="2013-03-01")]
    household = given_household(*story, to_be_erased(on="2013-07-01"), erased(on="2013-07-02"))

    before, since = ({item.person_id for item in items(household, on)} for on in ("2013-07-01", "2013-07-02"))

    assert before == {named("li"), named("wang"), None}
    assert since == {named("wang"), None}


def test_who_asked_to_be_erased_is_due_in_fifteen_working_days_wherever_their_file_is():
    asks = to_be_erased(on="2013-07-01")
    left_before = left("li", "2013-06-01", new_head=named("wang"))
    households = [
        given_household(arrived(person("li"), person("wang")), asks, erased(on="2013-08-05")),
        given_household(arrived(person("li"), person("wang")), left_before, asks, erased(on="2013-08-05")),
        given_household(closed(on="2013-06-01"), asks, erased(on="2013-08-05")),
    ]

    for household in households:
        listed = [items(household, on, "erasure") for on in ("2013-06-30", "2013-07-01", "2013-08-04", "2013-08-05")]
        [item] = listed[1]
        assert listed == [[], [item], [item], []]
        assert (item.person_id, item.closes, item.due_on) == (named("li"), "privacy.erase", date(2013, 7, 22))


def test_a_referral_belongs_to_the_bureau_that_is_asked():
    household = given_household(requested("HSG-PUB"), referred("HSG-PUB", to="FIN", on="2013-03-04", source="HSG"))
    [referral] = items(household, "2013-03-05", "referral")

    assert (referral.bureau, referral.closes, referral.due_on) == ("FIN", "services.answer", date(2013, 3, 11))
    assert items(household, "2013-03-05", "request") == []
    assert items(household, "2013-03-03", "referral") == []


def contract(to: str) -> list[Phrase]:
    return [works(since="2012-02-01"), *served("EMP-CONTRACT", on="2012-03-01", at="acme", kind="fixed", to=to)]


def test_a_contract_is_listed_sixty_days_before_it_runs_out_until_its_grace_has_passed():
    household = given_household(*contract("2013-06-30"))

    def why(on: str) -> list[str]:
        return [why for why, *_ in of(household, on, "EMP-CONTRACT")]

    assert why("2013-04-30") == []
    assert of(household, "2013-05-01", "EMP-CONTRACT") == [("runs-out", "services.renew", date(2013, 6, 30))]
    assert why("2013-06-30") == ["runs-out"]
    assert why("2013-07-01") == why("2013-09-28") == ["lapsed"]
    assert why("2013-09-29") == ["no-written-contract"]


def test_what_was_renewed_or_is_not_theirs_any_more_does_not_run_out():
    later = given_household(*contract("2013-06-30"), renewed("EMP-CONTRACT", on="2013-06-01", to="2014-06-30"))
    gone = given_household(*contract("2013-06-30"), stopped(to="2013-05-31"))
    anew = given_household(*contract("2013-06-30"), requested("EMP-CONTRACT", at="acme", on="2013-07-05", id="anew"))

    assert of(later, "2013-06-01", "EMP-CONTRACT") == []
    assert of(gone, "2013-06-10", "EMP-CONTRACT") == []
    assert [why for why, *_ in of(anew, "2013-07-04", "EMP-CONTRACT")] == ["lapsed"]
    assert [why for why, *_ in of(anew, "2013-07-05", "EMP-CONTRACT")] == ["request-undecided"]


def test_places_for_the_next_school_year_are_arranged_from_may_to_august():
    pupil = given_household(arrived(MEI), *served("EDU-COMP", "mei", on="2012-09-01", at="school"))
    small = given_household(arrived(person("bao", "2010-08")))  # three on 31 August 2013
    placed = given_household(
        arrived(MEI),
        *served("EDU-COMP", "mei", on="2012-09-01", at="school"),
        renewed("EDU-COMP", on="2013-06-01", valid_to="2014-08-31"),
    )

    assert items(pupil, "2013-04-30", "school_place") == []
    assert of(pupil, "2013-05-01", "EDU-COMP") == [
        ("school-place-next-year", "services.renew", date(2013, 8, 31)),
    ]
    assert [item.closes for item in items(pupil, "2013-09-01") if item.why == "no-school-place"] == ["services.renew"]
    assert of(small, "2013-08-31", "EDU-PRE") == [
        ("preschool-place-next-year", "services.request_service", date(2013, 8, 31))
    ]
    assert [why for why, *_ in of(small, "2013-09-01", "EDU-PRE")] == ["no-preschool-place"]
    assert items(placed, "2013-06-01", "school_place") == []


def test_a_training_that_was_granted_is_to_be_started():
    wanted = [needs("TRAINING", on="2013-02-01"), *served("EMP-TRAIN", at="provider", on="2013-03-01")]

    waits = of(given_household(*wanted), "2013-03-02", "EMP-TRAIN")

    assert waits == [("training-not-started", "services.start", date(2013, 3, 1))]
    assert of(given_household(*wanted, started("EMP-TRAIN", on="2013-03-02")), "2013-03-02", "EMP-TRAIN") == []


def test_a_need_is_met_in_the_time_of_its_service_and_a_lapsed_one_asks_for_nothing():
    poor = needs("LOW_INCOME", on="2013-03-01")

    assert of(given_household(poor), "2013-03-01", "LIV-DIBAO") == [
        ("allowance-needed", "services.request_service", date(2013, 3, 29))
    ]
    assert of(given_household(poor, cleared("LOW_INCOME", "lapsed", on="2013-04-01")), "2013-04-01", "LIV-DIBAO") == []


def test_what_is_delivered_again_and_again_is_due_when_the_last_one_no_longer_suffices():
    household = given_household(delivered("COM-VISIT", on="2013-03-01"), seen(on="2013-04-01"))

    assert of(household, "2014-04-01", "COM-VISIT") == []
    assert of(household, "2014-04-02", "COM-VISIT") == [("no-contact", "services.deliver", date(2014, 4, 1))]


def test_out_of_the_programme_requests_remain_and_nothing_else():
    local = given_household(requested("SSI-CARD"), told(migrant=False, on="2012-02-01"))

    assert [item.kind for item in found(local, day("2013-11-01")).items] == ["request"]


def test_a_closed_file_has_nothing_to_do_but_one_that_settles_what_bureaus_may_still_do():
    gone = given_household(requested("SSI-CARD"), closed(on="2013-03-10"))
    settling = given_household(requested("SSI-CARD"), closed("gained_local_hukou", on="2013-03-10"))

    assert found(gone, day("2013-03-10")).items == []
    assert {item.closes for item in found(settling, day("2013-06-10")).items} == {"services.grant", "services.deliver"}


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), offset=st.integers(-500, 500))
@example(seed=1900, offset=383)  # a file that ended before it ran out
def test_nothing_differs_before_the_day_that_it_names(seed: int, offset: int):
    household, facts, as_of = folded(seed)
    start = as_of + timedelta(offset)
    now = found(household, start, facts)

    for on in days_until(start, now.until, most=700):
        assert found(household, on, facts).items == now.items, on


def test_every_reason_is_told_in_both_languages_and_has_its_kind():
    kinds = {kind.code for kind in work_items.settings().kinds}

    for why in work_items.reasons().values():
        assert why.kind in kinds
        assert why.label.zh.endswith("。")
        assert why.label.en.endswith(".")


def test_whatever_may_be_missing_has_a_reason():
    offered = {
        service for why in work_items.reasons().values() if why.kind == "service_due" for service in why.services
    }
    named = {service for services in SERVICES.values() for service in services}
    need = {"EMP-CONTRACT", "LIV-DIBAO", "LIV-CHILD", "FPL-FILE", "FPL-OFFER", *POLICY.insurances.employee}
    health = {"HLT-VAC", "HLT-CHI", "HLT-MAT", "HLT-ELD", "HLT-CHR", "HLT-PSY"}

    assert offered == named | need | health
    assert work_items.settings().renewed <= set(catalogue.services())


@pytest.mark.parametrize("seed", range(40))
def test_every_item_says_what_the_catalogue_and_the_file_know(seed: int):
    household, facts, as_of = folded(seed)

    for item in found(household, as_of, facts).items:
        assert item.kind == work_items.reasons()[item.why].kind
        assert item.closes.startswith("services.")
        assert item.services


def carried_out(sandbox: Sandbox, item: Item) -> None:
    """Give the command that an item names."""
    household, by, on = sandbox.household, By(sandbox.day, supervisor=True), sandbox.day
    if item.closes in (work_items.DELIVER, work_items.REQUEST):
        job = household.employments.get(item.record_id) if item.record_id is not None else None
        for service in item.services[:1] if work_items.reasons()[item.why].any else item.services:
            sandbox.give(Gift(service, item.person_id, job.unit_id if job is not None else None))
        return
    assert item.record_id is not None
    episode = household.episodes[item.record_id]
    match item.closes:
        case work_items.GRANT:
            household.deny_service(by, denied_on=on, episode_id=item.record_id, reason="not_eligible")
        case work_items.ANSWER:
            assert episode.open_referral is not None
            referral, asked = episode.open_referral.referral_id, by._replace(bureau=item.bureau)
            household.answer_referral(
                asked, answered_on=on, episode_id=item.record_id, referral_id=referral, answer="returned"
            )
        case work_items.START:
            household.start_service(by, started_on=on, episode_id=item.record_id)
        case work_items.RENEW:
            shown: Evidence = {}
            if episode.service in POLICY.insurances.employee:
                shown = {"paid_through": month_of(on)}
            elif episode.service in ("EMP-CONTRACT", "HLT-REC"):
                shown = {"to": "2030-01-01"} if episode.service == "EMP-CONTRACT" else {"updated_on": on.isoformat()}
            until = None if shown else add_months(on, 24)
            household.renew_service(by, renewed_on=on, episode_id=item.record_id, valid_to=until, evidence=shown)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), offset=st.integers(0, 300))
@example(seed=151, offset=0)  # what lapsed was asked for anew
def test_the_command_that_an_item_names_closes_it(seed: int, offset: int):
    household, facts, as_of = folded(seed)
    on = max(as_of, last_day_of(household)) + timedelta(offset)

    for item in found(household, on, facts).items:
        sandbox = Sandbox(household, POLICY, on, facts)
        try:
            carried_out(sandbox, item)
        except Refused as refused:
            if (refused.code, item.kind) == ("not-eligible", "school_place"):
                continue  # before the school year a small child is not yet of the age: that asks for an override
            raise
        present = sandbox.present()
        assert item not in due(present, assess_present(present)).items


def last_day_of(household: Household) -> date:
    """The day of the last thing that happened."""
    return max([each.event.occurred_on for each in household.pending if isinstance(each.event, HouseholdEvent)])
