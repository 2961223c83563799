"""The errors that callers meet, and the catalogue that holds their sentences."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from casework.errors import CaseworkError, Refused, Unavailable, problems

ROOT = Path(__file__).parents[1]
RAISED = re.compile(r'(?:Refused|Invalid|NotFound|Forbidden|Unavailable)\("([a-z]+(?:-[a-z]+)*)"')
REFUSED = re.compile(r'refuse_if\((?:[^()]|\([^()]*\))*?"([a-z]+(?:-[a-z]+)+)"[,)]')


def used() -> set[str]:
    """The codes that stand in the sources as literals."""
    sources = [file.read_text() for part in ("casework", "api", "workers") for file in (ROOT / part).rglob("*.py")]
    return {code for source in sources for found in (RAISED, REFUSED) for code in found.findall(source)}


def test_every_error_that_is_raised_stands_in_the_catalogue():
    assert used() - set(problems()) == set()


@pytest.mark.parametrize("code", sorted(problems()))
def test_every_error_has_its_sentences_in_both_languages(code: str):
    problem = problems()[code]

    assert 400 <= problem.status <= 599
    for texts in (problem.title, problem.detail):
        assert set(texts) == {"en", "zh"}
        assert all(texts.values())


@pytest.mark.parametrize("error", [Unavailable(retry_after=7), Refused("old-value-differs", path="valid_to")])
def test_an_error_reaches_the_parent_of_the_process_that_raised_it(error: CaseworkError):
    received = pickle.loads(pickle.dumps(error))

    assert (type(received), str(received), vars(received)) == (type(error), str(error), vars(error))
