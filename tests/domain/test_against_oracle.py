"""The assessment of random households, compared with a second one that was written from RULES alone.

``CASEWORK_RANDOM_HOUSEHOLDS`` says how many (2,000 by default) and ``CASEWORK_RANDOM_SEED`` where the seeds begin;
a failure names the seed, and ``python -m tests.domain.random_households 4711`` prints that household's line.
"""

from __future__ import annotations

import json
import os
from datetime import date
from typing import Any

import pytest

from casework.assessing import answer
from tests.domain import oracle
from tests.domain.random_households import told

HOUSEHOLDS = int(os.environ.get("CASEWORK_RANDOM_HOUSEHOLDS", "2000"))
FIRST_SEED = int(os.environ.get("CASEWORK_RANDOM_SEED", "0"))
BATCHES = 10
WALKED = 20
"""Of so many households, one is walked day by day, to see whether anything changes before its `next_change_on`."""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_households_are_assessed_as_the_rules_say(batch):
    size = HOUSEHOLDS // BATCHES
    seeds = range(FIRST_SEED + batch * size, FIRST_SEED + (batch + 1) * size)

    differing = {seed: found for seed in seeds if (found := difference(seed))}

    assert differing == {}


def difference(seed: int) -> object:
    """What the two assessments of a household say differently; None where they agree."""
    asked, entries, refused = told(seed)
    answered: dict[str, Any] = json.loads(answer(json.dumps(asked).encode()))
    if refused is not None or "refused" in answered:
        return None if answered.get("refused") == refused else (refused, answered)
    for result in answered["indicators"].values():
        result.pop("holds_until")
    expected = as_json(oracle.ask(entries, asked))
    found = {name: (answered[name], value) for name, value in expected.items() if answered[name] != value}
    return found or (unannounced(entries, asked, answered) if seed % WALKED == 0 else None)


def as_json(expected: oracle.Answer) -> dict[str, Any]:
    """The oracle's answer in the words of the format, as far as it knows them."""
    if expected.status != "assessed":
        return {"status": expected.status, "indicators": {}, "overall": score(oracle.NOTHING)}
    counts = {code: {"state": state, "num": num, "den": den} for code, (state, num, den) in expected.counts.items()}
    return {
        "status": expected.status,
        "settled": expected.settled,
        "community": expected.community,
        "indicators": counts,
        "levels": {level: score(said) for level, said in expected.levels.items()},
        "overall": score(expected.overall),
    }


def score(said: oracle.Score) -> dict[str, Any]:
    text = None if said.score is None else f"{said.score // 100}.{said.score % 100:02}"
    return {
        "score": text,
        "band": said.band,
        "completeness": {"known": said.known, "applicable": said.applicable},
    }


def unannounced(entries: list[Any], asked: dict[str, Any], answered: dict[str, Any], horizon: int = 400) -> object:
    """A change before `next_change_on`, found by walking; None where there is none."""
    start, announced = date.fromisoformat(asked["as_of"]), answered["next_change_on"]
    days = (date.fromisoformat(announced) - start).days - 1 if announced else horizon
    found = oracle.first_change(entries, asked, min(days, horizon))
    return None if found is None else (found.isoformat(), announced)
