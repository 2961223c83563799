"""A round's report over HTTP and from the command line: who reads it, when, in which format and language."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from api.app import create_app
from api.report_schemas import ReportAnswer
from casework.cli import main
from casework.config import Settings
from casework.tokens import make_token
from tests.api.conftest import Answer, Desk
from tests.projections.simulated import Simulated
from tests.selection.given_round import DECEMBER, KIND, YEAR, Office, office_on, tell_city
from tests.selection.test_whole_year import NOTICE_TO, visit_who_is_uncertain

PATH, PUBLIC = f"/v1/rounds/{YEAR}/report", f"/v1/rounds/{YEAR}/list/report"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

AsRole = Callable[[str | None], Desk]


@pytest.fixture
def office(log: Simulated, settings: Settings) -> Iterator[Office]:
    """Three firms that were scored, and one that is too small."""
    tell_city(log, firms=3, small=1)
    with office_on(log, settings.keys_dir) as office:
        nominations = office.nominate(range(4))
        office.check(nominations)
        office.freeze()
        office.score(nominations)
        yield office


@pytest.fixture
def desk(office: Office, settings: Settings) -> AsRole:
    app = create_app(casework=office.casework, settings=settings)

    def make(role: str | None) -> Desk:
        bureau = "IIT" if role == "bureau" else None
        return Desk(app.test_client(), make_token(settings, role=role, sub="x-1", bureau=bureau) if role else None)

    return make


def publish(office: Office) -> None:
    office.rank()
    visit_who_is_uncertain(office)
    office.on(DECEMBER)
    office.casework.publish_shortlist(YEAR, office.selection, notice_to=NOTICE_TO, channels=("website",))


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def test_the_office_reads_it_after_the_ranking_and_everybody_once_the_list_is_published(office: Office, desk: AsRole):
    anybody = desk(None)
    assert code_of(desk("selection").get(PATH)) == (409, "round-not-ranked")
    assert code_of(anybody.get(PUBLIC)) == (404, "not-found")
    office.rank()
    for role in ("selection", "auditor", "operator"):
        assert desk(role).get(PATH).json["small_n"] is None
    for role in ("caseworker", "supervisor", "bureau", "panelist", "service"):
        assert code_of(desk(role).get(PATH)) == (403, "forbidden")
    assert anybody.get(PATH).status == 401
    assert code_of(desk("auditor").get(PUBLIC)) == (404, "not-found")

    publish(office)

    shown = anybody.get(PUBLIC).json
    assert (shown["small_n"], shown["boundaries"]) == (5, None)
    assert desk("bureau").get(PUBLIC).json == shown == desk("auditor").get(PUBLIC).json
    everything = desk("auditor").get(PATH).json
    for told in (shown, everything):
        assert ReportAnswer().load(told)  # it is what the document says, and nothing else
    assert [len(each["not_ranked"]) for each in everything["kinds"] if each["kind"] == KIND] == [1]
    assert [len(each["not_ranked"]) for each in shown["kinds"] if each["kind"] == KIND] == [0]


def test_it_comes_as_a_workbook_and_as_a_page_in_both_languages(office: Office, desk: AsRole):
    publish(office)

    book = desk("auditor").get(f"{PATH}?format=xlsx", Accept_Language="en")
    pages = [desk(None).get(f"{PUBLIC}?format=html", Accept_Language=each) for each in ("zh-CN", "en")]

    assert (book.status, book.headers["Content-Type"]) == (200, XLSX)
    assert book.headers["Content-Disposition"] == f'attachment; filename="round-{YEAR}-en.xlsx"'
    assert load_workbook(io.BytesIO(book.data)).sheetnames[1] == "The list"
    assert [each.headers["Content-Type"] for each in pages] == ["text/html; charset=utf-8"] * 2
    assert [each.headers["Content-Language"] for each in pages] == ["zh-CN", "en"]
    assert "名单" in pages[0].text
    assert "The list" in pages[1].text
    assert pages[0].headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert code_of(desk("auditor").get(f"{PATH}?format=pdf")) == (400, "parameters-invalid")


def test_a_request_counts_nothing(office: Office, desk: AsRole, log: Simulated):
    publish(office)
    log.as_owner("DELETE FROM casework.frozen_figures")
    log.as_owner("DELETE FROM casework.month_run")

    assert code_of(desk("auditor").get(PATH)) == (409, "figures-not-stored")
    assert code_of(desk(None).get(PUBLIC)) == (409, "figures-not-stored")

    with office.casework.pool.connection() as db:
        assert db.execute("SELECT count(*) FROM casework.month_run").fetchone() == (0,)


def test_figures_are_read_once_and_names_are_asked_for_each_time(office: Office, desk: AsRole, log: Simulated):
    publish(office)
    auditor = desk("auditor")
    first = auditor.get(PATH)
    log.as_owner("DELETE FROM casework.frozen_figures")

    assert auditor.get(PATH).json == first.json


def test_a_process_that_is_asked_for_the_first_time_measures_nothing(office: Office, desk: AsRole, log: Simulated):
    publish(office)
    log.as_owner("DELETE FROM casework.month_run")

    told = desk("auditor").get(PATH)

    assert told.status == 200
    assert told.json["meta"]["snapshot_sha256"] == office.round.frozen.sha256  # type: ignore[union-attr]


def test_the_operator_writes_it_to_a_file_and_counts_again_what_is_gone(
    office: Office, desk: AsRole, log: Simulated, settings: Settings, tmp_path: Path
):
    publish(office)
    online = desk("auditor").get(PATH, Accept_Language="en").json
    log.as_owner("DELETE FROM casework.frozen_figures")
    log.as_owner("DELETE FROM casework.month_run")
    environ = {
        "CASEWORK_DATABASE_URL": log.url,
        "CASEWORK_REDIS_URL": "redis://127.0.0.1:1/0",
        "CASEWORK_DATA_DIR": str(settings.keys_dir.parent),
        "CASEWORK_KEYS_DIR": str(settings.keys_dir),
    }

    def write(format: str, *options: str) -> bytes:
        file = tmp_path / f"report.{format}"
        arguments = ["round", "report", str(YEAR), "--format", format, "--output", str(file), *options]
        done = CliRunner().invoke(main, arguments, env=environ)
        assert done.exit_code == 0, done.output
        return file.read_bytes()

    assert msgspec.json.decode(write("json", "--language", "en")) == online
    assert "评选报告" in write("html").decode()
    assert load_workbook(io.BytesIO(write("xlsx", "--public"))).sheetnames[1] == "名单"
