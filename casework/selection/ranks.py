"""A round's ranking: final scores, seats and how sure each rank is, from a snapshot and the panel's open scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from casework.domain.kinds import is_for_persons, round_kinds
from casework.domain.measured import UnitMetric
from casework.domain.policy import Kind, Policy
from casework.domain.quota import Seats, seats
from casework.domain.ranking import Candidate, Placed, rank
from casework.domain.rounds.events import RankedCandidate
from casework.domain.rounds.history import History
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.round import Round
from casework.selection.draws import Contest, RankFigures, rank_figures
from casework.selection.snapshot import Snapshot, digest_of

NOT_MEASURED = "nothing_counted"
"""Why a unit of which the snapshot has no metric is not ranked."""

LastYear = Mapping[UUID, Fraction]
"""The metric of last year by unit."""


class Ranking(NamedTuple):
    """All ranked candidates, kind by kind in catalogue order and best first; who is not ranked, and why.

    ``sha256`` is that of all of it.
    """

    candidates: Sequence[RankedCandidate]
    not_ranked: Mapping[UUID, str]
    sha256: bytes


def kinds_of(opened: Round, policy: Policy) -> list[Kind]:
    """Return a round's kinds as a policy has them, in catalogue order."""
    known = {kind.code for kind in policy.selection.kinds}
    kinds = round_kinds(policy, [code for code in opened.begun.kinds if code in known])
    return [kind for kind in kinds if kind.code in opened.begun.kinds]


def ranking_of(
    opened: Round, snapshot: Snapshot, kinds: Sequence[Kind], seed: bytes, *, last_year: LastYear, history: History
) -> Ranking:
    """Rank the eligible candidates of a round whose scores are open, under the snapshot's policy.

    ``kinds`` are the snapshot's; lots and draws start from ``seed``.
    """
    policy = snapshot.run.policy
    contests: list[tuple[Kind, list[Placed]]] = []
    not_ranked: dict[UUID, str] = {}
    for kind in kinds:
        measured = snapshot.by_unit(kind.code)
        able = []
        for nomination in _scored(opened, kind.code):
            why = _why_not(nomination, measured)
            if why is not None:
                not_ranked[nomination.id] = why
            else:
                able.append(_candidate(nomination, measured, last_year, history))
        contests.append((kind, rank(kind.code, able, policy, seed)))
    fell = seats({kind.code: places for kind, places in contests}, policy)
    drawn = [Contest(kind, places, fell.of[kind.code]) for kind, places in contests]
    figures = rank_figures(drawn, policy, seed)
    candidates = [_told(placed, figures[placed.nomination_id], fell) for _, places in contests for placed in places]
    ordered = dict(sorted(not_ranked.items()))
    return Ranking(candidates, ordered, digest_of(iter([*candidates, *ordered.items()])))


def _scored(opened: Round, kind: str) -> list[Nomination]:
    """The candidates of a kind: who is eligible and scored, or was when the round was ranked."""
    of_kind = [each for each in opened.nominations.values() if each.kind == kind]
    if opened.rankings:
        return [each for each in of_kind if each.ranked is not None or each.id in opened.not_ranked]
    return [each for each in of_kind if each.is_eligible and each.scores]


def _why_not(nomination: Nomination, measured: Mapping[UUID, UnitMetric]) -> str | None:
    if is_for_persons(nomination.kind):
        return None
    metric = measured.get(nomination.candidate)
    return NOT_MEASURED if metric is None else metric.not_ranked


def _candidate(
    nomination: Nomination, measured: Mapping[UUID, UnitMetric], last_year: LastYear, history: History
) -> Candidate:
    points = tuple(sum(items.values()) for items in nomination.scores.values())
    candidate = nomination.candidate
    return Candidate(
        nomination.id,
        None if is_for_persons(nomination.kind) else measured[candidate],
        points,
        last_year.get(candidate),
        history.commendations(candidate),
    )


def _told(placed: Placed, figures: RankFigures, fell: Seats) -> RankedCandidate:
    return RankedCandidate(
        nomination_id=placed.nomination_id,
        kind=placed.kind,
        metric=placed.metric,
        panel=placed.panel,
        final=placed.final,
        rank=placed.rank,
        rank_low=figures.rank_low,
        rank_median=figures.rank_median,
        rank_high=figures.rank_high,
        p_selected=figures.p_selected,
        tie_break=placed.tie_break,
        seated=placed.nomination_id in fell.seated[placed.kind],
        reserve=placed.nomination_id in fell.reserves[placed.kind],
    )
