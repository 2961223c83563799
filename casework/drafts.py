"""Policies that an operator names: a published version, or the file of a draft, which may only be tried."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from casework.domain.policy import Policy, load_policy, parse_draft, policy_versions
from casework.errors import NotFound, Refused


class Chosen(NamedTuple):
    """A policy, with the bytes of its file where it is a draft."""

    policy: Policy
    draft: bytes | None


def choose(named: str, *, what_if: bool) -> Chosen:
    """Return a published policy by its version, or a draft by its file, which may only be tried."""
    if named in policy_versions():
        return Chosen(load_policy(named), None)
    if not Path(named).is_file():
        raise NotFound("policy-unknown")
    content = Path(named).read_bytes()
    draft = parse_draft(content)
    if not what_if:
        raise Refused("draft-only-what-if")
    return Chosen(draft, content)
