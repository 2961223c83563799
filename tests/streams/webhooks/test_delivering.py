"""Deliveries: all that is entitled and nothing else, in order per household, whatever the endpoint does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from casework.application import Casework
from casework.domain.calendar import shanghai_date
from casework.domain.subscriptions import Subscription
from casework.errors import NotFound
from casework.streams.webhooks import delivering, endpoints
from casework.streams.webhooks.endpoints import Endpoint
from tests.given import by, first_member
from tests.streams.given import extent
from tests.streams.test_context import erase
from tests.streams.test_feed import VISITS, mend, put_in, visited
from tests.streams.webhooks.conftest import BUREAU, Post, homes_of
from tests.streams.webhooks.receiver import Message, Receiver, Reply, echo


def visit(casework: Casework, homes: list[UUID], count: int, first: int = 1) -> None:
    for day in range(first, first + count):
        for home in homes:
            visited(casework, home, date(2013, 3, day))


def days_of(messages: list[Any]) -> dict[str, list[str]]:
    """By household, what was told of it, in the order in which it came; what came again right away is one."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in messages:
        if not found[each["subject"]] or found[each["subject"]][-1] != each["occurredon"]:
            found[each["subject"]].append(each["occurredon"])
    return dict(found)


def misbehaving(reply: Reply, when: Callable[[Message], bool] = lambda message: True) -> Callable[[Message], Reply]:
    def behave(message: Message) -> Reply:
        return echo(message) if message.is_challenge or not when(message) else reply

    return behave


def failing(times: int, reply: Reply) -> Callable[[Message], Reply]:
    left = [times]

    def behave(message: Message) -> Reply:
        if message.is_challenge or not left[0]:
            return echo(message)
        left[0] -= 1
        return reply

    return behave


def test_nothing_is_sent_before_the_endpoint_has_given_back_a_word(casework: Casework, post: Post, receiver: Receiver):
    receiver.behave = lambda message: Reply(200, body=b'{"challenge": "something else"}')
    subscription = post.to(receiver)
    visit(casework, homes_of(casework, 1), 1)

    post.work(retry_seconds=(3600.0,))
    refused = post.hooks.endpoint(subscription.id)
    before = list(receiver.came)
    receiver.behave = echo
    post.hooks.verify(subscription.id)
    post.work()

    assert (refused.state, refused.reason) == ("unverified", "challenge-failed")
    assert [each.is_challenge for each in before] == [True]
    assert post.hooks.endpoint(subscription.id).state == "active"
    assert len(receiver.data()) == 1
    for each in receiver.came:
        Webhook(post.secrets[subscription.id]).verify(each.body, each.headers)


def test_all_that_is_entitled_comes_in_order_per_household(casework: Casework, post: Post, receiver: Receiver):
    post.to(receiver)
    homes = homes_of(casework, 6)
    visit(casework, homes, 5)

    post.work()

    ids = casework.persons.hashes.own_ids("EDUB")
    whole = [f"2013-03-0{day}" for day in range(1, 6)]
    assert days_of(receiver.data()) == {ids.encode(home): whole for home in homes}
    assert len({each.headers["webhook-id"] for each in receiver.taken if not each.is_challenge}) == 30
    assert sorted(int(each["sequence"]) for each in receiver.data()) == list(range(1, 31))


def test_a_thin_message_says_where_to_read(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver, content="thin")
    visit(casework, homes_of(casework, 1), 1)

    post.work()

    [said] = receiver.data()
    [message] = [each for each in receiver.taken if not each.is_challenge]
    assert set(said) == {"id", "type", "subject", "sequence", "cursor"}
    assert said["id"] == message.headers["webhook-id"]
    feeds = post.feeds
    with casework.pool.connection() as db:
        batch = feeds.read(db, feeds.opened(db, subscription, said["cursor"]), feeds.compiled(subscription), limit=10)
    assert [each.id for each in batch.envelopes] == [said["id"]]


