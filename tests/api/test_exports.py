"""Exports over HTTP: a file of what one may see, whole or in parts, that names nobody."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

import workers.jobs
from casework.application import Casework
from casework.bulk import exporting
from casework.config import Settings
from casework.projections import jobs
from tests.api.conftest import Answer, Desk, DeskOf, arrived
from tests.given import COMMUNITY, OTHER_COMMUNITY

VISIT = {"service": "COM-VISIT", "delivered_on": "2013-03-01", "evidence": {"outcome": "家中有人"}}
NAMES = ("欧阳静安", "司马长风", "上官如意")


@pytest.fixture(scope="module", autouse=True)
def homes(desk: DeskOf) -> list[str]:
    """Two households in one community, and one in another."""
    places = (COMMUNITY, COMMUNITY, OTHER_COMMUNITY)
    there = [arrived(desk(), name, community=place) for name, place in zip(NAMES, places, strict=True)]
    for household in there:
        assert desk().edit(household, "deliveries", VISIT).status == 201
    return there


@pytest.fixture
def work(casework: Casework, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    made = workers.jobs.Runtime(settings, casework.pool, None, lambda partitions: None)  # type: ignore[arg-type]
    monkeypatch.setattr(workers.jobs, "runtime", lambda: made)
    return workers.jobs.run_job


def written(desk: Desk, work: Callable[[str], None], **asked: Any) -> tuple[dict[str, Any], Answer]:
    answer = desk.post("/v1/exports", asked)
    assert answer.status == 202, answer.text
    work(answer.json["id"])
    export = desk.get(answer.json["export_href"]).json
    return export["manifest"], desk.get(export["content_href"])


def rows(answer: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_a_timeline_export_holds_every_event_and_names_nobody(
    desk: DeskOf, work: Callable[[str], None], homes: list[str]
):
    manifest, file = written(desk("auditor", divisions=[]), work, kind="timeline")

    told = rows(file)
    assert manifest["rows"] == len(told) == 6
    assert {row["household_id"] for row in told} == set(homes)
    assert (manifest["sha256"], manifest["bytes"]) == (sha256(file.data).hexdigest(), len(file.data))
    assert manifest["filter"]["divisions"] == []
    assert not any(name in file.text for name in (*NAMES, "家中有人", "1990-05-17"))


def test_an_export_is_of_the_callers_divisions_and_of_the_unit_that_was_asked_for(
    desk: DeskOf, work: Callable[[str], None], homes: list[str]
):
    _, mine = written(desk("supervisor", divisions=["410105"]), work, kind="timeline")
    _, asked = written(desk("auditor"), work, kind="timeline", unit=OTHER_COMMUNITY)
    _, outside = written(desk("supervisor", divisions=["410105"]), work, kind="timeline", unit=OTHER_COMMUNITY)

    assert {row["household_id"] for row in rows(mine)} == set(homes[:2])
    assert {row["household_id"] for row in rows(asked)} == {homes[2]}
    assert rows(outside) == []


def test_households_are_exported_as_the_list_shows_them(
    desk: DeskOf, work: Callable[[str], None], homes: list[str], drain: Callable[[], None]
):
    drain()
    supervisor = desk("supervisor")
    listed = supervisor.get("/v1/households?names=false").json["items"]

    _, file = written(supervisor, work, kind="households")

    told = {row["household_id"]: row for row in rows(file)}
    assert set(told) == {item["id"] for item in listed}
    for item in listed:
        row = told[item["id"]]
        assert (row["band"], row["members"]) == (item["band"] or "", str(item["members"]))
        assert [row[f"{level['level']}_band"] for level in item["levels"]] == [each["band"] for each in item["levels"]]


def test_a_unit_that_nobody_registered_is_not_asked_for(desk: DeskOf):
    answer = desk("supervisor").post("/v1/exports", {"kind": "timeline", "unit": "419999999999"})

    assert (answer.status, answer.json["code"]) == (404, "not-found")


def test_a_download_goes_on_where_it_broke_off(desk: DeskOf, work: Callable[[str], None]):
    auditor = desk("auditor")
    manifest, whole = written(auditor, work, kind="timeline")
    place = re.search('filename="timeline-(.*).csv"', whole.headers["Content-Disposition"])
    assert place is not None
    path, size = f"/v1/exports/{place[1]}/content", manifest["bytes"]

    rest = auditor.get(path, Range="bytes=100-")
    part = auditor.get(path, Range="bytes=10-19")
    beyond = auditor.get(path, Range=f"bytes={size}-")
    changed = auditor.get(path, Range="bytes=100-", If_Range='"another"')

    assert (rest.status, rest.data, rest.headers["Content-Range"]) == (
        206,
        whole.data[100:],
        f"bytes 100-{size - 1}/{size}",
    )
    assert (part.status, part.data) == (206, whole.data[10:20])
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert (changed.status, changed.data) == (200, whole.data)


def test_an_export_that_was_interrupted_goes_on_after_its_last_piece(
    desk: DeskOf, casework: Casework, monkeypatch: pytest.MonkeyPatch, work: Callable[[str], None]
):
    auditor = desk("auditor")
    _, whole = written(auditor, work, kind="timeline")
    monkeypatch.setattr(exporting, "PIECE", 1)
    asked = auditor.post("/v1/exports", {"kind": "timeline"}).json
    id, told = UUID(asked["export_id"]), []

    def stop(done: int, total: int) -> None:
        told.append(done)
        raise jobs.Cancelled

    for _ in range(2):
        with pytest.raises(jobs.Cancelled):
            exporting.run(casework, id, stop)
    exporting.run(casework, id, lambda done, total: None)

    assert len(told) == 2
    assert auditor.get(f"{asked['export_href']}/content").data == whole.data


def test_an_export_is_its_makers_alone_and_is_finished_before_it_is_read(desk: DeskOf):
    auditor = desk("auditor")
    place = auditor.post("/v1/exports", {"kind": "timeline"}).json["export_href"]

    assert auditor.get(f"{place}/content").json["code"] == "export-not-ready"
    assert desk("auditor", sub="another").get(place).status == 404
    assert auditor.ask("DELETE", place).status == 200
    assert auditor.get(place).status == 404
