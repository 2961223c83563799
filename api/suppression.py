"""What of a unit's figures is hidden from most readers, since it would tell of fewer than five persons (RULES U17)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from casework.domain.metrics import UnitFigures, hidden
from casework.domain.policy import Policy

SIZES = ("households", "employees", "pupils")


class Hidden(NamedTuple):
    """What is hidden: cells by measure, scores by level, sizes by name, and whether the overall score is."""

    cells: frozenset[str]
    levels: frozenset[str]
    sizes: frozenset[str]

    @property
    def overall(self) -> bool:
        """Whether the overall score would tell a level's."""
        return bool(self.levels)


NOTHING = Hidden(frozenset(), frozenset(), frozenset())


def hidden_of(own: UnitFigures, siblings: Sequence[UnitFigures], measures: Iterable[str], policy: Policy) -> Hidden:
    """Say what of a unit is hidden, beside siblings whose sum is shown too.

    A score is exact here, so that one hidden cell in it, and mostly two, could be calculated from it: it is hidden with
    its first cell. The number of pupils is the numerator of SCH1.
    """
    small = policy.small_n
    cells = {code for code in measures if hidden([own.measures[code], *(s.measures[code] for s in siblings)], small)[0]}
    sizes = {name for name in SIZES if _is_size_hidden([getattr(each, name) for each in (own, *siblings)], small)}
    if "SCH1" in cells:
        sizes.add("pupils")
    few = 0 < own.households < small
    levels = {level.code for level in policy.levels if few or not cells.isdisjoint(level.indicators)}
    return Hidden(frozenset(cells), frozenset(levels), frozenset(sizes))


def _is_size_hidden(sizes: Sequence[int], small: int) -> bool:
    """Whether the first of some siblings' sizes is: too small, or the next smallest beside the only one that is."""
    hides = [0 < size < small for size in sizes]
    shown = [place for place, hide in enumerate(hides) if not hide and sizes[place]]
    next_smallest = min(shown, key=lambda place: sizes[place], default=None)
    return hides[0] or (sum(hides) == 1 and next_smallest == 0)
