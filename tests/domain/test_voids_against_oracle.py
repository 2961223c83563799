"""Every entry of random households is voided, one at a time: who refuses, and what is left, as the oracle has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from casework.assessing import answer
from tests.domain import oracle
from tests.domain.oracle_rules import Rules
from tests.domain.random_households import told
from tests.domain.test_against_oracle import as_json


@pytest.mark.parametrize("seed", range(20_000, 20_030))
def test_every_void_is_refused_or_leaves_what_the_rules_say(seed: int):
    asked, entries, refused = told(seed)
    asked["commands"] = asked["commands"][:refused]
    asked.pop("known_at", None)
    at = entries[-1].at.isoformat()

    differing = {}
    for version in range(1, len(entries) + 1):
        void = {"command": "void_entry", "voids": version, "reason": "duplicate", "recorded_at": at}
        void["voided_on"] = entries[-1].at.date().isoformat()
        found, expected = answered(asked, void), by_the_rules(asked, entries, void)
        if found != expected:
            differing[version] = entries[version - 1].kind, found, expected

    assert differing == {}


def answered(asked: dict[str, Any], void: dict[str, Any]) -> Any:
    said = json.loads(answer(json.dumps({**asked, "commands": [*asked["commands"], void]}).encode()))
    if "refused" in said:
        return "refused"
    return {code: (each["num"], each["den"]) for code, each in said["indicators"].items()}, said["overall"]


def by_the_rules(asked: dict[str, Any], entries: list[Any], void: dict[str, Any]) -> Any:
    known = oracle.Known(entries)
    rules = Rules(known, entries, void)
    if rules.outcome() is not None:
        return "refused"
    said = as_json(oracle.ask([*entries, rules.entry()], asked))
    return {code: (each["num"], each["den"]) for code, each in said["indicators"].items()}, said["overall"]
