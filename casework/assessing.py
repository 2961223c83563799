"""``casework assess --json``: households as lines of commands in, assessments as lines out (docs/assess-format.md).

No server and no vault: each line is a household of its own, its commands given to the aggregate as the application
gives them, its events folded up to ``known_at``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any, get_type_hints
from uuid import UUID, uuid5

import msgspec

from casework.domain import registry
from casework.domain.aggregate import Recorded
from casework.domain.assessment import Assessment, IndicatorResult, Score, assess
from casework.domain.calendar import shanghai_date
from casework.domain.household import Household
from casework.domain.policy import load_policy
from casework.domain.residence import By
from casework.domain.scoring import as_text
from casework.errors import CaseworkError, Invalid, Refused

IDS = UUID("3b0a1a52-6c2b-5b1e-8a1f-2f6a6f3c2013")
FACTS = {"migrant", "migrant_until", "student", "permit", "education", "disability", "marital", "pregnancy"}
IDS_NAMED = {"head", "mother", "new_head", "to_household", "from_household"}
ENVELOPE = {"command", "occurred_on", "recorded_at", "role", "bureau"}
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One household: when and by what it is assessed, what the registry says, what was commanded in order."""

    as_of: date
    commands: list[dict[str, Any]]
    known_at: datetime = END_OF_TIME
    policy: str = "2013.1"
    registry: list[dict[str, Any]] = []
    id: str | int | None = None


