"""Keyed hashes: what makes a person findable, claims comparable and commands recognisable, and tells nothing.

A search is by exact match of the whole name, phone or ID number, after both sides were brought into one form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

from casework.domain.ids import uuid8_from
from casework.log.append import SearchKey
from casework.privacy.id_number import compact
from casework.privacy.keys import KeyRing
from casework.privacy.own_ids import OwnIds

SearchKind = Literal["name", "phone", "id_number"]

BORN = "born"
BLOCKS = ("id_number", "phone", "name_month", BORN)
"""The kinds of keys of which probable duplicates share one."""

_HASH = 16  # half of the HMAC's bytes, as RFC 2104 allows: each is stored three times
_MOST_SPELLINGS = 16
_HAN = re.compile(r"[\u3007\u3400-\u9fff\ufa0e-\ufa29\U00020000-\U000323af]")
_NOISE = re.compile(
    r"[\s.·•‧∙⋅・]"  # what keyboards and registers put between the parts of a name
    r"|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"  # unseen
)
_MOBILE = re.compile("(?:00)?(?:86)?0?(1[3-9][0-9]{9})")
_SURNAMES = {"费": "bi", "黑": "he", "难": "ning", "贠": "yun"}  # readings that pypinyin does not list

_LOOKUP = """
    SELECT DISTINCT k.subject_id
    FROM vault.search_key AS k
    JOIN unnest(%(kinds)s::text[], %(hashes)s::bytea[]) AS asked (kind, hash)
      ON k.kind = asked.kind AND k.hash = asked.hash
    ORDER BY k.subject_id"""


class KeyedHashes:
    """The hashes of one installation. Those of different purposes have different keys."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    @property
    def keys(self) -> KeyRing:
        """The installation's keys, for what is sealed elsewhere under one of their own."""
        return self._keys

    def own_ids(self, bureau: str) -> OwnIds:
        """Return the ids of a bureau's own."""
        return OwnIds(self._keys, bureau)

    def search_keys(self, subject_id: UUID, profile: Mapping[str, Any]) -> list[SearchKey]:
        """Return, for the append, the keys to a profile by its ``name``, ``phone`` and ``id_number``.

        They stand for the whole profile: the append puts them in the place of the subject's earlier ones.
        """
        name = normal_name(profile.get("name") or "")
        forms = [
            ("name", name),
            *(("pinyin", spelling) for spelling in spellings(name)),
            ("phone", normal_phone(profile.get("phone") or "")),
            ("id_number", compact(profile.get("id_number") or "")),
            *_blocks(name, str(profile.get("born_on") or "")),
        ]
        return [SearchKey(subject_id, kind, self._search_hash(kind, form)) for kind, form in forms if form]

    def lookup(self, db: Connection[Any], kind: SearchKind, value: str) -> list[UUID]:
        """Return whose current profile has this name, phone or ID number, in the order of their ids.

        A name in Chinese characters finds that name alone, not all that sound like it. In letters it finds
        the names that are so spelled in pinyin (tones, spaces, apostrophes do not matter) or so written.
        """
        forms = _asked(kind, value)
        hashes = [self._search_hash(kind, form) for kind, form in forms]
        values = {"kinds": [kind for kind, _ in forms], "hashes": hashes}
        return [subject_id for (subject_id,) in db.execute(_LOOKUP, values)] if forms else []

    def claim_hash(self, kind: str, *value: str) -> bytes:
        """Return a claim's key (RULES G13).

        Takes ``("id-number", number)``, ``("person", id)`` or ``("source", source, ref)``.
        """
        parts = [compact(part) for part in value] if kind == "id-number" else value
        return self._keys.digest("claim", kind.encode(), *(part.encode() for part in parts))

    def command_id(self, *names: str) -> UUID:
        """Return the id of the command that a client calls by these names, the same for ever.

        A client may call it by what must not be found by trying, such as an ID number. The key is of the installation's
        index key, which never changes: a new master key makes no command new.
        """
        return uuid8_from(self._keys.digest("command", *(name.encode() for name in names)))

    def body_hash(self, command_name: str, body: bytes) -> bytes:
        """Return what tells whether a command that comes again is the same one."""
        return self._keys.digest("command-body", command_name.encode(), body)

    def _search_hash(self, kind: str, form: str) -> bytes:
        return self._keys.digest("search", kind.encode(), form.encode())[:_HASH]


def normal_name(name: str) -> str:
    """Return a name without what varies in writing: width, capitals, spaces, dots, unseen characters."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", _NOISE.sub("", unicodedata.normalize("NFKC", folded)))


def normal_pinyin(name: str) -> str:
    """Return letters as pinyin is compared: without tones, apostrophes and hyphens, with v for ü."""
    letters = unicodedata.normalize("NFD", normal_name(name)).replace("u\u0308", "v")
    return "".join(char for char in letters if char.isalnum())


def normal_phone(phone: str) -> str:
    """Return a phone number's digits as they are dialled in China: without +86, a landline's with its 0."""
    text = unicodedata.normalize("NFKC", phone)
    digits = "".join(re.findall("[0-9]", text))
    if mobile := _MOBILE.fullmatch(digits):
        return mobile[1]
    abroad = re.fullmatch("0086(.*)" if "+" not in text else "(?:00)?86(.*)", digits)
    return f"0{abroad[1].removeprefix('0')}" if abroad else digits


def spellings(name: str) -> list[str]:
    """Return the toneless pinyin of a normal name, joined, the likeliest first.

    A character that is read in several ways gives several; where they would be more than 16, those of the
    surname stay. A ü is spelled v, u (as many type it) and yu (as passports do).
    """
    joined = [""]
    for place, char in enumerate(name):
        readings = _readings(char, is_first=place == 0)
        joined = [start + reading for reading in readings for start in joined][:_MOST_SPELLINGS]
    return list(dict.fromkeys(joined))


@lru_cache(1 << 14)
def _readings(char: str, *, is_first: bool) -> tuple[str, ...]:
    # Imported when first needed: it takes 60 MB, which processes that register nobody can do without.
    from pypinyin import Style, pinyin

    if not _HAN.match(char):
        return (normal_pinyin(char),)
    [readings] = pinyin(char, style=Style.NORMAL, heteronym=True)
    surname = [_SURNAMES[char]] if is_first and char in _SURNAMES else []
    return tuple(dict.fromkeys(way for reading in [*readings, *surname] for way in _ways_to_type(reading)))


def _ways_to_type(reading: str) -> Iterable[str]:
    return (reading, reading.replace("v", "u"), reading.replace("v", "yu"))


def _blocks(name: str, born_on: str) -> Iterable[tuple[str, str]]:
    """What probable duplicates have in common beside ID number and phone: nobody searches by these."""
    if name and born_on:
        yield "name_month", f"{name} {born_on[:7]}"
        yield from ((BORN, f"{spelling} {born_on}") for spelling in spellings(name[:1]))


def _asked(kind: SearchKind, value: str) -> list[tuple[str, str]]:
    match kind:
        case "phone":
            forms = [("phone", normal_phone(value))]
        case "id_number":
            forms = [("id_number", compact(value))]
        case "name" if _HAN.search(value):
            forms = [("name", normal_name(value))]
        case "name":
            forms = [("name", normal_name(value)), ("pinyin", normal_pinyin(value))]
    return [(kind, form) for kind, form in forms if form]
