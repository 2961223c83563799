"""Transfers on a real log: one office asks, the other answers, and both households change at once or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.ids import partition_of
from casework.errors import CaseworkError, ClaimTaken, NotFound, Refused
from casework.log import reading
from casework.outcome import Context
from casework.privacy.id_number import synthetic_id_number
from casework.privacy.persons import Profile
from casework.projections.comparing import compare
from casework.projections.engine import Engine
from casework.projections.sets import create, ensure_live, kept
from tests.given import OTHER_COMMUNITY, by, casework_on, person, registered
from tests.test_regrouping import at_once

TEN_TH = date(2013, 10, 10)
NUMBER = synthetic_id_number(date(1982, 5, 5), "female", 1)
ROOT = Path(__file__).parents[1]
LAPSED = datetime(2013, 11, 20, 4, 0, tzinfo=UTC)


def here(key: str | None = None, role: str = "caseworker", **more: Any) -> Context:
    """Of the office that asks."""
    return by(role, key, divisions=frozenset({OTHER_COMMUNITY}), **more)


def there(key: str | None = None, role: str = "caseworker", **more: Any) -> Context:
    """Of the office that holds."""
    return by(role, key, divisions=frozenset({"410105"}), **more)


@dataclass
class Two:
    """A couple's household there, and one household here."""

    casework: Casework
    old: UUID
    head: UUID
    spouse: UUID
    new: UUID

    def ask(self, context: Context | None = None, **more: Any) -> UUID:
        who: dict[str, Any] = {} if "person_id" in more else {"id_number": NUMBER}
        where: dict[str, Any] = {} if "to_community" in more else {"to_household": self.new}
        return self.casework.ask_transfer(context or here("ask"), **{**who, **where, **more}).id

    def accept(self, transfer_id: UUID, context: Context | None = None, **more: Any) -> Any:
        return self.casework.accept_transfer(context or there(), transfer_id=transfer_id, accepted_on=TEN_TH, **more)

    def decline(self, transfer_id: UUID, context: Context | None = None) -> Any:
        return self.casework.decline_transfer(
            context or there(), transfer_id=transfer_id, declined_on=TEN_TH, reason="still_here"
        )

    def people(self, household_id: UUID) -> set[UUID]:
        return {member.person_id for member in self.casework.household(household_id).members}

    def holder(self, person_id: UUID) -> UUID | None:
        with self.casework.pool.connection() as db:
            return self.casework.persons.holders(db, [person_id]).get(person_id)

    def state(self, transfer_id: UUID) -> str:
        return self.casework.seen_transfer(transfer_id, frozenset()).state


@pytest.fixture
def casework(database_url: str, tmp_path: Path) -> Iterator[Casework]:
    yield from casework_on(database_url, tmp_path / "keys")


@pytest.fixture
def two(casework: Casework) -> Two:
    old = registered(casework, person(), person("李四", "1982-05-05", "female", "spouse", id_number=NUMBER))
    head, spouse = old.events[0]["person_ids"]
    member = person("王五", "1975-01-01")
    new = casework.register_household(
        here(), arrived_on=date(2013, 2, 1), community=OTHER_COMMUNITY, head=member[0].person_id, members=[member]
    )
    return Two(casework, old.id, head, spouse, new.id)


def code(act: Any) -> str:
    try:
        act()
    except CaseworkError as error:
        return error.errors[0].code if error.errors else error.code
    return "done"


def test_who_is_held_by_another_office_is_refused_as_such_and_by_ones_own_as_taken(two: Two):
    twin = person("李四", "1982-05-05", "female", id_number=NUMBER)
    fields: dict[str, Any] = {"arrived_on": TEN_TH, "head": twin[0].person_id, "members": [twin]}

    def arrive(context: Context, community: str) -> str:
        return code(lambda: two.casework.register_household(context, community=community, **fields))

    assert arrive(here(), OTHER_COMMUNITY) == "held-elsewhere"
    assert arrive(there(), "410105001001") == "claim-taken"
    assert arrive(by(divisions=frozenset({"4101"})), OTHER_COMMUNITY) == "claim-taken"
    assert code(
        lambda: two.casework.add_member(two.new, here(), joined_on=TEN_TH, member=twin[0], profile=twin[1])
    ) == ("held-elsewhere")


