"""An import that is carried out whole: all rows or none, whatever happens in the middle of it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from casework.application import Casework
from casework.bulk import files, importing, together, undoing
from casework.bulk.files import ImportFile
from casework.bulk.rows import Verdict
from casework.domain.ids import partition_of
from casework.errors import Refused
from casework.projections import jobs
from tests.bulk.conftest import Clerk, Installation
from tests.bulk.lots import KILLED, committed_in_process, delivered, table


def whole(clerk: Clerk, content: str) -> UUID:
    return clerk.uploads("services", content, atomic="all")


def at_the_desk(clerk: Clerk, household: UUID, day: str) -> None:
    """Somebody records what a row is about to say."""
    delivery = {"service": "HLT-EDU", "delivered_on": date.fromisoformat(day)}
    clerk.casework.give(household, "record_delivery", clerk.context(), **delivery)


def told(casework: Casework, id: UUID, stage: str) -> tuple[ImportFile, list[Verdict]]:
    with casework.pool.connection() as db:
        file = files.find(db, id)
        assert file is not None
        return file, [verdict for verdict in files.verdicts(db, id, stage) if verdict.code]


def last(people: dict[str, UUID]) -> UUID:
    """The household whose rows come last: of the highest partition."""
    return max(people.values(), key=partition_of)


def committed(clerk: Clerk, id: UUID) -> str | None:
    """Why nothing of an import stands."""
    try:
        clerk.runs(id, "committed")
    except Refused as error:
        return error.code
    return None


def test_nothing_is_carried_out_where_a_row_is_refused_until_it_is_not(
    casework: Casework, clerk: Clerk, people: dict[str, UUID]
):
    refused, day = last(people), "2013-03-01"
    at_the_desk(clerk, refused, day)
    id = whole(clerk, table(people, day))

    before = committed(clerk, id)
    file, errors = told(casework, id, "validated")
    nothing = sum(delivered(casework, people, day))
    [mistaken] = [each for each in casework.household(refused).episodes.values() if str(each.delivered_on) == day]
    voided = {"episode_id": mistaken.episode_id, "voided_on": casework.today, "reason": "never_happened"}
    casework.give(refused, "void_service", clerk.context(), **voided)
    after = committed(clerk, id)

    assert (before, file.state, [each.code for each in errors]) == (
        "import-rows-refused",
        "validated",
        ["delivered-already"],
    )
    assert (nothing, after) == (1, None)
    assert delivered(casework, people, day) == [2] * 30


@pytest.mark.parametrize(
    ("place", "day"), [("import-appended=kill@3", "2013-03-02"), ("import-rows-given=kill@40", "2013-03-03")]
)
def test_killed_in_the_middle_it_goes_on_to_the_end(
    casework: Casework, clerk: Clerk, installation: Installation, people: dict[str, UUID], place: str, day: str
):
    id = whole(clerk, table(people, day))

    killed = committed_in_process(installation, id, place)
    between = sum(delivered(casework, people, day))
    after = committed(clerk, id)

    assert (killed, after) == (KILLED, None)
    assert 0 < between < 60
    assert delivered(casework, people, day) == [2] * 30


def test_a_row_that_is_refused_meanwhile_has_the_others_undone(
    casework: Casework, clerk: Clerk, people: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
):
    id, day, household = whole(clerk, table(people, "2013-03-04")), "2013-03-04", last(people)
    save = together.Together.save_waiting
    said: list[UUID] = []

    def meanwhile(self: together.Together) -> None:
        if not said and self._saving is not None:
            said.append(household)
            at_the_desk(clerk, household, day)
        save(self)

    monkeypatch.setattr(together.Together, "save_waiting", meanwhile)
    why = committed(clerk, id)

    file, errors = told(casework, id, "undone")
    assert (why, file.state, [each.code for each in errors]) == ("import-taken-back", "undone", ["delivered-already"])
    assert sum(delivered(casework, people, day)) == 1
    assert file.counts is not None
    assert file.counts["errors"] == 1
    assert 0 < file.counts["done"] <= 59


def test_killed_while_it_is_carried_out_and_again_while_it_is_undone_it_leaves_nothing(
    casework: Casework, clerk: Clerk, installation: Installation, people: dict[str, UUID]
):
    day = "2013-03-05"
    id = whole(clerk, table(people, day))

    killed = [committed_in_process(installation, id, "import-appended=kill@6")]
    at_the_desk(clerk, last(people), day)
    between = [sum(delivered(casework, people, day))]
    killed.append(committed_in_process(installation, id, "import-rows-undone=kill@3"))
    between.append(sum(delivered(casework, people, day)))
    state = told(casework, id, "undone")[0].state
    why = [committed(clerk, id) for _ in range(2)]

    assert killed == [KILLED, KILLED]
    assert between[0] > 1
    assert between[1] > 1
    assert (state, why) == ("undoing", ["import-taken-back"] * 2)
    assert sum(delivered(casework, people, day)) == 1


def test_a_row_on_which_something_rests_by_then_stays_and_is_named(
    casework: Casework, clerk: Clerk, installation: Installation, people: dict[str, UUID]
):
    cards = "id_number,service,occurred_on\n" + "".join(f"{number},SSI-CARD,2013-03-06\n" for number in people)
    id, first = whole(clerk, cards), min(people.values(), key=partition_of)
    killed = committed_in_process(installation, id, "import-rows-given=kill@40")
    [card] = [each for each in casework.household(first).episodes.values() if each.service == "SSI-CARD"]
    ended = {"episode_id": card.episode_id, "ended_on": date(2013, 5, 1), "reason": "withdrawn"}
    casework.give(first, "end_service", clerk.context(), **ended)
    person = next(iter(casework.household(last(people)).people))
    asked = {"service": "SSI-CARD", "person_id": person, "requested_on": date(2013, 3, 1)}
    casework.give(last(people), "request_service", clerk.context(), **asked)

    why = committed(clerk, id)

    file, errors = told(casework, id, "undone")
    assert (killed, why, file.state) == (KILLED, "import-left-partly", "undone")
    assert {each.code for each in errors} == {"service-open", "undo-later-facts"}


def test_what_is_not_wanted_any_more_is_undone(casework: Casework, clerk: Clerk, people: dict[str, UUID]):
    day = "2013-03-07"
    id = whole(clerk, table(people, day))

    def cancelled(done: int, total: int) -> None:
        if done and told(casework, id, "committed")[0].state == "committing":
            raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled):
        importing.run(casework, id, "committed", cancelled)

    assert told(casework, id, "undone")[0].state == "undone"
    assert sum(delivered(casework, people, day)) == 0


def test_what_was_carried_out_whole_stays_though_its_job_is_done_again_without_its_file(
    casework: Casework, clerk: Clerk, people: dict[str, UUID]
):
    day = "2013-03-09"
    id = whole(clerk, table(people, day))
    clerk.runs(id, "committed")
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.import_file SET emptied_at = clock_timestamp() WHERE id = %s", (id,))
        db.execute("DELETE FROM casework.import_piece WHERE import_id = %s", (id,))

    counted = importing.run(casework, id, "committed", lambda done, total: None)

    assert counted == {"rows": 60, "done": 60, "unchanged": 0, "errors": 0}
    assert told(casework, id, "committed")[0].state == "committed"
    assert delivered(casework, people, day) == [2] * 30


def test_who_saves_rows_is_refused_once_they_are_being_undone(
    casework: Casework, clerk: Clerk, people: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
):
    day = "2013-03-08"
    id = clerk.uploads("services", table(people, day))
    save = together.Together.save_waiting
    said: list[dict[str, Any]] = []

    def meanwhile(self: together.Together) -> None:
        save(self)
        if not said and self._saving is not None and any(delivered(casework, people, day)):
            said.append(undoing.run(casework, id, lambda done, total: None))

    monkeypatch.setattr(together.Together, "save_waiting", meanwhile)

    assert committed(clerk, id) == "import-state"
    assert said[0]["done"] > 0
    assert sum(delivered(casework, people, day)) == 0
