"""Commands on a round, on a real log: what is asked of people's files, what is sealed, and what is told twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from click.testing import CliRunner

from casework.application import Casework
from casework.cli import main
from casework.domain.registry import unit_id
from casework.domain.rounds.round import Round, round_id
from casework.errors import CaseworkError, VersionConflict
from casework.log import reading
from casework.outcome import Context, Outcome
from tests.domain.rounds.given import DIGEST, SNAPSHOT, ranking
from tests.given import by, casework_on, first_member, person, registered

OCTOBER, NOVEMBER, DECEMBER = (datetime(2013, month, 10, 4, tzinfo=UTC) for month in (10, 11, 12))
PANEL = [f"panelist-{number}" for number in range(1, 6)]
NARRATIVE = "张三同志热心公益"


class Office:
    """The selection office, and those who come to it, on a log whose day the test chooses."""

    def __init__(self, casework: Casework) -> None:
        self.casework = casework
        self.on(datetime(2013, 9, 20, 4, tzinfo=UTC))

    def on(self, now: datetime) -> None:
        self.casework.now = lambda: now

    @property
    def round(self) -> Round:
        return self.casework.round(2013)

    def nominate(self, context: Context | None = None, **fields: Any) -> Outcome:
        given: dict[str, Any] = {"kind": "K03_EMPLOYER", "unit": unit_id("emp-1"), **fields}
        return self.casework.nominate(2013, context or self.bureau("IIT"), **given)

    def bureau(self, code: str, key: str | None = None, **more: Any) -> Context:
        return msgspec.structs.replace(by("bureau", key, bureau=code, **more), actor=f"{code}-1")

    def panelist(self, name: str) -> Context:
        return msgspec.structs.replace(by("panelist"), actor=name)

    def at_work(self, *, years: int = 3, hukou: str = "411322") -> tuple[UUID, UUID]:
        """A household of one who has worked at the employer for some years; the household and the person."""
        member, profile = person()
        facts = msgspec.structs.replace(member.facts, hukou_division=hukou)
        household = registered(self.casework, (msgspec.structs.replace(member, facts=facts), profile)).id
        someone = first_member(self.casework, household)
        since = date(2013 - years, 10, 1)
        job: dict[str, Any] = {
            "person_id": someone,
            "unit_id": unit_id("emp-1"),
            "kind": "employee",
            "from_": since,
            "occurred_on": since,
        }
        self.casework.start_employment(household, by(), **job)
        return household, someone

    def consent(self, household: UUID, someone: UUID) -> None:
        given: dict[str, Any] = {"given_on": self.casework.today, "scope": "publication", "notice_version": "2013-1"}
        self.casework.give_consent(household, by(), person_id=someone, **given)


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    generator = casework_on(database_url, tmp_path / "keys")
    casework = next(generator)
    operator = by("operator")
    for code, kind in (("IIT", "bureau"), ("HRSS", "bureau"), ("PFP", "bureau"), ("emp-2", "employer")):
        casework.register_unit(operator, registered_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code)
    for code in ("IIT", "410105"):
        plan: dict[str, Any] = {"reported_on": date(2013, 1, 1), "fact": "UF-PLAN", "from_": date(2013, 1, 1)}
        casework.report_unit_fact(unit_id(code), operator, **plan)
    office = Office(casework)
    casework.open_round(by("selection"), year=2013)
    office.on(OCTOBER)
    yield office
    next(generator, None)


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(CaseworkError) as error:
        call(*args, **kwargs)
    return error.value.code


def reviewed(office: Office) -> Round:
    """Two employers were nominated and scored, and all scores are in."""
    casework, selection = office.casework, by("selection")
    nominations = [office.nominate(unit=unit_id(code)).events[0]["nomination_id"] for code in ("emp-1", "emp-2")]
    office.on(NOVEMBER)
    for nomination in nominations:
        casework.decide_eligibility(2013, selection, nomination_id=nomination, eligible=True)
    for name in PANEL:
        appointment: dict[str, Any] = {"panelist": name, "affiliation": unit_id("school-1"), "kinds": ("K03_EMPLOYER",)}
        casework.appoint_panelist(2013, selection, **appointment)
    known_at = office.round.known_at
    figures: dict[str, Any] = {"sha256": DIGEST, "rows": 2, "code_version": "0.1.0", "cut": range(65)}
    casework.freeze_round(2013, by("selection"), snapshot_id=SNAPSHOT, known_at=known_at, **figures)
    for points, nomination in zip((90, 80), nominations, strict=True):
        for name in PANEL:
            casework.record_score(2013, office.panelist(name), nomination_id=nomination, items={"overall": points})
    return office.round


def test_a_bureau_nominates_as_itself_and_a_district_by_its_token(office: Office):
    office.nominate()
    office.nominate(office.bureau("LOCAL", unit=unit_id("410105")), unit=unit_id("emp-2"))

    nominators = [each.submitted.nominator for each in office.round.nominations.values()]

    assert nominators == [unit_id("IIT"), unit_id("410105")]
    assert refused(office.nominate, office.bureau("LOCAL")) == "nominator-missing"
    assert refused(office.nominate, office.bureau("HRSS")) == "plan-missing"
    assert refused(office.nominate, unit=None) == "candidate-unclear"
    assert refused(office.nominate, unit=unit_id("nobody")) == "candidate-unknown"


def test_a_district_nominates_who_is_at_home_or_at_work_in_it(office: Office):
    operator, above = by("operator"), unit_id("4101")
    for code, kind, parent in (("410102", "district", above), ("emp-3", "employer", unit_id("410102"))):
        placed: dict[str, Any] = {"code": code, "kind": kind, "parent": parent}
        office.casework.register_unit(operator, registered_on=date(2012, 1, 1), name_zh=code, **placed)
    plan: dict[str, Any] = {"reported_on": date(2013, 1, 1), "fact": "UF-PLAN", "from_": date(2013, 1, 1)}
    office.casework.report_unit_fact(unit_id("410102"), operator, **plan)
    ours, theirs = (office.bureau("LOCAL", unit=unit_id(code)) for code in ("410105", "410102"))
    household, someone = office.at_work()  # at home in 410105
    office.consent(household, someone)
    worker: dict[str, Any] = {"kind": "K06_MIGRANT_WORKER", "unit": None, "person_id": someone}

    assert refused(office.nominate, ours, unit=unit_id("emp-3")) == "candidate-of-another-area"
    assert refused(office.nominate, ours, kind="K01_DISTRICT", unit=unit_id("410102")) == "candidate-of-another-area"
    assert refused(office.nominate, theirs, **worker) == "candidate-of-another-area"
    office.nominate(theirs, unit=unit_id("emp-3"))
    office.nominate(theirs, kind="K01_DISTRICT", unit=unit_id("410102"))
    office.nominate(ours, **worker)

    assert len(office.round.nominations) == 3


def test_a_person_is_a_candidate_by_a_consent_in_their_household(office: Office):
    household, someone = office.at_work()
    asked: dict[str, Any] = {"kind": "K06_MIGRANT_WORKER", "unit": None, "person_id": someone}
    assert refused(office.nominate, **asked) == "publication-consent-missing"
    assert refused(office.nominate, **{**asked, "person_id": uuid4()}) == "publication-consent-missing"
    office.consent(household, someone)

    outcome = office.nominate(**asked)

    [nomination] = office.round.nominations.values()
    with office.casework.pool.connection() as db:
        given = reading.timeline(db, household)[-1]
    assert given.type == "household.consent-given.v1"
    assert nomination.submitted.consent == given.meta.event_id
    assert outcome.events[0]["nomination_id"] == nomination.id


def test_no_household_is_ever_a_candidate(office: Office):
    household, someone = office.at_work()
    office.consent(household, someone)

    for kind in office.round.begun.kinds:
        for named in ({"unit": household}, {"unit": None, "person_id": household}):
            rule = refused(office.nominate, kind=kind, **named)
            assert rule in ("candidate-unknown", "candidate-kind", "publication-consent-missing")
    assert office.round.nominations == {}


@pytest.mark.parametrize(
    ("known", "rule"),
    [({}, None), ({"years": 1}, "candidate-worked-too-little"), ({"hukou": "410105"}, "candidate-local-hukou")],
)
def test_the_conditions_of_a_person_are_asked_of_their_file(office: Office, known: dict[str, Any], rule: str | None):
    household, someone = office.at_work(**known)
    office.consent(household, someone)
    office.nominate(kind="K06_MIGRANT_WORKER", unit=None, person_id=someone)
    [nomination] = office.round.nominations
    office.on(NOVEMBER)
    decided: dict[str, Any] = {"nomination_id": nomination, "eligible": True}

    if rule is None:
        office.casework.decide_eligibility(2013, by("selection"), **decided)
        assert office.round.nominations[nomination].is_eligible
    else:
        assert refused(office.casework.decide_eligibility, 2013, by("selection"), **decided) == rule


def test_who_withdrew_the_consent_is_eligible_no_longer(office: Office):
    household, someone = office.at_work()
    office.consent(household, someone)
    office.nominate(kind="K06_MIGRANT_WORKER", unit=None, person_id=someone)
    [nomination] = office.round.nominations
    withdrawn: dict[str, Any] = {"withdrawn_on": office.casework.today, "scope": "publication"}
    office.casework.withdraw_consent(household, by(), person_id=someone, **withdrawn)
    office.on(NOVEMBER)
    decided: dict[str, Any] = {"nomination_id": nomination, "eligible": True}

    rule = refused(office.casework.decide_eligibility, 2013, by("selection"), **decided)

    assert rule == "publication-consent-missing"


def test_a_person_is_not_scored_by_somebody_of_their_workplace(office: Office):
    household, someone = office.at_work()
    office.consent(household, someone)
    office.nominate(kind="K06_MIGRANT_WORKER", unit=None, person_id=someone)
    office.on(NOVEMBER)

    colleague: dict[str, Any] = {
        "panelist": "colleague",
        "affiliation": unit_id("emp-1"),
        "kinds": ("K06_MIGRANT_WORKER",),
    }
    office.casework.appoint_panelist(2013, by("selection"), **colleague)

    [nomination] = office.round.nominations.values()
    assert nomination.recused == {"colleague"}


def test_what_somebody_writes_is_in_the_vault_and_in_no_event(office: Office):
    office.nominate(narrative=NARRATIVE)
    [nomination] = office.round.nominations.values()

    with office.casework.pool.connection() as db:
        logged = reading.timeline(db, round_id(2013))
        held = office.casework.persons.vault.revisions(db, nomination.id)

    assert [row.fields for row in held] == [{"remark": NARRATIVE}]
    assert nomination.texts[0][1] == held[0].commitment
    assert all(NARRATIVE.encode() not in event.state for event in logged)


def test_what_is_written_of_a_person_goes_when_they_are_erased(office: Office):
    household, someone = office.at_work()
    office.consent(household, someone)
    office.nominate(kind="K06_MIGRANT_WORKER", unit=None, person_id=someone, narrative=NARRATIVE)

    with office.casework.pool.connection() as db:
        held = office.casework.persons.vault.revisions(db, someone)

    assert {"remark": NARRATIVE} in [row.fields for row in held]


def test_a_command_given_twice_counts_once(office: Office):
    first = office.nominate(office.bureau("IIT", "the key"))
    again = office.nominate(office.bureau("IIT", "the key"))

    assert again == first
    assert office.round.version == 2
    assert refused(office.nominate, office.bureau("IIT", "another")) == "nominated-already"


@pytest.mark.parametrize(("keys", "named"), [(["one"] * 4, 4), (["one", "two", "three", "four"], 1)])
def test_of_several_at_once_one_nominates(office: Office, keys: list[str], named: int):
    def nominate(key: str) -> str:
        try:
            return str(office.nominate(office.bureau("IIT", key)).events[0]["nomination_id"])
        except CaseworkError as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(nominate, keys))

    [nomination] = office.round.nominations
    assert answers.count(str(nomination)) == named
    assert answers.count("nominated-already") == 4 - named


def test_an_edit_of_what_somebody_changed_meanwhile_is_refused(office: Office):
    office.nominate()
    seen = office.round.version
    office.nominate(unit=unit_id("emp-2"))
    one, _ = office.round.nominations
    opinion: dict[str, Any] = {"nomination_id": one, "authority": unit_id("HRSS"), "opinion": "clear"}
    then = by("selection", expected_version=seen)

    office.casework.receive_opinion(2013, then, document="2013-1", **opinion)  # the other nomination is beside it
    with pytest.raises(VersionConflict):
        office.casework.receive_opinion(2013, then, document="2013-2", **opinion)

    office.on(NOVEMBER)
    with pytest.raises(VersionConflict):
        office.casework.cancel_round(2013, then, reason="defect")


def test_a_bureau_speaks_for_itself_alone(office: Office):
    office.nominate()
    [nomination] = office.round.nominations
    veto: dict[str, Any] = {
        "nomination_id": nomination,
        "ground": "unpaid_wages",
        "document": "2013-9",
        "happened_on": date(2013, 5, 1),
    }

    hrss = office.bureau("HRSS")
    assert refused(office.casework.record_veto, 2013, hrss, authority=unit_id("PFP"), **veto) == "bureau-not-yours"
    outcome = office.casework.record_veto(2013, hrss, authority=unit_id("HRSS"), **veto)
    lifting: dict[str, Any] = {
        "nomination_id": nomination,
        "veto_id": outcome.events[0]["veto_id"],
        "document": "2013-10",
    }
    pfp = office.bureau("PFP")
    assert refused(office.casework.lift_veto, 2013, pfp, authority=unit_id("HRSS"), **lifting) == "bureau-not-yours"
    office.casework.lift_veto(2013, hrss, authority=unit_id("HRSS"), **lifting)

    assert office.round.nominations[nomination].standing_vetoes == []


def test_sealed_scores_are_opened_from_the_vault_and_lead_to_the_list(office: Office):
    round_ = reviewed(office)
    assert not any(each.scores for each in round_.nominations.values())
    selection = by("selection")
    with office.casework.pool.connection() as db:
        states = [event.state for event in reading.timeline(db, round_.id)]
    assert not any(b"overall" in state for state in states)

    office.casework.reveal_scores(2013, selection)
    rows = ranking(office.round)
    office.casework.rank_round(
        2013, by("selection"), snapshot_id=SNAPSHOT, sha256=DIGEST, candidates=rows, not_ranked={}
    )
    office.on(DECEMBER)
    published: dict[str, Any] = {"notice_to": date(2013, 12, 16), "channels": ("website",)}
    office.casework.publish_shortlist(2013, by("selection"), **published)

    first, second = office.round.nominations.values()
    assert first.scores == {name: {"overall": 90} for name in PANEL}
    assert second.scores == {name: {"overall": 80} for name in PANEL}
    assert office.round.published is not None
    assert len(office.round.published.listed) == 2


def test_a_score_is_the_callers_own(office: Office):
    round_ = reviewed(office)
    [nomination, _] = round_.nominations
    given: dict[str, Any] = {"nomination_id": nomination, "items": {"overall": 50}}

    assert refused(office.casework.record_score, 2013, office.panelist("stranger"), **given) == "panelist-not-appointed"
    assert refused(office.casework.record_score, 2013, office.panelist(PANEL[0]), **given) == "scored-already"
    other: dict[str, Any] = {"nomination_id": nomination, "panelist": PANEL[1]}
    rule = refused(office.casework.declare_recusal, 2013, office.panelist(PANEL[0]), **other)
    assert rule == "panelist-another"


def test_nothing_tells_who_handed_in_an_anonymous_objection(office: Office):
    reviewed(office)
    office.casework.reveal_scores(2013, by("selection"))
    figures: dict[str, Any] = {"snapshot_id": SNAPSHOT, "sha256": DIGEST, "not_ranked": {}}
    office.casework.rank_round(2013, by("selection"), candidates=ranking(office.round), **figures)
    office.on(DECEMBER)
    published: dict[str, Any] = {"notice_to": date(2013, 12, 16), "channels": ("website",)}
    office.casework.publish_shortlist(2013, by("selection"), **published)
    [nomination, _] = office.round.listed
    objection: dict[str, Any] = {"nomination_id": nomination, "grounds": "misconduct", "remark": "李四"}

    clerk = msgspec.structs.replace(by("caseworker", unit=unit_id("HRSS"), bureau="HRSS"), actor="clerk-77")
    office.casework.file_objection(2013, clerk, anonymous=True, **objection)

    with office.casework.pool.connection() as db:
        meta = reading.timeline(db, round_id(2013))[-1].meta
    assert (meta.actor, meta.bureau, meta.unit) == ("anonymous", None, None)
    assert b"clerk-77" not in meta.encode()


def test_a_later_round_asks_the_earlier_ones(office: Office):
    office.nominate()
    [nomination] = office.round.nominations
    fraud: dict[str, Any] = {"ground": "falsified_data", "document": "2013-9", "happened_on": date(2013, 5, 1)}
    office.casework.record_veto(2013, by("selection"), nomination_id=nomination, authority=unit_id("HRSS"), **fraud)
    office.on(datetime(2014, 10, 5, 4, tzinfo=UTC))
    office.casework.open_round(by("selection"), year=2014)

    given: dict[str, Any] = {"kind": "K03_EMPLOYER", "unit": unit_id("emp-1")}
    rule = refused(office.casework.nominate, 2014, office.bureau("IIT"), **given)

    assert rule == "candidate-barred-by-fraud"
    assert office.casework.round_years() == [2014, 2013]


def test_a_year_without_a_round_has_none(office: Office):
    assert refused(office.casework.round, 2012) == "round-unknown"
    assert refused(office.casework.close_round, 2012, by("selection")) == "round-unknown"
    assert office.casework.round_years() == [2013]


def test_an_operator_opens_and_looks_at_a_round(office: Office, database_url: str, tmp_path: Path):
    office.nominate()
    environ = {"CASEWORK_DATABASE_URL": database_url, "CASEWORK_REDIS_URL": "redis://127.0.0.1:1/0"}
    environ |= {"CASEWORK_DATA_DIR": str(tmp_path), "CASEWORK_KEYS_DIR": str(tmp_path / "keys")}

    shown = CliRunner().invoke(main, ["round", "show", "2013"], env=environ)
    opened = CliRunner().invoke(main, ["round", "open", "2013"], env=environ)
    missing = CliRunner().invoke(main, ["round", "show", "2014"], env=environ)

    assert "round        2013, checking, under policy 2013.1" in shown.output
    assert "K03_EMPLOYER               1 nominated" in shown.output
    assert "opened already" in opened.output
    assert "No round was opened for this year." in missing.output
    assert (shown.exit_code, opened.exit_code, missing.exit_code) == (0, 1, 1)
