"""The list before the public: notice, objections, removals, promotions, and how it becomes final."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from casework.domain.parts import collide
from casework.domain.policy import Policy
from casework.domain.registry import unit_id
from casework.domain.residence import By
from casework.domain.rounds.events import (
    CommendationIssued,
    CommendationRevoked,
    CommendationSigned,
    Quota,
    RoundFinalised,
)
from casework.domain.rounds.round import Round
from tests.domain.rounds.given import (
    NOTICE_TO,
    PANEL,
    POLICY,
    SIGNING,
    WORKER,
    YEAR,
    all_in,
    appoint,
    decide,
    events,
    freeze,
    given_round,
    lift,
    nominate,
    nominate_worker,
    nomination_id,
    object_to,
    on,
    open_scores,
    opened,
    publish,
    rank,
    ranking,
    resolve,
    revoke,
    score,
    sign,
    unit,
    veto,
)
from tests.domain.rounds.test_nominating import refused

AFTER = By(today=date(2013, 12, 9))


def remove(round_: Round, name: str, reason: str = "declined", *, state: str = "notice") -> None:
    round_.remove_candidate(on(state), nomination_id=nomination_id(name), reason=reason)


def promote(round_: Round, name: str, in_place_of: str, *, state: str = "notice", **changed: Any) -> None:
    given: dict[str, Any] = {
        "nomination_id": nomination_id(name),
        "in_place_of": nomination_id(in_place_of),
        "consenting": {WORKER},
        "notice_to": NOTICE_TO if state == "notice" else None,
    }
    round_.promote_reserve(on(state), **{**given, **changed})


def finalise(round_: Round, by: By = AFTER, consenting: Any = (WORKER,)) -> None:
    round_.finalise(by, consenting=set(consenting))


@pytest.mark.parametrize(
    ("published_on", "notice_to", "enough"),
    [
        (date(2013, 12, 2), date(2013, 12, 6), True),  # Monday to Friday
        (date(2013, 12, 2), date(2013, 12, 5), False),
        (date(2013, 12, 4), date(2013, 12, 10), True),  # over a weekend
        (date(2013, 12, 4), date(2013, 12, 9), False),
        (date(2013, 12, 7), date(2013, 12, 13), True),  # from a Saturday
        (date(2013, 12, 7), date(2013, 12, 12), False),
        (date(2013, 12, 2), date(2013, 12, 1), False),
    ],
)
def test_the_notice_has_five_working_days(published_on: date, notice_to: date, enough: bool):
    round_ = given_round("ranked")

    if enough:
        publish(round_, by=on(published_on), notice_to=notice_to)
        assert round_.state_on(published_on) == "notice"
    else:
        assert refused(publish, round_, by=on(published_on), notice_to=notice_to) == "notice-too-short"


def test_a_list_is_published_somewhere():
    round_ = given_round("ranked")

    assert refused(publish, round_, channels=()) == "field-missing"
    assert refused(publish, round_, channels=("whispers",)) == "unknown-code"


@pytest.mark.parametrize(("p_selected", "uncertain"), [(349, False), (350, True), (650, True), (651, False)])
@pytest.mark.parametrize("name", ["emp-1", "emp-3"])
def test_who_has_an_uncertain_seat_is_visited_first(name: str, p_selected: int, uncertain: bool):
    round_ = given_round("reviewing")
    all_in(round_)
    open_scores(round_)
    rows = [
        replace(row, p_selected=p_selected) if row.nomination_id == nomination_id(name) else row
        for row in ranking(round_)
    ]
    rank(round_, rows)

    if uncertain:
        assert refused(publish, round_) == "site-visit-missing"
        round_.record_site_visit(
            on("notice"), nomination_id=nomination_id(name), visited_on=date(2013, 11, 28), outcome="confirmed"
        )
    publish(round_)

    assert round_.published is not None


def test_whose_seat_is_uncertain_is_visited_also_where_they_have_none():
    round_ = given_round("reviewing")
    all_in(round_)
    open_scores(round_)
    low = nomination_id("emp-3")
    rows = ranking(round_, metrics={low: 5000})
    rank(round_, [replace(row, p_selected=400) if row.nomination_id == low else row for row in rows])

    [placed] = [each for each in round_.candidates if each.nomination_id == low]
    assert not placed.seated
    assert not placed.reserve
    assert refused(publish, round_) == "site-visit-missing"


def test_nobody_under_a_veto_or_without_consent_is_published():
    round_ = given_round("ranked")
    assert refused(publish, round_, consenting=()) == "publication-consent-missing"
    veto(round_, "emp-1", by=on("ranked"))
    assert refused(publish, round_) == "veto-on-list"

    remove(round_, "emp-1", "veto", state="ranked")
    promote(round_, "emp-3", "emp-1", state="ranked")
    publish(round_)

    assert round_.published is not None
    assert round_.published.listed == tuple(nomination_id(name) for name in ("emp-2", "worker", "emp-3"))
    assert round_.published.reserves == ()


def test_a_list_with_more_than_the_seats_is_neither_shown_nor_final():
    for state, command in (("ranked", publish), ("notice", finalise)):
        round_ = given_round(state)
        round_.opened = replace(round_.begun, quota=Quota(mode="total_30_equal", total=2))

        assert refused(command, round_) == "quota-exceeded"


def test_a_round_is_given_up_for_a_reason_that_has_a_code():
    assert refused(given_round("notice").cancel, on("notice"), reason="tired") == "unknown-code"


def test_a_list_of_nobody_is_not_published():
    round_ = given_round("ranked")
    for name in ("emp-1", "emp-2", "worker"):
        remove(round_, name, state="ranked")

    assert refused(publish, round_) == "list-empty"


@pytest.mark.parametrize(
    ("day", "rule"),
    [(date(2013, 12, 2), None), (date(2013, 12, 6), None), (date(2013, 12, 7), "notice-over")],
)
def test_objections_come_within_the_notice(day: date, rule: str | None):
    round_ = given_round("notice")

    if rule is None:
        object_to(round_, "emp-1", by=on(day), anonymous=True)
        assert len(round_.nomination(nomination_id("emp-1")).open_objections) == 1
    else:
        assert refused(object_to, round_, "emp-1", by=on(day)) == rule


def test_objections_are_to_those_on_the_list():
    round_ = given_round("notice")
    object_to(round_, "emp-1")

    assert refused(object_to, round_, "emp-3") == "not-on-list"
    assert refused(object_to, round_, "emp-1") == "objection-exists"
    assert refused(object_to, round_, "emp-2", grounds="envy") == "unknown-code"


def test_who_nominated_decides_no_objection():
    round_ = given_round("notice")
    object_to(round_, "emp-1")

    assert refused(resolve, round_, "emp-1", upheld=False, resolver="bureau-1") == "resolver-nominated"
    assert refused(resolve, round_, "emp-1", upheld=False, resolver_unit=unit_id("IIT")) == "resolver-nominated"
    assert refused(resolve, round_, "emp-2", upheld=False) == "objection-unknown"
    assert refused(resolve, round_, "emp-1", upheld=False, reason="because") == "unknown-code"
    for upheld, reason in ((True, "unsubstantiated"), (True, "not_material"), (False, "substantiated")):
        assert refused(resolve, round_, "emp-1", upheld=upheld, reason=reason) == "field-value"
    resolve(round_, "emp-1", upheld=False)
    assert refused(resolve, round_, "emp-1", upheld=True) == "objection-resolved"


def test_a_list_is_final_when_every_notice_is_over_and_every_objection_answered():
    round_ = given_round("notice")
    object_to(round_, "emp-1")
    object_to(round_, "emp-2")

    assert refused(finalise, round_, By(today=NOTICE_TO)) == "notice-running"
    assert refused(finalise, round_) == "objection-open"
    resolve(round_, "emp-1", upheld=False)
    assert refused(finalise, round_) == "objection-open"
    resolve(round_, "emp-2", upheld=True)
    assert refused(finalise, round_) == "objected-on-list"
    remove(round_, "emp-2", "objection_upheld")
    veto(round_, "emp-1", by=on("notice"))
    assert refused(finalise, round_) == "veto-on-list"
    lift(round_, "emp-1", by=on("notice"))
    assert refused(finalise, round_, consenting=()) == "publication-consent-missing"
    finalise(round_)

    final = events(round_)[-1]
    assert isinstance(final, RoundFinalised)
    assert final.listed == (nomination_id("emp-1"), nomination_id("worker"))


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        ("veto", "no-standing-veto"),
        ("objection_upheld", "no-objection-upheld"),
        ("consent_withdrawn", "removal-of-unit"),
        ("boredom", "unknown-code"),
    ],
)
def test_a_candidate_is_removed_for_something_that_stands(reason: str, rule: str):
    assert refused(remove, given_round("notice"), "emp-1", reason) == rule


def test_who_is_removed_stays_removed():
    round_ = given_round("notice")
    remove(round_, "emp-1")

    assert refused(remove, round_, "emp-1") == "not-on-list"
    assert refused(remove, round_, "emp-3") == "not-on-list"
    assert nomination_id("emp-1") not in round_.reserves


def test_a_reserve_moves_up_for_somebody_who_was_removed_and_has_its_own_notice():
    round_ = given_round("notice")
    assert refused(promote, round_, "emp-3", "emp-1") == "nobody-to-replace"
    remove(round_, "emp-1")
    assert refused(promote, round_, "emp-2", "emp-1") == "not-next-reserve"
    assert refused(promote, round_, "emp-3", "emp-1", notice_to=None) == "field-missing"
    assert refused(promote, round_, "emp-3", "emp-1", notice_to=date(2013, 12, 5)) == "notice-too-short"

    promote(round_, "emp-3", "emp-1", notice_to=date(2013, 12, 13))

    assert refused(promote, round_, "emp-3", "emp-1") == "nobody-to-replace"
    assert refused(finalise, round_) == "notice-running"
    object_to(round_, "emp-3", by=on(date(2013, 12, 13)))
    resolve(round_, "emp-3", upheld=False, by=on(date(2013, 12, 13)))
    finalise(round_, By(today=date(2013, 12, 14)))
    assert [nomination_id(name) for name in ("emp-2", "emp-3", "worker")] == list(round_.finalised.listed)  # type: ignore[union-attr]


def test_before_the_list_is_shown_a_reserve_needs_no_notice_of_its_own():
    round_ = given_round("ranked")
    remove(round_, "emp-1", state="ranked")

    assert refused(promote, round_, "emp-3", "emp-1", state="ranked", notice_to=NOTICE_TO) == "field-unknown"
    promote(round_, "emp-3", "emp-1", state="ranked")
    publish(round_)

    assert round_.nomination(nomination_id("emp-3")).notice == (date(2013, 12, 2), NOTICE_TO)


def several_kinds(policy: Policy = POLICY) -> Round:
    """A ranked round: three employers, three agencies, one trainer; one seat each, the others are reserves."""
    round_ = opened(policy)
    names = {"K03_EMPLOYER": "emp", "K04_SERVICE_AGENCY": "agency", "K05_TRAINING_PROVIDER": "trainer"}
    kinds = {"emp": "employer", "agency": "agency", "trainer": "training_provider"}
    sizes = {"emp": 3, "agency": 4, "trainer": 1}
    all_names = [(kind, name, f"{name}-{n}") for kind, name in names.items() for n in range(1, sizes[name] + 1)]
    for kind, name, code in all_names:
        nominate(round_, code, kind=kind, candidate=unit(code, kind=kinds[name]))
    for _, _, code in all_names:
        decide(round_, code)
    for panelist in PANEL:
        appoint(round_, panelist, kinds=tuple(names))
    freeze(round_)
    for _, _, code in all_names:
        for panelist in PANEL:
            score(round_, code, panelist, 90 - 5 * int(code[-1]))
    open_scores(round_)
    rank(round_, ranking(round_, seats=dict.fromkeys(names, 1)))
    return round_


def test_a_kind_without_reserves_gives_its_seat_to_the_kind_that_is_furthest_behind():
    round_ = several_kinds()
    assert round_.next_reserve("K03_EMPLOYER") == nomination_id("emp-2")

    # The next seats would be (2 − ½)/3 of the employers and (2 − ½)/4 of the agencies.
    assert round_.next_reserve("K05_TRAINING_PROVIDER") == nomination_id("agency-2")
    remove(round_, "trainer-1", state="ranked")
    assert refused(promote, round_, "emp-2", "trainer-1", state="ranked") == "not-next-reserve"
    promote(round_, "agency-2", "trainer-1", state="ranked")

    # Now (2 − ½)/3 of the employers against (3 − ½)/4.
    assert round_.next_reserve("K05_TRAINING_PROVIDER") == nomination_id("emp-2")


def test_where_each_kind_has_its_own_seats_none_goes_to_another():
    apart = replace(POLICY, selection=replace(POLICY.selection, quota="per_kind_30"))

    round_ = several_kinds(apart)

    assert round_.next_reserve("K05_TRAINING_PROVIDER") is None
    assert round_.next_reserve("K03_EMPLOYER") == nomination_id("emp-2")


def test_equal_claims_go_to_the_kind_that_the_catalogue_names_first():
    round_ = several_kinds()
    remove(round_, "agency-1", state="ranked")
    veto(round_, "agency-4", by=on("ranked"))

    # (2 − ½)/3 of the employers; of the four agencies nobody is seated: (1 − ½)/4.
    assert round_.next_reserve("K05_TRAINING_PROVIDER") == nomination_id("agency-2")
    promote(round_, "agency-2", "agency-1", state="ranked")
    assert round_.reserves == [nomination_id(name) for name in ("emp-2", "emp-3", "agency-3")]


def test_a_person_who_moves_up_agrees_to_publication():
    round_ = given_round("reviewing")
    all_in(round_)
    open_scores(round_)
    rank(round_, ranking(round_, seats={"K06_MIGRANT_WORKER": 0}))
    publish(round_)
    veto(round_, "emp-3", by=on("notice"))
    remove(round_, "emp-1")
    assert round_.next_reserve("K03_EMPLOYER") == nomination_id("worker")

    assert refused(promote, round_, "worker", "emp-1", consenting=()) == "publication-consent-missing"
    promote(round_, "worker", "emp-1")


def test_without_reserves_nobody_moves_up():
    round_ = given_round("notice")
    veto(round_, "emp-3", by=on("notice"))
    remove(round_, "emp-1")

    assert round_.next_reserve("K03_EMPLOYER") is None
    assert refused(promote, round_, "emp-3", "emp-1") == "not-next-reserve"


def test_the_lists_digest_is_of_what_anybody_can_write_down():
    round_ = given_round("finalised")
    kinds = {"emp-1": "K03_EMPLOYER", "emp-2": "K03_EMPLOYER", "worker": "K06_MIGRANT_WORKER"}
    candidates: dict[str, UUID] = {"emp-1": unit_id("emp-1"), "emp-2": unit_id("emp-2"), "worker": WORKER}
    rows = [[kinds[name], str(nomination_id(name)), str(candidates[name])] for name in kinds]

    digest = sha256(msgspec.json.encode([YEAR, rows])).hexdigest()

    assert round_.finalised is not None
    assert round_.finalised.list_sha256 == digest


@pytest.mark.parametrize("order", [SIGNING, SIGNING[::-1]])
def test_both_bureaus_sign_before_anybody_is_commended(order: tuple[str, str]):
    round_ = given_round("finalised")
    round_.collect_events()

    sign(round_, order[0])
    assert round_.state_on(date(2013, 12, 10)) == "finalised"
    assert refused(sign, round_, order[0]) == "signed-already"
    sign(round_, order[1])

    signed, again, issued = events(round_)
    assert isinstance(signed, CommendationSigned)
    assert isinstance(again, CommendationSigned)
    assert isinstance(issued, CommendationIssued)
    assert (issued.signatories, issued.document) == (SIGNING, "2013-30")
    assert len(issued.listed) == 3
    assert round_.state_on(date(2013, 12, 10)) == "commended"


def test_only_the_two_bureaus_sign_and_both_sign_the_same():
    round_ = given_round("finalised")

    for stranger in (None, "EDUB", "IIT", "LOCAL"):
        assert refused(sign, round_, stranger) == "not-a-signatory"
    assert refused(sign, round_, "HRSS", list_sha256="00" * 32) == "list-differs"
    sign(round_, "HRSS")
    assert refused(sign, round_, "PFP", document="2013-31") == "documents-differ"


def test_a_title_is_taken_back_by_both_and_the_round_stays_as_it_was():
    round_ = given_round("closed")
    round_.collect_events()
    late = By(today=date(2019, 5, 1))

    revoke(round_, "emp-1", "HRSS", by=late)
    assert round_.nomination(nomination_id("emp-1")).revoked is None
    assert refused(revoke, round_, "emp-1", "HRSS", by=late) == "signed-already"
    assert refused(revoke, round_, "emp-1", "PFP", by=late, ground="unpaid_wages") == "documents-differ"
    revoke(round_, "emp-1", "PFP", by=late)

    last = events(round_)[-1]
    assert isinstance(last, CommendationRevoked)
    assert (last.ground, last.signatories) == ("falsified_data", SIGNING)
    assert refused(revoke, round_, "emp-1", "PFP", by=late) == "commendation-revoked"
    assert round_.state_on(late.today) == "closed"
    assert len(round_.commended.listed) == 3  # type: ignore[union-attr]


def test_only_a_title_that_was_given_is_taken_back():
    round_ = given_round("closed")

    assert refused(revoke, round_, "emp-3", "HRSS") == "not-commended"
    assert refused(revoke, round_, "emp-1", "EDUB") == "not-a-signatory"
    assert refused(revoke, round_, "emp-1", "HRSS", ground="dislike") == "unknown-code"


def test_edits_collide_where_they_are_about_the_same():
    def events_of(act: Any, state: str = "reviewing") -> list[Any]:
        round_ = given_round(state)
        round_.collect_events()
        act(round_)
        return events(round_)

    late = on("reviewing")
    scored = events_of(lambda r: score(r, "worker", PANEL[-1]))
    other = events_of(lambda r: score(r, "emp-1", PANEL[0]), "frozen")
    vetoed = events_of(lambda r: veto(r, "emp-1", by=late))
    decided = events_of(lambda r: decide(r, "emp-1", eligible=False, by=late))
    named = events_of(lambda r: nominate(r, "emp-1"), "draft")
    also_named = events_of(nominate_worker, "draft")
    frozen = events_of(freeze, "checking")

    assert collide(vetoed, decided)
    assert collide(frozen, vetoed)
    assert collide(vetoed, frozen)
    assert not collide(scored, other)
    assert not collide(named, also_named)
    assert not collide(frozen, [])
