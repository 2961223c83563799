from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from casework.config import ConfigError, Settings


def test_an_empty_environment_gives_the_embedded_servers_and_defaults(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    settings = Settings.from_env({"HOME": "/home/li"})

    assert settings == Settings(
        database_url=None,
        redis_url=None,
        database_role="casework_app",
        data_dir=Path("/home/li/.local/share/casework"),
        keys_dir=Path("/home/li/.local/share/casework/keys"),
        ledger_dir=Path("/home/li/.local/share/casework/keys/ledger"),
        api_host="127.0.0.1",
        api_port=8080,
        api_processes=2,
        api_threads=8,
        streams_port=8081,
        workers=2,
        drain_linger_seconds=20,
        jwt_issuer="casework",
        jwt_audience="casework",
        jwks="/home/li/.local/share/casework/keys/jwks.json",
        webhook_targets="public",
        log_level="info",
    )


@pytest.mark.parametrize(
    ("user", "environ", "folder"),
    [
        (0, {"HOME": "/root", "XDG_DATA_HOME": "/data"}, "/var/lib/casework"),
        (1000, {"HOME": "/home/li", "XDG_DATA_HOME": "/data"}, "/data/casework"),
        (1000, {"HOME": "/home/li", "XDG_DATA_HOME": "relative"}, "/home/li/.local/share/casework"),
        (0, {"CASEWORK_DATA_DIR": "/srv/{data}"}, "/srv/{data}"),
    ],
)
def test_the_data_folder_is_where_this_kind_of_user_keeps_data(
    monkeypatch: pytest.MonkeyPatch, user: int, environ: dict[str, str], folder: str
):
    monkeypatch.setattr(os, "geteuid", lambda: user)

    settings = Settings.from_env(environ)

    assert settings.data_dir == Path(folder)
    assert settings.keys_dir == Path(folder) / "keys"


def test_variables_replace_defaults_and_what_follows_from_them():
    settings = Settings.from_env(
        {
            "CASEWORK_DATABASE_URL": "postgresql://casework@db/casework",
            "CASEWORK_REDIS_URL": "rediss://cache",
            "CASEWORK_DATABASE_ROLE": "",
            "CASEWORK_KEYS_DIR": "/keys",
            "CASEWORK_API_PORT": "8443",
        }
    )

    assert settings.database_url == "postgresql://casework@db/casework"
    assert settings.redis_url == "rediss://cache"
    assert settings.database_role == ""
    assert settings.jwks == "/keys/jwks.json"
    assert settings.api_port == 8443


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CASEWORK_DATABASE_URL", "mysql://secret@db"),
        ("CASEWORK_REDIS_URL", "secret@cache:6379"),
        ("CASEWORK_DATABASE_ROLE", "app; secret"),
        ("CASEWORK_DATA_DIR", "secret/relative"),
        ("CASEWORK_DATA_DIR", ""),
        ("CASEWORK_API_HOST", " "),
        ("CASEWORK_API_PORT", "0"),
        ("CASEWORK_API_PORT", "65536"),
        ("CASEWORK_API_PORT", "8_0"),
        ("CASEWORK_API_PORT", "٨٠"),
        ("CASEWORK_API_THREADS", "-1"),
        ("CASEWORK_WORKERS", "9" * 5000),
        ("CASEWORK_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_stops_the_start_with_the_variables_name_alone(variable: str, value: str):
    with pytest.raises(ConfigError, match=f"^{variable} must be ") as refusal:
        Settings.from_env({variable: value})

    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_settings_can_be_printed_without_their_passwords():
    settings = Settings.from_env(
        {
            "CASEWORK_DATABASE_URL": "postgresql://me:secret@db/x",
            "CASEWORK_REDIS_URL": "redis://:secret@cache",
        }
    )

    assert "secret" not in repr(settings)


def test_every_setting_says_its_variable_its_default_and_its_meaning():
    for declared in dataclasses.fields(Settings):
        assert declared.metadata["variable"] == f"CASEWORK_{declared.name.upper()}"
        assert declared.metadata["meaning"]
        assert isinstance(declared.metadata["default"], str)
