"""A year's round over HTTP: each role does its part, sees its part, and no sealed score is in any answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from casework.application import Casework
from casework.domain.registry import unit_id
from casework.privacy.access_log import reads_of
from tests.api.conftest import Answer, Desk, DeskOf
from tests.domain.rounds.given import DIGEST, SNAPSHOT, ranking
from tests.given import by, first_member, registered

PANEL = [f"panelist-{number}" for number in range(1, 6)]
OPENING, OCTOBER, NOVEMBER, DECEMBER, AFTER = (
    datetime(2013, month, day, 4, tzinfo=UTC) for month, day in ((9, 20), (10, 21), (11, 10), (12, 10), (12, 22))
)
WORKER = {"work": 25, "skill_growth": 15, "community_contribution": 25, "conduct": 15}
NAME = "张三"
NARRATIVE = "李四推荐，热心公益"
POINTS = 97
"""What every panelist gives to every employer."""


def done(answer: Answer) -> Any:
    assert answer.status in (200, 201), answer.text
    return answer.json


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


class Year:
    """A year's round, and how it goes on step by step."""

    def __init__(self, desk: DeskOf, casework: Casework, year: int) -> None:
        self.desk = desk
        self.casework = casework
        self.year = year
        self.path = f"/v1/rounds/{year}"
        self.selection = desk("selection")
        self.auditor = desk("auditor")
        self.bureau = desk("bureau", bureau="IIT", sub="iit-1")

    def on(self, now: datetime) -> None:
        """Go on to a day, given as one of 2013."""
        self.casework.now = lambda: now.replace(year=self.year)

    def give(self, who: Desk, path: str, body: Any, **headers: str) -> Answer:
        """Give a command on the round as it is now."""
        headers.setdefault("If_Match", who.get(self.path).headers["ETag"])
        return who.post(f"{self.path}/{path}", body, **headers)

    def panelist(self, name: str) -> Desk:
        return self.desk("panelist", sub=name)

    def nominated(self, **candidate: Any) -> str:
        body = {"kind": "K03_EMPLOYER", **candidate}
        return str(done(self.give(self.bureau, "nominations", body))["events"][0]["nomination_id"])


@pytest.fixture(scope="module")
def person_id(casework: Casework) -> str:
    """Somebody who has worked for three years and agreed to publication."""
    household = registered(casework).id
    someone = first_member(casework, household)
    since, today = date(2010, 10, 1), casework.today
    job: dict[str, Any] = {"unit_id": unit_id("emp-1"), "kind": "employee", "from_": since, "occurred_on": since}
    casework.start_employment(household, by(), person_id=someone, **job)
    consent: dict[str, Any] = {"scope": "publication", "notice_version": "2013-1"}
    casework.give_consent(household, by(), person_id=someone, given_on=today, **consent)
    return str(someone)


@pytest.fixture(scope="module", autouse=True)
def units(casework: Casework) -> None:
    bureaus, employers = ("IIT", "HRSS", "PFP"), ("emp-2", "emp-3", "emp-4", "emp-5")
    for code, kind in (*((each, "bureau") for each in bureaus), *((each, "employer") for each in employers)):
        casework.register_unit(by("operator"), registered_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code)
    for code in ("IIT", "410105"):
        plan: dict[str, Any] = {"reported_on": date(2013, 1, 1), "fact": "UF-PLAN", "from_": date(2013, 1, 1)}
        casework.report_unit_fact(unit_id(code), by("operator"), **plan)


@pytest.fixture
def year(desk: DeskOf, casework: Casework) -> Iterator[Callable[[int], Year]]:
    """Open the round of a year; each test has one of its own."""
    before = casework.now

    def opened(number: int) -> Year:
        year = Year(desk, casework, number)
        year.on(OPENING)
        done(year.selection.post("/v1/rounds", {"year": number, "approval_ref": "豫人社〔2013〕7号"}))
        year.on(OCTOBER)
        return year

    yield opened
    casework.now = before


