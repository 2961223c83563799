"""Bearer tokens: who calls, as a verified JWT says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Any, NamedTuple
from uuid import UUID

import jwt
import marshmallow as ma
import msgspec
from jwt import PyJWK, PyJWKClient, PyJWKSet

from api.fields import unit_from
from casework.config import Settings
from casework.domain.codes import bureaus
from casework.domain.divisions import CITY
from casework.errors import CaseworkError, Unavailable
from casework.tokens import ALGORITHM, ROLES

REFRESH_SECONDS = 30
"""For so long keys and verified tokens are kept before they are looked at again."""

FETCH_SECONDS = 2
_OPAQUE = re.compile(r"[\w.@:+/=-]{1,128}", re.ASCII)
_REQUIRED = {"require": ["exp", "iss", "aud", "sub"]}


class Principal(NamedTuple):
    """Who calls: an opaque name, roles, and for whom and where they work.

    Whoever works for the whole city is ``everywhere``; else ``divisions`` holds the codes, perhaps none.
    """

    sub: str
    roles: tuple[str, ...]
    bureau: str | None
    unit: UUID | None
    everywhere: bool
    divisions: frozenset[str]
    purpose: str | None
    expires_at: float


class TokenRefused(CaseworkError):
    """There is no token, or it is not good."""

    default_code = "token-invalid"


class Keys:
    """The public keys of a JWKS file or URL; while a URL is away, those that it gave last."""

    def __init__(self, place: str) -> None:
        self._client = PyJWKClient(place, timeout=FETCH_SECONDS) if place.startswith(("http://", "https://")) else None
        self._file = Path(place)
        self._keys: dict[str | None, PyJWK] = {}
        self._read_at = -float(REFRESH_SECONDS)
        self._lock = Lock()

    def find(self, kid: str | None) -> PyJWK | None:
        """Return the key of this id, if there is one now."""
        with self._lock:
            if monotonic() - self._read_at >= REFRESH_SECONDS or (kid not in self._keys and self._client is None):
                self._read()
            return self._keys.get(kid)

    def _read(self) -> None:
        try:
            found = self._client.fetch_data() if self._client else msgspec.json.decode(self._file.read_bytes())
            keys = PyJWKSet.from_dict(found).keys
        except (OSError, jwt.PyJWTError, msgspec.DecodeError, UnicodeDecodeError):
            if not self._keys:
                raise Unavailable("keys-away") from None
            keys = list(self._keys.values())
        self._keys = {key.key_id: key for key in keys if key.algorithm_name == ALGORITHM}
        self._read_at = monotonic()


class Bearer:
    """Verifies tokens of one issuer for one audience, signed by EdDSA and nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keys(settings.jwks)
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._remembered = lru_cache(4096)(self._verified)

    def principal(self, header: str | None) -> Principal:
        """Return who sent an ``Authorization`` header, or raise :class:`TokenRefused`."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused("unauthenticated")
        principal = self._remembered(token.strip(), int(monotonic() / REFRESH_SECONDS))
        if principal.expires_at <= time():
            raise TokenRefused("token-expired")
        return principal

    def _verified(self, token: str, _period: int) -> Principal:
        """Verify a token; remembered for one period, since a signature costs more than all the rest."""
        try:
            key = self._keys.find(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise TokenRefused
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options=_REQUIRED,  # type: ignore[arg-type]
                leeway=5,
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused("token-expired") from None
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused from None
        return _principal(claims)


def _principal(claims: Mapping[str, Any]) -> Principal:
    """Read the claims; whatever is not as it must be makes the token useless."""
    bureau, unit, purpose = (_text(claims, name) for name in ("bureau", "unit", "purpose"))
    divisions = _texts(claims, "divisions")
    sub = claims["sub"]
    if not _OPAQUE.fullmatch(sub) or (bureau is not None and bureau not in {each.code for each in bureaus()}):
        raise TokenRefused
    try:
        unit_id = unit_from(unit) if unit is not None else None
    except ma.ValidationError:
        raise TokenRefused from None
    roles = tuple(role for role in ROLES if role in _texts(claims, "roles"))
    city = CITY in divisions
    return Principal(
        sub, roles, bureau, unit_id, city, frozenset(() if city else divisions), purpose, float(claims["exp"])
    )


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not (isinstance(value, str) and _OPAQUE.fullmatch(value)):
        raise TokenRefused
    return value


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    values = claims.get(name, [])
    if not isinstance(values, list) or not all(isinstance(v, str) and _OPAQUE.fullmatch(v) for v in values):
        raise TokenRefused
    return values
