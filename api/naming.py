"""Names for those who may see them: decrypted when an answer is made, and each reading recorded with its purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import g, request

from api.auth import principal, sight
from api.giving import casework
from casework.domain.household import Household
from casework.log.reading import Db
from casework.privacy.access_log import Reader, record_reads
from casework.privacy.persons import Profile


def may_name() -> bool:
    """Say whether the caller sees who people are: a role that does, and a purpose that can be recorded."""
    return sight().names and principal().purpose is not None


def profiles(db: Db, persons: Iterable[tuple[UUID, UUID]]) -> dict[UUID, Profile]:
    """Return the profiles of people, given as (household, person); empty where the caller may not see them."""
    pairs = list(persons)
    if not pairs or not may_name():
        return {}
    gone = elsewhere(db, pairs) | erased(db, pairs)
    wanted = {person_id: household_id for household_id, person_id in pairs if (household_id, person_id) not in gone}
    found = casework().persons.profiles(db, wanted)
    record_reads(db, reader(), [(wanted[person_id], person_id) for person_id in found])
    return found


def elsewhere(db: Db, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Return which people, given as (household, person), are active in another household now.

    What the vault has of them was told there: it is not for those who keep the file that they left.
    """
    holders = casework().persons.holders(db, {person_id for _, person_id in pairs})
    return {(home, person) for home, person in pairs if holders.get(person, home) != home}


def erased(db: Db, pairs: Iterable[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Return which people, given as (household, person), were erased, as the log says; a household with its last one.

    The vault has nothing of them, unless an older one was restored under this process: then it is not believed.
    """
    asked = set(pairs)
    homes = casework().read_whole(db, sorted({home for home, _ in asked}))
    return asked & {(home.id, subject) for home in homes for subject in erased_of(home)}


def erased_of(household: Household) -> set[UUID]:
    """Return who of a household was erased, and with the last of them the household itself."""
    gone = {person.person_id for person in household.people.values() if person.is_erased}
    return {*gone, household.id} if gone and not household.still_named() else gone


def sealed(
    db: Db, household_id: UUID, subjects: Mapping[bytes, UUID], people: Sequence[UUID]
) -> dict[bytes, dict[str, Any]]:
    """Return what stands in the vault behind commitments of events: remarks, and evidence that identifies a person.

    ``subjects`` says whom each commitment is about, who is the household itself or one of ``people``.
    """
    if not subjects or not may_name():
        return {}
    gone = erased(db, [(household_id, subject) for subject in (household_id, *people)])
    left = [subject for subject in (household_id, *people) if (household_id, subject) not in gone]
    asked = [commitment for commitment, subject in subjects.items() if subject in left]
    found = casework().persons.vault.by_commitment(db, left, asked)
    record_reads(db, reader(), [(household_id, subjects[commitment]) for commitment in found])
    return found


def reader() -> Reader:
    """Return who reads, for the record."""
    who = principal()
    return Reader(who.sub, g.role, who.bureau, str(who.purpose), str(request.endpoint), g.request_id)


def shown(profile: Profile) -> dict[str, Any]:
    """Return a profile as it is shown: of the ID number, the last four characters identify well enough."""
    return {
        "name": profile.name,
        "born_on": profile.born_on,
        "id_number_last4": profile.id_number and profile.id_number[-4:],
        "phone": profile.phone,
        "address": profile.address,
    }
