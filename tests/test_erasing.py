"""Erasure on a real log: the ledger first, then the vault and the event at once; before or after, never half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import CliRunner

from casework import wiring
from casework.application import Casework
from casework.cli import main
from casework.config import Settings
from casework.domain.ids import partition_of, uuid7
from casework.errors import CaseworkError, NotFound, Refused, Unavailable
from casework.log.append import Beside, NewEvent, append_statement
from casework.outcome import Outcome
from casework.privacy import ledger as ledgers
from casework.privacy.id_number import synthetic_id_number
from casework.privacy.ledger import Ledger
from tests.bulk.conftest import Clerk
from tests.given import by, casework_on, person, registered
from tests.traces import files_in, traces

DAY, NUMBER = date(2013, 10, 1), synthetic_id_number(date(1980, 3, 2), "male", 1)
ROOT = Path(__file__).parents[1]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.from_env({"CASEWORK_DATABASE_URL": database_url, "CASEWORK_DATA_DIR": str(tmp_path)})


@pytest.fixture
def casework(settings: Settings) -> Iterator[Casework]:
    for casework in casework_on(str(settings.database_url), settings.keys_dir):
        casework.ledger = wiring.open_ledger(settings, casework.pool)
        yield casework


def couple(casework: Casework) -> tuple[UUID, UUID, UUID]:
    """A household of two, with a remark on the household and evidence of both; its id and theirs."""
    he, she = person(id_number=NUMBER, phone="13812345678"), person("李四", "1982-05-05", "female", "spouse")
    home = casework.register_household(
        by(),
        arrived_on=date(2013, 1, 5),
        community="410105001001",
        head=he[0].person_id,
        members=[he, she],
        remark="三室一厅的秘密",
    ).id
    for (member, _), ref in ((he, "REC-1"), (she, "REC-2")):
        evidence = {"record_ref": ref, "updated_on": "2013-03-01"}
        asked = casework.give(
            home, "request_service", by(), service="HLT-REC", person_id=member.person_id, requested_on=date(2013, 3, 1)
        )
        episode = asked.events[0]["episode_id"]
        casework.give(home, "grant_service", by(), episode_id=episode, granted_on=date(2013, 3, 1), evidence=evidence)
    return home, he[0].person_id, she[0].person_id


def asked_for(casework: Casework, home: UUID, person_id: UUID) -> None:
    casework.request_erasure(home, by(), person_id=person_id, requested_on=DAY, basis="consent_withdrawn")


def erase(casework: Casework, home: UUID, person_id: UUID, key: str | None = None) -> Outcome:
    return casework.erase_person(home, by("supervisor", key=key, body=b"1"), person_id=person_id, erased_on=DAY)


def rows(casework: Casework, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with casework.pool.connection() as db:
        return db.execute(query, values).fetchall()


def held(casework: Casework, subject_id: UUID) -> int:
    """How many rows, keys and claims there are of somebody."""
    [(count,)] = rows(
        casework,
        "SELECT (SELECT count(*) FROM vault.person WHERE subject_id = %s)"
        " + (SELECT count(*) FROM vault.search_key WHERE subject_id = %s)"
        " + (SELECT count(*) FROM casework.claim WHERE subject_id = %s)",
        *[subject_id] * 3,
    )
    return int(count)


def ledger_of(casework: Casework) -> Ledger:
    assert casework.ledger is not None
    return casework.ledger


def check(casework: Casework) -> str | None:
    """Why this vault may not be opened."""
    try:
        with casework.pool.connection() as db:
            ledger_of(casework).check(db)
    except CaseworkError as error:
        return error.code
    return None


def test_an_erased_person_is_in_no_table_and_the_household_is_as_it_was(casework: Casework):
    home, he, she = couple(casework)
    asked_for(casework, home, he)
    before = [held(casework, subject) for subject in (he, she, home)]

    outcome = erase(casework, home, he)

    [written] = ledger_of(casework).written()
    assert min(before) > 0
    assert [held(casework, subject) for subject in (he, she, home)] == [0, *before[1:]]
    assert (written.entry.number, written.entry.person_id, written.entry.basis) == (1, he, "consent_withdrawn")
    assert casework.household(home).people[he].is_erased
    assert outcome.events[0]["type"] == "household.person-erased.v1"
    assert check(casework) is None


def test_with_a_person_go_the_files_that_may_name_them(casework: Casework):
    home, _, person_id = couple(casework)
    clerk = Clerk(casework)
    content = (
        f"household_id,joined_on,relation,name,sex,born_on,migrant\n{home},2013-02-01,child,李小四,女,2012-01-01,是\n"
    )
    id = clerk.uploads("members", content)
    clerk.runs(id, "validated")
    asked_for(casework, home, person_id)

    erase(casework, home, person_id)

    assert rows(casework, "SELECT emptied_at IS NULL FROM casework.import_file") == [(False,)]
    assert rows(casework, "SELECT count(*) FROM casework.import_piece") == [(0,)]
    assert rows(casework, "SELECT DISTINCT sealed FROM casework.import_part") == [(b"",)]
    with pytest.raises(Refused, match="deleted"):
        clerk.runs(id, "committed")


def test_a_households_own_evidence_goes_with_its_last_erased_member(casework: Casework):
    home, he, she = couple(casework)
    for each in (he, she):
        asked_for(casework, home, each)
        erase(casework, home, each)

    assert [held(casework, subject) for subject in (he, she, home)] == [0, 0, 0]
    assert [written.entry.subjects for written in ledger_of(casework).written()] == [(he,), (she, home)]


def test_the_evidence_of_a_household_that_was_merged_goes_with_the_last_of_both(casework: Casework):
    """Also of somebody who had left it before; and not sooner."""
    home, he, she = couple(casework)
    casework.remove_member(home, by("supervisor"), person_id=she, left_on=date(2013, 4, 1), reason="moved_out")
    into = registered(casework, person("王五")).id
    [last] = [member.person_id for member in casework.household(into).members]
    casework.merge_households(into, by(), merged_on=date(2013, 5, 1), from_household=home)
    kept = []

    for file, each in ((into, he), (home, she), (into, last)):
        asked_for(casework, file, each)
        erase(casework, file, each)
        kept.append(held(casework, home))

    assert (kept[0] > 0, kept[1] > 0, kept[2]) == (True, True, 0)
    assert ledger_of(casework).written()[-1].entry.subjects == (last, into, home)
    assert [held(casework, each) for each in (he, she, last, into)] == [0, 0, 0, 0]
    assert check(casework) is None


def test_of_a_file_that_was_merged_away_those_are_erased_who_had_left_it(casework: Casework):
    home, he, she = couple(casework)
    casework.remove_member(home, by("supervisor"), person_id=she, left_on=date(2013, 4, 1), reason="moved_out")
    into = registered(casework, person("王五")).id
    casework.merge_households(into, by(), merged_on=date(2013, 5, 1), from_household=home)

    with pytest.raises(Refused, match="merged") as refused:
        asked_for(casework, home, he)
    asked_for(casework, home, she)
    erase(casework, home, she)

    assert refused.value.values["merged_into"] == into
    assert casework.household(home).people[she].is_erased
    assert held(casework, she) == 0


def test_with_a_person_goes_what_is_held_under_their_other_record(casework: Casework):
    home, he, she = couple(casework)
    again = person("李肆", "1982-05-20", "female", "other_relative", phone="13912345678")
    casework.add_member(home, by(), joined_on=date(2013, 3, 1), member=again[0], profile=again[1])
    doubled = again[0].person_id
    casework.remove_member(
        home, by(), person_id=doubled, left_on=date(2013, 9, 1), reason="registered_twice", same_as=she
    )
    asked_for(casework, home, she)

    erase(casework, home, she)
    asked_for(casework, home, he)
    erase(casework, home, he)

    assert [held(casework, subject) for subject in (she, doubled, he, home)] == [0, 0, 0, 0]
    assert check(casework) is None


def twice(casework: Casework) -> tuple[UUID, UUID, UUID]:
    """A household, one of its members, and another record of hers, which left and which somebody else may be."""
    home, _, she = couple(casework)
    again = person("李四", "1982-05-05", "female", "other_relative")
    casework.add_member(home, by(), joined_on=date(2013, 3, 1), member=again[0], profile=again[1])
    doubled = again[0].person_id
    with casework.pool.connection() as db:
        casework.duplicates.note(db, doubled, again[1])
    casework.remove_member(
        home, by(), person_id=doubled, left_on=date(2013, 9, 1), reason="registered_twice", same_as=she
    )
    asked_for(casework, home, she)
    return home, she, doubled


def test_nothing_is_kept_of_either_record_of_whoever_was_erased(casework: Casework):
    home, she, doubled = twice(casework)
    assert rows(casework, "SELECT count(*) FROM vault.duplicate")[0][0] > 0

    erase(casework, home, she)

    assert rows(casework, "SELECT count(*) FROM vault.duplicate") == [(0,)]
    with pytest.raises(Refused, match="erased"):
        registered(casework, person("李四", "1982-05-05", "female", person_id=doubled))


def test_who_moved_on_and_is_erased_there_is_told_of_under_each_of_their_records(casework: Casework):
    """Bureaus may have been told of her under the record that the file holds which she left."""
    home, she, doubled = twice(casework)
    split = casework.split_household(home, by(), split_on=date(2013, 10, 1), members={she: "head"}, head=she)
    new = split.events[0]["new_household"]

    erased = erase(casework, new, she)

    assert [each["person_id"] for each in erased.events] == [she, doubled]
    assert casework.household(new).people.keys() == {she}
    assert casework.household(new).people[she].is_erased


def test_an_erasure_that_a_restored_log_knows_as_of_a_doubled_record_is_applied_again(casework: Casework):
    """The departure was voided after the backup, and the record erased by itself."""
    home, _, doubled = twice(casework)
    ledger = ledger_of(casework)
    with ledger.pages() as pages:
        pages.write(pages.entry(home, doubled, [doubled], "consent_withdrawn", datetime.now(UTC)))

    assert casework.reconcile() == 1

    assert (held(casework, doubled), check(casework)) == (0, None)


def test_a_record_that_is_somebody_elsewhere_again_is_not_erased_unseen(casework: Casework):
    home, she, doubled = twice(casework)
    elsewhere = registered(casework, person("李四", "1982-05-05", "female", person_id=doubled)).id

    with pytest.raises(Refused, match="another household") as refused:
        erase(casework, home, she)

    assert (refused.value.code, held(casework, doubled) > 0) == ("erasure-elsewhere", True)
    asked_for(casework, elsewhere, doubled)
    erase(casework, elsewhere, doubled)
    erase(casework, home, she)
    assert [held(casework, subject) for subject in (she, doubled)] == [0, 0]


def test_a_household_goes_on_with_whoever_was_erased_in_it(casework: Casework):
    """Split off, merged, given back, taken off: they go along under their id, and nothing of them is written."""
    home, he, she = couple(casework)
    asked_for(casework, home, she)
    erase(casework, home, she)
    other = registered(casework, person("王五")).id
    day = iter(date(2013, 10, number) for number in range(2, 12))

    split = casework.split_household(home, by(), split_on=next(day), members={she: "head"}, head=she).events[0]
    new = split["new_household"]
    casework.merge_households(home, by(), merged_on=next(day), from_household=new)
    casework.merge_households(other, by(), merged_on=next(day), from_household=home)
    casework.unmerge_households(other, by(), unmerged_on=next(day), to_household=home)
    casework.remove_member(home, by(), person_id=she, left_on=next(day), reason="other_household", to_household=other)
    casework.remove_member(other, by(), person_id=she, left_on=next(day), reason="left_city")

    assert [held(casework, subject) > 0 for subject in (he, she)] == [True, False]
    assert all(casework.household(each).people[she].is_erased for each in (home, new, other))
    asked_for(casework, home, he)
    erase(casework, home, he)
    assert [held(casework, subject) for subject in (he, home)] == [0, 0]
    assert check(casework) is None


def test_who_left_and_was_erased_elsewhere_keeps_nobodys_evidence(casework: Casework):
    home, he, she = couple(casework)
    casework.remove_member(home, by("supervisor"), person_id=she, left_on=date(2013, 9, 1), reason="moved_out")
    elsewhere = registered(casework, person("李四", "1982-05-05", "female", person_id=she)).id
    for home_id, each in ((elsewhere, she), (home, he)):
        asked_for(casework, home_id, each)
        erase(casework, home_id, each)

    assert [held(casework, subject) for subject in (he, she, home)] == [0, 0, 0]


def test_nothing_more_is_taken_of_whoever_is_erased_in_any_household(casework: Casework):
    home, he, _ = couple(casework)
    asked_for(casework, home, he)
    erase(casework, home, he)
    other = registered(casework).id
    renamed = person("王五", person_id=he)

    refused: list[str] = []
    for command in (
        lambda: casework.record_member_facts(
            home, by(), person_id=he, recorded_on=DAY, facts=renamed[0].facts, profile={"name": "王五"}
        ),
        lambda: casework.start_employment(home, by(), person_id=he, occurred_on=DAY, kind="employee", from_=DAY),
        lambda: casework.give_consent(home, by(), person_id=he, given_on=DAY, scope="survey", notice_version="1"),
        lambda: casework.add_member(other, by(), member=renamed[0], profile=renamed[1], joined_on=DAY),
        lambda: registered(casework, renamed),
    ):
        with pytest.raises(Refused) as refusal:
            command()
        refused.append(refusal.value.code)

    assert refused == ["person-erased"] * 5
    assert held(casework, he) == 0
    assert registered(casework, person(id_number=NUMBER)).changed  # a new file of the same number may be opened


def test_an_erasure_answers_again_as_it_did_and_is_in_the_ledger_once(casework: Casework):
    home, he, _ = couple(casework)
    asked_for(casework, home, he)

    first, again = (erase(casework, home, he, key="k") for _ in range(2))

    assert (first, erase(casework, home, he).changed) == (again, False)
    assert len(ledger_of(casework).written()) == 1


def test_nobody_erases_while_the_ledger_is_compared_with_the_vault(casework: Casework, monkeypatch: pytest.MonkeyPatch):
    """An erasure between the look at one and the look at the other would be taken for a ledger that lacks it."""
    home, _, she = couple(casework)
    asked_for(casework, home, she)
    erase(casework, home, she)
    monkeypatch.setattr(ledgers, "WAIT_SECONDS", 0)
    tried = []

    def look(query: str) -> Any:
        with pytest.raises(Unavailable), ledger_of(casework).pages():
            pass
        tried.append(query)
        return db.execute(query)

    with casework.pool.connection() as db:
        ledger_of(casework).check(SimpleNamespace(execute=look))  # type: ignore[arg-type]

    assert len(tried) == 1


def test_what_is_refused_leaves_no_line(casework: Casework):
    home, he, she = couple(casework)
    casework.remove_member(home, by("supervisor"), person_id=she, left_on=date(2013, 9, 1), reason="moved_out")
    elsewhere = registered(casework, person("李四", "1982-05-05", "female", person_id=she)).id
    asked_for(casework, home, she)

    codes = []
    for home_id, person_id in ((home, he), (home, she), (home, uuid4()), (elsewhere, she)):
        with pytest.raises(Refused) as refusal:
            erase(casework, home_id, person_id)
        codes.append(refusal.value.code)
    with pytest.raises(NotFound):
        casework.erase_person(home, by("supervisor", divisions=frozenset({"410102"})), person_id=she, erased_on=DAY)

    assert codes == ["erasure-not-requested", "erasure-elsewhere", "person-unknown", "erasure-not-requested"]
    assert ledger_of(casework).written() == []


ERASE = """
import sys
from datetime import UTC, date, datetime
from uuid import UUID
from casework import wiring
from casework.config import Settings
from tests.given import by, casework_on

