"""Signatures, and when things are tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from casework.domain.ids import uuid7
from casework.errors import CaseworkError
from casework.privacy.keys import KeyRing
from casework.privacy.vault import Vault
from casework.streams.webhooks.schedule import schedule
from casework.streams.webhooks.signing import Sealed, Signer, new_secret, seal, told, unseal


def test_a_receiver_verifies_with_the_standard_library():
    secret = new_secret()

    headers = Signer([secret]).headers("one", b'{"a":1}')

    assert Webhook(told(secret)).verify(b'{"a":1}', headers) == {"a": 1}
    for other in (told(new_secret()), told(secret)):
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(b'{"a":2}', headers)


def test_while_a_secret_changes_both_verify():
    old, new = new_secret(), new_secret()

    headers = Signer([new, old]).headers("one", b"{}")

    assert headers["webhook-signature"].count("v1,") == 2
    assert Webhook(told(old)).verify(b"{}", headers) == Webhook(told(new)).verify(b"{}", headers) == {}


def test_a_try_is_signed_at_its_own_time():
    at = datetime(2013, 10, 20, 4, tzinfo=UTC)

    headers = Signer([new_secret()]).headers("one", b"{}", at)

    assert headers["webhook-timestamp"] == str(int(at.timestamp()))


def test_a_sealed_secret_opens_for_its_subscription_alone(tmp_path: Path):
    vault = Vault(KeyRing.open(tmp_path / "keys", create=True))
    secret, mine, other = new_secret(), uuid7(), uuid7()

    sealed = seal(vault, mine, secret)

    assert secret not in sealed.content
    assert unseal(vault, mine, sealed) == secret
    with pytest.raises(CaseworkError):
        unseal(vault, other, sealed)
    with pytest.raises(CaseworkError):
        unseal(vault, mine, Sealed(sealed.key_id, sealed.content[:-1] + b"\x00"))


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_grows_to_half_a_day_and_has_some_jitter(attempts: int, luck: float):
    plan = schedule()
    wait = plan.retry_after(attempts, lambda low, high: low + luck * (high - low))

    assert 5 <= wait <= 1.2 * 43200
    assert wait <= plan.retry_after(attempts + 1, lambda low, high: high)


def test_an_endpoint_rests_after_some_failures_in_a_row():
    plan = schedule()
    rests = [plan.rest(failures, lambda low, high: low) for failures in range(1, 12)]

    assert rests == [0, 0, 0, 0, 5, 15, 60, 180, 300, 300, 300]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("7", 7),
        (" 120 ", 120),
        ("999999999", 43200),
        ("-1", None),
        ("soon", None),
        ("٧", None),
        ("9" * 400, None),
        (format_datetime(datetime(2013, 10, 20, 4, 1, tzinfo=UTC), usegmt=True), 60),
        (format_datetime(datetime(2013, 10, 20, 3, tzinfo=UTC), usegmt=True), 0),
        (format_datetime(datetime(2013, 10, 20, 4, tzinfo=UTC) + timedelta(days=9), usegmt=True), 43200),
    ],
)
def test_an_endpoint_may_ask_for_a_wait(header: str | None, wait: float | None):
    assert schedule().asked_wait(header, datetime(2013, 10, 20, 4, tzinfo=UTC)) == wait


@given(st.text(max_size=40))
def test_no_header_makes_a_wait_that_has_no_end(header: str):
    wait = schedule().asked_wait(header)

    assert wait is None or 0 <= wait <= schedule().most_retry_after_seconds
