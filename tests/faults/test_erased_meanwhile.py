"""Row 16: a person is erased while a file about them is imported, exported, or while views are drawn: never half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest

from casework import wiring
from casework.application import Casework
from casework.bulk import exporting, files, importing, undoing
from casework.config import Settings
from casework.domain.ids import uuid7
from casework.errors import Refused
from casework.log import reading
from casework.log.append import VaultRow
from casework.privacy.id_number import synthetic_id_number
from tests.bulk.conftest import Clerk
from tests.bulk.lots import PROGRAM
from tests.faults.amounts import amount, seeds
from tests.faults.invariants import assert_views_hold
from tests.given import by, casework_on, person, registered
from tests.processes import stands_still
from tests.projections.simulated import Simulated
from tests.traces import dump_of, files_in, traces

NAME, PHONE, REMARK = "欧阳静安", "13912345678", "嵩山路八十八号院"
NUMBER = synthetic_id_number(date(1980, 3, 2), "male", 7)
SECRETS = (NAME, PHONE, REMARK, NUMBER)
DAY = "2013-03-01"
HOMES = 12
PLACES = (("import-rows-kept", 1), ("import-rows-read", 6), ("import-appended", 6), ("import-rows-given", 6))
"""Where an import may stand, and how often it comes there at least."""


class Home(NamedTuple):
    """The household of the one who is erased, with whoever stays."""

    id: UUID
    person_id: UUID


@pytest.fixture
def settings(log: Simulated, tmp_path: Path) -> Settings:
    return Settings.from_env({"CASEWORK_DATABASE_URL": log.url, "CASEWORK_DATA_DIR": str(tmp_path)})


@pytest.fixture
def office(log: Simulated, settings: Settings) -> Iterator[Casework]:
    """The commands, with a ledger of erasures."""
    for casework in casework_on(log.url, settings.keys_dir):
        casework.ledger = wiring.open_ledger(settings, casework.pool)
        yield casework


def told(office: Casework, turn: int = 0) -> tuple[Home, str]:
    """Some households, one of them about to lose a member, and a file about all, with secrets of that one."""
    he = person(NAME, id_number=NUMBER, phone=PHONE)
    she = person("李四", "1982-05-05", "female", "spouse")
    home = Home(registered(office, he, she).id, he[0].person_id)
    born_on = date(1960, 1, 1) + timedelta(turn)
    numbers = [synthetic_id_number(born_on, "male", 1 + each) for each in range(HOMES)]
    for number in numbers:
        registered(office, person("张三", born_on.isoformat(), id_number=number))
    office.request_erasure(
        home.id, by(), person_id=home.person_id, requested_on=date(2013, 10, 1), basis="consent_withdrawn"
    )
    about = [NUMBER, *numbers]
    rows = [f"{number},EMP-GUIDE,{DAY},{REMARK if number == NUMBER else ''}" for number in about]
    more = [f"{number},HLT-EDU,{DAY},{REMARK if number == NUMBER else ''}" for number in numbers]
    return home, "id_number,service,occurred_on,remark\n" + "\n".join([*rows, *more]) + "\n"


def erase(office: Casework, home: Home) -> None:
    office.erase_person(home.id, by("supervisor"), person_id=home.person_id, erased_on=date(2013, 10, 1))


def opened(office: Casework) -> bytes:
    """All that can be read with the keys: the vault, and the files that are still there."""
    vault, told = office.persons.vault, []
    with office.pool.connection() as db:
        query = "SELECT subject_id, kind, key_id, sealed, commitment FROM vault.person"
        told += [msgspec.json.encode(vault.open(VaultRow(*row))) for row in db.execute(query).fetchall()]
        for (id,) in db.execute("SELECT id FROM casework.import_file").fetchall():
            with suppress(Refused):
                told.append(files.content(db, vault, id))
            for partition in files.sizes(db, id):
                with suppress(Refused):
                    told.append(msgspec.json.encode(files.rows_of(db, vault, id, partition)))
    return b"\n".join(told)


def assert_nothing_is_left(office: Casework, settings: Settings, *said: bytes) -> None:
    """I6 and I7: not a byte of them in what the keys open, in the tables, in files, or in what processes said."""
    assert office.ledger is not None
    with office.pool.connection() as db:
        office.ledger.check(db)
    heard = {f"said {place}": each for place, each in enumerate(said)}
    tables, files = dump_of(settings.database_url or ""), files_in(settings.data_dir)
    assert traces({"opened": opened(office), **tables, **files, **heard}, *SECRETS) == []


def services(office: Casework, file_id: UUID) -> int:
    """How many services that an import brought still count."""
    with office.pool.connection() as db:
        homes = {row.household_id for each in files.sizes(db, file_id) for row in files.row_ids(db, file_id, each)}
    episodes = [each for home in homes for each in office.household(home).episodes.values()]
    return sum(each.voided is None for each in episodes)


def codes(office: Casework, id: UUID, stage: str) -> list[str | None]:
    with office.pool.connection() as db:
        return [verdict.code for verdict in files.verdicts(db, id, stage)]


def staying(office: Casework, id: UUID) -> set[int]:
    """Rows that were carried out and could not be undone any more; those refused before keep their errors."""
    with office.pool.connection() as db:
        refused = {verdict.row for verdict in files.verdicts(db, id, "committed") if verdict.code}
        return {each.row for each in files.verdicts(db, id, "undone") if each.code == "person-erased"} - refused


def assert_before_or_after(office: Casework, id: UUID) -> None:
    """What an import says of its rows is what is in the households; it can be undone, though its file is gone.

    What counts of the one who was erased is the last that was: nothing is commanded about them, so that stays.
    """
    with office.pool.connection() as db:
        file = files.find(db, id)
    assert file is not None
    if file.state == "committed":
        assert services(office, id) == codes(office, id, "committed").count(None)
    if file.state in undoing.FROM:
        assert file.atomic == "row" or file.state in ("committed", "undone")
        undoing.run(office, id, lambda done, total: None)
    assert services(office, id) == len(staying(office, id)) <= 1


@contextmanager
def carrying_out(settings: Settings, id: UUID, place: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that carries an import out, and stands still at a place until it is told to go on."""
    environ = {
        "CASEWORK_DATABASE_URL": str(settings.database_url),
        "CASEWORK_DATA_DIR": str(settings.data_dir),
        "CASEWORK_FAULT": place,
    }
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(id)], env={**os.environ, **environ}, stderr=-1)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("atomic", ["row", "all"])
def test_erased_wherever_an_import_stands_nothing_is_left_and_no_row_is_half(
    office: Casework, settings: Settings, atomic: str
):
    for turn, seed in enumerate(seeds(short=len(PLACES), long=40)):
        chance, clerk = Random(seed), Clerk(office)
        home, content = told(office, turn)
        id = clerk.uploads("services", content, atomic=atomic)
        place, times = PLACES[turn % len(PLACES)]
        place = f"{place}=stop@{chance.randint(1, times)}"

        with carrying_out(settings, id, place) as process:
            stood = stands_still(process)
            erase(office, home)
            if stood:
                process.send_signal(signal.SIGCONT)
            said = process.communicate()[1]

        assert stood, said.decode()
        assert (process.returncode == 0) is (b"import-" not in said and b"Traceback" not in said), said.decode()
        assert_nothing_is_left(office, settings, said)
        assert_before_or_after(office, id)


