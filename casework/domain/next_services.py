"""What to offer a household next: the smallest sets of services by which a level reaches the next better band.

Whether a service can be given, and what it does to the level's counts, is tried in a sandbox; which sets suffice is
then exact arithmetic over these counts. What no service changes (an employer's collective contract, a place that is
not free, a need that lapsed) is no part of any set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations, product
from typing import NamedTuple
from uuid import UUID

from casework.domain.assessment import KNOWN, NOT_APPLICABLE, assess_present, count
from casework.domain.clock import Clock
from casework.domain.explanation import level_mean, missing
from casework.domain.household import Household
from casework.domain.indicators import Count
from casework.domain.policy import LevelPolicy, Policy
from casework.domain.present import Present
from casework.domain.registry import Facts
from casework.domain.sandbox import Gift, Sandbox
from casework.domain.scoring import rounded
from casework.errors import CaseworkError

MOST_SETS = 10
"""How many sets are returned at most."""

MOST_TRIED = 20_000
"""How many combinations are tried at most; where that is not enough, no smaller set was found among those tried."""

Counts = dict[str, tuple[int, int]]
Effect = tuple[tuple[int, int], ...]


class Step(NamedTuple):
    """What meets one count of an indicator: one service, or, of a file and an offer, both.

    ``effect`` says by how much it raises each numerator and denominator of the level, in the policy's order.
    """

    indicator: str
    gifts: tuple[Gift, ...]
    effect: Effect


class ServiceSet(NamedTuple):
    """A set of services, and the level's score in hundredths after them."""

    steps: tuple[Step, ...]
    score: int

    @property
    def gifts(self) -> list[Gift]:
        """The services of all its steps."""
        return [gift for step in self.steps for gift in step.gifts]


class NextServices(NamedTuple):
    """How a level stands, the next better band, and the smallest sets of services that reach it.

    All sets have the same number of services, ``size``. Those that lead to the higher score come first; of equal ones
    those whose steps come first, by the policy's order of indicators and the household's of members. ``more`` says
    that there are others of this size; ``complete``, that none of this size or smaller was left untried. Without
    sets there is no better band, or services that can be given today do not suffice.
    """

    level: str
    score: int | None
    band: str
    next_band: str | None
    size: int
    sets: list[ServiceSet]
    more: bool
    complete: bool


def next_services(household: Household, policy: Policy, day: date, facts: Facts, level_code: str) -> NextServices:
    """Return the smallest sets of services that lift a level of a household to the next band on a day."""
    level = next(each for each in policy.levels if each.code == level_code)
    present = Present(household, policy, day, facts)
    stands = assess_present(present).levels[level_code]
    above = _above(policy, stands.band)
    if above is None:
        return NextServices(level_code, stands.score, stands.band, None, 0, [], more=False, complete=True)
    name, cut = above
    steps, counts = possible_steps(household, policy, day, facts, level), _counts(present, level)
    found, more, complete = _smallest(steps, counts, policy, cut)
    size = len(found[0].gifts) if found else 0
    return NextServices(level_code, stands.score, stands.band, name, size, found, more, complete)


def possible_steps(household: Household, policy: Policy, day: date, facts: Facts, level: LevelPolicy) -> list[Step]:
    """Return what could be given today and would meet a count of the level, as tried in a sandbox."""
    sandbox, steps = Sandbox(household, policy, day, facts), list[Step]()
    present = sandbox.present()
    for code in level.indicators:
        for each in count(present, code, policy.indicators[code].feed).counts:
            if not each.met:
                step = _tried(sandbox, level, code, each)
                if step is not None:
                    steps.append(step)
    return steps


def _above(policy: Policy, band: str) -> tuple[str, int] | None:
    names = [name for name, _ in policy.bands]
    place = names.index(band) if band in names else 0
    return policy.bands[place - 1] if place else None


def _counts(present: Present, level: LevelPolicy) -> Counts:
    """The numerators and denominators of what is known, and of what does not apply yet."""
    results = [count(present, code, present.policy.indicators[code].feed) for code in level.indicators]
    return {each.code: (each.num, each.den) for each in results if each.state in (KNOWN, NOT_APPLICABLE)}


