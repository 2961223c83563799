"""Contexts that are kept from one batch of events to the next, for as long as what they say holds.

A feed that catches up meets each household many times. Between two batches only those are read again of whose people
something happened meanwhile, in their own file or in one that they are in now.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

from casework.domain.ids import PARTITIONS
from casework.log import reading
from casework.log.reading import Cut, Db, Stretch
from casework.privacy.persons import Persons
from casework.streams.context import Context, contexts, folded_streams


class KeptContexts:
    """What may be told depends on, of the households met last; for one thread."""

    def __init__(self, persons: Persons, most: int = 5000) -> None:
        self._persons = persons
        self._most = most
        self._kept: dict[UUID, Context] = {}
        self._told_of: dict[UUID, set[UUID]] = {}
        self._cut: Cut = {}
        self._day = date.min

    def of(self, db: Db, household_ids: Collection[UUID], today: date) -> dict[UUID, Context]:
        """Return the contexts of some households as they are now."""
        heads = reading.heads(db)
        self._forget_what_changed(db, heads, today)
        # What is read from here on is no older than the heads: what comes after them is looked at the next time.
        self._cut, self._day = heads, today
        wanted = set(household_ids)
        if len(self._kept) + len(wanted - self._kept.keys()) > self._most:
            self._forget_all()
        for id, context in contexts(db, self._persons, wanted - self._kept.keys(), today).items():
            self._kept[id] = context
            for person_id in context.people:
                self._told_of.setdefault(person_id, set()).add(id)
        return {id: self._kept[id] for id in wanted if id in self._kept}

    def _forget_what_changed(self, db: Db, heads: Cut, today: date) -> None:
        if today != self._day:
            self._forget_all()
        if not self._kept:
            return
        ahead = [Stretch(each, self._cut[each], heads[each]) for each in range(PARTITIONS)]
        moved = reading.touched(db, [stretch for stretch in ahead if stretch.after < stretch.upto])
        people = {person_id for each in folded_streams(db, moved).values() for person_id in each.people}
        for person_id in people & self._told_of.keys():
            moved |= self._told_of[person_id]
        for id in moved:
            self._forget(id)

    def _forget(self, id: UUID) -> None:
        context = self._kept.pop(id, None)
        for person_id in context.people if context is not None else ():
            self._told_of[person_id].discard(id)

    def _forget_all(self) -> None:
        self._kept.clear()
        self._told_of.clear()
