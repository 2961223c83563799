"""The freeze, and the ranking that comes of it: what is told is checked, not computed, here (RULES U12 to U14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

from casework.domain.calendar import SHANGHAI
from casework.domain.kinds import is_for_persons
from casework.domain.policy import Panel, Policy
from casework.domain.residence import By, refuse_if
from casework.domain.rounds.events import MetricsFrozen, NotRanked, Quota, RankedCandidate, RankingComputed
from casework.domain.rounds.nominating import is_of_person
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.panel import PanelCommands, chunks
from casework.domain.scoring import Ratio, rounded

RANKED_AT_ONCE = 150
"""Candidates in one event; an event holds 64 kB at most."""


class RankingCommands(PanelCommands):
    """Freeze the figures; take the ranking."""

    @property
    def known_at(self) -> datetime:
        """The end of the last day of nominations, as it is stored: what was recorded later is not counted (B1)."""
        last = self.begun.dates.nominations_to
        return datetime.combine(last, time(23, 59, 59, 999999), SHANGHAI)

    def freeze(
        self,
        by: By,
        *,
        snapshot_id: UUID,
        known_at: datetime,
        sha256: str,
        rows: int,
        code_version: str,
        cut: Sequence[int],
    ) -> None:
        """Keep which figures the round rests on: once, after nominations closed, as they were known by then."""
        self._begin(by, "freeze")
        refuse_if(known_at != self.known_at, "freeze-known-at")
        self.record(
            MetricsFrozen(
                occurred_on=by.today,
                snapshot_id=snapshot_id,
                as_of=self.begun.dates.as_of,
                known_at=known_at,
                sha256=sha256,
                rows=rows,
                policy_sha256=self.policy.sha256,
                code_version=code_version,
                cut=tuple(cut),
            )
        )

    def check_rank(self, today: date) -> None:
        """Refuse to rank before its time: all scores have to be open."""
        self.check_step("rank", today)
        refuse_if(not self.are_scores_open, "scores-sealed")

    def rank(
        self,
        by: By,
        *,
        snapshot_id: UUID,
        sha256: str,
        candidates: Sequence[RankedCandidate],
        not_ranked: Mapping[UUID, str],
    ) -> None:
        """Take the ranking of all kinds from the frozen snapshot.

        Every eligible candidate is ranked, or named in ``not_ranked`` with the reason. A ranking that does not agree
        with the scores of the panel, the rules of a final score, the floor or the quota is refused.
        """
        self.check_rank(by.today)
        refuse_if(self.frozen is None or self.frozen.snapshot_id != snapshot_id, "ranking-of-another-snapshot")
        self._check_complete(candidates, not_ranked)
        for candidate in candidates:
            self._check_candidate(candidate)
        kinds = {kind: _by_rank(candidates, kind) for kind in self.begun.kinds}
        for ranked in kinds.values():
            self._check_order(ranked)
        seated = Counter(candidate.kind for candidate in candidates if candidate.seated)
        refuse_if(not is_within(self.begun.quota, seated), "quota-exceeded")
        for kind, ranked in kinds.items():
            left_out = [NotRanked(nomination_id=n, reason=why) for n, why in not_ranked.items() if self._is(n, kind)]
            for some in list(chunks(ranked, RANKED_AT_ONCE)) or ([[]] if left_out else []):
                self.record(
                    RankingComputed(
                        occurred_on=by.today,
                        snapshot_id=snapshot_id,
                        sha256=sha256,
                        kind=kind,
                        seats=seated[kind],
                        candidates=tuple(some),
                        not_ranked=tuple(left_out),
                    )
                )
                left_out = []

    def panel_mean(self, nomination: Nomination) -> Ratio:
        """Return the mean of a nomination's open scores without the highest and the lowest (RULES U12)."""
        return panel_mean([sum(items.values()) for items in nomination.scores.values()], self.policy.selection.panel)

    def _check_complete(self, candidates: Sequence[RankedCandidate], not_ranked: Mapping[UUID, str]) -> None:
        told = Counter([*(candidate.nomination_id for candidate in candidates), *not_ranked])
        due = {each.id for each in self.eligible if each.scores}
        refuse_if(not due, "nobody-eligible")
        refuse_if(told.keys() != due or max(told.values(), default=1) > 1, "ranking-incomplete")

    def _check_candidate(self, told: RankedCandidate) -> None:
        nomination = self.nominations[told.nomination_id]
        of_person = is_of_person(nomination)
        refuse_if(told.kind != nomination.kind or (told.metric is None) != of_person, "ranking-candidate")
        refuse_if(told.panel != rounded(self.panel_mean(nomination)), "ranking-panel")
        refuse_if(abs(told.final - self._final(told)) > (0 if of_person else 1), "ranking-final")
        floor = self.policy.selection.final_floor
        refuse_if((told.seated or told.reserve) and told.final < floor, "ranking-below-floor")
        refuse_if(told.seated and told.reserve, "ranking-candidate")

    def _is(self, nomination_id: UUID, kind: str) -> bool:
        return self.nominations[nomination_id].kind == kind

    def _final(self, told: RankedCandidate) -> Fraction:
        """The final score from the rounded parts: at most a hundredth from the one of the exact parts."""
        if told.metric is None:
            return Fraction(told.panel)
        share = Fraction(*self.policy.selection.panel.share)
        return (1 - share) * told.metric + share * told.panel

    def _check_order(self, ranked: Sequence[RankedCandidate]) -> None:
        count, known = len(ranked), self.policy.selection.tie_breaks
        refuse_if([each.rank for each in ranked] != list(range(1, count + 1)), "ranking-order")
        for each in ranked:
            in_order = 1 <= each.rank_low <= each.rank_median <= each.rank_high <= count
            refuse_if(not in_order or not 0 <= each.p_selected <= 1000, "ranking-candidate")
            refuse_if(each.tie_break is not None and each.tie_break not in known, "ranking-candidate")
        for better, next_one in pairwise(ranked):
            refuse_if(better.final < next_one.final, "ranking-order")
            untold = better.tie_break is None and next_one.tie_break is None
            refuse_if(better.final == next_one.final and untold, "ranking-tie-untold")
            refuse_if(_standing(better) < _standing(next_one), "ranking-seats")


