"""Phrases for households that split, are merged, or open again: what both streams are told."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from casework.domain import two_households
from casework.domain.household import Household
from casework.domain.residence import By
from tests.domain.given import LATER, day, named, someone


def split(
    household: Household,
    *names: str,
    on: str = "2013-06-01",
    new_head: str | None = None,
    episodes: Sequence[str] = (),
    needs: Sequence[str] = (),
    to: str = "split off",
    by: By = LATER,
) -> Household:
    """A new household of some members, the first of whom is its head."""
    new = Household(named(to))
    two_households.split(
        household,
        new,
        by,
        split_on=day(on),
        members={named(name): "head" if name == names[0] else "other_relative" for name in names},
        head=named(names[0]),
        episodes=[named(each) for each in episodes],
        needs=[named(each) for each in needs],
        new_head=someone(new_head),
    )
    return new


def merge(source: Household, target: Household, on: str = "2013-06-01", by: By = LATER) -> None:
    """One household becomes part of another."""
    two_households.merge(target, source, by, merged_on=day(on))


def unmerge(
    target: Household,
    source: Household,
    on: str = "2013-09-01",
    members: Sequence[str] = (),
    episodes: Sequence[str] = (),
    needs: Sequence[str] = (),
    head: str | None = None,
    new_head: str | None = None,
    by: By = LATER,
) -> None:
    """The merge is undone; who and what came since goes along where it is named."""
    two_households.unmerge(
        target,
        source,
        by,
        unmerged_on=day(on),
        members=[named(name) for name in members],
        episodes=[named(name) for name in episodes],
        needs=[named(name) for name in needs],
        head=someone(head),
        new_head=someone(new_head),
    )


def again(household: Household) -> Household:
    """The household, folded from its events as they are stored."""
    from casework.log.codec import EventMapper

    mapper = EventMapper()
    stored = [mapper.to_stored_event(recorded) for recorded in deepcopy(household).collect_events()]
    folded = Household.fold(None, [mapper.to_domain_event(each) for each in stored])  # type: ignore[misc]
    assert folded is not None
    return folded


def state(household: Household) -> dict[str, object]:
    """All that a household remembers."""
    return {name: value for name, value in vars(household).items() if name != "pending"}
