"""Imports over HTTP: a file is uploaded, tried, committed, put right, sent back, and undone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

import workers.jobs
from api.imports import XLSX
from casework.application import Casework
from casework.config import Settings
from casework.projections import jobs
from tests.api.conftest import Answer, Desk, DeskOf, arrived, id_number

NUMBER = id_number("19900517", "002")
HEADER = "来源编号,身份证号,服务,日期\n"
FILE = (
    HEADER + f"r-1,{NUMBER},HLT-EDU,2013-03-01\nr-2,{NUMBER},社会保障卡,2013-03-02\nr-3,{NUMBER},HLT-EDU,2013-03-01\n"
)


@pytest.fixture(scope="module")
def household(desk: DeskOf) -> str:
    return arrived(desk(), id_number=NUMBER)


@pytest.fixture
def work(casework: Casework, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], Any]:
    """Do the job that an answer names, as a worker does; return how the import is then."""
    made = workers.jobs.Runtime(settings, casework.pool, None, lambda partitions: None)  # type: ignore[arg-type]
    monkeypatch.setattr(workers.jobs, "runtime", lambda: made)

    def run(asked: Answer) -> None:
        assert asked.status == 202, asked.text
        workers.jobs.run_job(asked.json["id"])

    return run


def uploaded(desk: Desk, content: str | bytes, query: str = "kind=services", **headers: str) -> Answer:
    raw = content.encode() if isinstance(content, str) else content
    return desk.send(f"/v1/imports?{query}", raw, "text/csv", **headers)


def told(answer: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_a_file_is_tried_committed_and_sent_back(desk: DeskOf, household: str, work: Callable[[Answer], None]):
    clerk = desk("supervisor")
    asked = uploaded(clerk, FILE, Idempotency_Key="first-file")
    work(asked)
    place = asked.json["import_href"]

    tried = clerk.get(place).json
    before = clerk.get(f"/v1/households/{household}").json["services"]
    work(clerk.post(f"{place}/commits", {}))
    committed = clerk.get(place).json
    after = clerk.get(f"/v1/households/{household}").json["services"]
    result = told(clerk.get(f"{place}/result"))
    work(uploaded(clerk, clerk.get(f"{place}/result").text, "kind=services&mode=commit"))

    assert (tried["state"], tried["counts"]) == ("validated", {"rows": 3, "done": 2, "unchanged": 0, "errors": 1})
    assert before == []
    assert (committed["state"], committed["counts"]) == ("committed", tried["counts"])
    assert sorted(each["service"] for each in after) == ["HLT-EDU", "SSI-CARD"]
    assert [(row["row_status"], row["error_code"]) for row in result] == [
        ("done", ""),
        ("done", ""),
        ("error", "delivered-already"),
    ]
    assert len(clerk.get(f"/v1/households/{household}").json["services"]) == 2


def test_what_an_import_did_is_undone_unless_later_facts_rest_on_it(desk: DeskOf, work: Callable[[Answer], None]):
    clerk, number = desk("supervisor"), id_number("19900517", "004")
    household = arrived(clerk, id_number=number)
    rows = f"{number},HLT-INFO,2013-03-01\n{number},SSI-CARD,2013-03-02\n"
    asked = uploaded(clerk, f"id_number,service,occurred_on\n{rows}", "kind=services&mode=commit")
    work(asked)
    card = next(
        each for each in clerk.get(f"/v1/households/{household}").json["services"] if each["service"] == "SSI-CARD"
    )
    ended = {"ended_on": "2013-05-01", "reason": "withdrawn"}
    clerk.edit(household, f"services/{card['episode_id']}/endings", ended)
    place = asked.json["import_href"]

    work(clerk.post(f"{place}/undos", {}))

    undone = clerk.get(place).json
    [left] = clerk.get(f"{place}/errors", Accept_Language="en").json["items"]
    assert (undone["state"], undone["counts"]) == ("undone", {"rows": 2, "done": 1, "unchanged": 0, "errors": 1})
    assert (left["row"], left["code"], left["hint"]) == (
        3,
        "undo-later-facts",
        "Later facts rest on this row, so it stays.",
    )
    voided = {each["service"]: each["voided"] for each in clerk.get(f"/v1/households/{household}").json["services"]}
    assert voided == {"HLT-INFO": "never_happened", "SSI-CARD": None}
    assert clerk.post(f"{place}/commits", {}).json["code"] == "import-state"


def test_a_file_is_carried_out_whole_or_not_at_all(desk: DeskOf, work: Callable[[Answer], None]):
    clerk, number = desk("supervisor"), id_number("19900517", "010")
    household = arrived(clerk, id_number=number)
    good, wrong = f"w-1,{number},HLT-EDU,2013-03-01\n", f"w-2,{number},HLT-VAC,2013-03-02\n"
    query = "kind=services&mode=commit&atomic=all"
    refused, done = uploaded(clerk, HEADER + good + wrong, query), uploaded(clerk, HEADER + good, query)

    work(refused)
    first = clerk.get(refused.json["import_href"]).json
    before = clerk.get(f"/v1/households/{household}").json["services"]
    work(done)

    assert (first["atomic"], first["state"], first["counts"]["errors"]) == ("all", "validated", 1)
    assert clerk.get(refused.json["href"]).json["error"] == "import-rows-refused"
    assert [each["row"] for each in clerk.get(f"{refused.json['import_href']}/errors").json["items"]] == [3]
    assert before == []
    assert clerk.get(done.json["import_href"]).json["state"] == "committed"
    assert len(clerk.get(f"/v1/households/{household}").json["services"]) == 1


def test_what_had_to_stay_is_tried_again_where_undoing_is_asked_for_again(desk: DeskOf, work: Callable[[Answer], None]):
    clerk, number = desk("supervisor"), id_number("19900517", "012")
    household = arrived(clerk, id_number=number)
    asked = uploaded(clerk, HEADER + f"u-1,{number},SSI-CARD,2013-03-02\n", "kind=services&mode=commit")
    work(asked)
    [card] = clerk.get(f"/v1/households/{household}").json["services"]
    service = f"services/{card['episode_id']}"
    clerk.edit(household, f"{service}/endings", {"ended_on": "2013-05-01", "reason": "withdrawn"})
    place = asked.json["import_href"]

    work(clerk.post(f"{place}/undos", {}))
    stayed = clerk.get(place).json["counts"]
    clerk.edit(household, f"{service}/voids", {"voided_on": "2013-10-01", "reason": "duplicate"})
    work(clerk.post(f"{place}/undos", {}))

    assert (stayed["done"], stayed["errors"]) == (0, 1)
    assert clerk.get(place).json["counts"] == {"rows": 1, "done": 0, "unchanged": 1, "errors": 0}


def test_downloading_a_result_is_a_recorded_reading_of_whom_it_names(
    desk: DeskOf, casework: Casework, work: Callable[[Answer], None]
):
    clerk, number = desk("supervisor", purpose="repair"), id_number("19900517", "014")
    household = arrived(clerk, id_number=number)
    services = uploaded(clerk, HEADER + f",{number},HLT-EDU,2013-03-01\n,{number},SSI-CARD,2013-03-01\n")
    header = "household_id,joined_on,relation,name,sex,born_on,migrant\n"
    members = uploaded(
        clerk, f"{header}{household},2013-02-01,child,小明,男,2010-01-01,是\n", "kind=members&mode=commit"
    )
    for each in (services, members):
        work(each)

    places = [f"{each.json['import_href']}/result" for each in (services, members)]
    nobody = desk("supervisor", purpose=None).get(places[0])
    before = reads(casework, household)
    answers = [clerk.get(place).status for place in places]

    person = str(next(iter(casework.household(UUID(household)).people)))
    child = str(list(casework.household(UUID(household)).people)[1])
    assert (nobody.status, nobody.json["code"], before, answers) == (403, "purpose-missing", [], [200, 200])
    assert reads(casework, household) == [
        (subject, "supervisor-1", "repair", "imports.result") for subject in (person, child)
    ]


def reads(casework: Casework, household: str) -> list[tuple[str, ...]]:
    """Who read of whom in a household, by results, in order."""
    query = (
        "SELECT person_id::text, actor, purpose, action FROM vault.access"
        " WHERE household_id = %s AND action LIKE '%%result' ORDER BY id"
    )
    with casework.pool.connection() as db:
        return db.execute(query, (household,)).fetchall()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        ("身份证号,服务\n".encode(), "file-column-missing"),
        ("身份证号,服务,日期,颜色\n".encode(), "file-column-unknown"),
        ("身份证号,服务,日期,日期\n".encode(), "file-column-twice"),
        (HEADER.encode() + "一二三\n".encode("gb18030"), "file-encoding"),
        (b"\xef\xbb\xbf\xff\xff", "file-encoding"),
        (b"\x81", "file-encoding"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(desk: DeskOf, content: bytes, code: str):
    answer = uploaded(desk("supervisor"), content)

    assert (answer.status, answer.json["code"]) == (422, code)


def test_the_same_upload_is_the_same_import_and_another_file_under_its_key_is_refused(desk: DeskOf):
    clerk = desk("supervisor")
    first, again = (uploaded(clerk, FILE, Idempotency_Key="again").json for _ in range(2))
    other = uploaded(clerk, FILE + "x", Idempotency_Key="again")

    assert first == again
    assert (other.status, other.json["code"]) == (422, "import-reused")


def test_an_import_is_its_makers_alone(desk: DeskOf):
    place = uploaded(desk("supervisor"), FILE).json["import_href"]
    other = desk("supervisor", sub="somebody-else")

    assert [other.ask(*each).status for each in (("GET", place), ("GET", f"{place}/result"), ("DELETE", place))] == [
        404,
        404,
        404,
    ]
    assert desk("supervisor").ask("DELETE", place).status == 200
    assert desk("supervisor").get(place).status == 404


def test_what_is_no_file_or_too_large_is_refused(desk: DeskOf):
    clerk = desk("supervisor")

    assert clerk.send("/v1/imports?kind=services", b"{}").status == 415
    assert clerk.send("/v1/imports?kind=cars", b"x", "text/csv").status == 400
    assert uploaded(clerk, b"x" * ((32 << 20) + 1)).status == 413


def test_a_months_feed_counts_each_row_once_and_closes_its_month(desk: DeskOf, work: Callable[[Answer], None]):
    number = id_number("19900517", "006")
    household = arrived(desk(), id_number=number)
    feed = desk("service", bureau="HRSS")
    header = "source_ref,id_number,service,scheme,occurred_on,paid_through\n"
    query = "kind=insurances&mode=commit&source=hrss&close_month=HRSS/SSH/2013-0"
    march = f"{header}p-1,{number},SSI-PEN,resident,2013-03-31,2013-03\n"
    april = f"{header}p-2,{number},SSI-PEN,resident,2013-04-30,2013-04\n"

    sent = [uploaded(feed, march, f"{query}3"), uploaded(feed, april, f"{query}4"), uploaded(feed, march, f"{query}3")]
    for each in sent:
        work(each)

    counts = [feed.get(each.json["import_href"]).json["counts"] for each in sent]
    [insured] = desk().get(f"/v1/households/{household}").json["services"]
    assert [each["done"] for each in counts] == [1, 1, 0]
    assert all(each["feed_closed"] for each in counts)
    assert counts[2]["unchanged"] == 1
    assert insured["evidence"]["paid_through"] == "2013-04"
    assert feed.get("/v1/feeds").json["items"] == [{"bureau": "HRSS", "area": "SSH", "months": ["2013-03", "2013-04"]}]


def test_a_feeds_row_that_was_undone_counts_once_by_whichever_door_it_comes_again(
    desk: DeskOf, work: Callable[[Answer], None]
):
    number = id_number("19900517", "026")
    household = arrived(desk(), id_number=number)
    feed = desk("service", bureau="HRSS")
    query = "kind=services&mode=commit&source=hrss&close_month=HRSS/SSH/2013-05"
    content = f"source_ref,id_number,service,occurred_on\nu-1,{number},SSI-CARD,2013-05-02\n"
    [person] = desk().get(f"/v1/households/{household}").json["members"]
    body = {
        "person_id": person["person_id"],
        "service": "SSI-CARD",
        "requested_on": "2013-05-02",
        "source": {"system": "hrss", "ref": "u-1"},
    }
    first = uploaded(feed, content, query)
    work(first)
    work(feed.post(f"{first.json['import_href']}/undos", {}))

    by_the_form = [feed.post(f"/v1/households/{household}/services", body) for _ in range(2)]
    again = uploaded(feed, content, query)
    work(again)

    assert [each.status for each in by_the_form] == [201, 201]
    assert by_the_form[0].json == by_the_form[1].json
    [refused] = feed.get(f"{again.json['import_href']}/errors").json["items"]
    assert refused["code"] == "command-reused"
    cards = desk().get(f"/v1/households/{household}").json["services"]
    assert len([card for card in cards if not card.get("voided")]) == 1


def test_a_feeds_month_that_was_undone_is_sent_again_whole(desk: DeskOf, work: Callable[[Answer], None]):
    number = id_number("19900517", "028")
    household = arrived(desk(), id_number=number)
    feed = desk("service", bureau="HRSS")
    query = "kind=services&mode=commit&source=hrss&close_month=HRSS/SSH/2013-06"
    content = f"source_ref,id_number,service,occurred_on\nv-1,{number},SSI-CARD,2013-06-02\n"
    first = uploaded(feed, content, query)
    work(first)
    work(feed.post(f"{first.json['import_href']}/undos", {}))

    sent = [uploaded(feed, content, query) for _ in range(2)]
    for each in sent:
        work(each)

    counts = [feed.get(each.json["import_href"]).json["counts"] for each in sent]
    assert [(each["done"], each["unchanged"], each["errors"]) for each in counts] == [(1, 0, 0), (0, 1, 0)]
    assert all(each["feed_closed"] for each in counts)
    cards = desk().get(f"/v1/households/{household}").json["services"]
    assert len([card for card in cards if not card.get("voided")]) == 1


def test_a_feed_brings_its_own_bureaus_services_and_months_alone(desk: DeskOf, work: Callable[[Answer], None]):
    number = id_number("19900517", "008")
    arrived(desk(), id_number=number)
    feed = desk("service", bureau="HRSS")
    asked = uploaded(feed, HEADER + f"q-1,{number},HLT-EDU,2013-03-01\n", "kind=services&mode=commit&source=hrss")
    work(asked)

    [refused] = feed.get(f"{asked.json['import_href']}/errors").json["items"]

    assert refused["code"] == "bureau-not-yours"
    assert uploaded(feed, FILE, "kind=services&close_month=EDUB/EDU/2013-03").status == 403
    assert uploaded(desk("supervisor"), FILE, "kind=services&source=hrss").status == 403


def test_people_outside_the_divisions_are_not_found(desk: DeskOf, work: Callable[[Answer], None]):
    number = id_number("19900517", "022")
    arrived(desk(), id_number=number)
    clerk = desk("supervisor", divisions=["410102"], sub="clerk-elsewhere")
    nobody = id_number("19900517", "024")
    asked = uploaded(clerk, HEADER + f",{number},HLT-EDU,2013-03-01\n,{nobody},HLT-EDU,2013-03-01\n")
    work(asked)

    codes = [each["code"] for each in clerk.get(f"{asked.json['import_href']}/errors").json["items"]]

    assert codes == ["row-person-not-found", "row-person-not-found"]


@pytest.mark.parametrize("kind", ["services", "insurances", "employments", "households", "members"])
def test_a_template_can_be_uploaded_as_it_is(desk: DeskOf, kind: str, work: Callable[[Answer], None]):
    clerk = desk("supervisor")
    for name, media in (("csv", "text/csv"), ("xlsx", XLSX)):
        form = clerk.get(f"/v1/imports/templates/{kind}?format={name}")
        asked = clerk.send(f"/v1/imports?kind={kind}", form.data, media)
        work(asked)
        assert clerk.get(asked.json["import_href"]).json["counts"]["rows"] == 0


def test_why_a_file_was_not_read_is_told_at_the_import(desk: DeskOf, household: str, work: Callable[[Answer], None]):
    clerk = desk("supervisor")
    asked = uploaded(clerk, FILE + f'r-9,{NUMBER},"HLT-EDU,2013-03-01\n')
    before = clerk.get(asked.json["import_href"]).json["job"]

    work(asked)

    [listed] = [each for each in clerk.get("/v1/imports").json["items"] if each["id"] == asked.json["import_id"]]
    assert (before["state"], before["error"]) == ("waiting", None)
    assert (listed["state"], listed["job"]["href"], listed["job"]["state"]) == (
        "uploaded",
        asked.json["href"],
        "failed",
    )
    assert (listed["job"]["error"], "5" in listed["job"]["detail"]) == ("file-malformed-at", True)


def test_an_import_that_is_at_its_rows_is_missed_sooner_than_one_that_is_read(desk: DeskOf, casework: Casework):
    asked = [uploaded(desk("supervisor"), FILE + f"x-{number},,,\n") for number in range(2)]
    reading, at_rows = (UUID(each.json["id"]) for each in asked)
    with psycopg.connect(str(casework.pool.conninfo), autocommit=True) as db:
        db.execute("UPDATE casework.job SET state = 'running', touched_at = now() - interval '30 seconds'")
        db.execute("UPDATE casework.job SET done = 1 WHERE id = %s", (at_rows,))

    with casework.pool.connection() as db:
        due = jobs.due(db)

    assert (reading in due, at_rows in due) == (False, True)


def test_a_cancelled_import_is_begun_again_where_it_is_asked_for_again(
    desk: DeskOf, household: str, work: Callable[[Answer], None]
):
    clerk = desk("supervisor")
    asked = uploaded(clerk, FILE, Idempotency_Key="cancelled")

    others = [desk("supervisor", sub="other"), desk("auditor"), desk("selection")]
    assert [other.ask("DELETE", asked.json["href"]).status for other in others] == [404, 404, 404]
    assert clerk.ask("DELETE", asked.json["href"]).json["state"] == "cancelled"
    work(asked)
    assert clerk.get(asked.json["import_href"]).json["state"] == "uploaded"
    assert clerk.post(f"{asked.json['import_href']}/commits", {}).json["code"] == "import-state"
    work(uploaded(clerk, FILE, Idempotency_Key="cancelled"))
    assert clerk.get(asked.json["import_href"]).json["state"] == "validated"
