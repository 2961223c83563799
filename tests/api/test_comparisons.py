"""What-ifs and appeals over HTTP: asked as jobs, answered page by page, to the office and auditors alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from api.app import create_app
from casework.config import Settings
from casework.domain.ids import uuid8_from
from casework.projections import jobs
from casework.tokens import make_token
from tests.api.conftest import Desk
from tests.domain.given import ended
from tests.projections.simulated import Simulated
from tests.selection.given_round import FIRMS, KIND, YEAR, Office, office_on, tell_city, tell_later
from tests.selection.test_trying import collective_counts_most, drafted
from workers import jobs as workers

PATH = f"/v1/rounds/{YEAR}"
FIRM = "firm-001"


class Place(NamedTuple):
    """An office with its round ranked, its API, and a worker of long jobs."""

    office: Office
    desk: Callable[[str], Desk]
    work: Callable[[Any], jobs.Job]


@pytest.fixture
def place(log: Simulated, settings: Settings, signing_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    tell_city(log)
    with office_on(log, signing_dir) as office:
        nominations = office.nominate(range(FIRMS))
        office.check(nominations)
        office.freeze()
        office.score(nominations)
        office.rank()
        tell_later(log, office.casework, "1-5", ended("1-5 contract", "2013-06-01"))
        monkeypatch.setenv("CASEWORK_DATABASE_URL", log.url)
        monkeypatch.setenv("CASEWORK_REDIS_URL", "redis://127.0.0.1:1/0")
        monkeypatch.setenv("CASEWORK_KEYS_DIR", str(signing_dir))
        app = create_app(casework=office.casework, settings=settings)

        def desk(role: str) -> Desk:
            return Desk(app.test_client(), make_token(settings, role=role, sub=f"{role}-1"))

        def work(asked: Any) -> jobs.Job:
            workers.run_job(asked.json["id"])
            with office.casework.pool.connection() as db:
                job = jobs.find(db, UUID(asked.json["id"]))
            assert job is not None
            return job

        yield Place(office, desk, work)
        workers.close()


def draft() -> Any:
    return {"policy": json.loads(drafted(collective_counts_most))}


def test_a_what_if_is_asked_for_done_and_read_page_by_page(place: Place):
    selection = place.desk("selection")
    asked = selection.post(f"{PATH}/what-ifs", draft())
    assert asked.status == 202
    assert selection.get(asked.json["answer_href"]).json == asked.json
    assert selection.get(asked.json["answer_href"]).status == 202

    assert place.work(asked).state == "done"

    whole = selection.get(asked.json["answer_href"]).json
    page = selection.get(f"{asked.json['answer_href']}?kind={KIND}&limit=5")
    rest = selection.get(f"{asked.json['answer_href']}?kind={KIND}&cursor={page.json['next']}")
    assert (whole["year"], whole["policy"], whole["ranked"], whole["next"]) == (YEAR, "2099.1", True, None)
    assert page.json["items"] + rest.json["items"] == whole["items"]
    assert (len(page.json["items"]), rest.json["next"]) == (5, None)
    first = whole["items"][0]
    assert first["unit"]["code"].startswith("firm-")
    assert first["before"]["rank"] == 1
    assert first["before"]["metric"] <= 100
    assert selection.get(asked.json["href"]).json["href"] == asked.json["answer_href"]
    assert selection.post(f"{PATH}/what-ifs", draft()).json == asked.json  # the same question


def test_an_appeal_names_events_and_their_households_only_to_auditors(place: Place):
    auditor, selection = place.desk("auditor"), place.desk("selection")
    asked = selection.post(f"{PATH}/appeals", {"known_at": "2013-11-21T00:00:00+08:00"})

    assert place.work(asked).state == "done"

    found = auditor.get(asked.json["answer_href"]).json
    firm = next(each for each in found["items"] if each["unit"]["code"] == FIRM)
    assert firm["events"]["count"] == 1
    assert firm["before"]["metric"] > firm["after"]["metric"]
    [event] = auditor.get(firm["events"]["href"]).json["items"]
    assert (event["type"], event["occurred_on"]) == ("household.service-ended.v1", "2013-06-01")
    assert event["household_id"] == str(uuid8_from(b"1-5"))
    [theirs] = selection.get(firm["events"]["href"]).json["items"]
    assert theirs == {**event, "household_id": None}
    by_code = auditor.get(f"{asked.json['answer_href']}/units/{FIRM}/events")
    assert by_code.json["items"] == [event]
    assert auditor.get(f"{firm['events']['href']}?cursor={event['position']}").json["items"] == []


def test_the_events_of_a_unit_come_page_by_page(place: Place, log: Simulated):
    for number in (2, 3, 4):
        tell_later(log, place.office.casework, f"1-{number}", ended(f"1-{number} contract", "2013-06-01"))
    auditor = place.desk("auditor")
    asked = auditor.post(f"{PATH}/appeals", {})
    place.work(asked)
    path = f"{asked.json['answer_href']}/units/{FIRM}/events"

    first = auditor.get(f"{path}?limit=3").json
    rest = auditor.get(f"{path}?limit=3&cursor={first['next']}").json
    seen = [each["position"] for page in (first, rest) for each in page["items"]]

    assert rest["next"] is None
    assert len(seen) == len(set(seen)) == 4
    assert seen == sorted(seen, key=lambda place: [int(part) for part in place.split(":")])


def test_what_cannot_be_asked_is_refused(place: Place):
    auditor = place.desk("auditor")
    plain = draft()["policy"]
    strange = {**plain, "selection": {**plain["selection"], "王芳": 1}}

    no_policy = auditor.post(f"{PATH}/what-ifs", {"policy": {}})
    unknown = auditor.post(f"{PATH}/what-ifs", {"policy": strange})
    published = auditor.post(f"{PATH}/what-ifs", {"policy": {**plain, "version": "2013.1"}})
    early = auditor.post(f"{PATH}/appeals", {"known_at": "2013-10-01T00:00:00Z"})

    assert (no_policy.status, no_policy.json["code"]) == (422, "draft-invalid")
    assert (unknown.status, unknown.json["code"]) == (422, "draft-invalid")
    assert "王芳" not in unknown.text
    assert (published.status, published.json["code"]) == (409, "draft-version-published")
    assert (early.status, early.json["code"]) == (409, "appeal-before-freeze")
    assert auditor.get(f"{PATH}/what-ifs/{uuid4()}").status == 404
    assert place.desk("supervisor").post(f"{PATH}/appeals", {}).status == 403


def test_a_job_that_failed_says_why_and_has_no_answer(place: Place):
    auditor = place.desk("auditor")
    policy = draft()["policy"]
    policy["selection"]["panel"]["members_min"] = 9
    asked = auditor.post(f"{PATH}/what-ifs", {"policy": policy})

    assert place.work(asked).error == "draft-panel"

    assert auditor.get(asked.json["answer_href"]).status == 404
    assert auditor.get(asked.json["href"]).json["error"] == "draft-panel"


def test_an_appeal_done_again_keeps_each_event_once(place: Place, log: Simulated):
    auditor = place.desk("auditor")
    asked = auditor.post(f"{PATH}/appeals", {"known_at": datetime.now(UTC).isoformat(timespec="seconds")})
    place.work(asked)
    kept = log.as_owner("SELECT * FROM casework.appeal_event ORDER BY 1, 2, 3, 4")
    log.as_owner("UPDATE casework.job SET state = 'waiting', result = NULL")

    place.work(asked)

    assert log.as_owner("SELECT * FROM casework.appeal_event ORDER BY 1, 2, 3, 4") == kept
    assert kept
    log.as_owner("DELETE FROM casework.job")
    assert log.as_owner("SELECT count(*) FROM casework.appeal_event") == [(0,)]
