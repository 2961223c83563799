"""What a round's report is made of, from the log and the vault."""

from __future__ import annotations

from typing import NamedTuple

from casework.application import Casework
from casework.domain.registry import Registry
from casework.domain.rounds.nominating import is_of_person
from casework.domain.rounds.round import Round
from casework.log.reading import Db
from casework.projections.unit_years import registry_of
from casework.selection.reporting import Sources
from casework.selection.snapshot import Snapshot


class Figures(NamedTuple):
    """What of a report is the same for ever: the frozen figures, and the registry at their cut."""

    snapshot: Snapshot
    registry: Registry


def figures_of(db: Db, snapshot: Snapshot) -> Figures:
    """Return what belongs to a round's figures."""
    return Figures(snapshot, registry_of(db, snapshot.run))


def sources_of(casework: Casework, opened: Round, figures: Figures) -> Sources:
    """Return the sources of a report made today: people are named who agree to publication now."""
    people = [each.candidate for each in opened.nominations.values() if is_of_person(each) and each.ranked is not None]
    return Sources(opened, figures.snapshot, figures.registry, casework.public_names(people))