def test_a_failing_household_waits_and_the_others_go_on(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    homes = homes_of(casework, 3)
    bad = casework.persons.hashes.own_ids("EDUB").encode(homes[0])
    receiver.behave = misbehaving(Reply(422), lambda message: message.said["subject"] == bad)
    visit(casework, homes, 3)

    post.work(retry_seconds=(3600.0,))
    visit(casework, homes, 1, first=4)
    post.work(retry_seconds=(3600.0,))
    tried = [each for each in receiver.came if not each.is_challenge and each.said["subject"] == bad]
    waits = post.waiting(subscription)
    healthy = days_of(receiver.data())
    receiver.behave = echo
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_waiting SET due_at = now()")
        db.execute("UPDATE casework.webhook_endpoint SET next_due_at = now()")
    post.work()

    whole = [f"2013-03-0{day}" for day in range(1, 5)]
    assert len(tried) == 1
    assert [(each.attempts, each.outcome) for each in waits] == [(1, "status-422"), (0, None), (0, None), (0, None)]
    assert list(healthy.values()) == [whole, whole]
    assert days_of(receiver.data())[bad] == whole
    assert post.waiting(subscription) == []


def test_every_try_of_a_message_has_the_same_id(casework: Casework, post: Post, receiver: Receiver):
    post.to(receiver)
    receiver.behave = failing(2, Reply(500))
    visit(casework, homes_of(casework, 1), 1)

    post.work()

    tries = [each for each in receiver.came if not each.is_challenge]
    assert len(tries) == 3
    assert len({each.headers["webhook-id"] for each in tries}) == 1
    assert len({each.body for each in tries}) == 1


def test_an_endpoint_that_is_gone_is_disabled_and_goes_on_where_it_was(
    casework: Casework, post: Post, receiver: Receiver
):
    subscription = post.to(receiver)
    homes = homes_of(casework, 2)
    receiver.behave = misbehaving(Reply(410))
    visit(casework, homes, 2)

    post.work(retry_seconds=(3600.0,))
    gone = post.hooks.endpoint(subscription.id)
    came = len(receiver.came)
    post.work()
    assert len(receiver.came) == came
    receiver.behave = echo
    post.hooks.verify(subscription.id)
    post.work()

    assert (gone.state, gone.reason) == ("disabled", "gone")
    assert list(days_of(receiver.data()).values()) == [["2013-03-01", "2013-03-02"]] * 2


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_asks_for_a_wait_is_given_it(casework: Casework, post: Post, receiver: Receiver, status: int):
    subscription = post.to(receiver)
    receiver.behave = failing(1, Reply(status, {"Retry-After": "3600"}))
    visit(casework, homes_of(casework, 1), 1)

    post.work()
    post.work()
    endpoint = post.hooks.endpoint(subscription.id)
    tries = len(receiver.came)
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_endpoint SET rests_until = '-infinity', next_due_at = now()")
        db.execute("UPDATE casework.webhook_waiting SET due_at = now()")
    post.work()

    assert tries == 2
    assert endpoint.rests_until is not None
    assert endpoint.failures == 0
    assert len(receiver.data()) == 1


def test_an_endpoint_that_fails_rests_and_one_message_shows_that_it_is_back(
    casework: Casework, post: Post, receiver: Receiver
):
    subscription = post.to(receiver)
    receiver.behave = misbehaving(Reply(500))
    homes = homes_of(casework, 20)
    visit(casework, homes, 2)
    plan = {"failures_to_rest": 5, "rest_seconds": (3600.0,), "retry_seconds": (3600.0,)}

    post.work(**plan)
    first = len(receiver.came)
    broken = post.hooks.endpoint(subscription.id)
    _end_rests(casework)
    post.work(**plan)
    probed = len(receiver.came) - first
    receiver.behave = echo
    _end_rests(casework)
    post.work(**plan)

    assert 6 <= first <= 9  # the challenge, five failures, and what was under way beside them
    assert broken.failures == 5
    assert broken.rests_until is not None
    assert probed == 1
    assert list(days_of(receiver.data()).values()) == [["2013-03-01", "2013-03-02"]] * 20
    assert post.hooks.endpoint(subscription.id).failures == 0


def _end_rests(casework: Casework) -> None:
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_endpoint SET rests_until = '-infinity'")


def test_what_fails_for_days_is_given_up_and_can_be_sent_again(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    [home, other] = homes_of(casework, 2)
    bad = casework.persons.hashes.own_ids("EDUB").encode(home)
    receiver.behave = misbehaving(
        Reply(400), lambda message: message.said["subject"] == bad and message.said["occurredon"] == "2013-03-01"
    )
    visit(casework, [home, other], 2)

    post.work(give_up_seconds=0.0)
    [dead] = post.waiting(subscription, "dead")
    others = days_of(receiver.data())
    receiver.behave = echo
    revived = post.hooks.redeliver(subscription, dead.event_id)
    post.work()

    assert (dead.outcome, dead.attempts) == ("status-400", 2)
    assert others[bad] == ["2013-03-02"]
    assert revived.state == "waiting"
    assert days_of(receiver.data())[bad] == ["2013-03-02", "2013-03-01"]
    assert post.waiting(subscription, "dead") == []
    assert post.row(subscription, "dead") == 1


def test_what_was_given_up_is_tried_again_where_all_is_sent_again(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    receiver.behave = misbehaving(Reply(400))
    visit(casework, homes_of(casework, 1), 1)
    post.work(give_up_seconds=0.0)
    given_up = post.waiting(subscription, "dead")
    receiver.behave = failing(1, Reply(500))

    post.hooks.send_again(subscription)
    post.work(give_up_seconds=0.0)

    assert len(given_up) == 1
    assert len(receiver.data()) == 1
    assert post.waiting(subscription, "dead") == []


def test_what_is_sent_again_by_its_id_waits_for_what_is_ahead_of_it_and_keeps_no_worker_busy(
    casework: Casework, post: Post, receiver: Receiver
):
    subscription = post.to(receiver)
    receiver.behave = misbehaving(Reply(400))
    visit(casework, homes_of(casework, 1), 2)
    post.work(give_up_seconds=0.0)
    first, second = post.waiting(subscription, "dead")
    for each in (first, second):
        post.hooks.redeliver(subscription, each.event_id)
    post.work(retry_seconds=(3600.0,))
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_endpoint SET next_due_at = now()")

    post.work(retry_seconds=(3600.0,))
    with casework.pool.connection() as db:
        busy = endpoints.behind(db, 0)

    assert [each.place for each in post.waiting(subscription)] == [first.place, second.place]
    assert busy == 0


def test_a_wish_to_be_sent_everything_again_is_kept_while_somebody_is_at_work(
    casework: Casework, post: Post, receiver: Receiver
):
    subscription = post.to(receiver)
    visit(casework, homes_of(casework, 1), 2)
    asked: list[Endpoint] = []

    def behave(message: Message) -> Reply:
        if message.said["type"].endswith(VISITS) and not asked:
            asked.append(post.hooks.send_again(subscription))
        return echo(message)

    receiver.behave = behave
    post.work()

    assert [each["occurredon"][-1] for each in receiver.data()] == ["1", "2", "1", "2"]


def test_what_is_sent_again_is_there_for_others_to_take_over(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    visit(casework, homes_of(casework, 1), 2)
    post.work()
    post.hooks.send_again(subscription)
    idle_at = []

    def behave(message: Message) -> Reply:
        idle_at.append(post.row(subscription, "idle_at"))
        return echo(message)

    receiver.behave = behave
    post.work()

    assert idle_at == [-1, -1]
    assert post.row(subscription, "idle_at") > 0


def test_an_endpoint_that_takes_nothing_for_days_is_disabled(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    receiver.behave = misbehaving(Reply(500))
    visit(casework, homes_of(casework, 1), 1)
    post.work(retry_seconds=(3600.0,))
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_endpoint SET failing_since = now() - interval '6 days', idle_at = -1")

    post.work()

    endpoint = post.hooks.endpoint(subscription.id)
    assert (endpoint.state, endpoint.reason) == ("disabled", "failing")
    assert len(post.waiting(subscription)) == 1


def test_no_more_waits_than_is_allowed(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    receiver.behave = misbehaving(Reply(422))
    homes = homes_of(casework, 10)
    visit(casework, homes, 5)

    post.work(retry_seconds=(3600.0,), most_waiting=20)
    full = len(post.waiting(subscription))
    receiver.behave = echo
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_waiting SET due_at = now()")
        db.execute("UPDATE casework.webhook_endpoint SET next_due_at = now()")
    post.work(most_waiting=20)

    assert full == 20
    assert list(days_of(receiver.data()).values()) == [[f"2013-03-0{day}" for day in range(1, 6)]] * 10


def test_what_waits_is_sent_though_no_more_may_wait_and_the_registry_has_moved(
    casework: Casework, post: Post, receiver: Receiver
):
    subscription = post.to(receiver)
    receiver.behave = misbehaving(Reply(422))
    visit(casework, homes_of(casework, 6), 1)
    post.work(retry_seconds=(3600.0,), most_waiting=3)
    casework.narrow_grant(
        by("operator"),
        name=subscription.opened.grant,
        narrowed_on=casework.today,
        extent=extent(types=(VISITS,), fields={"occurred_on": "keep"}),
    )
    receiver.behave = echo
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_waiting SET due_at = now()")

    post.work(most_waiting=3)

    notice, *visits = receiver.data()
    assert notice["type"].endswith("grant.narrowed.v1")
    assert len(visits) == 6
    assert post.waiting(subscription) == []


def test_a_secret_rotates_with_two_signatures(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    command = UUID(int=7)
    visit(casework, homes_of(casework, 1), 1)

    rotated = post.hooks.rotate(subscription.id, command)
    again = post.hooks.rotate(subscription.id, command)
    post.work()

    assert rotated.secret == again.secret != post.secrets[subscription.id]
    for message in receiver.taken:
        assert message.headers["webhook-signature"].count("v1,") == 2
        for secret in (rotated.secret, post.secrets[subscription.id]):
            Webhook(secret or "").verify(message.body, message.headers)


def test_what_waits_when_the_grant_is_revoked_is_not_sent(casework: Casework, post: Post, receiver: Receiver):
    subscription, homes = _with_waiting(casework, post, receiver)
    casework.revoke_grant(
        by("operator"), name=subscription.opened.grant, revoked_on=casework.today, reason="duty_ended"
    )
    visit(casework, homes, 1, first=9)

    post.work()

    assert [each["type"] for each in receiver.data()] == ["cn.zhengzhou.integration.grant.revoked.v1"]
    assert post.waiting(subscription) == []
    assert post.row(subscription, "withheld") == 6


def test_what_waits_when_the_grant_is_narrowed_tells_what_is_left(casework: Casework, post: Post, receiver: Receiver):
    subscription, _ = _with_waiting(casework, post, receiver)
    casework.narrow_grant(
        by("operator"),
        name=subscription.opened.grant,
        narrowed_on=casework.today,
        extent=extent(types=(VISITS,), fields={"occurred_on": "year"}),
    )

    post.work()

    notice, *visits = receiver.data()
    assert notice["type"].endswith("grant.narrowed.v1")
    assert len(visits) == 6
    assert {each["occurredon"] for each in visits} == {"2013"}
    assert "2013-03-0" not in str(visits)


def test_of_somebody_erased_while_deliveries_wait_nothing_is_told_but_that(
    casework: Casework, post: Post, receiver: Receiver, tmp_path: Any
):
    subscription, homes = _with_waiting(casework, post, receiver)
    erased = first_member(casework, homes[0])
    erase(casework, homes[0], erased, tmp_path)

    post.work()

    ids = casework.persons.hashes.own_ids("EDUB")
    of_them = [each for each in receiver.data() if each["subject"] == ids.encode(homes[0])]
    assert [(each["type"].split(".")[-2], each["data"]) for each in of_them] == [
        ("person-erased", {"person_id": ids.encode(erased)})
    ]
    assert len(receiver.data()) == 5
    assert post.waiting(subscription) == []


def test_what_waits_and_is_withheld_by_now_is_not_listed(
    casework: Casework, post: Post, receiver: Receiver, tmp_path: Any
):
    subscription, homes = _with_waiting(casework, post, receiver)
    before = post.hooks.deliveries(subscription, "waiting", (-1, 0), 6)
    erase(casework, homes[0], first_member(casework, homes[0]), tmp_path)

    after = post.hooks.deliveries(subscription, "waiting", (-1, 0), 6)
    gone = next(each for each in before.items if each.chain == homes[0])
    with pytest.raises(NotFound):
        post.hooks.redeliver(subscription, gone.event_id)
    casework.revoke_grant(
        by("operator"), name=subscription.opened.grant, revoked_on=casework.today, reason="duty_ended"
    )
    ended = post.hooks.deliveries(subscription, "waiting", (-1, 0), 6)

    assert [len(each.items) for each in (before, after, ended)] == [6, 4, 0]
    assert homes[0] not in {each.chain for each in after.items}
    assert before.next == after.next == before.items[-1].place


def test_what_waits_is_kept_while_its_household_cannot_be_read(casework: Casework, post: Post, receiver: Receiver):
    admin_url = str(casework.pool.conninfo)
    subscription, homes = _with_waiting(casework, post, receiver)
    put_in(admin_url, casework, homes[0], 4, "household.unheard-of.v1", b"{}")

    post.work(retry_seconds=(3600.0,))
    meanwhile = len(receiver.data())
    waiting = post.waiting(subscription)
    mend(admin_url, homes[0], 4)
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_waiting SET due_at = now()")
        db.execute("UPDATE casework.webhook_endpoint SET next_due_at = now()")
    post.work()

    assert meanwhile == 4
    assert [(each.chain, each.outcome) for each in waiting] == [(homes[0], "unreadable"), (homes[0], None)]
    assert list(days_of(receiver.data()).values()) == [["2013-03-01", "2013-03-02"]] * 3


def test_a_round_ends_when_the_grant_changes(
    casework: Casework, post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivering, "CHANGED_SECONDS", 0.0)
    subscription = post.to(receiver)
    visit(casework, homes_of(casework, 1), 9)

    def behave(message: Message) -> Reply:
        if message.said["type"].endswith(VISITS):
            casework.revoke_grant(
                by("operator"), name=subscription.opened.grant, revoked_on=casework.today, reason="duty_ended"
            )
        return echo(message)

    receiver.behave = behave
    post.work()

    types = [each["type"].removeprefix("cn.zhengzhou.integration.") for each in receiver.data()]
    assert types == [VISITS, "grant.revoked.v1"]
    assert post.waiting(subscription) == []


def test_a_round_ends_soon_so_that_an_erasure_is_heeded(
    casework: Casework, post: Post, receiver: Receiver, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    clock = [0.0]
    monkeypatch.setattr(delivering, "monotonic", lambda: clock[0])
    subscription = post.to(receiver)
    [home] = homes_of(casework, 1)
    visit(casework, [home], 9)

    def behave(message: Message) -> Reply:
        if not clock[0] and message.said["type"].endswith(VISITS):
            erase(casework, home, first_member(casework, home), tmp_path)
            clock[0] += delivering.ROUND_SECONDS
        return echo(message)

    receiver.behave = behave
    post.work()

    types = [each["type"].removeprefix("cn.zhengzhou.integration.") for each in receiver.data()]
    assert types == [VISITS, "household.person-erased.v1"]
    assert post.waiting(subscription) == []


def _with_waiting(casework: Casework, post: Post, receiver: Receiver) -> tuple[Subscription, list[UUID]]:
    """Three households with two deliveries each that were tried in vain, and would be taken now."""
    subscription = post.to(receiver)
    homes = homes_of(casework, 3)
    receiver.behave = misbehaving(Reply(422))
    visit(casework, homes, 2)
    post.work(retry_seconds=(3600.0,))
    assert len(post.waiting(subscription)) == 6
    receiver.behave = echo
    with casework.pool.connection() as db:
        db.execute("UPDATE casework.webhook_waiting SET due_at = now()")
        db.execute("UPDATE casework.webhook_endpoint SET next_due_at = now()")
    return subscription, homes


def test_everything_is_sent_again_from_a_cursor(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver, content="thin")
    homes = homes_of(casework, 3)
    visit(casework, homes, 2)
    post.work()
    cursor = min(receiver.data(), key=lambda each: int(each["sequence"]))["cursor"]
    before = list(receiver.data())

    post.hooks.send_again(subscription, after=cursor)
    post.work()

    again = receiver.data()[len(before) :]
    assert sorted(each["id"] for each in again) == sorted(each["id"] for each in before)
    assert sorted(each["sequence"] for each in again) == sorted(each["sequence"] for each in before)
    assert post.row(subscription, "again_positions") is None


def test_everything_is_sent_again_from_a_day(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    visit(casework, homes_of(casework, 2), 2)
    post.work()

    post.hooks.send_again(subscription, since=shanghai_date(datetime.now(UTC)))
    post.work()

    assert len(receiver.data()) == 8


def test_what_waits_from_before_is_not_lost_by_sending_again(casework: Casework, post: Post, receiver: Receiver):
    subscription, homes = _with_waiting(casework, post, receiver)
    visit(casework, homes, 1, first=3)

    post.hooks.send_again(subscription)
    post.work()

    assert list(days_of(receiver.data()).values()) == [["2013-03-01", "2013-03-02", "2013-03-03"]] * 3
    assert post.waiting(subscription) == []


def test_another_address_is_asked_before_anything_is_sent_there(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver, "/old")
    post.work()

    made = post.hooks.set_endpoint(BUREAU, subscription, url=receiver.url("/new"), content="full")
    visit(casework, homes_of(casework, 1), 1)
    post.work()

    assert (made.secret, made.endpoint.state) == (None, "unverified")
    assert [(each.path, each.is_challenge) for each in receiver.came] == [
        ("/old", True),
        ("/new", True),
        ("/new", False),
    ]


def test_a_subscription_that_is_closed_is_sent_nothing(casework: Casework, post: Post, receiver: Receiver):
    subscription, homes = _with_waiting(casework, post, receiver)
    casework.close_subscription(BUREAU, subscription_id=subscription.id, closed_on=casework.today)
    visit(casework, homes, 1, first=5)

    post.work()

    endpoint: Endpoint = post.hooks.endpoint(subscription.id)
    assert receiver.data() == []
    assert (endpoint.state, endpoint.reason) == ("disabled", "closed")
    assert post.waiting(subscription) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([200, 200, 500, 404, 429, 503]), max_size=40), st.integers(1, 4), st.integers(1, 5))
def test_whatever_an_endpoint_answers_everything_comes_in_order(
    casework: Casework, post: Post, receiver: Receiver, answers: list[int], homes: int, visits: int
):
    left = list(answers)
    receiver.behave = lambda message: (
        Reply(status, {"Retry-After": "0"})
        if not message.is_challenge and left and (status := left.pop()) != 200
        else echo(message)
    )
    subscription = post.to(receiver)
    some = homes_of(casework, homes)
    already = len(receiver.data())

    visit(casework, some, visits)
    post.work()

    told = receiver.data()[already:]
    whole = [f"2013-03-0{day}" for day in range(1, visits + 1)]
    ids = casework.persons.hashes.own_ids("EDUB")
    assert {home: days_of(told)[ids.encode(home)] for home in some} == dict.fromkeys(some, whole)
    post.hooks.remove_endpoint(BUREAU, subscription.id)


def test_after_another_epoch_has_begun_the_bureau_says_from_where(casework: Casework, post: Post, receiver: Receiver):
    subscription = post.to(receiver)
    post.work()
    visit(casework, homes_of(casework, 1), 1)
    with casework.pool.connection() as db:  # as if the log had been restored since
        db.execute("UPDATE casework.webhook_endpoint SET epoch = epoch - 1")

    post.work()
    stopped = post.hooks.endpoint(subscription.id)
    nothing = receiver.data() == []
    post.hooks.send_again(subscription)
    post.hooks.verify(subscription.id)
    post.work()

    assert (stopped.state, stopped.reason, nothing) == ("disabled", "epoch-changed", True)
    assert post.hooks.endpoint(subscription.id).state == "active"
    assert len(receiver.data()) == 1
