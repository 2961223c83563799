"""``casework months``: the month ends of an evaluation year, counted here and by whoever helps."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from time import monotonic
from typing import Any

import click

from casework import wiring
from casework.config import Settings
from casework.domain.evaluation import month_ends, totals_digest
from casework.domain.policy import load_policy, policy_of
from casework.log.reading import Db
from casework.projections import months
from casework.projections.months import MonthRun, Progress
from casework.projections.unit_years import registry_of, sums_of, unit_years
from casework.terminal import count_months

Content = dict[str, Any]


def run(
    settings: Settings, *, year: int, known_at: datetime | None, policy: str | None, workers: int, as_json: bool
) -> None:
    """Count the year, or go on with it, and print the digest of what every unit comes to."""
    under = load_policy(policy) if policy else policy_of(month_ends(year)[-1])
    with closing(wiring.open_log(settings, max_size=1)) as pool, pool.connection() as db:
        begun = months.begin(db, year, under, known_at=known_at)
        first, began = months.progress(db, begun.id), monotonic()
        whole = count_months(settings, db, begun, workers)
        told = _told(db, begun, first, whole, monotonic() - began)
    for line in [json.dumps(told)] if as_json else _lines(told):
        click.echo(line)


def _told(db: Db, begun: MonthRun, first: Progress, whole: Progress, seconds: float) -> Content:
    years = unit_years(sums_of(db, begun), registry_of(db, begun), begun.year)
    return {
        "run": str(begun.id),
        "year": begun.year,
        "policy": begun.policy.version,
        "known_at": begun.known_at.isoformat(),
        "cut": {str(partition): position for partition, position in begun.cut.items() if position},
        "month_ends": len(begun.days),
        "units": len(years),
        "households": whole.households,
        "missing": whole.missing,
        "missing_households": [str(household) for household in months.missing(db, begun.id)],
        "resumed_at": first.done,
        "seconds": round(seconds, 1),
        "sha256": totals_digest(years).hex(),
    }


def _lines(told: Content) -> list[str]:
    over = f"{told['month_ends']} month ends" if told["month_ends"] else "no month end yet"
    lines = [
        f"{told['year']}: {over} of {told['units']} units, from {told['households']} households as known at"
        f" {told['known_at']} under policy {told['policy']}",
        f"sha256 {told['sha256']}",
    ]
    if told["missing"]:
        lines.append(f"{told['missing']} households could not be computed, and are in no total:")
        lines += told["missing_households"]
    return lines
