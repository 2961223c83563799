"""What a round would come to under a draft policy, from the very figures that were frozen; nothing is written of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from casework.application import Casework
from casework.domain.policy import Kind, Policy
from casework.domain.residence import refuse_if
from casework.domain.rounds.round import Round
from casework.errors import Refused
from casework.log.reading import Db
from casework.projections import months
from casework.selection.comparing import Figures, KindCompared, compare, kinds_under
from casework.selection.freezing import Count, counted_snapshot, frozen_of, frozen_snapshot, last_year, ranked_on
from casework.selection.ranks import Ranking, kinds_of, ranking_of
from casework.selection.snapshot import Snapshot

Content = dict[str, Any]


class Compared(NamedTuple):
    """A round's figures beside others; who stands otherwise is in ``kinds``.

    Of a what-if ``left_out`` are the kinds that the draft has and the round has not, ``dropped`` the other way round.
    """

    before: Figures
    after: Figures
    kinds: Sequence[KindCompared]
    left_out: Sequence[str] = ()
    dropped: Sequence[str] = ()

    def told(self) -> Content:
        """Return all but who stands otherwise, as JSON has it."""
        snapshot = self.after.snapshot
        return {
            "year": snapshot.run.year,
            "policy": snapshot.run.policy.version,
            "policy_sha256": snapshot.run.policy.sha256,
            "known_at": snapshot.run.known_at.isoformat(),
            "frozen_sha256": self.before.snapshot.sha256.hex(),
            "sha256": snapshot.sha256.hex(),
            "ranked": self.after.ranking is not None,
            "kinds": [{"kind": kind, "units": units, "moved": len(moved)} for kind, units, moved in self.kinds],
            "left_out": list(self.left_out),
            "dropped": list(self.dropped),
        }


class Comparing:
    """Ranks a round by several figures, all under the lots and draws that its freeze gave."""

    def __init__(self, casework: Casework, db: Db, year: int, count: Count) -> None:
        self.opened = casework.round(year)
        self.frozen = frozen_of(self.opened)
        self._casework, self._db, self._count = casework, db, count
        snapshot = frozen_snapshot(db, self.opened, count)
        self._seed = snapshot.seed
        self._last_year = last_year(casework, db, self.opened, count)
        self.before = self._figures(snapshot, kinds_of(self.opened, snapshot.run.policy))

    def under(self, run: months.MonthRun, kinds: Sequence[Kind]) -> Figures:
        """Count a run, measure by it and rank."""
        return self._figures(counted_snapshot(self._db, run, kinds, self._count), kinds)

    def _figures(self, snapshot: Snapshot, kinds: Sequence[Kind]) -> Figures:
        return Figures(kinds, snapshot, self._ranking(snapshot, kinds) if self.opened.are_scores_open else None)

    def _ranking(self, snapshot: Snapshot, kinds: Sequence[Kind]) -> Ranking:
        opened = self.opened
        history = self._casework.history(opened.begun.year, ranked_on(opened) or self._casework.today)
        return ranking_of(opened, snapshot, kinds, self._seed, last_year=self._last_year, history=history)


def what_if(casework: Casework, db: Db, year: int, draft: Policy, content: bytes | None, count: Count) -> Compared:
    """Return what a round would come to under another policy; ``content`` is the file of one that is not published.

    Refused where nothing is frozen, and where the draft asks for more than the panel's scores or the counts hold.
    """
    refuse_if(_has_panel_too_small(casework.round(year), draft), "draft-panel")
    comparing = Comparing(casework, db, year, count)
    kinds, left_out, dropped = kinds_under(comparing.opened, draft)
    run = months.begin(db, year, draft, known_at=comparing.frozen.known_at, draft=content)
    try:
        after = comparing.under(run, kinds)
    except (ArithmeticError, ValueError) as error:  # such as a goal of nothing
        raise Refused("draft-uncountable") from error
    return Compared(comparing.before, after, compare(comparing.opened, comparing.before, after), left_out, dropped)


def _has_panel_too_small(opened: Round, draft: Policy) -> bool:
    """Whether a draft asks for more scores than the panel gave."""
    panel = draft.selection.panel
    least = max(panel.members_min, panel.highest_left_out + panel.lowest_left_out + 1)
    return any(0 < len(each.scores) < least for each in opened.nominations.values())
