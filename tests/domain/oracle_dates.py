"""The calendar of RULES B for the oracle, counted on the fingers; and the catalogue's rows that its rules ask."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "casework" / "data"
SERVICES = {row["code"]: row for row in json.loads((DATA / "services" / "2013.json").read_text("utf-8"))["services"]}
SHANGHAI = timezone(timedelta(hours=8))


def day(text: str) -> date:
    return date.fromisoformat(text)


def maybe_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def month_end(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(1)


def plus_months(start: date, months: int) -> date:
    """RULES B5: the same day, or the month's last one."""
    first = date(start.year + (start.month - 1 + months) // 12, (start.month - 1 + months) % 12 + 1, 1)
    return min(first + timedelta(start.day - 1), month_end(first))


def birthday(born: date, years: int) -> date:
    """RULES B8: 29 Feb falls on 1 Mar in common years."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def age(born: date, on: date) -> int:
    years = on.year - born.year
    return years if birthday(born, years) <= on else years - 1


def start_of_school_year(on: date) -> date:
    return date(on.year if on.month >= 9 else on.year - 1, 9, 1)


def end_of_school_year(on: date) -> date:
    return start_of_school_year(on).replace(year=start_of_school_year(on).year + 1) - timedelta(1)


def last_31_august(on: date) -> date:
    return start_of_school_year(on) - timedelta(1)


def start_of_evaluation_year(on: date) -> date:
    return date(on.year if on.month >= 10 else on.year - 1, 10, 1)


def end_of_evaluation_year(on: date) -> date:
    return date(start_of_evaluation_year(on).year + 1, 9, 30)


def weekdays(after: date, to: date) -> int:
    """RULES B7: Mondays to Fridays in (after, to]."""
    return sum((after + timedelta(i)).weekday() < 5 for i in range(1, (to - after).days + 1))


def instant(entry: dict[str, Any]) -> datetime:
    if "recorded_at" not in entry:
        return datetime.fromisoformat(entry["occurred_on"] + "T23:59:59+08:00")
    return datetime.fromisoformat(entry["recorded_at"])
