"""What is asked about subscriptions, and what is answered."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields as answers

from api.command_bodies import Command
from api.fields import Code, Day, Id, Plain, Query, QueryWhole, Several, Text
from api.schemas import described
from casework.domain.subscriptions import BEGINNING, STARTS

GRANT = "[a-z][a-z0-9-]{0,59}"
CURSOR = "[A-Za-z0-9_-]{1,399}"
MOST_EVENTS = 1000
LONGEST_WAIT = 25


class Open(Command):
    """A bureau takes what it is told under a grant."""

    grant = Plain(60, pattern=GRANT, required=True, **described("A grant of the bureau's own, in force or to be."))
    start = Code(
        STARTS,
        load_default=BEGINNING,
        **described("From the `beginning` of all, from `now`, or from a `day` on, by when it was recorded."),
    )
    since = Day(**described("With `day`: the first."))


class Acknowledge(Command):
    """What was held of people who were erased is deleted."""

    person_ids = Several(Id(), 1, 100, required=True, **described("As the feed names them."))


class Plainly(Query):
    """No parameters."""


class Pull(Query):
    """After what, how many, and how long to wait for the first."""

    after = Text(399, pattern=CURSOR, **described("The `next` of the last batch; absent: from the start."))
    limit = QueryWhole(1, MOST_EVENTS, load_default=MOST_EVENTS)
    wait = QueryWhole(0, LONGEST_WAIT, load_default=0, **described("Seconds to wait where there is nothing yet."))


class Resume(Query):
    """After what."""

    after = Text(399, pattern=CURSOR, **described("As `Last-Event-ID`, for clients that cannot send one."))


class StandingAnswer(ma.Schema):
    """How far the subscriber says that it has come."""

    caught_up = answers.Boolean(required=True, **described("Whether nothing comes after what it has."))
    sequence = answers.Integer(required=True, **described("Envelopes that it was given."))
    lag = answers.Integer(
        required=True,
        allow_none=True,
        **described("Positions of the log that it has not been past, told or not; which is for no bureau to know."),
    )
    lag_seconds = answers.Float(
        required=True, **described("How long ago the oldest of them was recorded; to a bureau in whole minutes.")
    )
    oldest_at = answers.DateTime(
        required=True, allow_none=True, **described("When that was; to a bureau to the minute.")
    )
    held = answers.Integer(required=True, **described("Partitions that wait for an event that cannot be read."))
    seen_at = answers.DateTime(required=True)


class SubscriptionAnswer(ma.Schema):
    """A subscription as it stands."""

    id = answers.UUID(required=True)
    bureau = answers.String(required=True)
    grant = answers.String(required=True)
    policy = answers.String(required=True, **described("What events carry now as `policyver`."))
    in_force = answers.Boolean(required=True, **described("Whether anything is told under the grant today."))
    start = answers.String(required=True)
    since = answers.Date(required=True, allow_none=True)
    endpoint = answers.String(required=True, allow_none=True)
    opened_on = answers.Date(required=True)
    closed_on = answers.Date(required=True, allow_none=True)
    erasures_acknowledged = answers.Integer(required=True)
    erasures_unacknowledged = answers.Integer(
        required=True,
        **described("People who were erased since it began, of whom nobody said yet that they are deleted."),
    )
    oldest_unacknowledged_at = answers.DateTime(
        required=True, allow_none=True, **described("When the first of them was erased.")
    )
    standing = answers.Nested(StandingAnswer, required=True, allow_none=True)


class SubscriptionList(ma.Schema):
    """Subscriptions, in the order of their opening."""

    items = answers.List(answers.Nested(SubscriptionAnswer), required=True)


class CloudEvent(ma.Schema):
    """An event in the JSON format of CloudEvents 1.0; every id in it is the bureau's own."""

    specversion = answers.String(required=True)
    id = answers.String(required=True)
    source = answers.String(required=True)
    type = answers.String(required=True)
    subject = answers.String(required=True)
    time = answers.String(required=True)
    datacontenttype = answers.String(required=True)
    partitionkey = answers.String(required=True)
    policyver = answers.String(required=True)
    sequence = answers.String(required=True)
    occurredon = answers.String()
    correlationid = answers.String()
    causationid = answers.String()
    data = answers.Dict(keys=answers.String(), required=True)


class EventBatch(ma.Schema):
    """What is told next."""

    items = answers.List(answers.Nested(CloudEvent), required=True)
    next = answers.String(required=True, **described("The cursor to ask with next, also where there are no events."))
    caught_up = answers.Boolean(required=True, **described("Whether there is no more as of now."))
    held = answers.Integer(required=True, **described("Partitions that wait for an event that cannot be read."))


class ClosedAnswer(ma.Schema):
    """What was closed."""

    id = answers.UUID(required=True)
