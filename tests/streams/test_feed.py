"""What a subscriber is given next: all that it is entitled to, in order, past all that is withheld."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest

from casework.application import Casework
from casework.domain.ids import partition_of, uuid7
from casework.domain.subscriptions import Subscription
from casework.errors import Refused
from casework.log import reading
from casework.streams.cursor import Cursor
from casework.streams.feed import Batch, read
from casework.streams.feeds import Feeds
from casework.streams.kept import KeptContexts
from tests.given import COMMUNITY, by, first_member, person, registered
from tests.streams.given import extent
from tests.streams.test_context import erase

OPERATOR = by("operator")
VISITS = "household.residence-verified.v1"


def subscribed(casework: Casework, *, start: str = "beginning", since: date | None = None, **said: Any) -> Subscription:
    """A bureau's subscription under a grant of its own, by a statute to all that is said."""
    name = f"grant-{uuid7().hex[-12:]}"
    casework.issue_grant(
        OPERATOR,
        name=name,
        bureau="EDUB",
        purpose="cross_bureau",
        legal_basis="statutory_duty",
        extent=extent(**said),
        issued_on=casework.today,
    )
    opened = casework.open_subscription(
        by("bureau"), bureau="EDUB", grant=name, opened_on=casework.today, start=start, since=since
    )
    return casework.registry().subscriptions[opened.id]


def visited(casework: Casework, household: UUID, on: date = date(2013, 3, 1)) -> None:
    casework.give(household, "verify_residence", by(), verified_on=on, outcome="present")


def households(casework: Casework, count: int, visits: int = 2) -> list[UUID]:
    homes = [registered(casework).id for _ in range(count)]
    for number in range(visits):
        for home in homes:
            visited(casework, home, date(2013, 3, number + 1))
    return homes


def beginning(casework: Casework, subscription: Subscription) -> Cursor:
    with casework.pool.connection() as db:
        return Feeds(casework).opened(db, subscription, None)


def batch(casework: Casework, subscription: Subscription, cursor: Cursor, limit: int = 1000, **bounds: Any) -> Batch:
    compiled = Feeds(casework).compiled(subscription)
    with casework.pool.connection() as db:
        return read(db, cursor, compiled, KeptContexts(casework.persons), limit=limit, **bounds)


def everything(casework: Casework, subscription: Subscription, cursor: Cursor, limit: int = 7) -> list[Batch]:
    batches = [batch(casework, subscription, cursor, limit)]
    while not batches[-1].caught_up:
        batches.append(batch(casework, subscription, batches[-1].cursor, limit))
    return batches


def told_of(casework: Casework, batches: list[Batch], homes: list[UUID]) -> dict[str, list[str]]:
    """By household, as the bureau knows it, the days that were told, in the order in which they came."""
    ids = casework.persons.hashes.own_ids("EDUB")
    found: dict[str, list[str]] = {ids.encode(home): [] for home in homes}
    for envelope in (each for one in batches for each in one.envelopes):
        if envelope.subject in found:
            found[envelope.subject].append(str(envelope.occurredon))
    return found


def test_every_event_is_given_once_in_order_and_the_sequence_has_no_hole(casework: Casework):
    homes = households(casework, 5)
    subscription = subscribed(casework, types=(VISITS,))

    batches = everything(casework, subscription, beginning(casework, subscription))

    assert set(map(tuple, told_of(casework, batches, homes).values())) == {("2013-03-01", "2013-03-02")}
    sequence = [int(str(each.sequence)) for one in batches for each in one.envelopes]
    assert sequence == list(range(1, len(sequence) + 1))
    assert batches[-1].cursor.sequence == len(sequence)


def test_what_hides_everything_still_moves_on(casework: Casework):
    households(casework, 4)
    subscription = subscribed(casework, types=("household.closed.v1",))
    cursor = beginning(casework, subscription)

    steps = 0
    while not (found := batch(casework, subscription, cursor, looked=3, seconds=60)).caught_up:
        assert not found.envelopes
        assert 0 < sum(found.cursor.positions[:64]) - sum(cursor.positions[:64]) <= 3
        cursor, steps = found.cursor, steps + 1

    assert steps > 3
    assert (found.cursor.sequence, found.held) == (0, {})


