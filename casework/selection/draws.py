"""How sure a rank is: a round drawn many times over, with rates and weights as uncertain as they are (RULES U15, U16).

For information only: nothing here changes an order. The generator is ``numpy.random.RandomState``, whose stream numpy
has frozen, and it is asked in one order:

* for every draw, and in it for every kind in catalogue order:
* the weights: of a kind with levels those of its levels, then those of each level's indicators, in the policy's order;
  of any other kind those of its parts, in the policy's order; each from Dirichlet(concentration · w), w adding up to 1;
* where levels are balanced or averaged, one uniform number: below a half they are averaged, else balanced;
* the rates, candidate by candidate in the order of their nomination ids, those that apply in the policy's order, each
  from Beta(n·p + m·μ, n·(1-p) + m·(1-μ)); where one of the two is 0 the rate is a constant and nothing is drawn.

The rates of a kind are asked for in one call with arrays, which numpy fills one after the other by the same steps as a
call for each (a test compares them). What follows is arithmetic over chunks of draws, column by column, so that sums
have one order, and with the C library's own ``log`` and ``exp``: numpy's differ from one processor to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import exp, log
from typing import NamedTuple
from uuid import UUID

import numpy
from numpy.typing import NDArray

from casework.domain.kinds import indicators_of, levels_of
from casework.domain.measured import Rate, UnitMetric
from casework.domain.policy import Draws, Kind, Policy
from casework.domain.ranking import SEED_BYTES, Placed, panel_mean

Floats = NDArray[numpy.float64]
Whole = NDArray[numpy.int64]

CHUNK = 100
"""How many draws are in memory at once: 500 candidates with 18 rates are 7 MB."""


class Contest(NamedTuple):
    """A kind as it was ranked, and the seats that its draws count with."""

    kind: Kind
    places: Sequence[Placed]
    seats: int


class RankFigures(NamedTuple):
    """How sure a candidate's rank is: 5 %, median and 95 % of its ranks; how often it is selected, in thousandths."""

    rank_low: int
    rank_median: int
    rank_high: int
    p_selected: int
    borderline: bool


def rank_figures(contests: Sequence[Contest], policy: Policy, seed: bytes) -> dict[UUID, RankFigures]:
    """Draw the round and tell how sure each nomination's rank is; contests are in catalogue order of their kinds."""
    finals = drawn_finals(contests, policy, seed)
    floor, draws = policy.selection.final_floor, policy.selection.draws
    found: dict[UUID, RankFigures] = {}
    for contest in contests:
        scores = finals[contest.kind.code]
        ranks = _ranks(scores, [place.tie_place for place in contest.places])
        selected = ((ranks <= contest.seats) & (scores >= floor)).sum(axis=0)
        for column, place in enumerate(contest.places):
            found[place.nomination_id] = _figures(numpy.sort(ranks[:, column]), int(selected[column]), draws)
    return found


def drawn_finals(contests: Sequence[Contest], policy: Policy, seed: bytes) -> dict[str, Whole]:
    """The final scores of all draws, in hundredths: by kind an array of draws × candidates in the order of places."""
    generator = generator_of(seed)
    count = policy.selection.draws.count
    fields = [_Field(contest, policy) for contest in contests]
    finals = {field.code: numpy.empty((count, len(field.panel)), dtype=numpy.int64) for field in fields}
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        chunks = [field.room(size) for field in fields]
        for draw in range(size):
            for field, chunk in zip(fields, chunks, strict=True):
                field.draw(generator, chunk, draw)
        for field, chunk in zip(fields, chunks, strict=True):
            finals[field.code][first : first + size] = field.finals(chunk)
    return finals


