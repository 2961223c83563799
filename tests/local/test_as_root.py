"""Servers that root starts, which run as somebody else."""

from __future__ import annotations

import os
import shutil
import stat
from importlib.metadata import distribution
from pathlib import Path

import pytest

from casework.local import ServerFailed, local_servers
from casework.local.binaries import CARRIED, CARRIERS
from casework.local.home import is_open
from tests.local.given import keeps_a_first_row, ping, process_of, started_by, starter

SITE = Path(str(distribution(CARRIERS[0]).locate_file("")))
NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has the servers run by somebody else")


def test_the_servers_run_as_a_user_without_rights(home: Path):
    with local_servers(home):
        owner = Path(f"/proc/{process_of(home)}").stat().st_uid

    assert owner != 0
    assert {(home / part).stat().st_uid for part in ("postgres", "valkey", "valkey.conf")} == {owner}


def test_an_ordinary_user_starts_them_too(empty_home: Path):
    if not is_open(SITE):
        pytest.skip(f"an ordinary user cannot pass into {SITE}")
    empty_home.mkdir()
    os.chown(empty_home, NOBODY, NOBODY)

    process = starter(empty_home, str(NOBODY))
    servers = started_by(process)

    assert keeps_a_first_row(servers)
    assert ping(servers.redis_url)
    assert Path(f"/proc/{process_of(empty_home)}").stat().st_uid == NOBODY
    process.communicate("")
    assert process.returncode == 0


def test_binaries_in_a_closed_folder_are_copied_and_the_folder_stays_closed(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    dist_infos = [distribution(carrier)._path.name for carrier in CARRIERS]  # type: ignore[attr-defined]
    for part in (*CARRIED, *dist_infos):
        shutil.copytree(SITE / part, closed / part)
    monkeypatch.syspath_prepend(closed)

    with local_servers(empty_home) as servers:
        program = os.readlink(f"/proc/{process_of(empty_home)}/exe")
        assert keeps_a_first_row(servers)

    assert program.startswith(f"{empty_home}/binaries/")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_data_folder_that_the_servers_cannot_enter_is_refused(tmp_path: Path):
    tmp_path.chmod(0o700)

    with pytest.raises(ServerFailed, match="CASEWORK_DATA_DIR"), local_servers(tmp_path / "data"):
        pass
