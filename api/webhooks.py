"""Webhooks: a subscription is sent to its bureau's endpoint, signed by Standard Webhooks, in order per household."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import current_app, g

from api.auth import principal
from api.giving import casework, idempotency_key
from api.paging import next_link
from api.resource import Fields, Resource, answer
from api.subscription_schemas import Plainly
from api.subscriptions import as_seen, feeds, is_seen, own
from api.webhook_schemas import (
    DeliveryAnswer,
    DeliveryList,
    EndpointAnswer,
    EndpointRemoved,
    ListDeliveries,
    Nothing,
    SendAgain,
    SetEndpoint,
)
from casework.domain.subscriptions import Subscription
from casework.errors import Invalid, NotFound
from casework.outcome import Context
from casework.privacy.own_ids import OwnIds
from casework.streams.again import Place
from casework.streams.cursor import PARTITIONS
from casework.streams.webhooks.endpoints import Endpoint
from casework.streams.webhooks.managing import Webhooks
from casework.streams.webhooks.waiting import Waiting

bp = Resource("webhooks", __name__, description=__doc__)

OF_SUBSCRIPTION = "/subscriptions/<uuid:subscription_id>"


@bp.deciding(f"{OF_SUBSCRIPTION}/endpoint", SetEndpoint, EndpointAnswer)
def set_endpoint(asked: Fields, subscription_id: UUID) -> dict[str, Any]:
    """Say where a subscription is sent, and take the secret that signs its messages.

    Before anything is sent a signed message holds a `challenge`, which the endpoint gives back in its answer, as JSON
    under the same name. Another address is asked anew; the secret stays.
    """
    subscription = own(subscription_id)
    made = webhooks().set_endpoint(_context(), subscription, url=asked["url"], content=asked["content"])
    return _told(made.endpoint, subscription, made.secret)


@bp.reading(f"{OF_SUBSCRIPTION}/endpoint", Plainly, EndpointAnswer)
def read(asked: Fields, subscription_id: UUID) -> dict[str, Any]:
    """Read an endpoint: its state, its breaker, how far its deliveries have come and what they came to."""
    subscription = _seen(subscription_id)
    return _told(webhooks().endpoint(subscription.id), subscription)


@bp.cancelling(f"{OF_SUBSCRIPTION}/endpoint", Plainly, EndpointRemoved)
def remove(asked: Fields, subscription_id: UUID) -> dict[str, Any]:
    """Send a subscription nowhere any more; what waits is forgotten, and can be pulled."""
    subscription = own(subscription_id)
    webhooks().remove_endpoint(_context(), subscription.id)
    return {"subscription_id": subscription.id}


@bp.asking(f"{OF_SUBSCRIPTION}/endpoint/secrets", Nothing, EndpointAnswer)
def rotate_secret(asked: Fields, subscription_id: UUID) -> Any:
    """Make another secret; for a day the one before signs, too, so that every message has two signatures."""
    subscription = own(subscription_id)
    names = ("webhook-secret", principal().sub, str(subscription.id), idempotency_key())
    made = webhooks().rotate(subscription.id, casework().persons.hashes.command_id(*names))
    return answer(_told(made.endpoint, subscription, made.secret), 202)


@bp.asking(f"{OF_SUBSCRIPTION}/endpoint/verifications", Nothing, EndpointAnswer)
def verify(asked: Fields, subscription_id: UUID) -> Any:
    """Have an endpoint that is not active asked again, now; one that was disabled goes on where it was."""
    idempotency_key()
    subscription = own(subscription_id)
    return answer(_told(webhooks().verify(subscription.id), subscription), 202)


@bp.reading(f"{OF_SUBSCRIPTION}/deliveries", ListDeliveries, DeliveryList)
def list_deliveries(asked: Fields, subscription_id: UUID) -> Any:
    """List the deliveries that were given up (`dead`), or that wait."""
    subscription, limit = _seen(subscription_id), asked["limit"]
    ids = casework().persons.hashes.own_ids(subscription.opened.bureau)
    after = _after(ids, asked.get("cursor"))
    found = webhooks().deliveries(subscription, asked["state"], after, limit)
    more = _marked(ids, found.next) if found.next is not None else None
    items = [_delivery(subscription, each) for each in found.items]
    return answer({"items": items, "next": more}, headers=next_link(more))


@bp.asking(f"{OF_SUBSCRIPTION}/deliveries/<uuid:delivery_id>/redeliveries", Nothing, DeliveryAnswer)
def redeliver(asked: Fields, subscription_id: UUID, delivery_id: UUID) -> Any:
    """Have a delivery that was given up tried again now, for another five days."""
    idempotency_key()
    subscription = own(subscription_id)
    event_id = casework().persons.hashes.own_ids(subscription.opened.bureau).decode(delivery_id)
    return answer(_delivery(subscription, webhooks().redeliver(subscription, event_id)), 202)


@bp.asking(f"{OF_SUBSCRIPTION}/replays", SendAgain, EndpointAnswer)
def send_again(asked: Fields, subscription_id: UUID) -> Any:
    """Send everything again after a cursor, or that was recorded on a day or later, or all of it.

    Messages have the ids that they had; what is told is what may be told now.
    """
    idempotency_key()
    if len(asked) == 2:
        raise Invalid("replay-from-both")
    subscription = own(subscription_id)
    endpoint = webhooks().send_again(subscription, after=asked.get("after"), since=asked.get("since"))
    return answer(_told(endpoint, subscription), 202)


def webhooks() -> Webhooks:
    """The commands and questions about endpoints, of this process's application."""
    return Webhooks(casework(), feeds(), loopback=current_app.extensions["settings"].webhook_targets == "loopback")


def _seen(subscription_id: UUID) -> Subscription:
    found = feeds().subscription(subscription_id)
    if found is None or not is_seen(found):
        raise NotFound("subscription-unknown")
    return found


def _context() -> Context:
    who = principal()
    return Context(actor=who.sub, role=g.role, bureau=who.bureau)


def _marked(ids: OwnIds, place: Place) -> str:
    """Return a place as a mark of the bureau's own: as it is, it would be the same for every bureau."""
    partition, position = place
    return ids.encode(UUID(int=partition << 64 | position))


def _after(ids: OwnIds, mark: UUID | None) -> Place:
    if mark is None:
        return (-1, 0)
    partition, position = divmod(ids.decode(mark).int, 1 << 64)
    if not (partition < PARTITIONS and position < 1 << 63):
        raise Invalid("cursor-invalid")
    return partition, position


def _told(endpoint: Endpoint, subscription: Subscription, secret: str | None = None) -> dict[str, Any]:
    stands = as_seen(webhooks().stands(endpoint.subscription_id), subscription)
    for name in ("state", "reason"):
        del stands[name]
    return {
        "subscription_id": endpoint.subscription_id,
        "url": endpoint.url,
        "content": endpoint.content,
        "state": endpoint.state,
        "reason": endpoint.reason,
        "secret": secret,
        "secrets": len(endpoint.secrets),
        "stands": stands,
    }


def _delivery(subscription: Subscription, waiting: Waiting) -> dict[str, Any]:
    ids = casework().persons.hashes.own_ids(subscription.opened.bureau)
    return {
        "id": ids.encode(waiting.event_id),
        "type": waiting.type,
        "sequence": waiting.sequence,
        "recorded_at": waiting.recorded_at,
        "state": waiting.state,
        "attempts": waiting.attempts,
        "outcome": waiting.outcome,
        "failed_at": waiting.failed_at,
        "due_at": waiting.due_at if waiting.state == "waiting" else None,
    }