def generator_of(seed: bytes) -> numpy.random.RandomState:
    """The generator of a seed of 8 bytes, taken as two big-endian numbers of 32 bits; ValueError for another length."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes")
    return numpy.random.RandomState(numpy.frombuffer(seed, dtype=">u4").astype(numpy.uint32))


class _Group(NamedTuple):
    """What weights are drawn for together: the concentration of each, and the columns that they weigh."""

    alpha: Floats
    columns: tuple[int, ...]


class _Chunk(NamedTuple):
    """Some draws of a kind: weights by group, whether levels are balanced, and rates (not a number: not applicable)."""

    weights: list[Floats]
    balanced: NDArray[numpy.bool_]
    rates: Floats


class _Field:
    """The candidates of a kind in the order of their nomination ids, as arrays of candidates × columns.

    A column is an indicator of the kind's levels, or one of its parts. ``_fixed`` holds what is not drawn. Persons have
    the panel's scores and nothing that is drawn.
    """

    def __init__(self, contest: Contest, policy: Policy) -> None:
        kind, self._policy = contest.kind, policy
        self.code = kind.code
        self._order = sorted(range(len(contest.places)), key=lambda place: contest.places[place].nomination_id)
        candidates = [contest.places[place].candidate for place in self._order]
        units = [each.measured for each in candidates if each.measured is not None]
        self.panel = numpy.array([float(panel_mean(each.scores, policy.selection.panel)) for each in candidates])
        self._kind, self._has_levels = kind, bool(kind.levels)
        columns = indicators_of(kind, policy) if kind.levels else tuple(kind.parts)
        self._groups = list(_groups(kind, policy, columns)) if units else []
        self._goals = numpy.array([_goal(code, policy) for code in columns])
        self._fixed, self._is_drawn, self._a, self._b = _parameters(units, columns)
        self._facts = numpy.array([_score(each.parts.get("facts")) for each in units])

    def room(self, draws: int) -> _Chunk:
        """Room for so many draws."""
        weights = [numpy.empty((draws, len(group.alpha))) for group in self._groups]
        return _Chunk(weights, numpy.zeros(draws, dtype=numpy.bool_), numpy.tile(self._fixed, (draws, 1, 1)))

    def draw(self, generator: numpy.random.RandomState, chunk: _Chunk, draw: int) -> None:
        """Take one draw from the generator."""
        for weights, group in zip(chunk.weights, self._groups, strict=True):
            weights[draw] = generator.dirichlet(group.alpha)
        if self._groups and self._has_levels:
            chunk.balanced[draw] = generator.random_sample() >= 0.5
        if self._a.size:
            chunk.rates[draw][self._is_drawn] = generator.beta(self._a, self._b)

    def finals(self, chunk: _Chunk) -> Whole:
        """The final scores of some draws in hundredths, the candidates in the order of places."""
        share = self._policy.selection.panel.share
        finals = numpy.tile(self.panel, (len(chunk.balanced), 1))
        if self._groups:
            finals = self._metric(chunk) * ((share.den - share.num) / share.den) + finals * (share.num / share.den)
        placed = numpy.empty(finals.shape, dtype=numpy.int64)
        placed[:, self._order] = numpy.rint(finals * 100).astype(numpy.int64)
        return placed

    def _metric(self, chunk: _Chunk) -> Floats:
        scores = 100 * numpy.minimum(1, chunk.rates / self._goals)
        means = [
            _weighted(weights.T, [scores[:, :, column] for column in group.columns])
            for weights, group in zip(chunk.weights, self._groups, strict=True)
            if group.columns
        ]
        if not self._has_levels:
            return means[0]
        levels, balanced = chunk.weights[0].T, numpy.flatnonzero(chunk.balanced)
        together = _weighted(levels, means)
        together[balanced] = _balanced(levels[:, balanced], [mean[balanced] for mean in means], self._policy.floor)
        shares = numpy.array([[self._kind.parts["levels"]], [self._kind.parts["facts"]]], dtype=float)
        return _weighted(shares, [together, numpy.tile(self._facts, (len(together), 1))])


def _groups(kind: Kind, policy: Policy, columns: tuple[str, ...]) -> Iterator[_Group]:
    """What weights are drawn for, in the order of the draws; the levels weigh means, and so no columns."""
    levels = levels_of(kind, policy)
    if levels:
        yield _Group(_alpha([1] * len(levels), policy), ())
    weights = {code: rule.weight for code, rule in policy.indicators.items()} if levels else kind.parts
    for codes in [level.indicators for level in levels] or [columns]:
        weighing = [code for code in codes if weights[code]]  # a draft may give a part no weight at all
        alpha = _alpha([weights[code] for code in weighing], policy)
        yield _Group(alpha, tuple(columns.index(code) for code in weighing))


def _alpha(weights: Sequence[int], policy: Policy) -> Floats:
    concentration = policy.selection.draws.weight_concentration
    return numpy.array([concentration * weight / sum(weights) for weight in weights])


def _goal(code: str, policy: Policy) -> float:
    rule = policy.indicators.get(code)
    return rule.goal.num / rule.goal.den if rule else 1.0


def _parameters(
    units: Sequence[UnitMetric], columns: Sequence[str]
) -> tuple[Floats, NDArray[numpy.bool_], Floats, Floats]:
    """What is fixed and what is drawn of units × columns, and the parameters of what is drawn, in its order."""
    fixed = numpy.full((len(units), len(columns)), numpy.nan)
    is_drawn = numpy.zeros(fixed.shape, dtype=numpy.bool_)
    parameters: list[tuple[float, float]] = []
    for row, unit in enumerate(units):
        for column, code in enumerate(columns):
            rate = unit.indicators.get(code)
            met, unmet = _beta(rate) if rate else (0.0, 0.0)
            if met and unmet:
                is_drawn[row, column] = True
                parameters.append((met, unmet))
            elif rate:
                fixed[row, column] = 1.0 if met else 0.0
            else:
                fixed[row, column] = _score(unit.parts.get(code)) / 100
    a, b = numpy.array(parameters, dtype=float).reshape(-1, 2).T
    return fixed, is_drawn, a.copy(), b.copy()


def _beta(rate: Rate) -> tuple[float, float]:
    """The parameters of a rate's Beta distribution: n·p + m·μ and n·(1-p) + m·(1-μ)."""
    met = rate.met + rate.m * rate.mu
    return float(met), float(rate.n + rate.m - met)


