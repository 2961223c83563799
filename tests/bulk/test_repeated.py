"""An import that is killed, begun again, sent again or done twice at once counts each row once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from casework.application import Casework
from casework.bulk import files, importing, together
from casework.projections import jobs
from tests.bulk.conftest import Clerk, Installation
from tests.bulk.lots import KILLED, committed_in_process, delivered, table
from tests.traces import dump_of, traces


@pytest.mark.parametrize(
    ("place", "day"), [("import-appended=kill@3", "2013-03-01"), ("import-rows-given=kill@4", "2013-03-02")]
)
def test_a_killed_import_goes_on_and_counts_each_row_once(
    casework: Casework, clerk: Clerk, installation: Installation, people: dict[str, UUID], place: str, day: str
):
    id = clerk.uploads("services", table(people, day))

    killed = committed_in_process(installation, id, place)
    before = sum(delivered(casework, people, day))
    verdicts = clerk.runs(id, "committed")

    assert killed == KILLED
    assert 0 < before < 60
    assert delivered(casework, people, day) == [2] * 30
    assert [verdict.status for verdict in verdicts.values()] == ["done"] * 60


def test_an_import_that_two_workers_do_at_once_counts_each_row_once(
    casework: Casework, clerk: Clerk, people: dict[str, UUID]
):
    id = clerk.uploads("services", table(people, "2013-03-03"))
    clerk.runs(id, "validated")

    with ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(importing.run, casework, id, "committed", lambda done, total: None) for _ in range(3)]
        counted = [run.result() for run in runs]

    assert delivered(casework, people, "2013-03-03") == [2] * 30
    assert [each["errors"] for each in counted] == [0, 0, 0]


def test_a_cancelled_import_ends_at_its_next_step(casework: Casework, clerk: Clerk, people: dict[str, UUID]):
    id = clerk.uploads("services", table(people, "2013-03-04"))

    def cancelled(done: int, total: int) -> None:
        if done:
            raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled):
        importing.run(casework, id, "committed", cancelled)

    assert sum(delivered(casework, people, "2013-03-04")) < 60
    clerk.runs(id, "committed")
    assert delivered(casework, people, "2013-03-04") == [2] * 30


def test_what_changes_while_rows_wait_to_be_saved_is_decided_anew(
    casework: Casework, clerk: Clerk, people: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
):
    id = clerk.uploads("services", table(people, "2013-03-05"))
    household = people[next(iter(people))]
    held = together.Together.hold

    def meanwhile(self: together.Together, ids: set[UUID], people: set[UUID]) -> None:
        held(self, ids, people)
        if household in ids:
            visit = {"service": "COM-VISIT", "delivered_on": casework.today}
            casework.give(household, "record_delivery", clerk.context(), **visit)

    monkeypatch.setattr(together.Together, "hold", meanwhile)
    verdicts = clerk.runs(id, "committed")

    assert {verdict.status for verdict in verdicts.values()} == {"done"}
    assert delivered(casework, people, "2013-03-05") == [2] * 30


def test_the_same_rows_in_another_file_are_there_already(casework: Casework, clerk: Clerk, people: dict[str, UUID]):
    number = next(iter(people))
    content = f"source_ref,id_number,service,occurred_on\nref-1,{number},HLT-EDU,2013-04-01\n"
    changed = content.replace("HLT-EDU", "HLT-INFO")

    first, again, other = (
        clerk.runs(clerk.uploads("services", each), "committed")[2] for each in (content, content, changed)
    )

    assert (first.status, again.status) == ("done", "unchanged")
    assert (other.status, other.code) == ("error", "command-reused")


def test_a_file_is_kept_sealed_and_deleted_after_its_days(
    casework: Casework, clerk: Clerk, people: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
):
    number = next(iter(people))
    id = clerk.uploads("services", f"id_number,service,occurred_on,remark\n{number},HLT-EDU,2013-05-01,欧阳静安\n")
    clerk.runs(id, "validated")

    tables = dump_of(str(casework.pool.conninfo))
    with casework.pool.connection() as db:
        monkeypatch.setattr(files, "KEPT_DAYS", 0)
        files.forget_old(db)
        left = files.find(db, id)

    assert all(id.bytes in tables[f"casework.{table}"] for table in ("import_piece", "import_part"))
    assert traces(tables, number, "欧阳静安") == []
    assert left is None
