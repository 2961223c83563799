"""Who has two files: a share of households are of somebody who has one already, and was taken for another.

Which ones is known: by :func:`original_of`, what a search for duplicates finds can be counted.
"""

from __future__ import annotations

from datetime import date

import msgspec

from casework.population import names, rates
from casework.population.chance import Chance, chance_of
from casework.privacy.persons import Profile

_MISTAKES = {"other phone": 0.4, "name misheard": 0.3, "birthday mistyped": 0.3}


def original_of(seed: int, number: int) -> int | None:
    """Return the number of the household whose head this one's is too, where it is such a double; it comes before."""
    chance = chance_of(seed, "doubles", number)
    if number == 0 or not chance.happens(rates.DOUBLES):
        return None
    original = chance.whole(0, number - 1)
    return original if original_of(seed, original) is None else None


def told_again(chance: Chance, profile: Profile, phone: str) -> Profile:
    """Return a profile as somebody takes it down who does not see the ID card; ``phone`` is another of the person's."""
    again = msgspec.structs.replace(profile, id_number=None)
    match chance.pick(_MISTAKES):
        case "other phone":
            return msgspec.structs.replace(again, phone=phone)
        case "name misheard":
            return msgspec.structs.replace(again, name=names.misheard(chance, profile.name or ""))
        case _:
            return msgspec.structs.replace(again, born_on=_mistyped(profile.born_on))


def _mistyped(day: date) -> date:
    """Return a day of the same month that differs in one digit."""
    if day.day < 28 and day.day % 10 < 9:
        return day.replace(day=day.day + 1)
    return day.replace(day=day.day - 1 if day.day % 10 else 20)
