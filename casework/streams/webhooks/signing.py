"""Signatures as Standard Webhooks says them: HMAC-SHA-256 over id, time and body, under a secret that two share.

A secret is sealed as the vault's rows are, bound to its subscription; it is shown once, when it is made. While one
replaces another both sign, so that the receiver can change over when it likes.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from standardwebhooks import Webhook

from casework.log.reading import Db
from casework.privacy.vault import Vault

PREFIX = "whsec_"
_BYTES = 32
_KIND = "webhook-secret"

_OLDER_KEYS = """
SELECT subscription_id, key_id, sealed, older_key_id, older_sealed FROM casework.webhook_endpoint
WHERE key_id <> %(current)s OR older_key_id <> %(current)s FOR UPDATE"""
_RESEAL = """
UPDATE casework.webhook_endpoint SET key_id = %s, sealed = %s, older_key_id = %s, older_sealed = %s
WHERE subscription_id = %s"""


class Sealed(NamedTuple):
    """A secret as the database keeps it."""

    key_id: str
    content: bytes


def new_secret() -> bytes:
    """Make a secret."""
    return os.urandom(_BYTES)


def told(secret: bytes) -> str:
    """Return a secret as the receiver's library takes it."""
    return PREFIX + b64encode(secret).decode()


def seal(vault: Vault, subscription_id: UUID, secret: bytes) -> Sealed:
    """Seal a secret for its subscription."""
    return Sealed(*vault.seal_bytes(subscription_id, _KIND, secret))


def unseal(vault: Vault, subscription_id: UUID, sealed: Sealed) -> bytes:
    """Return a sealed secret; errors as :meth:`Vault.open` raises them."""
    return vault.open_bytes(subscription_id, _KIND, sealed.key_id, sealed.content)


def reseal(db: Db, vault: Vault) -> int:
    """Seal all secrets again that are not under the current master key; return how many endpoints had some."""
    current = vault.current_key
    with db.transaction():
        found = db.execute(_OLDER_KEYS, {"current": current}).fetchall()
        for id, key_id, content, older_key_id, older in found:
            new = seal(vault, id, unseal(vault, id, Sealed(key_id, content)))
            old = older and seal(vault, id, unseal(vault, id, Sealed(older_key_id, older)))
            db.execute(_RESEAL, (*new, *(old or (None, None)), id))
    return len(found)


class Signer:
    """Signs messages under the secrets that hold now, the newest first."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = [Webhook(secret) for secret in secrets]

    def headers(self, id: str, body: bytes, now: datetime | None = None) -> dict[str, str]:
        """Return the headers of a message; each try is signed at its own time, and has the same id."""
        at = now or datetime.now(UTC)
        text = body.decode()
        return {
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(key.sign(id, at, text) for key in self._keys),
        }
