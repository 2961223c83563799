"""The kinds of exemplars of a round: which are active, and which units belong to each (DOMAIN 3, 8.6).

A kind is a row of the policy; what it is made of (kinds of unit, and the literal reading in which the plan's brackets
are opened to ten kinds) is a row of ``data/kinds.json``. Nothing here is code for one kind.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import msgspec

from casework.domain.codes import Coded, Row, read_data
from casework.domain.policy import Kind, LevelPolicy, Policy
from casework.errors import NotFound, Refused


class Split(Coded, frozen=True, kw_only=True):
    """A kind of the literal ten: the units of another whose Chinese names end so; without endings, all the rest."""

    of: str
    names_end: tuple[str, ...]


class Kinds(Row, frozen=True, kw_only=True):
    """The file of kinds: the kinds of unit that each is for (none: it is for persons), and the literal ten."""

    units: dict[str, tuple[str, ...]]
    splits: tuple[Split, ...]


@cache
def _kinds() -> Kinds:
    return read_data("kinds.json", Kinds)


def round_kinds(policy: Policy, also: Collection[str] = ()) -> tuple[Kind, ...]:
    """Return the kinds of a round, in catalogue order: those active in the policy, and extensions named in ``also``.

    Under ``split_admin_kinds`` the kinds of divisions are opened to the literal ten. NotFound for a kind that there
    is not; Refused for one without a formula.
    """
    selection = policy.selection
    if not {kind.code for kind in selection.kinds}.issuperset(also):
        raise NotFound("kind-unknown")
    chosen = [kind for kind in selection.kinds if kind.active or kind.code in also]
    if not all(kind.parts for kind in chosen):
        raise Refused("kind-without-formula")
    return tuple(part for kind in chosen for part in (_opened(kind) if selection.split_admin_kinds else (kind,)))


def _opened(kind: Kind) -> tuple[Kind, ...]:
    parts = [split for split in _kinds().splits if split.of == kind.code]
    return tuple(msgspec.structs.replace(kind, code=part.code, label=part.label) for part in parts) or (kind,)


def unit_kinds(code: str) -> tuple[str, ...]:
    """Return the kinds of unit that a kind of exemplar is for; none where it is for persons."""
    split = _split(code)
    return _kinds().units[split.of if split else code]


def is_for_persons(code: str) -> bool:
    """Say whether a kind is for persons: the panel alone judges them, nothing of a household does (DOMAIN 8.6)."""
    return not unit_kinds(code)


def belongs(code: str, unit_kind: str, name_zh: str) -> bool:
    """Say whether a unit, by its kind and Chinese name, may be an exemplar of a kind."""
    if unit_kind not in unit_kinds(code):
        return False
    split = _split(code)
    if split is None:
        return True
    if split.names_end:
        return name_zh.endswith(split.names_end)
    return not any(name_zh.endswith(other.names_end) for other in _kinds().splits if other.of == split.of)


def levels_of(kind: Kind, policy: Policy) -> tuple[LevelPolicy, ...]:
    """Return the levels that a kind is measured by, in the policy's order."""
    return tuple(level for level in policy.levels if level.code in kind.levels)


def indicators_of(kind: Kind, policy: Policy) -> tuple[str, ...]:
    """Return the indicators of a kind's levels, in the policy's order."""
    return tuple(rule.code for rule in policy.indicators.values() if rule.level in kind.levels)


def is_balanced(kind: Kind, policy: Policy) -> bool:
    """Say whether a kind's levels are balanced as a household's are: all of them, by the geometric mean (RULES U5).

    Those of a kind that has only some of them are averaged (K07).
    """
    return len(kind.levels) == len(policy.levels)


def _split(code: str) -> Split | None:
    return next((split for split in _kinds().splits if split.code == code), None)
