"""From a request to a command's context, and from its outcome to the answer."""

from __future__ import annotations

import re
from typing import Any, cast
from uuid import UUID

import msgspec
from flask import Response, current_app, g, request

from api.auth import PERSONS, principal
from api.bearer import Principal
from api.language import language
from api.policy_choice import default_policy
from casework import references
from casework.application import Casework
from casework.domain.ids import REGISTRY, partition_of
from casework.domain.registry import Registry
from casework.errors import Forbidden, Invalid, problems
from casework.outcome import Context, Outcome
from casework.references import Reference

_KEY = re.compile("[!-~]{1,255}", re.ASCII)
_ETAG = re.compile(r'"([0-9]{1,9})(?:\.[!#-~]*)?"', re.ASCII)
_TRACE = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class HeaderMissing(Invalid):
    """A header that this request needs is not there, or cannot be read."""

    default_code = "idempotency-key-missing"


def casework() -> Casework:
    """The application that this process serves."""
    return cast("Casework", current_app.extensions["casework"])


def popped_context(fields: dict[str, Any]) -> Context:
    """Return who gives the command of this request, taking what is no field of it out of the body's fields."""
    who, role = principal(), cast("str", g.role)
    source = fields.pop("source", None)
    if source is not None and role != "service":
        raise Forbidden("source-of-feeds")
    system, ref = (source["system"], source["ref"]) if source else (None, None)
    hashes, body = casework().persons.hashes, msgspec.json.encode(g.body, order="sorted")
    mine = _reference(who, system, ref)
    return Context(
        actor=who.sub,
        role=role,
        bureau=who.bureau,
        unit=who.unit,
        divisions=who.divisions,
        command_id=mine.command_id,
        after=mine.after,
        body_hash=hashes.body_hash("\0".join(_operation()), body),
        expected_version=_expected_version(role),
        source=system,
        source_ref=ref,
        traceparent=_traceparent(),
    )


def give_back(outcome: Outcome, status: int, **more: Any) -> Response:
    """Return what a command did, with the tag that the next one on the same thing needs."""
    spoken = language()
    content = {
        "id": outcome.id,
        "version": outcome.version,
        "position": outcome.position,
        "changed": outcome.changed,
        "events": outcome.events,
        "warnings": [{"code": code, "detail": problems()[code].detail[spoken]} for code in outcome.warnings],
        **more,
    }
    g.position = outcome.position
    # What was just written to the registry is in its own tag.
    known = casework().registry(at_most_old=0 if partition_of(outcome.id) == REGISTRY else 1)
    headers = {"ETag": current_etag(known, outcome.version)}
    return Response(msgspec.json.encode(as_asked(content)), status, headers, content_type="application/json")


def as_asked(content: Any) -> Any:
    """Return content with its ids in the form in which the request named the household: the log's, or a bureau's."""
    ids = g.get("own_ids")
    match content:
        case _ if ids is None:
            return content
        case UUID():
            return ids.encode(content)
        case dict():
            return {name: as_asked(each) for name, each in content.items()}
        case list():
            return [as_asked(each) for each in content]
    return content


def current_etag(known: Registry, version: int) -> str:
    """Return the tag of an aggregate's version as it is told today."""
    today = casework().today
    return etag(version, known.position, today.isoformat(), default_policy(known, today).version)


def etag(*parts: object) -> str:
    """Return ``version.registry.date.policy`` as an entity tag."""
    return f'"{".".join(map(str, parts))}"'


def _reference(who: Principal, system: str | None, ref: str | None) -> Reference:
    """Which command it is: by client, operation and key; or by a feed's own reference alone (RULES G13).

    A key beside a reference does not make it another command.
    """
    key, hashes = _key(), casework().persons.hashes
    if system is not None and ref is not None:
        with casework().pool.connection() as db:
            return references.current(db, hashes, system, [ref])[ref]
    if key is None:
        raise HeaderMissing
    return Reference(hashes.command_id("key", who.sub, *_operation(), key))


def idempotency_key() -> str:
    """Return the key of a request that must have one."""
    key = _key()
    if key is None:
        raise HeaderMissing
    return key


def _key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise HeaderMissing("idempotency-key-malformed")
    return key


def _operation() -> tuple[str, ...]:
    """What is asked for, and of what: the same for every spelling of the URL."""
    return (str(request.endpoint), *(f"{name}={value}" for name, value in sorted((request.view_args or {}).items())))


def _expected_version(role: str) -> int | None:
    """The version that the caller saw; a person must say it of every household, unit and round that they edit."""
    if not {"household_id", "unit", "year"} & (request.view_args or {}).keys():
        return None
    header = request.headers.get("If-Match")
    if header is None:
        # Who answers to what they were told by their feed has not seen the file, and so no version of it.
        if role in PERSONS and "own_ids" not in g:
            raise HeaderMissing("if-match-missing")
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise HeaderMissing("if-match-malformed")
    return int(match[1])


def _traceparent() -> str | None:
    # Its ids are random hex by the standard; whoever spells digits in them cannot be told from chance.
    header = request.headers.get("traceparent", "")
    return header if _TRACE.fullmatch(header) else None
