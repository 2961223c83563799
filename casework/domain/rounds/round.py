"""The aggregate of a year's selection round, ``round-<year>`` in the registry (DOMAIN 8.7)."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID, uuid5

from casework.domain.aggregate import Event
from casework.domain.checks import check_code
from casework.domain.registry import NAMESPACE
from casework.domain.residence import By
from casework.domain.rounds.commending import CommendingCommands
from casework.domain.rounds.events import OfNomination, PanelistAppointed, RoundCancelled


def round_id(year: int) -> UUID:
    """The id of the stream of a year's round."""
    return uuid5(NAMESPACE, f"round-{year}")


class Round(CommendingCommands):
    """A year's round, from its opening to the titles that it gives.

    No step of it can be left out, repeated or told of another day: each command says in which states it may be given,
    and happens today.
    """

    def cancel(self, by: By, *, reason: str, commitment: bytes | None = None) -> None:
        """Give the round up, as long as its list is not final."""
        self._begin(by, "cancel")
        check_code("reason", "cancel_reasons", reason)
        self.record(RoundCancelled(occurred_on=by.today, reason=reason, commitment=commitment))


def collide(mine: Iterable[Event], since: Iterable[Event]) -> bool:
    """Say whether new events rest on what others changed meanwhile.

    What concerns one nomination goes together with what concerns others, and so do the scores of several panelists and
    several objections; a step of the whole round collides with everything.
    """
    new = {part for event in mine for part in _parts(event)}
    old = {part for event in since for part in _parts(event)}
    return bool(new and old) and (None in new or None in old or not new.isdisjoint(old))


def _parts(event: Event) -> set[object]:
    """What an event concerns: None is the whole round."""
    match event:
        case OfNomination(nomination_id=nomination_id):
            names = ("panelist", "objection_id")
            return {(nomination_id, next((getattr(event, name) for name in names if hasattr(event, name)), None))}
        case PanelistAppointed(panelist=panelist):
            return {panelist}
    return {None}
