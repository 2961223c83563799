"""Logs as lines of JSON: ids, codes and places in the code, never a value that names somebody."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any

import msgspec
from gunicorn.glogging import Logger

_encode = msgspec.json.Encoder().encode


class JsonLines(logging.Formatter):
    """One JSON object for each record; of an exception, its type alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self.event(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return _encode(line).decode()

    def event(self, record: logging.LogRecord) -> str:
        """Return what happened."""
        return record.getMessage()


class ServerLines(JsonLines):
    """What gunicorn says: beside its own coming and going, only the sentence, since its values can be a client's."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the places in the code where an exception came from."""
        if record.exc_info and record.exc_info[1] is not None:
            record.fields = {"failure": failure(record.exc_info[1])}
        return super().format(record)

    def event(self, record: logging.LogRecord) -> str:
        """Return the sentence."""
        return record.getMessage() if record.levelno == logging.INFO else str(record.msg)


class ServerLog(Logger):
    """gunicorn's log as lines of JSON."""

    def setup(self, cfg: Any) -> None:
        """Take the settings, but for the form of a line."""
        super().setup(cfg)
        logging.getLogger("gunicorn.http").setLevel(logging.CRITICAL)  # it tells of methods as they were sent
        for handler in self.error_log.handlers:
            handler.setFormatter(ServerLines())


def log_as_json(level: str) -> None:
    """Send every log of this process to standard error, from this severity on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("psycopg").setLevel(logging.WARNING)  # the pool tells of every single loan


def failure(error: BaseException) -> list[dict[str, Any]]:
    """Return what went wrong and where, without the messages: they can hold values that name a person."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 5:
        frames = extract_tb(current.__traceback__)[-12:]
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append({"error": type(current).__name__, "at": places})
        current = current.__cause__ or current.__context__
    return chain


def log_request(fields: dict[str, Any]) -> None:
    """Write one line about a request, past the machinery of logging, which costs three times as much."""
    line = {"at": datetime.now(UTC), "level": "info", "logger": "casework.api.access", "event": "request", **fields}
    os.write(2, _encode(line) + b"\n")
