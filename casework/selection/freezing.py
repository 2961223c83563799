"""A round's figures frozen, its candidates ranked by them, and both done again from the log by whoever doubts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from casework.application import Casework
from casework.domain.policy import Kind
from casework.domain.residence import refuse_if
from casework.domain.rounds.events import MetricsFrozen
from casework.domain.rounds.round import Round
from casework.errors import NotFound, Refused
from casework.faults import fault
from casework.log.reading import Db
from casework.outcome import Context
from casework.projections import months
from casework.projections.months import MonthRun
from casework.selection.kept_figures import encoded, keep, kept, kept_bytes
from casework.selection.ranks import LastYear, Ranking, kinds_of, ranking_of
from casework.selection.snapshot import CODE_VERSION, Snapshot, places_of, snapshot_of

Count = Callable[[Db, MonthRun], object]
"""Counts a run until it is whole: in this process, or in many."""

Step = Callable[[Casework, Db, Context, int, Count], None]
"""A step of a round that needs the figures."""


class Recomputed(NamedTuple):
    """What a round's figures and ranking came to when they were done again, beside what the round says of them.

    The ranking's are None where the round is not ranked yet. ``kept`` tells whether the figures that reports read are
    these, None where none are kept.
    """

    frozen: str
    again: str
    ranked: str | None
    ranked_again: str | None
    kept: bool | None

    @property
    def agrees(self) -> bool:
        """Whether all came to the same bytes."""
        return self.frozen == self.again and self.ranked == self.ranked_again and self.kept is not False


def freeze(casework: Casework, db: Db, context: Context, year: int, count: Count) -> None:
    """Count the year as it was known when nominations closed, measure every unit, and keep the digest in the round.

    Whatever the round would refuse is refused before anything is counted; a round that is frozen stays as it is. The
    figures themselves are kept before the round tells of them, so that they are there for its readers.
    """
    opened = casework.round(year)
    if opened.frozen is not None:
        return
    opened.check_step("freeze", casework.today)
    run = months.begin(db, year, opened.policy, known_at=opened.known_at)
    snapshot = counted_snapshot(db, run, kinds_of(opened, run.policy), count)
    keep(db, snapshot)
    fault("figures-kept")
    casework.freeze_round(
        year,
        context,
        snapshot_id=run.id,
        known_at=opened.known_at,
        sha256=snapshot.sha256.hex(),
        rows=snapshot.rows,
        code_version=CODE_VERSION,
        cut=places_of(run),
    )


def rank(casework: Casework, db: Db, context: Context, year: int, count: Count) -> None:
    """Rank the candidates by the frozen figures and the panel's scores; a round that is ranked stays as it is."""
    opened = casework.round(year)
    if opened.rankings:
        return
    opened.check_rank(casework.today)
    snapshot = frozen_snapshot(db, opened, count)
    ranking = _ranking(casework, db, opened, snapshot, count, casework.today)
    fault("ranking-made")
    casework.rank_round(
        year,
        context,
        snapshot_id=snapshot.run.id,
        sha256=ranking.sha256.hex(),
        candidates=ranking.candidates,
        not_ranked=ranking.not_ranked,
    )


def recompute(casework: Casework, db: Db, year: int, count: Count) -> Recomputed:
    """Do all of it again from the log: nothing that was counted before goes into it, and nothing is left behind.

    Where the figures come out as they were frozen and others are kept, these are put right.
    """
    opened = casework.round(year)
    frozen = frozen_of(opened)
    with months.apart(db, year, opened.policy, frozen.known_at) as run:
        count(db, run)
        snapshot = snapshot_of(db, run, kinds_of(opened, run.policy))
    told = next((event for events in opened.rankings.values() for event in events), None)
    again = _ranking(casework, db, opened, snapshot, count, told.occurred_on) if told is not None else None
    return Recomputed(
        frozen.sha256,
        snapshot.sha256.hex(),
        told.sha256 if told is not None else None,
        again.sha256.hex() if again is not None else None,
        _are_kept(db, frozen, snapshot),
    )


def _are_kept(db: Db, frozen: MetricsFrozen, again: Snapshot) -> bool | None:
    found = kept_bytes(db, bytes.fromhex(frozen.sha256))
    are_kept = None if found is None else found == encoded(again)
    if are_kept is False and again.sha256.hex() == frozen.sha256:
        keep(db, again)
    return are_kept


def frozen_snapshot(db: Db, opened: Round, count: Count) -> Snapshot:
    """Return a round's figures as they are kept; where they are gone they are counted, measured and kept again.

    Refused where they do not come out as those of the freeze.
    """
    frozen = frozen_of(opened)
    snapshot = _kept(db, opened, frozen)
    if snapshot is None:
        snapshot = counted_snapshot(db, frozen_run(db, opened), kinds_of(opened, opened.policy), count)
        refuse_if(snapshot.sha256.hex() != frozen.sha256, "figures-differ")
        keep(db, snapshot)
    return snapshot


def kept_snapshot(db: Db, opened: Round) -> Snapshot:
    """Return a round's figures as they are kept; Refused where they would have to be measured again."""
    snapshot = _kept(db, opened, frozen_of(opened))
    if snapshot is None:
        raise Refused("figures-not-stored")
    return snapshot


def _kept(db: Db, opened: Round, frozen: MetricsFrozen) -> Snapshot | None:
    cut = dict(enumerate(frozen.cut))
    run = MonthRun(frozen.snapshot_id, opened.begun.year, opened.policy, frozen.known_at, cut)
    return kept(db, run, bytes.fromhex(frozen.sha256))


def frozen_run(db: Db, opened: Round) -> MonthRun:
    """Return the run of month ends that a round rests on, begun again where it is gone."""
    return months.begin(db, opened.begun.year, opened.policy, known_at=frozen_of(opened).known_at)


def counted_snapshot(db: Db, run: MonthRun, kinds: Sequence[Kind], count: Count) -> Snapshot:
    """Count a run, and measure the units of some kinds by it; Refused where a household is missing in it."""
    count(db, run)
    refuse_if(bool(months.missing(db, run.id, 1)), "households-missing")
    return snapshot_of(db, run, kinds)


def frozen_of(opened: Round) -> MetricsFrozen:
    """Return what a round rests on; Refused where nothing is frozen yet."""
    refuse_if(opened.frozen is None, "round-not-frozen")
    assert opened.frozen is not None
    return opened.frozen


def ranked_on(opened: Round) -> date | None:
    """The day on which a round was ranked; None where it was not yet."""
    return next((event.occurred_on for events in opened.rankings.values() for event in events), None)


def last_year(casework: Casework, db: Db, opened: Round, count: Count) -> LastYear:
    """The metrics that units had in the round of the year before, where there was one that was frozen."""
    try:
        last = casework.round(opened.begun.year - 1)
    except NotFound:
        return {}
    if last.frozen is None:
        return {}
    metrics = frozen_snapshot(db, last, count).metrics
    return {
        each.unit: each.metric
        for measured in metrics.values()
        for each in measured
        if each.metric is not None and each.not_ranked is None
    }


def _ranking(casework: Casework, db: Db, opened: Round, snapshot: Snapshot, count: Count, on: date) -> Ranking:
    """The ranking of a round as it is, or was, made on a day."""
    return ranking_of(
        opened,
        snapshot,
        kinds_of(opened, snapshot.run.policy),
        snapshot.seed,
        last_year=last_year(casework, db, opened, count),
        history=casework.history(opened.begun.year, on),
    )
