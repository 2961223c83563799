"""What came of comparing a round with other figures, as the operator is shown it: as JSON, or line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from casework.selection.appealing import FIRST, Found
from casework.selection.comparing import Moved
from casework.selection.responsible import Responsible
from casework.selection.standing import Standing
from casework.selection.trying import Compared

Content = dict[str, Any]

MOST_REASONS = 3


def content_of(found: Compared, events: Found | None = None) -> Content:
    """A comparison as JSON; of an appeal with the events responsible for each unit."""
    moved = [each for kind in found.kinds for each in kind.moved]
    return {**found.told(), "moved": [{**each.told(), **_events(each, events)} for each in moved]}


def _events(moved: Moved, events: Found | None) -> Content:
    if events is None or moved.unit is None:
        return {}
    first = events.first.get(moved.unit, [])
    return {"events": {"count": events.counts[moved.unit], "first": [event_content(each) for each in first]}}


def event_content(each: Responsible) -> Content:
    """What an operator is told of an event responsible: not whose it is."""
    return {
        "position": each.place,
        "type": each.type,
        "recorded_at": each.recorded_at.isoformat(),
        "occurred_on": each.occurred_on and each.occurred_on.isoformat(),
        "changed": each.changed,
    }


def event_line(each: Responsible) -> str:
    """The same in a line."""
    return f"{each.place}  {each.type}  of {each.occurred_on}: {', '.join(each.changed)}"


def lines_of(found: Compared, events: Found | None = None) -> Iterator[str]:
    """A comparison line by line; of an appeal with the first events responsible for each unit."""
    told = found.told()
    yield f"Round {told['year']} under policy {told['policy']}, as known at {told['known_at']}; nothing is changed"
    yield f"frozen {told['frozen_sha256']}"
    yield f"now    {told['sha256']}"
    if not told["ranked"]:
        yield "The panel's scores are not open: figures alone, no ranks."
    for kinds, why in ((found.left_out, "not in the round"), (found.dropped, "not in the policy")):
        if kinds:
            yield f"left out, since {why}: {', '.join(kinds)}"
    for kind in found.kinds:
        yield f"{kind.kind}: {len(kind.moved)} of {kind.units} units and candidates stand otherwise"
        for moved in kind.moved:
            yield from _moved(moved, events)


def _moved(moved: Moved, events: Found | None) -> Iterator[str]:
    why = ", ".join(f"{each.code} {each.what} {each.points:+.2f}" for each in moved.why[:MOST_REASONS])
    sides = f"{_standing(moved.before)} -> {_standing(moved.after)}"
    yield f"  {moved.code or moved.nomination_id}: {sides}  {why}".rstrip()
    yield from (f"    {each.rule}: {each.before} -> {each.after}" for each in moved.rules)
    if events is not None and moved.unit is not None and moved.unit in events.counts:
        yield from (f"    {event_line(each)}" for each in events.first[moved.unit])
        if events.counts[moved.unit] > FIRST:
            yield f"    and more, {events.counts[moved.unit]} in all: --unit {moved.code}"


def _standing(standing: Standing | None) -> str:
    if standing is None:
        return "not there"
    metric = "no metric" if standing.metric is None else f"M {standing.metric / 100:.2f}"
    rank = f", rank {standing.rank}" if standing.rank is not None else ""
    seat = f", {standing.seat}" if standing.seat else ""
    return f"{metric}{rank}{seat}" + (f", {standing.not_ranked}" if standing.not_ranked else "")
