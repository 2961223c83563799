"""What a round's report is made of, from the log and the vault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from casework.application import Casework
from casework.domain.kinds import unit_kinds
from casework.domain.measured import UnitMetric
from casework.domain.policy import Kind
from casework.domain.registry import Registry
from casework.domain.rounds.nominating import is_of_person
from casework.domain.rounds.round import Round
from casework.domain.unit_metrics import measure
from casework.log.reading import Db
from casework.projections.months import MonthRun
from casework.projections.unit_years import registry_of, years_as_now
from casework.selection.ranks import kinds_of
from casework.selection.reporting import Sources
from casework.selection.snapshot import Snapshot

DISTRICTS = frozenset({"district", "zone"})


class Figures(NamedTuple):
    """What of a report is the same for ever: the frozen figures, the registry at their cut, the districts as now."""

    snapshot: Snapshot
    registry: Registry
    as_now: Sequence[UnitMetric]


def figures_of(db: Db, opened: Round, snapshot: Snapshot) -> Figures:
    """Return what belongs to a round's figures, of which the run is whole."""
    registry = registry_of(db, snapshot.run)
    return Figures(snapshot, registry, districts_as_now(db, snapshot.run, registry, kinds_of(opened, opened.policy)))


def sources_of(casework: Casework, opened: Round, figures: Figures) -> Sources:
    """Return the sources of a report made today: people are named who agree to publication now."""
    people = [each.candidate for each in opened.nominations.values() if is_of_person(each) and each.ranked is not None]
    return Sources(opened, figures.snapshot, figures.registry, casework.public_names(people), figures.as_now)


def districts_as_now(db: Db, run: MonthRun, registry: Registry, kinds: Sequence[Kind]) -> list[UnitMetric]:
    """Measure the districts by the newest boundaries that were known at a run's cut: shown, and ranked by never.

    Their facts stay those of the tree of each day.
    """
    measured = [kind for kind in kinds if DISTRICTS.intersection(unit_kinds(kind.code))]
    if not measured:
        return []
    districts = [
        unit.id for unit in registry.units.values() if unit.registered is not None and unit.registered.kind in DISTRICTS
    ]
    years = years_as_now(db, run, registry, districts)
    return [row for kind in measured for row in measure(kind, years, registry, run.policy, run.year)]