@pytest.mark.parametrize("atomic", ["row", "all"])
def test_an_erasure_and_an_import_that_race_come_one_after_the_other(office: Casework, settings: Settings, atomic: str):
    for turn, seed in enumerate(seeds(short=6, long=200)):
        chance, clerk = Random(seed), Clerk(office)
        home, content = told(office, turn)
        id = clerk.uploads("services", content, atomic=atomic)
        begins, began = chance.randrange(0, 12), Event()

        def progress(done: int, total: int, begins: int = begins, began: Event = began) -> None:
            if done >= begins:
                began.set()

        def carry_out(id: UUID = id, progress: Any = progress, began: Event = began) -> str | None:
            try:
                importing.run(office, id, "committed", progress)
            except Refused as error:
                return error.code
            finally:
                began.set()
            return None

        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(carry_out)
            began.wait()
            erase(office, home)
            code = running.result()

        assert code in (None, "import-emptied", "import-rows-refused", "import-taken-back", "import-left-partly")
        assert (code == "import-left-partly") is (len(staying(office, id)) > 0)
        assert_nothing_is_left(office, settings)
        assert_before_or_after(office, id)


def asked(office: Casework, kind: str) -> UUID:
    """An export of all that an auditor may see."""
    with office.pool.connection() as db:
        cut = reading.heads(db)
        question = exporting.Asked(
            role="auditor", bureau=None, divisions=[], unit=None, cut=cut, as_of=office.today, policy="2013.1"
        )
        return exporting.add(db, uuid7(), kind, "auditor-1", question).id


@pytest.mark.parametrize("kind", exporting.KINDS)
def test_an_export_and_its_download_go_on_over_an_erasure_and_name_nobody(
    office: Casework, log: Simulated, settings: Settings, kind: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exporting, "PIECE", 1)
    for turn in range(amount(short=1, long=20)):
        home, content = told(office, turn)
        clerk = Clerk(office)
        clerk.runs(clerk.uploads("services", content), "committed")
        log.drain()
        id, pieces = asked(office, kind), 0

        def progress(done: int, total: int, home: Home = home) -> None:
            nonlocal pieces
            pieces += 1
            if pieces == 5:
                erase(office, home)

        manifest = exporting.run(office, id, progress)
        parts: Sequence[bytes] = list(exporting.content(office, id))

        file = b"".join(parts)
        assert pieces > 5
        assert (sha256(file).hexdigest(), len(file)) == (manifest["sha256"], manifest["bytes"])
        assert str(home.id).encode() in file
        assert_nothing_is_left(office, settings, file)


@pytest.mark.parametrize("place", ["claimed", "events-read", "rows-written", "totals-moved", "checkpoints-moved"])
def test_a_drain_that_stands_still_over_an_erasure_shows_what_the_log_says(
    office: Casework, log: Simulated, settings: Settings, place: str
):
    for turn in range(amount(short=1, long=10)):
        home, content = told(office, turn)
        clerk = Clerk(office)
        clerk.runs(clerk.uploads("services", content), "committed")

        with log.draining(f"{place}=stop@1") as process:
            stood = stands_still(process)
            erase(office, home)
            process.send_signal(signal.SIGCONT)
            done = process.wait()
        log.drain()

        assert (stood, done) == (True, 0)
        assert_views_hold(log)
        assert_nothing_is_left(office, settings)
