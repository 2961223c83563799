"""`next_change_on` is never later than the first change, whatever the household (RULES B11)."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.assessment import assess, count
from casework.domain.indicators import INDICATORS
from casework.domain.policy import load_policy
from casework.domain.present import Present
from tests.domain.folded import folded
from tests.domain.given import (
    arrived,
    assessed,
    closed,
    day,
    given_household,
    joined,
    knowing,
    needs,
    person,
    seen,
    told,
)
from tests.domain.given import given as served

POLICY = load_policy("2013.1")
seeds = st.integers(0, 10**6)
offsets = st.integers(-500, 500)


def days_until(start, until, most):
    """Some days after one, before another: each of the next thirty, the last, and some between."""
    last = min((until - start).days - 1 if until else most, most)
    near, far = range(1, min(last, 30) + 1), range(31, last + 1, 17)
    return [start + timedelta(i) for i in (*near, *far, *([last] if last > 30 else []))]


def figures(assessment):
    counts = {
        code: (r.state, r.num, r.den, sorted((str(c.unit_id), c.met) for c in r.counts))
        for code, r in assessment.indicators.items()
    }
    return assessment.status, assessment.settled, assessment.community, counts, assessment.levels, assessment.overall


@settings(max_examples=80, deadline=None)
@given(seed=seeds, offset=offsets)
def test_nothing_differs_before_the_next_change(seed, offset):
    household, facts, as_of = folded(seed)
    start = as_of + timedelta(offset)
    now = assess(household, POLICY, start, facts)

    for on in days_until(start, now.next_change_on, most=700):
        assert figures(assess(household, POLICY, on, facts)) == figures(now), on


@settings(max_examples=80, deadline=None)
@given(seed=seeds, offset=offsets)
def test_no_indicator_differs_while_it_says_that_its_counts_hold(seed, offset):
    household, facts, as_of = folded(seed)
    start = as_of + timedelta(offset)
    if not assess(household, POLICY, start, facts).is_assessed:
        return
    present = Present(household, POLICY, start, facts)

    for code in INDICATORS:
        feed = POLICY.indicators[code].feed if code in POLICY.indicators else None
        now = count(present, code, feed)
        for on in days_until(start, now.holds_until, most=400)[::3]:
            later = count(Present(household, POLICY, on, facts), code, feed)
            assert (later.state, later.num, later.den) == (now.state, now.num, now.den), (code, on)


def test_an_indicator_asked_by_itself_awaits_who_will_join():
    pupil = person("wang", "2005-01")
    household = given_household(arrived(on="2012-09-01"), joined(pupil, on="2013-01-10"))

    counted = count(Present(household, POLICY, day("2012-12-01"), knowing()), "SCH1", None)

    assert (counted.state, counted.holds_until) == ("not_applicable", day("2013-01-10"))


@settings(max_examples=80, deadline=None)
@given(seed=seeds, offset=offsets)
def test_the_next_change_is_later_than_the_day_itself(seed, offset):
    household, facts, as_of = folded(seed)
    start = as_of + timedelta(offset)

    change = assess(household, POLICY, start, facts).next_change_on

    assert change is None or change > start


def next_change(household, on, facts=None):
    return assessed(household, on, facts).next_change_on


def test_a_household_that_will_not_change_says_never():
    assert next_change(given_household(closed(on="2013-03-01")), "2013-03-01") is None


def test_the_next_change_is_the_day_on_which_something_runs_out():
    elder = arrived(person("li", "1940-01"), on="2001-01-01")

    assert next_change(given_household(elder, seen(on="2013-03-01")), "2013-06-30") == date(2014, 3, 2)
    assert next_change(given_household(elder, *served("SSI-MED", paid_through="2013-06")), "2013-06-30") == date(
        2013, 10, 1
    )


def test_the_next_change_sees_a_birthday_a_need_and_a_month_that_will_be_missed():
    adult = arrived(person("li", "1963-08"), on="2001-01-01")

    assert next_change(given_household(adult), "2013-06-30") == date(2013, 8, 31)
    assert next_change(given_household(adult, needs("CHRONIC", on="2013-06-01")), "2013-06-30") == date(2013, 8, 31)
    assert next_change(given_household(adult), "2013-06-30", knowing(HLTH_HLT=["2013-05"])) == date(2013, 7, 15)


def test_the_next_change_sees_what_is_told_of_a_later_day():
    household = given_household(arrived(person("li", "1940-01"), on="2001-01-01"), told(migrant_until="2013-07-05"))

    assert next_change(household, "2013-06-30") == date(2013, 7, 5)
    assert assessed(household, "2013-07-05").settled
    assert next_change(household, "2013-07-05") == date(2013, 10, 1)


def test_the_day_before_arrival_awaits_the_arrival():
    assert next_change(given_household(arrived(on="2013-03-01")), "2013-02-01") == day("2013-03-01")
