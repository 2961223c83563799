"""The smallest sets of services for the next band: given in a sandbox they reach it, and fewer do not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import chain, combinations, islice
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.assessment import assess_present
from casework.domain.household import Household
from casework.domain.next_services import (
    MOST_SETS,
    NextServices,
    Step,
    next_services,
    possible_steps,
)
from casework.domain.policy import load_policy
from casework.domain.registry import Facts
from casework.domain.sandbox import Gift, Sandbox
from tests.domain.folded import folded
from tests.domain.given import MEI, arrived, day, given_household, granted, named, needs, person, requested, works
from tests.domain.given import given as served

POLICY = load_policy("2013.1")
BANDS = [name for name, _ in POLICY.bands]
LEVELS = {level.code: level for level in POLICY.levels}


def asked(household: Household, on: str, level: str) -> NextServices:
    return next_services(household, POLICY, day(on), Facts(), level)


def band_after(household: Household, on: date, facts: Facts, level: str, steps: Iterable[Step]) -> str:
    """The level's band once the services of some steps were given, by the household's own commands."""
    sandbox = Sandbox(household, POLICY, on, facts)
    for step in steps:
        for gift in step.gifts:
            sandbox.give(gift)
    return assess_present(sandbox.present()).levels[level].band


def reaches(band: str, wanted: str | None) -> bool:
    return band in BANDS and wanted is not None and BANDS.index(band) <= BANDS.index(wanted)


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**6), offset=st.integers(-200, 200))
def test_every_set_reaches_the_band_and_none_of_fewer_services_does(seed: int, offset: int):
    household, facts, as_of = folded(seed)
    on, random = as_of + timedelta(offset), Random(seed)

    for level in LEVELS:
        found = next_services(household, POLICY, on, facts, level)
        assert [each.score for each in found.sets] == sorted((each.score for each in found.sets), reverse=True)
        for each in found.sets:
            assert len(each.gifts) == found.size
            sandbox = Sandbox(household, POLICY, on, facts)
            for gift in each.gifts:
                sandbox.give(gift)
            stands = assess_present(sandbox.present()).levels[level]
            assert reaches(stands.band, found.next_band), (level, each)
            assert stands.score == each.score
        if found.next_band is not None and found.complete:
            steps = possible_steps(household, POLICY, on, facts, LEVELS[level])
            most = found.size if found.sets else 99
            sizes = range(min(len(steps) + 1, most))  # every step gives something
            tried = chain.from_iterable(combinations(steps, number) for number in sizes)
            fewer = [some for some in islice(tried, 20_000) if sum(len(step.gifts) for step in some) < most][:3000]
            for some in random.sample(fewer, min(len(fewer), 12)):
                assert not reaches(band_after(household, on, facts, level, some), found.next_band), some


def test_asking_changes_nothing():
    household = given_household(arrived(on="2013-01-01"))
    version, episodes = household.version, dict(household.episodes)

    asked(household, "2013-06-01", "city")

    assert (household.version, household.episodes, household.pending) == (version, episodes, [])


def test_sets_of_equal_score_follow_the_policy_and_the_household():
    couple = given_household(arrived(person("li"), person("wang", "1982-05", "female")))
    four = given_household(arrived(*(person(name) for name in ("li", "wang", "zhao", "sun"))))

    few, many = asked(couple, "2013-06-01", "city"), asked(four, "2013-06-01", "city")

    assert (few.band, few.next_band, few.size, few.complete, few.more) == ("D", "C", 3, True, False)
    assert [[step.indicator for step in each.steps] for each in few.sets] == [["CIT1", "CIT1", "CIT5"]] * 6
    assert [gift.person_id for gift in few.sets[0].gifts[:2]] == [named("li"), named("li")]
    assert {each.score for each in few.sets} == {5000}
    assert (len(many.sets), many.more, many.complete) == (MOST_SETS, True, True)


def test_a_file_and_an_offer_are_two_services_of_one_step():
    household = given_household(arrived(on="2013-01-01"))

    [step] = [
        step
        for step in possible_steps(household, POLICY, day("2013-06-01"), Facts(), LEVELS["community"])
        if step.indicator == "COM3"
    ]

    assert step.gifts == (Gift("FPL-FILE", named("li")), Gift("FPL-OFFER", named("li")))
    assert step.effect[list(LEVELS["community"].indicators).index("COM3")] == (1, 0)


def test_a_place_brings_the_question_whether_it_is_free_and_equal():
    household = given_household(arrived(MEI))

    [each] = asked(household, "2013-06-01", "school").sets

    assert [step.effect for step in each.steps] == [((1, 0), (0, 0), (1, 1))]
    assert each.score == 10000


def test_a_request_that_waits_is_granted_and_one_that_was_granted_is_not_offered_again():
    waits = given_household(arrived(on="2013-01-01"), requested("SSI-CARD", on="2013-05-01"))
    later = given_household(
        arrived(on="2013-01-01"),
        requested("SSI-CARD", on="2013-05-01"),
        granted("SSI-CARD", on="2013-05-02", valid_from="2013-09-01"),
    )

    def cards(household: Household) -> list[Step]:
        steps = possible_steps(household, POLICY, day("2013-06-01"), Facts(), LEVELS["city"])
        return [step for step in steps if step.indicator == "CIT2"]

    assert len(cards(waits)) == 1
    assert cards(later) == []


def test_what_no_service_meets_is_no_part_of_a_set():
    household = given_household(
        works(since="2012-06-01"), *served("EMP-CONTRACT", on="2012-07-01", at="acme"), needs("JOB", on="2012-08-01")
    )

    found = asked(household, "2013-06-01", "workplace")

    # WRK5 is the employer's, and of a job that was wanted a year ago no guidance counts any more.
    assert (found.band, found.next_band, found.sets, found.complete) == ("C", "B", [], True)


def test_the_best_band_has_no_next_one_and_what_does_not_apply_has_none():
    household = given_household(arrived(MEI), *served("EDU-COMP", "mei", on="2012-09-01", at="school", fee_free=True,
                                                      mixed_class=True, ownership="public"))  # fmt: skip

    assert (asked(household, "2013-06-01", "school").band, asked(household, "2013-06-01", "school").next_band) == (
        "A",
        None,
    )
    assert asked(household, "2013-06-01", "workplace").next_band is None
