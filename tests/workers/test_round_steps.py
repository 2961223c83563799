"""A round is frozen and ranked by the worker of long jobs; killed in between, it is gone on with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from casework.local.process import tries
from casework.projections import jobs
from tests.processes import Start
from tests.projections.simulated import Simulated
from tests.selection.given_round import YEAR, Office, office_on, tell_city
from tests.workers.test_long_work import ended

FIRMS = 4


def asked(office: Office, kind: str) -> UUID:
    with office.casework.pool.connection() as db:
        return jobs.ask(db, kind, str(YEAR), {"year": YEAR, "actor": "office-1", "role": "selection"})


def counted(log: Simulated) -> int:
    [(parts,)] = log.as_owner("SELECT count(totals) FROM casework.month_part")
    return int(parts)


def test_a_round_is_frozen_and_ranked_by_jobs(log: Simulated, start: Start, tmp_path: Path):
    tell_city(log, FIRMS)
    with office_on(log, tmp_path / "keys") as office:
        nominations = office.nominate(range(FIRMS))
        office.check(nominations)
        start("beat")
        start("long", CASEWORK_KEYS_DIR=str(tmp_path / "keys"))

        frozen = ended(log, asked(office, "freeze_round"))
        office.on(datetime.now(UTC))  # as it is for the worker
        office.score(nominations)
        ranked = ended(log, asked(office, "rank_round"))

        assert [(job.state, job.error, job.result) for job in (frozen, ranked)] == [("done", None, {"round": YEAR})] * 2
        assert len(office.round.candidates) == FIRMS
        assert office.recompute().agrees


def test_a_step_before_its_time_fails_by_its_rule(log: Simulated, start: Start, tmp_path: Path):
    tell_city(log, FIRMS)
    with office_on(log, tmp_path / "keys") as office:
        office.check(office.nominate(range(FIRMS)))
        start("beat")
        start("long", CASEWORK_KEYS_DIR=str(tmp_path / "keys"))

        job = ended(log, asked(office, "rank_round"))

        assert (job.state, job.error) == ("failed", "nothing-scored")


def test_one_that_was_killed_while_it_counted_is_gone_on_with(log: Simulated, start: Start, tmp_path: Path):
    tell_city(log, FIRMS)
    with office_on(log, tmp_path / "keys") as office:
        office.check(office.nominate(range(FIRMS)))
        start("beat")
        killed = start("long", CASEWORK_KEYS_DIR=str(tmp_path / "keys"), CASEWORK_FAULT="month-counted=kill@9")
        id = asked(office, "freeze_round")
        assert any(counted(log) == 8 for _ in tries(30, pause=0.1))
        killed.kill()
        log.as_owner("UPDATE casework.job SET touched_at = now() - interval '10 minutes' WHERE id = %s", id)
        start("long", CASEWORK_KEYS_DIR=str(tmp_path / "keys"))

        assert ended(log, id).state == "done"
        assert office.recompute().agrees
