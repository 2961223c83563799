"""Tokens for the API, and the key that signs them: for a small installation, a demo and tests.

A larger one names its identity provider's keys in ``CASEWORK_JWKS`` and makes no tokens here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from casework.config import Settings
from casework.domain.divisions import CITY
from casework.errors import Invalid

ALGORITHM = "EdDSA"
"""The one algorithm that a token is signed with and verified by."""

ROLES = ("caseworker", "supervisor", "bureau", "service", "auditor", "selection", "panelist", "operator")

_SIGNING_FILE = "signing.pem"
_PUBLIC_FILE = "jwks.json"


def make_signing_key(keys_dir: Path) -> Path:
    """Make the key that signs, unless there is one, and put its public half into ``jwks.json``; return its file."""
    file = keys_dir / _SIGNING_FILE
    if not file.exists():
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(file, _private_bytes(Ed25519PrivateKey.generate()))
    key = _read_signing_key(file)
    public = keys_dir / _PUBLIC_FILE
    known = msgspec.json.decode(public.read_bytes())["keys"] if public.exists() else []
    jwk = _public_jwk(key)
    if jwk["kid"] not in {each["kid"] for each in known}:
        _write(public, msgspec.json.format(msgspec.json.encode({"keys": [*known, jwk]})))
    return file


def make_token(
    settings: Settings,
    *,
    role: str,
    sub: str | None = None,
    bureau: str | None = None,
    unit: str | None = None,
    divisions: Sequence[str] = (CITY,),
    purpose: str | None = "casework",
    hours: float = 12,
) -> str:
    """Return a token of one role, signed with the key in ``keys_dir``, which is made where there is none."""
    if role not in ROLES:
        raise Invalid("unknown-code")
    key = _read_signing_key(make_signing_key(settings.keys_dir))
    now = int(time())
    claims: dict[str, Any] = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "iat": now,
        "exp": now + round(hours * 3600),
        "sub": sub or f"{role}-{uuid4().hex[:12]}",
        "roles": [role],
        "divisions": list(divisions),
        **{name: value for name, value in (("bureau", bureau), ("unit", unit), ("purpose", purpose)) if value},
    }
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": _public_jwk(key)["kid"]})


def _read_signing_key(file: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def _private_bytes(key: Ed25519PrivateKey) -> bytes:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form)


def _public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """The public half as a JWK, named by its thumbprint (RFC 7638)."""
    jwk: dict[str, Any] = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    members = {name: jwk[name] for name in ("crv", "kty", "x")}
    kid = sha256(msgspec.json.encode(members, order="sorted")).hexdigest()[:16]
    return {**members, "kid": kid, "use": "sig", "alg": ALGORITHM}


def _write(file: Path, content: bytes) -> None:
    """Replace a file in one step, readable for its owner alone."""
    draft = file.with_name(f".{file.name}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
        new.write(content)
    draft.replace(file)
