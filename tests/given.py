"""Phrases to tell what was there before: households, people, commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from casework.application import Casework
from casework.domain.events.membership import NewMember
from casework.domain.ids import uuid7, uuid8_from
from casework.domain.state import MemberFacts
from casework.log.pool import APPLICATION_ROLE, open_pool
from casework.outcome import Context, Outcome
from casework.privacy.keys import KeyRing
from casework.privacy.persons import Persons, Profile
from casework.privacy.search import KeyedHashes
from casework.privacy.vault import Vault

TODAY = datetime(2013, 10, 20, 4, 0, tzinfo=UTC)
COMMUNITY = "410105001001"
OTHER_COMMUNITY = "410102001001"


def casework_on(database_url: str, keys_dir: Path, *, role: str = APPLICATION_ROLE) -> Iterator[Casework]:
    """The application on a fresh log, at a fixed time, with two communities and an employer."""
    keys = KeyRing.open(keys_dir, create=True)
    pool = open_pool(database_url, role=role)
    with pool.connection() as db:
        vault = Vault(keys)
        vault.bind(db)
    casework = Casework(pool, Persons(vault, KeyedHashes(keys), synthetic=True), now=lambda: TODAY)
    for code, kind in (
        ("4101", "city"),
        ("410105", "district"),
        (COMMUNITY, "community"),
        (OTHER_COMMUNITY, "community"),
        ("emp-1", "employer"),
        ("school-1", "school"),
    ):
        casework.register_unit(
            by("operator"), registered_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code, **_parent(code)
        )
    yield casework
    casework.close()
    pool.close()


def _parent(code: str) -> dict[str, Any]:
    from casework.domain.registry import unit_id

    above = {"410105": "4101", COMMUNITY: "410105", OTHER_COMMUNITY: "4101"}.get(code)
    return {"parent": unit_id(above)} if above else {}


def by(role: str = "caseworker", key: str | None = None, body: bytes = b"", **more: Any) -> Context:
    """Somebody who gives a command, with an idempotency key of theirs or none."""
    command_id = uuid8_from(key.encode()) if key else None
    return Context(actor="actor-1", role=role, command_id=command_id, body_hash=body if key else None, **more)


def person(
    name: str = "张三", born_on: str = "1980-03-02", sex: str = "male", relation: str = "head", **more: Any
) -> tuple[NewMember, Profile]:
    """A migrant adult, as a command tells of them."""
    profile = {key: more.pop(key) for key in ("id_number", "phone", "address") if key in more}
    facts = MemberFacts(migrant=True, hukou_division="411322", hukou_kind="agricultural")
    member = NewMember(
        person_id=more.pop("person_id", None) or uuid7(),
        relation=relation,
        sex=sex,
        birth_month=born_on[:7],
        facts=facts,
        **more,
    )
    return member, Profile(born_on=date.fromisoformat(born_on), name=name, **profile)


def registered(casework: Casework, *people: tuple[NewMember, Profile], context: Context | None = None) -> Outcome:
    """A household of some people, or of one."""
    members = people or (person(),)
    return casework.register_household(
        context or by(),
        arrived_on=date(2013, 1, 5),
        community=COMMUNITY,
        head=members[0][0].person_id,
        members=members,
    )


def first_member(casework: Casework, household_id: UUID) -> UUID:
    """The id of a household's first member."""
    return next(iter(casework.household(household_id).people))
