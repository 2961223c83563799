"""Saying that what was told of a person was wrong from the start: command 14 of DOMAIN 8.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from casework.domain.calendar import birthday, born_from
from casework.domain.checks import check_code, check_codes, check_facts, check_month
from casework.domain.corrections import CorrectionCommands, as_day, is_day
from casework.domain.events.corrections import Change, MemberFactsCorrected
from casework.domain.events.membership import HeadChanged, MemberBorn, NewMember
from casework.domain.policy import policy_of
from casework.domain.residence import By, refuse_if
from casework.domain.state import Birth, MemberFacts, Person, Spell, Told
from casework.errors import Refused

INSIDE = {"student": ("from", "to"), "pregnancy": ("from", "to"), "permit": ("status", "from", "to")}
"""Facts of several parts; a path names one of them: ``student.to``. Without its first part there is no such fact."""

FACTS = frozenset(
    {name for name in MemberFacts.__struct_fields__ if name not in INSIDE}
    | {f"{name}.{part}" for name, parts in INSIDE.items() for part in parts}
)
OF_PERSON = frozenset({"birth_month", "sex", "relation"})
OF_SPELL = frozenset({"joined_on", "resident_since"})
OF_BIRTH = "births."
"""Before a child's id: the month in which a mother bore it, for a child who is not of her household."""
PATHS = FACTS | OF_PERSON | OF_SPELL
"""What a correction may name: facts, and what was told when the person was taken in."""

IN_THE_VAULT = frozenset({"birth_month", "sex"})
"""What must agree with the particulars that the vault keeps of the person."""


