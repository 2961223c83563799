"""For random events of every type and random grants: what is withheld is not in the envelope, in no byte of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.aggregate import EVENT_TYPES
from casework.domain.events.consents import PersonErased
from casework.domain.events.corrections import EntryVoided
from casework.domain.grants import CONSENT, NARROWER, STATUTORY_DUTY, TRANSFORMS, Extent, Grant, is_narrower
from casework.domain.leaves import event_types, leaves
from casework.privacy.keys import KeyRing
from casework.privacy.own_ids import OwnIds
from casework.streams.disclosure import Compiled, Envelope, Happened, disclose
from casework.streams.plan import MASKED
from tests.streams.canaries import BUREAUS, TODAY, Canaries, Canary, city
from tests.streams.given import AREAS, grant

UUIDS = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BASES = [("service", STATUTORY_DUTY), ("cross_bureau", STATUTORY_DUTY), ("cross_bureau", CONSENT)]
CITY = city()
EXAMPLES = settings(max_examples=200, deadline=None)

seeds = st.integers(0, 2**32)
types = st.sampled_from(sorted(EVENT_TYPES))
purposes = st.sampled_from([*BASES, ("publication", CONSENT)])
bureaus = st.sampled_from(BUREAUS)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "keys", create=True)


def some(random: Random, values: Any, share: float = 0.7) -> tuple[str, ...]:
    return tuple(value for value in values if random.random() < share)


def random_extent(random: Random) -> dict[str, Any]:
    kept = {name: random.choice(TRANSFORMS) for name in some(random, leaves())}
    dated = {"date", "month"}
    fields = {name: "mask" if how == "year" and leaves()[name] not in dated else how for name, how in kept.items()}
    return {
        "areas": some(random, AREAS, 0.85) or AREAS,
        "divisions": random.choice([("4101",), ("4101",), ("410105",)]),
        "types": some(random, sorted(event_types()), 0.95),
        "fields": fields,
    }


def random_grant(seed: int, bureau: str, purpose: tuple[str, str]) -> Grant:
    return grant(bureau, *purpose, **random_extent(Random(seed)))


def compiled(grant: Grant, keys: KeyRing) -> Compiled:
    return Compiled(grant, OwnIds(keys, grant.issued.bureau), CITY, TODAY)


def sent(envelope: Envelope) -> str:
    return msgspec.json.encode(envelope).decode()


@EXAMPLES
@given(seed=seeds, type_name=types, bureau=bureaus, purpose=purposes)
def test_no_byte_of_what_is_withheld_is_told(
    keys: KeyRing, seed: int, type_name: str, bureau: str, purpose: tuple[str, str]
):
    canaries, asked = Canaries(seed), random_grant(seed, bureau, purpose)
    if not type_name.startswith("household."):
        assert type_name not in event_types()
        return
    happened, context = canaries.happened(type_name), canaries.context()

    envelope = disclose(happened, compiled(asked, keys), context)

    text = sent(envelope) if envelope is not None else ""
    for canary in canaries.found:
        if not may_be_told(canary, asked, context.erased) or is_restricted(canary, bureau):
            assert canary.text not in text, (canary, text)
    assert not set(UUIDS.findall(text)) & {str(id) for id in real_ids(happened)}


def may_be_told(canary: Canary, asked: Grant, erased: Any) -> bool:
    """By the grant alone, said once more: kept as it is, and of nobody who was erased."""
    kept = canary.field is not None and asked.extent.fields.get(canary.field) == "keep"
    return kept and canary.owner not in erased


def is_restricted(canary: Canary, bureau: str) -> bool:
    facts = {"pregnancy": ("HLTH", "PFP"), "disability": ("CIV",)}
    name = (canary.field or "").removeprefix("facts.").partition(".")[0]
    return name in facts and (canary.field or "").startswith("facts.") and not is_own_of(name, bureau)


def is_own_of(fact: str, bureau: str) -> bool:
    from casework.domain import catalogue

    of = {"pregnancy": ("HLT-MAT", "FPL-FILE"), "disability": ("LIV-CHILD", "LIV-CHARITY")}
    return any(bureau in catalogue.services()[code].responsible for code in of[fact])


def real_ids(value: Any) -> Iterator[UUID]:
    """Every id in an event, its metadata and its place."""
    if isinstance(value, UUID):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from real_ids(getattr(value, name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from real_ids(each)


@EXAMPLES
@given(seed=seeds, type_name=st.sampled_from(sorted(event_types())), purpose=purposes)
def test_two_bureaus_have_no_id_in_common_and_each_leads_back(
    keys: KeyRing, seed: int, type_name: str, purpose: tuple[str, str]
):
    canaries = Canaries(seed)
    happened, context = canaries.happened(type_name), canaries.context()
    grants = [compiled(grant(bureau, *purpose), keys) for bureau in ("EDUB", "HLTH")]

    ours, theirs = (disclose(happened, each, context) for each in grants)

    told = [set(UUIDS.findall(sent(each))) if each is not None else set() for each in (ours, theirs)]
    assert not told[0] & told[1]
    known = {*real_ids(happened), *canaries.household.people, *context.event_ids.values()}
    for ids, each in zip(told, grants, strict=True):
        assert {each.ids.decode(UUID(id)) for id in ids} <= known


def narrowed(random: Random, old: Extent) -> Extent:
    fields = {name: random.choice(sorted(NARROWER[how])) for name, how in old.fields.items()}
    dated = {"date", "month"}
    fields = {name: "mask" if how == "year" and leaves()[name] not in dated else how for name, how in fields.items()}
    return msgspec.structs.replace(
        old,
        areas=some(random, old.areas, 0.8),
        types=some(random, old.types, 0.95),
        divisions=random.choice([old.divisions, ("410105",)]),
        fields={name: how for name, how in fields.items() if random.random() < 0.85},
    )


@EXAMPLES
@given(seed=seeds, type_name=st.sampled_from(sorted(event_types())), bureau=bureaus, purpose=purposes)
def test_a_narrower_grant_never_tells_more(
    keys: KeyRing, seed: int, type_name: str, bureau: str, purpose: tuple[str, str]
):
    canaries, wide = Canaries(seed), random_grant(seed, bureau, purpose)
    narrow = grant(bureau, *purpose)
    narrow.extent = narrowed(Random(seed + 1), wide.extent)
    assert is_narrower(narrow.extent, wide.extent)
    happened, context = canaries.happened(type_name), canaries.context()

    less, more = (disclose(happened, compiled(each, keys), context) for each in (narrow, wide))

    if less is not None:
        assert more is not None
        assert covers(msgspec.to_builtins(more)["data"], msgspec.to_builtins(less)["data"])
        assert more.occurredon is not None or less.occurredon is None


def covers(more: Any, less: Any) -> bool:
    """Whether all that is told stands in what was told before, as it was or as less of it."""
    if isinstance(less, dict):
        return isinstance(more, dict) and all(name in more and covers(more[name], less[name]) for name in less)
    if isinstance(less, list) and less != more:
        return isinstance(more, list) and all(any(covers(old, new) for old in more) for new in less)
    return less in (more, MASKED) or (more != MASKED and (is_year(more, less) or is_token(less)))


def is_year(more: Any, less: Any) -> bool:
    return isinstance(more, str) and isinstance(less, str) and len(less) == 4 and more.startswith(less)


def is_token(value: Any) -> bool:
    """Whether it stands for a value, or for each of a list's."""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value) is not None


@EXAMPLES
@given(seed=seeds, type_name=st.sampled_from(sorted(event_types())), bureau=bureaus)
def test_of_somebody_erased_nothing_is_told_but_that(keys: KeyRing, seed: int, type_name: str, bureau: str):
    canaries = Canaries(seed)
    happened, context = canaries.happened(type_name), canaries.context()
    context = context._replace(erased=set(context.people))

    envelope = disclose(happened, compiled(grant(bureau), keys), context)

    assert (envelope is not None) == isinstance(happened.event, PersonErased)


def test_every_type_is_told_of_to_somebody(keys: KeyRing):
    told: set[str] = set()
    grants = [compiled(grant(bureau), keys) for bureau in ("EDUB", "HLTH", "PFP", "HRSS", "CIV", "LOCAL")]
    for seed in range(40):
        canaries = Canaries(seed)
        context = canaries.context()._replace(erased=set())
        for person in context.people.values():
            person.erasure = None
        for type_name in sorted(event_types() - told):
            happened: Happened = canaries.happened(type_name)
            if any(disclose(happened, each, context) for each in grants):
                told.add(type_name)

    assert told == event_types()
    assert EntryVoided.type_name in told