settings = Settings.from_env()
for casework in casework_on(settings.database_url, settings.keys_dir):
    casework.ledger = wiring.open_ledger(settings, casework.pool)
    home, he = map(UUID, sys.argv[1:])
    context = by("supervisor", key="k", body=b"1")
    casework.erase_person(home, context, person_id=he, erased_on=date(2013, 10, 1))
"""


@pytest.mark.parametrize("place", ["ledger-written", "erased", "appended"])
@pytest.mark.parametrize("then", ["again", "reconcile"])
def test_an_erasure_that_was_killed_is_completed(casework: Casework, settings: Settings, place: str, then: str):
    home, he, _ = couple(casework)
    asked_for(casework, home, he)
    environ = {
        "CASEWORK_DATABASE_URL": str(settings.database_url),
        "CASEWORK_DATA_DIR": str(settings.data_dir),
        "CASEWORK_FAULT": f"{place}=kill",
        "PYTHONPATH": str(ROOT),
    }
    killed = subprocess.run(
        [sys.executable, "-c", ERASE, str(home), str(he)], env={**os.environ, **environ}, cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    done = place == "appended"
    assert (held(casework, he) == 0) is casework.household(home).people[he].is_erased is done
    assert check(casework) == (None if done else "ledger-ahead")

    applied = casework.reconcile() if then == "reconcile" else erase(casework, home, he, key="k").version

    assert applied == (casework.household(home).version if then == "again" else 0 if done else 1)
    assert held(casework, he) == 0
    assert casework.household(home).people[he].is_erased
    assert check(casework) is None
    assert len(ledger_of(casework).written()) == 1


def test_the_other_members_erasure_in_between_takes_the_households_evidence_along(
    casework: Casework, monkeypatch: pytest.MonkeyPatch
):
    home, he, she = couple(casework)
    for each in (he, she):
        asked_for(casework, home, each)
    monkeypatch.setattr("casework.faults._armed", {"ledger-written": fail})
    with pytest.raises(ZeroDivisionError):
        erase(casework, home, he)
    monkeypatch.undo()

    for each in (she, he):
        erase(casework, home, each)

    assert [held(casework, subject) for subject in (he, she, home)] == [0, 0, 0]
    assert check(casework) is None


def fail() -> None:
    raise ZeroDivisionError


def copied(database_url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a backup of the vault holds."""
    with psycopg.connect(database_url) as db:
        return {table: db.execute(f"TABLE {table}").fetchall() for table in TABLES}


