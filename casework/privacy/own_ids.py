"""A bureau's own ids: each id is one AES block under the bureau's key, so that no two bureaus can join what they hold.

Nothing is stored: the same id always gives the same block, and the block gives back the id.
"""

from __future__ import annotations

from threading import local
from uuid import UUID

from casework.privacy.keys import KeyRing

_MOST_KNOWN = 10_000
"""Ids whose own form is kept: a feed names the same households, people and services again and again."""


class OwnIds:
    """Ids as one bureau knows them. Any thread may ask; each has a cipher of its own."""

    def __init__(self, keys: KeyRing, bureau: str) -> None:
        self.bureau = bureau
        self._keys = keys
        self._cipher = keys.bureau_cipher(bureau)
        self._own = local()
        self._known: dict[int, str] = {}  # by number: a UUID's own hash is slow

    def encode(self, id: UUID) -> str:
        """Return the bureau's own form of an id."""
        known = self._known.get(id.int)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[id.int] = self.encode_once(id)
        return known

    def encode_once(self, id: UUID) -> str:
        """Return the same of an id that will hardly be asked for again, as an event's own; it is not kept."""
        try:
            block = self._own.encrypt(id.bytes)
        except AttributeError:
            self._own.encrypt = self._cipher.encryptor().update
            block = self._own.encrypt(id.bytes)
        digits = block.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def decode(self, id: UUID) -> UUID:
        """Return the id whose own form this is; of anything else some id that nobody has."""
        return UUID(bytes=self._cipher.decryptor().update(id.bytes))

    def token(self, field: str, value: str) -> str:
        """Return what stands for a value of a field: the same for the same one, and under this bureau's key alone."""
        parts = (self.bureau, field, value)
        return self._keys.digest("pseudonym", *(part.encode() for part in parts))[:16].hex()


def is_ours(id: UUID) -> bool:
    """Whether an id has the form of those that the log gives: version 7, or 8 where it was derived."""
    return id.version in (7, 8)
