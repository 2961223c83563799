"""Random households as the aggregate has them."""

from __future__ import annotations

from datetime import date

import msgspec

from casework.assessing.entries import known_facts
from casework.assessing.instants import END_OF_TIME
from casework.assessing.telling import Teller
from casework.domain.household import Household
from casework.domain.registry import Facts
from casework.errors import CaseworkError
from tests.domain.random_households import line


def told_household(seed: int) -> Household:
    """A random household with its events still pending, up to the first refused command."""
    teller = Teller()
    for command in line(seed)["commands"]:
        try:
            teller.give(msgspec.Raw(msgspec.json.encode(command)))
        except CaseworkError:
            break
    return teller.file().household


def folded(seed: int) -> tuple[Household, Facts, date]:
    """A random household, what its registry says, and the day on which its line asks."""
    asked = line(seed)
    facts = known_facts(msgspec.json.encode(asked["registry"]), END_OF_TIME)
    return told_household(seed), facts, date.fromisoformat(asked["as_of"])
