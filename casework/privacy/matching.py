"""Whether two profiles name one person: a weight for each thing in which they agree or differ (Fellegi, Sunter 1969).

A weight is the binary logarithm of how much likelier the observation is for one person than for two. Two people are
compared only where a block puts them together, so the odds are told from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from casework.privacy.id_number import compact
from casework.privacy.persons import Profile
from casework.privacy.search import normal_name, normal_phone, spellings

PRIOR = -9.0
"""Of some hundred pairs that a block puts together, few are one person."""

PROBABLE = 0.90
"""From this score on a pair is shown to a reviewer."""

WEIGHTS = {
    "id-number-same": 20.0,
    "id-number-typed": 10.0,  # one character off, or two changed places
    "id-number-differs": -14.0,
    "name-same": 9.0,
    "name-sounds-same": 7.0,
    "name-begins-same": -3.0,
    "name-differs": -6.0,
    "born-same": 10.0,
    "born-typed": 4.0,  # one digit off, or day and month changed places
    "born-differs": -6.0,
    "phone-same": 5.0,  # families share one
    "phone-typed": 2.0,
    "phone-differs": -0.5,
    "address-same": 2.0,
    "address-differs": -0.5,
}


class Match(NamedTuple):
    """How probably two profiles name one person, and what speaks for and against it: codes, never values."""

    score: float
    reasons: tuple[str, ...]

    @property
    def is_probable(self) -> bool:
        """Whether somebody has to look at it."""
        return self.score >= PROBABLE


def compare(one: Profile, other: Profile) -> Match:
    """Compare two profiles."""
    reasons = tuple(_observed(one, other))
    weight = PRIOR + sum(WEIGHTS[reason] for reason in reasons)
    return Match(1 / (1 + 2**-weight), reasons)


def _observed(one: Profile, other: Profile) -> Iterator[str]:
    if one.id_number and other.id_number:
        yield f"id-number-{_typed(compact(one.id_number), compact(other.id_number))}"
    if one.name and other.name:
        yield _names(normal_name(one.name), normal_name(other.name))
    yield f"born-{_days(one.born_on, other.born_on)}"
    if one.phone and other.phone:
        yield f"phone-{_typed(normal_phone(one.phone), normal_phone(other.phone))}"
    if one.address and other.address:
        alike = fuzz.token_set_ratio(normal_name(one.address), normal_name(other.address)) >= 90
        yield "address-same" if alike else "address-differs"


def _typed(one: str, other: str) -> str:
    if one == other:
        return "same"
    return "typed" if OSA.distance(one, other, score_cutoff=1) <= 1 else "differs"


def _names(one: str, other: str) -> str:
    if one == other:
        return "name-same"
    if not set(spellings(one)).isdisjoint(spellings(other)):
        return "name-sounds-same"
    return "name-begins-same" if one[:1] == other[:1] else "name-differs"


def _days(one: date, other: date) -> str:
    if one == other:
        return "same"
    swapped = (one.year, one.month, one.day) == (other.year, other.day, other.month)
    return "typed" if swapped or OSA.distance(one.isoformat(), other.isoformat(), score_cutoff=1) <= 1 else "differs"
