"""A round's figures and ranking beside others of the same round: who stands otherwise, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.kinds import is_for_persons, round_kinds
from casework.domain.measured import UnitMetric, hundredths
from casework.domain.policy import Kind, Policy
from casework.domain.rounds.events import RankedCandidate
from casework.domain.rounds.round import Round
from casework.selection.ranks import Ranking, kinds_of
from casework.selection.reasons import Reason, Side, reasons
from casework.selection.snapshot import Snapshot
from casework.selection.standing import Rule, Standing, Under, rules_behind

SEATED, RESERVE = "seated", "reserve"
Content = dict[str, Any]


class Figures(NamedTuple):
    """A round's figures by kind, and the ranking by them; None where the panel's scores are not open yet."""

    kinds: Sequence[Kind]
    snapshot: Snapshot
    ranking: Ranking | None


class Moved(NamedTuple):
    """A unit, or a person by their nomination, that stands otherwise; None is for a kind that is gone or new.

    ``nomination_id`` is None of a unit that is no candidate. ``why`` is what moved the metric, ``rules`` what other
    rules the rest can rest on.
    """

    kind: str
    unit: UUID | None
    code: str | None
    nomination_id: UUID | None
    before: Standing | None
    after: Standing | None
    why: Sequence[Reason]
    rules: Sequence[Rule] = ()

    @property
    def by(self) -> int:
        """By how many hundredths the metric is larger than before; 0 where it has none on one of the sides."""
        old, new = (side.metric if side else None for side in (self.before, self.after))
        return 0 if old is None or new is None else new - old

    def told(self) -> Content:
        """Return it as JSON has it."""
        return {
            "kind": self.kind,
            "unit": None if self.unit is None else {"unit_id": str(self.unit), "code": self.code},
            "nomination_id": None if self.nomination_id is None else str(self.nomination_id),
            "before": self.before and self.before._asdict(),
            "after": self.after and self.after._asdict(),
            "why": [{**reason._asdict(), "points": round(reason.points, 4)} for reason in self.why],
            "rules": [rule._asdict() for rule in self.rules],
        }


class KindCompared(NamedTuple):
    """A kind: how many units it has, and those of them and of its candidates that stand otherwise, candidates first."""

    kind: str
    units: int
    moved: Sequence[Moved]


class Kinds(NamedTuple):
    """The kinds of a round under a policy, those that the policy has besides, and those that it has no more."""

    compared: Sequence[Kind]
    left_out: Sequence[str]
    dropped: Sequence[str]


def kinds_under(opened: Round, policy: Policy) -> Kinds:
    """Return a round's kinds under another policy; nobody was nominated for a kind that the round does not have."""
    old = opened.policy
    active = {kind.code for kind in old.selection.kinds if kind.active}
    ceased = {kind.code for kind in policy.selection.kinds if not kind.active} & active
    kinds = [kind for kind in kinds_of(opened, policy) if kind.code not in ceased]
    codes = {kind.code for kind in kinds}
    left_out = [kind.code for kind in round_kinds(policy) if kind.code not in opened.begun.kinds]
    return Kinds(kinds, left_out, [kind for kind in opened.begun.kinds if kind not in codes])


def compare(opened: Round, before: Figures, after: Figures) -> list[KindCompared]:
    """Return, for each kind of the round, who stands otherwise."""
    return [_of_kind(kind, opened, before, after) for kind in opened.begun.kinds]


def _of_kind(kind: str, opened: Round, before: Figures, after: Figures) -> KindCompared:
    nominations = {each.candidate: each.id for each in opened.nominations.values() if each.kind == kind}
    sides = [_Side(kind, figures) for figures in (before, after)]
    if is_for_persons(kind):
        moved = list(_persons(kind, nominations.values(), sides[0], sides[1]))
    else:
        moved = list(_units(kind, nominations, sides[0], sides[1]))
    moved.sort(key=_order)
    return KindCompared(kind, len({**sides[0].measured, **sides[1].measured}), moved)


