"""Households as this process last saw them, so that a caller who goes on with one need not wait for it to be read.

Nothing rests on it: only an append proves that what was kept is still current, and every other end of a command that
began with it is decided anew on what the log says.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from casework.domain.household import Household


class Loaded(NamedTuple):
    """A folded household, the metadata of all its events as bytes, and whether it was kept from before."""

    household: Household
    metas: bytes
    was_kept: bool = False

    def may_hold(self, command_id: UUID | None) -> bool:
        """Whether a command may have been carried out here before."""
        return str(command_id).encode() in self.metas


class KeptHouseholds:
    """Keeps some households, each lent to one command at a time: whoever takes one has it alone."""

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._kept: OrderedDict[UUID, Loaded] = OrderedDict()
        self._lock = Lock()

    def take(self, household_id: UUID, version: int | None) -> Loaded | None:
        """Return a household, if it is here in the version that the caller saw last."""
        if version is None:
            return None
        with self._lock:
            loaded = self._kept.pop(household_id, None)
        return loaded if loaded is not None and loaded.household.version == version else None

    def keep(self, loaded: Loaded, command_id: UUID | None) -> None:
        """Keep a household after a command that was committed."""
        metas = b"%b %b" % (loaded.metas, str(command_id).encode())
        with self._lock:
            self._kept[loaded.household.id] = Loaded(loaded.household, metas, was_kept=True)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