def test_a_person_goes_over_with_all_that_is_theirs(two: Two):
    casework = two.casework
    asked = {"service": "SSI-CARD", "person_id": two.spouse, "requested_on": date(2013, 3, 1)}
    episode = casework.give(two.old, "request_service", there(), **asked).events[0]["episode_id"]
    transfer = two.ask(relation="sibling")

    outcome = two.accept(transfer)

    assert (outcome.id, len(outcome.events)) == (two.old, 2)
    assert outcome.position.count(":") == len({partition_of(two.old), partition_of(two.new)})
    assert (two.people(two.old), two.spouse in two.people(two.new)) == ({two.head}, True)
    there_now = casework.household(two.new)
    assert (there_now.people[two.spouse].relation, list(there_now.episodes)) == ("sibling", [episode])
    assert (two.holder(two.spouse), two.state(transfer)) == (two.new, "accepted")
    assert casework.unanswered_transfers(frozenset()) == []
    with pytest.raises(ClaimTaken):
        registered(casework, person("李四", "1982-05-05", "female", id_number=NUMBER))


def test_who_lives_alone_goes_with_the_whole_file(two: Two):
    two.casework.remove_member(
        two.old, there(), person_id=two.head, left_on=TEN_TH, reason="left_city", new_head=two.spouse
    )
    two.casework.give(two.old, "record_need", there(), need="HOUSING", result="present", assessed_on=date(2013, 10, 10))

    two.accept(two.ask())

    assert two.casework.household(two.old).merged_into == two.new
    assert two.casework.household(two.new).needs_of[("HOUSING", None)]
    assert two.holder(two.spouse) == two.new


def test_a_person_alone_founds_a_household_in_the_asking_community(two: Two):
    transfer = two.ask(to_community=OTHER_COMMUNITY)

    outcome = two.accept(transfer, there("accept"))

    new = next(event["new_household"] for event in outcome.events if "new_household" in event)
    assert (two.people(two.old), two.people(new), two.holder(two.spouse)) == ({two.head}, {two.spouse}, new)
    assert two.casework.seen_transfer(transfer, frozenset()).transfer.moved_to == new
    assert (two.casework.household(new).community, two.casework.household(new).head) == (OTHER_COMMUNITY, two.spouse)


def test_a_whole_household_moves_to_the_asking_community(two: Two):
    two.accept(two.ask(to_community=OTHER_COMMUNITY, whole_household=True))

    old = two.casework.household(two.old)
    assert (old.community, len(old.members), two.holder(two.spouse)) == (OTHER_COMMUNITY, 2, two.old)
    assert code(lambda: two.ask(here("more"))) == "transfer-not-needed"


def test_a_head_is_handed_over_where_another_is_named(two: Two):
    transfer = two.ask(person_id=two.head)

    assert code(lambda: two.accept(transfer)) == "new-head-needed"
    two.accept(transfer, new_head=two.spouse)

    assert (two.casework.household(two.old).head, two.holder(two.head)) == (two.spouse, two.new)


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"context": there("ask"), "to_community": "410105001001"}, "transfer-not-needed"),
        ({"context": by(key="ask")}, "transfer-not-needed"),
        ({"to_community": "410105001001"}, "community-not-yours"),
        ({"person_id": UUID(int=7)}, "transfer-nobody"),
        ({"id_number": synthetic_id_number(date(1990, 1, 1), "male", 9)}, "transfer-nobody"),
        ({"id_number": "41999919820505002"}, "id-number-format"),
    ],
)
def test_what_is_not_asked_for(two: Two, more: dict[str, Any], refused: str):
    def ask() -> None:
        fields: dict[str, Any] = {"id_number": NUMBER, "to_household": two.new} | {
            k: v for k, v in more.items() if k != "context"
        }
        if "person_id" in more:
            del fields["id_number"]
        if "to_community" in more:
            del fields["to_household"]
        two.casework.ask_transfer(more.get("context") or here("ask"), **fields)

    assert code(ask) == refused


def test_one_asks_for_a_household_of_ones_own(two: Two):
    assert code(lambda: two.casework.ask_transfer(here("a"), id_number=NUMBER, to_household=two.old)) == "not-found"
    two.casework.close_household(two.new, here(), closed_on=TEN_TH, reason="left_city")
    assert code(lambda: two.ask()) == "household-closed"


def test_an_ask_given_again_answers_the_same_also_when_all_is_done(two: Two):
    first = two.ask(here("ask"))
    assert two.ask(here("ask")) == first
    two.accept(first)

    assert two.ask(here("ask")) == first
    assert len(two.casework.household(two.old).transfers) == 1


