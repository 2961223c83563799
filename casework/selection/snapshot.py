"""The figures of a round: what every unit was measured at, from the totals of one run of month ends (DESIGN section 7).

Everything that ranks, reports or compares reads a snapshot. It follows from the run's totals, the registry at the
run's cut and the policy alone, so whoever has the log comes to the same bytes. That of a freeze is kept as it is
(:mod:`casework.selection.kept_figures`), so that no reader measures the units again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from casework.domain.evaluation import totals_digest
from casework.domain.facts_in_place import FactYear, SchoolCoverage
from casework.domain.ids import REGISTRY
from casework.domain.kinds import is_for_persons, unit_kinds
from casework.domain.measured import UnitMetric
from casework.domain.policy import Kind
from casework.domain.ranking import SEED_BYTES
from casework.domain.registry import Registry
from casework.domain.unit_metrics import measure
from casework.garbage import without_collections
from casework.log.reading import Db
from casework.projections.month_totals import Sums
from casework.projections.months import COUNTING_VERSION, MonthRun
from casework.projections.unit_years import registry_of, sums_of, unit_years, years_as_now

MEASURING_VERSION = 1
"""Of what is made of the totals: where it changes, the same totals no longer come to the same snapshot."""

CODE_VERSION = f"counting {COUNTING_VERSION}, measuring {MEASURING_VERSION}"

DISTRICTS = frozenset({"district", "zone"})

Metrics = Mapping[str, Sequence[UnitMetric]]
"""Of each kind all units, by code."""


class Snapshot(NamedTuple):
    """All units of a round's kinds as they were measured, in catalogue order of the kinds and by code in each.

    ``as_now`` are the districts by the newest boundaries that were known at the cut: shown, and ranked by never.
    ``sha256`` covers the year, the policy, the cut, the totals and every metric; its first bytes seed the draws.
    """

    run: MonthRun
    metrics: Metrics
    coverage: Sequence[SchoolCoverage]
    as_now: Sequence[UnitMetric]
    totals: bytes
    sha256: bytes

    @property
    def seed(self) -> bytes:
        """What lots and draws start from (RULES U13, U15)."""
        return self.sha256[:SEED_BYTES]

    @property
    def rows(self) -> int:
        """How many units were measured."""
        return sum(len(measured) for measured in self.metrics.values())

    def by_unit(self, kind: str) -> dict[UUID, UnitMetric]:
        """The metrics of a kind by unit."""
        return {each.unit: each for each in self.metrics.get(kind, ())}


def snapshot_of(db: Db, run: MonthRun, kinds: Sequence[Kind]) -> Snapshot:
    """Measure the units of some kinds by a run that is whole; LookupError where it is not."""
    with without_collections():
        return _measured(db, run, kinds)


def _measured(db: Db, run: MonthRun, kinds: Sequence[Kind]) -> Snapshot:
    registry, sums = registry_of(db, run), sums_of(db, run)
    years, facts = unit_years(sums, registry, run.year), FactYear(registry, run.year)
    metrics = {
        kind.code: measure(kind, years, registry, run.policy, run.year, facts)
        for kind in kinds
        if not is_for_persons(kind.code)
    }
    as_now = _districts_as_now(sums, registry, run, kinds, facts)
    totals = totals_digest(years)
    return Snapshot(run, metrics, facts.school_coverage(), as_now, totals, digest_of_metrics(run, metrics, totals))


def _districts_as_now(
    sums: Sums, registry: Registry, run: MonthRun, kinds: Sequence[Kind], facts: FactYear
) -> list[UnitMetric]:
    """The districts by the newest boundaries; their facts stay those of the tree of each day."""
    measured = [kind for kind in kinds if DISTRICTS.intersection(unit_kinds(kind.code))]
    if not measured:
        return []
    registered = [(unit.id, unit.registered) for unit in registry.units.values() if unit.registered is not None]
    districts = [id for id, told in registered if told.kind in DISTRICTS]
    years = years_as_now(sums, registry, run.year, districts)
    return [row for kind in measured for row in measure(kind, years, registry, run.policy, run.year, facts)]


def places_of(run: MonthRun) -> list[int]:
    """Return the run's cut as positions by partition, the registry's last."""
    return [run.cut[partition] for partition in range(REGISTRY + 1)]


def digest_of(lines: Iterator[Any]) -> bytes:
    """Return the SHA-256 of values as lines of JSON without blanks, fractions as ``"2/3"``, objects in one order."""
    digest = sha256()
    for line in lines:
        digest.update(_encode(line) + b"\n")
    return digest.digest()


def digest_of_metrics(run: MonthRun, metrics: Metrics, totals: bytes) -> bytes:
    """Return the digest by which anybody can say that the figures of a round are the same."""

    def lines() -> Iterator[Any]:
        yield run.year, run.policy.sha256, places_of(run), totals.hex()
        for measured in metrics.values():
            yield from measured

    return digest_of(lines())


def plain(value: Any) -> str:
    """Return a fraction as it is told: ``"2/3"``."""
    if isinstance(value, Fraction):
        return str(value)
    raise TypeError(type(value))


_encode = msgspec.json.Encoder(enc_hook=plain, order="deterministic").encode
