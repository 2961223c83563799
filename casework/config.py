"""Every setting of casework: parsed once, from the environment, before anything starts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self


class ConfigError(ValueError):
    """A variable of the environment cannot be used; the message names it, and never shows its value."""


def role(value: str) -> str:
    """Take the name of a database role, or nothing."""
    if not re.fullmatch("([a-z_][a-z0-9_]{0,62})?", value):
        raise ValueError("empty, or the name of a role: small letters, digits and _")
    return value


def name(value: str) -> str:
    """Take a text that may not be empty."""
    if not value.strip():
        raise ValueError("a text that is not empty")
    return value


def folder(value: str) -> Path:
    """Take the absolute path of a folder, ``~`` being the user's home."""
    path = os.path.expanduser(value)
    if not os.path.isabs(path):
        raise ValueError("the absolute path of a folder")
    return Path(path)


def address(*schemes: str) -> Callable[[str], str | None]:
    """Take a URL of one of these schemes, or nothing."""

    def parse(value: str) -> str | None:
        if value and not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"empty, or a URL that begins with {' or '.join(schemes)}://")
        return value or None

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    """Take a whole number between two bounds, both allowed."""

    def parse(value: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(value)

    return parse


def one_of(*values: str) -> Callable[[str], str]:
    """Take one of these words."""

    def parse(value: str) -> str:
        if value not in values:
            raise ValueError(f"one of {', '.join(values)}")
        return value

    return parse


def setting(variable: str, parse: Callable[[str], Any], default: str, meaning: str, *, secret: bool = False) -> Any:
    """Declare a setting; its default is written as in the environment and may name settings above it."""
    metadata = {"variable": variable, "parse": parse, "default": default, "meaning": meaning}
    return field(metadata=metadata, repr=not secret)


POSTGRES = address("postgresql", "postgres")
REDIS = address("redis", "rediss", "unix")
LOG_LEVELS = one_of("debug", "info", "warning", "error")


# fmt: off
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set, by variable, default and meaning; ``{}`` in a default names an earlier setting."""

    database_url: str | None = setting("CASEWORK_DATABASE_URL", POSTGRES, "", "PostgreSQL 15 or later; empty: the embedded one", secret=True)
    redis_url: str | None = setting("CASEWORK_REDIS_URL", REDIS, "", "Redis 6.2 or later, or Valkey; empty: the embedded one", secret=True)
    database_role: str = setting("CASEWORK_DATABASE_ROLE", role, "casework_app", "role that the application takes on; empty: the login's own, where it is a member of casework_app and no more")
    data_dir: Path = setting("CASEWORK_DATA_DIR", folder, "{data_dir}", "folder of the embedded servers and the keys")
    keys_dir: Path = setting("CASEWORK_KEYS_DIR", folder, "{data_dir}/keys", "folder of the master keys and signing keys")
    ledger_dir: Path = setting("CASEWORK_LEDGER_DIR", folder, "{keys_dir}/ledger", "folder of the ledger of erasures: outside the database and its backups, one for all machines")
    api_host: str = setting("CASEWORK_API_HOST", name, "127.0.0.1", "address that the API listens on")
    api_port: int = setting("CASEWORK_API_PORT", whole(1, 65535), "8080", "port that the API listens on")
    api_processes: int = setting("CASEWORK_API_PROCESSES", whole(1, 64), "2", "processes that answer the API")
    api_threads: int = setting("CASEWORK_API_THREADS", whole(1, 256), "8", "requests that one API process answers at a time")
    streams_port: int = setting("CASEWORK_STREAMS_PORT", whole(1, 65535), "8081", "port of the streams (serve --streams), at the API's address")
    workers: int = setting("CASEWORK_WORKERS", whole(1, 64), "2", "worker processes that keep the views current")
    drain_linger_seconds: int = setting("CASEWORK_DRAIN_LINGER_SECONDS", whole(0, 300), "20", "how long a drain waits for more before it ends")
    jwt_issuer: str = setting("CASEWORK_JWT_ISSUER", name, "casework", "issuer that a token must name")
    jwt_audience: str = setting("CASEWORK_JWT_AUDIENCE", name, "casework", "audience that a token must name")
    jwks: str = setting("CASEWORK_JWKS", name, "{keys_dir}/jwks.json", "file or URL of the keys that sign tokens")
    webhook_targets: str = setting("CASEWORK_WEBHOOK_TARGETS", one_of("public", "loopback"), "public", "where webhooks may go: public, https to addresses that are everybody's; loopback, for tests and demonstrations, also http and this machine")
    log_level: str = setting("CASEWORK_LOG_LEVEL", LOG_LEVELS, "info", "least severity that is logged: debug, info, warning or error")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read every setting, or raise a ConfigError that names the first variable that cannot be used."""
        values: dict[str, Any] = {"data_dir": default_data_dir(environ)}
        for declared in fields(cls):
            values[declared.name] = parsed(declared.metadata, environ, values)
        return cls(**values)
# fmt: on


def parsed(declared: Mapping[str, Any], environ: Mapping[str, str], earlier: Mapping[str, Any]) -> Any:
    """Return one setting's value: the variable's, or the default that the earlier values complete."""
    value = environ.get(declared["variable"], declared["default"].format_map(earlier))
    try:
        return declared["parse"](value)
    except ValueError as problem:
        raise ConfigError(f"{declared['variable']} must be {problem}.") from None


def default_data_dir(environ: Mapping[str, str]) -> str:
    """Return ``/var/lib/casework`` for root, and for anybody else the folder that the XDG rules name."""
    if os.geteuid() == 0:
        return "/var/lib/casework"
    home = environ.get("HOME") or os.path.expanduser("~")
    share = environ.get("XDG_DATA_HOME", "")
    return os.path.join(share if os.path.isabs(share) else f"{home}/.local/share", "casework")