def test_no_partition_holds_up_the_others(casework: Casework):
    busy, quiet = registered(casework).id, registered(casework).id
    while partition_of(quiet) == partition_of(busy):
        quiet = registered(casework).id
    subscription = subscribed(casework, start="now", types=(VISITS,))
    cursor = beginning(casework, subscription)
    for _ in range(40):
        visited(casework, busy)
    visited(casework, quiet)

    first = batch(casework, subscription, cursor, looked=4)

    assert [len(days) for days in told_of(casework, [first], [busy, quiet]).values()] == [3, 1]


def test_one_begins_from_now_or_from_a_day(casework: Casework):
    [home] = households(casework, 1)
    now = subscribed(casework, start="now", types=(VISITS,))
    today = casework.today.__class__.today()
    of_today = subscribed(casework, start="day", since=min(today, casework.today), types=(VISITS,))
    from_now, from_day = beginning(casework, now), beginning(casework, of_today)
    visited(casework, home, date(2013, 4, 1))

    later = everything(casework, now, from_now)
    whole = everything(casework, of_today, from_day)

    assert list(told_of(casework, later, [home]).values()) == [["2013-04-01"]]
    assert list(told_of(casework, whole, [home]).values()) == [["2013-03-01", "2013-03-02", "2013-04-01"]]
    assert beginning(casework, now) == from_now


def test_who_is_told_less_hears_what_to_delete_and_nothing_after_a_revocation(casework: Casework):
    [home] = households(casework, 1)
    subscription = subscribed(casework, start="now", types=(VISITS, "household.closed.v1"))
    cursor, name = beginning(casework, subscription), subscription.opened.grant
    visited(casework, home, date(2013, 4, 1))
    less = extent(types=(VISITS,), fields={"occurred_on": "year"})
    casework.narrow_grant(OPERATOR, name=name, extent=less, narrowed_on=casework.today)

    narrowed = batch(casework, subscription, cursor)
    visited(casework, home, date(2013, 4, 2))
    casework.revoke_grant(OPERATOR, name=name, revoked_on=casework.today, reason="misuse")
    revoked = batch(casework, subscription, narrowed.cursor)
    after = batch(casework, subscription, revoked.cursor)

    notice, visit = narrowed.envelopes
    assert notice.type == "cn.zhengzhou.integration.grant.narrowed.v1"
    assert notice.data["delete"]["types"] == ["household.closed.v1"]
    assert notice.data["delete"]["fields"]["occurred_on"] == "year"
    assert notice.data["delete"]["fields"]["sex"] is None
    assert visit.occurredon == "2013"
    assert [(each.data["delete"], each.sequence) for each in revoked.envelopes] == [
        ({"everything": True}, "000000000003")
    ]
    assert (after.envelopes, after.caught_up) == ([], True)


def test_one_notice_at_a_time_where_there_is_room_for_one(casework: Casework):
    subscription = subscribed(casework, types=(VISITS, "household.closed.v1"))
    name, cursor = subscription.opened.grant, beginning(casework, subscription)
    casework.narrow_grant(OPERATOR, name=name, extent=extent(types=(VISITS,)), narrowed_on=casework.today)
    casework.revoke_grant(OPERATOR, name=name, revoked_on=casework.today, reason="misuse")

    first = batch(casework, subscription, cursor, limit=1)
    second = batch(casework, subscription, first.cursor, limit=1)

    assert [each.type.split(".")[-2] for one in (first, second) for each in one.envelopes] == ["narrowed", "revoked"]


VISIT = b'{"occurred_on":"2013-05-01","outcome":"present"}'
UNREADABLE = {
    "an event that is no JSON": [(VISITS, b"{")],
    "an event of a household that cannot be read": [("household.unheard-of.v1", b"{}"), (VISITS, VISIT)],
}