def test_an_answer_given_again_answers_the_same(two: Two):
    transfer = two.ask()

    first, again = two.accept(transfer, there("yes")), two.accept(transfer, there("yes"))

    assert (again.position, again.events) == (first.position, first.events)


@pytest.mark.parametrize("times", range(10))
def test_of_two_answers_at_once_one_stands(two: Two, times: int):
    transfer = two.ask()

    answers = at_once(
        lambda: two.accept(transfer, there("yes")),
        lambda: two.decline(transfer, there("no")),
        lambda: two.accept(transfer, there("yes too")),
    )

    assert sorted(answers) == ["done", "transfer-answered", "transfer-answered"]
    home = two.new if answers[1] != "done" else two.old
    assert (two.holder(two.spouse), two.spouse in two.people(home)) == (home, True)
    assert (two.spouse in two.people(two.old)) + (two.spouse in two.people(two.new)) == 1


def test_of_two_asks_at_once_for_one_community_one_stands_and_the_same_one_counts_once(two: Two):
    answers = at_once(*(lambda key=key: two.ask(here(key)) for key in ("a", "b", "c")))
    same = at_once(*[lambda: two.ask(here("d"), person_id=two.head)] * 3)

    assert sorted(answers) == ["done", "transfer-waits", "transfer-waits"]
    assert same == ["done"] * 3
    assert len(two.casework.household(two.old).transfers) == 2


def test_an_acceptance_and_a_departure_at_once_leave_one_place(two: Two):
    transfer = two.ask()

    answers = at_once(
        lambda: two.accept(transfer, there("yes")),
        lambda: two.casework.remove_member(
            two.old, there("gone"), person_id=two.spouse, left_on=TEN_TH, reason="left_city"
        ),
    )

    assert sorted(answers) in (["done", "person-not-a-member"],)
    assert two.holder(two.spouse) == (two.new if answers[0] == "done" else None)


def test_what_lapsed_is_decided_by_a_supervisor_of_both_or_asked_again(two: Two):
    first = two.ask()
    two.casework.now = lambda: LAPSED

    assert two.state(first) == "lapsed"
    assert code(lambda: two.accept(first)) == "transfer-lapsed"
    assert code(lambda: two.accept(first, there(role="supervisor"))) == "transfer-lapsed"
    assert code(lambda: two.accept(first, by(divisions=frozenset({"4101"})))) == "transfer-lapsed"
    second = two.ask(here("again"))
    assert {seen.state for seen in two.casework.unanswered_transfers(frozenset())} == {"open", "lapsed"}
    two.accept(first, by("supervisor", divisions=frozenset({"4101"})))
    assert (two.holder(two.spouse), two.state(second)) == (two.new, "over")


def test_whom_a_request_asked_stays_told_where_the_whole_file_went_over(two: Two):
    transfer = two.ask(to_community=OTHER_COMMUNITY, whole_household=True)

    two.accept(transfer)

    for divisions, expected in (({"410105"}, (True, False)), ({OTHER_COMMUNITY}, (False, True))):
        seen = two.casework.seen_transfer(transfer, frozenset(divisions))
        assert (seen.is_asked_of_us, seen.is_asked_by_us) == expected


def test_a_request_is_there_for_its_two_offices_alone(two: Two):
    transfer = two.ask()

    def seen(*divisions: str) -> tuple[bool, bool] | str:
        try:
            found = two.casework.seen_transfer(transfer, frozenset(divisions))
        except NotFound:
            return "not-found"
        listed = two.casework.unanswered_transfers(frozenset(divisions))
        assert [each.transfer.transfer_id for each in listed] == [transfer]
        return found.is_asked_of_us, found.is_asked_by_us

    assert seen("410105") == (True, False)
    assert seen(OTHER_COMMUNITY) == (False, True)
    assert seen("4101") == (True, True)
    assert seen("410106") == "not-found"
    assert two.casework.unanswered_transfers(frozenset({"410106"})) == []
    assert code(lambda: two.accept(transfer, here())) == "not-found"
    assert code(lambda: two.decline(transfer, here())) == "not-found"
    assert code(lambda: two.accept(UUID(int=5))) == "not-found"


def test_what_came_in_between_refuses_by_its_rule(two: Two):
    transfer, of_head = two.ask(), two.ask(here("head"), person_id=two.head)
    two.casework.record_death(two.old, there(), person_id=two.spouse, died_on=TEN_TH)
    two.casework.close_household(two.new, here(), closed_on=TEN_TH, reason="left_city")

    assert code(lambda: two.accept(transfer)) == "person-not-a-member"
    assert code(lambda: two.accept(of_head)) == "transfer-target-closed"
    assert [two.state(each) for each in (transfer, of_head)] == ["over", "open"]
    two.decline(transfer)


