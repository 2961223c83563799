"""What somebody who may read a household's file is told of its story and its records.

Desks and auditors are told all but what is restricted for them. A bureau is told by the rule of its feeds: of its own
services, and of others' by consent; and what a statute shares with it, as far as the grant's fields go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.about import about
from casework.domain.grants import CROSS_BUREAU, STATUTORY_DUTY, Grant
from casework.domain.household import Household
from casework.domain.registry import Registry
from casework.domain.sight import SeesIn, Sight, is_seen, meant_by, told
from casework.privacy.own_ids import OwnIds
from casework.privacy.search import KeyedHashes
from casework.streams.context import Context
from casework.streams.disclosure import Happened, Seen, opened_by, plan_of, tells_record
from casework.streams.entitlement import Entitlement, entitled, standing
from casework.streams.plan import Plan

Content = dict[str, Any]


class Shared(NamedTuple):
    """What a statute shares with a bureau, and which fields of it."""

    entitlement: Entitlement
    plan: Plan


class Heard(NamedTuple):
    """What somebody is told of an event; where it is not ``whole``, neither who recorded it nor from which source."""

    changed: Content
    occurred_on: date | str | None
    is_whole: bool = True


class RealNames(NamedTuple):
    """Ids as the file has them, for a bureau's staff at work in it."""

    own: OwnIds

    def encode(self, id: UUID) -> str:
        """Return the id as it is."""
        return str(id)

    def token(self, field: str, value: str) -> str:
        """Return the bureau's token for a value."""
        return self.own.token(field, value)


class Viewer:
    """Somebody who reads a household's file; ``whole`` has the entries that were voided, too."""

    def __init__(self, sight: Sight, household: Household, whole: Household) -> None:
        self.sight = sight
        self._household = household
        self._whole = whole

    def heard(self, happened: Happened) -> Heard | None:
        """Return what they are told of an event; None where they must not know of it."""
        meant = meant_by(happened.event, self._household)
        if not is_seen(meant, about(meant, self._whole), self.sight):
            return None
        return _whole(happened, told(happened.event, self.sight, SeesIn(self._whole, self.sight)))

    def record(self, id: UUID) -> bool:
        """Whether they may know of a service or need."""
        return SeesIn(self._whole, self.sight).record(id)


class BureauViewer(Viewer):
    """One who reads it for a single bureau."""

    def __init__(
        self, bureau: str, household: Household, whole: Household, context: Context, shared: Sequence[Shared] = ()
    ) -> None:
        super().__init__(Sight("bureau", bureau), household, whole)
        # How far the story goes is the look's; who consents to what, and who was erased, is always what holds now.
        self._context = context._replace(household=household, whole=whole)
        self._standing = standing(bureau)
        self._shared = shared

    def heard(self, happened: Happened) -> Heard | None:
        for entitlement in self._standing:
            opened = opened_by(entitlement, happened, self._context)
            if opened is not None:
                return _whole(happened, told(happened.event, self.sight, _Opened(opened, self)))
        parts = (self._part(happened, each) for each in self._shared)
        return next((part for part in parts if part is not None), None)

    def _part(self, happened: Happened, shared: Shared) -> Heard | None:
        opened = opened_by(shared.entitlement, happened, self._context)
        data = shared.plan.data(happened.event, opened) if opened is not None else None
        return None if data is None else Heard(data, shared.plan.occurred_on(happened.event), is_whole=False)

    def record(self, id: UUID) -> bool:
        return any(tells_record(each, id, self._context) for each in self._standing)


def _whole(happened: Happened, changed: Content) -> Heard:
    return Heard(changed, getattr(happened.event, "occurred_on", None))


class _Opened(NamedTuple):
    """What an event names to a bureau: people by how the event was opened, records by whatever opens them."""

    seen: Seen
    viewer: BureauViewer

    def person(self, id: UUID) -> bool:
        return self.seen.person(id)

    def record(self, id: UUID) -> bool:
        return self.viewer.record(id)


def shared_with(bureau: str, registry: Registry, hashes: KeyedHashes, today: date) -> list[Shared]:
    """Return what statutes share with a bureau today; what needs consent, its staff read without a grant."""
    return [
        _shared(grant.id, registry, hashes, today)
        for grant in registry.grants.values()
        if grant.issued.bureau == bureau and is_statutory(grant) and grant.in_force(today)
    ]


def is_statutory(grant: Grant) -> bool:
    """Whether a statute asks for the sharing."""
    return (grant.issued.purpose, grant.issued.legal_basis) == (CROSS_BUREAU, STATUTORY_DUTY)


@lru_cache(32)  # a registry that moves on is another one
def _shared(grant_id: UUID, registry: Registry, hashes: KeyedHashes, today: date) -> Shared:
    grant = registry.grants[grant_id]
    names = RealNames(hashes.own_ids(grant.issued.bureau))
    return Shared(entitled(grant, registry, today), plan_of(grant, names, registry))
