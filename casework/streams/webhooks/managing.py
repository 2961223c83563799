"""What a bureau does with its endpoint, and what it and the operator see of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

from casework.application import Casework
from casework.domain.calendar import SHANGHAI
from casework.domain.ids import REGISTRY, uuid7
from casework.domain.subscriptions import Subscription
from casework.errors import Invalid, NotFound, Refused
from casework.log import reading
from casework.log.reading import Db
from casework.outcome import Context
from casework.streams.again import Place
from casework.streams.cursor import Cursor
from casework.streams.feeds import Feeds
from casework.streams.webhooks import endpoints, waiting
from casework.streams.webhooks.endpoints import Endpoint
from casework.streams.webhooks.report import Stands, stands
from casework.streams.webhooks.schedule import schedule
from casework.streams.webhooks.signing import new_secret, seal, told, unseal
from casework.streams.webhooks.target import is_address, may_reach, parse
from casework.streams.webhooks.waiting import Waiting


class Set(NamedTuple):
    """An endpoint that was set; its secret is told where this made it, and never again."""

    endpoint: Endpoint
    secret: str | None


class Page(NamedTuple):
    """A page of deliveries, and the last place that was looked at where there may be more."""

    items: list[Waiting]
    next: Place | None


class Webhooks:
    """The commands and questions about endpoints; whose they are, is asked before."""

    def __init__(self, casework: Casework, feeds: Feeds, *, loopback: bool = False) -> None:
        self._casework = casework
        self._feeds = feeds
        self._loopback = loopback

    def set_endpoint(self, context: Context, subscription: Subscription, *, url: str, content: str) -> Set:
        """Have a subscription sent to an address, once that has said that it wants it.

        Raises ``target-url`` for what is no plain URL, and ``target-refused`` for an address that is not public; what
        a name stands for is looked at whenever it is connected to.
        """
        self._check(url)
        casework, command, subscription_id = self._casework, uuid7(), subscription.id
        casework.set_endpoint(context, subscription_id=subscription_id, url=url, set_on=casework.today)
        secret = new_secret()
        sealed = seal(casework.persons.vault, subscription_id, secret)
        with casework.pool.connection() as db:
            begin = self._feeds.opened(db, subscription, None)
            made = endpoints.set_endpoint(
                db, subscription_id, url=url, content=content, secret=sealed, command=command, begin=begin
            )
            return Set(_found(db, subscription_id), told(secret) if made else None)

    def remove_endpoint(self, context: Context, subscription_id: UUID) -> None:
        """Send it nowhere any more, and forget what waits."""
        casework = self._casework
        casework.set_endpoint(context, subscription_id=subscription_id, url=None, set_on=casework.today)
        with casework.pool.connection() as db:
            endpoints.remove(db, subscription_id)

    def endpoint(self, subscription_id: UUID) -> Endpoint:
        """Return an endpoint; raises ``endpoint-missing``."""
        with self._casework.pool.connection() as db:
            return _found(db, subscription_id)

    def stands(self, subscription_id: UUID) -> Stands:
        """Return how an endpoint stands; raises ``endpoint-missing``."""
        with self._casework.pool.connection() as db:
            for found in stands(db, schedule().failures_to_rest, [subscription_id]):
                return found
        raise NotFound("endpoint-missing")

    def rotate(self, subscription_id: UUID, command: UUID) -> Set:
        """Let another secret sign, and the one before with it for a day; the same command gives the same secret."""
        vault = self._casework.persons.vault
        sealed = seal(vault, subscription_id, new_secret())
        with self._casework.pool.connection() as db:
            _found(db, subscription_id)
            endpoints.rotate(db, subscription_id, sealed, command, schedule().secret_overlap_seconds)
            endpoint = _found(db, subscription_id)
        return Set(endpoint, told(unseal(vault, subscription_id, endpoint.secrets[0])))

    def verify(self, subscription_id: UUID) -> Endpoint:
        """Ask an endpoint that is not active, now, whether it wants this."""
        with self._casework.pool.connection() as db:
            _found(db, subscription_id)
            endpoints.verify(db, subscription_id)
            return _found(db, subscription_id)

    def send_again(
        self, subscription: Subscription, *, after: str | None = None, since: date | None = None
    ) -> Endpoint:
        """Send again what comes after a cursor, or was recorded on a day or later; with neither, everything.

        Raises ``cursor-invalid`` and ``epoch-changed``.
        """
        with self._casework.pool.connection() as db:
            _found(db, subscription.id)
            begin = self._feeds.opened(db, subscription, after)
            if since is not None:
                begin = _from_day(db, begin, since)
            endpoints.send_again(db, subscription.id, begin)
            return _found(db, subscription.id)

    def deliveries(self, subscription: Subscription, state: str, after: Place, limit: int) -> Page:
        """Return what waits, or what was given up, in the order of its places, as far as it may be told now."""
        with self._casework.pool.connection() as db:
            _found(db, subscription.id)
            found = waiting.listed(db, subscription.id, state, after, limit)
            shown = self._shown(db, subscription, found)
        return Page(shown, found[-1].place if len(found) == limit else None)

    def redeliver(self, subscription: Subscription, event_id: UUID) -> Waiting:
        """Have what was given up tried again now; raises ``delivery-unknown`` and ``delivery-waits``."""
        with self._casework.pool.connection() as db:
            found = waiting.find(db, subscription.id, event_id)
            if found is None or not self._shown(db, subscription, [found]):
                raise NotFound("delivery-unknown")
            if found.state != "dead":
                raise Refused("delivery-waits")
            waiting.revive(db, subscription.id, event_id)
            return found._replace(state="waiting")

    def _shown(self, db: Db, subscription: Subscription, found: Sequence[Waiting]) -> list[Waiting]:
        """Leave out what is withheld by now, as of somebody who was erased, or under a grant that has ended."""
        again = self._feeds.told_again(db, subscription, [each.place for each in found])
        return [each for each in found if each.place in again.told or each.place in again.held]

    def _check(self, url: str) -> None:
        target = parse(url, loopback=self._loopback)
        if is_address(target.host) and not may_reach(target.host, loopback=self._loopback):
            raise Invalid("target-refused")


def _found(db: Db, subscription_id: UUID) -> Endpoint:
    endpoint = endpoints.find(db, subscription_id)
    if endpoint is None:
        raise NotFound("endpoint-missing")
    return endpoint


def _from_day(db: Db, begin: Cursor, day: date) -> Cursor:
    """The cursor before what was recorded on a day or later, within what the subscription is given at all."""
    cut = reading.cut_at(db, datetime.combine(day, time(), SHANGHAI) - timedelta(microseconds=1))
    later = [max(cut[each], begin.positions[each]) for each in range(REGISTRY)]
    return Cursor(begin.epoch, 0, (*later, begin.positions[REGISTRY]))