def test_a_merge_elsewhere_leaves_the_request_behind(two: Two):
    transfer = two.ask()
    other = registered(two.casework, person("赵六", "1970-01-01"))
    two.casework.merge_households(other.id, there(), merged_on=TEN_TH, from_household=two.old)

    assert (two.state(transfer), code(lambda: two.accept(transfer))) == ("over", "household-merged-away")
    two.accept(two.ask(here("again")))
    assert two.holder(two.spouse) == two.new


def test_views_made_anew_are_those_that_were_kept(two: Two):
    casework, engine = two.casework, Engine(two.casework.pool, today=lambda: two.casework.today)
    with casework.pool.connection() as db:
        ensure_live(db)
    drain(engine)
    transfer, waiting = two.ask(), two.ask(here("head"), person_id=two.head, to_community=OTHER_COMMUNITY)
    drain(engine)
    two.accept(transfer)
    drain(engine)

    with casework.pool.connection() as db:
        create(db, "2013.1")
    while engine.fill():
        pass
    with casework.pool.connection() as db:
        live, fresh = kept(db)
        items = db.execute(
            f"SELECT record_id, kind, closes FROM {fresh.name}.worklist WHERE kind = 'transfer'"
        ).fetchall()
    compared = compare(engine, live, fresh)

    assert (compared.all_rows, compared.differences) == (True, [])
    assert items == [(waiting, "transfer", "transfers.accept")]


def drain(engine: Engine) -> None:
    while engine.drain():
        pass


RELEASE = """
import sys
from uuid import UUID
from casework.config import Settings
from tests.given import casework_on
from tests.test_transferring import TestWrongIdNumbers, Two

settings = Settings.from_env()
for casework in casework_on(settings.database_url, settings.keys_dir):
    home, spouse = map(UUID, sys.argv[1:])
    TestWrongIdNumbers().release(Two(casework, home, spouse, spouse, home))
"""


