"""Logs as lines of JSON: ids, codes and places in the code, never a value that names somebody."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


class JsonLines(logging.Formatter):
    """One JSON object for each record; of an exception, its type alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return _encode(line).decode()


def log_as_json(level: str) -> None:
    """Send every log of this process to standard error, from this severity on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("psycopg").setLevel(logging.WARNING)  # the pool tells of every single loan


def log_request(fields: dict[str, Any]) -> None:
    """Write one line about a request, past the machinery of logging, which costs three times as much."""
    line = {"at": datetime.now(UTC), "level": "info", "logger": "casework.api.access", "event": "request", **fields}
    os.write(2, _encode(line) + b"\n")
