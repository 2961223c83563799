"""People who are probably in two files, as a reviewer sees and decides them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

import workers.jobs
from casework.application import Casework
from casework.config import Settings
from casework.projections import jobs
from tests.api.conftest import Desk, DeskOf, arrival
from tests.given import COMMUNITY, OTHER_COMMUNITY

ADDRESS = "金水路1号院2号楼"


@pytest.fixture(autouse=True)
def nothing_waits(casework: Casework) -> None:
    """No pair of an earlier test."""
    with casework.pool.connection() as db:
        for pair in casework.duplicates.waiting(db, limit=1000):
            casework.duplicates.decide(db, (pair.one, pair.other), "not_same", by="tests")


def register(desk: Desk, name: str, community: str = COMMUNITY, **more: Any) -> Any:
    """A woman arrives; the answer of her registration."""
    answer = desk.post("/v1/households", arrival(name, community, **more))
    assert answer.status == 201, answer.text
    return answer.json


def waiting(desk: Desk) -> list[Any]:
    answer = desk.get("/v1/duplicates")
    assert answer.status == 200, answer.text
    return list(answer.json["items"])


def test_who_registers_somebody_again_is_warned_and_a_reviewer_sees_both(desk: DeskOf):
    born = {"born_on": "1987-02-03", "address": ADDRESS}
    first = register(desk(), "周晓燕", **born)
    second = register(desk(), "周小燕", OTHER_COMMUNITY, **born)

    [pair] = waiting(desk("supervisor", divisions=["4101"], purpose="review"))

    assert [warning["code"] for warning in second["warnings"]] == ["probable-duplicate"]
    assert first["warnings"] == []
    sides = {side["household_id"]: side for side in (pair["one"], pair["other"])}
    assert set(sides) == {first["id"], second["id"]}
    assert {side["profile"]["name"] for side in sides.values()} == {"周晓燕", "周小燕"}
    assert {side["community"]["code"] for side in sides.values()} == {COMMUNITY, OTHER_COMMUNITY}
    assert all(side["active"] for side in sides.values())
    assert [reason["code"] for reason in pair["reasons"]] == ["name-sounds-same", "born-same", "address-same"]
    assert pair["score"] >= 0.9


def test_what_is_not_the_same_is_never_asked_again(desk: DeskOf):
    reviewer = desk("supervisor", divisions=["4101"], purpose="review")
    born = {"born_on": "1988-02-03"}
    register(desk(), "吴丽", **born)
    register(desk(), "吴丽", **born)
    [pair] = waiting(reviewer)
    address = f"/v1/duplicates/{pair['other']['person_id']}/{pair['one']['person_id']}"

    answers = [reviewer.put(address, {"decision": "not_same"}) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json["decision"] == "not_same"
    assert waiting(reviewer) == []


def test_pairs_outside_the_divisions_of_the_reviewer_are_not_there(desk: DeskOf):
    elsewhere = desk("supervisor", divisions=["410105"], purpose="review")
    born = {"born_on": "1989-02-03"}
    register(desk(), "郑红", OTHER_COMMUNITY, **born)
    register(desk(), "郑红", OTHER_COMMUNITY, **born)
    [pair] = waiting(desk("supervisor", divisions=["4101"], purpose="review"))

    refused = elsewhere.put(
        f"/v1/duplicates/{pair['one']['person_id']}/{pair['other']['person_id']}", {"decision": "same"}
    )

    assert waiting(elsewhere) == []
    assert (refused.status, refused.json["code"]) == (404, "not-found")


def test_the_queue_comes_page_by_page(desk: DeskOf):
    reviewer = desk("supervisor", divisions=["4101"], purpose="review")
    for number in range(3):
        for _ in range(2):
            register(desk(), "孙玉兰", born_on=f"197{number}-02-03", phone=f"2234567890{number}")

    seen: list[frozenset[str]] = []
    address = "/v1/duplicates?limit=2"
    while address:
        answer = reviewer.get(address)
        seen += [frozenset(each[side]["person_id"] for side in ("one", "other")) for each in answer.json["items"]]
        address = answer.json["next"] and f"/v1/duplicates?limit=2&cursor={answer.json['next']}"

    assert len(seen) == len(set(seen)) == 3


def test_names_are_shown_for_a_purpose_and_the_reading_is_recorded(desk: DeskOf, casework: Casework):
    register(desk(), "马云霞", born_on="1969-02-03")
    register(desk(), "马云霞", born_on="1969-02-03")

    refused = desk("supervisor", divisions=["4101"], purpose=None).get("/v1/duplicates")
    waiting(desk("supervisor", divisions=["4101"], purpose="review"))

    assert (refused.status, refused.json["code"]) == (403, "purpose-missing")
    with casework.pool.connection() as db:
        [(count,)] = db.execute("SELECT count(*) FROM vault.access WHERE action = 'duplicates.list_duplicates'")
    assert count >= 2


def test_who_was_missed_at_entry_is_found_at_night(
    desk: DeskOf, casework: Casework, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    reviewer = desk("supervisor", divisions=["4101"], purpose="review")

    def away(*_: Any) -> Any:
        raise psycopg.OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(casework.duplicates, "note", away)
        answers = [register(desk(), "冯翠英", born_on="1959-02-03") for _ in range(2)]
    before = waiting(reviewer)

    runtime = workers.jobs.Runtime(settings, casework.pool, None, None)  # type: ignore[arg-type]
    monkeypatch.setattr(workers.jobs, "runtime", lambda: runtime)
    with casework.pool.connection() as db:
        job_id = jobs.ask(db, "find_duplicates", "2013-10-20", {"night": "2013-10-20"})
    workers.jobs.run_job(str(job_id))

    [pair] = waiting(reviewer)
    assert (before, [answer["warnings"] for answer in answers]) == ([], [[], []])
    assert {side["household_id"] for side in (pair["one"], pair["other"])} == {answer["id"] for answer in answers}
    assert desk("operator").get(f"/v1/jobs/{job_id}").status == 404


@pytest.mark.parametrize(
    ("cursor", "status"), [("1:2:3", 400), ("x", 400), (f"0.5:{UUID(int=1)}:{UUID(int=2)}", 200), ("nan:nan:nan", 400)]
)
def test_a_cursor_that_was_never_given_out_is_refused(desk: DeskOf, cursor: str, status: int):
    answer = desk("supervisor", divisions=["4101"], purpose="review").get(f"/v1/duplicates?cursor={cursor}")

    assert answer.status == status


@pytest.mark.parametrize("body", [{}, {"decision": "maybe"}, {"decision": "same", "why": "x"}])
def test_a_decision_is_one_of_two(desk: DeskOf, body: dict[str, str]):
    answer = desk("supervisor", purpose="review").put(f"/v1/duplicates/{uuid4()}/{uuid4()}", body)

    assert (answer.status, answer.json["code"]) == (422, "invalid")