def _tried(sandbox: Sandbox, level: LevelPolicy, code: str, unmet: Count) -> Step | None:
    """What meets a count, if anything does; what was given stays in the sandbox, where it is in nobody's way."""
    for gifts in _ways(sandbox, code, unmet):
        before = _counts(sandbox.present(), level)
        try:
            for gift in gifts:
                sandbox.give(gift)
        except CaseworkError:
            continue
        after = _counts(sandbox.present(), level)
        effect = tuple((after[each][0] - before[each][0], after[each][1] - before[each][1]) for each in before)
        if after[code][0] > before[code][0]:
            return Step(code, gifts, effect)
    return None


def _ways(sandbox: Sandbox, code: str, unmet: Count) -> Iterator[tuple[Gift, ...]]:
    """The services that may meet a count: each of several, or all of several that are missing together."""
    lacking = list(missing(code, unmet, sandbox.day, sandbox.policy))
    if not lacking or any(each.kind != "service" for each in lacking):
        return
    employer = unmet.unit_id if code == "WRK1" else None
    if code == "WRK1" and employer is None:
        return
    months, person = sandbox.policy.windows.offer_months, unmet.person_id
    choices = [each.codes for each in lacking if each.codes != ("FPL-OFFER",) or not _offered(sandbox, person, months)]
    for services in product(*choices):
        yield tuple(Gift(service, person, employer) for service in services)


def _offered(sandbox: Sandbox, person_id: UUID | None, months: int) -> bool:
    present = sandbox.present()
    return present.recent("FPL-OFFER", person_id, months, Clock(present.day)) is not None


class _Kind(NamedTuple):
    """Steps that do the same to the counts, by as many services."""

    effect: Effect
    size: int
    steps: list[Step]


def _kinds(steps: Sequence[Step]) -> list[_Kind]:
    kinds: dict[tuple[Effect, int], _Kind] = {}
    for step in steps:
        key = (step.effect, len(step.gifts))
        kinds.setdefault(key, _Kind(*key, [])).steps.append(step)
    return list(kinds.values())


def _smallest(steps: Sequence[Step], counts: Counts, policy: Policy, cut: int) -> tuple[list[ServiceSet], bool, bool]:
    """The first sets of the smallest size, whether there are more, and whether all up to this size were tried."""
    kinds, tried = _kinds(steps), 0
    everything = [len(kind.steps) for kind in kinds]
    if _score(kinds, everything, counts, policy) < cut:
        return [], False, True
    for size in range(1, sum([len(step.gifts) for step in steps]) + 1):
        reached: list[tuple[int, Sequence[int]]] = []
        for chosen in _of_size(kinds, size):
            tried += 1
            if tried > MOST_TRIED:
                break
            score = _score(kinds, chosen, counts, policy)
            if score >= cut:
                reached.append((score, chosen))
        if reached or tried > MOST_TRIED:
            sets, more = _first(kinds, reached, steps)
            return sets, more, tried <= MOST_TRIED
    return [], False, True


def _of_size(kinds: Sequence[_Kind], size: int) -> Iterator[list[int]]:
    """How many steps of each kind: every choice that makes so many services."""
    if not kinds:
        if size == 0:
            yield []
        return
    first, *others = kinds
    for number in range(min(len(first.steps), size // first.size), -1, -1):
        for rest in _of_size(others, size - number * first.size):
            yield [number, *rest]


def _score(kinds: Sequence[_Kind], chosen: Sequence[int], counts: Counts, policy: Policy) -> int:
    after: dict[str, tuple[int, int]] = {}
    for place, (code, (num, den)) in enumerate(counts.items()):
        for kind, number in zip(kinds, chosen, strict=True):
            num += number * kind.effect[place][0]
            den += number * kind.effect[place][1]
        if den:
            after[code] = (num, den)
    return rounded(level_mean(after, policy)) if after else 0


def _first(
    kinds: Sequence[_Kind], reached: list[tuple[int, Sequence[int]]], steps: Sequence[Step]
) -> tuple[list[ServiceSet], bool]:
    places = {id(step): place for place, step in enumerate(steps)}
    sets: list[ServiceSet] = []
    for score, chosen in sorted(reached, key=lambda each: -each[0]):
        ways = [combinations(kind.steps, number) for kind, number in zip(kinds, chosen, strict=True)]
        for way in product(*ways):
            if len(sets) == MOST_SETS:
                return sets, True
            picked = sorted((step for part in way for step in part), key=lambda step: places[id(step)])
            sets.append(ServiceSet(tuple(picked), score))
    return sets, False
