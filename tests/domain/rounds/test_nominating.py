"""Who may be named, by whom, in which month; opinions, eligibility and vetoes (DOMAIN 8.7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from casework.domain.calendar import shanghai_date
from casework.domain.registry import unit_id
from casework.domain.residence import By
from casework.domain.rounds.events import EligibilityDecided, NominationSubmitted, RoundOpened
from casework.domain.rounds.history import History
from casework.domain.rounds.nominating import Consented
from casework.domain.rounds.round import Round, round_id
from casework.errors import CaseworkError
from tests.domain.rounds.given import (
    CONSENT,
    ELIGIBLE,
    POLICY,
    SIGNING,
    WORKER,
    YEAR,
    decide,
    events,
    given_round,
    lift,
    nominate,
    nominate_worker,
    nomination_id,
    on,
    opened,
    revoke,
    unit,
    veto,
)


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    """The rule by which a command is refused."""
    with pytest.raises(CaseworkError) as error:
        call(*args, **kwargs)
    found = error.value
    return found.errors[0].code if found.errors else found.code


def test_a_round_keeps_its_policy_its_kinds_and_its_days():
    [event] = events(opened())

    assert isinstance(event, RoundOpened)
    assert (event.policy_version, event.policy_sha256) == ("2013.1", POLICY.sha256)
    assert event.kinds == tuple(kind.code for kind in POLICY.selection.kinds)[:6]
    assert (event.quota.mode, event.quota.total) == ("total_30_equal", 30)
    assert event.dates.as_of == date(2013, 9, 30)
    assert (event.dates.opens_on, event.dates.nominations_to) == (date(2013, 10, 1), date(2013, 10, 31))
    assert event.notice_working_days == 5


def test_a_round_is_opened_under_a_policy_that_is_in_force():
    later = msgspec.structs.replace(POLICY, effective_from=date(2013, 9, 21))

    assert refused(Round(round_id(YEAR)).open, on("draft"), year=YEAR, policy=later) == "policy-not-in-force"


def test_further_kinds_are_taken_in_for_one_round_unless_they_have_no_formula():
    round_ = Round(round_id(YEAR))
    assert refused(round_.open, on("draft"), year=YEAR, policy=POLICY, also=["K09_HEALTH_INSTITUTION"]) == (
        "kind-without-formula"
    )

    round_.open(on("draft"), year=YEAR, policy=POLICY, also=["K07_COMMUNITY"])

    nominate(round_, "410105001001", kind="K07_COMMUNITY")
    assert round_.begun.kinds[-1] == "K07_COMMUNITY"


@pytest.mark.parametrize(
    ("instant", "rule"),
    [
        (datetime(2013, 9, 30, 15, 59, 59, tzinfo=UTC), "nominations-not-open"),
        (datetime(2013, 9, 30, 16, 0, 0, tzinfo=UTC), None),
        (datetime(2013, 10, 31, 15, 59, 59, tzinfo=UTC), None),
        (datetime(2013, 10, 31, 16, 0, 0, tzinfo=UTC), "nominations-closed"),
    ],
)
def test_october_is_the_one_of_shanghai(instant: datetime, rule: str | None):
    round_ = opened()
    by = By(today=shanghai_date(instant))

    if rule is None:
        nominate(round_, "emp-1", by=by)
        assert list(round_.nominations) == [nomination_id("emp-1")]
    else:
        assert refused(nominate, round_, "emp-1", by=by) == rule


@pytest.mark.parametrize(("code", "fits"), [("410105", True), ("410171", True), ("HRSS", True), ("university", False)])
def test_municipal_units_districts_and_zones_nominate(code: str, fits: bool):
    round_ = opened()

    if fits:
        nominate(round_, "emp-1", nominator=unit(code))
        assert round_.nomination(nomination_id("emp-1")).submitted.nominator == unit_id(code)
    else:
        assert refused(nominate, round_, "emp-1", nominator=unit(code)) == "nominator-kind"


@pytest.mark.parametrize(
    ("nominator", "areas", "rule"),
    [
        ("410105", ["410105"], None),
        ("410105", ["410102"], "candidate-of-another-area"),
        ("410171", ["410105"], "candidate-of-another-area"),
        ("410171", ["410105", "410171"], None),  # lives in the one, works in the other
        ("410105", [], None),  # nobody told where it belongs
        ("HRSS", ["410102"], None),
    ],
)
def test_a_district_or_zone_nominates_nobody_of_another_area(nominator: str, areas: list[str], rule: str | None):
    round_ = opened()
    candidate: dict[str, Any] = {"nominator": unit(nominator), "areas": {unit_id(each) for each in areas}}

    if rule is None:
        nominate(round_, "emp-1", **candidate)
        assert round_.nomination(nomination_id("emp-1"))
    else:
        assert refused(nominate, round_, "emp-1", **candidate) == rule


def test_who_has_no_plan_of_their_own_does_not_nominate():
    assert refused(nominate, opened(), "emp-1", nominator=unit("410102", plan=False)) == "plan-missing"


@pytest.mark.parametrize(
    ("from_", "to", "rule"),
    [
        (date(2013, 10, 10), None, None),
        (date(2013, 10, 11), None, "plan-missing"),
        (date(2013, 1, 1), date(2013, 10, 10), None),
        (date(2013, 1, 1), date(2013, 10, 9), "plan-missing"),
    ],
)
def test_the_plan_is_in_force_on_the_day(from_: date, to: date | None, rule: str | None):
    district = unit("410102", plan=False)
    district.report_fact(on("closed"), reported_on=date(2013, 10, 1), fact="UF-PLAN", from_=from_, to=to)
    round_ = opened()

    if rule is None:
        nominate(round_, "emp-1", nominator=district)
    else:
        assert refused(nominate, round_, "emp-1", nominator=district) == rule


ALL_KINDS = ("district", "zone", "township", "community", "bureau", "employer", "school", "agency", "training_provider")


UNIT_KINDS = {
    "K01_DISTRICT": ("district", "zone"),
    "K02_TOWNSHIP": ("township",),
    "K03_EMPLOYER": ("employer",),
    "K04_SERVICE_AGENCY": ("agency",),
    "K05_TRAINING_PROVIDER": ("training_provider",),
    "K06_MIGRANT_WORKER": (),
}


@pytest.mark.parametrize("kind", UNIT_KINDS)
@pytest.mark.parametrize("unit_kind", ALL_KINDS)
def test_a_unit_is_a_candidate_of_its_own_kind_only(kind: str, unit_kind: str):
    round_ = opened()
    candidate = unit("candidate", kind=unit_kind)

    if unit_kind in UNIT_KINDS[kind]:
        nominate(round_, "candidate", kind=kind, candidate=candidate)
    else:
        assert refused(nominate, round_, "candidate", kind=kind, candidate=candidate) == "candidate-kind"


@pytest.mark.parametrize("kind", [kind for kind, units in UNIT_KINDS.items() if units])
def test_a_person_is_no_candidate_of_a_kind_for_units(kind: str):
    assert refused(nominate, opened(), "x", kind=kind, candidate=Consented(WORKER, CONSENT)) == "candidate-kind"


def test_a_kind_that_is_not_active_or_not_there_has_no_candidates():
    community = unit("410105001001")

    assert refused(nominate, opened(), "x", kind="K07_COMMUNITY", candidate=community) == "kind-not-in-round"
    assert refused(nominate, opened(), "x", kind="K99_HOUSEHOLD", candidate=community) == "kind-not-in-round"


def test_a_unit_that_is_closed_or_unknown_is_no_candidate():
    closed = unit("emp-9", kind="employer")
    closed.closed_on = date(2013, 10, 10)

    assert refused(nominate, opened(), "emp-9", candidate=closed) == "candidate-unknown"
    assert refused(nominate, opened(), "emp-9", candidate=type(closed)(unit_id("emp-8"))) == "candidate-unknown"


def test_a_person_is_named_by_id_with_the_event_of_their_consent_and_nothing_else():
    round_ = opened()

    nominate_worker(round_)

    event = events(round_)[-1]
    assert isinstance(event, NominationSubmitted)
    assert (event.person_id, event.consent, event.unit_id) == (WORKER, CONSENT, None)
    assert set(msgspec.json.decode(msgspec.json.encode(event))) == {
        "occurred_on", "nomination_id", "kind", "nominator", "submitted_by", "person_id", "consent",
    }  # fmt: skip


def test_a_person_without_consent_to_publication_is_no_candidate():
    rule = refused(nominate, opened(), "x", kind="K06_MIGRANT_WORKER", candidate=None)

    assert rule == "publication-consent-missing"


def test_a_candidate_is_nominated_once_for_a_kind_unless_it_was_taken_back():
    round_ = opened()
    nominate(round_, "emp-1")

    assert refused(nominate, round_, "emp-1", nomination_id=uuid4(), nominator=unit("HRSS")) == "nominated-already"
    assert refused(nominate, round_, "emp-1") == "nomination-exists"

    withdraw(round_, "emp-1")
    nominate(round_, "emp-1", nomination_id=uuid4())
    assert len(round_.nominations) == 2


def withdraw(round_: Round, name: str, nominator: str = "IIT", reason: str = "nominator_decided") -> None:
    round_.withdraw_nomination(
        on("nominating"), nomination_id=nomination_id(name), nominator=unit_id(nominator), reason=reason
    )


def test_only_who_nominated_takes_it_back_and_nothing_more_happens_to_it():
    round_ = opened()
    nominate(round_, "emp-1")

    assert refused(withdraw, round_, "emp-1", "HRSS") == "nomination-not-yours"
    assert refused(withdraw, round_, "emp-1", reason="regret") == "unknown-code"
    withdraw(round_, "emp-1")

    assert refused(withdraw, round_, "emp-1") == "nomination-withdrawn"
    assert refused(veto, round_, "emp-1") == "nomination-withdrawn"
    assert round_.eligible == []


def test_an_opinion_is_noted_once_and_decides_nothing():
    round_ = given_round("checking")
    opinion: dict[str, Any] = {"nomination_id": nomination_id("emp-1"), "authority": unit("HRSS"), "document": "2013-4"}

    round_.receive_opinion(on("checking"), opinion="object", **opinion)

    assert refused(round_.receive_opinion, on("checking"), opinion="clear", **opinion) == "opinion-received"
    assert (
        refused(round_.receive_opinion, on("checking"), **{**opinion, "document": "5"}, opinion="x") == "unknown-code"
    )
    decide(round_, "emp-1")
    assert round_.nomination(nomination_id("emp-1")).is_eligible


def test_what_was_decided_last_of_eligibility_holds_and_the_same_again_writes_nothing():
    round_ = given_round("checking")
    nominate_count = round_.version

    decide(round_, "emp-1")
    decide(round_, "emp-1")
    decide(round_, "emp-1", eligible=False)

    assert round_.version == nominate_count + 2
    last = events(round_)[-1]
    assert isinstance(last, EligibilityDecided)
    assert (last.eligible, last.reasons) == (False, ("kind_conditions",))


def test_who_is_not_eligible_is_told_why():
    round_ = given_round("checking")

    assert refused(decide, round_, "emp-1", eligible=False, reasons=()) == "field-missing"
    assert refused(decide, round_, "emp-1", eligible=False, reasons=("ugly",)) == "unknown-code"
    assert refused(decide, round_, "emp-1", eligible=True, reasons=("kind_conditions",)) == "eligible-with-reasons"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"age": 16}, None),
        ({"age": 15}, "candidate-under-age"),
        ({"local_hukou": True}, "candidate-local-hukou"),
        ({"work_days": 730}, None),
        ({"work_days": 729}, "candidate-worked-too-little"),
        ({"consents": False}, "publication-consent-missing"),
    ],
)
def test_a_person_meets_the_conditions_of_the_policy(changed: dict[str, Any], rule: str | None):
    round_ = given_round("checking")
    person = ELIGIBLE._replace(**changed)

    if rule is None:
        decide(round_, "worker", person=person)
        assert round_.nomination(nomination_id("worker")).is_eligible
    else:
        assert refused(decide, round_, "worker", person=person) == rule


def test_a_person_of_whom_nothing_is_known_any_more_is_not_eligible():
    assert refused(decide, given_round("checking"), "worker", person=None) == "publication-consent-missing"


@pytest.mark.parametrize(
    ("authority", "rule"),
    [
        (unit("HRSS"), None),
        (unit("410105"), None),
        (unit("410171"), None),
        (unit("4101"), None),
        (unit("office", kind="agency", tier="county"), None),
        (unit("office", kind="agency", tier="township"), "veto-authority-level"),
        (unit("agency-1"), "veto-authority-level"),
        (unit("410105001"), "veto-authority-level"),
        (unit("410105001001"), "veto-authority-level"),
        (unit("emp-2"), "veto-authority-level"),
    ],
)
def test_only_authorities_of_county_level_and_above_veto(authority: Any, rule: str | None):
    round_ = given_round("checking")

    if rule is None:
        veto(round_, "emp-1", authority=authority, by=on("checking"))
        assert [v.authority for v in round_.nomination(nomination_id("emp-1")).standing_vetoes] == [authority.id]
    else:
        assert refused(veto, round_, "emp-1", authority=authority, by=on("checking")) == rule


def test_a_veto_has_a_ground_that_the_policy_has_and_a_day_that_came():
    round_ = given_round("nominating")

    assert refused(veto, round_, "emp-1", ground="public_order") == "veto-ground-not-in-force"
    assert refused(veto, round_, "emp-1", ground="dislike") == "unknown-code"
    assert refused(veto, round_, "emp-1", happened_on=on("nominating").today + timedelta(1)) == "date-in-future"
    assert refused(veto, round_, "emp-4") == "veto-exists"


def test_a_standing_veto_makes_ineligible_until_its_own_authority_lifts_it():
    round_ = given_round("checking")
    decide(round_, "emp-1")
    veto(round_, "emp-1", by=on("checking"))

    assert not round_.nomination(nomination_id("emp-1")).is_eligible
    assert refused(decide, round_, "emp-4") == "veto-stands"
    assert refused(lift, round_, "emp-1", authority=unit_id("IIT")) == "veto-of-another-authority"
    assert refused(lift, round_, "emp-1", veto_id=uuid4()) == "veto-unknown"

    lift(round_, "emp-1")

    assert round_.nomination(nomination_id("emp-1")).is_eligible
    assert refused(lift, round_, "emp-1") == "veto-lifted"


def later(year: int) -> Round:
    round_ = Round(round_id(year))
    round_.open(By(today=date(year, 9, 20)), year=year, policy=POLICY)
    return round_


def named_later(round_: Round, name: str, past: list[Round]) -> None:
    by = By(today=round_.begun.dates.opens_on)
    if name == "worker":
        consented = Consented(WORKER, CONSENT)
        nominate(round_, name, by=by, kind="K06_MIGRANT_WORKER", candidate=consented, history=History(past))
    else:
        nominate(round_, name, by=by, history=History(past))


def fraud() -> Round:
    round_ = given_round("checking")
    veto(round_, "emp-1", ground="falsified_data", by=on("checking"))
    return round_


def test_fraud_bars_this_round_and_the_next_one():
    first = fraud()
    second, third = later(2014), later(2015)

    assert refused(named_later, second, "emp-1", [first]) == "candidate-barred-by-fraud"
    named_later(second, "emp-2", [first])
    named_later(third, "emp-1", [second, first])


def test_the_next_round_is_the_next_that_was_held():
    assert refused(named_later, later(2016), "emp-1", [fraud()]) == "candidate-barred-by-fraud"
    given_up = later(2014)
    given_up.cancel(By(today=date(2014, 9, 21)), reason="defect")
    assert refused(named_later, later(2015), "emp-1", [fraud(), given_up]) == "candidate-barred-by-fraud"


def test_fraud_that_was_lifted_and_other_grounds_bar_no_later_round():
    lifted = fraud()
    lift(lifted, "emp-1")
    other = given_round("checking")

    named_later(later(2014), "emp-1", [lifted])
    named_later(later(2014), "emp-4", [other])


def revoked() -> Round:
    round_ = given_round("closed")
    for bureau in SIGNING:
        revoke(round_, "emp-1", bureau)
    return round_


def test_a_revocation_bars_three_rounds():
    past = [revoked()]
    for year in (2014, 2015, 2016):
        assert refused(named_later, later(year), "emp-1", past) == "candidate-barred-by-revocation"
        past.append(later(year))

    named_later(later(2017), "emp-1", past)


def test_a_revocation_after_the_nomination_still_bars():
    round_ = later(2014)
    named_later(round_, "emp-1", [given_round("closed")])

    rule = refused(decide, round_, "emp-1", history=History([revoked()]), by=By(today=date(2014, 11, 2)))

    assert rule == "candidate-barred-by-revocation"


def test_a_late_revocation_bars_from_then_on():
    title = given_round("closed")
    past = [title, later(2014), later(2015), later(2016)]
    for bureau in SIGNING:
        revoke(title, "emp-1", bureau, by=By(today=date(2017, 2, 1)))

    assert refused(named_later, later(2017), "emp-1", past) == "candidate-barred-by-revocation"


def test_a_person_who_was_commended_in_the_last_three_rounds_is_not_eligible():
    past = [given_round("commended")]
    for year in (2014, 2015, 2016):
        assert commended_lately(year, past) == "candidate-commended-lately"
        past.append(later(year))

    assert commended_lately(2017, past) is None
    assert History(past).commendations(WORKER) == 1
    assert History(past).commendations(unit_id("emp-1")) == 1
    assert History(past).commendations(unit_id("emp-3")) == 0


def commended_lately(year: int, past: list[Round]) -> str | None:
    round_ = later(year)
    named_later(round_, "worker", past)
    try:
        decide(round_, "worker", history=History(past), by=By(today=date(year, 11, 2)))
    except CaseworkError as error:
        return error.code
    return None


def test_a_unit_may_be_commended_year_after_year():
    round_ = later(2014)
    named_later(round_, "emp-1", [given_round("commended")])

    decide(round_, "emp-1", history=History([given_round("commended")]), by=By(today=date(2014, 11, 2)))

    assert round_.nomination(nomination_id("emp-1")).is_eligible


def test_the_year_is_the_one_of_the_stream():
    assert {round_id(YEAR).version, round_id(YEAR + 1).version} == {5}
    assert round_id(YEAR) != round_id(YEAR + 1)
