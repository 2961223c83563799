"""Where a subscriber stands, as text that it keeps for us.

A cursor holds a position for every partition, the epoch that these belong to, and how many events were given out
along its chain. It is sealed by a MAC over the subscription it was given to, so none can be made up, changed, or
used for another subscription; any channel of that subscription goes on from any other's. What it says is no secret.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from casework.domain.ids import REGISTRY
from casework.errors import Invalid
from casework.privacy.keys import KeyRing

PARTITIONS = REGISTRY + 1
_MAC = 16
_LONGEST = 400


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
    return urlsafe_b64encode(body + _mac(body, subscription, keys)).decode().rstrip("=")


def opened(text: str, subscription: UUID, keys: KeyRing, *, epoch: int) -> Cursor:
    """Return a cursor of this subscription.

    Raises ``cursor-invalid`` for any other text, and ``epoch-changed`` where the log was restored since.
    """
    try:
        sealed_bytes = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) < _LONGEST else b""
    except (NotBase64, ValueError):
        raise Invalid("cursor-invalid") from None
    body, mac = sealed_bytes[:-_MAC], sealed_bytes[-_MAC:]
    if not hmac.compare_digest(mac, _mac(body, subscription, keys)):
        raise Invalid("cursor-invalid")
    at_epoch, sequence, *positions = _numbers(body)  # what we sealed is well formed
    if at_epoch != epoch:
        raise Invalid("epoch-changed")
    return Cursor(at_epoch, sequence, tuple(positions))


def _mac(body: bytes, subscription: UUID, keys: KeyRing) -> bytes:
    return keys.digest("cursor", subscription.bytes, body)[:_MAC]


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
