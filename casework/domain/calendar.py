"""Dates as RULES B counts them: Shanghai days, months, ages, school years, evaluation years, working days.

A function that answers *from when* something holds returns the first day on which it does, so that
callers compare ``day >= result``. Where a sum leaves the calendar, ``date.max`` stands for "never".
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

# Without daylight saving since 1992, and so independent of the machine's time zone data.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

_LAST_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CACHED = 1 << 16


def shanghai_date(instant: datetime) -> date:
    """Return the calendar date in Shanghai at an aware instant (B1)."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(SHANGHAI).date()


def add_days(day: date, days: int) -> date:
    """Return the date so many days later, or ``date.max`` beyond the calendar."""
    try:
        return day + timedelta(days)
    except OverflowError:
        return date.max


def next_day(day: date) -> date:
    """Return the day after: the first day outside of what names its last day inside (B4)."""
    return add_days(day, 1)


def _days_in_month(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap else _LAST_DAYS[month - 1]


def _capped(year: int, month: int, day: int) -> date:
    return date(year, month, day) if year <= date.max.year else date.max


@lru_cache(_CACHED)
def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, clamped to the month's end (B5): 31 Dec + 6 = 30 Jun."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return _capped(year, month0 + 1, min(day.day, _days_in_month(year, month0 + 1)))


@lru_cache(_CACHED)
def month_of(day: date) -> str:
    """Return the calendar month of a day as ``YYYY-MM``."""
    return f"{day.year:04d}-{day.month:02d}"


@lru_cache(_CACHED)
def first_of_month(month: str) -> date:
    """Return the first day of a month ``YYYY-MM``; ValueError when it is none."""
    if len(month) != 7:
        raise ValueError("a month is written YYYY-MM")
    return date.fromisoformat(f"{month}-01")


@lru_cache(_CACHED)
def last_of_month(month: str | date) -> date:
    """Return the last day of a month, given as ``YYYY-MM`` or as any of its days."""
    first = first_of_month(month) if isinstance(month, str) else month
    return first.replace(day=_days_in_month(first.year, first.month))


def born_from(birth_month: str) -> date:
    """Return the first day on which somebody of this birth month may be born: windows open from it (A1)."""
    return first_of_month(birth_month)


def born_last(birth_month: str) -> date:
    """Return the last day of the birth month: ages and deadlines run from it (A1)."""
    return last_of_month(birth_month)


@lru_cache(_CACHED)
def birthday(born: date, years: int) -> date:
    """Return the day on which so many years are completed; 29 Feb falls on 1 Mar in common years (B8)."""
    year = born.year + years
    if born.day == 29 and born.month == 2 and _days_in_month(year, 2) == 28:
        return _capped(year, 3, 1)
    return _capped(year, born.month, born.day)


def age_on(born: date, day: date) -> int:
    """Return the completed years on a day (B8); negative before birth."""
    before_birthday = (day.month, day.day) < (born.month, born.day)
    return day.year - born.year - before_birthday


def school_year_start(day: date) -> date:
    """Return the 1 September that began the school year of a day."""
    return date(day.year if day.month >= 9 else day.year - 1, 9, 1)


def next_school_year(day: date) -> date:
    """Return the first 1 September after a day: from then on the answers about its school year may differ."""
    return _capped(day.year + 1 if day.month >= 9 else day.year, 9, 1)


def school_year_end(day: date) -> date:
    """Return the 31 August that ends the school year of a day."""
    return _capped(day.year + 1 if day.month >= 9 else day.year, 8, 31)


def last_31_august(day: date) -> date:
    """Return the 31 August before the school year of a day began (B9): on 31 August, last year's."""
    return date(day.year if day.month >= 9 else day.year - 1, 8, 31)


@lru_cache(_CACHED)
def school_entry(born: date, years: int) -> date:
    """Return the first day of the school year before which so many years are completed on 31 August (B9)."""
    return next_school_year(birthday(born, years))


def evaluation_year(day: date) -> int:
    """Return the year Y whose evaluation year, 1 Oct Y-1 to 30 Sep Y, holds a day (B10)."""
    return day.year + 1 if day.month >= 10 else day.year


def evaluation_year_start(day: date) -> date:
    """Return the 1 October that began the evaluation year of a day."""
    return date(evaluation_year(day) - 1, 10, 1)


def evaluation_year_end(day: date) -> date:
    """Return the 30 September that ends the evaluation year of a day."""
    return _capped(evaluation_year(day), 9, 30)


def month_ends(year: int) -> tuple[date, ...]:
    """Return the twelve month ends of an evaluation year: 31 Oct of the year before to 30 Sep (B10)."""
    first = date(year - 1, 10, 31)
    return tuple(last_of_month(add_months(first, months)) for months in range(12))


@lru_cache(_CACHED)
def nth_working_day_after(day: date, n: int) -> date:
    """Return the first date by which n working days (Monday to Friday, B7) lie after ``day``.

    "More than 45 working days in (assessed_on, d]" is ``d >= nth_working_day_after(assessed_on, 46)``.
    """
    if n < 1:
        return day
    weekday = day.weekday()
    working = min(weekday, 4)  # a weekend counts from its Friday
    weeks, rest = divmod(working + n, 5)
    return add_days(day, weeks * 7 + rest - weekday)


@lru_cache(_CACHED)
def required_month(day: date, days: int = 15) -> str:
    """Return the last month that ended at least so many days before a day (F1), as ``YYYY-MM``."""
    ended_before = day - timedelta(days - 1)
    return month_of(ended_before.replace(day=1) - timedelta(1))


@lru_cache(_CACHED)
def required_from(month: str, days: int = 15) -> date:
    """Return the first day on which a month, or a later one, is required: September's is 15 October (F1)."""
    return add_days(last_of_month(month), days)


@lru_cache(_CACHED)
def next_required_change(day: date, days: int = 15) -> date:
    """Return the first day after ``day`` on which another month is required."""
    following = add_months(first_of_month(required_month(day, days)), 1)
    return required_from(month_of(following), days)
