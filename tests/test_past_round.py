"""The round of the year before that a demonstration shows: told by the system's own commands, on a synthetic city."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from casework.application import Casework
from casework.log.pool import open_pool
from casework.log.reading import Db
from casework.past_round import tell_past_round
from casework.population import load
from casework.privacy.keys import KeyRing
from casework.privacy.persons import Persons
from casework.privacy.search import KeyedHashes
from casework.privacy.vault import Vault
from casework.projections.counting import count_all
from casework.projections.months import MonthRun
from casework.selection import freezing
from tests.conftest import NewDatabase

YEAR = 2013
AFTER = datetime(YEAR + 1, 10, 5, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def told(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Casework]:
    """A city with its past round."""
    keys_dir = tmp_path_factory.mktemp("past") / "keys"
    with new_database() as url:
        load(url, keys_dir=keys_dir, profile="exemplars", households=300, until=date(YEAR + 1, 9, 28), processes=1)
        keys, pool = KeyRing.open(keys_dir, create=False), open_pool(url)
        casework = Casework(pool, Persons(Vault(keys), KeyedHashes(keys), synthetic=True), now=lambda: AFTER)
        assert tell_past_round(casework, count) == YEAR
        casework.now = lambda: AFTER
        yield casework
        casework.close()
        pool.close()


def count(db: Db, run: MonthRun) -> None:
    """Count a run in this process."""
    count_all(db, run)


def test_the_past_round_comes_to_titles_by_its_own_commands_and_rules(told: Casework):
    past = told.round(YEAR)

    assert past.state_on(told.today) == "commended"
    assert past.commended is not None
    assert 1 <= len(past.commended.listed) <= 30
    assert all(each.final >= past.policy.selection.final_floor for each in past.candidates if each.seated)
    assert any(each.removed_reason == "objection_upheld" for each in past.nominations.values())
    assert any(each.eligible is False for each in past.nominations.values())
    assert any(each.recused for each in past.nominations.values())


def test_the_figures_of_the_past_round_come_out_the_same_again(told: Casework):
    with told.pool.connection() as db:
        assert freezing.recompute(told, db, YEAR, count).agrees


def test_told_again_it_adds_nothing(told: Casework):
    before = told.round(YEAR).version

    again = tell_past_round(told, count)

    assert again == YEAR
    assert told.round(YEAR).version == before
