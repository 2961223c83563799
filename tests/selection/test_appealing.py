"""An appeal is another run of the same round, which says who stands otherwise and names the events responsible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from casework.domain.ids import uuid8_from
from casework.domain.registry import unit_id
from casework.errors import Refused
from casework.projections import months
from casework.selection.appealing import appeal
from casework.selection.comparing import Moved
from casework.selection.responsible import Responsible
from casework.selection.trying import Compared
from tests.domain.given import agreed, ended, moved, voided_entry
from tests.given import by
from tests.projections.simulated import Simulated
from tests.selection.given_round import FIRMS, LATER, YEAR, Office, code_of, count, office_on, tell_city, tell_later

AFTER = LATER + timedelta(days=1)
CONTRACTED = "1-5"
"""Somebody who works at firm 1 under a contract."""


@pytest.fixture
def office(log: Simulated, tmp_path: Path) -> Iterator[Office]:
    tell_city(log)
    with office_on(log, tmp_path / "keys") as office:
        nominations = office.nominate(range(FIRMS))
        office.check(nominations)
        office.freeze()
        office.score(nominations)
        office.rank()
        yield office


def appealed(office: Office, known_at: datetime = AFTER) -> tuple[Compared, dict[UUID, list[Responsible]]]:
    with office.casework.pool.connection() as db:
        found, events = appeal(office.casework, db, YEAR, known_at, count)
        by_unit: dict[UUID, list[Responsible]] = {}
        for some in events:
            for each in some:
                by_unit.setdefault(each.unit, []).append(each)
    return found, by_unit


def others(found: Compared) -> dict[str | None, Moved]:
    return {each.code: each for kind in found.kinds for each in kind.moved}


def test_where_nothing_became_known_nobody_stands_otherwise(office: Office):
    found, events = appealed(office)

    assert found.before.snapshot.totals == found.after.snapshot.totals
    assert others(found) == {}
    assert events == {}


def test_what_the_round_rests_on_is_kept_where_an_appeal_comes_to_the_same(log: Simulated, office: Office):
    appealed(office)
    log.as_owner("UPDATE casework.month_run SET begun_at = begun_at - interval '8 days'")
    with office.casework.pool.connection() as db:
        months.begin(db, YEAR - 1, office.round.policy)

        assert office.round.frozen is not None
        assert months.find(db, office.round.frozen.snapshot_id).known_at == office.round.known_at


def test_the_one_event_that_changed_a_unit_is_named_and_no_other(log: Simulated, office: Office):
    tell_later(log, office.casework, "1-6", agreed("1-6", on="2013-06-01"))
    contract_ends = ended(f"{CONTRACTED} contract", "2013-06-01")
    places = tell_later(log, office.casework, CONTRACTED, agreed(CONTRACTED, on="2013-06-01"), contract_ends)

    found, events = appealed(office)

    firm = others(found)["firm-001"]
    assert firm.before is not None
    assert firm.after is not None
    assert firm.by < 0
    assert firm.why[0][:2] == ("contract", "counts")
    assert firm.why[0].points == pytest.approx(firm.by / 100, abs=0.1)
    [event] = events[unit_id("firm-001")]
    assert (event.place, event.type) == (places[1], "household.service-ended.v1")
    assert (event.recorded_at, event.occurred_on) == (LATER, date(2013, 6, 1))
    assert (event.household, event.changed) == (uuid8_from(CONTRACTED.encode()), ("WRK1",))
    assert [each.place for each in events[unit_id("410105")]] == [places[1]]


def test_what_only_the_pool_moved_has_no_event_of_its_own(log: Simulated, office: Office):
    tell_later(log, office.casework, CONTRACTED, ended(f"{CONTRACTED} contract", "2013-02-01"))

    found, events = appealed(office)

    neighbour = others(found)["firm-002"]
    assert {reason.what for reason in neighbour.why} == {"pool"}
    assert unit_id("firm-002") not in events


def test_an_event_that_another_undoes_makes_no_difference(log: Simulated, office: Office):
    casework = office.casework
    [moving] = tell_later(log, casework, "3-1", moved("110101001001", "2013-05-02"))
    household = casework.household(uuid8_from(b"3-1"))
    assert household is not None
    tell_later(log, casework, "3-1", voided_entry(household.version, on="2013-11-20"))

    found, events = appealed(office)

    assert moving
    assert others(found) == {}
    assert events == {}


def test_a_move_is_named_for_the_community_that_lost_and_all_above_it(log: Simulated, office: Office):
    [place] = tell_later(log, office.casework, "3-1", moved("110101001001", "2013-05-02"))

    found, events = appealed(office)

    assert {"410105", "4101"} & others(found).keys() == {"410105"}
    named = {unit: [each.place for each in some] for unit, some in events.items()}
    assert named[unit_id("410105")] == [place]
    assert "households" in events[unit_id("410105")][0].changed


def test_a_fact_of_the_unit_is_named_with_what_it_is(office: Office):
    fact: dict[str, Any] = {"reported_on": date(2012, 6, 1), "fact": "UF-COLL", "from_": date(2012, 6, 1)}
    office.casework.report_unit_fact(unit_id(code_of(1)), by("operator"), **fact)
    office.casework.report_unit_fact(unit_id("HRSS"), by("operator"), **{**fact, "fact": "UF-PLAN"})

    found, events = appealed(office, datetime.now(UTC))

    [event] = events[unit_id("firm-001")]
    assert (event.type, event.changed, event.household) == ("unit.fact-reported.v1", ("UF-COLL",), None)
    assert event.place.startswith("64:")
    assert ("collective", "score") in [reason[:2] for reason in others(found)["firm-001"].why]
    district = events[unit_id("410105")]  # where those who work there live
    assert [each.changed for each in district] == [("UF-COLL",)]


def test_a_feed_that_was_closed_later_is_named_where_its_counts_differ(office: Office):
    month = {"bureau": "HRSS", "area": "EMP", "month": "2013-01"}  # and none of those that follow: nothing is known
    office.casework.close_feed(by("operator"), closed_on=date(2013, 10, 5), **month)

    found, events = appealed(office, datetime.now(UTC))

    firm = others(found)["firm-001"]
    assert firm.by < 0
    [event] = events[unit_id("firm-001")]
    assert (event.type, event.changed, event.household) == ("feed.closed.v1", ("HRSS/EMP",), None)
    assert {each.changed for some in events.values() for each in some} == {
        ("HRSS/EMP",),
        ("place",),
    }  # bureaus registered late


def test_a_round_that_was_decided_stays_as_it_is(log: Simulated, office: Office):
    before = office.round
    tell_later(log, office.casework, CONTRACTED, ended(f"{CONTRACTED} contract", "2013-02-01"))

    found, _ = appealed(office)

    assert any(each.after and each.after.rank for each in others(found).values())
    assert (office.round.version, office.round.listed) == (before.version, before.listed)
    assert office.recompute().agrees


def test_an_appeal_looks_at_what_came_after_the_freeze(office: Office):
    for known_at in (office.round.known_at, office.round.known_at - timedelta(days=1)):
        with pytest.raises(Refused) as refused:
            appealed(office, known_at)
        assert refused.value.code == "appeal-before-freeze"


def test_nothing_is_appealed_against_before_it_is_frozen(log: Simulated, tmp_path: Path):
    with office_on(log, tmp_path / "keys") as office, pytest.raises(Refused) as refused:
        appealed(office)

    assert refused.value.code == "round-not-frozen"


def test_a_fact_that_counts_for_nothing_in_the_year_is_not_named(log: Simulated, office: Office):
    tell_later(log, office.casework, CONTRACTED, ended(f"{CONTRACTED} contract", "2013-06-01"))
    late: dict[str, Any] = {"reported_on": date(2013, 10, 5), "fact": "UF-COLL", "from_": date(2013, 10, 5)}
    plan: dict[str, Any] = {"reported_on": date(2012, 6, 1), "fact": "UF-PLAN", "from_": date(2012, 6, 1)}
    office.casework.report_unit_fact(unit_id(code_of(1)), by("operator"), **late)
    office.casework.report_unit_fact(unit_id("410105"), by("operator"), **plan)

    _, events = appealed(office, datetime.now(UTC))

    for unit in (unit_id("firm-001"), unit_id("410105")):
        assert [each.type for each in events[unit]] == ["household.service-ended.v1"]