TABLES = ("vault.person", "vault.search_key", "casework.claim", "vault.erased", "vault.ledger")


def restore(database_url: str, copy: dict[str, list[tuple[Any, ...]]]) -> None:
    with psycopg.connect(database_url) as db:
        for table, content in copy.items():
            db.execute(f"DELETE FROM {table}")
            for row in content:
                places = ", ".join(["%s"] * len(row))
                db.execute(f"INSERT INTO {table} VALUES ({places})", row)


def test_a_restored_older_vault_is_not_opened_until_the_ledger_was_applied_again(
    casework: Casework, settings: Settings
):
    home, he, she = couple(casework)
    asked_for(casework, home, he)
    backup = copied(str(settings.database_url))
    erase(casework, home, he)
    restore(str(settings.database_url), backup)
    assert held(casework, he) > 0

    with pytest.raises(CaseworkError) as refused, wiring.closing_casework(settings):
        pass
    version = casework.household(home).version
    with wiring.closing_casework(settings, reconciling=True) as opened:
        applied = [opened.reconcile() for _ in range(2)]

    assert (refused.value.code, "vault reconcile" in str(refused.value)) == ("ledger-ahead", True)
    assert applied == [1, 0]
    assert (held(casework, he), held(casework, she) > 0) == (0, True)
    assert casework.household(home).version == version
    with wiring.closing_casework(settings) as opened:
        assert opened.household(home).people[he].is_erased