def scored(year: Year, person_id: str) -> list[str]:
    """Two employers and a person were nominated, found eligible and scored; all scores are in, and sealed."""
    people = {"kind": "K06_MIGRANT_WORKER", "person_id": person_id, "narrative": NARRATIVE}
    nominations = [year.nominated(unit="emp-1"), year.nominated(unit="emp-2"), year.nominated(**people)]
    year.on(NOVEMBER)
    for each in nominations:
        done(year.give(year.selection, f"nominations/{each}/eligibility-decisions", {"eligible": True}))
    for name in PANEL:
        body = {"panelist": name, "affiliation": "school-1", "kinds": ["K03_EMPLOYER", "K06_MIGRANT_WORKER"]}
        done(year.give(year.selection, "panelists", body))
    figures = {"sha256": DIGEST, "rows": 2, "code_version": "0.1.0", "cut": range(65)}
    known_at = year.casework.round(year.year).known_at
    year.casework.freeze_round(year.year, by("selection"), snapshot_id=SNAPSHOT, known_at=known_at, **figures)
    for name in PANEL:
        for each, items in zip(nominations, ({"overall": POINTS}, {"overall": POINTS}, WORKER), strict=True):
            done(year.give(year.panelist(name), f"nominations/{each}/scores", {"items": items}))
    return nominations


def published(year: Year, person_id: str) -> list[str]:
    """The ranking was computed and the list published; its three candidates all have a seat."""
    nominations = scored(year, person_id)
    done(year.give(year.selection, "score-openings", {}))
    rows = ranking(year.casework.round(year.year), seats={"K03_EMPLOYER": 1})
    given: dict[str, Any] = {"snapshot_id": SNAPSHOT, "sha256": DIGEST, "not_ranked": {}}
    year.casework.rank_round(year.year, by("selection"), candidates=rows, **given)
    year.on(DECEMBER)
    body = {"notice_to": f"{year.year}-12-20", "channels": ["website", "newspaper"]}
    done(year.give(year.selection, "shortlists", body))
    return nominations


def every_answer(year: Year, nominations: list[str]) -> str:
    """All that anybody can read of a round, as text."""
    readers = [year.selection, year.auditor, year.bureau, *(year.panelist(name) for name in PANEL)]
    paths = ["", "/nominations", "/panel", "/list", *(f"/nominations/{each}" for each in nominations)]
    return "".join(reader.get(f"{year.path}{path}").text for reader in readers for path in paths)


def test_nobody_reads_a_sealed_score(year: Callable[[int], Year], person_id: str):
    it = year(2015)
    nominations = scored(it, person_id)

    sealed = every_answer(it, nominations)
    assert '"scores":null' in sealed
    assert '"overall"' not in sealed
    assert '"skill_growth"' not in sealed
    scoring = it.auditor.get(f"{it.path}/nominations/{nominations[0]}").json["scoring"]
    assert scoring == {"due": 5, "recorded": 5, "scores": None}

    done(it.give(it.selection, "score-openings", {}))

    rows = ranking(it.casework.round(it.year), seats={"K03_EMPLOYER": 1})
    given: dict[str, Any] = {"snapshot_id": SNAPSHOT, "sha256": DIGEST, "not_ranked": {}}
    it.casework.rank_round(it.year, by("selection"), candidates=rows, **given)
    theirs = it.bureau.get(f"{it.path}/nominations/{nominations[0]}").json
    assert (theirs["place"], theirs["on_list"]) == (None, None)  # the list is not shown to anybody yet
    scoring = it.auditor.get(f"{it.path}/nominations/{nominations[0]}").json["scoring"]
    assert scoring["scores"] == [{"panelist": name, "items": {"overall": POINTS}} for name in PANEL]
    assert it.bureau.get(f"{it.path}/nominations/{nominations[0]}").json["scoring"] is None


def test_the_office_asks_for_the_figures_and_the_ranking_when_their_time_has_come(year: Callable[[int], Year]):
    it = year(2024)
    it.on(OCTOBER)
    early = it.selection.post(f"{it.path}/freezes", {})
    it.on(NOVEMBER)

    asked = it.selection.post(f"{it.path}/freezes", {})

    assert code_of(early) == (409, "nominations-not-closed")
    assert asked.status == 202
    assert asked.json["round_href"] == it.path
    job = it.selection.get(asked.json["href"]).json
    assert (job["href"], job["state"]) == (it.path, "waiting")
    assert it.selection.post(f"{it.path}/freezes", {}).json == asked.json
    assert code_of(it.selection.post(f"{it.path}/rankings", {})) == (409, "nothing-scored")
    assert it.bureau.post(f"{it.path}/freezes", {}).status == 403


def test_the_list_is_for_everybody_once_it_is_published(year: Callable[[int], Year], person_id: str):
    it = year(2016)
    anybody = it.desk(None)
    assert code_of(anybody.get(f"{it.path}/list")) == (404, "not-found")

    published(it, person_id)
    shown = done(anybody.get(f"{it.path}/list", Accept_Language="en"))

    assert (shown["state"], shown["published"]["channels"]) == ("notice", ["website", "newspaper"])
    unit, someone = shown["items"]
    assert (unit["unit"]["code"], unit["kind_label"], unit["rank"]) == (unit["unit"]["code"], "Employing unit", 1)
    assert (someone["unit"], someone["person_name"]) == (None, NAME)
    assert [each["status"] for each in shown["reserves"]] == ["reserve"]
    assert person_id not in str(shown)
    assert NARRATIVE not in str(shown)
    assert anybody.get(it.path).status == 401


