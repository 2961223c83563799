"""Corrections of people and voids of entries, decided from DOMAIN 8.2 (14, 30) and RULES B3 and G2 alone."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

from tests.domain.oracle_dates import birthday
from tests.domain.oracle_story import Entry, Known, Person, correct_person

SERVICE_COMMANDS = (
    *("request_service", "refer_service", "answer_referral", "grant_service", "deny_service", "start_service"),
    *("renew_service", "end_service", "record_delivery", "correct_service", "void_service"),
)
NOT_VOIDABLE = {"register_household", "close_household", "void_entry", *SERVICE_COMMANDS}


def correction_refusal(known: Known, entries: list[Entry], said: dict[str, Any], today: date) -> str | None:
    """Why a correction of a person is refused."""
    person = known.people.get(said["person_id"])
    if person is None:
        return "no such person"
    for change in said["changes"]:
        if _standing(person, change["path"]) != change.get("old"):
            return "old differs"
    corrected = deepcopy(known)
    mine = corrected.people[person.id]
    for change in said["changes"]:
        correct_person(corrected, mine, change["path"], change.get("new"))
    for stay in mine.stays:
        if mine.born_first > stay.joined:
            return "born later"
        if stay.joined > today:
            return "in the future"
        if stay.left is not None and stay.left < stay.joined:
            return "left before"
    jobs = [job for job in known.jobs.values() if job.person == person.id]
    paths = {change["path"] for change in said["changes"]}
    if "birth_month" in paths and any(birthday(mine.born_first, 16) > job.start for job in jobs):
        return "under 16"
    return _joined_amiss(mine, known, entries) if "joined_on" in paths else None


def _joined_amiss(person: Person, known: Known, entries: list[Entry]) -> str | None:
    born_here = any(e.kind == "record_birth" and e.said["member"]["person_id"] == person.id for e in standing(entries))
    if born_here:
        return "of a newborn"
    for before, stay in zip(person.stays, person.stays[1:], strict=False):
        if before.left is not None and stay.joined < before.left:
            return "overlap"
    if any(stay.resident_since > max(stay.joined, known.arrived or stay.joined) for stay in person.stays):
        return "resident later"
    for entry in standing(entries):
        named = [entry.said.get(name) for name in ("mother", "head", "new_head")]
        named += [entry.said["person_id"]] if entry.kind == "change_head" else []
        if person.id in named and known.people[person.id].stay_on(entry.on) and not person.stay_on(entry.on):
            return "not there"
    return None


def _standing(person: Person, path: str) -> Any:
    if path == "birth_month":
        return person.born_on.isoformat()[:7]
    if path == "joined_on":
        return person.stays[-1].joined.isoformat()
    name, _, part = path.partition(".")
    told = sorted(person.told, key=lambda each: each[:2])
    value = next((facts[name] for _, _, facts in reversed(told) if facts.get(name) is not None), None)
    return value.get(part) if part and value is not None else value


def standing(entries: list[Entry]) -> list[Entry]:
    """The entries that count."""
    voided = {entry.said["voids"] for entry in entries if entry.kind == "void_entry"}
    return [entry for entry in entries if entry.version not in voided and entry.kind != "void_entry"]


def void_refusal(known: Known, entries: list[Entry], said: dict[str, Any], today: date, rules: Any) -> str | None:
    """Why the void of an entry is refused."""
    if not 1 <= said["voids"] <= len(entries):
        return "no such entry"
    target = entries[said["voids"] - 1]
    if target.kind in NOT_VOIDABLE:
        return "not to be voided"
    if target not in standing(entries):
        return "voided"
    if target.kind in rules.recent and (today - target.on).days > 400 and said.get("role") != "supervisor":
        return "too far back"
    if target.kind == "correct_member_facts" and any(c["path"] == "birth_month" for c in target.said["changes"]):
        return "agrees with the vault"
    if any(_corrected_in(entries, entry) == target.version for entry in standing(entries)):
        return "corrected later"
    without, broken = _told_again(entries, target, {target.version}, today, rules)
    _, anyway = _told_again(entries, target, set(), today, rules)
    if broken - anyway:
        return "something rests on it"
    if _present(known) and not _present(without):
        return "nobody left"
    return "no head" if known.head in _present(known) and without.head not in _present(without) else None


def _corrected_in(entries: list[Entry], correction: Entry) -> int | None:
    """The version of the entry that a correction of a person is about, as things stood then."""
    if correction.kind != "correct_member_facts":
        return None
    person = Known(entries[: correction.version - 1]).people[correction.said["person_id"]]
    name = correction.said["changes"][0]["path"].partition(".")[0]
    told = sorted(person.told, key=lambda each: each[:2])
    versions = [version for _, version, facts in told if facts.get(name) is not None]
    return versions[-1] if versions else person.stays[-1].version


def _present(known: Known) -> list[str]:
    return [person.id for person in known.people.values() if person.stay]


def _told_again(
    entries: list[Entry], target: Entry, left_out: set[int], today: date, rules: Any
) -> tuple[Known, set[int]]:
    """The household without an entry, and what came later that could not have been said there."""
    known, told, broken = Known([]), list[Entry](), set[int]()
    for entry in standing(entries):
        if entry.version in left_out:
            continue
        if entry.version > target.version:
            said = {**entry.said, "role": "supervisor", "override_reason": "hardship"}
            again = rules(known, told, said)
            again.today = today
            try:
                refused = again.outcome() not in (None, "again")
            except (KeyError, AttributeError):
                refused = True
            broken |= {entry.version} if refused else set()
        try:
            known.take(entry)
        except (KeyError, AttributeError, AssertionError):
            return known, broken | {entry.version}
        told.append(entry)
    return known, broken
