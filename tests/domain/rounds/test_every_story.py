"""Whatever is tried in whatever order: no round reaches a state that it may not, or commends more than the quota."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from casework.domain.residence import By
from casework.domain.rounds.round import Round
from casework.domain.rounds.steps import CANCELLED, STATES
from casework.errors import CaseworkError
from tests.domain.rounds.given import (
    DAYS,
    EMPLOYERS,
    PANEL,
    POLICY,
    WORKER,
    YEAR,
    appoint,
    decide,
    freeze,
    given_round,
    lift,
    nominate,
    nominate_worker,
    nomination_id,
    object_to,
    opened_vault,
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

NAMES = (*EMPLOYERS, "worker")
names = st.sampled_from(NAMES)
panelists = st.sampled_from(PANEL)
SEATS = 3


class AnyRound(RuleBasedStateMachine):
    """Commands of all kinds, in any order and on any day; what is refused must change nothing."""

    round: Round
    today: date
    reached = 0

    @property
    def by(self) -> By:
        return By(today=self.today)

    def tried(self, command: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether a command was taken."""
        before = self.round.version
        try:
            command(*args, **kwargs)
        except CaseworkError:
            assert self.round.version == before
            return False
        return True

    @initialize(
        mode=st.sampled_from(["total_30_equal", "per_kind_30", "persons_outside"]), state=st.sampled_from(STATES)
    )
    def opening(self, mode: Any, state: str) -> None:
        """Begin in some state, since chance alone seldom leads far."""
        selection = replace(POLICY.selection, seats=SEATS, quota=mode)
        self.round = given_round(state, policy=replace(POLICY, selection=selection))
        self.today = DAYS[state]

    @rule(days=st.sampled_from([0, 1, 4, 7, 31]))
    def wait(self, days: int) -> None:
        self.today += timedelta(days)

    @rule(points=st.tuples(*[st.integers(60, 100)] * len(PANEL)), seats=st.integers(0, 3))
    def go_on(self, points: tuple[int, ...], seats: int) -> None:
        """Do what an office would do next, so that stories reach the end."""
        state = self.round.state_on(self.today)
        if state in ("draft", "checking") and not self.round.nominations:
            self.today = max(self.today, date(YEAR, 10, 1))
        elif state == "nominating" and len(self.round.nominations) >= 2:
            self.today = date(YEAR, 11, 1)
        elif state == "checking":
            for name in NAMES:
                self.decide(name, True)
            for panelist in PANEL:
                self.appoint(panelist)
            self.freeze()
        elif state in ("frozen", "reviewing"):
            for name in NAMES:
                for panelist, given in zip(PANEL, points, strict=True):
                    self.score(name, panelist, given)
            self.reveal()
            self.rank(seats)
        elif state == "ranked":
            self.publish()
        elif state == "notice":
            self.today += timedelta(7)
            self.finalise()
        elif state == "finalised":
            self.sign("HRSS")
            self.sign("PFP")

    @rule(name=names)
    def nominate(self, name: str) -> None:
        if name == "worker":
            self.tried(nominate_worker, self.round, by=self.by)
        else:
            self.tried(nominate, self.round, name, by=self.by)

    @rule(name=names)
    def withdraw(self, name: str) -> None:
        fields: dict[str, Any] = {"nominator": unit("IIT").id, "reason": "nominator_decided"}
        self.tried(self.round.withdraw_nomination, self.by, nomination_id=nomination_id(name), **fields)

    @rule(name=names, eligible=st.booleans())
    def decide(self, name: str, eligible: bool) -> None:
        self.tried(decide, self.round, name, eligible=eligible, by=self.by)

    @rule(name=names)
    def veto(self, name: str) -> None:
        self.tried(veto, self.round, name, by=self.by)

    @rule(name=names)
    def lift(self, name: str) -> None:
        self.tried(lift, self.round, name, by=self.by)

    @rule(panelist=panelists)
    def appoint(self, panelist: str) -> None:
        self.tried(appoint, self.round, panelist, by=self.by)

    @rule(name=names, panelist=panelists)
    def recuse(self, name: str, panelist: str) -> None:
        self.tried(self.round.declare_recusal, self.by, nomination_id=nomination_id(name), panelist=panelist)

    @rule()
    def freeze(self) -> None:
        self.tried(freeze, self.round, by=self.by)

    @rule(name=names, panelist=panelists, points=st.integers(60, 100))
    def score(self, name: str, panelist: str, points: int) -> None:
        self.tried(score, self.round, name, panelist, points, by=self.by)

    @rule()
    def reveal(self) -> None:
        self.tried(self.round.reveal_scores, self.by, scores=opened_vault(self.round))

    @rule(seats=st.integers(0, 4))
    def rank(self, seats: int) -> None:
        rows = ranking(self.round, seats=dict.fromkeys(self.round.begun.kinds, seats))
        self.tried(rank, self.round, rows, by=self.by)

    @rule()
    def publish(self) -> None:
        self.tried(publish, self.round, by=self.by, notice_to=self.today + timedelta(6))

    @rule(name=names)
    def object(self, name: str) -> None:
        self.tried(object_to, self.round, name, by=self.by)

    @rule(name=names, upheld=st.booleans())
    def resolve(self, name: str, upheld: bool) -> None:
        self.tried(resolve, self.round, name, upheld=upheld, by=self.by)

    @rule(name=names, reason=st.sampled_from(["veto", "objection_upheld", "declined"]))
    def remove(self, name: str, reason: str) -> None:
        self.tried(self.round.remove_candidate, self.by, nomination_id=nomination_id(name), reason=reason)

    @rule(name=names, other=names)
    def promote(self, name: str, other: str) -> None:
        ids = {"nomination_id": nomination_id(name), "in_place_of": nomination_id(other)}
        notice_to = self.today + timedelta(6) if self.round.published else None
        self.tried(self.round.promote_reserve, self.by, consenting={WORKER}, notice_to=notice_to, **ids)

    @rule()
    def finalise(self) -> None:
        self.tried(self.round.finalise, self.by, consenting={WORKER})

    @rule(bureau=st.sampled_from(["HRSS", "PFP", "EDUB"]))
    def sign(self, bureau: str) -> None:
        if self.tried(sign, self.round, bureau, by=self.by):
            assert bureau != "EDUB"

    @rule(name=names, bureau=st.sampled_from(["HRSS", "PFP"]))
    def revoke(self, name: str, bureau: str) -> None:
        self.tried(revoke, self.round, name, bureau, by=self.by)

    @rule()
    def close(self) -> None:
        self.tried(self.round.close, self.by)

    @precondition(lambda self: self.round.version % 7 == 3)
    @rule()
    def cancel(self) -> None:
        if self.tried(self.round.cancel, self.by, reason="defect"):
            self.reached = -1

    @invariant()
    def the_state_only_goes_forward(self) -> None:
        state = self.round.state_on(self.today)
        assert (state == CANCELLED) == (self.reached < 0)
        if state != CANCELLED:
            assert STATES.index(state) >= self.reached
            self.reached = STATES.index(state)

    @invariant()
    def nobody_is_listed_who_may_not_be(self) -> None:
        listed = [self.round.nominations[each] for each in self.round.listed]
        assert len({each.id for each in listed}) == len(listed)
        units = [each for each in listed if each.submitted.unit_id]
        most = {"total_30_equal": len(listed), "persons_outside": len(units), "per_kind_30": len(units)}
        if listed:
            assert most[self.round.begun.quota.mode] <= SEATS
        for each in listed:
            assert each.ranked is not None
            assert each.ranked.final >= 7000
            assert each.removed_reason is None

    @invariant()
    def nobody_is_commended_who_may_not_be(self) -> None:
        if self.round.commended is None:
            return
        final = self.round.finalised
        assert final is not None
        assert self.round.commended.listed == final.listed
        assert set(self.round.signed) == {"HRSS", "PFP"}
        for each in (self.round.nominations[one] for one in final.listed):
            assert not each.standing_vetoes
            assert not each.open_objections
            assert not each.was_objected_rightly

    @invariant()
    def sealed_scores_are_in_no_event(self) -> None:
        if not self.round.are_scores_open:
            assert not any(each.scores for each in self.round.nominations.values())

    def teardown(self) -> None:
        again = replayed(self.round)
        assert again.listed == self.round.listed
        assert again.state_on(self.today) == self.round.state_on(self.today)
        assert {id: vars(each) for id, each in again.nominations.items()} == {
            id: vars(each) for id, each in self.round.nominations.items()
        }


TestEveryStory = cast("Any", AnyRound).TestCase
TestEveryStory.settings = settings(max_examples=300, stateful_step_count=40, deadline=None, derandomize=True)


@pytest.mark.parametrize(("seats", "state"), [(2, "commended"), (3, "reviewing")])
def test_a_story_that_only_goes_on_reaches_the_end_unless_it_has_too_many_seats(seats: int, state: str):
    """The machine is not one that refuses everything: of three seats two kinds may have two and one."""
    machine = AnyRound()
    machine.opening(mode="total_30_equal", state="nominating")

    for _ in range(8):
        machine.go_on(points=(90, 80, 85, 70, 95), seats=seats)

    assert machine.round.state_on(machine.today) == state
