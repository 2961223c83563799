"""Subscriptions are opened once, acknowledge what was erased, and end."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from casework.domain.ids import uuid7
from casework.domain.registry import Registry, subscription_id
from casework.domain.residence import By
from casework.domain.subscriptions import ErasuresAcknowledged, Subscription
from casework.errors import Invalid, Refused

TODAY = date(2013, 10, 20)
BY = By(today=TODAY)


def opened(**said: Any) -> Subscription:
    subscription = Subscription(subscription_id(uuid7()))
    subscription.open(BY, **{"opened_on": TODAY, "bureau": "EDUB", "grant": "edub-schools", **said})
    return subscription


def test_a_subscription_stands_in_the_registry_and_the_older_registry_stays_as_it_was():
    subscription = opened(start="day", since=date(2013, 9, 1))
    registry = Registry().fold(enumerate(subscription.collect_events(), 1))
    subscription.close(BY, closed_on=TODAY)
    subscription.close(BY, closed_on=TODAY)

    later = registry.continued(enumerate(subscription.collect_events(), 2))

    found = [each.subscriptions[subscription.id] for each in (registry, later)]
    assert [(each.opened.since, each.version, each.closed is not None) for each in found] == [
        (date(2013, 9, 1), 1, False),
        (date(2013, 9, 1), 2, True),
    ]


@pytest.mark.parametrize("said", [{"start": "day"}, {"start": "tomorrow"}, {"start": "now", "since": date(2013, 9, 1)}])
def test_a_start_is_one_of_three(said: dict[str, Any]):
    with pytest.raises(Invalid):
        opened(**said)


@pytest.mark.parametrize("said", [{"start": "day", "since": date(2013, 10, 21)}, {"opened_on": date(2013, 10, 21)}])
def test_nothing_begins_tomorrow(said: dict[str, Any]):
    with pytest.raises(Refused, match="not come yet"):
        opened(**said)


def test_an_erasure_is_acknowledged_once():
    subscription, first, second = opened(), uuid7(), uuid7()
    subscription.acknowledge(BY, acknowledged_on=TODAY, people=[first])
    subscription.collect_events()

    subscription.acknowledge(BY, acknowledged_on=TODAY, people=[first, second, second])
    subscription.acknowledge(BY, acknowledged_on=TODAY, people=[second])

    assert [each.event for each in subscription.collect_events()] == [
        ErasuresAcknowledged(occurred_on=TODAY, people=(second,))
    ]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://receiver.example/",
        "https://user:secret@receiver.example/",
        "https://receiver.example/?key=secret",
        "https://receiver.example/#part",
        "https://receiver.example/" + "a" * 400,
    ],
)
def test_an_endpoint_is_an_address_and_no_more(url: str):
    with pytest.raises(Invalid):
        opened().set_endpoint(BY, set_on=TODAY, url=url)


def test_an_endpoint_is_set_and_taken_away():
    subscription = opened()

    for url in ("https://receiver.example/casework", "https://receiver.example/casework", None):
        subscription.set_endpoint(BY, set_on=TODAY, url=url)

    assert (subscription.version, subscription.url) == (3, None)


def test_nothing_more_is_said_to_a_closed_one():
    subscription = opened()
    subscription.close(BY, closed_on=TODAY)

    for command in (
        lambda: subscription.acknowledge(BY, acknowledged_on=TODAY, people=[uuid7()]),
        lambda: subscription.set_endpoint(BY, set_on=TODAY, url=None),
    ):
        with pytest.raises(Refused) as refused:
            command()
        assert refused.value.code == "subscription-closed"
