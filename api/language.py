"""The language in which labels and problems are told: Chinese unless the caller prefers English."""

from __future__ import annotations

from functools import lru_cache

from flask import g, has_request_context, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from casework.domain.codes import Label


def language() -> str:
    """Return ``zh`` or ``en``, by the request's ``Accept-Language``."""
    if not has_request_context():
        return "zh"
    spoken: str | None = g.get("language")
    if spoken is None:
        spoken = g.language = _best(request.headers.get("Accept-Language", ""))
    return spoken


def told(label: Label) -> str:
    """Return a label in the reader's language."""
    return label[language()]


@lru_cache(256)
def _best(header: str) -> str:
    accepted = parse_accept_header(header, LanguageAccept)
    best = accepted.best_match(["zh-CN", "zh", "en"], default="zh-CN")
    return "en" if best == "en" else "zh"