def test_a_person_is_named_only_while_they_agree(
    year: Callable[[int], Year], person_id: str, desk: DeskOf, casework: Casework
):
    it = year(2017)
    published(it, person_id)
    with casework.pool.connection() as db:
        home = casework.persons.holders(db, [UUID(person_id)])[UUID(person_id)]
    scope = {"withdrawn_on": casework.today, "scope": "publication"}
    casework.withdraw_consent(home, by(), person_id=UUID(person_id), **scope)

    shown = desk(None).get(f"{it.path}/list")

    assert shown.json["items"][1]["person_name"] is None
    assert NAME not in shown.text
    it.on(AFTER)
    assert code_of(it.give(it.selection, "finalisations", {})) == (409, "publication-consent-missing")
    [_, theirs] = it.casework.round(2017).listed
    done(it.give(it.selection, f"nominations/{theirs}/removals", {"reason": "consent_withdrawn"}))
    done(it.give(it.selection, "finalisations", {}))
    assert NAME not in every_answer(it, [str(theirs)])
    consent: dict[str, Any] = {"scope": "publication", "notice_version": "2013-1", "given_on": casework.today}
    casework.give_consent(home, by(), person_id=UUID(person_id), **consent)


def test_objections_come_from_anybody_and_are_answered_before_the_end(year: Callable[[int], Year], person_id: str):
    it = year(2018)
    published(it, person_id)
    [listed, _] = it.casework.round(2018).listed
    path = f"nominations/{listed}/objections"
    clerk = it.desk("caseworker")
    filed = done(it.give(clerk, path, {"grounds": "misconduct", "anonymous": True, "remark": NARRATIVE}))
    objection = filed["events"][0]["objection_id"]

    it.on(AFTER)
    assert code_of(it.give(clerk, path, {"grounds": "procedure"})) == (409, "notice-over")
    assert code_of(it.give(it.selection, "finalisations", {})) == (409, "objection-open")
    done(it.give(it.selection, f"{path}/{objection}/resolutions", {"upheld": True, "reason": "substantiated"}))
    assert code_of(it.give(it.selection, "finalisations", {})) == (409, "objected-on-list")
    done(it.give(it.selection, f"nominations/{listed}/removals", {"reason": "objection_upheld"}))
    [reserve] = it.casework.round(2018).reserves
    moving = {"nomination_id": str(reserve), "in_place_of": str(listed), "notice_to": "2018-12-31"}
    done(it.give(it.selection, "promotions", moving))

    seen = it.auditor.get(f"{it.path}/nominations/{listed}").json
    assert [(each["grounds"], each["anonymous"], each["upheld"]) for each in seen["objections"]] == [
        ("misconduct", True, True)
    ]
    assert [(each["text"], each["objection_id"]) for each in seen["texts"]] == [(NARRATIVE, objection)]
    assert it.bureau.get(f"{it.path}/nominations/{listed}").json["objections"] is None
    assert it.panelist(PANEL[0]).get(f"{it.path}/nominations/{listed}").json["texts"] == []
    assert code_of(it.give(it.selection, "finalisations", {})) == (409, "notice-running")


def test_each_sees_their_part(year: Callable[[int], Year], person_id: str, casework: Casework):
    it = year(2019)
    mine = it.nominated(kind="K06_MIGRANT_WORKER", person_id=person_id, narrative=NARRATIVE)
    district = it.desk("bureau", bureau="LOCAL", unit="410105", sub="district-1")
    theirs = done(it.give(district, "nominations", {"kind": "K03_EMPLOYER", "unit": "emp-1"}))
    it.on(NOVEMBER)
    body = {"panelist": PANEL[0], "affiliation": "school-1", "kinds": ["K03_EMPLOYER"]}
    done(it.give(it.selection, "panelists", body))
    other = theirs["events"][0]["nomination_id"]

    def seen(who: Desk) -> list[str]:
        return [each["nomination_id"] for each in done(who.get(f"{it.path}/nominations"))["items"]]

    assert seen(it.selection) == seen(it.auditor) == [mine, other]
    assert (seen(it.bureau), seen(district)) == ([mine], [other])
    assert (seen(it.panelist(PANEL[0])), seen(it.panelist("stranger"))) == ([other], [])
    assert code_of(district.get(f"{it.path}/nominations/{mine}")) == (404, "nomination-unknown")
    whole = it.selection.get(f"{it.path}/nominations/{mine}").json
    assert [(each["event"], each["text"]) for each in whole["texts"]] == [("round.nomination-submitted.v1", NARRATIVE)]
    assert it.bureau.get(f"{it.path}/nominations/{mine}").json["texts"] is None
    with casework.pool.connection() as db:
        home = casework.persons.holders(db, [UUID(person_id)])[UUID(person_id)]
        reads = reads_of(db, home, [UUID(person_id)])
    assert reads[-1].action == "nominations.read"
    assert reads[-1].role == "selection"


