"""Households, members and employments from files, by the rules of the forms, tried and given alike."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.bulk import files, undoing
from casework.bulk.rows import Verdict
from casework.projections import jobs
from tests.api.conftest import id_number
from tests.bulk.conftest import Clerk
from tests.given import COMMUNITY, OTHER_COMMUNITY, by, person, registered

PEOPLE = "name,sex,born_on,id_number,migrant"


def both(clerk: Clerk, kind: str, content: str, **more: Any) -> dict[int, Verdict]:
    """Try a file and then commit it: what comes of its rows is the same."""
    id = clerk.uploads(kind, content, **more)
    tried = clerk.runs(id, "validated")
    given = clerk.runs(id, "committed")
    assert tried == given
    return given


def holder(casework: Casework, number: str) -> UUID:
    """The household in which somebody is active."""
    with casework.pool.connection() as db:
        row = db.execute(
            "SELECT stream_id FROM casework.claim WHERE hash = %b",
            (casework.persons.hashes.claim_hash("id-number", number),),
        ).fetchone()
    assert row is not None
    return row[0]


def codes(verdicts: dict[int, Verdict]) -> list[str | None]:
    return [verdicts[row].code for row in sorted(verdicts)]


def test_households_and_their_members_come_from_two_files(casework: Casework, clerk: Clerk):
    head, wife, child = (id_number(*each) for each in (("19800302", "101"), ("19820402", "102"), ("20100501", "103")))
    households = f"community,arrived_on,{PEOPLE}\n{COMMUNITY},2013-01-05,欧阳静,男,1980-03-02,{head},是\n"
    members = (
        f"household_id_number,joined_on,relation,{PEOPLE}\n"
        f"{head},2013-02-01,spouse,上官如,女,1982/4/2,{wife},是\n"
        f"{head},2013-02-01,child,欧阳小,男,2010-05-01,{child},是\n"
    )

    assert codes(both(clerk, "households", households)) == [None]
    assert codes(both(clerk, "members", members)) == [None, None]

    household = casework.household(holder(casework, head))
    assert [member.relation for member in household.members] == ["head", "spouse", "child"]
    with casework.pool.connection() as db:
        names = [profile.name for profile in casework.persons.profiles(db, household.people).values()]
    assert sorted(name or "" for name in names) == ["上官如", "欧阳小", "欧阳静"]


def test_nobody_is_registered_twice_by_a_file_or_beside_one(casework: Casework, clerk: Clerk):
    known, new = id_number("19800302", "111"), id_number("19800302", "113")
    registered(casework, person(id_number=known))
    row = f"{COMMUNITY},2013-01-05,某人,男,1980-03-02,{{}},是\n"

    verdicts = both(
        clerk, "households", f"community,arrived_on,{PEOPLE}\n" + "".join(map(row.format, (known, new, new)))
    )

    assert codes(verdicts) == ["claim-taken", None, "row-person-repeated"]


def test_a_row_says_where_another_office_holds_somebody(casework: Casework, clerk: Clerk):
    theirs = person(id_number=id_number("19800302", "115"))
    casework.register_household(
        clerk.context(),
        arrived_on=date(2013, 1, 5),
        community=OTHER_COMMUNITY,
        head=theirs[0].person_id,
        members=[theirs],
    )
    content = f"community,arrived_on,{PEOPLE}\n{COMMUNITY},2013-01-05,某人,男,1980-03-02,{theirs[1].id_number},是\n"

    verdicts = both(clerk, "households", content, divisions=["410105"])

    assert codes(verdicts) == ["held-elsewhere"]


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("410105999999,2013-01-05,某人,男,1980-03-02,,是", "community-not-yours", None),
        (f"{COMMUNITY},2013-01-05,某人,男,1980-03-02,410105198003020998,是", "id-number-check", "id_number"),
        (f"{COMMUNITY},2099-01-05,某人,男,1980-03-02,,是", "date-in-future", None),
        (f"{COMMUNITY},2013-01-05,某人,外,1980-03-02,,是", "unknown-code", "sex"),
        (f"{COMMUNITY},2013-01-05,,男,1980-03-02,,是", "field-missing", "name"),
        (f"{COMMUNITY},2013-01-05,某人,男,1980-03-02,,是,,多余", "row-too-long", None),
    ],
)
def test_a_row_is_refused_by_the_forms_own_rules(clerk: Clerk, row: str, code: str, column: str | None):
    [verdict] = both(clerk, "households", f"community,arrived_on,{PEOPLE}\n{row}\n").values()

    assert (verdict.code, verdict.column) == (code, column)


def test_employments_ask_the_vault_for_the_age(casework: Casework, clerk: Clerk):
    man, boy = id_number("19800302", "121"), id_number("20020302", "123")
    household = registered(
        casework, person(id_number=man), person("张小", "2002-03-02", relation="child", id_number=boy)
    ).id
    rows = "".join(f"{number},employee,emp-1,2013-02-01\n" for number in (man, boy))

    verdicts = both(clerk, "employments", f"id_number,kind,unit,from\n{rows}")

    assert codes(verdicts) == [None, "under-working-age"]
    assert len(casework.household(household).employments) == 1


def test_rows_of_one_household_are_decided_on_one_after_another(casework: Casework, clerk: Clerk):
    number = id_number("19800302", "131")
    registered(casework, person(id_number=number))
    grants = "".join(f"{number},SSI-CARD,2013-0{month}-01\n" for month in (3, 4))

    assert codes(both(clerk, "services", f"id_number,service,occurred_on\n{grants}")) == [None, "service-open"]


def test_a_grant_that_is_refused_leaves_no_request(casework: Casework, clerk: Clerk):
    number = id_number("19800302", "133")
    household = registered(casework, person(id_number=number)).id
    rows = f"{number},SSI-PEN,2013-03-01,,\n{number},SSI-PEN,2013-03-02,resident,2013-02\n"

    verdicts = both(clerk, "services", f"id_number,service,occurred_on,evidence.scheme,evidence.paid_through\n{rows}")

    assert codes(verdicts) == ["evidence-missing", None]
    assert verdicts[2].column in ("evidence.scheme", "evidence.paid_through")
    assert len(casework.household(household).episodes) == 1


def test_households_members_and_employments_are_undone(casework: Casework, clerk: Clerk):
    head, wife = id_number("19800302", "141"), id_number("19820402", "142")
    first = clerk.uploads(
        "households", f"community,arrived_on,{PEOPLE}\n{COMMUNITY},2013-01-05,甲,男,1980-03-02,{head},是\n"
    )
    clerk.runs(first, "committed")
    household = holder(casework, head)
    second = clerk.uploads(
        "members",
        f"household_id,joined_on,relation,{PEOPLE}\n{household},2013-02-01,spouse,乙,女,1982-04-02,{wife},是\n",
    )
    clerk.runs(second, "committed")
    third = clerk.uploads("employments", f"id_number,kind,unit,from\n{wife},employee,emp-1,2013-02-01\n")
    clerk.runs(third, "committed")

    def undone(id: UUID) -> dict[str, int]:
        return undoing.run(casework, id, lambda done, total: None)

    assert undone(first)["errors"] == 1
    assert undone(second)["errors"] == 1
    assert undone(third) == {"rows": 1, "done": 1, "unchanged": 0, "errors": 0}
    left = casework.household(household)
    assert left.closed_on is None
    assert left.employments == {}
    assert [undone(each)["errors"] for each in (second, first)] == [0, 0]
    assert casework.household(household).closed_on == casework.today


def test_an_undoing_that_was_cut_off_goes_on_and_tries_again_what_had_to_stay(casework: Casework, clerk: Clerk):
    numbers = [id_number("19800302", f"{number:03d}") for number in range(201, 231, 2)]
    homes = [registered(casework, person(id_number=number)).id for number in numbers]
    id = clerk.uploads(
        "services", "id_number,service,occurred_on\n" + "".join(f"{n},SSI-CARD,2013-03-01\n" for n in numbers)
    )
    clerk.runs(id, "committed")
    kept = casework.household(homes[0])
    [card] = kept.episodes
    casework.give(
        homes[0], "end_service", clerk.context(), episode_id=card, ended_on=date(2013, 5, 1), reason="withdrawn"
    )

    def cut_off(done: int, total: int) -> None:
        if done > 5:
            raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled):
        undoing.run(casework, id, cut_off)
    between = [state(casework, id), *(undoing.run(casework, id, lambda done, total: None)["errors"] for _ in range(2))]
    voided = {"episode_id": card, "voided_on": casework.today, "reason": "never_happened"}
    casework.give(homes[0], "void_service", by("supervisor"), **voided)
    last = undoing.run(casework, id, lambda done, total: None)

    assert between == ["undoing", 1, 1]
    assert last == {"rows": 15, "done": 14, "unchanged": 1, "errors": 0}
    assert state(casework, id) == "undone"
    assert [each.voided for home in homes for each in casework.household(home).episodes.values()] == [
        "never_happened"
    ] * 15


def state(casework: Casework, id: UUID) -> str:
    with casework.pool.connection() as db:
        file = files.find(db, id)
    assert file is not None
    return file.state


def test_what_nothing_rests_on_is_undone_whole(casework: Casework, clerk: Clerk):
    head, wife = id_number("19800302", "151"), id_number("19820402", "152")
    household = registered(casework, person(id_number=head)).id
    members = clerk.uploads(
        "members",
        f"household_id,joined_on,relation,{PEOPLE}\n{household},2013-02-01,spouse,乙,女,1982-04-02,{wife},是\n",
    )
    clerk.runs(members, "committed")

    undoing.run(casework, members, lambda done, total: None)
    again = undoing.run(casework, members, lambda done, total: None)

    assert again == {"rows": 1, "done": 1, "unchanged": 0, "errors": 0}
    assert len(casework.household(household).members) == 1
    assert codes(
        both(
            clerk,
            "members",
            f"household_id,joined_on,relation,{PEOPLE}\n{household},2013-02-01,spouse,乙,女,1982-04-02,{wife},是\n",
        )
    ) == [None]
