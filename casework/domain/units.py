"""A unit: its names, its place in the administrative tree by date, its facts, and what became of it (RULES G14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from casework.domain.aggregate import Aggregate, Event
from casework.domain.calendar import add_months
from casework.domain.checks import check_codes
from casework.domain.codes import check_unit_fact, unit_facts
from casework.domain.policy import policy_of
from casework.domain.residence import By, refuse_if
from casework.domain.unit_events import (
    UnitClosed,
    UnitEntryVoided,
    UnitFactReported,
    UnitFactVoided,
    UnitMerged,
    UnitMergedIn,
    UnitParentChanged,
    UnitPart,
    UnitRegistered,
    UnitSplit,
    named_units,
    unit_id,
)

_RANKS = {"city": 0, "district": 1, "zone": 1, "township": 2, "community": 3}
"""A zone ranks like a district: the one may become part of the other."""

DIVISIONS = tuple(_RANKS)
"""The kinds of unit that the tree is made of; the others stand below one of them and have figures of their own."""


def is_below(kind: str, above: str) -> bool:
    """Whether a unit of a kind may stand below one of another: a division only below one of a higher rank."""
    return kind not in _RANKS or (above in _RANKS and _RANKS[above] < _RANKS[kind])


def ranks_alike(kind: str, other: str) -> bool:
    """Whether a unit of a kind may be merged into one of another."""
    return kind == other or (kind in _RANKS and _RANKS[kind] == _RANKS.get(other))


def check_recent(by: By, on: date) -> None:
    """Refuse to change the tree from a day that is long ago."""
    furthest = timedelta(days=policy_of(by.today).recording.backdating_days)
    refuse_if(not by.supervisor and by.today - on > furthest, "back-dated-too-far")


class Place(NamedTuple):
    """Where a unit stands in the administrative tree from a day on."""

    on: date
    parent: UUID | None
    managed_by: UUID | None

    @property
    def up(self) -> UUID | None:
        """The unit above: who manages a unit stands for its parent."""
        return self.managed_by or self.parent


class UnitState(Aggregate):
    """What a unit remembers.

    ``reports`` are the reports of facts that stand, by the version of the stream; ``facts`` are the same in order.
    ``arranged`` are the other entries that stand. A unit whose registration was voided keeps its name and place, for
    whoever was counted there, and ends on the day on which it began.
    """

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.registered: UnitRegistered | None = None
        self.places: list[Place] = []
        self.reports: dict[int, UnitFactReported] = {}
        self.arranged: dict[int, Event] = {}
        self.voided: dict[int, int] = {}
        self._stand_at_first()

    def apply(self, event: Event) -> None:
        match event:
            case UnitFactReported():
                self.reports[self.version] = event
            case UnitFactVoided(voids=voids):
                self.reports.pop(voids, None)
                self.voided[voids] = self.version
            case UnitEntryVoided(voids=voids):
                self.arranged.pop(voids, None)
                self.voided[voids] = self.version
                self._stand_at_first()
                for each in self.arranged.values():
                    self._arrange(each)
            case _:
                self.arranged[self.version] = event
                self._arrange(event)

    def _stand_at_first(self) -> None:
        """Be as before anything was arranged: of a registration that was voided the place is left, and no day."""
        self.closed_on: date | None = None
        self.merged_into: UUID | None = None
        self.split_into: tuple[UUID, ...] = ()
        self.took_in: tuple[UUID, ...] = ()
        if self.registered is not None:
            self._arrange(self.registered)
            self.closed_on = self.registered.occurred_on

    def _arrange(self, event: Event) -> None:
        match event:
            case UnitRegistered(occurred_on=on, parent=parent, managed_by=manager):
                self.registered, self.closed_on, self.merged_into = event, None, None
                self.places = [Place(on, parent, manager)]
            case UnitParentChanged(occurred_on=on, parent=parent, managed_by=manager):
                self._stand(Place(on, parent, manager))
            case UnitClosed(occurred_on=on):
                self.closed_on = on
            case UnitSplit(occurred_on=on, parts=parts, closes=closes):
                self.split_into += tuple(part.unit for part in parts)
                self.closed_on = on if closes else self.closed_on
            case UnitMerged(occurred_on=on, into=into):
                self.closed_on, self.merged_into = on, into
                self._stand(Place(on, into, None))
            case UnitMergedIn(from_unit=other):
                self.took_in += (other,)

    @property
    def is_void(self) -> bool:
        """Whether the unit's registration was voided, so that it is there at no date."""
        return self.registered is not None and self.registered not in self.arranged.values()

    @property
    def facts(self) -> list[UnitFactReported]:
        """The reports of facts that stand."""
        return list(self.reports.values())

    def is_active(self, on: date) -> bool:
        """Whether the unit exists on a day."""
        return self.has_begun(on) and (self.closed_on is None or on < self.closed_on)

    def has_begun(self, on: date) -> bool:
        """Whether the unit was there on a day, or had been before."""
        return self.registered is not None and self.registered.occurred_on <= on

    def place(self, on: date) -> Place:
        """Where the unit stands on a day."""
        return next((p for p in reversed(self.places) if p.on <= on), self.places[0])

    def in_force(self, on: date) -> dict[int, UnitFactReported]:
        """The facts in force on a day, by the version of their reports: of each fact the one that began last.

        A report replaces an earlier one of the same fact from the same day, to end it or to tell of other items.
        """
        told = [(report.occurred_on, version) for version, report in self.reports.items() if report.occurred_on <= on]
        reports = {version: self.reports[version] for _, version in sorted(told)}
        latest = {(report.from_, report.fact): version for version, report in reports.items()}
        standing = {fact: version for (_, fact), version in sorted(latest.items()) if _holds(reports[version], on)}
        return {version: reports[version] for version in standing.values()}

    def _stand(self, place: Place) -> None:
        self.places.append(place)
        self.places.sort(key=lambda each: each.on)


