"""The order of a kind's candidates: final scores and tie-breaks down to the lot (DOMAIN 8.7, RULES U12, U13).

Units are ranked by their metric and the panel, persons by the panel alone. No household, and no figure of one, is ever
an input: what comes in are :class:`~casework.domain.measured.UnitMetric` and the panel's scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.kinds import is_for_persons
from casework.domain.measured import UnitMetric, hundredths
from casework.domain.policy import Panel, Policy, TieBreak

SEED_BYTES = 8


class Candidate(NamedTuple):
    """A nomination that is eligible and ranked: what its place is decided by.

    ``measured`` is None for a person. ``scores`` are the panel's, one of each member: points from 0 to 100.
    ``last_metric`` is the unit's M of last year where it was ranked; ``commendations`` are those not revoked.
    """

    nomination_id: UUID
    measured: UnitMetric | None
    scores: tuple[int, ...]
    last_metric: Fraction | None = None
    commendations: int = 0


class Placed(NamedTuple):
    """A candidate's place in its kind; scores in hundredths, rank 1 the best.

    ``tie_break`` is how far down the tie-breaks one had to go to tell the candidate from all with the same final
    score; None where nobody has. ``tie_place`` is its place in the kind by the tie-breaks alone: it tells equal scores
    of draws apart. ``lot`` is recorded whether it was needed or not.
    """

    candidate: Candidate
    kind: str
    metric: int | None
    panel: int
    final: int
    rank: int
    tie_break: TieBreak | None
    tie_place: int
    lot: str

    @property
    def nomination_id(self) -> UUID:
        """The candidate's nomination."""
        return self.candidate.nomination_id


def panel_mean(scores: Sequence[int], panel: Panel) -> Fraction:
    """P, 0 to 100: the mean of the panel's scores without exactly one highest and one lowest (RULES U12).

    ValueError for fewer scores than the policy asks.
    """
    if len(scores) < panel.members_min:
        raise ValueError(f"a panel has at least {panel.members_min} scores")
    counted = sorted(scores)[panel.lowest_left_out : len(scores) - panel.highest_left_out]
    return Fraction(sum(counted), len(counted))


def final_score(candidate: Candidate, panel: Panel) -> Fraction:
    """The final score, exact: 0.7·M + 0.3·P of a unit, P of a person."""
    points = panel_mean(candidate.scores, panel)
    if candidate.measured is None:
        return points
    if candidate.measured.metric is None:
        raise ValueError("a unit without a metric is not ranked")
    share = Fraction(*panel.share)
    return (1 - share) * candidate.measured.metric + share * points


def rank(kind: str, candidates: Sequence[Candidate], policy: Policy, seed: bytes) -> list[Placed]:
    """Place all candidates of a kind, best first; ``seed`` is the 8 bytes that the freeze gave.

    ValueError for a unit that is not ranked or of another kind, and for a person with a metric.
    """
    panel, order = policy.selection.panel, policy.selection.tie_breaks
    for each in candidates:
        _check(kind, each)
    lots = {each.nomination_id: lot(seed, kind, each.nomination_id) for each in candidates}
    finals = {each.nomination_id: hundredths(final_score(each, panel)) for each in candidates}
    keys = {
        each.nomination_id: tuple(_TIE_BREAKS[name](each, lots[each.nomination_id]) for name in order)
        for each in candidates
    }
    tie_places = {each: place for place, each in enumerate(sorted(keys, key=lambda each: keys[each]), 1)}
    places = sorted(candidates, key=lambda each: (-finals[each.nomination_id], keys[each.nomination_id]))
    return [
        Placed(
            candidate=each,
            kind=kind,
            metric=_metric(each),
            panel=hundredths(panel_mean(each.scores, panel)),
            final=finals[each.nomination_id],
            rank=place,
            tie_break=_tie_break(each.nomination_id, finals, keys, order),
            tie_place=tie_places[each.nomination_id],
            lot=lots[each.nomination_id],
        )
        for place, each in enumerate(places, 1)
    ]


def lot(seed: bytes, kind: str, nomination_id: UUID) -> str:
    """A nomination's lot, from the published seed alone: the smallest wins (RULES U13)."""
    return sha256(f"{seed.hex()}:{kind}:{nomination_id}".encode()).hexdigest()


def _check(kind: str, candidate: Candidate) -> None:
    if is_for_persons(kind) != (candidate.measured is None):
        raise ValueError("units have a metric, persons have none")
    if candidate.measured and (candidate.measured.kind != kind or candidate.measured.not_ranked):
        raise ValueError("the unit is of another kind, or not ranked")


def _metric(candidate: Candidate) -> int | None:
    measured = candidate.measured
    return None if measured is None or measured.metric is None else hundredths(measured.metric)


Key = tuple[Any, ...]


def _tie_break(
    mine: UUID, finals: Mapping[UUID, int], keys: Mapping[UUID, Key], order: Sequence[TieBreak]
) -> TieBreak | None:
    """The furthest of the tie-breaks that tell a candidate from those with the same final score."""
    equals = [keys[each] for each, final in finals.items() if each != mine and final == finals[mine]]
    steps = [
        next(step for step, (my, their) in enumerate(zip(keys[mine], other, strict=True)) if my != their)
        for other in equals
    ]
    return order[max(steps)] if steps else None


def _wilson(candidate: Candidate, _: str) -> int:
    weakest = candidate.measured.weakest if candidate.measured else None
    return -weakest.low if weakest else 0


def _size(candidate: Candidate, _: str) -> Fraction:
    return -candidate.measured.effective_n if candidate.measured else Fraction(0)


def _gain(candidate: Candidate, _: str) -> tuple[bool, Fraction]:
    """The larger gain first, and who had no metric last year last."""
    metric = candidate.measured.metric if candidate.measured else None
    if metric is None or candidate.last_metric is None:
        return True, Fraction(0)
    return False, candidate.last_metric - metric


_TIE_BREAKS: Mapping[TieBreak, Callable[[Candidate, str], Any]] = {
    "wilson_lower_of_weakest": _wilson,
    "effective_n": _size,
    "gain": _gain,
    "fewer_commendations": lambda candidate, _: candidate.commendations,
    "lot": lambda _, drawn: drawn,
}
"""What each tie-break compares, the smallest first; of persons all but the last two are alike."""
