"""The aggregate of a year's selection round, ``round-<year>`` in the registry (DOMAIN 8.7)."""

from __future__ import annotations

from uuid import UUID, uuid5

from casework.domain.checks import check_code
from casework.domain.registry import NAMESPACE
from casework.domain.residence import By
from casework.domain.rounds.commending import CommendingCommands
from casework.domain.rounds.events import RoundCancelled


def round_id(year: int) -> UUID:
    """The id of the stream of a year's round."""
    return uuid5(NAMESPACE, f"round-{year}")


class Round(CommendingCommands):
    """A year's round, from its opening to the titles that it gives.

    No step of it can be left out, repeated or told of another day: each command says in which states it may be given,
    and happens today.
    """

    def cancel(self, by: By, *, reason: str) -> None:
        """Give the round up, as long as its list is not final."""
        self._begin(by, "cancel")
        check_code("reason", "cancel_reasons", reason)
        self.record(RoundCancelled(occurred_on=by.today, reason=reason))
