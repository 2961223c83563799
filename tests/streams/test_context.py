"""What consent, erasure and records say now, read for many households at once."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.ids import uuid7
from casework.domain.registry import grant_id
from casework.errors import Refused
from casework.log import reading
from casework.log.migrations import read_birth
from casework.privacy.ledger import Ledger
from casework.streams.context import Context, contexts
from casework.streams.disclosure import Compiled, Happened, disclose
from casework.streams.kept import KeptContexts
from tests.given import OTHER_COMMUNITY, by, first_member, person, registered
from tests.streams.given import extent

GRANT: dict[str, Any] = {
    "issued_on": date(2013, 10, 20),
    "bureau": "HRSS",
    "purpose": "cross_bureau",
    "legal_basis": "consent",
}


def now(casework: Casework, *household_ids: UUID) -> dict[UUID, Context]:
    with casework.pool.connection() as db:
        return contexts(db, casework.persons, household_ids, casework.today)


def consents(context: Context, person_id: UUID) -> bool:
    return context.people[person_id].consent_on("cross_bureau", context.today) is not None


def agree(casework: Casework, household_id: UUID, person_id: UUID) -> None:
    casework.give_consent(
        household_id, by(), given_on=date(2013, 3, 1), person_id=person_id, scope="cross_bureau", notice_version="1"
    )


def test_many_households_are_told_of_at_once(casework: Casework):
    homes = [registered(casework).id for _ in range(3)]
    agree(casework, homes[1], first_member(casework, homes[1]))

    found = now(casework, *homes, uuid7())

    assert set(found) == set(homes)
    assert [consents(found[home], first_member(casework, home)) for home in homes] == [False, True, False]


def test_whoever_is_in_another_file_now_consents_there(casework: Casework):
    head, wife = person(), person("王芳", "1982-05-04", "female", "spouse")
    home, other = registered(casework, head, wife).id, registered(casework).id
    agree(casework, home, wife[0].person_id)
    casework.remove_member(
        home,
        by(),
        person_id=wife[0].person_id,
        left_on=date(2013, 4, 1),
        reason="other_household",
        to_household=other,
        relation="other_relative",
    )
    moved = now(casework, home)[home]
    casework.withdraw_consent(
        other, by(), person_id=wife[0].person_id, scope="cross_bureau", withdrawn_on=date(2013, 5, 1)
    )

    assert consents(moved, wife[0].person_id)
    assert not consents(now(casework, home)[home], wife[0].person_id)


def test_whoever_was_erased_in_another_file_is_known_here(casework: Casework, tmp_path: Any):
    head, wife = person(), person("王芳", "1982-05-04", "female", "spouse")
    home, other = registered(casework, head, wife).id, registered(casework).id
    person_id = wife[0].person_id
    casework.remove_member(
        home,
        by(),
        person_id=person_id,
        left_on=date(2013, 4, 1),
        reason="other_household",
        to_household=other,
        relation="other_relative",
    )
    erase(casework, other, person_id, tmp_path)

    found = now(casework, home, other)

    assert [set(each.erased) for each in found.values()] == [{person_id}, {person_id}]


def erase(casework: Casework, household_id: UUID, person_id: UUID, folder: Any) -> None:
    with casework.pool.connection() as db:
        born = read_birth(db)
    assert born is not None
    (folder / "keys").mkdir(mode=0o700)
    casework.ledger = Ledger(folder, folder / "keys", born.created_at)
    casework.request_erasure(
        household_id, by(), person_id=person_id, requested_on=date(2013, 5, 1), basis="consent_withdrawn"
    )
    casework.erase_person(household_id, by("supervisor"), person_id=person_id, erased_on=date(2013, 5, 2))


def kept(casework: Casework, contexts: KeptContexts, *household_ids: UUID, today: date | None = None) -> list[Context]:
    with casework.pool.connection() as db:
        found = contexts.of(db, household_ids, today or casework.today)
    return [found[id] for id in household_ids]


def test_what_is_kept_stays_until_something_happens_to_its_people(casework: Casework):
    first, second = (registered(casework).id for _ in range(2))
    contexts = KeptContexts(casework.persons)
    before = kept(casework, contexts, first, second)

    agree(casework, first, first_member(casework, first))
    after = kept(casework, contexts, first, second)
    tomorrow = kept(casework, contexts, second, today=date(2013, 10, 21))

    assert [consents(each, first_member(casework, first)) for each in (before[0], after[0])] == [False, True]
    assert before[1] is after[1]
    assert tomorrow[0].today == date(2013, 10, 21)


def test_what_is_said_of_somebody_in_another_file_is_heard_where_they_were(casework: Casework):
    head, wife = person(), person("王芳", "1982-05-04", "female", "spouse")
    home = registered(casework, head, wife).id
    person_id, contexts = wife[0].person_id, KeptContexts(casework.persons)
    agree(casework, home, person_id)
    casework.remove_member(home, by(), person_id=person_id, left_on=date(2013, 4, 1), reason="moved_out")
    [gone] = kept(casework, contexts, home)

    # Whoever left is registered anew under the same id, in a file that nothing of the first one points to.
    casework.register_household(
        by(), arrived_on=date(2013, 5, 1), community=OTHER_COMMUNITY, head=person_id, members=[wife]
    )
    [elsewhere] = kept(casework, contexts, home)

    assert [consents(each, person_id) for each in (gone, elsewhere)] == [True, False]


def test_no_more_is_kept_than_there_is_room_for(casework: Casework):
    contexts, homes = KeptContexts(casework.persons, most=2), [registered(casework).id for _ in range(3)]

    first = kept(casework, contexts, *homes[:2])
    kept(casework, contexts, homes[2])

    assert kept(casework, contexts, homes[0])[0] is not first[0]
    assert kept(casework, contexts, *homes)[0].household.id == homes[0]


def test_a_voided_entry_is_known_by_its_event(casework: Casework):
    home = registered(casework).id
    casework.give(home, "verify_residence", by(), verified_on=date(2013, 3, 1), outcome="present")
    casework.void_entry(home, by("supervisor"), voids=2, voided_on=date(2013, 3, 2), reason="never_happened")

    [context] = now(casework, home).values()

    with casework.pool.connection() as db:
        [_, verified, _] = reading.timeline(db, home)
    assert context.event_ids[2] == verified.meta.event_id
    assert len(context.whole.verified) == 1


def test_a_grant_is_a_stream_of_the_registry_and_a_feed_follows_it(casework: Casework):
    home = registered(casework).id
    agree(casework, home, first_member(casework, home))
    issued = casework.issue_grant(by("operator", "g1"), name="hrss-all", extent=extent(), **GRANT)
    wide = told(casework, home)

    casework.narrow_grant(
        by("operator"),
        name="hrss-all",
        extent=extent(divisions=(OTHER_COMMUNITY,)),
        narrowed_on=date(2013, 10, 20),
    )
    narrow = told(casework, home)
    casework.revoke_grant(by("operator"), name="hrss-all", revoked_on=date(2013, 10, 20), reason="misuse")

    assert issued.id == grant_id("hrss-all")
    assert (wide, narrow, told(casework, home)) == (["hrss-all.1"] * 2, [], [])


def test_a_grant_names_divisions_that_there_are_and_narrows_inside_them(casework: Casework):
    with pytest.raises(Refused) as unknown:
        casework.issue_grant(by("operator"), name="hrss-far", extent=extent(divisions=("999999",)), **GRANT)
    casework.issue_grant(by("operator"), name="hrss-some", extent=extent(divisions=("410105",)), **GRANT)

    with pytest.raises(Refused) as elsewhere:
        casework.narrow_grant(
            by("operator"),
            name="hrss-some",
            extent=extent(divisions=(OTHER_COMMUNITY,)),
            narrowed_on=date(2013, 10, 20),
        )

    assert (unknown.value.code, elsewhere.value.code) == ("unit-unknown", "grant-wider")


def told(casework: Casework, household_id: UUID) -> list[str]:
    """Under which grant's state each event of a household is told to the bureau."""
    registry, ids = casework.registry(), casework.persons.hashes.own_ids("HRSS")
    grant = registry.grant("hrss-all")
    assert grant is not None
    asked, context = Compiled(grant, ids, registry, casework.today), now(casework, household_id)[household_id]
    with casework.pool.connection() as db:
        logged = reading.timeline(db, household_id)
    events = zip(logged, context.household.entries, strict=True)
    envelopes = [disclose(Happened(household_id, *each), asked, context) for each in events]
    return [each.policyver for each in envelopes if each is not None]
