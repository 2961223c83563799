"""From who looks to what they are told: the viewers of some households, with what that needs read at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from casework.application import Casework
from casework.domain.household import Household
from casework.domain.sight import Sight
from casework.log.reading import Db
from casework.streams.context import Context, contexts
from casework.streams.history import BureauViewer, Shared, Viewer, shared_with


class Looking(NamedTuple):
    """Somebody who looks at some households."""

    sight: Sight
    contexts: Mapping[UUID, Context] = {}
    shared: Sequence[Shared] = ()

    def at(self, household: Household, whole: Household) -> Viewer:
        """Return who looks at one of them, as far as its story goes."""
        if not self.sight.of_one_bureau:
            return Viewer(self.sight, household, whole)
        assert self.sight.bureau is not None
        return BureauViewer(self.sight.bureau, household, whole, self.contexts[household.id], self.shared)


def looking(db: Db, casework: Casework, sight: Sight, household_ids: Collection[UUID]) -> Looking:
    """Return who looks at some households; for a bureau, what its consents, erasures and grants say now."""
    if not sight.of_one_bureau or sight.bureau is None:
        return Looking(sight)
    day = casework.today
    return Looking(
        sight,
        contexts(db, casework.persons, household_ids, day),
        shared_with(sight.bureau, casework.registry(), casework.persons.hashes, day),
    )
