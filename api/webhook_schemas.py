"""What is asked about webhooks, and what is answered."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields as answers
from marshmallow import validate

from api.fields import Body, Code, Day, Id, Query, QueryWhole, Text
from api.schemas import described
from api.subscription_schemas import CURSOR
from casework.streams.webhooks.endpoints import ACTIVE, DISABLED, FULL, THIN, UNVERIFIED
from casework.streams.webhooks.report import CLOSED, PROBING, RESTING
from casework.streams.webhooks.target import LONGEST

WAITING, DEAD = "waiting", "dead"


class SetEndpoint(Body):
    """Where a subscription is sent."""

    url = Text(
        LONGEST,
        required=True,
        **described("`https`, a public host, and a path; no user, query or fragment."),
    )
    content = Code(
        (THIN, FULL),
        load_default=THIN,
        **described("`thin`: id, type, subject, sequence, and a cursor to read it by; `full`: the whole envelope."),
    )


class Nothing(Body):
    """No fields."""


class SendAgain(Body):
    """From where on; with neither from the subscription's beginning."""

    after = Text(399, pattern=CURSOR, **described("A cursor of this subscription."))
    since = Day(**described("A day, by when it was recorded."))


class ListDeliveries(Query):
    """Which."""

    state = Code((WAITING, DEAD), load_default=DEAD)
    limit = QueryWhole(1, 1000, load_default=50)
    cursor = Id(**described("The `next` of the list before."))


class EndpointStands(ma.Schema):
    """How far its deliveries have come."""

    caught_up = answers.Boolean(required=True, **described("Whether everything was taken that is there."))
    breaker = answers.String(required=True, validate=validate.OneOf((CLOSED, PROBING, RESTING)))
    rests_until = answers.AwareDateTime(
        required=True, allow_none=True, **described("It is left alone until then: it failed, or asked for it.")
    )
    failures = answers.Integer(required=True, **described("Of the endpoint, in a row."))
    sequence = answers.Integer(required=True, **described("Events that were taken from the feed."))
    lag = answers.Integer(
        required=True,
        allow_none=True,
        **described("Positions of the log that come after them, told or not; which is for no bureau to know."),
    )
    lag_seconds = answers.Float(
        required=True, **described("Age of the oldest of these and of what waits; to a bureau in whole minutes.")
    )
    oldest_at = answers.AwareDateTime(required=True, allow_none=True, **described("To a bureau to the minute."))
    waiting = answers.Integer(required=True, **described("Deliveries that will be tried again."))
    dead = answers.Integer(required=True, **described("Deliveries that were given up."))
    delivered_total = answers.Integer(required=True)
    failed_total = answers.Integer(required=True, **described("Tries in vain."))
    dead_total = answers.Integer(required=True)
    withheld_total = answers.Integer(
        required=True,
        allow_none=True,
        **described("Waited, and were no longer to be told; which is for no bureau to know."),
    )


class EndpointAnswer(ma.Schema):
    """A subscription's endpoint."""

    subscription_id = answers.UUID(required=True)
    url = answers.String(required=True)
    content = answers.String(required=True, validate=validate.OneOf((THIN, FULL)))
    state = answers.String(required=True, validate=validate.OneOf((UNVERIFIED, ACTIVE, DISABLED)))
    reason = answers.String(
        required=True, allow_none=True, **described("Why it is disabled, or what the last verification came to.")
    )
    secret = answers.String(
        required=True, allow_none=True, **described("Where this request made one: shown once, and never again.")
    )
    secrets = answers.Integer(required=True, **described("How many sign: two while one replaces another."))
    stands = answers.Nested(EndpointStands, required=True)


class EndpointRemoved(ma.Schema):
    """Nothing is sent any more."""

    subscription_id = answers.UUID(required=True)


class DeliveryAnswer(ma.Schema):
    """A delivery that waits or was given up."""

    id = answers.UUID(required=True, **described("The event's, and the message's `webhook-id`."))
    type = answers.String(required=True)
    sequence = answers.Integer(required=True)
    recorded_at = answers.AwareDateTime(required=True)
    state = answers.String(required=True, validate=validate.OneOf((WAITING, DEAD)))
    attempts = answers.Integer(required=True)
    outcome = answers.String(required=True, allow_none=True, **described("Of the last try: `status-500`, `timeout` …"))
    failed_at = answers.AwareDateTime(required=True, allow_none=True, **described("When it was tried first."))
    due_at = answers.AwareDateTime(required=True, allow_none=True, **described("Not before those ahead of it."))


class DeliveryList(ma.Schema):
    """Deliveries; what was delivered is not kept."""

    items = answers.List(answers.Nested(DeliveryAnswer), required=True)
    next = answers.String(required=True, allow_none=True)
