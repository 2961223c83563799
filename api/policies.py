"""Scoring policies: every number, window and weight that a level is computed with."""

from __future__ import annotations

from typing import Any

from api.catalogue_schemas import PolicyAnswer, PolicyList
from api.command_bodies import Command
from api.fields import Day, Query
from api.giving import casework
from api.language import told
from api.policy_choice import default_policy
from api.resource import Fields, Resource
from api.schemas import described
from casework.domain.policy import Policy, load_policy, policy_versions
from casework.outcome import Context, Outcome

bp = Resource("policies", __name__, description=__doc__)

Content = dict[str, Any]


class Plainly(Query):
    """No parameters."""


class Activate(Command):
    """A policy is put in force."""

    activated_on = Day(**described("Default: today."))


@bp.reading("/policies", Plainly, PolicyList)
def list_policies(asked: Fields) -> Content:
    """List the published policies; each is immutable, and named in every figure computed under it."""
    in_force = default_policy(casework().registry(at_most_old=1), casework().today).version
    rows = [load_policy(version) for version in policy_versions()]
    return {"items": [{**_brief(row), "in_force": row.version == in_force} for row in rows]}


@bp.reading("/policies/<version>", Plainly, PolicyAnswer)
def read_policy(asked: Fields, version: str) -> Content:
    """Read a policy: levels, indicators, weights, goals and bands."""
    policy = load_policy(version)
    return {
        **_brief(policy),
        "levels": [
            {
                "level": level.code,
                "label": told(level.label),
                "plan_lines": level.plan_lines,
                "indicators": [_indicator(policy, code) for code in level.indicators],
            }
            for level in policy.levels
        ],
        "bands": [
            {"band": band, "from": cut / 100, "label": told(policy.band_labels[band])} for band, cut in policy.bands
        ],
        "completeness_min": policy.completeness_min.num / policy.completeness_min.den,
        "small_n": policy.small_n,
    }


@bp.command("/policies/<version>/activations", Activate)
def activate(context: Context, fields: Fields, version: str) -> Outcome:
    """Put a published policy in force from a day on."""
    fields.setdefault("activated_on", casework().today)
    return casework().activate_policy(context, version=version, sha256=load_policy(version).sha256, **fields)


def _brief(policy: Policy) -> Content:
    return {
        "version": policy.version,
        "label": told(policy.label),
        "effective_from": policy.effective_from,
        "effective_to": policy.effective_to,
        "supersedes": policy.supersedes,
        "sha256": policy.sha256,
    }


def _indicator(policy: Policy, code: str) -> Content:
    rule = policy.indicators[code]
    return {
        "indicator": code,
        "label": told(rule.label),
        "eligible": told(rule.eligible),
        "met_when": told(rule.met),
        "weight": rule.weight,
        "goal": rule.goal.num / rule.goal.den,
        "feed": rule.feed,
        "plan_lines": rule.plan_lines,
    }
