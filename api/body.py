"""Request bodies: JSON as the standard has it, of a bounded size and depth, with nothing in it that PostgreSQL or a
later reader would choke on."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from casework.domain import catalogue
from casework.errors import FieldError, Invalid

MOST_BYTES = 1 << 20
DEEPEST = 32
LARGEST_NUMBER = 1 << 53
"""Beyond this a JSON number means different things to different readers (RFC 8259, 6)."""

NAMES = {name for service in catalogue.services().values() for name in service.evidence}
"""The names that a pointer may show: of evidence, and those that every resource adds of its schemas."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class MalformedBody(Invalid):
    """The body is no JSON object, or nested too deeply."""

    default_code = "body-malformed"


class WrongMediaType(Invalid):
    """The body is of a type that is not read here."""

    default_code = "media-type"


def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request's body is.

    Raises :class:`WrongMediaType`, :class:`MalformedBody`, or Invalid where a text or number cannot be stored.
    """
    if request.mimetype != "application/json":
        raise WrongMediaType
    body = request.get_data(cache=False)
    if len(body) >= MOST_BYTES and request.input_stream.read(1):
        # A chunked body says no length; what was read of it is cut where the limit is.
        raise RequestEntityTooLarge
    value = _decoded(body)
    if not isinstance(value, dict):
        raise MalformedBody
    _check(value, "", 1)
    _refuse_twins(body, value)
    return value


def pointer(*path: object) -> str:
    """Return a JSON pointer (RFC 6901); it ends before a name that is not ours, which could say anything."""
    parts = []
    for part in path:
        if not isinstance(part, int) and part not in NAMES:
            break
        parts.append(str(part))
    return "".join(f"/{part}" for part in parts)


def _decoded(body: bytes) -> Any:
    try:
        return _decode(body)
    except msgspec.ValidationError:  # the syntax is right, but a number is beyond what a float holds
        raise Invalid(errors=(FieldError("", "number-too-large", ""),)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if _has_lone_surrogate(body):
            raise Invalid(errors=(FieldError("", "text-unstorable", ""),)) from None
        raise MalformedBody from None


def _refuse_twins(body: bytes, value: Any) -> None:
    """Refuse a name that stands twice in an object: readers differ in which of the two counts (RFC 8259, 4).

    The decoder keeps the last and says nothing. Of what it kept, every name and every colon in a text stands once more
    in its encoding; only where the colons do not add up, or some may be escaped, are the names looked at one by one.
    """
    if body.count(b":") == _encode(value).count(b":") and b"\\u003" not in body:
        return
    try:
        json.loads(body, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError):
        raise MalformedBody from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _has_lone_surrogate(body: bytes) -> bool:
    """Say whether the body is JSON but for half of a UTF-16 pair, which the standard library lets pass."""
    if not re.search(rb"\\u[dD][89a-fA-F]", body):
        return False
    try:
        return _UNSTORABLE.search(json.dumps(json.loads(body), ensure_ascii=False)) is not None
    except (ValueError, RecursionError):
        return False


def _check(value: Any, at: str, depth: int) -> None:
    kind = type(value)
    if kind is str:
        if _UNSTORABLE.search(value):
            raise Invalid(errors=(FieldError(at, "text-unstorable", ""),))
    elif kind is dict or kind is list:
        if depth > DEEPEST:
            raise MalformedBody
        for name, item in value.items() if kind is dict else enumerate(value):
            if kind is dict:
                _check(name, at, depth)
            _check(item, at + pointer(name), depth + 1)
    elif (kind is int or kind is float) and abs(value) > LARGEST_NUMBER:
        raise Invalid(errors=(FieldError(at, "number-too-large", ""),))