class FactCorrectionCommands(CorrectionCommands):
    """Correct what was told of a person."""

    def correct_member_facts(
        self,
        by: By,
        *,
        corrected_on: date,
        person_id: UUID,
        changes: Sequence[Change],
        reason: str,
        corrects: int | None = None,
        mothers_household: UUID | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Say what was wrong from the start; every change names the value that stands now (RULES B3).

        What moved with a person is corrected where they live now (RULES G4). That a month of birth and a sex agree
        with the vault is asked where the vault is known.
        """
        self._check_open()
        self._check_date(by, corrected_on, backdated=False)
        person = self.person(person_id)
        self._check_still_ours(person_id)
        check_codes(reason=("correction_reasons", reason))
        refuse_if(not changes, "nothing-recorded")
        corrected = _copied(person)
        target = corrects or _told_in(corrected, changes)
        for change in changes:
            refuse_if(not self._may_correct(change.path), "correction-path", path="path")
            self._check_spell(corrected, change, target)
            stands = _value(corrected, change.path, target)
            refuse_if(stands != change.old, "old-value-differs", path=change.path)
            _put(corrected, change, target)
            refuse_if(_value(corrected, change.path, target) != change.new, "correction-value", path=change.path)
        self._check_person(by, corrected, {change.path for change in changes})
        self.record(
            MemberFactsCorrected(
                occurred_on=corrected_on,
                person_id=person_id,
                changes=tuple(changes),
                reason=reason,
                corrects=target,
                mothers_household=mothers_household,
                commitment=commitment,
            )
        )

    def mother_elsewhere(self, child: UUID) -> UUID | None:
        """The mother of a child, where she is not of this household, so that its births are told elsewhere too."""
        mother = self.person(child).mother
        is_here = mother in self.people and self.people[mother].spells[-1].to_household is None
        return None if is_here else mother

    def _may_correct(self, path: str) -> bool:
        """Whether a path can be named; the month of a birth is corrected with the child, where the child is here."""
        if not path.startswith(OF_BIRTH):
            return path in PATHS
        here = (p for p in self.people.values() if p.spells[-1].to_household is None)
        return path.removeprefix(OF_BIRTH) not in map(str, (person.person_id for person in here))

    def _check_spell(self, person: Person, change: Change, target: int) -> None:
        """When somebody joined cannot be corrected apart from their birth, or from where they left that day."""
        if change.path not in OF_SPELL:
            return
        refuse_if(change.new is None, "correction-value", path=change.path)
        entry = self.entries[_spell(person, change.path, target).version - 1]
        if isinstance(entry, MemberBorn):
            refuse_if(change.path == "joined_on", "correction-path", path=change.path)
            raise Refused("resident-since-of-newborn")
        taken_in: list[NewMember] = [*filter(None, [getattr(entry, "member", None)]), *getattr(entry, "members", ())]
        moved = any(new.person_id == person.person_id and new.carried is not None for new in taken_in)
        refuse_if(moved and change.path == "joined_on", "entry-of-two-households")

    def _check_person(self, by: By, person: Person, paths: set[str]) -> None:
        """What stands after a correction meets the same rules as what is told at first."""
        check_code("sex", "sexes", person.sex)
        check_code("relation", "relations", person.relation)
        for told in person.told:
            check_facts(told.facts)
        check_month("birth_month", person.birth_month)
        for birth in person.births:
            check_month(f"{OF_BIRTH}{birth.child}", birth.birth_month)
            refuse_if(born_from(birth.birth_month) > birth.reported_on, "born-later")
        begun = born_from(person.birth_month)
        for spell, before in zip(person.spells, [None, *person.spells], strict=False):
            refuse_if(begun > spell.joined_on, "born-later")
            refuse_if(spell.joined_on > by.today, "date-in-future")
            refuse_if(spell.resident_since > max(spell.joined_on, self.arrived_on), "resident-since-later")
            refuse_if(spell.left_on is not None and spell.joined_on > spell.left_on, "left-before-joining")
            overlaps = before is not None and before.left_on is not None and spell.joined_on < before.left_on
            refuse_if(overlaps, "person-already-a-member")
        if "birth_month" in paths:
            mine = (e for e in self.employments.values() if e.person_id == person.person_id)
            early = (birthday(begun, policy_of(e.from_).ages.adult) > e.from_ for e in mine)
            refuse_if(any(early), "under-working-age")
        if "joined_on" in paths:
            self._check_present(person)

    def _check_present(self, person: Person) -> None:
        """Whoever became head, or a mother, is still a member on that day."""
        before = self.people[person.person_id]
        for version, entry in enumerate(self.entries, 1):
            changed = entry.person_id if isinstance(entry, HeadChanged) else None
            named = (changed, *(getattr(entry, name, None) for name in ("head", "new_head", "mother")))
            if person.person_id in named and version not in self.voided_entries:
                gone = before.stays_on(entry.occurred_on) and not person.stays_on(entry.occurred_on)
                refuse_if(gone, "person-not-a-member")


def correct_facts(people: Mapping[UUID, Person], event: MemberFactsCorrected) -> None:
    """Put the new values where the old ones stood; a child's month of birth stands with the mother too."""
    person = people[event.person_id]
    for change in event.changes:
        _put(person, change, event.corrects)
        if change.path == "birth_month":
            births = (birth for mother in people.values() for birth in mother.births)
            for birth in births:
                if birth.child == event.person_id:
                    birth.birth_month = str(change.new)


def _copied(person: Person) -> Person:
    return replace(
        person,
        told=[replace(told) for told in person.told],
        spells=[replace(spell) for spell in person.spells],
        births=[replace(birth) for birth in person.births],
    )


def _told_in(person: Person, changes: Sequence[Change]) -> int:
    """The version of the event whose value stands, which one correction can reach."""
    versions = {_teller(person, change.path).version for change in changes}
    refuse_if(len(versions) > 1, "corrects-several")
    return versions.pop()


def _teller(person: Person, path: str) -> Told | Spell | Birth:
    """What told last of a fact; where nothing did, what told of the person when they came."""
    if path.startswith(OF_BIRTH):
        return _birth(person, path)
    if path not in FACTS:
        return person.spells[-1]
    begun = next((told for told in person.told if told.version == person.spells[-1].version), person.told[0])
    return _last_to_tell(person.told, path) or begun


def _last_to_tell(told: Sequence[Told], path: str) -> Told | None:
    name = path.partition(".")[0]
    return next((each for each in reversed(told) if getattr(each.facts, name) is not None), None)


def _told(person: Person, path: str, version: int) -> Told:
    """What an event told; of what moved in with a person, the last that said something of the fact."""
    told = [each for each in person.told if each.version == version]
    if not told:
        raise Refused("correction-path", path=path)
    return _last_to_tell(told, path) or told[-1]


def _birth(person: Person, path: str) -> Birth:
    birth = next((each for each in person.births if str(each.child) == path.removeprefix(OF_BIRTH)), None)
    if birth is None:
        raise Refused("correction-path", path=path)
    return birth


def _spell(person: Person, path: str, version: int) -> Spell:
    spell = next((spell for spell in person.spells if spell.version == version), None)
    if spell is None:
        raise Refused("correction-path", path=path)
    return spell


def _value(person: Person, path: str, version: int) -> Any:
    """The value that stands, as JSON has it."""
    if path in OF_PERSON:
        return getattr(person, path)
    if path in OF_SPELL:
        return getattr(_spell(person, path, version), path).isoformat()
    if path.startswith(OF_BIRTH):
        return _birth(person, path).birth_month
    name, _, part = path.partition(".")
    value = msgspec.to_builtins(_told(person, path, version).facts).get(name)
    return value.get(part) if part and value is not None else value


def _put(person: Person, change: Change, version: int) -> None:
    path = change.path
    if path == "joined_on":
        _rejoin(person, _spell(person, path, version), _day(change))
    elif path == "resident_since":
        _spell(person, path, version).resident_since = _day(change)
    elif path.startswith(OF_BIRTH):
        _birth(person, path).birth_month = _text(change)
    elif path in OF_PERSON:
        setattr(person, path, _text(change))
    else:
        told = _told(person, path, version)
        told.facts = _with(told.facts, change)


def _rejoin(person: Person, spell: Spell, day: date) -> None:
    """Move the day of joining, and with it the residence and the facts that began on it."""
    if spell.resident_since == spell.joined_on:
        spell.resident_since = day
    for told in person.told:
        if told.version == spell.version:
            told.on = day
    person.told.sort(key=lambda told: (told.on, told.version))
    spell.joined_on = day


def _with(facts: MemberFacts, change: Change) -> MemberFacts:
    name, _, part = change.path.partition(".")
    plain: dict[str, Any] = msgspec.to_builtins(facts)
    value: Any = change.new
    if part:
        parts = {**plain.get(name, {}), part: change.new}
        value = parts if parts.get(INSIDE[name][0]) is not None else None
    try:
        return msgspec.convert({**plain, name: value}, MemberFacts)
    except msgspec.ValidationError:
        raise Refused("correction-value", path=change.path) from None


def _text(change: Change) -> str:
    refuse_if(not isinstance(change.new, str), "correction-value", path=change.path)
    return str(change.new)


def _day(change: Change) -> date:
    refuse_if(not is_day(change.new), "correction-value", path=change.path)
    day = as_day(change.new)
    assert day is not None
    return day
