"""An entry that never was: the household is what its other entries tell, at every date."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from casework.domain.aggregate import Recorded
from casework.domain.events.corrections import EntryVoided
from casework.domain.household import Household, fold
from casework.domain.residence import By
from casework.domain.restricted import is_restricted_event
from casework.errors import Refused
from tests.domain.given import (
    ADULTS,
    DAY,
    LATER,
    Phrase,
    answered,
    arrived,
    born,
    cleared,
    closed,
    corrected,
    corrected_facts,
    count,
    day,
    delivered,
    died,
    ended,
    given,
    given_household,
    headed_by,
    joined,
    left,
    moved,
    named,
    needs,
    person,
    referred,
    refusal,
    renewed,
    requested,
    seen,
    started,
    stopped,
    told,
    voided,
    voided_entry,
    when,
    works,
)
from tests.domain.test_moving_member import move

ZHAO = person("zhao", "1985-01")
STORIES: dict[str, tuple[list[Phrase], Phrase]] = {
    "seen": ([], seen(on="2013-02-01")),
    "moved": ([], moved()),
    "joined": ([], joined(ZHAO)),
    "born": ([], born(mother="wang")),
    "left": ([joined(ZHAO, "2012-02-01")], left("zhao", "2013-04-01")),
    "died": ([works("wang"), *given("SSI-CARD", "wang")], died("wang", "2013-04-01")),
    "head": ([], headed_by("wang")),
    "facts": ([], told(migrant=False)),
    "corrected": ([], corrected_facts("li", "relation", "other_relative", "head")),
    "works": ([], works()),
    "stopped": ([works()], stopped(to="2013-04-01")),
    "need": ([], needs("JOB")),
    "cleared": ([needs("JOB")], cleared("JOB", on="2013-04-01")),
}


def content(household: Household) -> dict[str, Any]:
    """All that a household remembers, apart from how it came to that."""
    return {k: v for k, v in vars(household).items() if k not in ("version", "entries", "voided_entries", "pending")}


@pytest.mark.parametrize("name", STORIES)
def test_the_household_is_what_its_other_entries_tell(name: str):
    before, entry = STORIES[name]
    after = [delivered("COM-VISIT", on="2013-05-01"), *given("HLT-REC", on="2013-05-02")]
    never = given_household(arrived(*ADULTS), *before, *after)
    household = given_household(arrived(*ADULTS), *before, entry, *after)
    version = 2 + len(before)
    assert content(household) != content(never)

    [event] = when(household, voided_entry(version, on="2013-06-01"))

    assert event == EntryVoided(occurred_on=day("2013-06-01"), voids=version, reason="never_happened")
    assert household.voided_entries == {version: household.version}
    assert without_versions(content(household)) == without_versions(content(never))


def without_versions(value: Any) -> Any:
    """Places in the stream differ by the entry that was left out."""
    if hasattr(value, "__struct_fields__"):
        return {n: without_versions(getattr(value, n)) for n in value.__struct_fields__ if n != "version"}
    if isinstance(value, dict):
        return {key: without_versions(each) for key, each in value.items()}
    if isinstance(value, tuple) and len(value) == 3:
        return value[0], value[2]
    return [without_versions(each) for each in value] if isinstance(value, list) else value


def test_every_fold_leaves_it_out_once_it_is_known_and_not_before():
    household = given_household(arrived(*ADULTS), joined(ZHAO), seen(), voided_entry(2), needs("JOB"))
    recorded = [Recorded(household.id, v, event) for v, event in enumerate(household.entries, 1)]

    folded, before = fold(None, recorded), fold(None, recorded[:3])

    assert folded is not None
    assert before is not None
    assert vars(folded) == vars(household)
    assert (len(before.members), len(folded.members)) == (3, 2)


def test_several_entries_are_left_out_one_after_the_other():
    household = given_household(moved(), moved("410105001001", on="2013-04-01"), seen())

    when(household, voided_entry(3), voided_entry(2))

    assert household.community == "410105001001"
    assert [version for version, _ in enumerate(household.entries, 1)] == [1, 2, 3, 4, 5, 6]
    assert household.voided_entries == {3: 5, 2: 6}


RESTING: dict[str, tuple[int, list[Phrase]]] = {
    "who came by it needs something": (2, [joined(ZHAO), needs("JOB", "zhao")]),
    "who came by it works": (2, [joined(ZHAO), works("zhao")]),
    "who came by it is told of": (2, [joined(ZHAO), told("zhao", education="college")]),
    "who came by it is corrected": (2, [joined(ZHAO), corrected_facts("zhao", "sex", "male", "female")]),
    "who came by it is given something": (2, [joined(ZHAO), delivered("CUL-FIT", "zhao")]),
    "who came by it asks for something": (2, [joined(ZHAO), requested("SSI-CARD", "zhao")]),
    "who came by it leads": (2, [joined(ZHAO), headed_by("zhao")]),
    "who came by it left": (2, [joined(ZHAO), left("zhao", "2013-04-01")]),
    "who came by it leads after the other left": (
        2,
        [joined(ZHAO), left("li", "2013-04-01", new_head=named("zhao"))],
    ),
    "who came by it alone stayed": (2, [joined(ZHAO), died("wang"), left("li", new_head=named("zhao"))]),
    "who came by it bore a child": (2, [joined(person("wu", sex="female")), born(mother="wu")]),
    "a job that ended": (2, [works(), stopped(to="2013-04-01")]),
    "a need that was cleared": (2, [needs("JOB"), cleared("JOB")]),
    "a need that was assessed anew": (3, [needs("JOB"), cleared("JOB"), needs("JOB", id="again")]),
    "a move that another went on from": (2, [moved(), moved("410105001001", on="2013-04-01")]),
    "a departure after which they came again": (2, [left("wang"), joined(ADULTS[1], on="2013-05-01")]),
    "a head after whom another left": (2, [headed_by("wang"), left("li", "2013-04-01")]),
    "a fact that was corrected": (2, [told(education="college"), corrected_facts("li", "education", "college", None)]),
    "a death whose ending of a service was corrected": (
        4,
        [*given("SSI-CARD", "wang"), died("wang"), corrected("SSI-CARD", "ended_on", DAY, "2013-03-05")],
    ),
}


@pytest.mark.parametrize("name", RESTING)
def test_an_entry_that_a_later_one_rests_on_is_not_voided(name: str):
    version, phrases = RESTING[name]
    household = given_household(arrived(*ADULTS), *phrases)
    before = dict(vars(household))

    with pytest.raises(Refused, match="rests on this one") as refused:
        when(household, voided_entry(version))

    assert refused.value.code == "entry-relied-on"
    assert version < refused.value.values["entry"] <= household.version
    assert vars(household) == before


def test_an_employment_is_voided_from_its_end():
    household = given_household(works(), stopped(to="2013-04-01"))

    when(household, voided_entry(3), voided_entry(2))

    assert household.employments == {}


def test_a_service_asked_for_because_of_a_need_stays_as_it_was_decided():
    household = given_household(needs("TRAINING"), requested("EMP-TRAIN", at="school", override=None))

    assert refusal(household, voided_entry(2)) is None


def test_what_others_decided_hinders_nothing():
    household = given_household(
        *(seen(), *given("LIV-DIBAO"), requested("SSI-CARD"), referred("SSI-CARD"), ended("LIV-DIBAO")),
    )
    when(household, answered("SSI-CARD"), by=LATER._replace(bureau="CIV"))
    when(
        household,
        *(delivered("COM-VISIT"), *given("EMP-START"), started("EMP-START"), voided("EMP-START")),
        *(*given("SSI-MED"), renewed("SSI-MED", "2013-04-01", paid_through="2013-05")),
    )

    assert refusal(household, voided_entry(2)) is None


def test_the_last_member_stays():
    household = given_household(died("li"), joined(ZHAO, on="2013-05-01"))

    assert refusal(household, voided_entry(3)) == "last-member"


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        (1, "entry-not-voidable"),
        (2, "entry-not-voidable"),
        (4, "entry-not-voidable"),
        (3, "voided"),
        (0, "entry-unknown"),
        (5, "entry-unknown"),
    ],
)
def test_only_what_stands_and_is_no_service_is_voided(version: int, rule: str):
    household = given_household(requested("SSI-CARD"), seen(), voided_entry(3))

    assert refusal(household, voided_entry(version)) == rule


def test_a_closed_household_is_left_as_it_is():
    settled = given_household(seen(), closed("gained_local_hukou", on="2013-04-01"))

    assert refusal(settled, voided_entry(2, on="2013-05-01")) == "household-closed"
    assert refusal(settled, corrected_facts("li", "sex", "male", "female", on="2013-05-01")) == "household-closed"


def test_a_move_between_households_is_moved_back():
    source = given_household(arrived(*ADULTS), told("wang", education="college"))
    target, _ = move(source)

    assert refusal(source, voided_entry(3)) == "entry-of-two-households"
    assert refusal(target, voided_entry(2)) == "entry-of-two-households"
    assert refusal(source, voided_entry(2)) == "moved-with-person"


def test_a_month_of_birth_that_was_corrected_is_corrected_again():
    household = given_household(corrected_facts("li", "birth_month", "1980-03", "1980-04"))

    assert refusal(household, voided_entry(2)) == "entry-with-profile"


def test_who_was_not_told_long_ago_is_not_untold_without_a_supervisor():
    clerk, chief = By(today=date(2013, 6, 1)), By(today=date(2013, 6, 1), supervisor=True)
    long_ago, lately = "2012-04-26", "2012-04-27"  # 401 and 400 days

    for name in ("seen", "moved", "left", "died", "head"):
        before, (command, fields) = STORIES[name]
        own_date = next(iter(fields))
        at = {
            on: given_household(arrived(*ADULTS), *before, Phrase(command, {**fields, own_date: day(on)}))
            for on in (long_ago, lately)
        }
        void = voided_entry(2 + len(before), on="2013-06-01")
        assert refusal(at[long_ago], void, by=clerk) == "back-dated-too-far"
        assert refusal(at[lately], void, by=clerk) is None
        assert refusal(at[long_ago], void, by=chief) is None
    for phrase in (needs("JOB", on=long_ago), joined(ZHAO, on=long_ago), works(since=long_ago)):
        assert refusal(given_household(phrase), voided_entry(2, on="2013-06-01"), by=clerk) is None
    assert refusal(given_household(seen()), voided_entry(2, on="2013-06-02"), by=clerk) == "date-in-future"


@pytest.mark.parametrize(
    ("phrases", "restricted"),
    [
        ([needs("PSYCH"), voided_entry(2)], True),
        ([needs("PSYCH"), cleared("PSYCH"), voided_entry(3)], True),
        ([needs("JOB"), voided_entry(2)], False),
        ([told(disability="visual"), voided_entry(2)], True),
        ([told(education="college"), voided_entry(2)], False),
        ([corrected_facts("li", "disability", None, "visual")], True),
        ([corrected_facts("li", "pregnancy.from", None, "2012-02-01")], True),
        ([corrected_facts("li", "education", None, "college")], False),
    ],
)
def test_what_corrects_or_voids_something_restricted_is_restricted(phrases: list[Phrase], restricted: bool):
    household = given_household(*phrases)

    assert is_restricted_event(household.entries[-1], household) is restricted


def test_counts_are_those_of_a_household_that_never_had_the_entry():
    household = given_household(works("li", since="2012-02-01"), needs("HOUSING", on="2012-02-01"))
    assert count(household, "CIT3", "2012-06-01") == (0, 1)

    when(household, voided_entry(3))

    assert [count(household, "CIT3", on) for on in ("2012-06-01", "2013-06-01")] == ["not_applicable"] * 2
    assert count(household, "WRK1", "2012-06-01") == (0, 1)
