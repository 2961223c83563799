#!/usr/bin/env python3
"""Start casework on a machine that has nothing but Python 3.11 or later and the network.

    python3 run.py demo   [...]   the whole system, filled with synthetic households
    python3 run.py test   [...]   the tests; what follows goes to pytest
    python3 run.py bench  [...]   the measurements
    python3 run.py faults [...]   the tests that kill, cut and starve; what follows goes to pytest

The first run, and the next one after requirements.lock has changed, makes .venv and installs what it names.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PROGRAM = VENV / "bin" / "casework"
STAMP = VENV / "installed"

COMMANDS = {
    "demo": [PROGRAM, "demo"],
    "test": [PYTHON, "-m", "pytest", "-n", "auto", "--dist", "loadfile"],  # a process for each core
    "bench": [PYTHON, "-m", "bench"],
    "faults": [PYTHON, "-m", "pytest", "tests/faults"],
}
INSTALL = ["apt-get", "install", "-y", "python3-venv", "ca-certificates"]
LAUNCHER = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from casework.cli import main
if __name__ == "__main__":  # other processes of a load import this file
    sys.exit(main())
"""


def main(arguments: list[str]) -> int:
    """Run one of the commands in a complete environment; this process becomes the command's."""
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__.strip())
        return 0 if arguments in (["-h"], ["--help"]) else 2
    if sys.platform != "linux" or not (3, 11) <= sys.version_info < (3, 15):
        sys.exit(f"casework needs Linux with Python 3.11 to 3.14; this is {sys.platform}, {sys.version.split()[0]}.")
    complete_environment()
    os.chdir(ROOT)
    if arguments[0] == "faults":
        os.environ.setdefault("CASEWORK_FAULTS", "long")  # an ordinary test run takes the short form
    command = [str(word) for word in COMMANDS[arguments[0]]] + arguments[1:]
    os.execv(command[0], command)


def complete_environment() -> None:
    """Make .venv anew unless its stamp, which is written last, says that all of it is there."""
    checkout = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(checkout, fcntl.LOCK_EX)  # two first runs at once: the second waits and finds it made
    try:
        if not (STAMP.is_file() and STAMP.read_text() == wanted() and PYTHON.exists()):
            make_environment()
    finally:
        os.close(checkout)


def wanted() -> str:
    """Say what a complete environment holds: this lock, for this Python, at this place."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    return f"{digest} {sys.version_info.major}.{sys.version_info.minor} {ROOT}\n"


def make_environment() -> None:
    """Make .venv from nothing, so that what an interrupted run left in it does not matter."""
    require_ensurepip()
    if not os.access(ROOT, os.W_OK):
        sys.exit(f"{VENV} has to be made, and you may not write there: run this once as the owner of {ROOT}.")
    STAMP.unlink(missing_ok=True)
    print("Making .venv with the packages of requirements.lock (once) ...", flush=True)
    run(sys.executable, "-m", "venv", "--clear", VENV)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", LOCK)
    put_project_into_environment()
    STAMP.write_text(wanted())


def put_project_into_environment() -> None:
    """Make the checkout importable and `casework` a command; there is nothing to build."""
    (packages,) = VENV.glob("lib/python*/site-packages")
    (packages / "casework.pth").write_text(f"{ROOT}\n")
    PROGRAM.write_text(LAUNCHER.format(python=PYTHON))
    PROGRAM.chmod(0o755)


def require_ensurepip() -> None:
    """Install what Debian leaves out of python3, or say how to."""
    if importlib.util.find_spec("ensurepip"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("Python's venv is not complete here. As root: apt-get update && " + " ".join(INSTALL))
    print("Installing python3-venv and ca-certificates ...", flush=True)
    run("apt-get", "-q", "update")
    run("env", "DEBIAN_FRONTEND=noninteractive", *INSTALL, "-q", "--no-install-recommends")
    importlib.invalidate_caches()
    if not importlib.util.find_spec("ensurepip"):
        sys.exit(f"{sys.executable} still has no ensurepip: use the system's own /usr/bin/python3.")


def run(*command: str | Path) -> None:
    """Run a program, and stop where it fails."""
    words = [str(word) for word in command]
    code = subprocess.run(words).returncode
    if code:
        sys.exit(f"This failed with exit code {code}: {' '.join(words)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
