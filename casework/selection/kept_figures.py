"""The figures that a round was frozen with, kept as they were measured, under the digest that its freeze tells.

Nothing rests on them: whoever reads them takes the digest again, and what is lost or spoilt is measured anew.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import Any

import msgspec

from casework.domain.facts_in_place import SchoolCoverage
from casework.domain.measured import UnitMetric
from casework.log.reading import Db
from casework.projections.months import MonthRun
from casework.selection.snapshot import Snapshot, digest_of_metrics, plain

log = logging.getLogger(__name__)

_KEEP = """
INSERT INTO casework.frozen_figures (sha256, figures) VALUES (%b, %b)
ON CONFLICT (sha256) DO UPDATE SET figures = EXCLUDED.figures"""
_KEPT = "SELECT figures FROM casework.frozen_figures WHERE sha256 = %b"


class Kept(msgspec.Struct):
    """The form in which they are kept: of a :class:`Snapshot` all but its run, fractions as ``"2/3"``."""

    metrics: dict[str, list[UnitMetric]]
    coverage: list[SchoolCoverage]
    as_now: list[UnitMetric]
    totals: bytes


def encoded(snapshot: Snapshot) -> bytes:
    """Return the bytes that are kept, the same for the same figures."""
    metrics = {kind: list(rows) for kind, rows in snapshot.metrics.items()}
    return _encode(Kept(metrics, list(snapshot.coverage), list(snapshot.as_now), snapshot.totals))


def keep(db: Db, snapshot: Snapshot) -> None:
    """Keep figures under their digest."""
    db.execute(_KEEP, (snapshot.sha256, encoded(snapshot)))


def kept_bytes(db: Db, sha256: bytes) -> bytes | None:
    """Return what is kept under a digest, whatever it is."""
    row = db.execute(_KEPT, (sha256,)).fetchone()
    return None if row is None else bytes(row[0])


def kept(db: Db, run: MonthRun, sha256: bytes) -> Snapshot | None:
    """Return the figures of a run that have a digest; None where they are not kept, or others are in their place."""
    found = kept_bytes(db, sha256)
    snapshot = None if found is None else _decoded(found, run)
    if found is not None and (snapshot is None or snapshot.sha256 != sha256):
        log.error("The figures that are kept for %d are not those that were frozen.", run.year)
        return None
    return snapshot


def _decoded(content: bytes, run: MonthRun) -> Snapshot | None:
    try:
        read = _decode(content)
    except (msgspec.MsgspecError, ValueError, ArithmeticError):  # such as a fraction of nothing
        return None
    digest = digest_of_metrics(run, read.metrics, read.totals)
    return Snapshot(run, read.metrics, read.coverage, read.as_now, read.totals, digest)


def _read(kind: type, told: Any) -> Fraction:
    if kind is Fraction:
        return Fraction(told)
    raise TypeError(kind)


_encode = msgspec.json.Encoder(enc_hook=plain).encode
_decode = msgspec.json.Decoder(Kept, dec_hook=_read).decode
