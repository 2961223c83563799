"""Which scoring policy an answer is under."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from casework.domain.policy import Policy, load_policy, policy_in_force
from casework.domain.registry import PolicyActivated, Registry


def default_policy(registry: Registry, on: date) -> Policy:
    """Return the policy that was in force on a day: the last one activated by then, else by the files' own dates."""
    return _in_force(tuple(registry.policies.activated), on)


def chosen_policy(version: str | None, registry: Registry, on: date) -> Policy:
    """Return the policy that was asked for, or that of the day."""
    return load_policy(version) if version is not None else default_policy(registry, on)


@lru_cache(64)
def _in_force(activated: tuple[PolicyActivated, ...], on: date) -> Policy:
    begun = [event for event in activated if event.occurred_on <= on]
    return load_policy(begun[-1].version) if begun else policy_in_force(on)
