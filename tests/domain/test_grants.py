"""Grants only become narrower, and end."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from casework.domain.events.for_offices import FOR_OFFICES
from casework.domain.grants import TRANSFORMS, Extent, Grant
from casework.domain.leaves import corrected_leaf, event_types, leaves
from casework.domain.registry import Registry, grant_id
from casework.domain.residence import By
from casework.errors import Invalid, Refused

TODAY = date(2013, 10, 20)
BY = By(today=TODAY, supervisor=False)
SCHOOLS = Extent(
    areas=("EDU",),
    divisions=("410105",),
    types=("household.service-granted.v1", "household.member-joined.v1"),
    fields={"person_id": "keep", "birth_month": "keep", "sex": "pseudonym", "facts.education": "keep"},
    from_=date(2013, 1, 1),
)
ISSUED: dict[str, Any] = {
    "issued_on": TODAY,
    "name": "edub-schools",
    "bureau": "EDUB",
    "purpose": "service",
    "legal_basis": "statutory_duty",
    "extent": SCHOOLS,
}


def issued(**said: Any) -> Grant:
    grant = Grant(grant_id("edub-schools"))
    grant.issue(BY, **{**ISSUED, **said})
    return grant


def test_a_grant_is_issued_once_and_stands_in_the_registry():
    grant = issued()

    grant.issue(BY, **ISSUED)
    registry = Registry().fold(enumerate(grant.collect_events(), 1))

    found = registry.grant("edub-schools")
    assert found is not None
    assert (found.extent, found.policy, registry.units) == (SCHOOLS, "edub-schools.1", {})
    assert found.in_force(TODAY)
    assert not found.in_force(date(2012, 12, 31))


def test_a_registry_that_goes_on_leaves_the_older_one_as_it_was():
    grant = issued()
    registry = Registry().fold(enumerate(grant.collect_events(), 1))
    grant.revoke(BY, revoked_on=TODAY, reason="misuse")

    later = registry.continued(enumerate(grant.collect_events(), 2))

    assert [each.grants[grant.id].in_force(TODAY) for each in (registry, later)] == [True, False]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"issued_on": date(2013, 10, 21)}, "date-in-future"),
        ({"purpose": "service", "legal_basis": "consent"}, "grant-basis"),
        ({"purpose": "publication"}, "grant-basis"),
        ({"extent": replace(SCHOOLS, areas=("HLT",))}, "grant-not-of-bureau"),
        ({"extent": replace(SCHOOLS, to=date(2012, 1, 1))}, "ends-before-start"),
    ],
)
def test_a_grant_that_cannot_be_is_refused(said: dict[str, Any], code: str):
    with pytest.raises(Refused) as refused:
        issued(**said)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"name": "王芳"}, "/name"),
        ({"reference": "No. 13812345678"}, "/reference"),
        ({"reference": "a1234567"}, "/reference"),
        ({"bureau": "NOBODY"}, "/bureau"),
        ({"purpose": "curiosity"}, "/purpose"),
        ({"legal_basis": "custom"}, "/legal_basis"),
        ({"extent": replace(SCHOOLS, areas=("SPACE",))}, "/areas"),
        ({"extent": replace(SCHOOLS, types=("household.dissolved.v1",))}, "/types"),
        ({"extent": replace(SCHOOLS, types=("household.integration-survey-recorded.v1",))}, "/types"),
        ({"extent": replace(SCHOOLS, types=("unit.registered.v1",))}, "/types"),
        ({"extent": replace(SCHOOLS, fields={"name": "keep"})}, "/fields"),
        ({"extent": replace(SCHOOLS, fields={"carried": "keep"})}, "/fields"),
        ({"extent": replace(SCHOOLS, fields={"commitment": "keep"})}, "/fields"),
        ({"extent": replace(SCHOOLS, fields={"evidence.xueji_ref": "keep"})}, "/fields"),
        ({"extent": replace(SCHOOLS, fields={"sex": "shout"})}, "/fields"),
        ({"extent": replace(SCHOOLS, fields={"sex": "year"})}, "/fields"),
        ({"extent": replace(SCHOOLS, types=())}, "/types"),
    ],
)
def test_a_grant_of_what_does_not_exist_is_not_valid(said: dict[str, Any], pointer: str):
    with pytest.raises(Invalid) as invalid:
        issued(**said)

    assert [error.pointer for error in invalid.value.errors] == [pointer]


@pytest.mark.parametrize(
    "extent",
    [
        replace(SCHOOLS, types=SCHOOLS.types[:1]),
        replace(SCHOOLS, fields={"person_id": "mask"}),
        replace(SCHOOLS, fields={**SCHOOLS.fields, "birth_month": "year"}),
        replace(SCHOOLS, from_=date(2013, 2, 1)),
        replace(SCHOOLS, to=date(2014, 1, 1)),
    ],
)
def test_a_narrower_grant_acts_at_once(extent: Extent):
    grant = issued()

    grant.narrow(BY, narrowed_on=TODAY, extent=extent)
    grant.narrow(BY, narrowed_on=TODAY, extent=extent)

    assert (grant.extent, grant.version) == (extent, 2)


@pytest.mark.parametrize(
    "extent",
    [
        replace(SCHOOLS, areas=("EDU", "EMP")),
        replace(SCHOOLS, types=(*SCHOOLS.types, "household.moved.v1")),
        replace(SCHOOLS, fields={**SCHOOLS.fields, "relation": "mask"}),
        replace(SCHOOLS, fields={**SCHOOLS.fields, "sex": "keep"}),
        replace(SCHOOLS, from_=date(2012, 12, 31)),
    ],
)
def test_a_wider_grant_is_another_one(extent: Extent):
    grant = issued()

    with pytest.raises(Refused, match="new grant"):
        grant.narrow(BY, narrowed_on=TODAY, extent=extent)
    with pytest.raises(Refused) as refused:
        grant.issue(BY, **{**ISSUED, "extent": extent})

    assert (grant.extent, refused.value.code) == (SCHOOLS, "grant-issued")


def test_the_end_of_a_grant_cannot_be_put_off():
    grant = issued(extent=replace(SCHOOLS, to=date(2014, 1, 1)))

    for later in (date(2014, 1, 2), None):
        with pytest.raises(Refused) as refused:
            grant.narrow(BY, narrowed_on=TODAY, extent=replace(SCHOOLS, to=later))
        assert refused.value.code == "grant-wider"


def test_a_revoked_grant_stays_revoked():
    grant = issued()

    grant.revoke(BY, revoked_on=TODAY, reason="duty_ended")
    grant.revoke(BY, revoked_on=TODAY, reason="misuse")

    assert (grant.version, grant.in_force(TODAY)) == (2, False)
    with pytest.raises(Refused) as refused:
        grant.narrow(BY, narrowed_on=TODAY, extent=SCHOOLS)
    assert refused.value.code == "grant-revoked"


def test_what_was_never_issued_is_neither_narrowed_nor_revoked():
    grant = Grant(grant_id("nothing"))

    for command in (
        lambda: grant.narrow(BY, narrowed_on=TODAY, extent=SCHOOLS),
        lambda: grant.revoke(BY, revoked_on=TODAY, reason="misuse"),
    ):
        with pytest.raises(Refused) as refused:
            command()
        assert refused.value.code == "grant-unknown"


def test_every_field_has_a_kind_and_what_is_sealed_or_carried_has_no_name():
    names = set(leaves())

    assert {"birth_month", "facts.pregnancy.from", "evidence.grade", "unit_id", "voids"} <= names
    assert not {name for name in names if "carried" in name or "commitment" in name or "answers" in name}
    assert {corrected_leaf(path) for path in ("granted_on", "education", "evidence.grade", "valid_to", "sex")} <= names
    told = {kind.type_name for kind in FOR_OFFICES}
    assert len(told) == 4
    assert not told & event_types()
    assert set(TRANSFORMS) == {"keep", "mask", "year", "pseudonym"}