class _Side:
    """A kind in one of the two; ``kind`` is None where it is gone."""

    def __init__(self, code: str, figures: Figures) -> None:
        kinds, snapshot, ranking = figures
        self.kind = next((each for each in kinds if each.code == code), None)
        self.policy = snapshot.run.policy
        self.measured = snapshot.by_unit(code) if self.kind else {}
        ranked = ranking.candidates if ranking and self.kind else ()
        self.candidates = {each.nomination_id: each for each in ranked if each.kind == code}
        self.left_out = ranking.not_ranked if ranking else {}
        self._places = _places(self.measured.values())

    def of_unit(self, unit: UUID, nomination: UUID | None) -> Standing | None:
        """Where a unit stands."""
        measured = self.measured.get(unit)
        if measured is None:
            return None
        return Standing(
            None if measured.metric is None else hundredths(measured.metric),
            _rounded(measured.parts),
            _rounded(measured.levels),
            measured.not_ranked,
            self._places.get(unit),
            *_rank(self.candidates.get(nomination) if nomination else None),
        )

    def of_person(self, nomination: UUID) -> Standing | None:
        """Where a person stands."""
        if self.kind is None:
            return None
        return Standing(None, {}, {}, self.left_out.get(nomination), None, *_rank(self.candidates.get(nomination)))

    def side(self, unit: UUID) -> Side | None:
        """What a unit was measured at, and under what."""
        return Side(self.measured[unit], self.kind, self.policy) if self.kind and unit in self.measured else None


def _units(kind: str, nominations: Mapping[UUID, UUID], before: _Side, after: _Side) -> Iterator[Moved]:
    for unit in {**before.measured, **after.measured}:
        nomination = nominations.get(unit)
        old, new = (side.of_unit(unit, nomination) for side in (before, after))
        if old != new or _exact(before, unit) != _exact(after, unit):
            was, now = before.side(unit), after.side(unit)
            why = reasons(was, now) if was and now else []
            code = (after.measured.get(unit) or before.measured[unit]).code
            yield Moved(kind, unit, code, nomination, old, new, why, _rules(before, after, old, new))


def _persons(kind: str, nominations: Iterable[UUID], before: _Side, after: _Side) -> Iterator[Moved]:
    for nomination in nominations:
        old, new = (side.of_person(nomination) for side in (before, after))
        if old != new:
            yield Moved(kind, None, None, nomination, old, new, [], _rules(before, after, old, new))


def _rules(before: _Side, after: _Side, old: Standing | None, new: Standing | None) -> list[Rule]:
    """The rules behind it where somebody stands otherwise; none where the kind is gone or new."""
    if old is None or new is None or before.kind is None or after.kind is None:
        return []
    return rules_behind(old, new, Under(before.kind, before.policy), Under(after.kind, after.policy))


def _exact(side: _Side, unit: UUID) -> Fraction | None:
    """A metric as it is: two that are shown alike need not be."""
    measured = side.measured.get(unit)
    return measured.metric if measured else None


def _places(measured: Iterable[UnitMetric]) -> dict[UUID, int]:
    """The place of each unit that can be ranked, by its metric; equals share the first of their places."""
    able = sorted((-each.metric, each.unit) for each in measured if each.metric is not None and not each.not_ranked)
    places: dict[UUID, int] = {}
    last: tuple[Fraction, int] | None = None
    for place, (metric, unit) in enumerate(able, 1):
        last = last if last is not None and last[0] == metric else (metric, place)
        places[unit] = last[1]
    return places


def _rounded(scores: Mapping[str, Fraction | None]) -> dict[str, int | None]:
    return {code: None if score is None else hundredths(score) for code, score in scores.items()}


def _rank(ranked: RankedCandidate | None) -> tuple[int | None, int | None, str | None]:
    if ranked is None:
        return None, None, None
    return ranked.final, ranked.rank, SEATED if ranked.seated else RESERVE if ranked.reserve else None


def _order(moved: Moved) -> tuple[bool, int, int, str]:
    """Candidates first, by the rank that they had or have; then those whose metric moved most."""
    ranks = [side.rank for side in (moved.before, moved.after) if side is not None and side.rank is not None]
    return moved.nomination_id is None, ranks[0] if ranks else 0, -abs(moved.by), moved.code or str(moved.nomination_id)
