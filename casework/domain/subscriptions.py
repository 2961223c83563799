"""Subscriptions: how a bureau takes what it is told under one of its grants, from some point in time on.

Whoever is to be told more opens another subscription beside the old one, under the wider grant. All channels serve the
same subscription: it can be pulled and streamed, and pushed where it has an endpoint. Secrets of endpoints are no
part of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from casework.domain.aggregate import Aggregate, Event, event_type
from casework.domain.evidence import field_error
from casework.domain.residence import By, refuse_if
from casework.errors import Invalid

BEGINNING, NOW, DAY = "beginning", "now", "day"
STARTS = (BEGINNING, NOW, DAY)
"""From where on: all of the log, what comes after the opening, or what was recorded on a day or later."""

_URL = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", re.ASCII
)
_LONGEST_URL = 400


@event_type("subscription.opened.v1")
class SubscriptionOpened(Event, frozen=True, kw_only=True):
    """A bureau takes what it is told under a grant: from the beginning, from now, or from the day ``since`` on."""

    occurred_on: date
    bureau: str
    grant: str
    start: str
    since: date | None = None


@event_type("subscription.endpoint-set.v1")
class EndpointSet(Event, frozen=True, kw_only=True):
    """From now on it is also sent to this address; None: to none."""

    occurred_on: date
    url: str | None = None


@event_type("subscription.erasures-acknowledged.v1")
class ErasuresAcknowledged(Event, frozen=True, kw_only=True):
    """The bureau says that it has deleted what it held of some people who were erased."""

    occurred_on: date
    people: tuple[UUID, ...]


@event_type("subscription.closed.v1")
class SubscriptionClosed(Event, frozen=True, kw_only=True):
    """Nothing is given out any more."""

    occurred_on: date


class Subscription(Aggregate):
    """A subscription as it stands."""

    opened: SubscriptionOpened

    def __init__(self, id: Any) -> None:
        super().__init__(id)
        self.url: str | None = None
        self.acknowledged: set[UUID] = set()
        self.closed: SubscriptionClosed | None = None

    def apply(self, event: Event) -> None:
        match event:
            case SubscriptionOpened():
                self.opened = event
            case EndpointSet(url=url):
                self.url = url
            case ErasuresAcknowledged(people=people):
                self.acknowledged.update(people)
            case SubscriptionClosed():
                self.closed = event

    def open(
        self, by: By, *, opened_on: date, bureau: str, grant: str, start: str = BEGINNING, since: date | None = None
    ) -> None:
        """Begin to take what is told under a grant; that the grant stands is asked where grants are known."""
        refuse_if(opened_on > by.today, "date-in-future")
        refuse_if(self.version > 0, "subscription-opened")
        if start not in STARTS or (start == DAY) != (since is not None):
            raise Invalid(errors=(field_error("/start", "field-value"),))
        refuse_if(since is not None and since > by.today, "date-in-future")
        self.record(SubscriptionOpened(occurred_on=opened_on, bureau=bureau, grant=grant, start=start, since=since))

    def set_endpoint(self, by: By, *, set_on: date, url: str | None) -> None:
        """Have it sent to an address, or to none; the address says nothing but where."""
        self._check_stands(by, set_on)
        if url is not None and (len(url) > _LONGEST_URL or not _URL.fullmatch(url)):
            raise Invalid(errors=(field_error("/url", "field-value"),))
        if url != self.url:
            self.record(EndpointSet(occurred_on=set_on, url=url))

    def acknowledge(self, by: By, *, acknowledged_on: date, people: Collection[UUID]) -> None:
        """Say that what was held of some people is deleted; of whom that was said before nothing is added."""
        self._check_stands(by, acknowledged_on)
        new = tuple(sorted(set(people) - self.acknowledged))
        if new:
            self.record(ErasuresAcknowledged(occurred_on=acknowledged_on, people=new))

    def close(self, by: By, *, closed_on: date) -> None:
        """Give out nothing more; once is enough."""
        refuse_if(not self.version, "subscription-unknown")
        refuse_if(closed_on > by.today, "date-in-future")
        if self.closed is None:
            self.record(SubscriptionClosed(occurred_on=closed_on))

    def _check_stands(self, by: By, on: date) -> None:
        refuse_if(not self.version, "subscription-unknown")
        refuse_if(self.closed is not None, "subscription-closed")
        refuse_if(on > by.today, "date-in-future")
