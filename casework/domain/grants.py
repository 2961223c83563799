"""Grants: what a bureau may be told of households, for which purpose, on which basis of law.

A grant only ever becomes narrower, at once, and ends; whoever is to be told more gets another grant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from casework.domain.aggregate import Aggregate, Event, event_type
from casework.domain.checks import check_code
from casework.domain.codes import bureaus, codes
from casework.domain.evidence import field_error
from casework.domain.leaves import Kind, event_types, leaves
from casework.domain.residence import By, refuse_if
from casework.errors import FieldError, Invalid, Refused

SERVICE, CROSS_BUREAU, PUBLICATION = "service", "cross_bureau", "publication"
"""The purposes: a bureau's own services; sharing between bureaus; publishing. ``grant_purposes`` holds their labels."""

STATUTORY_DUTY = "statutory_duty"
CONSENT = "consent"

KEEP, MASK, YEAR, PSEUDONYM = "keep", "mask", "year", "pseudonym"
TRANSFORMS = (KEEP, MASK, YEAR, PSEUDONYM)
"""What is done to a field: told as it is; only that it is there; a date's year; a token, equal for equal values."""

NARROWER: Mapping[str, frozenset[str]] = {
    KEEP: frozenset(TRANSFORMS),
    YEAR: frozenset({YEAR, MASK}),
    PSEUDONYM: frozenset({PSEUDONYM, MASK}),
    MASK: frozenset({MASK}),
}
"""By transform, which of them tell no more than it."""

_DATED: frozenset[Kind] = frozenset({"date", "month"})
_NAME = re.compile("[a-z][a-z0-9-]{0,59}", re.ASCII)
_REFERENCE = re.compile("(?!.*[0-9]{7})[A-Za-z0-9][A-Za-z0-9._:/-]{0,59}", re.ASCII)


