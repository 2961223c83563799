"""A round's report: all of it for the office, what is published for the public, and no household anywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from openpyxl import load_workbook

from casework.bulk.round_page import page
from casework.bulk.round_sheets import workbook
from casework.domain.registry import UnitParentChanged, UnitRegistered, unit_id
from casework.domain.unit_events import UnitPart, UnitSplit
from casework.errors import NotFound, Refused
from casework.selection.freezing import frozen_snapshot, kept_snapshot
from casework.selection.report import Ranked, Report, Spoken, UnitNamed
from casework.selection.report_words import words
from casework.selection.reporting import office_report, public_report
from casework.selection.sources import figures_of, sources_of
from tests.given import COMMUNITY, by, first_member, registered
from tests.given import person as someone
from tests.projections.simulated import Simulated
from tests.selection.given_round import (
    DECEMBER,
    FIRMS,
    KIND,
    NOVEMBER,
    OCTOBER,
    PANEL,
    PEOPLE,
    YEAR,
    Office,
    code_of,
    count,
    office_on,
    tell_city,
)
from tests.selection.test_whole_year import AFTER, DOCUMENT, NOTICE_TO, signed_by_both, veto, visit_who_is_uncertain

WORKER = "K06_MIGRANT_WORKER"
OTHER_DISTRICT = "410102"
SILENT, SPEAKING = "张三", "李四"

CUT_SHORT = "UPDATE casework.frozen_figures SET figures = substring(figures FROM 1 FOR 1000)"
OF_NOTHING = """
UPDATE casework.frozen_figures
SET figures = convert_to(regexp_replace(convert_from(figures, 'UTF8'), '"\\d+/\\d+"', '"1/0"'), 'UTF8')"""
ANOTHER_SCORE = """
UPDATE casework.frozen_figures
SET figures = convert_to(replace(convert_from(figures, 'UTF8'), '"too_small"', 'null'), 'UTF8')"""


@pytest.fixture
def office(log: Simulated, tmp_path: Path) -> Iterator[Office]:
    """Twelve firms that are ranked and two that are too small; a community went to another district in May."""
    tell_city(log, small=2)
    told: dict[str, Any] = {"code": OTHER_DISTRICT, "kind": "district", "name_zh": "=中原区", "parent": unit_id("4101")}
    log.tell_registry(unit_id(OTHER_DISTRICT), UnitRegistered(occurred_on=date(2012, 1, 1), **told))
    moved = UnitParentChanged(occurred_on=date(YEAR, 5, 10), parent=unit_id(OTHER_DISTRICT))
    log.tell_registry(unit_id(COMMUNITY), moved)
    with office_on(log, tmp_path / "keys") as office:
        yield office


def ranked(office: Office, firms: int = FIRMS + 2) -> None:
    nominations = office.nominate(range(firms))
    office.check(nominations)
    office.freeze()
    office.score(nominations)
    office.rank()


def published(office: Office) -> None:
    ranked(office)
    visit_who_is_uncertain(office)
    office.on(DECEMBER)
    office.casework.publish_shortlist(YEAR, office.selection, notice_to=NOTICE_TO, channels=("website",))


def commended(office: Office) -> None:
    published(office)
    office.on(AFTER)
    office.casework.finalise_round(YEAR, office.selection)
    assert office.round.finalised is not None
    signed_by_both(office, "sign_commendation", list_sha256=office.round.finalised.list_sha256)


def seen(office: Office, spoken: Spoken = "zh", *, public: bool = False) -> Report:
    with office.casework.pool.connection() as db:
        figures = figures_of(db, kept_snapshot(db, office.round))
    sources = sources_of(office.casework, office.round, figures)
    return (public_report if public else office_report)(sources, spoken)


def firms(report: Report) -> list[Ranked]:
    return [each for table in report.kinds if table.kind == KIND for each in table.ranked]


def leaves(told: Any) -> Iterator[Any]:
    """Every value in a structure, and every name."""
    if isinstance(told, dict):
        yield from told
        for inner in told.values():
            yield from leaves(inner)
    elif isinstance(told, list | tuple):
        for inner in told:
            yield from leaves(inner)
    else:
        yield told


def test_the_office_sees_every_score_with_its_parts_and_how_sure_its_rank_is(office: Office):
    ranked(office)

    report = seen(office)

    best = firms(report)[0]
    round_ = office.round.nominations[best.nomination_id].ranked
    assert round_ is not None
    assert round_.metric is not None
    assert best.measured is not None
    assert (best.rank, best.final, best.measured.metric) == (1, round_.final / 100, round_.metric / 100)
    assert best.rank_low <= best.rank <= best.rank_high
    weighed = sum(part.weight * part.score for part in best.measured.parts if part.score is not None) / 100
    assert weighed == pytest.approx(best.measured.metric, abs=0.01)
    contract = best.measured.indicators[0]
    assert (contract.state, contract.den) == ("known", 12 * PEOPLE)
    assert contract.num is not None
    assert contract.rate == round(contract.num / (12 * PEOPLE), 4)
    assert contract.low is not None
    assert contract.high is not None
    assert contract.low < contract.rate < contract.high
    assert best.measured.size.value == PEOPLE
    assert report.small_n is None
    assert (report.notice, report.decision) == (None, None)
    assert report.meta.seed == report.meta.snapshot_sha256[:16]


def test_a_split_in_mid_year_is_told_as_it_was_and_as_it_is_now_and_taken_back_it_changes_no_frozen_report(
    log: Simulated, tmp_path: Path
):
    tell_city(log)
    old, new, on = unit_id("410105"), unit_id("new-1"), date(YEAR, 5, 10)
    registered = UnitRegistered(occurred_on=on, code="new-1", kind="district", name_zh="新区", parent=unit_id("4101"))
    log.tell_registry(old, UnitSplit(occurred_on=on, parts=(UnitPart(new, (unit_id(COMMUNITY),)),), closes=False))
    log.tell_registry(unit_id(COMMUNITY), UnitParentChanged(occurred_on=on, parent=new))
    log.tell_registry(new, registered)
    with office_on(log, tmp_path / "keys") as office:
        ranked(office, FIRMS)
        before, recomputed = seen(office, "en"), office.recompute()
        office.casework.void_unit_entry(old, by("operator"), voids=2, reason="entry_error")
        now = office.casework.registry()

        assert before.boundaries is not None
        homes, months = FIRMS * PEOPLE, 12
        assert [
            (each.tree_label, each.ranked_by, [(d.unit.code, d.households) for d in each.divisions])
            for each in before.boundaries
        ] == [
            ("As it was", True, [("410105", homes * 7 / months), ("new-1", homes * 5 / months)]),
            ("As it is now", False, [("410105", 0), ("new-1", homes)]),
        ]
        assert (now.units[new].is_void, now.subtree(old, on)) == (True, [unit_id(COMMUNITY)])
        assert (seen(office, "en"), office.recompute()) == (before, recomputed)
        assert recomputed.agrees


def test_who_is_not_ranked_is_named_with_the_reason(office: Office):
    ranked(office)

    [table] = [each for each in seen(office, "en").kinds if each.kind == KIND]

    assert [each.unit and each.unit.code for each in table.not_ranked] == [code_of(FIRMS), code_of(FIRMS + 1)]
    assert {each.reason_label for each in table.not_ranked} == {"Smaller than the least size of its kind"}
    assert [(each.reason, each.units) for each in table.not_rankable] == [("too_small", 2)]
    assert table.units_measured == FIRMS + 2


def test_the_office_is_told_who_is_out_and_why_and_the_public_is_not(office: Office):
    *fine, small, vetoed = office.nominate(range(FIRMS))
    office.check([*fine, vetoed], refused=[small])
    veto(office, vetoed)
    office.freeze()
    office.score(fine)
    office.rank()
    visit_who_is_uncertain(office)
    office.on(DECEMBER)
    [first, *_] = office.round.listed
    office.casework.publish_shortlist(YEAR, office.selection, notice_to=NOTICE_TO, channels=("website",))
    office.casework.remove_candidate(YEAR, office.selection, nomination_id=first, reason="declined")

    report = seen(office, "en")

    [table] = [each for each in report.kinds if each.kind == KIND]
    assert {(each.nomination_id, each.by, each.reason_labels) for each in table.barred} == {
        (first, "removal", ("Declined",)),
        (small, "eligibility", ("Below the smallest size",)),
        (vetoed, "veto", ("Unpaid wages, unresolved",)),
    }
    [of_veto] = [each for each in table.barred if each.by == "veto"]
    assert of_veto.unit == UnitNamed(code=code_of(FIRMS - 1), name=code_of(FIRMS - 1))
    book = load_workbook(io.BytesIO(workbook(report)))
    told = list(book[words().words["barred"]["en"]].iter_rows(values_only=True))
    for each in told, page(report):
        assert "Unpaid wages, unresolved" in str(each)
    assert all(not table.barred for table in seen(office, public=True).kinds)


def test_before_the_ranking_there_is_no_report_and_before_the_list_none_for_the_public(office: Office):
    nominations = office.nominate(range(2))
    office.check(nominations)
    office.freeze()
    with pytest.raises(Refused) as early:
        seen(office)
    office.score(nominations)
    office.rank()
    with pytest.raises(NotFound):
        seen(office, public=True)

    assert early.value.code == "round-not-ranked"
    assert seen(office).kinds


def test_the_public_sees_who_is_on_the_list_and_no_small_cell(office: Office):
    published(office)
    everything, told = seen(office), seen(office, public=True)

    on_list = {each.nomination_id for each in (*told.listed, *told.reserves)}
    assert {each.nomination_id for each in firms(told)} == on_list
    assert all(not table.not_ranked for table in told.kinds)
    assert told.boundaries is None
    assert told.small_n == office.round.policy.small_n
    small = 0
    for mine, theirs in zip(firms(everything), firms(told), strict=True):
        assert mine.measured is not None
        assert theirs.measured is not None
        assert mine.final == theirs.final
        for cell, shown in zip(mine.measured.indicators, theirs.measured.indicators, strict=True):
            assert cell.num is not None
            assert cell.den is not None
            if min(cell.num, cell.den - cell.num) * (cell.n or 0) / cell.den < 5:
                small += 1
                assert shown.state == "hidden"
                assert {shown.num, shown.den, shown.n, shown.rate, shown.low, shown.high, shown.shrunk} == {None}
    assert small


def test_notice_and_decision_say_what_was_published_and_signed(office: Office):
    published(office)
    notice = seen(office, "en", public=True)
    office.on(AFTER)
    office.casework.finalise_round(YEAR, office.selection)
    final = seen(office, "en")
    assert office.round.finalised is not None
    signed_by_both(office, "sign_commendation", list_sha256=office.round.finalised.list_sha256)
    done = seen(office)

    assert notice.notice is not None
    assert f"to {NOTICE_TO}" in notice.notice.text
    assert "at least 5 working days" in notice.notice.text
    assert final.decision is not None
    assert not final.decision.in_force
    assert "not in force" in final.decision.text
    assert done.decision is not None
    assert (done.decision.in_force, done.decision.document) == (True, DOCUMENT)
    assert [(each.bureau, each.signed_on) for each in done.decision.signatories] == [
        ("HRSS", AFTER.date()),
        ("PFP", AFTER.date()),
    ]
    assert done.decision.list_sha256 == office.round.finalised.list_sha256
    assert {each.status for each in done.listed} == {"commended"}


def test_school_coverage_is_a_figure_of_its_own_for_every_district(office: Office):
    ranked(office)

    coverage = seen(office).school_coverage

    assert [each.unit.code for each in coverage] == [OTHER_DISTRICT, "410105"]
    assert {(each.communities, each.share, each.is_reached) for each in coverage} == {(0, None, None)}
    assert all(len(each.months) == 12 for each in coverage)


def test_districts_are_told_as_they_were_and_as_they_are_now(office: Office):
    ranked(office)

    then, now = seen(office, "en").boundaries or ()

    households = FIRMS * PEOPLE
    assert (then.tree_label, now.tree_label) == ("As it was", "As it is now")
    assert (then.ranked_by, now.ranked_by) == (True, False)
    sizes = [{each.unit.code: each.households for each in tree.divisions} for tree in (then, now)]
    assert sizes[0] == {"410105": round(households * 7 / 12, 2), OTHER_DISTRICT: round(households * 5 / 12, 2)}
    assert sizes[1] == {"410105": 0, OTHER_DISTRICT: households}


def test_what_happens_later_changes_no_byte_of_a_report(office: Office):
    commended(office)
    before = msgspec.json.encode(seen(office)), page(seen(office))
    operator = by("operator")
    split: dict[str, Any] = {"parent": unit_id("410105"), "changed_on": date(YEAR, 12, 1)}
    office.casework.change_unit_place(unit_id(COMMUNITY), operator, **split)

    assert (msgspec.json.encode(seen(office)), page(seen(office))) == before


@pytest.mark.parametrize("spoilt", ["DELETE FROM casework.frozen_figures", CUT_SHORT, ANOTHER_SCORE, OF_NOTHING])
def test_figures_that_are_not_kept_are_counted_again_only_by_who_asks_for_that(
    office: Office, log: Simulated, spoilt: str
):
    published(office)
    before = seen(office)
    log.as_owner(spoilt)
    log.as_owner("DELETE FROM casework.month_run")
    with office.casework.pool.connection() as db:
        with pytest.raises(Refused) as refused:
            kept_snapshot(db, office.round)
        assert db.execute("SELECT count(*) FROM casework.month_run").fetchone() == (0,)

        frozen_snapshot(db, office.round, count)

    assert refused.value.code == "figures-not-stored"
    assert seen(office) == before


@pytest.mark.parametrize("spoken", ["zh", "en"])
def test_every_number_is_defined(office: Office, spoken: Spoken):
    ranked(office)

    report = seen(office, spoken)

    defined = {(each.group, each.code) for each in report.definitions}
    for each in firms(report):
        assert each.measured is not None
        assert {("part", part.code) for part in each.measured.parts} <= defined
    for tree in report.boundaries or ():
        assert {("level", level.code) for division in tree.divisions for level in division.levels} <= defined
    policy = office.round.policy
    assert {("indicator", code) for code in policy.indicators} <= defined
    assert {("number", each.code) for each in words().numbers} <= defined
    assert all("{" not in each.text and each.text for each in report.definitions)
    [final] = [each.text for each in report.definitions if each.code == "final"]
    assert "0.7" in final
    assert "70.00" in final
    assert ("households" in report.statement) == (spoken == "en")


def agreed(office: Office, name: str) -> tuple[UUID, UUID]:
    """Somebody who may be a candidate: their household and themselves."""
    household = registered(office.casework, someone(name=name)).id
    person = first_member(office.casework, household)
    since = date(2010, 10, 1)
    job: dict[str, Any] = {"unit_id": unit_id(code_of(0)), "kind": "employee", "from_": since, "occurred_on": since}
    office.casework.start_employment(household, by(), person_id=person, **job)
    consent: dict[str, Any] = {"scope": "publication", "notice_version": "2013-1"}
    office.casework.give_consent(household, by(), person_id=person, given_on=office.casework.today, **consent)
    return household, person


def with_people(office: Office) -> list[tuple[UUID, UUID]]:
    """Firms and two people are ranked, and one of these agrees no longer."""
    firms = office.nominate(range(3))
    people = [agreed(office, name) for name in (SILENT, SPEAKING)]
    office.on(OCTOBER)
    bureau = office.bureau("IIT")
    nominated = [office.casework.nominate(YEAR, bureau, kind=WORKER, person_id=person) for _, person in people]
    workers = [each.events[0]["nomination_id"] for each in nominated]
    office.on(NOVEMBER)
    for each in (*firms, *workers):
        office.casework.decide_eligibility(YEAR, office.selection, nomination_id=each, eligible=True)
    for name in PANEL:
        appointed: dict[str, Any] = {"panelist": name, "affiliation": unit_id("school-1"), "kinds": (KIND, WORKER)}
        office.casework.appoint_panelist(YEAR, office.selection, **appointed)
    office.freeze()
    items = {"work": 25, "skill_growth": 15, "community_contribution": 25, "conduct": 15}
    for name in PANEL:
        panelist = msgspec.structs.replace(by("panelist"), actor=name)
        for each in (*firms, *workers):
            given = items if each in workers else {"overall": 80}
            office.casework.record_score(YEAR, panelist, nomination_id=each, items=given)
    office.casework.reveal_scores(YEAR, office.selection)
    office.rank()
    visit_who_is_uncertain(office)
    office.on(DECEMBER)
    office.casework.publish_shortlist(YEAR, office.selection, notice_to=NOTICE_TO, channels=("website",))
    household, person = people[0]
    taken = {"withdrawn_on": office.casework.today, "scope": "publication"}
    office.casework.withdraw_consent(household, by(), person_id=person, **taken)
    return people


def test_no_report_tells_of_a_household_or_of_anybody_who_does_not_agree(office: Office):
    people = with_people(office)
    with office.casework.pool.connection() as db:
        streams = {
            str(id) for (id,) in db.execute("SELECT DISTINCT stream_id FROM casework.events WHERE partition < 64")
        }
    persons = {str(person) for stream in streams for person in office.casework.household(UUID(stream)).people}
    assert {str(person) for _, person in people} <= persons
    assert len(streams) > FIRMS * PEOPLE

    for public in (False, True):
        for spoken in ("zh", "en"):
            report = seen(office, spoken, public=public)
            told = {str(leaf) for leaf in leaves(msgspec.to_builtins(report))}
            assert told.isdisjoint(streams)
            assert told.isdisjoint(persons)
            assert not {name for name in told if "household_id" in name or "person_id" in name}
            text = msgspec.json.encode(report).decode() + page(report)
            assert not any(id in text for id in streams | persons)
            assert SPEAKING in text
            assert SILENT not in text
            [table] = [each for each in report.kinds if each.kind == WORKER]
            assert [(each.person_name, each.measured) for each in table.ranked].count((SPEAKING, None)) == 1
            assert [each.person_name for each in table.ranked].count(None) == 1


def test_a_workbook_opens_again_and_no_cell_of_it_is_a_formula(office: Office):
    commended(office)
    report = seen(office)

    book = load_workbook(io.BytesIO(workbook(report)))

    names = ["依据", "名单", "得分", "指标", "单位事实", "未纳入排名", "新型社区学校覆盖", "区划口径", "指标说明"]
    assert book.sheetnames == names
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    assert "'=中原区" in [cell.value for cell in cells]
    assert ("阶段", "已表彰") in list(book["依据"].iter_rows(values_only=True))
    listed = list(book["名单"].iter_rows(values_only=True))
    assert [row[5] for row in listed[1:]] == [each.final for each in report.listed]
    heads, best = list(book["得分"].iter_rows(values_only=True))[:2]
    row = dict(zip(heads, best, strict=True))
    first = firms(report)[0]
    assert first.measured is not None
    assert (row["指标得分M"], row["评委均分P"], row["总分"]) == (first.measured.metric, first.panel, first.final)
    assert row["劳动合同 (35)"] == first.measured.parts[0].score
    assert len(list(book["指标说明"].rows)) == len(report.definitions) + 1


class Reader(HTMLParser):
    """Reads a page: its tags, what it asks for from elsewhere, and that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "action")]
        self.ids += [str(value) for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("spoken", ["zh", "en"])
def test_a_page_is_whole_and_asks_for_nothing_from_elsewhere(office: Office, spoken: Spoken):
    commended(office)
    report = seen(office, spoken)

    reader = Reader()
    written = page(report)
    reader.feed(written)

    assert reader.open == []
    assert reader.links == []
    assert "url(" not in written
    assert {"notice", "decision", "list", KIND, "coverage", "boundaries", "definitions", "about"} <= set(reader.ids)
    text = "".join(reader.text)
    assert report.statement in text
    assert all(f"{each.final:.2f}" in text for each in report.listed)
    assert all(each.text in text for each in report.definitions)


def test_a_name_is_text_and_never_markup(office: Office):
    ranked(office)
    report = seen(office)
    [first, *rest] = report.listed
    assert first.unit is not None
    unit = msgspec.structs.replace(first.unit, name="<script>alert(1)</script>")
    marked = msgspec.structs.replace(report, listed=(msgspec.structs.replace(first, unit=unit), *rest))

    written = page(marked)

    assert "<script" not in written
    assert "&lt;script&gt;" in written
