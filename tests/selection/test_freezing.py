"""Figures are frozen once, rank the candidates, and can be had again from the log by anybody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from casework.domain.registry import unit_id
from casework.errors import Refused
from casework.projections import months
from casework.selection.freezing import kept_snapshot
from casework.selection.ranks import kinds_of
from casework.selection.snapshot import snapshot_of
from tests.given import by
from tests.projections.simulated import Simulated
from tests.selection.given_round import FIRMS, KIND, YEAR, Office, code_of, count, office_on, tell_city

OTHER_DISTRICTS = """
UPDATE casework.frozen_figures
SET figures = convert_to(jsonb_set(convert_from(figures, 'UTF8')::jsonb, '{as_now}', '[]')::text, 'UTF8')"""


@pytest.fixture
def office(log: Simulated, tmp_path: Path) -> Iterator[Office]:
    tell_city(log)
    with office_on(log, tmp_path / "keys") as office:
        yield office


def ranked(office: Office) -> None:
    nominations = office.nominate(range(FIRMS))
    office.check(nominations)
    office.freeze()
    office.score(nominations)
    office.rank()


def test_nothing_is_frozen_while_firms_are_nominated(office: Office):
    office.nominate(range(2))

    with pytest.raises(Refused, match="nominat"):
        office.freeze()

    with office.casework.pool.connection() as db:
        assert months.open_runs(db) == []


def test_a_round_is_ranked_by_what_was_frozen_and_comes_out_the_same_again(office: Office):
    ranked(office)
    told = office.round

    again = office.recompute()

    assert told.frozen is not None
    assert told.frozen.rows >= FIRMS
    assert again.agrees
    assert again.ranked is not None
    best = told.nominations[told.listed[0]]
    assert best.ranked is not None
    assert best.ranked.rank == 1
    assert best.ranked.final >= told.policy.selection.final_floor
    assert len({each.metric for each in told.candidates}) > 3


def test_what_is_told_later_changes_nothing_that_was_frozen(office: Office):
    ranked(office)
    before = office.recompute()
    contract: dict[str, Any] = {"reported_on": date(2012, 6, 1), "fact": "UF-COLL", "from_": date(2012, 6, 1)}
    office.casework.report_unit_fact(unit_id(code_of(1)), by("operator"), **contract)

    assert office.recompute() == before
    with office.casework.pool.connection() as db:
        now = months.begin(db, YEAR, office.round.policy, known_at=datetime.now(UTC))
        count(db, now)
        assert snapshot_of(db, now, kinds_of(office.round, now.policy)).sha256.hex() != before.frozen


def test_the_count_leaves_nothing_behind(office: Office):
    ranked(office)
    with office.casework.pool.connection() as db:
        runs = db.execute("SELECT count(*) FROM casework.month_run").fetchone()
        office.recompute()
        assert db.execute("SELECT count(*) FROM casework.month_run").fetchone() == runs


def test_figures_that_cannot_be_had_again_rank_nobody(office: Office, log: Simulated):
    nominations = office.nominate(range(FIRMS))
    office.check(nominations)
    office.freeze()
    office.score(nominations)
    log.as_owner("DELETE FROM casework.frozen_figures")
    with office.casework.pool.connection() as db:
        db.execute(
            "UPDATE casework.month_part SET totals = other.totals FROM casework.month_part AS other "
            "WHERE month_part.partition = 3 AND other.partition = 4 AND other.run = month_part.run"
        )

    with pytest.raises(Refused) as refused:
        office.rank()

    assert refused.value.code == "figures-differ"
    assert not office.recompute().ranked


def test_readers_are_given_the_figures_as_they_were_measured(office: Office):
    ranked(office)
    with office.casework.pool.connection() as db:
        run = months.begin(db, YEAR, office.round.policy, known_at=office.round.known_at)
        measured = snapshot_of(db, run, kinds_of(office.round, run.policy))

        kept = kept_snapshot(db, office.round)

    assert kept == measured
    assert [list(each.indicators) for each in kept.metrics[KIND]] == [
        list(each.indicators) for each in measured.metrics[KIND]
    ]
    assert kept.as_now


def test_other_figures_that_readers_are_given_are_found_and_put_right(office: Office, log: Simulated):
    ranked(office)
    log.as_owner(OTHER_DISTRICTS)

    found = office.recompute()

    assert (found.kept, found.agrees) == (False, False)
    assert found.frozen == found.again
    assert office.recompute().agrees


def test_figures_that_were_frozen_before_they_were_kept_are_the_same_again(office: Office, log: Simulated):
    ranked(office)
    log.as_owner("DELETE FROM casework.frozen_figures")

    found = office.recompute()

    assert (found.kept, found.agrees) == (None, True)


def test_who_is_too_small_is_named_and_not_ranked(log: Simulated, tmp_path: Path):
    tell_city(log, firms=3, small=2)
    with office_on(log, tmp_path / "keys") as office:
        nominations = office.nominate(range(5))
        office.check(nominations)
        office.freeze()
        office.score(nominations)
        office.rank()

        assert [each.kind for each in office.round.candidates] == [KIND] * 3
        assert office.round.not_ranked == dict.fromkeys(nominations[3:], "too_small")
        assert office.recompute().agrees


Step = Callable[..., int]


@pytest.fixture
def run_step(log: Simulated, redis_url: str, tmp_path: Path) -> Step:
    """Take a step by the operator's command, which may be killed on the way; return how it ended."""
    servers = {"CASEWORK_DATABASE_URL": log.url, "CASEWORK_REDIS_URL": redis_url, "CASEWORK_DATA_DIR": str(tmp_path)}

    def run(step: str, fault: str = "") -> int:
        command = [sys.executable, "-m", "casework", "round", step, str(YEAR)]
        done = subprocess.run(command, env={**os.environ, **servers, "CASEWORK_FAULT": fault}, capture_output=True)
        return done.returncode

    return run


def digests_kept(log: Simulated) -> list[str]:
    return [bytes(sha256).hex() for (sha256,) in log.as_owner("SELECT sha256 FROM casework.frozen_figures")]


def test_killed_before_the_round_tells_of_its_figures_the_freeze_goes_on_to_the_same(
    office: Office, log: Simulated, run_step: Step
):
    office.check(office.nominate(range(FIRMS)))

    killed = run_step("freeze", "figures-kept=kill")
    left, untold = digests_kept(log), office.round.frozen
    again = run_step("freeze")

    assert (killed, untold, again) == (-signal.SIGKILL, None, 0)
    assert office.round.frozen is not None
    assert left == digests_kept(log) == [office.round.frozen.sha256]
    assert office.recompute().agrees


def test_killed_before_the_round_tells_of_its_ranking_it_comes_to_the_same_ranks(office: Office, run_step: Step):
    nominations = office.nominate(range(FIRMS))
    office.check(nominations)
    office.freeze()
    office.score(nominations)

    killed = run_step("rank", "ranking-made=kill")
    untold = office.round.rankings
    again = run_step("rank")

    assert (killed, untold, again) == (-signal.SIGKILL, {}, 0)
    assert len(office.round.candidates) == FIRMS
    assert office.recompute().agrees
