"""A round's report, in the formats and to the readers that there are; nothing is counted in a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from uuid import UUID

import msgspec
from flask import Response, current_app

from api.giving import casework
from api.language import language
from casework.bulk.round_page import page
from casework.bulk.round_sheets import workbook
from casework.domain.rounds.round import Round
from casework.selection.freezing import kept_snapshot
from casework.selection.report import Report, Spoken
from casework.selection.reporting import check_published, check_ranked, office_report, public_report
from casework.selection.sources import Figures, figures_of, sources_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA = (XLSX, "text/html")
"""Of the files, beside the JSON that is documented."""

MOST_KEPT = 2

_reading = Lock()

_WRITERS: Mapping[str, tuple[str, Callable[[Report], bytes | str]]] = {
    "json": ("application/json", msgspec.json.encode),
    "xlsx": (XLSX, workbook),
    "html": ("text/html; charset=utf-8", page),
}
FORMATS = tuple(_WRITERS)


def office(year: int, format: str) -> Response:
    """Answer all of a round that was ranked."""
    opened = casework().round(year)
    check_ranked(opened)
    return _written(office_report(sources_of(casework(), opened, _figures(opened)), _spoken()), format)


def public(year: int, format: str) -> Response:
    """Answer what is published of a round."""
    opened = casework().round(year)
    check_published(opened)
    return _written(public_report(sources_of(casework(), opened, _figures(opened)), _spoken()), format)


def _spoken() -> Spoken:
    return "en" if language() == "en" else "zh"


def _figures(opened: Round) -> Figures:
    """A round's figures, which never change: read once in a process, of the rounds that were asked for last."""
    kept: dict[UUID, Figures] = current_app.extensions.setdefault("round_figures", {})
    frozen = opened.frozen
    assert frozen is not None  # a round that was ranked is
    with _reading:  # whoever asks meanwhile waits for the same
        found = kept.get(frozen.snapshot_id)
        if found is None or found.snapshot.sha256.hex() != frozen.sha256:
            with casework().pool.connection() as db:
                found = kept[frozen.snapshot_id] = figures_of(db, kept_snapshot(db, opened))
            for older in list(kept)[:-MOST_KEPT]:
                del kept[older]
    return found


def _written(report: Report, format: str) -> Response:
    media, write = _WRITERS[format]
    headers = {
        "Content-Language": "en" if report.language == "en" else "zh-CN",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    if format == "xlsx":
        headers["Content-Disposition"] = f'attachment; filename="round-{report.year}-{report.language}.xlsx"'
    return Response(write(report), headers=headers, content_type=media)
