"""Load, decide, save: on a real log, with a real vault."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.domain.ids import partition_of
from casework.domain.registry import unit_id
from casework.domain.state import MemberFacts
from casework.errors import ClaimTaken, CommandReused, Invalid, NotFound, Refused, VersionConflict
from casework.outcome import Outcome
from casework.privacy.id_number import synthetic_id_number
from tests.given import OTHER_COMMUNITY, by, casework_on, first_member, person, registered
from tests.traces import dump_of, traces


@pytest.fixture
def casework(database_url: str, tmp_path: Path) -> Iterator[Casework]:
    yield from casework_on(database_url, tmp_path / "keys")


def request_and_grant(
    casework: Casework, household: UUID, service: str, person_id: UUID | None, **grant: object
) -> UUID:
    day = date(2013, 3, 1)
    asked = casework.give(household, "request_service", by(), service=service, person_id=person_id, requested_on=day)
    episode_id: UUID = asked.events[0]["episode_id"]
    casework.give(household, "grant_service", by(), episode_id=episode_id, granted_on=day, **grant)
    return episode_id


def test_a_registered_household_is_folded_from_its_events(casework: Casework):
    outcome = registered(casework, person("张三"), person("李四", "1982-05-05", "female", "spouse"))

    household = casework.household(outcome.id)

    assert outcome.changed
    assert (outcome.version, household.version, len(household.members)) == (1, 1, 2)


def test_no_event_holds_what_names_a_person(casework: Casework):
    registered(casework, person("欧阳震华", phone="13812345678", address="嵩山路1号"))

    tables = dump_of(str(casework.pool.conninfo))

    assert traces(tables, "欧阳震华", "13812345678", "嵩山路1号", "1980-03-02") == []
    assert b"1980-03" in tables["casework.events"]


def test_the_same_command_again_has_one_effect_and_one_answer(casework: Casework):
    member = person()

    first = registered(casework, member, context=by(key="k1", body=b"1"))
    again = registered(casework, member, context=by(key="k1", body=b"1"))

    assert again == first


def test_fifty_at_once_with_one_key_have_one_effect_and_one_answer(casework: Casework):
    household = registered(casework).id

    def deliver(_: int) -> object:
        return casework.give(
            household, "record_delivery", by(key="k", body=b"1"), service="COM-HALL", delivered_on=date(2013, 9, 1)
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(deliver, range(50)))

    assert all(answer == answers[0] for answer in answers)
    assert casework.household(household).version == 2


def test_a_key_that_comes_with_another_body_is_refused(casework: Casework):
    household = registered(casework).id
    visit: dict[str, Any] = {"verified_on": date(2013, 9, 1), "outcome": "present"}
    casework.give(household, "verify_residence", by(key="k", body=b"1"), **visit)

    with pytest.raises(CommandReused):
        casework.give(household, "verify_residence", by(key="k", body=b"2"), **visit)


def test_a_person_is_active_in_one_open_household_alone(casework: Casework):
    somebody = person()
    first = registered(casework, somebody)

    with pytest.raises(ClaimTaken):
        registered(casework, somebody)

    casework.close_household(first.id, by(), closed_on=date(2013, 9, 1), reason="left_city")
    assert registered(casework, somebody).changed


def number_of_his(nth: int = 1) -> str:
    """A number that the person of these phrases may have."""
    return synthetic_id_number(date(1980, 3, 2), "male", nth)


def tell(casework: Casework, household: UUID, person_id: UUID, on: date = date(2013, 9, 1), **profile: str) -> Outcome:
    """Tell anew what names a member."""
    return casework.record_member_facts(
        household, by(), person_id=person_id, recorded_on=on, facts=MemberFacts(), profile=profile
    )


def test_an_id_number_is_active_once_in_the_city(casework: Casework):
    registered(casework, person(id_number=number_of_his()))

    with pytest.raises(ClaimTaken):
        registered(casework, person("王五", id_number=number_of_his()))


def test_an_id_number_is_active_once_in_a_household(casework: Casework):
    twin = person("李四", relation="spouse", id_number=number_of_his())

    with pytest.raises(ClaimTaken):
        registered(casework, person(id_number=number_of_his()), twin)
    household = registered(casework, person(id_number=number_of_his()), person("李四", relation="spouse")).id
    with pytest.raises(ClaimTaken):
        casework.add_member(household, by(), member=twin[0], profile=twin[1], joined_on=date(2013, 9, 1))
    newborn = person("李五", relation="child", id_number=number_of_his())
    with pytest.raises(ClaimTaken):
        casework.record_birth(household, by(), member=newborn[0], profile=newborn[1], reported_on=date(2013, 9, 1))


def test_a_member_cannot_take_the_number_of_another_and_free_it_for_others(casework: Casework):
    spouse = person("李四", relation="spouse", id_number=number_of_his(2))
    household = registered(casework, person(id_number=number_of_his(1)), spouse).id

    with pytest.raises(ClaimTaken):
        tell(casework, household, spouse[0].person_id, id_number=number_of_his(1))
    tell(casework, household, spouse[0].person_id, id_number=number_of_his(3))

    with pytest.raises(ClaimTaken):
        registered(casework, person("王五", id_number=number_of_his(1)))
    assert registered(casework, person("王五", id_number=number_of_his(2))).changed


def test_somebody_who_left_or_died_claims_nothing_any_more(casework: Casework):
    left = person("李四", relation="spouse", id_number=number_of_his(1))
    died = person("李六", relation="parent", id_number=number_of_his(2))
    household = registered(casework, person(), left, died).id
    casework.remove_member(
        household, by(), person_id=left[0].person_id, left_on=date(2013, 9, 2), reason="other_household"
    )
    casework.record_death(household, by(), person_id=died[0].person_id, died_on=date(2013, 9, 2))

    for gone in (left, died):
        with pytest.raises(Refused, match="no longer a member"):
            tell(casework, household, gone[0].person_id, phone="13812345678")

    assert registered(casework, left).changed
    assert registered(casework, person("王五", id_number=number_of_his(2))).changed


def test_a_mistyped_id_number_is_pointed_at_and_not_repeated(casework: Casework):
    with pytest.raises(Invalid) as refused:
        registered(casework, person(), person(id_number="410105198003020011"))

    assert refused.value.errors[0].pointer == "/members/1/id_number"
    assert "410105198003020011" not in str(refused.value.errors)


def test_a_stale_version_is_a_conflict(casework: Casework):
    household = registered(casework).id
    casework.give(household, "verify_residence", by(), verified_on=date(2013, 9, 1), outcome="present")

    with pytest.raises(VersionConflict):
        casework.give(
            household, "verify_residence", by(expected_version=1), verified_on=date(2013, 9, 2), outcome="absent"
        )


def test_a_household_outside_the_callers_divisions_is_not_there(casework: Casework):
    household = registered(casework).id
    visit: dict[str, Any] = {"verified_on": date(2013, 9, 1), "outcome": "present"}

    with pytest.raises(NotFound):
        casework.give(household, "verify_residence", by(divisions=frozenset({"410102"})), **visit)
    assert casework.give(household, "verify_residence", by(divisions=frozenset({"410105"})), **visit).changed


def test_a_move_goes_to_a_community_that_is_there(casework: Casework):
    household = registered(casework).id

    with pytest.raises(Refused, match="no such community"):
        casework.move_household(household, by(), moved_on=date(2013, 9, 1), to_community="410105999999")
    casework.move_household(household, by(), moved_on=date(2013, 9, 1), to_community=OTHER_COMMUNITY)

    assert casework.household(household).community == OTHER_COMMUNITY


def test_who_moves_to_another_household_takes_what_is_theirs_along(casework: Casework):
    leaver = person("李四", "1982-05-05", "female", "spouse")
    source = registered(casework, person(), leaver).id
    target = registered(casework, person("王五")).id
    person_id = leaver[0].person_id
    card = request_and_grant(casework, source, "SSI-CARD", person_id)

    outcome = casework.remove_member(
        source,
        by(key="move", body=b"1"),
        person_id=person_id,
        left_on=date(2013, 9, 1),
        reason="other_household",
        to_household=target,
    )

    taken = casework.household(target)
    assert taken.people[person_id].spells[0].resident_since == date(2013, 1, 5)
    assert taken.episodes[card].terms[0].origin == (source, 3)
    told = [int(place.split(":")[0]) for place in (outcome.position or "").split(",")]
    assert told == sorted({partition_of(source), partition_of(target)})
    casework.give(target, "end_service", by(), episode_id=card, ended_on=date(2013, 10, 1), reason="withdrawn")
    with pytest.raises(Refused, match="moved with the person"):
        casework.give(source, "end_service", by(), episode_id=card, ended_on=date(2013, 10, 1), reason="withdrawn")


def test_a_transfer_given_again_answers_with_both_positions(casework: Casework):
    leaver = person("李四", "1982-05-05", "female", "spouse")
    source, target = registered(casework, person(), leaver).id, registered(casework).id
    move: dict[str, Any] = {
        "person_id": leaver[0].person_id,
        "left_on": date(2013, 9, 1),
        "reason": "other_household",
        "to_household": target,
    }

    first = casework.remove_member(source, by(key="t", body=b"1"), **move)
    again = casework.remove_member(source, by(key="t", body=b"1"), **move)

    assert again == first


def test_a_child_does_not_start_to_work(casework: Casework):
    child = person("张小三", "1997-12-31", "male", "child")
    household = registered(casework, person(), child).id

    with pytest.raises(Refused, match="not yet 16"):
        casework.start_employment(
            household,
            by(),
            person_id=child[0].person_id,
            kind="employee",
            unit_id=unit_id("emp-1"),
            occurred_on=date(2013, 9, 1),
            from_=date(2013, 9, 1),
        )


def test_vault_evidence_and_remarks_are_sealed_and_the_event_commits_to_them(casework: Casework):
    household = registered(casework, person(), person("张小三", "2005-06-01", "male", "child")).id
    pupil = list(casework.household(household).people)[1]

    episode_id = request_and_grant(
        casework,
        household,
        "EDU-COMP",
        pupil,
        unit_id=unit_id("school-1"),
        evidence={"fee_free": True, "xueji_ref": "G410105200506010011"},
        remark="家长要求就近入学",
    )

    assert traces(dump_of(str(casework.pool.conninfo)), "G410105200506010011", "家长要求就近入学") == []
    with casework.pool.connection() as db:
        sealed = casework.persons.vault.latest(db, [pupil], "evidence")[pupil]
    assert sealed == {"xueji_ref": "G410105200506010011", "remark": "家长要求就近入学"}
    assert casework.household(household).episodes[episode_id].evidence() == {"fee_free": True}


def test_a_new_phone_is_found_and_the_old_one_is_not(casework: Casework):
    household = registered(casework, person(phone="13812345678")).id
    somebody = first_member(casework, household)

    casework.record_member_facts(
        household,
        by(),
        person_id=somebody,
        recorded_on=date(2013, 9, 1),
        facts=MemberFacts(),
        profile={"phone": "13987654321"},
    )

    with casework.pool.connection() as db:
        lookup = casework.persons.hashes.lookup
        assert lookup(db, "phone", "139 8765 4321") == [somebody]
        assert lookup(db, "phone", "13812345678") == []


def test_a_unit_that_is_no_employer_employs_nobody(casework: Casework):
    household = registered(casework).id
    job: dict[str, Any] = {"kind": "employee", "occurred_on": date(2013, 9, 1), "from_": date(2013, 9, 1)}

    with pytest.raises(Refused, match="kind"):
        casework.start_employment(
            household, by(), person_id=first_member(casework, household), unit_id=unit_id("school-1"), **job
        )


def test_registering_a_unit_again_changes_nothing(casework: Casework):
    details: dict[str, Any] = {"code": "emp-2", "kind": "employer", "name_zh": "二厂"}
    details["registered_on"] = date(2012, 1, 1)

    assert casework.register_unit(by("operator"), **details).changed
    assert not casework.register_unit(by("operator"), **details).changed


def test_a_wake_up_names_the_partitions_that_moved(casework: Casework):
    woken: list[list[int]] = []
    casework.wake = lambda partitions: woken.append(list(partitions))

    outcome = registered(casework)

    assert woken == [[outcome.id.int & 63]]


def test_a_unit_stands_under_one_that_is_there(casework: Casework):
    details: dict[str, Any] = {"kind": "township", "name_zh": "环", "registered_on": date(2012, 1, 1)}

    for place in ({"parent": unit_id("ring")}, {"managed_by": unit_id("ring")}, {"parent": unit_id("nowhere")}):
        with pytest.raises(Refused):
            casework.register_unit(by("operator"), code="ring", **details, **place)
    assert casework.register_unit(by("operator"), code="ring", **details, parent=unit_id("410105")).changed
    assert casework.register_unit(
        by("operator"), code="below", **{**details, "kind": "community"}, parent=unit_id("ring")
    ).changed
    with pytest.raises(Refused, match="rank"):
        casework.register_unit(by("operator"), code="beside", **details, parent=unit_id("ring"))


def test_what_is_no_household_is_not_found(casework: Casework):
    home = registered(casework, person(), person("李四", relation="spouse")).id
    leaving: dict[str, Any] = {"person_id": list(casework.household(home).people)[1], "left_on": date(2013, 4, 1)}

    with pytest.raises(NotFound):
        casework.household(unit_id("410105"))
    with pytest.raises(NotFound):
        casework.remove_member(home, by(), **leaving, reason="other_household", to_household=unit_id("410105"))


def test_more_than_an_event_can_hold_is_refused_by_its_name(casework: Casework):
    home = registered(casework, person(), person("李四", relation="spouse")).id
    target = registered(casework, person("王五")).id
    leaving = list(casework.household(home).people)[1]
    for number in range(280):
        casework.give(
            home,
            "record_delivery",
            by(),
            service="CUL-FIT",
            delivered_on=date(2013, 1, 6) + timedelta(days=number),
            person_id=leaving,
        )

    with pytest.raises(Invalid) as refused:
        casework.remove_member(
            home,
            by(),
            person_id=leaving,
            left_on=date(2013, 10, 19),
            reason="other_household",
            to_household=target,
            relation="spouse",
        )

    assert refused.value.code == "event-too-large"
