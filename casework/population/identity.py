"""Who somebody made up is: birthdays and ID numbers that no two people share, without a list of those given.

A day has room for 499 ID numbers of either sex, a decade for 1.8 million. In each decade of birth, by sex, a
household's number leads to one place of its own: the household can have one person there whose birthday and ID
number nobody else has. Others (a second child of one decade) are born on any day and have no number yet.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from math import gcd
from typing import NamedTuple

from casework.domain.calendar import birthday
from casework.population import names
from casework.population.chance import Chance, chance_of
from casework.privacy.id_number import synthetic_id_number
from casework.privacy.persons import Profile

_A_DAY = 499
_DAYS = 3652
_PLACES = _A_DAY * _DAYS
_PHONE = 12_000_000_000
"""Where phone numbers begin: no mobile number in China has 2 as its second digit."""


class Place(NamedTuple):
    """A birthday, and how many of that day and sex come before."""

    born_on: date
    nth: int


def place(seed: int, until: date, decade: int, sex: str, household: int) -> Place:
    """Return a household's own place among those of a sex who are ``decade`` times ten years old and more."""
    stride, offset = _order(seed, decade, sex)
    day, before = divmod((household * stride + offset) % _PLACES, _A_DAY)
    return Place(birthday(until, -10 * (decade + 1)) + timedelta(day + 1), before + 1)


@cache
def _order(seed: int, decade: int, sex: str) -> tuple[int, int]:
    """Return how a decade's places follow one another: a step that reaches every one of them, and the first."""
    chance = chance_of(seed, "birthdays", decade, sex)
    stride = chance.whole(_PLACES // 5, _PLACES // 2)
    while gcd(stride, _PLACES) > 1:
        stride += 1
    return stride, chance.whole(0, _PLACES - 1)


def id_number(place: Place, sex: str) -> str:
    """Return the ID number of a place, in an area that was never given (DOMAIN 6.1)."""
    return synthetic_id_number(place.born_on, sex, place.nth)


def profile(chance: Chance, surname: str, sex: str, born_on: date, number: str | None, phone: int | None) -> Profile:
    """Return what names a person; ``phone`` counts the phones of the city."""
    return Profile(
        born_on=born_on,
        name=surname + names.given_name(chance, sex),
        id_number=number,
        phone=phone_number(phone) if phone is not None else None,
    )


def phone_number(nth: int) -> str:
    """Return one of the city's phone numbers."""
    return str(_PHONE + nth)