def assess_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Answer each line by one line."""
    for line in lines:
        if line.strip():
            yield msgspec.json.encode(answer(line))


def answer(line: bytes) -> dict[str, Any]:
    """Assess one household, or say which command was refused and by which rule."""
    try:
        asked = msgspec.json.decode(line, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return {"malformed": str(error)}
    household, recorded = Household(UUID(int=0)), []
    exact: dict[str, date] = {}
    for index, command in enumerate(asked.commands):
        try:
            recorded += [(event, _instant(command)) for event in _give(household, dict(command), exact)]
        except CaseworkError as error:
            rule = error.errors[0].code if error.errors else error.code
            return _labelled(asked, {"refused": index, "rule": rule, "message": str(error)})
    known = [event for event, at in recorded if at <= asked.known_at]
    folded = household if len(known) == len(recorded) else Household.fold(None, known)
    if folded is None:
        return _labelled(asked, {"status": "not_arrived"})
    facts = registry_facts(asked.registry, asked.known_at)
    return _labelled(asked, as_json(assess(folded, load_policy(asked.policy), asked.as_of, facts)))


def _labelled(asked: Line, out: dict[str, Any]) -> dict[str, Any]:
    return out if asked.id is None else {"id": asked.id, **out}


def as_json(assessment: Assessment) -> dict[str, Any]:
    """An assessment with every count and score, as plain JSON values."""
    return {
        "as_of": assessment.as_of,
        "policy": assessment.policy,
        "status": assessment.status,
        "settled": assessment.settled,
        "indicators": {code: _indicator(result) for code, result in assessment.indicators.items()},
        "levels": {code: _score(score) for code, score in assessment.levels.items()},
        "overall": _score(assessment.overall),
        "next_change_on": assessment.next_change_on,
    }


def _indicator(result: IndicatorResult) -> dict[str, Any]:
    return {
        "state": result.state,
        "num": result.num,
        "den": result.den,
        "holds_until": result.holds_until,
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "score": as_text(score.score),
        "band": score.band,
        "completeness": {"known": score.known_weight, "applicable": score.applicable_weight},
    }


def registry_facts(entries: list[dict[str, Any]], known_at: datetime) -> registry.Facts:
    """What an assessment asks of the registry, from plain entries recorded by ``known_at``."""
    folded = registry.Registry()
    for position, entry in enumerate(entries, start=1):
        if _instant(entry) <= known_at:
            folded.fold([(position, _registry_event(entry))])
    return folded.facts


def _registry_event(entry: dict[str, Any]) -> Recorded:
    fields = {name: value for name, value in entry.items() if name not in ("type", "recorded_at")}
    fields.setdefault("occurred_on", shanghai_date(_instant(entry)).isoformat())
    if "month" in fields:
        feed = msgspec.convert(fields, registry.FeedClosed)
        return Recorded(registry.feed_id(feed.bureau, feed.area), 1, feed)
    unit = _unit(fields.pop("unit_id", None) or fields.pop("unit"))
    return Recorded(unit, 1, msgspec.convert(fields, registry.UnitFactReported))


def _give(household: Household, command: dict[str, Any], exact: dict[str, date]) -> list[Recorded]:
    """Give one command to the aggregate; ``exact`` keeps the dates of birth that the vault would."""
    name = command.get("command")
    method = COMMANDS.get(name) if isinstance(name, str) else None
    if method is None:
        raise Invalid("unknown-command")
    by = By(
        today=shanghai_date(_instant(command)),
        supervisor=command.get("role") == "supervisor",
        bureau=command.get("bureau"),
        own_bureau_only=command.get("role") == "bureau",
    )
    method(household, by, **_arguments(method, command, exact))
    return household.collect_events()


def _instant(entry: dict[str, Any]) -> datetime:
    """When an entry was recorded; the end of its day where only the day is known."""
    try:
        if "recorded_at" in entry:
            at = datetime.fromisoformat(entry["recorded_at"])
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return datetime.fromisoformat(f"{entry['occurred_on']}T23:59:59+08:00")
    except (KeyError, TypeError, ValueError):
        raise Invalid("malformed-instant") from None


def _arguments(method: Callable[..., None], command: dict[str, Any], exact: dict[str, date]) -> dict[str, Any]:
    shape, own_date, wants_birth = _shape(method)
    fields = {name: value for name, value in command.items() if name not in ENVELOPE}
    said = command.get("occurred_on")
    if said is not None and fields.setdefault(own_date, said) != said:
        raise Refused("date-mismatch")
    if own_date == "occurred_on" and said is None:
        fields[own_date] = fields.get("from") or fields.get("to")
    members = fields.get("members", [fields["member"]] if "member" in fields else [])
    for member in members if isinstance(members, list) else []:
        _told_exactly(member, exact)
    if "member" in fields:
        fields["member"] = _member(fields["member"])
    if "members" in fields:
        fields["members"] = [_member(member) for member in fields["members"]]
    if "facts" in fields:
        fields["facts"] = _facts(fields["facts"])
    if wants_birth:
        fields.setdefault("born_on", exact.get(str(fields.get("person_id"))))
    try:
        converted = msgspec.convert(_with_ids(fields), shape)
    except msgspec.ValidationError as error:
        raise Invalid("malformed-command", reason=str(error)) from None
    return {name: getattr(converted, name) for name in shape.__struct_fields__}


@cache
def _shape(method: Callable[..., None]) -> tuple[type[msgspec.Struct], str, bool]:
    """The fields of a command as a struct made from its signature, and the name of its own date."""
    hints = get_type_hints(method)
    parameters = [p for p in inspect.signature(method).parameters.values() if p.kind is p.KEYWORD_ONLY]
    fields: list[Any] = []
    for parameter in parameters:
        required = parameter.default is parameter.empty
        default = msgspec.NODEFAULT if required else parameter.default
        fields.append((parameter.name, hints[parameter.name], msgspec.field(default=default)))
    names = [parameter.name for parameter in parameters]
    shape = msgspec.defstruct(
        method.__name__, fields, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
    )
    return shape, "occurred_on" if "occurred_on" in names else names[0], "born_on" in names


def _told_exactly(member: Any, exact: dict[str, date]) -> None:
    try:
        exact[str(member["person_id"])] = date.fromisoformat(member["born_on"])
    except (KeyError, TypeError, ValueError):
        raise Invalid("malformed-command", reason="A member needs person_id and born_on.") from None


def _member(member: dict[str, Any]) -> dict[str, Any]:
    """A member as the aggregate takes it: birth month and facts instead of the exact date and flat fields."""
    rest = {k: v for k, v in member.items() if k not in FACTS | {"born_on", "hukou_division", "hukou_kind", "hukou"}}
    facts = {k: v for k, v in member.items() if k not in rest and k != "born_on"}
    return {**rest, "birth_month": member["born_on"][:7], "facts": _facts(facts)}


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with ``hukou: {division, kind}`` or its two parts."""
    hukou = facts.pop("hukou", None) if isinstance(facts, dict) else None
    return {**facts, **({f"hukou_{part}": value for part, value in hukou.items()} if hukou else {})}


def _with_ids(fields: dict[str, Any]) -> dict[str, Any]:
    """Let any text stand for an id: a UUID as it is, else one derived from the text."""
    return {name: _id_in(name, value) for name, value in fields.items()}


def _id_in(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if name == "unit_id":
            return _unit(value)
        return _any_id(value) if name in IDS_NAMED or name.endswith("_id") else value
    if name == "member":
        return _with_ids(value)
    return [_with_ids(member) for member in value] if name == "members" else value


@lru_cache(65536)
def _any_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid5(IDS, text)


@lru_cache(65536)
def _unit(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return registry.unit_id(text)


NAMES = """
register_household verify_residence move_household close_household add_member record_birth remove_member record_death
change_head record_member_facts start_employment end_employment record_need clear_need request_service refer_service
answer_referral grant_service deny_service start_service renew_service end_service record_delivery correct_service
void_service
"""

COMMANDS: dict[str, Callable[..., None]] = {name: getattr(Household, name) for name in NAMES.split()}
