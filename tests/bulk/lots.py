"""Files of sixty rows for thirty households, and processes that carry them out."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import UUID

from casework.application import Casework
from tests.bulk.conftest import Installation

HEADER = "id_number,service,occurred_on,evidence.kind\n"
KILLED = -9
PROGRAM = """
import sys
from uuid import UUID
from casework import wiring
from casework.bulk import importing
from casework.config import Settings
with wiring.closing_casework(Settings.from_env()) as casework:
    importing.run(casework, UUID(sys.argv[1]), "committed", lambda done, total: None)
"""


def table(people: dict[str, UUID], day: str) -> str:
    """Two rows for each household, one of them a grant, scattered over the file."""
    first = [f"{number},HLT-EDU,{day},\n" for number in people]
    second = [f"{number},LIV-CHARITY,{day},poverty\n" for number in people]
    return HEADER + "".join([*first, *second])


def delivered(casework: Casework, people: dict[str, UUID], day: str) -> list[int]:
    """How many services of a day each household has."""
    return [
        sum(
            str(episode.delivered_on) == day and episode.voided is None
            for episode in casework.household(household).episodes.values()
        )
        for household in people.values()
    ]


def committed_in_process(installation: Installation, id: UUID, place: str) -> int:
    """Carry an import out in a process of its own, in which a fault is armed; return its exit status."""
    environ = {
        "CASEWORK_DATABASE_URL": installation.url,
        "CASEWORK_KEYS_DIR": str(installation.keys_dir),
        "CASEWORK_FAULT": place,
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(id)], env={**os.environ, **environ}, check=False)
    return done.returncode
