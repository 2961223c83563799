"""The draws: the stream as RULES U15 orders it, probabilities against the closed form, the same bytes each time."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from math import factorial, prod, sqrt
from random import Random
from uuid import UUID

import msgspec
import numpy
import pytest

from casework.domain.measured import Rate, UnitMetric
from casework.domain.policy import Kind, Policy
from casework.domain.ranking import Candidate, rank
from casework.domain.scoring import Ratio
from casework.selection.draws import Contest, RankFigures, drawn_finals, generator_of, rank_figures
from tests.domain.given_units import POLICY, kind, measured, nomination, rate, with_goals

SEED = bytes.fromhex("0123456789abcdef")
DISTRICTS, EMPLOYERS, PROVIDERS, PERSONS = (kind(code) for code in ("K01", "K03", "K05", "K06"))


def contest(of: Kind, *candidates: Candidate, seats: int = 1, policy: Policy = POLICY) -> Contest:
    return Contest(of, rank(of.code, candidates, policy, SEED), seats)


def entrant(number: int, unit: UnitMetric | None, panel: int = 80) -> Candidate:
    return Candidate(UUID(int=number), unit, (panel,) * 5)


def drawn(policy: Policy, count: int, floor: int = 7000) -> Policy:
    """The policy with another number of draws, and perhaps another floor."""
    draws = msgspec.structs.replace(policy.selection.draws, count=count)
    selection = msgspec.structs.replace(policy.selection, draws=draws, final_floor=floor)
    return msgspec.structs.replace(policy, selection=selection)


def provider(*cells: tuple[int, int], m: int = 10) -> UnitMetric:
    """A training provider with rates shrunk to one half."""
    names = ("completed", "certified", "employed", "with_need")
    rates = {name: rate(*cell, m=m) for name, cell in zip(names, cells, strict=False)}
    return measured(70, rates=rates)


def district(random: Random, *, without: str = "") -> UnitMetric:
    """A district with some rates of every level, and facts."""
    codes = [code for code in POLICY.indicators if random.random() < 0.8 and not (without and code.startswith(without))]
    rates = {code: rate(random.randint(100, 300), 300, mu=Fraction(4, 5), m=40) for code in codes}
    return measured(
        70, of=DISTRICTS.code, rates=rates, parts={"levels": Fraction(1), "facts": Fraction(random.randint(0, 99))}
    )


def whole_round(candidates: int = 9) -> list[Contest]:
    """A round of three kinds: with levels, with parts, and of persons."""
    random = Random(5)
    employers = [
        measured(
            75,
            of=EMPLOYERS.code,
            rates={name: rate(random.randint(10, 30), 30) for name in ("contract", "insurance", "training")},
            parts={"collective": Fraction(random.randint(0, 100))},
        )
        for _ in range(candidates)
    ]
    units = [*(district(random) for _ in range(candidates)), *employers, *[None] * candidates]
    numbers = random.sample(range(1, 1000), len(units))
    entrants = [entrant(number, unit, random.randint(60, 100)) for number, unit in zip(numbers, units, strict=True)]
    return [
        contest(DISTRICTS, *entrants[:candidates], seats=3),
        contest(EMPLOYERS, *entrants[candidates : 2 * candidates], seats=3),
        contest(PERSONS, *entrants[2 * candidates :], seats=3),
    ]


def beta(x: int, y: int) -> Fraction:
    return Fraction(factorial(x - 1) * factorial(y - 1), factorial(x + y - 1))


def beats(a: int, b: int, c: int, d: int) -> Fraction:
    """P(X > Y) of X ~ Beta(a, b) and Y ~ Beta(c, d) with integer parameters: a finite sum."""
    terms = (beta(c + i, b + d) / ((b + i) * beta(1 + i, b) * beta(c, d)) for i in range(a))
    return sum(terms, Fraction(0))


def test_the_closed_form_is_right_where_it_is_known():
    assert beats(1, 1, 1, 1) == Fraction(1, 2)
    assert beats(2, 1, 1, 1) == Fraction(2, 3)
    assert beats(7, 3, 4, 9) + beats(4, 9, 7, 3) == 1


@pytest.mark.parametrize(("first", "second"), [((14, 20), (12, 20)), ((3, 5), (40, 60)), ((9, 10), (27, 30))])
def test_two_candidates_are_selected_as_often_as_the_closed_form_says(first: tuple[int, int], second: tuple[int, int]):
    """One part has a fixed weight of one; with m = 10 and μ = 1/2 the parameters are those counted and five more."""
    of_one_part = msgspec.structs.replace(PROVIDERS, parts={"completed": 100})
    count = 20_000
    policy = drawn(POLICY, count=count, floor=0)
    (a, b), (c, d) = ((num + 5, den - num + 5) for num, den in (first, second))
    wins = float(beats(a, b, c, d))

    found = rank_figures(
        [contest(of_one_part, entrant(1, provider(first)), entrant(2, provider(second)))], policy, SEED
    )

    error = 4 * sqrt(wins * (1 - wins) / count) + 0.001
    assert abs(found[nomination(1)].p_selected / 1000 - wins) < error
    assert abs(found[nomination(2)].p_selected / 1000 - (1 - wins)) < error


def slowly(contests: list[Contest], policy: Policy) -> dict[str, list[list[int]]]:
    """The finals of all draws as RULES U15 tells them: one number at a time from the generator, no arrays."""
    generator = generator_of(SEED)
    finals: dict[str, list[list[int]]] = {each.kind.code: [] for each in contests}
    for _ in range(policy.selection.draws.count):
        for each in contests:
            finals[each.kind.code].append(one_draw(each, policy, generator))
    return finals


def one_draw(each: Contest, policy: Policy, generator: numpy.random.RandomState) -> list[int]:
    levels = [level for level in policy.levels if level.code in each.kind.levels]
    groups = [[(code, policy.indicators[code].weight) for code in level.indicators] for level in levels]
    groups = groups or [list(each.kind.parts.items())]
    concentration = policy.selection.draws.weight_concentration

    def weights(of: list[int]) -> list[float]:
        return [float(w) for w in generator.dirichlet([concentration * weight / sum(of) for weight in of])]

    persons = all(place.candidate.measured is None for place in each.places)
    across = weights([1] * len(levels)) if levels else []
    within = [] if persons else [weights([weight for _, weight in group]) for group in groups]
    balanced = bool(levels) and generator.random_sample() >= 0.5
    finals = {}
    for place in sorted(each.places, key=lambda place: str(place.nomination_id)):
        panel = place.panel / 100
        unit = place.candidate.measured
        if unit is None:
            finals[place.nomination_id] = panel
            continue
        scores = {}
        for group in groups:
            for code, _ in group:
                if code in unit.indicators:
                    goal = policy.indicators[code].goal if levels else Ratio(1, 1)
                    scores[code] = 100 * min(1, drawn_rate(unit.indicators[code], generator) / (goal.num / goal.den))
                elif unit.parts.get(code) is not None:
                    scores[code] = float(unit.parts[code] or 0)
        means = [
            mean([(w, scores[code]) for w, (code, _) in zip(ws, group, strict=True) if code in scores])
            for ws, group in zip(within, groups, strict=True)
        ]
        metric = means[0]
        if levels:
            metric = between(list(zip(across, means, strict=True)), balanced)
            assert metric is not None
            metric = mean([(80, metric), (20, float(unit.parts["facts"] or 0))])
        assert metric is not None
        finals[place.nomination_id] = 0.7 * metric + 0.3 * panel
    return [round(100 * finals[place.nomination_id]) for place in each.places]


def drawn_rate(one: Rate, generator: numpy.random.RandomState) -> float:
    met, all_of_them = one.met + one.m * one.mu, one.n + one.m
    if met in (0, all_of_them):
        return float(met / all_of_them)
    return float(generator.beta(float(met), float(all_of_them - met)))


def mean(parts: list[tuple[float, float]]) -> float | None:
    weights = sum(weight for weight, _ in parts)
    return sum(weight * score for weight, score in parts) / weights if parts else None


def between(levels: list[tuple[float, float | None]], balanced: bool) -> float | None:
    found = [(weight, score) for weight, score in levels if score is not None]
    if not balanced:
        return mean(found)
    weights = sum(weight for weight, _ in found)
    return prod(max(score, 1) ** (weight / weights) for weight, score in found)


@pytest.mark.parametrize("goal", [Ratio(1, 1), Ratio(4, 5)])
def test_the_stream_is_that_of_one_number_after_another(goal: Ratio):
    contests, policy = whole_round(), drawn(with_goals(goal), count=250)  # more than two chunks

    found = drawn_finals(contests, policy, SEED)

    assert {code: finals.tolist() for code, finals in found.items()} == slowly(contests, policy)


def test_what_does_not_apply_or_is_certain_is_not_drawn():
    """A level without indicators, all met where all others have all met, none met where none has."""
    random = Random(8)
    certain = {"SCH1": rate(300, 300, mu=Fraction(1)), "WRK1": rate(0, 300, mu=Fraction(0)), "COM1": rate(200, 300)}
    units = [
        measured(50, of=DISTRICTS.code, rates=certain, parts={"levels": Fraction(1), "facts": Fraction(50)}),
        district(random, without="CIT"),
        district(random),
    ]
    contests, policy = [contest(DISTRICTS, *map(entrant, (3, 1, 2), units))], drawn(POLICY, count=60)

    found = drawn_finals(contests, policy, SEED)

    assert {code: finals.tolist() for code, finals in found.items()} == slowly(contests, policy)


def test_a_draft_may_give_a_part_no_weight():
    without = msgspec.structs.replace(PROVIDERS, parts={**PROVIDERS.parts, "with_need": 0})
    same = [entrant(1, provider((9, 10), (9, 10), (9, 10), (0, 10)))]

    found = drawn_finals([contest(without, *same)], drawn(POLICY, count=20), SEED)

    assert found[PROVIDERS.code].min() > 0.7 * 5000


GOLDEN = "7746c0e4232e3e95789736abbefecceb448a440a138a298bf659a7f48f75aed8"
FIRST = {
    "K01_DISTRICT": [6855, 7348, 7933, 7178, 8154, 6395, 7531, 7057, 6573],
    "K03_EMPLOYER": [6350, 6849, 6504, 7102, 7497, 5774, 6794, 7073, 5169],
    "K06_MIGRANT_WORKER": [9700, 9500, 8900, 8300, 8200, 7600, 6800, 6200, 6000],
}


def test_the_draws_are_the_same_bytes_every_time():
    contests, policy = whole_round(), drawn(POLICY, count=300)

    def digest() -> str:
        finals = drawn_finals(contests, policy, SEED)
        return sha256(b"".join(each.astype("<i8").tobytes() for each in finals.values())).hexdigest()

    assert [digest(), digest()] == [GOLDEN, GOLDEN]
    assert {code: finals[0].tolist() for code, finals in drawn_finals(contests, policy, SEED).items()} == FIRST


def test_the_generator_is_numpys_frozen_one_seeded_by_two_big_endian_halves():
    by_hand = numpy.random.RandomState(numpy.array([0x01234567, 0x89ABCDEF], dtype=numpy.uint32))

    assert generator_of(SEED).random_sample(3).tolist() == by_hand.random_sample(3).tolist()
    with pytest.raises(ValueError, match="8 bytes"):
        generator_of(SEED[:4])


def test_another_seed_draws_otherwise():
    contests, policy = whole_round(), drawn(POLICY, count=100)

    assert rank_figures(contests, policy, SEED) != rank_figures(contests, policy, bytes(8))


def test_the_order_in_which_nominations_came_changes_nothing():
    units = [provider((num, 30), (20, 30)) for num in (10, 15, 20, 25)]
    numbers, policy = [7, 2, 9, 4], drawn(POLICY, count=200)
    one = [entrant(number, unit) for number, unit in zip(numbers, units, strict=True)]

    assert rank_figures([contest(PROVIDERS, *one)], policy, SEED) == rank_figures(
        [contest(PROVIDERS, *reversed(one))], policy, SEED
    )


def test_persons_have_one_rank_in_all_draws_and_equals_are_in_the_order_of_the_lot():
    people = contest(PERSONS, *(entrant(number, None, panel) for number, panel in ((1, 75), (2, 90), (3, 75))), seats=2)

    found = rank_figures([people], POLICY, SEED)

    assert [found[place.nomination_id] for place in people.places] == [
        RankFigures(1, 1, 1, 1000, False),
        RankFigures(2, 2, 2, 1000, False),
        RankFigures(3, 3, 3, 0, False),
    ]


def test_who_is_below_the_floor_is_not_selected_whatever_the_rank():
    found = rank_figures([contest(PERSONS, entrant(1, None, 69), entrant(2, None, 70), seats=5)], POLICY, SEED)

    assert [found[nomination(number)].p_selected for number in (1, 2)] == [0, 1000]


def test_likely_and_unlikely_ranks_are_told_with_their_interval():
    units = [provider(*[(num, 40)] * 4) for num in (38, 31, 31, 10)]
    policy = drawn(POLICY, count=1000)

    found = rank_figures([contest(PROVIDERS, *map(entrant, range(1, 5), units), seats=2)], policy, SEED)

    best, second, third, last = (found[nomination(number)] for number in range(1, 5))
    assert (best.rank_low, best.rank_median, best.p_selected, best.borderline) == (1, 1, 1000, False)
    assert {second.rank_median, third.rank_median} <= {2, 3}
    assert second.borderline
    assert third.borderline
    assert 990 <= second.p_selected + third.p_selected <= 1000
    assert (last.rank_high, last.p_selected) == (4, 0)


def test_quantiles_are_by_nearest_rank_and_shares_half_even():
    """Of 2000 ranks the 100th, 1000th and 1900th; 701 of 2000 is 0.350 and borderline, 699 is 0.350 as well."""
    from casework.selection.draws import _figures

    ranks = numpy.arange(1, 2001)

    assert _figures(ranks, 701, POLICY.selection.draws) == RankFigures(100, 1000, 1900, 350, True)
    assert _figures(ranks, 699, POLICY.selection.draws)[3:] == (350, True)
    assert _figures(ranks, 697, POLICY.selection.draws)[3:] == (348, False)
    assert _figures(ranks, 1301, POLICY.selection.draws)[3:] == (650, True)
    assert _figures(ranks, 1303, POLICY.selection.draws)[3:] == (652, False)


def test_no_candidates_no_figures():
    assert rank_figures([], POLICY, SEED) == {}
    assert rank_figures([contest(PROVIDERS)], POLICY, SEED) == {}
