"""The vault of a synthetic city: what it seals is sealed as ever, under salts that can be had again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from casework.log.append import VaultRow
from casework.privacy.keys import KeyRing
from casework.privacy.vault import Kind, Vault


class SimulatedVault(Vault):
    """Draws its salts from a stream of chance, so that the commitments, which events carry, come out the same again.

    Whoever knows the seed knows the salts: this is for people who do not exist.
    """

    def __init__(self, keys: KeyRing, salts: Random) -> None:
        super().__init__(keys)
        self.keys = keys
        self.salts = salts

    def seal(self, subject_id: UUID, kind: Kind, fields: Mapping[str, Any]) -> VaultRow:
        """Return a row for the append, in the vault's own form."""
        salt = self.salts.getrandbits(128).to_bytes(16)
        canonical = msgspec.json.encode(fields, order="sorted")
        plaintext = msgspec.json.encode({"salt": salt, "fields": msgspec.Raw(canonical)})
        commitment = sha256(b"".join(len(part).to_bytes(8) + part for part in (salt, canonical))).digest()
        key_id = self.keys.current
        return VaultRow(subject_id, kind, key_id, self._seal(subject_id, kind, key_id, plaintext), commitment)
