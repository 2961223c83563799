"""The scoring policy: every number, window, weight, goal and cut of an assessment, from an immutable file.

The rules stand in the code; a policy holds only what they count with. Scores and cuts are in hundredths
(7500 is 75.00), fractions are written ``[numerator, denominator]``, ages are completed years, and an age
named ``…_below`` is the first one outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Literal

import msgspec

from casework.domain.codes import Coded, Label, Row, unit_facts
from casework.domain.scoring import Ratio
from casework.errors import Invalid, NotFound, Refused

VERSION = re.compile(r"[0-9]{4}\.[0-9]{1,3}")
"""How a policy's version is written."""


class IndicatorPolicy(Coded, frozen=True, kw_only=True):
    """An indicator: its level, weight and goal, its feed (``BUREAU/AREA``, or None), and what it counts."""

    level: str
    weight: int
    goal: Ratio
    feed: str | None
    plan_lines: tuple[int, ...]
    eligible: Label
    met: Label


class LevelPolicy(Coded, frozen=True, kw_only=True):
    """A level of integration and its indicators, in order."""

    plan_lines: tuple[int, ...]
    indicators: tuple[str, ...]


class Ages(Row, frozen=True, kw_only=True):
    """Ages at which somebody is counted."""

    adult: int
    elder: int
    retirement_male: int
    retirement_female: int
    preschool_from: int
    compulsory_from: int
    compulsory_below: int
    family_planning_from: int
    family_planning_below: int
    child_welfare_below: int

    def retirement(self, sex: str) -> int:
        """Return the age from which somebody is no employee (RULES C8)."""
        return self.retirement_male if sex == "male" else self.retirement_female


class Grace(Row, frozen=True, kw_only=True):
    """How long before somebody is counted (RULES C6)."""

    resident_days: int
    job_days: int
    transfer_working_days: int


class Windows(Row, frozen=True, kw_only=True):
    """For how many months something counts (RULES B5)."""

    training_months: int
    guide_months: int
    collective_contract_months: int
    offer_months: int
    contact_months: int
    culture_months: int
    insurance_months: int
    employer_training_months: int
    coverage_months: int


class Insurances(Row, frozen=True, kw_only=True):
    """Which insurances are due to whom (RULES E, CIT1)."""

    employee: tuple[str, ...]
    other_adult: tuple[str, ...]
    medical_only: tuple[str, ...]


class Dose(Row, frozen=True):
    """One dose of a vaccine."""

    vaccine: str
    dose: int


class Vaccinations(Row, frozen=True, kw_only=True):
    """The doses that are due at an age in months."""

    deadline_months: int
    doses: tuple[Dose, ...]


class ChildVisit(Row, frozen=True, kw_only=True):
    """A child-health visit: the ages in months from and by which it is due."""

    opens_months: int
    deadline_months: int


class MaternalVisit(Row, frozen=True, kw_only=True):
    """A visit around a birth: between which days, counted from the last period or the birth, it is due."""

    opens_days: int
    deadline_days: int


class HealthSchedule(Row, frozen=True, kw_only=True):
    """Which public-health services are due when (RULES E, the table of COM2)."""

    child_below: int
    vaccinations: tuple[Vaccinations, ...]
    child_visits: tuple[ChildVisit, ...]
    pregnancy_days: int
    antenatal: tuple[MaternalVisit, ...]
    postnatal_days: int
    postnatal: tuple[MaternalVisit, ...]
    elder_from: int
    elder_months: int
    follow_up_months: int


class Recording(Row, frozen=True, kw_only=True):
    """How far back commands may reach (RULES G2), and how long after its end a service is renewed (G11)."""

    backdating_days: int
    renewal_grace_days: int


class Kind(Coded, frozen=True, kw_only=True):
    """A kind of exemplar: how large one must be to be ranked, and the shares of its parts in 100."""

    plan_lines: tuple[int, ...] = ()
    project_extension: bool = False
    active: bool
    min_size: int | None = None
    size_of: Literal["households", "employees", "episodes", "completers", "pupils"] | None = None
    parts: dict[str, int]
    levels: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


class VetoGround(Coded, frozen=True, kw_only=True):
    """A ground that bars a candidate while it stands."""

    active: bool = True


class Panel(Row, frozen=True, kw_only=True):
    """The panel's share in the final score, and how its scores are averaged (RULES U12)."""

    share: Ratio
    members_min: int
    highest_left_out: int
    lowest_left_out: int


class Draws(Row, frozen=True, kw_only=True):
    """The draws that show how sure a rank is (RULES U15, U16); shares are in thousandths."""

    count: int
    weight_concentration: int
    interval: tuple[int, int]
    borderline: tuple[int, int]


class Calendar(Row, frozen=True, kw_only=True):
    """The days of a round, as ``MM-DD`` of its year (DOMAIN 8.7)."""

    as_of: str
    opens: str
    nominations_to: str
    checked_to: str
    reviewed_to: str
    decided_to: str
    notice_working_days: int


TieBreak = Literal["wilson_lower_of_weakest", "effective_n", "gain", "fewer_commendations", "lot"]


