"""Where a subscriber stands, as text that it keeps for us.

A cursor holds a position for every partition, the epoch that these belong to, and how many events were given out
along its chain. It is sealed for the subscription it was given to (AES-SIV, RFC 5297), so none can be made up, changed,
or used for another subscription; any channel of that subscription goes on from any other's. Nor can it be read: a
position is the same for every bureau, so by it two could join what they were told, or count what was withheld.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag

from casework.domain.ids import REGISTRY
from casework.errors import Invalid
from casework.privacy.keys import KeyRing

PARTITIONS = REGISTRY + 1
_LONGEST = 400
_STEP, _LARGEST = 32, 283
"""A body's bytes are filled up to steps, so that its length tells next to nothing; so many make 399 characters."""


class Cursor(NamedTuple):
    """The last position looked at in every partition, and the count of events given out on the way there."""

    epoch: int
    sequence: int
    positions: tuple[int, ...]

    @classmethod
    def beginning(cls, epoch: int) -> Cursor:
        """Before the first event of all."""
        return cls(epoch, 0, (0,) * PARTITIONS)

    def moved(self, positions: Sequence[int], given: int) -> Cursor:
        """The cursor after so many more events."""
        return Cursor(self.epoch, self.sequence + given, tuple(positions))


def sealed(cursor: Cursor, subscription: UUID, keys: KeyRing) -> str:
    """Return the cursor as text of under 400 characters, for this subscription alone."""
    return sealed_at(cursor.epoch, cursor.sequence, packed(cursor.positions), subscription, keys)


def packed(positions: Sequence[int]) -> bytes:
    """Return positions as a cursor holds them: made once where many subscribers stand there."""
    return b"".join(map(_varint, positions))


def sealed_at(epoch: int, sequence: int, positions: bytes, subscription: UUID, keys: KeyRing) -> str:
    """Return the cursor of a subscription at packed positions."""
    body = _varint(epoch) + _varint(sequence) + positions
    filled = body.ljust(min(-(-len(body) // _STEP) * _STEP, _LARGEST), b"\0")
    return urlsafe_b64encode(keys.cursor_cipher.encrypt(filled, [subscription.bytes])).decode().rstrip("=")


def opened(text: str, subscription: UUID, keys: KeyRing, *, epoch: int) -> Cursor:
    """Return a cursor of this subscription.

    Raises ``cursor-invalid`` for any other text, and ``epoch-changed`` where the log was restored since.
    """
    try:
        sealed_bytes = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) < _LONGEST else b""
        body = keys.cursor_cipher.decrypt(sealed_bytes, [subscription.bytes])
    except (NotBase64, ValueError, InvalidTag):
        raise Invalid("cursor-invalid") from None
    at_epoch, sequence, *positions = _numbers(body)  # what we sealed is well formed
    if at_epoch != epoch:
        raise Invalid("epoch-changed")
    return Cursor(at_epoch, sequence, tuple(positions[:PARTITIONS]))


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow (LEB128)."""
    coded = bytearray()
    while number > 0x7F:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    coded.append(number)
    return bytes(coded)


def _numbers(coded: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in coded:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