def test_a_whole_year(year: Callable[[int], Year], person_id: str):
    it = year(2025)
    nominations = published(it, person_id)
    head = it.selection.get(it.path).json
    assert (head["state"], head["listed"], head["scores_open"]) == ("notice", 2, True)

    it.on(AFTER)
    done(it.give(it.selection, "finalisations", {}))
    digest = it.selection.get(it.path).json["list_sha256"]
    signing = {"document": "郑人社〔2025〕30号", "list_sha256": digest}
    hrss, pfp = (it.desk("bureau", bureau=code, sub=code) for code in ("HRSS", "PFP"))
    stranger = it.give(it.bureau, "commendations", signing)
    assert code_of(stranger) == (403, "not-a-signatory")
    done(it.give(hrss, "commendations", signing))
    assert it.selection.get(it.path).json["state"] == "finalised"
    done(it.give(pfp, "commendations", signing))
    done(it.give(it.selection, "closings", {}))
    revoking = {"ground": "falsified_data", "document": "郑人社〔2026〕2号"}
    [taken, *_] = it.casework.round(2025).listed
    for bureau in (hrss, pfp):
        done(it.give(bureau, f"nominations/{taken}/revocations", revoking))

    head = it.auditor.get(it.path).json
    assert (head["state"], head["commendation"]["document"]) == ("closed", "郑人社〔2025〕30号")
    assert [each["bureau"] for each in head["signatories"]] == ["HRSS", "PFP"]
    shown = it.desk(None).get(f"{it.path}/list").json
    assert [each["status"] for each in shown["items"]] == ["revoked", "commended"]
    assert len(nominations) == 3


def test_the_record_of_a_household_tells_its_candidates_but_not_who_objects(
    year: Callable[[int], Year], person_id: str
):
    it = year(2023)
    *_, nomination = published(it, person_id)
    objection = {"grounds": "misconduct", "remark": "王五举报"}
    done(it.give(it.desk("caseworker"), f"nominations/{nomination}/objections", objection))
    with it.casework.pool.connection() as db:
        home = it.casework.persons.holders(db, [UUID(person_id)])[UUID(person_id)]

    record = done(it.desk("caseworker").get(f"/v1/households/{home}/record"))

    mine = {"person_id": person_id, "year": 2023, "nomination_id": nomination, "kind": "K06_MIGRANT_WORKER"}
    assert mine in record["nominations"]
    fields = [row["fields"] for row in record["sealed"]]
    assert {"remark": NARRATIVE} in fields
    assert {"objection": None} in fields
    assert "王五" not in str(record)
    texts = it.selection.get(f"{it.path}/nominations/{nomination}").json["texts"]
    assert [each["text"] for each in texts] == [NARRATIVE, "王五举报"]


def test_nominations_come_page_by_page_and_by_kind(year: Callable[[int], Year]):
    it = year(2020)
    first, second = it.nominated(unit="emp-1"), it.nominated(unit="emp-2")
    path = f"{it.path}/nominations?kind=K03_EMPLOYER&limit=1"

    page = done(it.selection.get(path))
    rest = done(it.selection.get(f"{path}&cursor={page['next']}"))

    assert ([each["nomination_id"] for each in page["items"]], page["next"]) == ([first], first)
    assert ([each["nomination_id"] for each in rest["items"]], rest["next"]) == ([second], None)
    assert done(it.selection.get(f"{it.path}/nominations?kind=K01_DISTRICT"))["items"] == []
    assert code_of(it.selection.get(f"{path}&cursor={uuid4()}")) == (400, "cursor-invalid")


