"""The panel: who scores whom, once, and sealed until all are in (RULES U12)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from casework.domain.registry import Registry
from casework.domain.rounds.events import MetricsFrozen, RecusalDeclared, ScoresRevealed
from casework.domain.rounds.panel import REVEALED_AT_ONCE
from casework.domain.rounds.ranking import panel_mean
from casework.domain.rounds.round import Round
from casework.domain.scoring import Ratio
from tests.domain.rounds.given import (
    PANEL,
    POLICY,
    all_in,
    appoint,
    decide,
    events,
    freeze,
    given_round,
    lift,
    nominate,
    nomination_id,
    on,
    open_scores,
    opened,
    opened_vault,
    score,
    unit,
    veto,
)
from tests.domain.rounds.test_nominating import refused


def recused(round_: Round, panelist: str) -> set[UUID]:
    return {each.id for each in round_.nominations.values() if panelist in each.recused}


ALL_KINDS = ("K01_DISTRICT", "K03_EMPLOYER", "K04_SERVICE_AGENCY", "K06_MIGRANT_WORKER")


@pytest.mark.parametrize(
    ("affiliation", "from_whom"),
    [
        ("university", []),
        ("emp-1", ["emp-1"]),  # the candidate itself
        ("410102", ["emp-1", "emp-2", "emp-3", "emp-4", "worker"]),  # above the employers, and above the worker's
        ("410105001", ["410105"]),  # below the candidate
        ("HRSS", ["agency-1"]),  # above the agency
        ("IIT", ["emp-1", "emp-2", "emp-3", "emp-4", "worker", "410105", "agency-1"]),  # who nominated all of them
        ("emp-3", ["emp-3", "worker"]),  # where the worker works
    ],
)
def test_who_belongs_to_a_candidate_is_recused_from_it(affiliation: str, from_whom: list[str]):
    round_ = given_round("nominating")
    nominate(round_, "410105", kind="K01_DISTRICT")
    nominate(round_, "agency-1", kind="K04_SERVICE_AGENCY")

    appoint(round_, "somebody", affiliation=unit(affiliation), kinds=ALL_KINDS)

    assert recused(round_, "somebody") == {nomination_id(name) for name in from_whom}
    recusals = [event for event in events(round_) if isinstance(event, RecusalDeclared)]
    assert all(event.automatic for event in recusals)


def test_nobody_is_recused_from_kinds_that_they_do_not_score():
    round_ = given_round("checking")

    appoint(round_, "somebody", affiliation=unit("emp-3"), kinds=("K06_MIGRANT_WORKER",))

    assert recused(round_, "somebody") == {nomination_id("worker")}


def test_a_panelist_is_appointed_once_for_kinds_of_the_round_and_has_nominated_nobody():
    round_ = given_round("checking")
    appoint(round_, PANEL[0])

    assert refused(appoint, round_, PANEL[0]) == "panelist-appointed"
    assert refused(appoint, round_, "bureau-1") == "nominator-is-panelist"
    for kinds in ((), ("K07_COMMUNITY",), ("K03_EMPLOYER", "K03_EMPLOYER")):
        assert refused(appoint, round_, PANEL[1], kinds=kinds) == "unknown-code"


def test_a_panelist_declares_a_recusal_before_scoring():
    round_ = given_round("frozen")
    worker = nomination_id("worker")

    round_.declare_recusal(on("frozen"), nomination_id=worker, panelist=PANEL[0])
    version = round_.version
    round_.declare_recusal(on("frozen"), nomination_id=worker, panelist=PANEL[0])

    assert round_.version == version
    assert refused(score, round_, "worker", PANEL[0]) == "panelist-recused"
    assert refused(round_.declare_recusal, on("frozen"), nomination_id=worker, panelist="x") == "panelist-not-appointed"
    score(round_, "emp-1", PANEL[1])
    emp = nomination_id("emp-1")
    assert refused(round_.declare_recusal, on("reviewing"), nomination_id=emp, panelist=PANEL[1]) == "scored-already"


def test_a_candidate_has_five_panelists_without_those_who_are_recused():
    round_ = given_round("frozen")
    round_.declare_recusal(on("frozen"), nomination_id=nomination_id("worker"), panelist=PANEL[0])

    assert refused(score, round_, "worker", PANEL[1]) == "panel-too-small"

    appoint(round_, "panelist-6", by=on("frozen"))
    score(round_, "worker", PANEL[1])


def test_a_panel_that_shrank_below_five_opens_no_scores():
    round_ = given_round("reviewing")

    round_.declare_recusal(on("reviewing"), nomination_id=nomination_id("worker"), panelist=PANEL[-1])

    assert refused(open_scores, round_) == "panel-too-small"


def test_points_that_are_not_the_rubrics_are_not_recorded():
    round_ = given_round("frozen")
    points: dict[str, Any] = {"nomination_id": nomination_id("emp-1"), "items": {"overall": 101}}

    assert refused(round_.record_score, on("frozen"), panelist=PANEL[0], commitment=b"", **points) == "field-value"


def test_a_score_is_given_once_by_the_panel_of_the_kind_to_the_eligible():
    round_ = given_round("frozen")
    appoint(round_, "of units", kinds=("K03_EMPLOYER",), by=on("frozen"))
    score(round_, "emp-1", PANEL[0])

    assert refused(score, round_, "emp-1", PANEL[0], 95) == "scored-already"
    assert refused(score, round_, "emp-1", "somebody else") == "panelist-not-appointed"
    assert refused(score, round_, "worker", "of units") == "panelist-not-appointed"
    assert refused(score, round_, "emp-4", PANEL[0]) == "nomination-not-eligible"


@pytest.mark.parametrize(
    ("kind", "items", "fits"),
    [
        ("K03_EMPLOYER", {"overall": 0}, True),
        ("K03_EMPLOYER", {"overall": 100}, True),
        ("K03_EMPLOYER", {"overall": 101}, False),
        ("K03_EMPLOYER", {"overall": -1}, False),
        ("K03_EMPLOYER", {}, False),
        ("K03_EMPLOYER", {"overall": 1, "more": 1}, False),
        ("K06_MIGRANT_WORKER", {"work": 30, "skill_growth": 20, "community_contribution": 30, "conduct": 20}, True),
        ("K06_MIGRANT_WORKER", {"work": 31, "skill_growth": 20, "community_contribution": 30, "conduct": 19}, False),
        ("K06_MIGRANT_WORKER", {"work": 30, "skill_growth": 20, "community_contribution": 30}, False),
        ("K06_MIGRANT_WORKER", {"overall": 80}, False),
    ],
)
def test_points_are_those_of_the_kind(kind: str, items: Mapping[str, int], fits: bool):
    round_ = opened()

    if fits:
        round_.check_items(kind, items)
    else:
        assert refused(round_.check_items, kind, items) == "field-value"


def test_no_event_tells_a_score_before_all_are_in():
    round_ = given_round("frozen")
    score(round_, "emp-1", PANEL[0], 87)

    state = msgspec.json.encode(events(round_)[-1])

    assert b"87" not in state.replace(b"emp-1 panelist-1 87".hex().encode(), b"")
    assert set(msgspec.json.decode(state)) == {"occurred_on", "nomination_id", "panelist", "commitment"}
    assert round_.nomination(nomination_id("emp-1")).scores == {}


def test_scores_are_opened_once_all_are_in_and_then_nothing_is_scored_or_decided():
    round_ = given_round("reviewing")
    assert refused(open_scores, round_) == "scores-missing"
    all_in(round_)

    open_scores(round_)

    assert round_.nomination(nomination_id("emp-1")).scores == {name: {"overall": 90} for name in PANEL}
    assert refused(open_scores, round_) == "scores-open"
    assert refused(score, round_, "emp-1", PANEL[0]) == "scores-open"
    assert refused(decide, round_, "emp-1", eligible=False, by=on("reviewing")) == "scores-open"
    assert refused(appoint, round_, "another", by=on("reviewing")) == "scores-open"
    declared = {"nomination_id": nomination_id("worker"), "panelist": PANEL[0]}
    assert refused(round_.declare_recusal, on("reviewing"), **declared) == "scores-open"


def test_what_is_opened_is_what_was_sealed():
    round_ = given_round("reviewing")
    all_in(round_)
    told: Any = opened_vault(round_)
    del told[nomination_id("emp-1")][PANEL[0]]

    assert refused(round_.reveal_scores, on("reviewing"), scores=told) == "scores-missing"
    assert not round_.are_scores_open


def test_scores_stay_sealed_while_somebody_is_undecided_or_nobody_is_eligible():
    undecided = given_round("reviewing")
    all_in(undecided)
    lift(undecided, "emp-4", by=on("reviewing"))
    assert refused(open_scores, undecided) == "eligibility-undecided"

    nobody = given_round("reviewing")
    for name in ("emp-1", "emp-2", "emp-3", "worker"):
        decide(nobody, name, eligible=False, by=on("reviewing"))
    assert refused(open_scores, nobody) == "nobody-eligible"


def test_the_scores_of_a_vetoed_candidate_are_opened_with_the_others():
    round_ = given_round("reviewing")
    all_in(round_)
    veto(round_, "emp-1", by=on("reviewing"))

    open_scores(round_)
    lift(round_, "emp-1", by=on("reviewing"))

    assert round_.nomination(nomination_id("emp-1")).scores


def test_a_large_round_is_opened_in_several_events():
    round_ = opened()
    names = [f"employer-{number}" for number in range(REVEALED_AT_ONCE + 1)]
    for name in names:
        nominate(round_, name, candidate=unit(name, kind="employer"))
    for name in names:
        decide(round_, name)
    for panelist in PANEL:
        appoint(round_, panelist, registry=Registry())
    freeze(round_)
    for name in names:
        for panelist in PANEL:
            score(round_, name, panelist)

    open_scores(round_)

    revealed = [event for event in events(round_) if isinstance(event, ScoresRevealed)]
    assert [len(event.nominations) for event in revealed] == [REVEALED_AT_ONCE, 1]
    assert all(len(msgspec.json.encode(event)) < 32_768 for event in revealed)


@pytest.mark.parametrize(
    ("visited_on", "outcome", "rule"),
    [
        (date(2013, 10, 1), "confirmed", None),
        (date(2013, 11, 6), "differs", None),
        (date(2013, 9, 30), "confirmed", "visit-before-round"),
        (date(2013, 11, 7), "confirmed", "date-in-future"),
        (date(2013, 11, 6), "lovely", "unknown-code"),
    ],
)
def test_a_site_visit_lies_in_the_round(visited_on: date, outcome: str, rule: str | None):
    round_ = given_round("frozen")
    visit: dict[str, Any] = {"nomination_id": nomination_id("emp-1"), "visited_on": visited_on, "outcome": outcome}

    if rule is None:
        round_.record_site_visit(on("frozen"), **visit)
        assert [each.outcome for each in round_.nomination(nomination_id("emp-1")).visits] == [outcome]
    else:
        assert refused(round_.record_site_visit, on("frozen"), **visit) == rule


def test_the_freeze_keeps_what_the_figures_rest_on():
    round_ = given_round("frozen")

    [frozen] = [event for event in events(round_) if isinstance(event, MetricsFrozen)]

    assert frozen.as_of == date(2013, 9, 30)
    assert frozen.known_at.isoformat() == "2013-10-31T23:59:59.999999+08:00"
    assert (frozen.policy_sha256, len(frozen.cut)) == (POLICY.sha256, 65)


def test_figures_are_frozen_as_known_at_the_end_of_october():
    round_ = given_round("checking")

    assert refused(freeze, round_, known_at=round_.known_at.replace(microsecond=0)) == "freeze-known-at"


@pytest.mark.parametrize(
    ("points", "mean"),
    [
        ([0, 70, 80, 90, 100], Ratio(240, 3)),
        ([80, 80, 80, 80, 80], Ratio(240, 3)),
        ([100, 100, 100, 0, 0], Ratio(200, 3)),
        ([1, 2, 3, 4, 5, 6], Ratio(14, 4)),
    ],
)
def test_the_panels_mean_leaves_out_one_highest_and_one_lowest(points: list[int], mean: Ratio):
    assert panel_mean(points, POLICY.selection.panel) == mean


def test_ids_of_things_that_are_not_there_are_not_found():
    round_ = given_round("notice")

    assert refused(lift, round_, "emp-1", nomination_id=uuid4(), by=on("notice")) == "nomination-unknown"
