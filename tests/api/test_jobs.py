"""Figures of units on other days, cuts and policies: asked for once, counted by a worker, seen as the caller may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

import workers.jobs
from casework.application import Casework
from casework.config import Settings
from casework.projections import jobs
from tests.api.conftest import Desk, DeskOf, arrived
from tests.given import COMMUNITY, OTHER_COMMUNITY

FIGURES = f"/v1/units/{COMMUNITY}/figures"


@pytest.fixture(scope="module", autouse=True)
def homes(desk: DeskOf) -> None:
    """Nine households, two of them visited in March; and three next door."""
    there = [arrived(desk(), f"甲{number}") for number in range(9)]
    for household in there[:2]:
        visit = {"service": "COM-VISIT", "delivered_on": "2013-03-01"}
        assert desk().edit(household, "deliveries", visit).status == 201
    for number in range(3):
        arrived(desk(), f"乙{number}", community=OTHER_COMMUNITY)


@pytest.fixture
def work(casework: Casework, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Do a job as a worker does, on this test's log."""
    made = workers.jobs.Runtime(settings, casework.pool, None, None)  # type: ignore[arg-type]
    monkeypatch.setattr(workers.jobs, "runtime", lambda: made)
    return workers.jobs.run_job


def asked(desk: Desk, path: str) -> str:
    answer = desk.get(path)
    assert answer.status == 202, answer.text
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json['id']}"
    return str(answer.json["id"])


def met(figures: dict[str, Any], code: str) -> Any:
    return next((row["state"], row["num"], row["den"]) for row in figures["indicators"] if row["indicator"] == code)


def test_figures_of_another_day_are_counted_by_a_job(desk: DeskOf, work: Callable[[str], None]):
    auditor = desk("auditor")
    before, after = (asked(auditor, f"{FIGURES}?as_of={day}") for day in ("2013-02-01", "2013-04-01"))
    waiting = auditor.get(f"/v1/jobs/{before}")
    work(before)
    work(after)

    figures = [auditor.get(f"/v1/jobs/{job}").json for job in (before, after)]

    assert (waiting.json["state"], waiting.json["result"], waiting.headers["Retry-After"]) == ("waiting", None, "1")
    assert [job["state"] for job in figures] == ["done", "done"]
    assert figures[0]["progress"] == {"done": 64, "total": 64}
    assert [met(job["result"], "COM5") for job in figures] == [("known", 0, 9), ("known", 2, 9)]
    assert figures[0]["result"]["meta"]["as_of"] == "2013-02-01"


def test_what_few_persons_would_be_told_from_is_hidden_in_a_jobs_result_too(desk: DeskOf, work: Callable[[str], None]):
    job = asked(desk(), f"{FIGURES}?as_of=2013-04-02")
    work(job)

    assert met(desk().get(f"/v1/jobs/{job}").json["result"], "COM5") == ("hidden", None, None)
    assert met(desk("auditor").get(f"/v1/jobs/{job}").json["result"], "COM5") == ("known", 2, 9)


def test_the_same_question_finds_the_same_job(desk: DeskOf):
    first, again = (asked(desk("auditor"), f"{FIGURES}?as_of=2013-02-02") for _ in range(2))

    assert first == again
    assert asked(desk("auditor"), f"{FIGURES}?as_of=2013-02-03") != first


def test_figures_as_known_before_anything_was_recorded_are_of_nobody(desk: DeskOf, work: Callable[[str], None]):
    unknown = desk("auditor").get(f"{FIGURES}?known_at=2001-01-01T00:00:00Z")

    assert unknown.status == 404


def test_a_job_that_is_cancelled_ends_and_can_be_asked_for_again(desk: DeskOf, work: Callable[[str], None]):
    auditor, path = desk("auditor"), f"{FIGURES}?as_of=2013-02-04"
    job = asked(auditor, path)

    cancelled = auditor.ask("DELETE", f"/v1/jobs/{job}")
    work(job)
    left = auditor.get(f"/v1/jobs/{job}").json["state"]
    again = asked(auditor, path)
    work(again)

    assert (cancelled.json["state"], left) == ("cancelled", "cancelled")
    assert auditor.get(f"/v1/jobs/{again}").json["state"] == "done"


def test_a_job_ends_at_its_next_step_when_it_is_cancelled(casework: Casework):
    with casework.pool.connection() as db:
        id = jobs.ask(db, "count_units", "one", {})
        assert jobs.begin(db, id)
        jobs.progress(db, id, 1, 64)
        jobs.cancel(db, id)
        with pytest.raises(jobs.Cancelled):
            jobs.progress(db, id, 2, 64)


def test_a_job_whose_worker_died_is_begun_again(casework: Casework, monkeypatch: pytest.MonkeyPatch):
    with casework.pool.connection() as db:
        id = jobs.ask(db, "count_units", "two", {})
        taken, soon = jobs.due(db), jobs.due(db)
        jobs.begin(db, id)
        monkeypatch.setattr(jobs, "DEAD_SECONDS", 0)

        assert id in taken
        assert id not in soon
        assert id in jobs.due(db)


def test_a_policy_that_there_is_not_and_a_job_that_there_is_not_are_not_found(desk: DeskOf):
    assert desk().get(f"{FIGURES}?policy=2999.1").status == 404
    assert desk().get(f"/v1/jobs/{uuid4()}").status == 404


def test_todays_figures_are_at_hand(desk: DeskOf, casework: Casework, drain: Callable[[], None]):
    drain()

    assert isinstance(casework.today, date)
    assert desk("auditor").get(f"{FIGURES}?as_of={casework.today}&policy=2013.1").status == 200
