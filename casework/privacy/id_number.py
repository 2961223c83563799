"""Resident ID numbers (GB 11643-1999; DOMAIN 6.1).

The address code is that of the county when the number was first given, so no list of today's counties can
refuse it. Of ``stdnum.cn.ric`` only the check digit is used: its ``validate`` compares the lifetimes of
county codes with the year of birth, which refuses most people, and takes birthdays of the future.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from stdnum import numdb
from stdnum.cn import ric

from casework.errors import Invalid

SYNTHETIC_COUNTY = "419999"
"""An address code that was never given: numbers made up here can belong to nobody."""

_NUMBER = re.compile("[0-9]{17}[0-9X]")
_FIRST_GENERATION = re.compile("[0-9]{15}")
_WITHIN = re.compile("(?<![0-9])[0-9]{17}[0-9X](?![0-9])")
_MOBILE = re.compile("(?<![0-9A-Z])1[3-9][0-9]{9}(?![0-9A-Z])")
_EARLIEST = date(1900, 1, 1)
_MOST_A_DAY = {"male": 500, "female": 499}


@dataclass(frozen=True)
class IdNumber:
    """A number that may stand, and what it says; ``warnings`` are codes for the person at the desk."""

    number: str = field(repr=False)
    born_on: date = field(repr=False)
    sex: str
    county: str
    warnings: tuple[str, ...] = ()


def compact(text: str) -> str:
    """Return a number as it is stored and compared: half-width, no spaces or hyphens, its X a capital."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()


def parse_id_number(text: str, *, today: date, recorded_sex: str | None = None, synthetic: bool = False) -> IdNumber:
    """Return what an ID number says, or raise Invalid with the code of what is wrong with it.

    Codes: ``id-number-first-generation`` (15 digits), ``id-number-format``, ``id-number-check``,
    ``id-number-date``, ``id-number-sequence``, ``id-number-province``, ``id-number-synthetic`` (made up, and
    this is not synthetic mode). Warnings: ``unknown-county``, ``sex-differs``.
    """
    number = compact(text)
    if not _NUMBER.fullmatch(number):
        raise Invalid("id-number-first-generation" if _FIRST_GENERATION.fullmatch(number) else "id-number-format")
    if ric.calc_check_digit(number) != number[-1]:
        raise Invalid("id-number-check")
    born_on = _born_on(number, today)
    if number[14:17] == "000":
        raise Invalid("id-number-sequence")
    county, sex = number[:6], "male" if int(number[16]) % 2 else "female"
    _refuse_area(county, synthetic)
    warnings = (
        ("unknown-county", county != SYNTHETIC_COUNTY and not all(_listed(county))),
        ("sex-differs", recorded_sex not in (None, sex)),
    )
    return IdNumber(number, born_on, sex, county, tuple(code for code, applies in warnings if applies))


def names_somebody(text: str) -> bool:
    """Say whether a text that is kept in clear holds what looks like an ID number or a mobile phone's.

    An ID number is told by its check character and its day, so that few numbers of records are taken for one.
    """
    plain = unicodedata.normalize("NFKC", text).upper()
    return _MOBILE.search(plain) is not None or any(map(_is_id_number, _WITHIN.findall(plain)))


def _is_id_number(number: str) -> bool:
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return bool(ric.calc_check_digit(number) == number[-1]) and number[6:8] in ("18", "19", "20")


def synthetic_id_number(born_on: date, sex: str, nth: int) -> str:
    """Return the ``nth`` made-up number (from 1) of a day and sex, in the area that was never given.

    A day has 500 numbers for ``male`` and 499 for ``female``; beyond them is a ValueError.
    """
    if not 1 <= nth <= _MOST_A_DAY[sex]:
        raise ValueError(f"a day has {_MOST_A_DAY[sex]} numbers for {sex}")
    sequence = 2 * nth - 1 if sex == "male" else 2 * nth
    number = f"{SYNTHETIC_COUNTY}{born_on:%Y%m%d}{sequence:03d}"
    return number + ric.calc_check_digit(f"{number}0")


def _born_on(number: str, today: date) -> date:
    try:
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Invalid("id-number-date") from None
    if not _EARLIEST <= born_on <= today:
        raise Invalid("id-number-date")
    return born_on


def _refuse_area(county: str, synthetic: bool) -> None:
    if county == SYNTHETIC_COUNTY and not synthetic:
        raise Invalid("id-number-synthetic")
    if not _listed(county)[0]:
        raise Invalid("id-number-province")


@lru_cache(8192)
def _listed(county: str) -> tuple[bool, ...]:
    """Return whether the library's list holds an address code's province, and its county in any year."""
    return tuple(bool(properties) for _, properties in numdb.get("cn/loc").info(county))
