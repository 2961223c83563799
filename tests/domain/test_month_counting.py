"""Month ends counted in one pass are what the rows of each month end say (DESIGN section 2: one pure function)."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.calendar import month_ends
from casework.domain.contributions import DEN, Contributions
from casework.domain.household import Household
from casework.domain.metrics import MEASURES
from casework.domain.month_counting import MonthCounter
from casework.domain.policy import load_policy
from casework.domain.registry import Facts, unit_id
from casework.projections.views import rows_of
from tests.domain.folded import folded
from tests.domain.given import (
    ADULTS,
    COMMUNITY,
    ELSEWHERE,
    arrived,
    closed,
    died,
    given_household,
    moved,
    told,
)
from tests.domain.regrouped import merge, split

POLICY = load_policy("2013.1")
YEAR = month_ends(2013)
COM1 = MEASURES.index("COM1")


def months_of(household: Household) -> list[Contributions]:
    """What is counted in one pass, and is what the rows say."""
    counted = MonthCounter(POLICY, Facts(), YEAR).count(household)
    assert counted == [rows_of(household, POLICY, day, Facts()).contributions for day in YEAR]
    return counted


def where(household: Household) -> str:
    """In which community the household counts at each month end, by a letter."""
    letters = {unit_id(COMMUNITY): "c", unit_id(ELSEWHERE): "e"}
    return "".join(next((letters[unit] for unit in month if unit in letters), "-") for month in months_of(household))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), year=st.integers(-1, 2))
def test_each_month_end_is_what_the_rows_of_that_day_add_up_to(seed: int, year: int):
    household, facts, as_of = folded(seed)
    days = month_ends(as_of.year + year)

    counted = MonthCounter(POLICY, facts, days).count(household)

    assert counted == [rows_of(household, POLICY, day, facts).contributions for day in days]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), gap=st.integers(1, 40), start=st.integers(-400, 400))
def test_days_may_lie_close_together(seed: int, gap: int, start: int):
    household, facts, as_of = folded(seed)
    days = [as_of + timedelta(start + gap * number) for number in range(12)]

    counted = MonthCounter(POLICY, facts, days).count(household)

    assert counted == [rows_of(household, POLICY, day, facts).contributions for day in days]


def test_a_household_counts_where_it_lives_at_each_month_end():
    assert where(given_household(moved(on="2013-03-31"))) == "ccccceeeeeee"
    assert where(given_household(arrived(on="2013-02-01"))) == "----cccccccc"
    assert where(given_household(closed("left_city", on="2013-03-31"))) == "ccccc-------"
    assert where(given_household(died("li", on="2013-03-01"))) == "ccccc-------"


def test_whoever_gains_local_hukou_counts_to_the_end_of_the_year():
    assert where(given_household(closed("gained_local_hukou", on="2012-12-15"))) == "c" * 12
    assert where(given_household(told(migrant=False, on="2012-12-15"))) == "c" * 12


def test_who_splits_off_or_is_taken_in_counts_in_one_household():
    first = given_household(arrived(*ADULTS))
    second = split(first, "wang", on="2013-03-31")
    merge(second, first, on="2013-07-31")

    assert (where(first), where(second)) == ("c" * 12, "-----cccc---")
    members = [[sum(c[DEN + COM1] for c in month.values()) for month in months_of(each)] for each in (first, second)]
    assert [sum(both) for both in zip(*members, strict=True)] == [2] * 12