@pytest.mark.parametrize("poison", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_waited_for_and_the_rest_goes_on(
    casework: Casework, admin_url: str, poison: list[tuple[str, bytes]]
):
    bad, good = households(casework, 1)[0], registered(casework).id
    while partition_of(good) == partition_of(bad):
        good = registered(casework).id
    subscription = subscribed(casework, types=(VISITS,), start="now")
    cursor = beginning(casework, subscription)
    for version, (type_name, state) in enumerate(poison, 4):
        put_in(admin_url, casework, bad, version, type_name, state)
    visited(casework, good, date(2013, 5, 2))
    later = same_partition(casework, bad)
    visited(casework, later, date(2013, 5, 3))

    waiting = batch(casework, subscription, cursor)
    mend(admin_url, bad, 4)
    after = batch(casework, subscription, waiting.cursor)

    assert list(told_of(casework, [waiting], [bad, good, later]).values()) == [[], ["2013-05-02"], []]
    assert (list(waiting.held), waiting.caught_up) == ([partition_of(bad)], True)
    assert list(told_of(casework, [after], [bad, good, later]).values()) == [["2013-05-01"], [], ["2013-05-03"]]
    assert (after.held, after.caught_up) == ({}, True)


def same_partition(casework: Casework, household: UUID) -> UUID:
    """Another household in a household's partition."""
    head, id = person(), UUID(int=(uuid7().int & ~63) | partition_of(household))
    casework.register_household(
        by(),
        household_id=id,
        arrived_on=date(2013, 1, 5),
        community=COMMUNITY,
        head=head[0].person_id,
        members=[head],
    )
    return id


@pytest.fixture
def admin_url(casework: Casework) -> str:
    """The log's address with a superuser's login."""
    return str(casework.pool.conninfo)


def put_in(url: str, casework: Casework, household: UUID, version: int, type_name: str, state: bytes) -> None:
    """Let a superuser write an event without asking the append."""
    with casework.pool.connection() as db:
        meta = reading.timeline(db, household)[0].meta.encode()
    with psycopg.connect(url) as db:
        db.execute(
            "INSERT INTO casework.events (partition, stream_id, version, position, type, state, recorded_at, meta)"
            " SELECT partition, %s, %s, max(position) + 1, %s, %s, max(recorded_at), %s"
            " FROM casework.events WHERE partition = %s GROUP BY partition",
            (household, version, type_name, state, meta, partition_of(household)),
        )


def mend(url: str, household: UUID, version: int) -> None:
    """Let a superuser put an event right, past the trigger that refuses it."""
    with psycopg.connect(url) as db:
        db.execute("ALTER TABLE casework.events DISABLE TRIGGER refuse_change")
        db.execute(
            "UPDATE casework.events SET type = %s, state = %s WHERE stream_id = %s AND version = %s",
            (VISITS, VISIT, household, version),
        )
        db.execute("ALTER TABLE casework.events ENABLE ALWAYS TRIGGER refuse_change")


def test_an_erasure_is_told_and_acknowledged_once_it_happened(casework: Casework, tmp_path: Any):
    home = registered(casework).id
    person_id = first_member(casework, home)
    subscription = subscribed(casework, types=(VISITS,), start="now")
    cursor = beginning(casework, subscription)
    who: dict[str, Any] = {"subscription_id": subscription.id, "people": [person_id]}
    with pytest.raises(Refused) as early:
        casework.acknowledge_erasures(by("bureau"), acknowledged_on=casework.today, **who)
    erase(casework, home, person_id, tmp_path)

    [told] = batch(casework, subscription, cursor).envelopes
    casework.acknowledge_erasures(by("bureau"), acknowledged_on=casework.today, **who)

    assert early.value.code == "erasure-unknown"
    ids = casework.persons.hashes.own_ids("EDUB")
    assert told.data == {"person_id": ids.encode(person_id)}
    assert casework.registry().subscriptions[subscription.id].acknowledged == {person_id}
