"""An appeal: a round's figures again as they became known since its freeze, and the events that made the difference.

It changes nothing of the round: it is what the authority decides on, by a veto, an objection or a revocation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from casework.application import Casework
from casework.domain.residence import refuse_if
from casework.domain.rounds.round import Round
from casework.log.reading import Db
from casework.projections import months
from casework.selection.comparing import compare
from casework.selection.freezing import Count, frozen_of, frozen_run
from casework.selection.responsible import Responsible, responsible
from casework.selection.trying import Compared, Comparing

FIRST = 20
"""So many events are shown of a unit at once."""


class Found:
    """The events responsible by unit: how many, and the first of them."""

    def __init__(self) -> None:
        self.counts: Counter[UUID] = Counter()
        self.first: dict[UUID, list[Responsible]] = {}

    def add(self, event: Responsible) -> None:
        """Add the next event of its unit."""
        self.counts[event.unit] += 1
        first = self.first.setdefault(event.unit, [])
        if len(first) < FIRST:
            first.append(event)


class Appeal(NamedTuple):
    """What an appeal comes to; ``events`` yields those responsible, partition by partition, once."""

    compared: Compared
    events: Iterator[list[Responsible]]


def check_appeal(opened: Round, known_at: datetime) -> None:
    """Refuse an appeal of a round that is not frozen, or at an instant that its freeze had seen."""
    refuse_if(known_at <= frozen_of(opened).known_at, "appeal-before-freeze")


def appeal(casework: Casework, db: Db, year: int, known_at: datetime, count: Count) -> Appeal:
    """Return what a round's figures and ranking come to as they are known at a later instant."""
    check_appeal(casework.round(year), known_at)
    comparing = Comparing(casework, db, year, count)
    opened, before = comparing.opened, comparing.before
    frozen, run = frozen_run(db, opened), months.begin(db, year, opened.policy, known_at=known_at)
    count(db, frozen)
    after = comparing.under(run, before.kinds)
    kinds = compare(opened, before, after)
    units = {moved.unit for kind in kinds for moved in kind.moved if moved.unit is not None}
    events = responsible(db, frozen, run, units)
    return Appeal(Compared(before, after, kinds), events)
