"""No step of a round is skipped, repeated or back-dated: every command in every state, as a whole table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from casework.domain.rounds.round import Round, round_id
from casework.domain.rounds.steps import STATES, STEPS
from casework.errors import CaseworkError, problems
from tests.domain.rounds.given import (
    DAYS,
    PANEL,
    POLICY,
    SIGNING,
    WORKER,
    YEAR,
    all_in,
    appoint,
    decide,
    freeze,
    given_round,
    lift,
    nominate,
    nomination_id,
    object_to,
    on,
    open_scores,
    publish,
    rank,
    ranking,
    replayed,
    resolve,
    revoke,
    score,
    sign,
    unit,
    veto,
)

# Columns: draft nominating checking frozen reviewing ranked notice finalised commended closed;
# x may be given, < comes too early, > too late.
TABLE = """
nominate             <x>>>>>>>>  nominations-not-open     nominations-closed
withdraw_nomination  <xxxx>>>>>  nominations-not-open     round-ranked
receive_opinion      <xxxx>>>>>  nominations-not-open     round-ranked
record_veto          <xxxxxx>>>  nominations-not-open     round-finalised
lift_veto            <xxxxxx>>>  nominations-not-open     round-finalised
decide_eligibility   <<xxx>>>>>  nominations-not-closed   round-ranked
freeze               <<x>>>>>>>  nominations-not-closed   round-frozen
appoint_panelist     <<xxx>>>>>  nominations-not-closed   round-ranked
declare_recusal      <<xxx>>>>>  nominations-not-closed   round-ranked
record_score         <<<xx>>>>>  round-not-frozen         round-ranked
record_site_visit    <<<xxx>>>>  round-not-frozen         shortlist-published
reveal_scores        <<<<x>>>>>  nothing-scored           round-ranked
rank                 <<<<x>>>>>  nothing-scored           round-ranked
publish_shortlist    <<<<<x>>>>  round-not-ranked         shortlist-published
remove_candidate     <<<<<xx>>>  round-not-ranked         round-finalised
promote_reserve      <<<<<xx>>>  round-not-ranked         round-finalised
file_objection       <<<<<<x>>>  shortlist-not-published  round-finalised
resolve_objection    <<<<<<x>>>  shortlist-not-published  round-finalised
finalise             <<<<<<x>>>  shortlist-not-published  round-finalised
sign_commendation    <<<<<<<x>>  round-not-finalised      commendation-issued
close                <<<<<<<<x>  commendation-not-issued  round-closed
sign_revocation      <<<<<<<<xx  commendation-not-issued  -
cancel               xxxxxxx>>>  -                        round-finalised
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (command, state, mark, {"x": None, "<": early, ">": late}[mark])
    for command, marks, early, late in ROWS
    for state, mark in zip(STATES, marks, strict=True)
]

Given = Callable[[Round, date], None]


def _removed(round_: Round, day: date) -> None:
    round_.remove_candidate(on(day), nomination_id=nomination_id("emp-1"), reason="declined")


def _objected(round_: Round, day: date) -> None:
    object_to(round_, "emp-1", by=on(day))


def _all_in(round_: Round, day: date) -> None:
    all_in(round_)


def _open(round_: Round, day: date) -> None:
    all_in(round_)
    open_scores(round_)


def _on_the_panel(round_: Round, day: date) -> None:
    if PANEL[-1] not in round_.panel:
        appoint(round_, PANEL[-1])


BEFORE: dict[str, Given] = {
    "promote_reserve": _removed,
    "resolve_objection": _objected,
    "reveal_scores": _all_in,
    "rank": _open,
    "declare_recusal": _on_the_panel,
}
"""What must have happened within a state so that a command can be given there."""


def _promote(round_: Round, day: date) -> None:
    notice_to = date(2013, 12, 6) if round_.published else None
    round_.promote_reserve(
        on(day),
        nomination_id=nomination_id("emp-3"),
        in_place_of=nomination_id("emp-1"),
        notice_to=notice_to,
        consenting=(),
    )


def _finalise(round_: Round, day: date) -> None:
    past_notice = DAYS["finalised"] if day == DAYS["notice"] else day
    round_.finalise(on(past_notice), consenting={WORKER})


COMMANDS: dict[str, Given] = {
    "nominate": lambda r, day: nominate(r, "emp-5", candidate=unit("emp-5", kind="employer"), by=on(day)),
    "withdraw_nomination": lambda r, day: r.withdraw_nomination(
        on(day), nomination_id=nomination_id("emp-2"), nominator=unit("IIT").id, reason="nominator_decided"
    ),
    "receive_opinion": lambda r, day: r.receive_opinion(
        on(day), nomination_id=nomination_id("emp-1"), authority=unit("HRSS"), opinion="clear", document="2013-3"
    ),
    "record_veto": lambda r, day: veto(r, "emp-1", by=on(day)),
    "lift_veto": lambda r, day: lift(r, "emp-4", by=on(day)),
    "decide_eligibility": lambda r, day: decide(r, "emp-1", eligible=False, by=on(day)),
    "freeze": lambda r, day: freeze(r, by=on(day)),
    "appoint_panelist": lambda r, day: appoint(r, "panelist-9", by=on(day)),
    "declare_recusal": lambda r, day: r.declare_recusal(
        on(day), nomination_id=nomination_id("worker"), panelist=PANEL[-1]
    ),
    "record_score": lambda r, day: score(r, "worker", PANEL[-1], by=on(day)),
    "record_site_visit": lambda r, day: r.record_site_visit(
        on(day), nomination_id=nomination_id("emp-1"), visited_on=date(2013, 11, 2), outcome="confirmed"
    ),
    "reveal_scores": lambda r, day: open_scores(r, by=on(day)),
    "rank": lambda r, day: rank(r, ranking(r) if r.are_scores_open else [], by=on(day)),
    "publish_shortlist": lambda r, day: publish(r, by=on(day), notice_to=date(2013, 12, 31)),
    "remove_candidate": lambda r, day: _removed(r, day),
    "promote_reserve": _promote,
    "file_objection": lambda r, day: _objected(r, day),
    "resolve_objection": lambda r, day: resolve(r, "emp-1", upheld=False, by=on(day)),
    "finalise": _finalise,
    "sign_commendation": lambda r, day: sign(r, "HRSS", by=on(day)),
    "close": lambda r, day: r.close(on(day)),
    "sign_revocation": lambda r, day: revoke(r, "emp-1", "HRSS", by=on(day)),
    "cancel": lambda r, day: r.cancel(on(day), reason="defect"),
}


