"""Whatever is told of an event fits what the streams' document says of its type."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.domain.grants import GrantIssued, GrantNarrowed, GrantRevoked
from casework.domain.leaves import event_types, evidence_leaves, leaves
from casework.privacy.keys import KeyRing
from casework.streams.disclosure import disclose
from casework.streams.notices import to_delete
from casework.streams.shapes import data_of, kinds, told_types
from tests.streams.canaries import Canaries
from tests.streams.given import extent, grant
from tests.streams.test_never_disclosed import BASES, EXAMPLES, compiled, random_grant

REFER = "#/$defs/{}"

validators = {name: jsonschema_rs.validator_for({**data_of(name, REFER), "$defs": kinds()}) for name in told_types()}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(Path(tmp_path_factory.mktemp("keys")) / "keys", create=True)


@EXAMPLES
@given(seed=st.integers(0, 2**32), type_name=st.sampled_from(sorted(event_types())), purpose=st.sampled_from(BASES))
def test_what_is_told_of_an_event_fits_its_types_schema(
    keys: KeyRing, seed: int, type_name: str, purpose: tuple[str, str]
):
    canaries = Canaries(seed)
    happened, context = canaries.happened(type_name), canaries.context()

    for each in (grant("EDUB", *purpose), random_grant(seed, "HLTH", purpose)):
        envelope = disclose(happened, compiled(each, keys), context)
        if envelope is not None:
            data = msgspec.to_builtins(envelope.data)
            evidence = data.pop("evidence", {})  # words that are of no field's kind
            assert evidence.keys() <= {name.removeprefix("evidence.") for name in evidence_leaves()}
            validators[type_name].validate(data)


def test_every_field_that_a_grant_may_name_is_in_a_schema():
    told = {"occurred_on"}

    def walk(shape: object, path: str) -> None:
        match shape:
            case {"properties": dict(properties)}:
                for name, each in properties.items():
                    walk(each, path if name in ("members", "member") and "items" in each else f"{path}{name}.")
                    told.add(f"{path}{name}")
            case {"items": items}:
                walk(items, path)

    for name in event_types():
        walk(data_of(name, REFER), "")

    assert set(leaves()) <= told


def test_a_notice_fits_its_schema():
    wide, less = extent(), extent(areas=("EDU",), divisions=("410105",), fields={"occurred_on": "year"})

    gone = to_delete(wide, less)
    narrowed = {"grant": "some-grant", "delete": gone}
    revoked = {"grant": "some-grant", "delete": {"everything": True}, "reason": "misuse"}

    assert gone.keys() == {"areas", "fields", "outside_divisions"}
    validators[GrantNarrowed.type_name].validate(narrowed)
    validators[GrantRevoked.type_name].validate(revoked)
    assert not validators[GrantNarrowed.type_name].is_valid(revoked)
    assert GrantIssued.type_name not in told_types()