def test_whoever_edits_a_round_says_which_they_saw(year: Callable[[int], Year]):
    it = year(2021)
    seen = it.selection.get(it.path).headers["ETag"]
    body = {"kind": "K03_EMPLOYER", "unit": "emp-1"}
    assert code_of(it.bureau.post(f"{it.path}/nominations", body)) == (428, "if-match-missing")
    mine = it.nominated(unit="emp-1")
    it.nominated(unit="emp-2")

    opinion = {"authority": "HRSS", "opinion": "clear", "document": "2021-1"}
    stale = it.give(it.selection, f"nominations/{mine}/opinions", opinion, If_Match=seen)
    assert code_of(stale) == (412, "version-conflict")
    done(it.give(it.selection, f"nominations/{mine}/opinions", opinion))


def test_the_same_key_is_the_same_command(year: Callable[[int], Year]):
    it = year(2022)
    body, seen = {"kind": "K03_EMPLOYER", "unit": "emp-1"}, it.bureau.get(it.path).headers["ETag"]
    first = it.give(it.bureau, "nominations", body, Idempotency_Key="one")
    again = it.give(it.bureau, "nominations", body, Idempotency_Key="one", If_Match=seen)
    other = it.give(it.bureau, "nominations", {**body, "unit": "emp-2"}, Idempotency_Key="one")

    assert done(again) == done(first)
    assert code_of(other) == (422, "command-reused")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"kind": "household"}, "/kind", "field-value"),
        ({"kind": "K03_EMPLOYER", "unit": "emp 1"}, "/unit", "field-value"),
        ({"kind": "K03_EMPLOYER", "unit": "emp-1", "attachments": ["x"]}, "/attachments/0", "field-value"),
        ({"kind": "K03_EMPLOYER", "unit": "emp-1", "nominator": "IIT"}, "", "field-unknown"),
    ],
)
def test_what_is_not_well_formed_is_refused(desk: DeskOf, body: Any, pointer: str, code: str):
    answer = desk("bureau", bureau="IIT").post("/v1/rounds/2013/nominations", body, If_Match='"1"')

    assert answer.status == 422
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [(pointer, code)]


@pytest.mark.parametrize("text", ["张三同志", "2013年第30号 王芳", "x" * 101, "13812345678"])
def test_a_document_is_named_by_its_number_and_by_no_text(desk: DeskOf, text: str):
    body = {"authority": "HRSS", "opinion": "clear", "document": text}

    answer = desk("selection").post(f"/v1/rounds/2013/nominations/{uuid4()}/opinions", body, If_Match='"1"')

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/document")


def test_an_authority_reads_the_nomination_that_it_spoke_of(year: Callable[[int], Year]):
    it = year(2040)
    spoken, vetoed, other = (it.nominated(unit=code) for code in ("emp-3", "emp-4", "emp-5"))
    hrss = it.desk("bureau", bureau="HRSS", sub="hrss-1")
    about = {"authority": "HRSS", "document": "A-1"}

    unseen = hrss.get(f"{it.path}/nominations/{spoken}")
    done(it.give(hrss, f"nominations/{spoken}/opinions", {**about, "opinion": "clear"}))
    veto = {**about, "ground": "unpaid_wages", "happened_on": "2040-05-01"}
    done(it.give(hrss, f"nominations/{vetoed}/vetoes", veto))

    assert code_of(unseen) == (404, "nomination-unknown")
    seen = hrss.get(f"{it.path}/nominations").json["items"]
    assert [each["nomination_id"] for each in seen] == [spoken, vetoed]
    assert [each["scoring"] for each in seen] == [None, None]
    assert hrss.get(f"{it.path}/nominations/{other}").status == 404


def test_an_extension_is_labelled_wherever_its_kind_is_named(desk: DeskOf, casework: Casework):
    it = Year(desk, casework, 2029)
    before = casework.now
    it.on(OPENING)
    done(it.selection.post("/v1/rounds", {"year": 2029, "also": ["K08_SCHOOL"]}))
    it.on(OCTOBER)
    it.nominated(kind="K08_SCHOOL", unit="school-1")

    kinds = {each["kind"]: each["project_extension"] for each in it.selection.get(it.path).json["kinds"]}
    [nomination] = it.selection.get(f"{it.path}/nominations").json["items"]
    casework.now = before

    assert (kinds["K08_SCHOOL"], kinds["K03_EMPLOYER"]) == (True, False)
    assert nomination["project_extension"] is True


def test_a_year_without_a_round_is_not_there(desk: DeskOf):
    assert code_of(desk("selection").get("/v1/rounds/2199")) == (404, "round-unknown")
    assert code_of(desk(None).get("/v1/rounds/2199/list")) == (404, "round-unknown")
    assert desk("auditor").get("/v1/rounds/99999999999/nominations").status == 404
