"""No household and no person's household score is ever an input to a ranking: neither by type nor by import."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

from casework.domain import evaluation, measured, quota, ranking, unit_metrics
from casework.domain.formulas import RATES
from casework.domain.kinds import is_for_persons
from casework.selection import draws
from tests.domain.given_units import POLICY

ROOT = Path(__file__).parents[2]

OF_HOUSEHOLDS = (
    "application", "assessing", "kept", "log", "privacy", "projections", "domain.assessment", "domain.entries",
    "domain.events", "domain.household", "domain.indicators", "domain.membership", "domain.present", "domain.state",
)  # fmt: skip
"""Modules that know a household, a person, or what was counted of one."""


def is_of_households(module: str) -> bool:
    return any(f"{module}.".startswith(f"casework.{known}.") for known in OF_HOUSEHOLDS)


def names_somebody(name: str) -> bool:
    return any(word in name.lower() for word in ("household", "person", "member"))


def imports_of(module: str) -> Iterator[str]:
    """Modules of casework that a module imports."""
    path = ROOT / (module.replace(".", "/") + ".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("casework"):
            assert node.module
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from [each for each in below if (ROOT / (each.replace(".", "/") + ".py")).exists()] or [node.module]


def reached_from(module: str) -> set[str]:
    """All modules of casework that a module's imports lead to."""
    reached, waiting = set[str](), [module]
    while waiting:
        for each in imports_of(waiting.pop()):
            if each not in reached and (ROOT / (each.replace(".", "/") + ".py")).exists():
                reached.add(each)
                waiting.append(each)
    return reached


@pytest.mark.parametrize("module", [ranking, quota, draws], ids=lambda module: module.__name__.rpartition(".")[2])
def test_what_ranks_reaches_no_module_that_knows_a_household(module: ModuleType):
    reached = reached_from(module.__name__)

    assert "casework.domain.measured" in reached
    assert not {each for each in reached if is_of_households(each)}


def test_the_guard_sees_what_leads_to_a_household():
    assert "casework.domain.assessment" in reached_from("casework.domain.unit_metrics")


def types_in(hint: Any) -> Iterator[Any]:
    """Every type that a hint is made of, those of its fields included."""
    seen, waiting = set[int](), [hint]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting.extend(get_args(each))
        if isinstance(each, type) and issubclass(each, tuple) and hasattr(each, "_fields"):
            waiting.extend(get_type_hints(each).values())


RANKING = [ranking.rank, ranking.final_score, quota.seats, draws.rank_figures, draws.drawn_finals]


@pytest.mark.parametrize("function", [*RANKING, unit_metrics.measure], ids=lambda function: function.__name__)
def test_nothing_that_is_handed_to_a_ranking_is_of_a_household_or_person(function: Any):
    names = {
        getattr(each, "__qualname__", repr(each)): getattr(each, "__module__", "")
        for hint in get_type_hints(function).values()
        for each in types_in(hint)
    }
    if function in RANKING:
        assert "UnitMetric" in names

    assert not {name for name, module in names.items() if is_of_households(module)}
    assert not {name for name in names if names_somebody(name)}


RECORDS = [ranking.Candidate, ranking.Placed, measured.UnitMetric, draws.Contest, evaluation.UnitYear]


@pytest.mark.parametrize("record", RECORDS)
def test_no_field_of_what_is_ranked_names_a_household_or_person(record: Any):
    assert not [field for field in record._fields if names_somebody(field)]


def test_the_only_kind_for_persons_has_parts_of_the_panels_rubric_and_no_figure():
    kinds = [kind for kind in POLICY.selection.kinds if is_for_persons(kind.code)]

    assert [(kind.levels, kind.facts, kind.size_of) for kind in kinds] == [((), (), None)]
    assert not any(part in RATES for kind in kinds for part in kind.parts)
    assert inspect.signature(ranking.final_score).parameters.keys() == {"candidate", "panel"}
