"""Who is seated, told again from the words of RULES U14 and A4, by drawing up lists instead of giving out seats.

A kind is (its candidates, how many of them reach the floor), in catalogue order; the answer is how many of each sit.
"""

from __future__ import annotations

from fractions import Fraction

SEATS = 30


def equal_shares(kinds: list[tuple[int, int]]) -> list[int]:
    """The same for each of k kinds with an eligible one; the remainder one each, most eligible first, then in order."""
    k = len([eligible for eligible, _ in kinds if eligible >= 1])
    if k == 0:
        return [0] * len(kinds)
    remainder = SEATS - SEATS // k * k
    shares = []
    for place, (eligible, _) in enumerate(kinds):
        before = [p for p, (e, _) in enumerate(kinds) if e > eligible or (e == eligible and p < place)]
        shares.append((SEATS // k + (1 if len(before) < remainder else 0)) if eligible else 0)
    return shares


def total_30_equal(kinds: list[tuple[int, int]]) -> list[int]:
    """Each kind's share; what it leaves goes to the best of those still standing, by (rank - 0.5)/n of their kind."""
    seated = [min(share, passing) for share, (_, passing) in zip(equal_shares(kinds), kinds, strict=True)]
    standing = sorted(
        ((rank - Fraction(1, 2)) / eligible, place)
        for place, (eligible, passing) in enumerate(kinds)
        for rank in range(seated[place] + 1, passing + 1)
    )
    for _, place in standing[: SEATS - sum(seated)]:
        seated[place] += 1
    return seated


def pooled_percentile_30(kinds: list[tuple[int, int]]) -> list[int]:
    """The best thirty of all, by (rank - 0.5)/n of their kind."""
    standing = sorted(
        ((rank - Fraction(1, 2)) / eligible, place)
        for place, (eligible, passing) in enumerate(kinds)
        for rank in range(1, passing + 1)
    )
    seated = [0] * len(kinds)
    for _, place in standing[:SEATS]:
        seated[place] += 1
    return seated


def per_kind_30(kinds: list[tuple[int, int]]) -> list[int]:
    """Thirty of each kind."""
    return [min(SEATS, passing) for _, passing in kinds]
