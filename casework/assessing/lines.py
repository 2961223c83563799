"""One line: read it, give its commands, assess what they tell, answer."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from casework.assessing.entries import known_facts
from casework.assessing.instants import END_OF_TIME, Id, instant
from casework.assessing.telling import Teller
from casework.domain.assessment import Assessment, IndicatorResult, Score, assess
from casework.domain.policy import load_policy
from casework.domain.scoring import as_text
from casework.errors import CaseworkError, Refused

POLICY = "2013.1"

_encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One household or several: as of when and by what they are assessed, what the registry says, what was commanded.

    Without ``households`` the answer is of the one that commands without a name are about.
    """

    as_of: date
    commands: list[msgspec.Raw]
    known_at: str | None = None
    policy: str | None = None
    registry: msgspec.Raw = msgspec.Raw(b"[]")
    households: list[Id] | None = None
    id: str | int | None = None


class Identified(msgspec.Struct):
    """As much of a line as says which it is."""

    id: str | int | None = None


_decode = msgspec.json.Decoder(Line).decode
_decode_id = msgspec.json.Decoder(Identified).decode


def answer(line: bytes) -> bytes:
    """Assess a line's households, or say which command a rule refused, or what is wrong with the line."""
    asked: Line | Identified | None = None
    try:
        asked = _decode(line)
        said = _answer(asked)
    except CaseworkError as error:
        said = {"malformed": _refusal(error)["message"]}
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        said = {"malformed": str(error)}
    asked = asked or _identified(line)
    return _encode(said if asked.id is None else {"id": asked.id, **said})


def _identified(line: bytes) -> Identified:
    try:
        return _decode_id(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Identified()


def _answer(asked: Line) -> dict[str, Any]:
    known_at = END_OF_TIME if asked.known_at is None else instant(asked.known_at)
    facts = known_facts(bytes(asked.registry), known_at)
    policy = load_policy(asked.policy or POLICY)
    teller = Teller()
    for index, command in enumerate(asked.commands):
        try:
            teller.give(command)
        except CaseworkError as error:
            return {"refused": index, **_refusal(error)}

    def assessed(household: Id | None) -> dict[str, Any]:
        return as_json(assess(teller.file(household).known(known_at), policy, asked.as_of, facts))

    if asked.households is None:
        return assessed(None)
    return {"households": [{"household": each, **assessed(each)} for each in asked.households]}


def _refusal(error: CaseworkError) -> dict[str, str]:
    """The rule's code and its sentence; of several fields that are wrong, the first."""
    if not error.errors or isinstance(error, Refused):
        return {"rule": error.code, "message": str(error)}
    field = error.errors[0]
    return {"rule": field.code, "message": f"{field.pointer}: {field.hint}"}


def as_json(assessment: Assessment) -> dict[str, Any]:
    """An assessment with every count and score, as plain JSON values."""
    return {
        "as_of": assessment.as_of,
        "policy": assessment.policy,
        "status": assessment.status,
        "settled": assessment.settled,
        "community": assessment.community,
        "indicators": {code: _indicator(result) for code, result in assessment.indicators.items()},
        "levels": {code: _score(score) for code, score in assessment.levels.items()},
        "overall": _score(assessment.overall),
        "next_change_on": assessment.next_change_on,
    }


def _indicator(result: IndicatorResult) -> dict[str, Any]:
    return {"state": result.state, "num": result.num, "den": result.den, "holds_until": result.holds_until}


def _score(score: Score) -> dict[str, Any]:
    return {
        "score": as_text(score.score),
        "band": score.band,
        "completeness": {"known": score.known_weight, "applicable": score.applicable_weight},
    }