def test_an_erasure_in_a_file_that_was_merged_away_since_is_applied_again(casework: Casework, settings: Settings):
    home, _, she = couple(casework)
    asked_for(casework, home, she)
    backup = copied(str(settings.database_url))
    erase(casework, home, she)
    into = registered(casework, person("王五")).id
    casework.merge_households(into, by(), merged_on=date(2013, 10, 2), from_household=home)
    restore(str(settings.database_url), backup)

    with wiring.closing_casework(settings, reconciling=True) as opened:
        applied = opened.reconcile()

    assert (applied, held(casework, she), check(casework)) == (1, 0, None)


def test_a_vault_that_lacks_erasures_is_given_no_new_key(casework: Casework, settings: Settings, redis_url: str):
    environ = {
        "CASEWORK_DATABASE_URL": str(settings.database_url),
        "CASEWORK_REDIS_URL": redis_url,
        "CASEWORK_DATA_DIR": str(settings.data_dir),
    }
    home, he, _ = couple(casework)
    asked_for(casework, home, he)
    backup = copied(str(settings.database_url))
    erase(casework, home, he)
    restore(str(settings.database_url), backup)
    before = sorted(settings.keys_dir.iterdir())

    done = CliRunner().invoke(main, ["vault", "rotate"], env=environ)

    assert (done.exit_code, "vault reconcile" in done.output) == (1, True)
    assert sorted(settings.keys_dir.iterdir()) == before


