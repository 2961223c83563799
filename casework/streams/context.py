"""What consent, erasure and the household's records say now: the part of a disclosure that no event holds."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain.aggregate import Recorded
from casework.domain.household import Household
from casework.domain.ids import PARTITIONS
from casework.domain.sight import with_voided
from casework.domain.state import Person
from casework.log import reading
from casework.log.reading import LAST_POSITION, Db
from casework.privacy.persons import Persons
from casework.projections.computing import described, folded

log = logging.getLogger(__name__)

_NEWEST = dict.fromkeys(range(PARTITIONS), LAST_POSITION)


class Context(NamedTuple):
    """A household as it is now, and ``whole`` with the entries that were voided, of which its story tells all the same.

    ``people`` are those of whom it ever told, as the file tells of them in which they are now; ``erased`` those of them
    whose names are gone. ``event_ids`` are the ids of its events by version, where some were voided.
    """

    household: Household
    whole: Household
    people: Mapping[UUID, Person]
    erased: Collection[UUID]
    today: date
    event_ids: Mapping[int, UUID] = {}


def contexts(db: Db, persons: Persons, household_ids: Collection[UUID], today: date) -> dict[UUID, Context]:
    """Return what may be told depends on, of many households at a few queries for all.

    A household that cannot be folded is left out: of what nobody can read, nobody may be told.
    """
    households = folded_streams(db, household_ids)
    everybody = {person_id for each in households.values() for person_id in each.people}
    erased = persons.erased(db, everybody)
    moved = _elsewhere(db, persons, households.values())
    return {
        id: Context(
            household,
            _with_voided(household),
            {person_id: moved.get(person_id, person) for person_id, person in household.people.items()},
            erased & household.people.keys(),
            today,
            _event_ids(db, household),
        )
        for id, household in households.items()
    }


def folded_streams(db: Db, household_ids: Collection[UUID]) -> dict[UUID, Household]:
    """Return some households as they are now; those that cannot be folded are left out."""
    found = {}
    for stream in reading.whole_streams_of(db, list(household_ids), _NEWEST):
        try:
            found[stream.id] = folded(stream)
        except Exception as error:
            log.error("Household %s cannot be folded, and is not disclosed: %s", stream.id, described(error))
    return found


def _elsewhere(db: Db, persons: Persons, households: Iterable[Household]) -> dict[UUID, Person]:
    """People who left and are in another file now: what they consent to is said there."""
    gone = [person.person_id for each in households for person in each.people.values() if person.current is None]
    homes = persons.holders(db, gone)
    files = folded_streams(db, set(homes.values()))
    return {
        person_id: files[home].people[person_id]
        for person_id, home in homes.items()
        if home in files and person_id in files[home].people
    }


def _with_voided(household: Household) -> Household:
    if not household.voided_entries:
        return household
    recorded = [Recorded(household.id, version, event) for version, event in enumerate(household.entries, 1)]
    return with_voided(household, recorded)


def _event_ids(db: Db, household: Household) -> dict[int, UUID]:
    if not household.voided_entries:
        return {}
    return {logged.version: logged.meta.event_id for logged in reading.timeline(db, household.id)}