def panel_mean(points: Iterable[int], panel: Panel) -> Ratio:
    """Return the mean of points without exactly as many of the highest and lowest as the policy leaves out."""
    counted = sorted(points)[panel.lowest_left_out :]
    counted = counted[: len(counted) - panel.highest_left_out]
    return Ratio(sum(counted), len(counted))


def is_within(quota: Quota, seated: Mapping[str, int]) -> bool:
    """Whether seats by kind are no more than there are (DOMAIN 8.7)."""
    if quota.mode == "per_kind_30":
        return all(count <= quota.total for count in seated.values())
    if quota.mode == "persons_outside":
        units = sum(count for kind, count in seated.items() if not is_for_persons(kind))
        return units <= quota.total and sum(seated.values()) - units <= quota.total
    return sum(seated.values()) <= quota.total


def share_seats(quota: Quota, kind: str, other: str) -> bool:
    """Whether a seat of a kind may go to another one."""
    if quota.mode == "persons_outside":
        return not is_for_persons(kind) and not is_for_persons(other)
    return quota.mode != "per_kind_30"


def is_borderline(candidate: RankedCandidate, policy: Policy) -> bool:
    """Whether chance decides about a seat, so that somebody has to go and see (RULES U16)."""
    low, high = policy.selection.draws.borderline
    return low <= candidate.p_selected <= high


def _by_rank(candidates: Iterable[RankedCandidate], kind: str) -> list[RankedCandidate]:
    return sorted((each for each in candidates if each.kind == kind), key=lambda each: each.rank)


def _standing(candidate: RankedCandidate) -> int:
    """Seated before reserves, reserves before the others."""
    return 2 * candidate.seated + candidate.reserve
