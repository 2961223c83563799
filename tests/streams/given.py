"""Phrases of disclosure: grants, and what they are asked of."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from casework.domain.aggregate import Event, Recorded
from casework.domain.grants import Extent, Grant, GrantIssued
from casework.domain.leaves import event_types, leaves
from casework.domain.registry import grant_id
from casework.privacy.keys import KeyRing
from casework.privacy.own_ids import OwnIds

AREAS = ("EDU", "EMP", "SSH", "COM", "LIV", "HLT", "FPL", "CUL")


def recorded(stream: UUID, version: int, event: Event) -> Recorded:
    """An event at its place."""
    return Recorded(stream, version, event)


def extent(**said: Any) -> Extent:
    """All types and areas in the whole city, each field as it is, for ever; or as is said."""
    whole: dict[str, Any] = {
        "areas": AREAS,
        "divisions": ("4101",),
        "types": tuple(sorted(event_types())),
        "fields": dict.fromkeys(leaves(), "keep"),
        "from_": date(2012, 1, 1),
    }
    return Extent(**{**whole, **said})


def grant(
    bureau: str = "EDUB", purpose: str = "cross_bureau", legal_basis: str = "statutory_duty", **said: Any
) -> Grant:
    """A grant that was issued."""
    name = said.pop("name", "some-grant")
    issued = GrantIssued(
        occurred_on=date(2012, 1, 1),
        name=name,
        bureau=bureau,
        purpose=purpose,
        legal_basis=legal_basis,
        extent=extent(**said),
    )
    found = Grant.fold(None, [recorded(grant_id(name), 1, issued)])
    assert found is not None
    return found


def own_ids(folder: Path, bureau: str) -> OwnIds:
    """A bureau's ids under keys of their own."""
    return OwnIds(KeyRing.open(folder / "keys", create=True), bureau)
