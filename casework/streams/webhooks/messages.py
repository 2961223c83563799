"""What a message says: thin, where the event can be read, or the whole envelope; and what waits of it."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from casework.privacy.own_ids import OwnIds
from casework.streams.again import Place
from casework.streams.disclosure import TYPES, Compiled, Envelope
from casework.streams.webhooks.endpoints import FULL
from casework.streams.webhooks.waiting import Waiting

MEDIA = {"thin": "application/json", FULL: "application/cloudevents+json"}
CHALLENGE = TYPES + "endpoint.challenged.v1"

_encode = msgspec.json.Encoder().encode


class Thin(msgspec.Struct):
    """That something happened: what it was is read by pulling on from the cursor."""

    id: str
    type: str
    subject: str
    sequence: str
    cursor: str


def body(envelope: Envelope, content: str, cursor: str) -> bytes:
    """Return a message's body; ``cursor`` is one after which the event is given."""
    if content == FULL:
        return _encode(envelope)
    said = envelope.sequence or ""
    return _encode(Thin(envelope.id, envelope.type, envelope.subject, said, cursor))


def as_waiting(place: Place, envelope: Envelope, compiled: Compiled) -> Waiting:
    """Return what is kept of a message that cannot be delivered: where it stands, and nothing that it tells."""
    return Waiting(
        *place,
        chain=_chain(envelope.subject, compiled.ids, compiled.grant.id),
        event_id=compiled.ids.decode(UUID(envelope.id)),
        type=envelope.type,
        sequence=int(envelope.sequence or 0),
        recorded_at=datetime.fromisoformat(envelope.time),
    )


def challenge() -> tuple[str, bytes]:
    """Return a word to be given back, and the message that asks for it."""
    word = urlsafe_b64encode(os.urandom(24)).decode()
    return word, _encode({"type": CHALLENGE, "challenge": word})


def gives_back(answer: bytes, word: str) -> bool:
    """Whether an answer holds the word of a challenge."""
    try:
        said: Any = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return False
    return isinstance(said, dict) and said.get("challenge") == word


def _chain(subject: str, ids: OwnIds, grant: UUID) -> UUID:
    """Return within what order is kept: the household, or of a notice the grant."""
    try:
        return ids.decode(UUID(subject))
    except ValueError:
        return grant