class Selection(Row, frozen=True, kw_only=True):
    """What a selection round counts with (DOMAIN 8.6, 8.7, RULES U)."""

    seats: int
    quota: Literal["total_30_equal", "per_kind_30", "pooled_percentile_30", "persons_outside"]
    split_admin_kinds: bool
    kinds: tuple[Kind, ...]
    final_floor: int
    panel: Panel
    completeness_min: Ratio
    shrinkage: tuple[int, int]
    wilson_z: Ratio
    draws: Draws
    tie_breaks: tuple[TieBreak, ...]
    calendar: Calendar
    referral_working_days: int
    employed_within_days: int
    person_min_age: int
    person_min_years: int
    commended_bars_rounds: int
    fraud_bars_rounds: int
    revoked_bars_rounds: int
    veto_grounds: tuple[VetoGround, ...]


class Policy(Row, frozen=True, kw_only=True, dict=True):
    """One version of the scoring policy; ``sha256`` is the digest of its file."""

    policy_id: str
    version: str
    label: Label
    effective_from: date
    effective_to: date | None
    supersedes: str | None
    basis: tuple[int, ...]
    include_local_hukou: bool
    ages: Ages
    grace: Grace
    windows: Windows
    employee_kinds: tuple[str, ...]
    equal_ownership: tuple[str, ...]
    insurances: Insurances
    need_tails: dict[str, dict[str, int]]
    covered_needs: tuple[str, ...]
    validity_months: dict[str, int]
    recording: Recording
    health: HealthSchedule
    feed_days: int
    levels: tuple[LevelPolicy, ...]
    indicator_list: tuple[IndicatorPolicy, ...] = msgspec.field(name="indicators")
    aggregation: dict[str, str]
    floor: int
    completeness_min: Ratio
    bands: tuple[tuple[str, int], ...]
    weakest_level_for_a: int
    band_labels: dict[str, Label]
    small_n: int
    selection: Selection
    sha256: str = ""

    @cached_property
    def indicators(self) -> Mapping[str, IndicatorPolicy]:
        """The indicators by code, in the policy's order."""
        return {indicator.code: indicator for indicator in self.indicator_list}

    def is_in_force(self, on: date) -> bool:
        """Say whether the policy's own dates include a day."""
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)


_decode = msgspec.json.Decoder(Policy).decode  # made at the import, as in casework.errors


def parse_policy(content: bytes) -> Policy:
    """Return the policy that a file's bytes say, with their digest; ``msgspec.DecodeError`` for another."""
    policy = _decode(content)
    return msgspec.structs.replace(policy, sha256=sha256(content).hexdigest())


def parse_draft(content: bytes) -> Policy:
    """Return the policy that is not published yet; Invalid or Refused where it could never be.

    It counts with other numbers, and has the indicators and levels that the rules know.
    """
    try:
        draft = parse_policy(content)
    except msgspec.DecodeError as error:
        raise Invalid("draft-invalid", reason=str(error)) from None
    if not VERSION.fullmatch(draft.version):
        raise Invalid("draft-invalid", reason="its version is not like 2014.1")
    if draft.version in policy_versions():
        raise Refused("draft-version-published", version=draft.version)
    published = load_policy(policy_versions()[-1])
    if _measures(draft) != _measures(published):
        raise Invalid("draft-invalid", reason="its levels and indicators are not those of the rules")
    if _formulas(draft) != _formulas(published) or not _measures_what_there_is(draft):
        raise Invalid("draft-invalid", reason="its kinds, or their parts, facts or levels, are not those of the rules")
    if any(kind.active and not kind.parts for kind in draft.selection.kinds):
        raise Invalid("draft-invalid", reason="a kind without formula is active")
    return _in_order(draft, published)


def _measures(policy: Policy) -> list[tuple[str, ...]]:
    return [(level.code, *level.indicators) for level in policy.levels] + [tuple(policy.indicators)]


def _formulas(draft: Policy) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return [(kind.code, kind.size_of, tuple(sorted(kind.parts))) for kind in draft.selection.kinds]


def _in_order(draft: Policy, published: Policy) -> Policy:
    """The draft with the parts of its kinds in the published order, which whoever wrote it as JSON may have lost."""
    replace = msgspec.structs.replace
    kinds = tuple(
        replace(kind, parts={part: kind.parts[part] for part in known.parts})
        for kind, known in zip(draft.selection.kinds, published.selection.kinds, strict=True)
    )
    return replace(draft, selection=replace(draft.selection, kinds=kinds))


def _measures_what_there_is(policy: Policy) -> bool:
    kinds, levels = policy.selection.kinds, {level.code for level in policy.levels}
    return all(levels.issuperset(kind.levels) and unit_facts().keys() >= set(kind.facts) for kind in kinds)


@cache
def policy_versions() -> tuple[str, ...]:
    """Return the published versions, oldest first."""
    names = [entry.name for entry in files("casework.data").joinpath("policies").iterdir()]
    versions = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return tuple(sorted(versions, key=lambda version: [int(part) for part in version.split(".")]))


@cache
def load_policy(version: str) -> Policy:
    """Return a published policy by its version, such as ``2013.1``; NotFound when there is none."""
    if version not in policy_versions():
        raise NotFound("policy-unknown")
    return parse_policy(files("casework.data").joinpath("policies", f"{version}.json").read_bytes())


def policy_in_force(on: date) -> Policy:
    """Return the newest published policy whose dates include a day; NotFound when none does."""
    for version in reversed(policy_versions()):
        if load_policy(version).is_in_force(on):
            return load_policy(version)
    raise NotFound("policy-not-in-force")


@lru_cache(4096)
def policy_of(day: date) -> Policy:
    """Return the policy whose rules commands of a day follow; history before the first is told under the first."""
    return policy_in_force(max(day, load_policy(policy_versions()[0]).effective_from))