class TestWrongIdNumbers:
    """An ID number was somebody else's: it is released, and they can be registered."""

    OWNER = person("李四四", "1982-05-05", "female", id_number=NUMBER)

    def release(self, two: Two, key: str = "release", **more: Any) -> Any:
        return two.casework.release_id_number(
            two.old,
            there(key, "supervisor"),
            person_id=two.spouse,
            released_on=TEN_TH,
            reason="somebody_elses_number",
            evidence_ref="公安核查 2013-77",
            **more,
        )

    def arrive(self, two: Two) -> str:
        return code(lambda: registered(two.casework, self.OWNER))

    def tell(self, two: Two, **profile: Any) -> None:
        facts = person()[0].facts
        two.casework.record_member_facts(
            two.old, there(), person_id=two.spouse, recorded_on=TEN_TH, facts=facts, profile=profile
        )

    def numbers(self, two: Two) -> set[str]:
        """What any profile holds, earlier ones too."""
        with two.casework.pool.connection() as db:
            return two.casework.persons.numbers(db, two.spouse)

    def profile(self, two: Two) -> Profile:
        with two.casework.pool.connection() as db:
            profile = two.casework.persons.profile(db, two.spouse)
        assert profile is not None
        return profile

    def test_its_owner_is_registered_and_who_had_it_keeps_their_history(self, two: Two):
        before = two.casework.household(two.old).people[two.spouse]
        assert self.arrive(two) == "claim-taken"

        outcome = self.release(two)

        assert [event["type"] for event in outcome.events] == ["household.id-number-released.v1"]
        assert (self.profile(two).id_number, self.profile(two).name) == (None, "李四")
        assert self.arrive(two) == "done"
        after = two.casework.household(two.old).people[two.spouse]
        assert (after.spells, after.told, two.holder(two.spouse)) == (before.spells, before.told, two.old)
        with two.casework.pool.connection() as db:
            revisions = two.casework.persons.vault.revisions(db, two.spouse)
            [event] = reading.timeline(db, two.old, after_version=1)
        assert [each.kind for each in revisions] == ["person", "evidence"]  # the earlier profile had the number
        assert revisions[1].fields == {"evidence_ref": "公安核查 2013-77"}
        assert (event.meta.role, event.meta.actor) == ("supervisor", "actor-1")

    @pytest.mark.parametrize("place", ["outdated", "forgotten", "appended"])
    def test_a_release_that_is_killed_is_whole_or_not_there(
        self, two: Two, database_url: str, tmp_path: Path, place: str
    ):
        self.tell(two, phone="13812345678")
        environ = {
            "CASEWORK_DATABASE_URL": database_url,
            "CASEWORK_KEYS_DIR": str(tmp_path / "keys"),
            "CASEWORK_FAULT": f"{place}=kill",
        }
        killed = subprocess.run(
            [sys.executable, "-c", RELEASE, str(two.old), str(two.spouse)],
            env={**os.environ, **environ},
            cwd=ROOT,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        done = place == "appended"
        assert (two.casework.household(two.old).version, self.numbers(two)) == ((3, set()) if done else (2, {NUMBER}))

        again = self.release(two)

        assert (again.changed, again.version, self.numbers(two)) == (True, 3, set())
        assert self.arrive(two) == "done"

    def test_a_number_that_was_taken_back_is_released_from_the_earlier_profiles(self, two: Two):
        self.tell(two, id_number=None)
        assert (self.profile(two).id_number, self.numbers(two)) == (None, {NUMBER})

        released, again = self.release(two), self.release(two, "again")

        assert (released.changed, again.changed, self.numbers(two)) == (True, False, set())

    def test_it_goes_from_a_record_that_was_made_one_with_theirs(self, two: Two):
        twin = person("李肆", "1982-05-20", "female", "other_relative", phone="13912345678")
        doubled = two.spouse
        two.casework.add_member(two.old, there(), joined_on=date(2013, 3, 1), member=twin[0], profile=twin[1])
        two.casework.remove_member(
            two.old, there(), person_id=doubled, left_on=TEN_TH, reason="registered_twice", same_as=twin[0].person_id
        )
        now = replace(two, spouse=twin[0].person_id)
        assert self.numbers(two) == self.numbers(now) == {NUMBER}

        self.release(now)

        assert self.numbers(two) == self.numbers(now) == set()
        with two.casework.pool.connection() as db:
            assert two.casework.persons.hashes.lookup(db, "id_number", NUMBER) == []
            profiles = two.casework.persons.profiles(db, [doubled, now.spouse])
        assert {id: profile.name for id, profile in profiles.items()} == {doubled: "李四", now.spouse: "李肆"}
        assert self.arrive(two) == "done"

    def test_a_second_release_changes_nothing(self, two: Two):
        first = self.release(two)

        assert (self.release(two).position, self.release(two, "again").changed) == (first.position, False)
        assert two.casework.household(two.old).version == 2

    def test_it_is_not_found_by_the_number_any_more(self, two: Two):
        def found() -> list[UUID]:
            with two.casework.pool.connection() as db:
                return two.casework.persons.hashes.lookup(db, "id_number", NUMBER)

        assert found() == [two.spouse]
        self.release(two)
        assert found() == []

    def test_who_had_it_can_be_told_the_right_one_and_not_this_one_again(self, two: Two):
        self.release(two)
        self.arrive(two)
        right = synthetic_id_number(date(1982, 5, 5), "female", 2)

        fields: dict[str, Any] = {"person_id": two.spouse, "recorded_on": TEN_TH, "facts": person()[0].facts}
        taken = code(
            lambda: two.casework.record_member_facts(two.old, there(), profile={"id_number": NUMBER}, **fields)
        )
        told = code(lambda: two.casework.record_member_facts(two.old, there(), profile={"id_number": right}, **fields))

        assert (taken, told, self.profile(two).id_number) == ("claim-taken", "done", right)

    def test_it_stays_released_over_a_split_a_merge_and_back(self, two: Two):
        self.release(two)
        split = two.casework.split_household(
            two.old, there(), split_on=TEN_TH, members={two.spouse: "head"}, head=two.spouse
        ).events[0]["new_household"]
        assert self.arrive(two) == "done"

        two.casework.merge_households(two.old, there(), merged_on=date(2013, 10, 11), from_household=split)
        two.casework.unmerge_households(two.old, there(), unmerged_on=date(2013, 10, 12), to_household=split)

        assert two.holder(two.spouse) == split

    def test_of_who_has_left_nothing_is_released(self, two: Two):
        two.casework.remove_member(two.old, there(), person_id=two.spouse, left_on=TEN_TH, reason="left_city")

        with pytest.raises(Refused, match="no longer a member"):
            self.release(two)
