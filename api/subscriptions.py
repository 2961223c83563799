"""Subscriptions: how a bureau takes what it is told under a grant, by asking or as a stream."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from socket import SO_SNDBUF, SOL_SOCKET, socket
from time import monotonic, sleep
from typing import Any, cast
from uuid import UUID

from flask import Response, current_app, g, request

from api.auth import of_one_bureau, principal
from api.freshness import Lagging, a_place_to_wait
from api.giving import casework
from api.resource import Fields, Resource, answer
from api.subscription_schemas import (
    Acknowledge,
    ClosedAnswer,
    EventBatch,
    Open,
    Plainly,
    Pull,
    Resume,
    SubscriptionAnswer,
    SubscriptionList,
)
from casework.domain.subscriptions import Subscription
from casework.errors import Forbidden, NotFound, Refused
from casework.outcome import Context, Outcome
from casework.projections.reading import Unheard
from casework.streams.acknowledged import NOBODY, Unacknowledged, unacknowledged
from casework.streams.cursor import Cursor
from casework.streams.feed import Batch
from casework.streams.feeds import Feeds
from casework.streams.standing import Standing, remember, standings
from casework.streams.tail import Tail
from casework.streams.webhooks.report import Stands

bp = Resource("subscriptions", __name__, description=__doc__)

POLL_SECONDS = 1.0
"""How often a request that waits looks again, whether or not it was woken."""

SEND_BYTES = 64 << 10
SEND_SECONDS = 20
"""How long a stream waits for a client that takes nothing of what it is sent."""

PAUSE_SECONDS = 0.02
"""The least time between two looks: where much is written, most of it may be nothing for this subscriber."""


@bp.command("/subscriptions", Open, status=201)
def open(context: Context, fields: Fields) -> Outcome:
    """Take what one's bureau is told under one of its grants.

    Whoever is to be told more opens another subscription beside this one, under the wider grant. Where less is told,
    an event about the grant says what to delete, ahead of all others.
    """
    bureau = principal().bureau
    if bureau is None:
        raise Forbidden("bureau-missing")
    return casework().open_subscription(context, bureau=bureau, opened_on=casework().today, **fields)


@bp.reading("/subscriptions", Plainly, SubscriptionList)
def list_subscriptions(asked: Fields) -> dict[str, Any]:
    """List subscriptions, and how far behind each is; a bureau sees its own."""
    seen = [each for each in casework().registry().subscriptions.values() if is_seen(each)]
    with casework().pool.connection() as db:
        stand, left = standings(db, [each.id for each in seen]), unacknowledged(db, seen)
    return {"items": [_told(each, stand, left) for each in seen]}


@bp.reading("/subscriptions/<uuid:subscription_id>", Plainly, SubscriptionAnswer)
def read(asked: Fields, subscription_id: UUID) -> dict[str, Any]:
    """Read a subscription as it stands, and how far behind it is."""
    found = feeds().subscription(subscription_id)
    if found is None or not is_seen(found):
        raise NotFound("subscription-unknown")
    with casework().pool.connection() as db:
        return _told(found, standings(db, [found.id]), unacknowledged(db, [found]))


@bp.cancelling("/subscriptions/<uuid:subscription_id>", Plainly, ClosedAnswer)
def close(asked: Fields, subscription_id: UUID) -> dict[str, Any]:
    """Close a subscription; nothing is given out to it any more."""
    found = feeds().subscription(subscription_id)
    if found is None or not is_seen(found):
        raise NotFound("subscription-unknown")
    who = principal()
    context = Context(actor=who.sub, role=g.role, bureau=who.bureau)
    casework().close_subscription(context, subscription_id=found.id, closed_on=casework().today)
    return {"id": found.id}


@bp.command("/subscriptions/<uuid:subscription_id>/acknowledgements", Acknowledge)
def acknowledge(context: Context, fields: Fields, subscription_id: UUID) -> Outcome:
    """Say that what was held of people who were erased is deleted (`household.person-erased.v1` names them)."""
    subscription = own(subscription_id)
    ids = casework().persons.hashes.own_ids(subscription.opened.bureau)
    people = [ids.decode(each) for each in fields["person_ids"]]
    return casework().acknowledge_erasures(
        context, subscription_id=subscription_id, people=people, acknowledged_on=casework().today
    )


@bp.following("/subscriptions/<uuid:subscription_id>/events", Pull, EventBatch)
def events(asked: Fields, subscription_id: UUID) -> Response:
    """Take the next events, and the cursor to ask with for those after them.

    A request looks at 10,000 positions of the log at most, told or withheld: without events, `next` has moved on all
    the same, and only `caught_up` says that there is no more. Events may come again after a fault (`id` says which),
    in order for each household. Only asking with `next` says that a batch has arrived.
    """
    subscription = own(subscription_id)
    with casework().pool.connection() as db:
        cursor = feeds().opened(db, subscription, asked.get("after"))
    batch, has_waited = _awaited(subscription_id, cursor, asked["limit"], asked["wait"])
    with casework().pool.connection() as db:
        remember(db, subscription_id, cursor, batch.held)
    content = {
        "items": batch.envelopes,
        "next": feeds().sealed(batch.cursor, subscription_id),
        "caught_up": batch.caught_up,
        "held": len(batch.held),
    }
    return answer(content, headers={} if has_waited else {"Retry-After": "1"})


@bp.downloading("/subscriptions/<uuid:subscription_id>/stream", Resume, ("text/event-stream",))
def stream(asked: Fields, subscription_id: UUID) -> Response:
    """Stream events as they come (server-sent events): `id` is the cursor, by which any channel goes on.

    A comment every 15 seconds says that the stream lives. A client that takes its events too slowly is told
    (`event: lagging`) and closed; `event: ended` says that the subscription, the grant or the token has ended.
    """
    tail: Tail | None = current_app.extensions.get("tail")
    if tail is None:
        raise NotFound("streams-elsewhere")
    subscription = own(subscription_id)
    with casework().pool.connection() as db:
        cursor = feeds().opened(db, subscription, request.headers.get("Last-Event-ID") or asked.get("after"))
    _prepare(request.environ.get("gunicorn.socket"))
    content = tail.stream(subscription, cursor, principal().expires_at)
    return Response(content, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _prepare(connection: socket | None) -> None:
    """Let no client that takes nothing hold more than a little memory, or for long."""
    if connection is not None:
        connection.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BYTES)
        connection.settimeout(SEND_SECONDS)


def feeds() -> Feeds:
    """The feeds of this process."""
    return cast("Feeds", current_app.extensions["feeds"])


def own(subscription_id: UUID) -> Subscription:
    """A subscription of the caller's bureau that stands; another's is not there."""
    found = feeds().subscription(subscription_id)
    if found is None or found.opened.bureau != principal().bureau:
        raise NotFound("subscription-unknown")
    if found.closed is not None:
        raise Refused("subscription-closed")
    return found


def _awaited(subscription_id: UUID, cursor: Cursor, limit: int, seconds: float) -> tuple[Batch, bool]:
    """Return what is next, waited for; and false where all places to wait were taken."""
    batch = _next(subscription_id, cursor, limit)
    if not _is_to_wait(batch, seconds):
        return batch, True
    try:
        with a_place_to_wait():
            return _waited(subscription_id, batch, limit, monotonic() + seconds), True
    except Lagging:
        return batch, False


def _waited(subscription_id: UUID, batch: Batch, limit: int, ends: float) -> Batch:
    """Look again whenever something was appended; between two looks no connection to the database is held."""
    moves = current_app.extensions.get("appended") or Unheard()
    while _is_to_wait(batch, left := ends - monotonic()):
        turn = moves.turn
        batch = _next(subscription_id, batch.cursor, limit)
        if _is_to_wait(batch, left):
            moves.wait(turn, min(left, POLL_SECONDS))
            sleep(PAUSE_SECONDS)
    return batch


def _is_to_wait(batch: Batch, seconds: float) -> bool:
    return not batch.envelopes and batch.caught_up and seconds > 0


def _next(subscription_id: UUID, cursor: Cursor, limit: int) -> Batch:
    """What is next as things stand at this moment: whatever was allowed before may have ended while we waited."""
    compiled = feeds().compiled(own(subscription_id))
    with casework().pool.connection() as db:
        return feeds().read(db, cursor, compiled, limit=limit)


def is_seen(subscription: Subscription) -> bool:
    """Whether the caller may know of a subscription."""
    if g.role in ("bureau", "service") or of_one_bureau():
        return subscription.opened.bureau == principal().bureau
    return True


def _told(
    subscription: Subscription, stand: Mapping[UUID, Standing], left: Mapping[UUID, Unacknowledged]
) -> dict[str, Any]:
    opened, closed = subscription.opened, subscription.closed
    grant = casework().registry(at_most_old=1).grant(opened.grant)
    assert grant is not None
    standing = stand.get(subscription.id)
    erasures = NOBODY if is_over(subscription) else left[subscription.id]
    return {
        "id": subscription.id,
        "bureau": opened.bureau,
        "grant": opened.grant,
        "policy": grant.policy,
        "in_force": grant.in_force(casework().today),
        "start": opened.start,
        "since": opened.since,
        "endpoint": subscription.url,
        "opened_on": opened.occurred_on,
        "closed_on": closed.occurred_on if closed is not None else None,
        "erasures_acknowledged": len(subscription.acknowledged),
        "erasures_unacknowledged": erasures.people,
        "oldest_unacknowledged_at": erasures.oldest_at and erasures.oldest_at.replace(microsecond=0),
        "standing": as_seen(standing, subscription) if standing is not None and closed is None else None,
    }


def is_over(subscription: Subscription) -> bool:
    """Whether nothing more is given out to a subscription."""
    return casework().registry(at_most_old=1).is_over(subscription, casework().today)


def as_seen(found: Standing | Stands, subscription: Subscription) -> dict[str, Any]:
    """Return how a subscriber or its endpoint stands, as far as the caller may know it.

    A bureau that took its events one by one could count by its lag what was withheld between them, and know it again
    in another's feed by the instant; so it is told whether and for how long it is behind, and no more.
    """
    stands = found.ended() if is_over(subscription) else found
    seen = {**stands._asdict(), "caught_up": stands.oldest_at is None}
    del seen["subscription_id"]
    if isinstance(stands, Standing):
        seen["held"] = len(stands.held)
    if of_one_bureau():
        since = stands.oldest_at and stands.oldest_at.replace(second=0, microsecond=0)
        minutes = (datetime.now(UTC) - since) // timedelta(minutes=1) if since is not None else 0
        seen |= {"lag": None, "lag_seconds": minutes * 60.0, "oldest_at": since}
        if isinstance(stands, Stands):
            seen["withheld_total"] = None
    return seen