def test_neither_the_api_nor_a_worker_starts_before_an_operator_has_reconciled(
    casework: Casework, settings: Settings, redis_url: str
):
    home, he, _ = couple(casework)
    asked_for(casework, home, he)
    backup = copied(str(settings.database_url))
    erase(casework, home, he)
    restore(str(settings.database_url), backup)
    environ = {
        "CASEWORK_DATABASE_URL": str(settings.database_url),
        "CASEWORK_REDIS_URL": redis_url,
        "CASEWORK_DATA_DIR": str(settings.data_dir),
    }

    started = [
        subprocess.run(
            [sys.executable, "-m", *program],
            env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        for program in (["api.serve"], ["workers.run", "drains"], ["workers.run", "long"], ["workers.run", "beat"])
    ]
    reconciled = [CliRunner().invoke(main, ["vault", "reconcile"], env=environ) for _ in range(2)]

    assert all(each.returncode and "casework vault reconcile" in each.stderr for each in started), started
    assert not any("Traceback" in each.stderr for each in started)
    assert [(each.exit_code, each.output) for each in reconciled] == [
        (0, "1 erasures applied again\n"),
        (0, "the vault lacks no erasure of the ledger\n"),
    ]
    assert held(casework, he) == 0
    with wiring.closing_casework(settings):
        pass


def test_where_the_log_is_older_too_the_events_come_again(casework: Casework, settings: Settings):
    """As after a restore of all of the database: nobody had asked for the erasure yet."""
    home, he, _ = couple(casework)
    with ledger_of(casework).pages() as pages:
        pages.write(pages.entry(home, he, [he], "unlawful", casework.now()))
        pages.write(pages.entry(uuid4(), (nobody := uuid4()), [nobody], "unlawful", casework.now()))

    assert casework.reconcile() == 2

    erasure = casework.household(home).people[he].erasure
    assert erasure is not None
    assert (erasure.basis, erasure.ledger_entry, held(casework, he)) == ("unlawful", 1, 0)
    assert check(casework) is None
    with pytest.raises(Refused, match="erased"):
        registered(casework, person("王五", person_id=nobody))


def altered(line: bytes) -> bytes:
    return line.replace(b"consent_withdrawn", b"retention_ended__")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda lines: [altered(lines[0]), lines[1]], "ledger-damaged"),
        (lambda lines: lines[1:], "ledger-damaged"),
        (lambda lines: lines[::-1], "ledger-damaged"),
        (lambda lines: [lines[0], b"{}\n"], "ledger-damaged"),
        (lambda lines: [lines[0], b"\xff\n"], "ledger-damaged"),
        (lambda lines: lines[:1], "ledger-differs"),
        (lambda lines: [], "ledger-differs"),
        (lambda lines: [*lines, b'{"entry":{"number":3,'], None),
    ],
    ids=["altered", "beginning lost", "swapped", "empty", "garbage", "end lost", "all lost", "cut off"],
)
def test_a_ledger_that_was_changed_is_noticed(casework: Casework, spoil: Any, code: str | None):
    home, he, she = couple(casework)
    for each in (he, she):
        asked_for(casework, home, each)
        erase(casework, home, each)
    file = ledger_of(casework).file
    file.write_bytes(b"".join(spoil(file.read_bytes().splitlines(keepends=True))))

    casework.ledger = Ledger(file.parent, file.parent.parent, born(casework))

    assert check(casework) == code


