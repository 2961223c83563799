"""Month ends counted in one pass are what the rows of each month end say (DESIGN section 2: one pure function)."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.calendar import month_ends
from casework.domain.month_counting import MonthCounter
from casework.domain.policy import load_policy
from casework.projections.views import rows_of
from tests.domain.folded import folded

POLICY = load_policy("2013.1")


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
