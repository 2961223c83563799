"""Dates as RULES B, A1 and F1 count them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.domain import calendar
from casework.domain.calendar import (
    add_days,
    add_months,
    age_on,
    birthday,
    born_from,
    born_last,
    evaluation_year,
    evaluation_year_end,
    evaluation_year_start,
    first_of_month,
    last_31_august,
    last_of_month,
    month_ends,
    month_of,
    next_day,
    next_required_change,
    next_school_year,
    nth_working_day_after,
    required_from,
    required_month,
    school_entry,
    school_year_end,
    school_year_start,
    shanghai_date,
)

days = st.dates(date(1950, 1, 1), date(2100, 12, 31))


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_a_day_in_shanghai_begins_eight_hours_before_the_day_in_utc():
    before = datetime(2013, 10, 31, 15, 59, 59, 999999, tzinfo=UTC)

    assert shanghai_date(before) == day("2013-10-31")
    assert shanghai_date(before + timedelta(microseconds=1)) == day("2013-11-01")


def test_an_instant_without_a_time_zone_has_no_date():
    with pytest.raises(ValueError, match="time zone"):
        shanghai_date(datetime(2013, 10, 31))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2013-12-31", 6, "2014-06-30"),
        ("2012-02-29", 12, "2013-02-28"),
        ("2012-02-29", 48, "2016-02-29"),
        ("2013-01-31", 1, "2013-02-28"),
        ("2013-10-15", 24, "2015-10-15"),
        ("2013-11-30", 3, "2014-02-28"),
        ("2013-12-01", 1, "2014-01-01"),
        ("2013-05-05", 0, "2013-05-05"),
    ],
)
def test_months_keep_the_day_and_are_clamped_to_the_end_of_the_month(start, months, end):
    assert add_months(day(start), months) == day(end)


def test_sums_beyond_the_calendar_are_its_last_day():
    assert add_months(day("9999-06-01"), 12) == date.max
    assert add_days(day("9999-12-01"), 60) == date.max
    assert next_day(date.max) == date.max
    assert birthday(day("9990-01-31"), 18) == date.max
    assert school_year_end(day("9999-09-01")) == date.max
    assert next_school_year(day("9999-09-01")) == date.max
    assert evaluation_year_end(day("9999-10-01")) == date.max


@pytest.mark.parametrize(
    ("month", "last"), [("2013-06", "2013-06-30"), ("2012-02", "2012-02-29"), ("2013-02", "2013-02-28")]
)
def test_a_month_ends_on_its_last_day_however_it_is_given(month, last):
    assert last_of_month(month) == last_of_month(day(f"{month}-10")) == day(last)
    assert month_of(day(last)) == month


@pytest.mark.parametrize("text", ["2013-13", "2013-1", "201301", "2013-01-01", "2013-W1", "2013001", "", "abcd-ef"])
def test_what_is_not_a_month_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        first_of_month(text)


def test_ages_run_from_the_last_day_of_the_birth_month_and_windows_from_its_first():
    assert born_from("2008-02") == day("2008-02-01")
    assert born_last("2008-02") == day("2008-02-29")


def test_a_birthday_on_29_february_falls_on_1_march_in_common_years():
    born = day("2008-02-29")

    assert birthday(born, 5) == day("2013-03-01")
    assert birthday(born, 8) == day("2016-02-29")
    assert [age_on(born, day(d)) for d in ("2013-02-28", "2013-03-01")] == [4, 5]


def test_with_only_the_birth_month_known_a_year_is_completed_on_the_last_day_of_that_month():
    born = born_last("2007-08")

    assert [age_on(born, day(d)) for d in ("2013-08-30", "2013-08-31")] == [5, 6]


@given(born=days, years=st.integers(0, 110))
def test_a_birthday_is_the_first_day_of_its_age(born, years):
    turned = birthday(born, years)

    assert age_on(born, turned) == years
    assert age_on(born, turned - timedelta(1)) == years - 1


@pytest.mark.parametrize(
    ("on", "cut"),
    [
        ("2013-09-01", "2013-08-31"),
        ("2013-12-31", "2013-08-31"),
        ("2014-01-01", "2013-08-31"),
        ("2014-08-30", "2013-08-31"),
        ("2014-08-31", "2013-08-31"),
        ("2014-09-01", "2014-08-31"),
    ],
)
def test_the_last_31_august_is_the_one_before_the_school_year_began(on, cut):
    assert last_31_august(day(on)) == day(cut)


def test_a_school_year_runs_from_1_september_to_31_august():
    for on in ("2013-09-01", "2014-02-10", "2014-08-31"):
        assert school_year_start(day(on)) == day("2013-09-01")
        assert school_year_end(day(on)) == day("2014-08-31")
        assert next_school_year(day(on)) == day("2014-09-01")


def test_a_child_born_by_31_august_enters_with_that_year_and_one_born_in_september_a_year_later():
    assert school_entry(born_last("2007-08"), 6) == day("2013-09-01")
    assert school_entry(born_last("2007-09"), 6) == day("2014-09-01")


@given(born=days, years=st.integers(0, 20), on=days)
def test_school_entry_is_the_first_day_on_which_the_age_at_the_last_31_august_is_reached(born, years, on):
    assert (on >= school_entry(born, years)) == (age_on(born, last_31_august(on)) >= years)


def test_an_evaluation_year_runs_from_1_october_to_30_september():
    for on in ("2012-10-01", "2013-03-03", "2013-09-30"):
        assert evaluation_year(day(on)) == 2013
        assert evaluation_year_start(day(on)) == day("2012-10-01")
        assert evaluation_year_end(day(on)) == day("2013-09-30")
    assert evaluation_year(day("2013-10-01")) == 2014


def test_the_twelve_month_ends_are_31_october_to_30_september():
    ends = month_ends(2013)

    expected = "10-31 11-30 12-31 01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30"
    assert [end.isoformat()[5:] for end in ends] == expected.split()
    assert (ends[0].year, ends[-1].year) == (2012, 2013)


@pytest.mark.parametrize(
    ("start", "n", "result"),
    [
        ("2013-09-27", 1, "2013-09-30"),  # a Friday, and the Monday after
        ("2013-09-28", 1, "2013-09-30"),
        ("2013-09-29", 1, "2013-09-30"),
        ("2013-09-30", 4, "2013-10-04"),
        ("2013-09-30", 5, "2013-10-07"),
        ("2013-09-30", 46, "2013-12-03"),
        ("2013-09-30", 0, "2013-09-30"),
    ],
)
def test_working_days_are_monday_to_friday_and_the_first_day_does_not_count(start, n, result):
    assert nth_working_day_after(day(start), n) == day(result)


@given(start=days, n=st.integers(1, 120))
def test_the_nth_working_day_is_found_as_by_counting_one_by_one(start, n):
    counted, reached = 0, start
    while counted < n:
        reached += timedelta(1)
        counted += reached.weekday() < 5

    assert nth_working_day_after(start, n) == reached


@pytest.mark.parametrize(
    ("on", "month"),
    [
        ("2013-09-30", "2013-08"),
        ("2013-11-14", "2013-09"),
        ("2013-11-15", "2013-10"),
        ("2014-01-14", "2013-11"),
        ("2014-01-15", "2013-12"),
        ("2014-03-14", "2014-01"),
        ("2014-03-15", "2014-02"),
    ],
)
def test_the_month_required_ended_fifteen_days_ago_or_more(on, month):
    assert required_month(day(on)) == month


def test_a_month_is_required_from_the_fifteenth_day_after_its_end():
    assert required_from("2013-09") == day("2013-10-15")
    assert required_from("2014-02") == day("2014-03-15")
    assert next_required_change(day("2013-09-30")) == day("2013-10-15")
    assert next_required_change(day("2013-10-15")) == day("2013-11-15")


@given(on=days, after=st.integers(1, 40))
def test_required_months_change_exactly_where_it_is_said(on, after):
    month, change = required_month(on, after), next_required_change(on, after)

    assert required_from(month, after) <= on < change
    assert required_month(change - timedelta(1), after) == month
    assert required_month(change, after) > month


def test_the_time_zone_needs_no_data_of_the_machine():
    assert calendar.SHANGHAI.utcoffset(None) == timedelta(hours=8)