class Unit(UnitState):
    """The commands of a unit; that the others which they name are there is asked where all units are known."""

    def register(self, by: By, *, registered_on: date, code: str, kind: str, **details: Any) -> None:
        """Open a unit's stream; registering it again as it is changes nothing."""
        event = UnitRegistered(occurred_on=registered_on, code=code, kind=kind, **details)
        if event == self.registered and not self.is_void:
            return
        refuse_if(registered_on > by.today, "date-in-future")
        refuse_if(self.registered is not None and not self.is_void, "unit-registered")
        refuse_if(unit_id(code) != self.id, "unit-code-differs")
        check_codes(kind=("unit_kinds", kind), tier=("unit_tiers", details.get("tier")))
        self.record(event)

    def report_fact(
        self,
        by: By,
        *,
        reported_on: date,
        fact: str,
        from_: date,
        to: date | None = None,
        items: tuple[str, ...] = (),
        commitment: bytes | None = None,
    ) -> None:
        """Report a dated fact; the same report again changes nothing."""
        registered = self._alive(reported_on)
        refuse_if(reported_on > by.today, "date-in-future")
        refuse_if(to is not None and to < from_, "ends-before-start")
        check_unit_fact(fact, registered.kind, items)
        event = UnitFactReported(
            occurred_on=reported_on, fact=fact, from_=from_, to=to, items=items, commitment=commitment
        )
        if all(_told(event) != _told(known) for known in self.reports.values()):
            self.record(event)

    def void_fact(self, by: By, *, voided_on: date, voids: int, reason: str) -> None:
        """Say that a report was wrong; saying it again changes nothing."""
        if voids in self.voided:
            return
        refuse_if(self.registered is None, "unit-unknown")
        refuse_if(voided_on > by.today, "date-in-future")
        report = self.report(voids)
        refuse_if(voided_on < report.occurred_on, "voided-before-report")
        check_codes(reason=("unit_fact_void_reasons", reason))
        self.record(UnitFactVoided(occurred_on=voided_on, voids=voids, fact=report.fact, reason=reason))

    def report(self, version: int) -> UnitFactReported:
        """The report of a version of the stream; refused where none stands there."""
        report = self.reports.get(version)
        refuse_if(report is None, "unit-report-unknown")
        assert report is not None
        return report

    def change_place(
        self,
        by: By,
        *,
        changed_on: date,
        parent: UUID | None = None,
        managed_by: UUID | None = None,
        managed_by_parent: bool = False,
    ) -> None:
        """Stand elsewhere from a day on. What is not told stays; ``managed_by_parent`` ends another's management."""
        self._check_rearranged(by, changed_on)
        refuse_if(managed_by is not None and managed_by_parent, "unit-managers-differ")
        before = self.place(changed_on)
        manager = None if managed_by_parent else managed_by or before.managed_by
        self._move(changed_on, parent or before.parent, manager)

    def follow(self, by: By, *, moved_on: date, old: UUID, new: UUID) -> None:
        """Stand below one unit where the place was another's, which was split or merged."""
        self._check_rearranged(by, moved_on)
        before = self.place(moved_on)
        refuse_if(old not in (before.parent, before.managed_by), "unit-not-below")
        self._move(moved_on, *(new if above == old else above for above in (before.parent, before.managed_by)))

    def close(self, by: By, *, closed_on: date) -> None:
        """End the unit; that nothing is left below it is asked where all units are known."""
        if self.closed_on == closed_on and self.merged_into is None:
            return
        self._check_rearranged(by, closed_on)
        self.record(UnitClosed(occurred_on=closed_on))

    def split(self, by: By, *, split_on: date, parts: Sequence[UnitPart], closes: bool) -> None:
        """Give parts away as units of their own."""
        self._check_rearranged(by, split_on)
        taken = [each for part in parts for each in part.takes]
        refuse_if(len({part.unit for part in parts}) < len(parts), "unit-part-twice")
        refuse_if(len(set(taken)) < len(taken), "unit-part-twice")
        self.record(UnitSplit(occurred_on=split_on, parts=tuple(parts), closes=closes))

    def merge_away(self, by: By, *, merged_on: date, into: Unit) -> None:
        """Become part of another unit that ranks alike."""
        self._check_rearranged(by, merged_on)
        kind, other = self._alive(merged_on).kind, into._alive(merged_on).kind
        refuse_if(not ranks_alike(kind, other), "unit-kinds-differ")
        self.record(UnitMerged(occurred_on=merged_on, into=into.id))

    def merge_in(self, by: By, *, merged_on: date, other: UUID) -> None:
        """Take another unit in."""
        self._check_rearranged(by, merged_on, moved=False)
        self.record(UnitMergedIn(occurred_on=merged_on, from_unit=other))

    def void_entry(self, by: By, *, voids: int, reason: str) -> None:
        """Take back an entry on the unit's place or end; that nothing depends on it is asked where all are known."""
        entry = self.arranged.get(voids)
        refuse_if(entry is None, "unit-entry-unknown")
        assert entry is not None
        check_codes(reason=("unit_entry_void_reasons", reason))
        self.record(UnitEntryVoided(occurred_on=by.today, voids=voids, reason=reason, units=named_units(entry)))

    def _move(self, on: date, parent: UUID | None, managed_by: UUID | None) -> None:
        before = self.place(on)
        if (before.parent, before.managed_by) != (parent, managed_by):
            self.record(UnitParentChanged(occurred_on=on, parent=parent, managed_by=managed_by))

    def _check_rearranged(self, by: By, on: date, *, moved: bool = True) -> None:
        """The tree is changed in its order: nothing in the future, long ago, or before what was last arranged."""
        refuse_if(self.registered is None, "unit-unknown")
        refuse_if(self.closed_on is not None, "unit-closed")
        refuse_if(on > by.today, "date-in-future")
        check_recent(by, on)
        refuse_if(not self.has_begun(on), "unit-not-active")
        refuse_if(moved and on < self.places[-1].on, "unit-moved-since")

    def _alive(self, on: date) -> UnitRegistered:
        refuse_if(self.registered is None, "unit-unknown")
        refuse_if(self.closed_on is not None and self.closed_on <= on, "unit-closed")
        assert self.registered is not None
        return self.registered


def _holds(report: UnitFactReported, on: date) -> bool:
    """Whether a day lies inside of what a report says, for as long as such a fact can hold."""
    longest = unit_facts()[report.fact].max_months
    ends = [day for day in (report.to, longest and add_months(report.from_, longest)) if day]
    return report.from_ <= on and all(on <= end for end in ends)


def _told(report: UnitFactReported) -> UnitFactReported:
    """What a report says, without where its evidence is."""
    return msgspec.structs.replace(report, evidence=None, commitment=None)
