"""The documents, the health of the process, and how it is served."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from threading import Event

import pytest
from flask import Flask

from api.app import create_app
from api.auth import RIGHTS
from api.docs import operations
from api.logs import JsonLines
from api.serve import options
from api.timeline import labels
from api.waking import Waker
from casework.application import Casework
from casework.config import Settings
from casework.domain.aggregate import EVENT_TYPES
from tests.api.conftest import DeskOf


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_shows_every_operation_and_asks_nothing_of_elsewhere(desk: DeskOf, lang: str):
    page = desk(None).get(f"/docs?lang={lang}").text

    assert all(f'id="{operation}"' in page for operation in RIGHTS)
    assert not re.search(r'(?:src|href)="https?://', page)
    assert "curl" in page


def test_every_problem_has_its_place_on_the_page_that_its_type_names(desk: DeskOf):
    problem = desk(None).get("/v1/households").json

    page, _, anchor = problem["type"].partition("#")

    assert f'id="{anchor}"' in desk(None).get(page).text


def test_the_document_is_openapi_and_every_operation_says_what_it_may_answer(app: Flask):
    document = app.extensions["openapi"]

    assert document["openapi"] == "3.1.0"
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
        assert ("requestBody" in operation) == (method in ("POST", "PUT")), (method, path)


def test_every_event_has_a_name_in_both_languages():
    told = {name for name in EVENT_TYPES if name.startswith(("household.", "unit."))}

    assert set(labels()) == told


def test_home_leads_to_the_pages(desk: DeskOf):
    answer = desk(None).get("/")

    assert (answer.status, answer.headers["Location"]) == (302, "/docs")


def test_a_process_that_has_its_database_is_ready_without_redis(desk: DeskOf):
    alive, ready = desk(None).get("/healthz"), desk(None).get("/readyz")

    assert (alive.status, alive.json) == (200, {"status": "ok"})
    assert (ready.status, ready.json["database"], ready.json["redis"]) == (200, True, False)
    assert ready.json["views"][0]["name"] == "view_1"


def test_metrics_tell_how_far_the_views_are_and_what_waits(casework: Casework, settings: Settings, redis_url: str):
    there = create_app(casework=casework, settings=replace(settings, redis_url=redis_url)).test_client()

    response = there.get("/metrics")

    assert response.mimetype == "text/plain"
    told = dict(line.rsplit(" ", 1) for line in response.get_data(as_text=True).splitlines() if line[0] != "#")
    assert told['casework_view_lag{view="view_1"}'] == "0.0"
    assert told['casework_queue_waiting{queue="drains"}'] == "0.0"


def test_redis_is_looked_for_and_missed_quickly(casework: Casework, settings: Settings, redis_url: str):
    there = create_app(casework=casework, settings=replace(settings, redis_url=redis_url)).test_client()
    away = create_app(casework=casework, settings=replace(settings, redis_url="redis://127.0.0.1:1/0")).test_client()

    assert there.get("/readyz").get_json()["redis"] is True
    assert away.get("/readyz").get_json()["redis"] is False
    assert away.get("/readyz").status_code == 200


def test_a_process_without_its_database_is_not_ready(app: Flask, monkeypatch: pytest.MonkeyPatch):
    import psycopg

    def away(pool: object) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr("api.health.reading.status", away)

    response = app.test_client().get("/readyz")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def test_the_server_is_told_by_the_settings(settings: Settings):
    told = options(replace(settings, api_host="::1", api_port=8099, api_threads=3, api_processes=4))

    assert told["bind"] == ["[::1]:8099"]
    assert (told["workers"], told["threads"], told["worker_class"]) == (4, 3, "api.worker.Worker")


def test_many_commits_become_few_hints_and_none_is_lost():
    heard: list[int] = []
    first, go_on = Event(), Event()

    def publish(partitions: object) -> None:
        heard.extend(partitions)  # type: ignore[arg-type]
        first.set()
        go_on.wait(10)

    waker = Waker(publish)
    waker([1])
    first.wait(10)
    for partition in (2, 3, 3, 4):
        waker([partition])
    go_on.set()
    waker.close()

    assert heard == [1, 2, 3, 4]


def test_a_log_line_tells_the_kind_of_an_exception_and_not_its_words():
    try:
        raise ValueError("欧阳震华")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", None, (ValueError, error, None))

    line = JsonLines().format(record)

    assert '"error":"ValueError"' in line
    assert "欧阳" not in line
