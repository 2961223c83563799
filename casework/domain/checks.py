"""What a command's codes must be: the lists of ``data/codes.json``, bureaus and unit facts."""

from __future__ import annotations

from datetime import date
from functools import cache

from casework.domain import codes as listed
from casework.domain.calendar import born_from, first_of_month
from casework.domain.events.membership import NewMember
from casework.domain.evidence import field_error
from casework.domain.state import MemberFacts, Span
from casework.errors import Invalid, Refused


def check_code(name: str, codes: str, value: str | None) -> None:
    """Refuse a value that is not in a list of codes; ``name`` is the command's field."""
    if value not in _codes(codes):
        raise Invalid(errors=(field_error(f"/{name}", "unknown-code"),))


def check_codes(**values: tuple[str, str | None]) -> None:
    """Refuse fields, given as ``name=(list of codes, value)``, whose value is set and not in its list."""
    for name, (codes, value) in values.items():
        if value is not None:
            check_code(name, codes, value)


def check_member(member: NewMember, on: date) -> None:
    """Refuse a member's particulars that cannot be."""
    check_code("relation", "relations", member.relation)
    check_code("sex", "sexes", member.sex)
    try:
        begun = born_from(member.birth_month)
    except ValueError:
        raise Invalid(errors=(field_error("/birth_month", "month-malformed"),)) from None
    if begun > on:
        raise Refused("born-later")
    check_facts(member.facts)


def check_facts(facts: MemberFacts) -> None:
    """Refuse facts of a person that cannot be."""
    check_codes(
        hukou_kind=("hukou_kinds", facts.hukou_kind),
        education=("education_levels", facts.education),
        disability=("disabilities", facts.disability),
        marital=("marital_states", facts.marital),
    )
    if facts.permit is not None:
        check_code("permit/status", "permit_states", facts.permit.status)
    for span in (facts.student, facts.pregnancy):
        check_span(span)


def check_span(span: Span | None) -> None:
    """Refuse a span that ends before it begins."""
    if span is not None and span.to is not None and span.to < span.from_:
        raise Refused("ends-before-start")


def check_need(code: str, *, for_person: bool) -> None:
    """Refuse a need that the catalogue does not know, or of the wrong kind of beneficiary."""
    beneficiary = _needs().get(code)
    if beneficiary is None:
        raise Invalid(errors=(field_error("/need", "unknown-code"),))
    if for_person and beneficiary == "household":
        raise Refused("need-of-household")
    if not for_person and beneficiary == "person":
        raise Refused("person-needed")


def check_bureau(name: str, code: str) -> None:
    """Refuse a bureau that is not in the register (DOMAIN 1.11)."""
    if code not in _bureaus():
        raise Invalid(errors=(field_error(f"/{name}", "unknown-code"),))


def check_feed(bureau: str, area: str) -> None:
    """Refuse a feed of a bureau that does not exist, or an area that is none."""
    check_bureau("bureau", bureau)
    check_code("area", "areas", area)


def check_month(name: str, month: str) -> None:
    """Refuse a month that is not ``YYYY-MM``."""
    try:
        first_of_month(month)
    except ValueError:
        raise Invalid(errors=(field_error(f"/{name}", "month-malformed"),)) from None


@cache
def _codes(name: str) -> frozenset[str]:
    return frozenset(row.code for row in listed.codes(name))


@cache
def _needs() -> dict[str, str]:
    return {need.code: need.beneficiary for need in listed.needs()}


@cache
def _bureaus() -> frozenset[str]:
    return frozenset(bureau.code for bureau in listed.bureaus())
