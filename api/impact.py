"""What a correction would change, as the caller may see it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from api.auth import sight
from api.giving import casework
from api.household_schemas import Score
from api.household_state import unit_name
from api.language import told
from api.policy_choice import default_policy
from api.reasons import HIDDEN_SCORE, score
from api.schemas import Accepted, described
from casework.domain import assessment
from casework.domain.policy import Policy
from casework.domain.registry import Registry
from casework.outcome import Trial
from casework.projections.impact import impact

Content = dict[str, Any]


class Statuses(Schema):
    """Whether the household is assessed, before and after."""

    before = fields.String(required=True)
    after = fields.String(required=True)


class Scores(Schema):
    """A score before and after."""

    before = fields.Nested(Score, required=True)
    after = fields.Nested(Score, required=True)


class LevelImpact(Scores):
    """A level before and after."""

    level = fields.String(required=True)
    label = fields.String(required=True)


class UnitImpact(Schema):
    """A unit whose figures would change."""

    id = fields.UUID(required=True)
    code = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class Impact(Schema):
    """What would change: nothing was written."""

    as_of = fields.Date(required=True)
    policy = fields.String(required=True)
    status = fields.Nested(Statuses, required=True)
    overall = fields.Nested(Scores, required=True)
    levels = fields.List(fields.Nested(LevelImpact), required=True)
    month_ends = fields.List(
        fields.Date,
        required=True,
        **described("Of this evaluation year and the last: those at which the household would count otherwise."),
    )
    units = fields.List(
        fields.Nested(UnitImpact),
        required=True,
        **described("Whose figures would change, today or at one of these month ends."),
    )


class Corrected(Accepted):
    """What a correction did, or, with `mode=validate`, would do."""

    impact = fields.Nested(Impact, **described("With `mode=validate` alone."))


def told_impact(trial: Trial | None) -> Content:
    """Return the impact of what was tried, if something was."""
    if trial is None:
        return {}
    today, registry = casework().today, casework().registry()
    policy = default_policy(registry, today)
    found = impact(trial.before, trial.after, policy, today, registry.facts)
    seen = sight()
    whole = _scores(found.before.overall, found.after.overall, policy, is_seen=seen.overall(policy))
    levels = [
        {
            "level": level.code,
            "label": told(level.label),
            **_scores(
                found.before.levels[level.code],
                found.after.levels[level.code],
                policy,
                is_seen=seen.level(level),
            ),
        }
        for level in policy.levels
    ]
    above = {each for unit_id in found.units for each in registry.ancestors(unit_id, today)}
    return {
        "impact": {
            "as_of": today,
            "policy": policy.version,
            "status": {"before": found.before.status, "after": found.after.status},
            "overall": whole,
            "levels": levels,
            "month_ends": found.month_ends,
            "units": [_unit(registry, unit_id) for unit_id in sorted(found.units | above)],
        }
    }


def _scores(before: assessment.Score, after: assessment.Score, policy: Policy, *, is_seen: bool) -> Content:
    """A score before and after, where the caller may know it."""
    return {
        name: score(each, policy) if is_seen else HIDDEN_SCORE for name, each in (("before", before), ("after", after))
    }


def _unit(registry: Registry, unit_id: Any) -> Content:
    unit = registry.units.get(unit_id)
    known = unit.registered if unit is not None else None
    return {
        "id": unit_id,
        "code": known and known.code,
        "kind": known and known.kind,
        "name": unit_name(registry, unit_id),
    }
