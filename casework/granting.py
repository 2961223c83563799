"""Grants on the operator's command line: documents in JSON, as the API takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

import click
import msgspec

from casework.application import Casework
from casework.domain.grants import Extent, Grant
from casework.errors import Invalid
from casework.outcome import Context

OPERATOR = Context(actor="operator", role="operator")

Document = TypeVar("Document", bound="ExtentDocument")


class ExtentDocument(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How far a grant goes, as a file says it."""

    areas: tuple[str, ...]
    divisions: tuple[str, ...]
    types: tuple[str, ...]
    fields: dict[str, str]
    from_: date = msgspec.field(name="from")
    to: date | None = None

    @property
    def extent(self) -> Extent:
        """What of it is kept."""
        return Extent(**{name: getattr(self, name) for name in Extent.__struct_fields__})


class GrantDocument(ExtentDocument, kw_only=True, forbid_unknown_fields=True):
    """A grant, as a file says it."""

    name: str
    bureau: str
    purpose: str
    legal_basis: str
    reference: str | None = None


def issue(casework: Casework, content: bytes) -> str:
    """Issue the grant that a file holds; return a sentence about it."""
    said = _read(content, GrantDocument)
    words = {name: getattr(said, name) for name in ("name", "bureau", "purpose", "legal_basis", "reference")}
    with _pointing():
        outcome = casework.issue_grant(OPERATOR, issued_on=casework.today, extent=said.extent, **words)
    return f"grant {said.name} is issued" if outcome.changed else f"grant {said.name} was issued already"


def narrow(casework: Casework, name: str, content: bytes) -> str:
    """Narrow a grant to the extent that a file holds; return a sentence about it."""
    said = _read(content, ExtentDocument)
    with _pointing():
        outcome = casework.narrow_grant(OPERATOR, name=name, narrowed_on=casework.today, extent=said.extent)
    return f"grant {name} is narrowed" if outcome.changed else f"grant {name} says that already"


def show(grants: Iterable[Grant], today: date, *, as_json: bool) -> None:
    """Print grants by name, a line each."""
    for grant in sorted(grants, key=lambda each: each.issued.name):
        click.echo(msgspec.json.encode(_told(grant, today)).decode() if as_json else _line(grant, today))


def _line(grant: Grant, today: date) -> str:
    issued, extent = grant.issued, grant.extent
    state = "in force" if grant.in_force(today) else "revoked" if grant.revoked else "not in force"
    areas, divisions = ",".join(extent.areas), ",".join(extent.divisions)
    return f"{grant.policy}  {issued.bureau}  {issued.purpose}/{issued.legal_basis}  {areas}  {divisions}  {state}"


def _told(grant: Grant, today: date) -> dict[str, Any]:
    issued = grant.issued
    words = {name: getattr(issued, name) for name in ("name", "bureau", "purpose", "legal_basis", "reference")}
    return {**words, "policy": grant.policy, "in_force": grant.in_force(today), "extent": grant.extent}


@contextmanager
def _pointing() -> Iterator[None]:
    """Say in the sentence what is wrong where: a terminal shows nothing else."""
    try:
        yield
    except Invalid as invalid:
        wrong = ", ".join(f"{error.pointer} ({error.code})" for error in invalid.errors)
        raise Invalid("grant-unreadable", reason=wrong or str(invalid)) from None


def _read(content: bytes, kind: type[Document]) -> Document:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise Invalid("grant-unreadable", reason=str(error)) from None
