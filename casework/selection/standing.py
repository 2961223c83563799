"""Where a unit or candidate stands in a round, and which rules of another policy put it elsewhere.

What moved a metric is told by :mod:`casework.selection.reasons`. A seat, a rank or a place in the ranking at all can
change with no metric: by the floor, the quota, the panel's share, the least size. These rules are told here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from casework.domain.policy import Kind, Policy

TOO_SMALL, INCOMPLETE = "too_small", "incomplete"
RULES = ("min_size", "completeness_min", "panel", "final_floor", "quota", "tie_breaks")
"""What a policy says of who is ranked and seated, besides how units are measured."""


class Standing(NamedTuple):
    """Where a unit or candidate stands; scores in hundredths.

    ``place`` is that among all units of the kind which can be ranked, by the metric alone. ``final``, ``rank`` and
    ``seat`` are those of a candidate that is ranked; persons have nothing else.
    """

    metric: int | None
    parts: Mapping[str, int | None]
    levels: Mapping[str, int | None]
    not_ranked: str | None
    place: int | None
    final: int | None
    rank: int | None
    seat: str | None


class Rule(NamedTuple):
    """A rule that is another one, as it was and as it is."""

    rule: str
    before: str
    after: str


class Under(NamedTuple):
    """A kind, and the policy that it is under."""

    kind: Kind
    policy: Policy


def rules_behind(before: Standing, after: Standing, old: Under, new: Under) -> list[Rule]:
    """Return the rules that differ and that what differs of a standing can rest on, in the order of ``RULES``."""
    told = zip(RULES, _rules(old), _rules(new), strict=True)
    differing = {rule: Rule(rule, was, now) for rule, was, now in told if was != now}
    return [differing[rule] for rule in _touched(before, after, old, new) if rule in differing]


def _rules(under: Under) -> tuple[str, ...]:
    selection, panel = under.policy.selection, under.policy.selection.panel
    return (
        str(under.kind.min_size or 0),
        "{}/{}".format(*selection.completeness_min),
        "{}/{}".format(*panel.share) + f", without {panel.highest_left_out} highest and {panel.lowest_left_out} lowest",
        f"{selection.final_floor / 100:.2f}",
        f"{selection.quota} {selection.seats}",
        ", ".join(selection.tie_breaks),
    )


def _touched(before: Standing, after: Standing, old: Under, new: Under) -> Iterator[str]:
    """The rules that decide what differs."""
    if before.not_ranked != after.not_ranked:
        reasons = {before.not_ranked, after.not_ranked}
        yield from ["min_size"] if TOO_SMALL in reasons else []
        yield from ["completeness_min"] if INCOMPLETE in reasons else []
    if before.final != after.final:
        yield "panel"
    if before.seat != after.seat:
        above = [_is_above(each, under) for each, under in ((before, old), (after, new))]
        yield from ["final_floor"] if above[0] != above[1] else []
        yield "quota"
    if before.rank != after.rank:
        yield "tie_breaks"


def _is_above(standing: Standing, under: Under) -> bool:
    return standing.final is not None and standing.final >= under.policy.selection.final_floor