class Extent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told: events of some types, about some areas of service, in some divisions, and which of their fields.

    ``from`` is the first and ``to`` the last day on which it is told. What no area has (members, moves) is in every.
    """

    areas: tuple[str, ...]
    divisions: tuple[str, ...]
    types: tuple[str, ...]
    fields: dict[str, str]
    from_: date = msgspec.field(name="from")
    to: date | None = None


@event_type("grant.issued.v1")
class GrantIssued(Event, frozen=True, kw_only=True):
    """A bureau is told of households; ``reference`` is the number of the document that says so."""

    occurred_on: date
    name: str
    bureau: str
    purpose: str
    legal_basis: str
    extent: Extent
    reference: str | None = None


@event_type("grant.narrowed.v1")
class GrantNarrowed(Event, frozen=True, kw_only=True):
    """From now on less is told under a grant."""

    occurred_on: date
    extent: Extent


@event_type("grant.revoked.v1")
class GrantRevoked(Event, frozen=True, kw_only=True):
    """From now on nothing more is told under a grant."""

    occurred_on: date
    reason: str


class Grant(Aggregate):
    """A grant as it stands."""

    issued: GrantIssued
    extent: Extent

    def __init__(self, id: Any) -> None:
        super().__init__(id)
        self.revoked: GrantRevoked | None = None

    def apply(self, event: Event) -> None:
        match event:
            case GrantIssued(extent=extent):
                self.issued, self.extent = event, extent
            case GrantNarrowed(extent=extent):
                self.extent = extent
            case GrantRevoked():
                self.revoked = event

    @property
    def policy(self) -> str:
        """What says under which state of which grant something was told."""
        return f"{self.issued.name}.{self.version}"

    def in_force(self, day: date) -> bool:
        """Whether anything is told under it on a day."""
        extent = self.extent
        return self.revoked is None and extent.from_ <= day and (extent.to is None or day <= extent.to)

    def has_ended(self, day: date) -> bool:
        """Whether nothing is told under it on a day, nor on any later one."""
        return self.revoked is not None or (self.extent.to is not None and self.extent.to < day)

    def issue(
        self,
        by: By,
        *,
        issued_on: date,
        name: str,
        bureau: str,
        purpose: str,
        legal_basis: str,
        extent: Extent,
        reference: str | None = None,
    ) -> None:
        """Say what a bureau is told; issuing it again as it was changes nothing."""
        event = GrantIssued(
            occurred_on=issued_on,
            name=name,
            bureau=bureau,
            purpose=purpose,
            legal_basis=legal_basis,
            extent=extent,
            reference=reference,
        )
        if self.version and event == self.issued:
            return
        refuse_if(issued_on > by.today, "date-in-future")
        refuse_if(self.version > 0, "grant-issued")
        check_code("purpose", "grant_purposes", purpose)
        check_code("legal_basis", "grant_bases", legal_basis)
        _check_words(name, reference)
        refuse_if(purpose == SERVICE and legal_basis != STATUTORY_DUTY, "grant-basis")
        refuse_if(purpose == PUBLICATION and legal_basis != CONSENT, "grant-basis")
        check_extent(extent)
        _check_bureau(bureau, purpose, extent)
        self.record(event)

    def narrow(self, by: By, *, narrowed_on: date, extent: Extent) -> None:
        """Tell less from now on; that divisions lie inside those told of before is asked where the tree is known."""
        self._check_stands(by, narrowed_on)
        check_extent(extent)
        if extent == self.extent:
            return
        refuse_if(not is_narrower(extent, self.extent), "grant-wider")
        self.record(GrantNarrowed(occurred_on=narrowed_on, extent=extent))

    def revoke(self, by: By, *, revoked_on: date, reason: str) -> None:
        """Tell nothing more; once is enough."""
        refuse_if(not self.version, "grant-unknown")
        check_code("reason", "grant_revocation_reasons", reason)
        refuse_if(revoked_on > by.today, "date-in-future")
        if self.revoked is None:
            self.record(GrantRevoked(occurred_on=revoked_on, reason=reason))

    def _check_stands(self, by: By, on: date) -> None:
        refuse_if(not self.version, "grant-unknown")
        refuse_if(self.revoked is not None, "grant-revoked")
        refuse_if(on > by.today, "date-in-future")


def is_narrower(new: Extent, old: Extent) -> bool:
    """Whether nothing is told under the new extent that the old did not tell; divisions aside."""
    later, sooner = new.to or date.max, old.to or date.max
    return (
        set(new.areas) <= set(old.areas)
        and set(new.types) <= set(old.types)
        and all(transform in NARROWER.get(old.fields.get(name, ""), ()) for name, transform in new.fields.items())
        and new.from_ >= old.from_
        and later <= sooner
    )


def check_extent(extent: Extent) -> None:
    """Refuse what is no area, type of event or field, and a transform that a field's kind does not have."""
    wrong = [
        *_unknown("areas", extent.areas, [row.code for row in codes("areas")]),
        *_unknown("types", extent.types, event_types()),
        *_unknown("fields", extent.fields, leaves()),
        *_unknown("fields", extent.fields.values(), TRANSFORMS),
    ]
    if not extent.areas or not extent.divisions or not extent.types:
        wrong.append(field_error("/types", "field-length"))
    if wrong:
        raise Invalid(errors=tuple(wrong))
    years = [name for name, transform in extent.fields.items() if transform == YEAR]
    if any(leaves()[name] not in _DATED for name in years):
        raise Invalid(errors=(field_error("/fields", "grant-year"),))
    refuse_if(extent.to is not None and extent.to < extent.from_, "ends-before-start")


def _unknown(name: str, values: Iterable[str], known: Iterable[str]) -> list[FieldError]:
    return [field_error(f"/{name}", "unknown-code")] if not set(values) <= set(known) else []


def _check_words(name: str, reference: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(errors=(field_error("/name", "field-value"),))
    if reference is not None and not _REFERENCE.fullmatch(reference):
        raise Invalid(errors=(field_error("/reference", "field-value"),))


def _check_bureau(bureau: str, purpose: str, extent: Extent) -> None:
    """A bureau's own services lie in the areas of its duties."""
    row = next((row for row in bureaus() if row.code == bureau), None)
    if row is None:
        raise Invalid(errors=(field_error("/bureau", "unknown-code"),))
    if purpose == SERVICE and not set(extent.areas) <= set(row.areas):
        raise Refused("grant-not-of-bureau")