def test_the_table_is_of_every_command():
    assert [command for command, *_ in ROWS] == list(COMMANDS)
    assert set(COMMANDS) == set(STEPS)


@pytest.mark.parametrize(("command", "state", "mark", "rule"), CELLS, ids=[f"{c}-{s}" for c, s, *_ in CELLS])
def test_each_command_may_be_given_in_the_states_of_the_table(command: str, state: str, mark: str, rule: str | None):
    round_ = given_round(state)
    if mark == "x" and command in BEFORE:
        BEFORE[command](round_, DAYS[state])
    version = round_.version
    assert round_.state_on(DAYS[state]) == state

    if mark == "x":
        COMMANDS[command](round_, DAYS[state])
        assert round_.version > version
    else:
        with pytest.raises(CaseworkError) as refused:
            COMMANDS[command](round_, DAYS[state])
        assert refused.value.code == rule
        assert round_.version == version


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_happens_to_a_round_that_nobody_opened(command: str):
    round_ = Round(round_id(YEAR))

    with pytest.raises(CaseworkError) as refused:
        COMMANDS[command](round_, DAYS["nominating"])

    assert refused.value.code == "round-unknown"
    assert round_.version == 0


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("state", STATES[: STATES.index("finalised")])
def test_nothing_happens_to_a_round_that_was_cancelled(command: str, state: str):
    round_ = given_round(state)
    round_.cancel(on(state), reason="defect")

    with pytest.raises(CaseworkError) as refused:
        COMMANDS[command](round_, DAYS[state])

    assert refused.value.code == "round-cancelled"
    assert round_.state_on(DAYS["closed"]) == "cancelled"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("state", STATES)
def test_no_step_is_told_of_a_day_before_the_last_one(command: str, state: str):
    round_ = given_round(state)

    with pytest.raises(CaseworkError) as refused:
        COMMANDS[command](round_, round_.told_on - timedelta(1))

    assert refused.value.code == "round-back-dated"


@pytest.mark.parametrize("state", STATES)
def test_a_round_is_opened_once(state: str):
    round_ = given_round(state)

    with pytest.raises(CaseworkError) as refused:
        round_.open(on(state), year=YEAR, policy=POLICY)

    assert refused.value.code == "round-exists"


@pytest.mark.parametrize("state", STATES)
def test_a_round_is_what_its_events_tell(state: str):
    round_ = given_round(state)

    assert _told(replayed(round_)) == _told(round_)


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (date(2013, 9, 20), "draft"),
        (date(2013, 9, 30), "draft"),
        (date(2013, 10, 1), "nominating"),
        (date(2013, 10, 31), "nominating"),
        (date(2013, 11, 1), "checking"),
        (date(2014, 3, 1), "checking"),
    ],
)
def test_up_to_the_freeze_the_state_turns_with_the_calendar(day: date, state: str):
    assert given_round("draft").state_on(day) == state


@pytest.mark.parametrize(
    ("day", "year", "rule"),
    [
        (date(2013, 11, 1), 2013, "round-opened-late"),
        (date(2014, 9, 1), 2013, "round-of-another-year"),
        (date(2013, 9, 1), 2014, "round-of-another-year"),
    ],
)
def test_a_round_is_opened_in_its_year_before_nominations_close(day: date, year: int, rule: str):
    round_ = Round(round_id(year))

    with pytest.raises(CaseworkError) as refused:
        round_.open(on(day), year=year, policy=POLICY)

    assert refused.value.code == rule


def test_a_round_may_be_opened_on_the_last_day_of_nominations():
    round_ = Round(round_id(YEAR))

    round_.open(on(date(2013, 10, 31)), year=YEAR, policy=POLICY)

    assert round_.state_on(date(2013, 10, 31)) == "nominating"


def test_a_round_whose_policy_changed_takes_nothing_that_counts_with_it():
    import msgspec

    round_ = given_round("draft")
    assert round_.opened is not None
    round_.opened = msgspec.structs.replace(round_.opened, policy_sha256="00" * 32)

    with pytest.raises(CaseworkError) as refused:
        nominate(round_, "emp-1")

    assert refused.value.code == "policy-changed"


def test_every_refusal_of_a_step_stands_in_the_catalogue():
    rules = {rule for step in STEPS.values() for rule in (step.early, step.late)}

    assert rules <= problems().keys()


def test_both_signatures_of_the_story_are_those_of_the_register():
    assert given_round("commended").commended.signatories == SIGNING  # type: ignore[union-attr]


def _told(round_: Round) -> dict[str, Any]:
    told = {name: value for name, value in vars(round_).items() if name not in ("pending", "nominations")}
    return {**told, "nominations": {id: vars(each) for id, each in round_.nominations.items()}}