def _score(score: Fraction | None) -> float:
    return numpy.nan if score is None else float(score)


def _weighted(weights: Floats, columns: Sequence[Floats]) -> Floats:
    """The mean of columns (draws × candidates each) weighted by rows of weights (each by draw, or one for all).

    What is not a number does not apply and has no weight.
    """
    total, weighed = numpy.zeros(columns[0].shape), numpy.zeros(columns[0].shape)
    for weight, column in zip(weights, columns, strict=True):
        applies = ~numpy.isnan(column)
        by_draw = numpy.where(applies, weight[:, None], 0.0)
        total += by_draw * numpy.where(applies, column, 0.0)
        weighed += by_draw
    mean = numpy.full(total.shape, numpy.nan)
    numpy.divide(total, weighed, out=mean, where=weighed > 0)
    return mean


def _balanced(weights: Floats, levels: Sequence[Floats], floor: int) -> Floats:
    """The weighted geometric mean of levels, each taken as at least ``floor``."""
    return _each(exp, _weighted(weights, [_each(log, numpy.maximum(level, floor)) for level in levels]))


def _each(function: Callable[[float], float], values: Floats) -> Floats:
    return numpy.array([function(value) for value in values.ravel().tolist()]).reshape(values.shape)


def _ranks(scores: Whole, tie_places: Sequence[int]) -> Whole:
    """The rank of each candidate in each draw: 1 and one more for all that are better, equals by the tie-breaks."""
    by_ties = numpy.argsort(tie_places)
    best_first = numpy.argsort(-scores[:, by_ties], axis=1, kind="stable")
    ranks = numpy.empty_like(scores)
    places = numpy.broadcast_to(numpy.arange(1, scores.shape[1] + 1), scores.shape)
    numpy.put_along_axis(ranks, by_ties[best_first], places, axis=1)
    return ranks


def _figures(ranks: Whole, selected: int, draws: Draws) -> RankFigures:
    """The figures of a candidate from its ranks in all draws, in ascending order."""
    count = len(ranks)
    low, high = draws.interval
    share = round(Fraction(1000 * selected, count))
    least, most = draws.borderline
    return RankFigures(_nearest(ranks, low), _nearest(ranks, 500), _nearest(ranks, high), share, least <= share <= most)


def _nearest(ranks: Whole, thousandths: int) -> int:
    """A quantile by nearest rank: the ⌈q·N⌉-th of the sorted (RULES U16)."""
    return int(ranks[-(-thousandths * len(ranks) // 1000) - 1])