def born(casework: Casework) -> Any:
    return rows(casework, "SELECT created_at FROM casework.log_birth")[0][0]


def test_a_line_that_was_cut_off_is_written_over(casework: Casework):
    home, he, she = couple(casework)
    asked_for(casework, home, he)
    erase(casework, home, he)
    file = ledger_of(casework).file
    with file.open("ab") as open_file:
        open_file.write(b'{"entry":{"number":2,"household_id":"' + b"0" * 2000)

    asked_for(casework, home, she)
    erase(casework, home, she)

    assert [written.entry.person_id for written in ledger_of(casework).written()] == [he, she]
    assert check(casework) is None


def test_the_ledger_names_nobody_and_is_its_owners_alone(casework: Casework):
    home, he, _ = couple(casework)
    asked_for(casework, home, he)
    erase(casework, home, he)

    file = ledger_of(casework).file
    assert file.stat().st_mode & 0o077 == 0
    assert file.read_bytes().isascii()  # and their names are not
    assert traces(files_in(file.parent), NUMBER, "13812345678", "1980-03-02") == []


def test_without_a_ledger_nothing_is_erased(casework: Casework):
    home, he, _ = couple(casework)
    asked_for(casework, home, he)
    before = held(casework, he)
    folder = ledger_of(casework).file.parent
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"no folder")

    with pytest.raises(CaseworkError) as refused:
        erase(casework, home, he)

    assert (refused.value.code, refused.value.problem.status) == ("ledger-missing", 503)
    assert held(casework, he) == before


