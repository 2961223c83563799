"""What a bureau is told of an event under a grant: the one function behind every feed.

The envelope is CloudEvents 1.0. Every id in it is the bureau's own, so that two bureaus cannot join their feeds; a unit
is named by its code, which is public. ``sequence`` is the channel's to fill in: it counts what was sent, and so what
is withheld leaves no hole.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from casework.domain.about import About, about, about_episode, about_need
from casework.domain.aggregate import Event
from casework.domain.grants import Grant
from casework.domain.registry import Registry
from casework.domain.sight import Sight, meant_by
from casework.log.reading import LoggedEvent
from casework.privacy.own_ids import OwnIds
from casework.streams.context import Context
from casework.streams.entitlement import DENIED, Entitlement, entitled
from casework.streams.plan import Names, Plan

SOURCE = "//integration.zhengzhou.cn/casework"
TYPES = "cn.zhengzhou.integration."


_encode = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A CloudEvent in its JSON format; extensions have names of small letters."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    partitionkey: str
    policyver: str
    data: dict[str, Any]
    occurredon: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    sequence: str | None = None


class Happened(NamedTuple):
    """An event of a household, as it is logged and as it reads."""

    household_id: UUID
    logged: LoggedEvent
    event: Event


class Compiled:
    """A grant made ready to be asked of many events: for one state of the registry, one day."""

    def __init__(self, grant: Grant, ids: OwnIds, registry: Registry, today: date) -> None:
        self.grant = grant
        self.today = today
        self.entitlement = entitled(grant, registry, today)
        self.policy = grant.policy
        self.ids = ids
        self.plan = plan_of(grant, ids, registry)


def plan_of(grant: Grant, names: Names, registry: Registry) -> Plan:
    """Return how a grant's fields are told, under some names."""
    units = {id: unit.registered.code for id, unit in registry.units.items() if unit.registered is not None}
    sight = Sight("bureau", grant.issued.bureau)
    return Plan(grant.extent.fields, frozenset(grant.extent.types), sight, names, units)


class Seen:
    """What of one event is told, once it is known by which consent it was opened."""

    def __init__(self, entitlement: Entitlement, what: About, scope: str, context: Context) -> None:
        self._entitlement, self._scope, self._context = entitlement, scope, context
        self._told = () if what.is_group else what.people

    def person(self, id: UUID) -> bool:
        """Whether a person may be named: who the event is about, and whoever else it may tell of."""
        return id in self._told or self._entitlement.is_told(id, self._scope, self._context)

    def record(self, id: UUID) -> bool:
        """Whether a service or need may be named; of one that is not known nothing is told."""
        return tells_record(self._entitlement, id, self._context)

    def event_id(self, version: int) -> UUID | None:
        """The id of another event of the household."""
        return self._context.event_ids.get(version)


def disclose(happened: Happened, grant: Compiled, context: Context) -> Envelope | None:
    """Return what a bureau is told of an event of this context's household, or None: it is not told at all."""
    opened = opened_by(grant.entitlement, happened, context)
    if opened is None:
        return None
    data = grant.plan.data(happened.event, opened)
    return None if data is None else _envelope(happened, grant, data)


def opened_by(entitlement: Entitlement, happened: Happened, context: Context) -> Seen | None:
    """Return what of an event an entitlement opens; None where it must not be known at all."""
    event = happened.event
    meant = meant_by(event, context.household)
    what = about(meant, context.whole)
    scope = entitlement.scope(event, meant, what, happened.logged.meta, context)
    return None if scope == DENIED else Seen(entitlement, what, scope, context)


def tells_record(entitlement: Entitlement, id: UUID, context: Context) -> bool:
    """Whether a service or need of the household may be named."""
    household = context.whole
    if (episode := household.episodes.get(id)) is not None:
        return entitlement.tells_record(about_episode(episode), context)
    need = household.needs.get(id)
    return need is not None and entitlement.tells_record(about_need(need), context)


def to_the_second(at: datetime) -> str:
    """Return an instant as an envelope tells it, in UTC."""
    return f"{_encode(at.astimezone(UTC))[1:20].decode()}Z"  # ten times as fast as what datetime has for it


def _envelope(happened: Happened, grant: Compiled, data: dict[str, Any]) -> Envelope:
    logged, encode = happened.logged, grant.ids.encode
    meta, household = logged.meta, encode(happened.household_id)
    return Envelope(
        specversion="1.0",
        id=grant.ids.encode_once(meta.event_id),
        source=SOURCE,
        type=TYPES + happened.event.type_name,
        subject=household,
        time=to_the_second(logged.recorded_at),
        datacontenttype="application/json",
        partitionkey=household,
        policyver=grant.policy,
        data=data,
        occurredon=grant.plan.occurred_on(happened.event),
        correlationid=encode(meta.correlation_id) if meta.correlation_id is not None else None,
        causationid=encode(meta.causation_id) if meta.causation_id is not None else None,
    )
