"""A round's report as values: what was published of a year's selection, and every number behind it (plan line 115).

A unit is told by its code and name, a person by a name alone and only with their consent; there is no field for a
household or for a person's id. Scores are out of 100 and rounded to two decimals, shares and rates out of 1 to four.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

Spoken = Literal["zh", "en"]
"""The language of a report."""

State = Literal["known", "hidden", "not_applicable"]
"""Of a cell: shown, hidden since it would tell of few persons, or nothing of it there."""

Status = Literal["listed", "reserve", "commended", "revoked", "removed", "not_listed"]

BarredBy = Literal["eligibility", "veto", "removal"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a report."""


class UnitNamed(Part, frozen=True, kw_only=True):
    """A unit."""

    code: str
    name: str


class Candidate(Part, frozen=True, kw_only=True):
    """Who was nominated: a unit, or a person, who has a name here only while they agree to publication."""

    nomination_id: UUID
    unit: UnitNamed | None
    person_name: str | None


class Listed(Candidate, frozen=True, kw_only=True):
    """A place on the list or in reserve."""

    number: int
    kind: str
    kind_label: str
    rank: int
    final: float
    status: Status
    status_label: str
    notice_from: date | None
    notice_to: date | None


class Score(Part, frozen=True, kw_only=True):
    """A level, 0 to 100, or a fact, 0 to 1; None where it does not apply."""

    code: str
    label: str
    score: float | None


class WeightedScore(Score, frozen=True, kw_only=True):
    """A part of the metric with its weight in 100."""

    weight: int


class Rate(Part, frozen=True, kw_only=True):
    """A rate as counted, and shrunk. ``level`` is None where it is a part of the metric itself."""

    code: str
    label: str
    level: str | None
    state: State
    num: int | None = None
    den: int | None = None
    n: float | None = None
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    shrunk: float | None = None
    pooled: float | None = None
    m: float | None = None


class Size(Part, frozen=True, kw_only=True):
    """The size that the kind is measured by."""

    state: State
    of: str
    of_label: str
    value: float | None = None


class Share(Part, frozen=True, kw_only=True):
    """A share of persons, or of what is known."""

    state: State
    value: float | None = None


class Measured(Part, frozen=True, kw_only=True):
    """What a unit was measured at: its metric and all that it is made of."""

    metric: float | None
    parts: tuple[WeightedScore, ...]
    levels: tuple[Score, ...]
    facts: tuple[Score, ...]
    indicators: tuple[Rate, ...]
    size: Size
    completeness: Share
    coverage: Share
    weakest: str | None
    weakest_label: str | None


class Ranked(Candidate, frozen=True, kw_only=True):
    """A candidate that was ranked; ``measured`` is None of a person."""

    status: Status
    status_label: str
    measured: Measured | None
    panel: float
    final: float
    rank: int
    rank_low: int
    rank_median: int
    rank_high: int
    p_selected: float
    borderline: bool
    tie_break: str | None
    tie_break_label: str | None


class NotRanked(Candidate, frozen=True, kw_only=True):
    """A candidate without a rank, and why."""

    reason: str
    reason_label: str


class Barred(Part, frozen=True, kw_only=True):
    """A candidate that is out, and why: found not to be eligible, under a veto of an authority, or taken off the list.

    A person is told by the nomination alone, and named nowhere.
    """

    nomination_id: UUID
    unit: UnitNamed | None
    by: BarredBy
    by_label: str
    reasons: tuple[str, ...]
    reason_labels: tuple[str, ...]


class Reason(Part, frozen=True, kw_only=True):
    """How many units that were measured cannot be ranked, for a reason."""

    reason: str
    reason_label: str
    units: int


class KindTable(Part, frozen=True, kw_only=True):
    """A kind: who was ranked, best first, who was not, and who is out. ``units_measured`` is None of persons."""

    kind: str
    label: str
    project_extension: bool
    seats: int
    min_size: int | None
    units_measured: int | None
    not_rankable: tuple[Reason, ...]
    ranked: tuple[Ranked, ...]
    not_ranked: tuple[NotRanked, ...]
    barred: tuple[Barred, ...]


class Covered(Part, frozen=True, kw_only=True):
    """How many new-type communities have a school, out of how many, at a month end."""

    on: date
    covered: int
    communities: int


class Coverage(Part, frozen=True, kw_only=True):
    """The school coverage of a district, the plan's one numeric target; None in a district without such communities."""

    unit: UnitNamed
    covered: int
    communities: int
    share: float | None
    is_reached: bool | None
    months: tuple[Covered, ...]


class Division(Part, frozen=True, kw_only=True):
    """A district by the boundaries of a tree."""

    unit: UnitNamed
    households: float
    completeness: float | None
    levels: tuple[Score, ...]


class Boundaries(Part, frozen=True, kw_only=True):
    """The year's districts as they were at each month end (``then``), or by the newest boundaries (``now``)."""

    tree: Literal["then", "now"]
    tree_label: str
    ranked_by: bool
    divisions: tuple[Division, ...]


class Notice(Part, frozen=True, kw_only=True):
    """How the list was shown to the public."""

    title: str
    text: str
    notice_from: date
    notice_to: date
    channels: tuple[str, ...]
    channel_labels: tuple[str, ...]


class Signatory(Part, frozen=True, kw_only=True):
    """A bureau that commends, and who holds its role."""

    bureau: str
    holder: str
    signed_on: date | None


class Decision(Part, frozen=True, kw_only=True):
    """The joint decision on the final list; not in force before both signed, and without a number until one did."""

    title: str
    text: str
    in_force: bool
    document: str | None
    issued_on: date | None
    list_sha256: str
    listed: int
    signatories: tuple[Signatory, ...]


class Definition(Part, frozen=True, kw_only=True):
    """What a number of the report is."""

    group: str
    group_label: str
    code: str
    label: str
    text: str


class Meta(Part, frozen=True, kw_only=True):
    """What the report rests on: with these anybody comes to the same figures and ranks.

    ``cut`` has the position of each partition, 0 to 64. ``seed`` is that of lots and draws.
    """

    policy: str
    policy_label: str
    policy_sha256: str
    as_of: date
    known_at: datetime
    cut: tuple[int, ...]
    snapshot_id: UUID
    snapshot_sha256: str
    rows: int
    ranking_sha256: str
    seed: str
    code_version: str
    quota: str
    quota_label: str
    seats: int


class Report(Part, frozen=True, kw_only=True):
    """A round's report in one language. ``small_n``: cells of fewer persons are hidden; None where all are shown.

    ``notice`` is None before the list is published, ``decision`` before it is final, ``boundaries`` for whoever does
    not see small cells: the difference of two trees tells of what moved.
    """

    year: int
    state: str
    language: Spoken
    title: str
    statement: str
    small_n: int | None
    small_n_label: str | None
    meta: Meta
    listed: tuple[Listed, ...]
    reserves: tuple[Listed, ...]
    notice: Notice | None
    decision: Decision | None
    kinds: tuple[KindTable, ...]
    school_coverage: tuple[Coverage, ...]
    boundaries: tuple[Boundaries, ...] | None
    definitions: tuple[Definition, ...]