@pytest.mark.parametrize("seed", range(5))
def test_an_erasure_comes_before_or_after_every_command_on_the_person(casework: Casework, seed: int):
    home, he, she = couple(casework)
    asked_for(casework, home, he)
    other = registered(casework).id
    day = date(2013, 9, 1)

    def attempt(number: int) -> str:
        commands = [
            lambda: erase(casework, home, he),
            lambda: casework.record_member_facts(
                home,
                by(),
                person_id=he,
                recorded_on=day,
                facts=person()[0].facts,
                profile={"phone": f"1390000{number:04}"},
            ),
            lambda: casework.give(
                home,
                "record_delivery",
                by(),
                service="EMP-GUIDE",
                person_id=he,
                delivered_on=day,
                remark=f"秘密{number}",
            ),
            lambda: casework.remove_member(
                home, by(), person_id=he, left_on=day, reason="other_household", to_household=other, new_head=she
            ),
        ]
        try:
            commands[number % 4 if number else 0]()
        except CaseworkError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(attempt, [seed, *range(12), 0, 4, 8]))

    source, target = casework.household(home), casework.household(other)
    erased = [home.people[he].is_erased for home in (source, target) if he in home.people]
    written = ledger_of(casework).written()
    assert set(told).isdisjoint({"internal", "unavailable"}), told
    assert (held(casework, he) == 0) is any(erased) is (len(written) == 1)
    assert check(casework) is None


def test_a_row_that_another_households_command_is_writing_goes_with_the_erasure(casework: Casework):
    """Two streams share no version; what keeps the two apart is the lock on the person."""
    home, he, _ = couple(casework)
    asked_for(casework, home, he)
    stream = uuid7()
    event = NewEvent(partition_of(stream), stream, 1, "test.v1", b"{}", b"{}")
    row = casework.persons.vault.seal(he, "remark", {"remark": "秘密"})
    late = append_statement([event._replace(version=2)], Beside(vault=[row]))

    with ThreadPoolExecutor(1) as pool, casework.pool.connection() as db:
        with db.transaction():
            db.execute(*append_statement([event], Beside(vault=[row])))
            erasing = pool.submit(erase, casework, home, he)
            while not db.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchall():
                assert not erasing.done()
        assert erasing.result().changed
        with pytest.raises(psycopg.Error, match="erased"):
            db.execute(*late)

    assert held(casework, he) == 0
