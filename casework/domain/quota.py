"""The seats of a round: which candidates are to be commended, and who is in reserve (DOMAIN 8.7, RULES U14, A4).

The scores of different kinds are never compared: kinds have shares, and a seat that is free goes to the kind whose next
candidate stands highest among its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from casework.domain.kinds import is_for_persons
from casework.domain.policy import Policy
from casework.domain.ranking import Placed

Ranked = Mapping[str, Sequence[Placed]]
"""The eligible candidates of each kind, best first; the kinds in catalogue order."""

Counts = Mapping[str, int]
Nominations = Mapping[str, tuple[UUID, ...]]


class Seats(NamedTuple):
    """How the seats fell: each kind's own share, and its candidates who have a seat or are in reserve, best first."""

    shares: Counts
    seated: Nominations
    reserves: Nominations

    @property
    def of(self) -> Counts:
        """The seats that a kind's draws count with (RULES U15): its share, or more where it took free ones.

        A seat that stayed free since nobody else of the kind reached the floor is still one that could be reached.
        """
        return {kind: max(share, len(self.seated[kind])) for kind, share in self.shares.items()}


def seats(ranked: Ranked, policy: Policy) -> Seats:
    """Give out the seats under the policy's quota; nobody below the floor has one, or is in reserve."""
    quota, most = _QUOTAS[policy.selection.quota], policy.selection.seats
    shares = quota.shares({kind: len(places) for kind, places in ranked.items()}, most)
    passing = _passing(ranked, policy)
    taken = {kind: min(shares[kind], len(passing[kind])) for kind in ranked}
    takers = [kind for kind in ranked if quota.takes_free(kind)]
    while takers and sum(taken[kind] for kind in takers) < most:
        kind = _next_kind([each for each in takers if taken[each] < len(passing[each])], taken, ranked)
        if kind is None:
            break
        taken[kind] += 1
    seated = {kind: passing[kind][: taken[kind]] for kind in ranked}
    return Seats(shares, seated, {kind: passing[kind][taken[kind] :] for kind in ranked})


def _passing(ranked: Ranked, policy: Policy) -> Nominations:
    floor = policy.selection.final_floor
    return {
        kind: tuple(each.nomination_id for each in places if each.final >= floor) for kind, places in ranked.items()
    }


def _next_kind(kinds: Sequence[str], taken: Counts, ranked: Ranked) -> str | None:
    """The kind whose next candidate stands highest among its own: the least (rank - 0.5)/n, rank 1 the best (A4)."""
    return min(kinds, key=lambda kind: Fraction(2 * taken[kind] + 1, 2 * len(ranked[kind])), default=None)


class _Quota(NamedTuple):
    """One reading of "the top 30": each kind's share by its number of eligible candidates, and who takes free seats."""

    shares: Callable[[Counts, int], dict[str, int]]
    takes_free: Callable[[str], bool]


def _equal(eligible: Counts, most: int) -> dict[str, int]:
    """The same for every kind with a candidate, and what remains one by one to those with most of them."""
    kinds = sorted((kind for kind, count in eligible.items() if count), key=lambda kind: -eligible[kind])
    share, rest = divmod(most, len(kinds)) if kinds else (0, 0)
    return {kind: (share + (kind in kinds[:rest]) if kind in kinds else 0) for kind in eligible}


def _outside(eligible: Counts, most: int) -> dict[str, int]:
    """Units share all seats; persons, on a list of their own, have as many as the least of them."""
    units = _equal({kind: count for kind, count in eligible.items() if not is_for_persons(kind)}, most)
    apart = min((share for share in units.values() if share), default=most)
    return {kind: units.get(kind, apart) for kind in eligible}


_QUOTAS: Mapping[str, _Quota] = {
    "total_30_equal": _Quota(_equal, lambda _: True),
    "per_kind_30": _Quota(lambda eligible, most: dict.fromkeys(eligible, most), lambda _: False),
    "pooled_percentile_30": _Quota(lambda eligible, _: dict.fromkeys(eligible, 0), lambda _: True),
    "persons_outside": _Quota(_outside, lambda kind: not is_for_persons(kind)),
}
"""The readings of the plan's line 97 (DOMAIN 8.7); the first is the default, the others are switches."""
