"""A what-if shows who would stand otherwise under a draft policy, from the frozen figures, and writes nothing live."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from casework.cli import main
from casework.domain.policy import load_policy, parse_draft
from casework.domain.registry import unit_id
from casework.errors import Refused
from casework.projections import months
from casework.selection.trying import Compared, what_if
from tests.domain.given import ended
from tests.given import by
from tests.projections.simulated import Simulated
from tests.selection.given_round import (
    FIRMS,
    KIND,
    YEAR,
    Office,
    code_of,
    count,
    office_on,
    tell_city,
    tell_later,
)

Selection = dict[str, Any]


def drafted(change: Callable[[Selection, Selection], None] = lambda policy, selection: None) -> bytes:
    """The policy in force, as a draft, with what ``change`` does to it and to what it says of selections."""
    policy = json.loads(files("casework.data").joinpath("policies", "2013.1.json").read_bytes())
    policy["version"] = "2099.1"
    change(policy, policy["selection"])
    return json.dumps(policy).encode()


def kind(selection: Selection, code: str = KIND) -> dict[str, Any]:
    return next(row for row in selection["kinds"] if row["code"] == code)


def collective_counts_most(_: Selection, selection: Selection) -> None:
    parts = kind(selection)["parts"]
    parts.update(dict.fromkeys(parts, 5), collective=100)


@pytest.fixture
def office(log: Simulated, tmp_path: Path) -> Iterator[Office]:
    tell_city(log, small=1)
    with office_on(log, tmp_path / "keys") as office:
        nominations = office.nominate(range(FIRMS))
        office.check(nominations)
        office.freeze()
        office.score(nominations)
        office.rank()
        yield office


def tried(office: Office, draft: bytes) -> Compared:
    with office.casework.pool.connection() as db:
        return what_if(office.casework, db, YEAR, parse_draft(draft), draft, count)


def test_the_same_numbers_come_to_the_same(office: Office):
    found = tried(office, drafted())

    assert [kind.moved for kind in found.kinds if kind.moved] == []
    assert found.before.snapshot.totals == found.after.snapshot.totals
    assert found.told()["ranked"]


def test_other_weights_move_who_is_told_with_ranks_and_reasons(office: Office):
    found = tried(office, drafted(collective_counts_most))

    [firms] = [each for each in found.kinds if each.moved]
    assert (firms.kind, firms.units) == (KIND, FIRMS + 1)
    ranked = [each for each in firms.moved if each.nomination_id]
    ranks = [(each.before.rank, each.after.rank) for each in ranked if each.before and each.after]
    assert [rank for rank, _ in ranks] == [*range(1, FIRMS + 1)]
    assert any(before != after for before, after in ranks)
    told = {each.candidate: each.ranked for each in office.round.nominations.values()}
    for each in ranked:
        assert each.unit is not None
        was = told[each.unit]
        assert was is not None
        assert each.before is not None
        assert (was.rank, was.final, was.metric) == (each.before.rank, each.before.final, each.before.metric)
        assert ("collective", "weight") in [reason[:2] for reason in each.why[:3]]
        assert sum(reason.points for reason in each.why) == pytest.approx(each.by / 100, abs=0.011)


def test_a_quota_and_a_size_change_seats_and_who_is_ranked(office: Office):
    def fewer_seats(_: Selection, selection: Selection) -> None:
        selection["seats"] = 2

    def nobody_is_large_enough(_: Selection, selection: Selection) -> None:
        kind(selection)["min_size"] = 1000

    seats, sizes = tried(office, drafted(fewer_seats)), tried(office, drafted(nobody_is_large_enough))

    lost = [each for kind in seats.kinds for each in kind.moved]
    assert len(lost) == FIRMS - 2
    assert {(each.before.seat, each.after.seat) for each in lost if each.before and each.after} <= {
        ("seated", "reserve"),
        ("seated", None),
    }
    assert all(each.by == 0 for each in lost)
    small = [each for kind in sizes.kinds for each in kind.moved]
    assert {each.after.not_ranked for each in small if each.after} == {"too_small"}
    assert {each.after.rank for each in small if each.after} == {None}
    assert {rule for each in lost for rule in each.rules} == {("quota", "total_30_equal 30", "total_30_equal 2")}
    ranked = [each for each in small if each.before and each.before.rank]
    assert all(("min_size", "20", "1000") in each.rules for each in ranked)
    assert ranked


def test_a_floor_and_a_share_of_the_panel_are_told_where_they_decide(office: Office):
    def high_floor(_: Selection, selection: Selection) -> None:
        selection["final_floor"] = 8000

    def panel_alone(_: Selection, selection: Selection) -> None:
        selection["panel"]["share"] = [9, 10]

    floor, share = (tried(office, drafted(change)) for change in (high_floor, panel_alone))

    fallen = [each for kind in floor.kinds for each in kind.moved]
    assert 0 < len(fallen) < FIRMS
    assert {rule for each in fallen for rule in each.rules} == {("final_floor", "70.00", "80.00")}
    assert fallen[0].told()["rules"] == [{"rule": "final_floor", "before": "70.00", "after": "80.00"}]
    moved = [each for kind in share.kinds for each in kind.moved]
    assert {rule.rule for each in moved for rule in each.rules} >= {"panel"}


def test_kinds_that_the_round_has_not_are_left_out_and_told(office: Office):
    def other_kinds(_: Selection, selection: Selection) -> None:
        kind(selection)["active"] = False
        kind(selection, "K07_COMMUNITY")["active"] = True

    found = tried(office, drafted(other_kinds))

    assert (list(found.left_out), list(found.dropped)) == (["K07_COMMUNITY"], [KIND])
    firms = next(each for each in found.kinds if each.kind == KIND)
    assert len(firms.moved) == FIRMS + 1
    assert {each.after for each in firms.moved} == {None}


def test_it_rests_on_what_was_frozen_and_writes_nothing_live(log: Simulated, office: Office):
    before = tried(office, drafted(collective_counts_most)).told()
    tell_later(log, office.casework, "1-5", *contract_ends("1-5"))
    fact: dict[str, Any] = {"reported_on": date(2012, 6, 1), "fact": "UF-COLL", "from_": date(2012, 6, 1)}
    office.casework.report_unit_fact(unit_id(code_of(1)), by("operator"), **fact)
    events = log.as_owner("SELECT count(*) FROM casework.events")
    listed = office.round.listed

    assert tried(office, drafted(collective_counts_most)).told() == before
    assert log.as_owner("SELECT count(*) FROM casework.events") == events
    assert office.round.listed == listed
    assert office.recompute().agrees


def test_what_a_draft_counted_goes_away_after_a_week_and_the_round_s_own_stays(log: Simulated, office: Office):
    tried(office, drafted(collective_counts_most))
    with office.casework.pool.connection() as db:
        with months.apart(db, YEAR, load_policy("2013.1"), office.round.known_at):
            log.as_owner("UPDATE casework.month_run SET begun_at = begun_at - interval '8 days'")
            months.begin(db, YEAR, load_policy("2013.1"), known_at=datetime.now(UTC))
        kept = {
            id for (id,) in db.execute("SELECT id FROM casework.month_run WHERE known_at < now() - interval '1 day'")
        }

    assert office.round.frozen is not None
    assert kept == {office.round.frozen.snapshot_id}


def test_without_open_scores_there_are_figures_alone(log: Simulated, tmp_path: Path):
    tell_city(log, firms=3)
    with office_on(log, tmp_path / "keys") as office:
        office.check(office.nominate(range(3)))
        with pytest.raises(Refused) as refused:
            tried(office, drafted())
        office.freeze()

        found = tried(office, drafted(collective_counts_most))

        assert refused.value.code == "round-not-frozen"
        assert not found.told()["ranked"]
        assert {each.after.rank for kind in found.kinds for each in kind.moved if each.after} == {None}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda policy, selection: selection["panel"].update(members_min=9), "draft-panel"),
        (lambda policy, selection: [row.update(goal=[0, 1]) for row in policy["indicators"]], "draft-uncountable"),
    ],
)
def test_a_draft_that_cannot_be_computed_is_refused(office: Office, change: Any, rule: str):
    with pytest.raises(Refused) as refused:
        tried(office, drafted(change))

    assert refused.value.code == rule


def given_at_the_desk(log: Simulated, keys: Path, *arguments: str) -> Result:
    environ = {
        "CASEWORK_DATABASE_URL": log.url,
        "CASEWORK_REDIS_URL": "redis://127.0.0.1:1/0",
        "CASEWORK_KEYS_DIR": str(keys),
    }
    return CliRunner().invoke(main, ["round", *arguments], env=environ)


def test_an_operator_sees_both_at_the_desk(log: Simulated, office: Office, tmp_path: Path):
    draft = tmp_path / "draft.json"
    draft.write_bytes(drafted(collective_counts_most))
    tell_later(log, office.casework, "1-5", *contract_ends("1-5"))

    tried = given_at_the_desk(log, tmp_path / "keys", "what-if", str(YEAR), "--policy", str(draft))
    plain = given_at_the_desk(log, tmp_path / "keys", "what-if", str(YEAR), "--policy", str(draft), "--json")
    appeal = given_at_the_desk(log, tmp_path / "keys", "appeal", str(YEAR))
    told = given_at_the_desk(log, tmp_path / "keys", "appeal", str(YEAR), "--json")
    of_firm = given_at_the_desk(log, tmp_path / "keys", "appeal", str(YEAR), "--unit", "firm-001", "--json")

    assert "units and candidates stand otherwise" in tried.stdout, tried.output
    assert {each["kind"] for each in json.loads(plain.stdout)["moved"]} == {KIND}
    assert "household.service-ended.v1" in appeal.stdout
    firm = next(each for each in json.loads(told.stdout)["moved"] if each["unit"]["code"] == "firm-001")
    assert firm["events"]["count"] == 1
    assert [json.loads(line)["position"] for line in of_firm.stdout.splitlines()] == [
        firm["events"]["first"][0]["position"]
    ]
    assert "household" not in firm["events"]["first"][0]


def contract_ends(name: str) -> list[Any]:
    return [ended(f"{name} contract", "2013-06-01")]
