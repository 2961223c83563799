"""Units, their facts, the bureaus' feeds and the policies: the streams of the registry partition (RULES G14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import msgspec

from casework.domain.aggregate import Aggregate, Event, Recorded, event_type
from casework.domain.calendar import add_months, first_of_month, month_of, required_from, required_month
from casework.domain.checks import check_codes, check_feed, check_month
from casework.domain.codes import bureaus, check_unit_fact
from casework.domain.residence import By, refuse_if

NAMESPACE = UUID("6f2b6c0e-3a51-5f0e-9d0a-0c9b4a7e2013")
"""Registry streams, and only they, have uuid5 ids in this namespace."""


@lru_cache(1 << 14)
def unit_id(code: str) -> UUID:
    """The id of a unit's stream: ``unit-410105`` and so on."""
    return uuid5(NAMESPACE, f"unit-{code}")


def feed_id(bureau: str, area: str) -> UUID:
    """The id of the stream that closes a bureau's months in an area of service."""
    return uuid5(NAMESPACE, f"feed-{bureau}-{area}")


POLICY_ID = uuid5(NAMESPACE, "policy")


@event_type("unit.registered.v1")
class UnitRegistered(Event, frozen=True, kw_only=True):
    """A unit exists: a division, bureau, employer, school, agency or training provider."""

    occurred_on: date
    code: str
    kind: str
    name_zh: str
    name_en: str | None = None
    tier: str | None = None
    parent: UUID | None = None
    managed_by: UUID | None = None
    new_type_community: bool = False
    uscc: str | None = None


@event_type("unit.fact-reported.v1")
class UnitFactReported(Event, frozen=True, kw_only=True):
    """A dated fact of a unit, in force from ``from`` to ``to``; ``items`` are those in place."""

    occurred_on: date
    fact: str
    from_: date = msgspec.field(name="from")
    to: date | None = None
    items: tuple[str, ...] = ()
    evidence: str | None = None


@event_type("unit.parent-changed.v1")
class UnitParentChanged(Event, frozen=True, kw_only=True):
    """From this day the unit belongs, or answers, to another."""

    occurred_on: date
    parent: UUID | None = None
    managed_by: UUID | None = None


@event_type("unit.closed.v1")
class UnitClosed(Event, frozen=True, kw_only=True):
    """From this day the unit is no more."""

    occurred_on: date


@event_type("feed.closed.v1")
class FeedClosed(Event, frozen=True, kw_only=True):
    """A bureau has reported all of a month in an area of service."""

    occurred_on: date
    bureau: str
    area: str
    month: str


@event_type("policy.activated.v1")
class PolicyActivated(Event, frozen=True, kw_only=True):
    """A scoring policy is in force from this day; ``sha256`` is that of its file."""

    occurred_on: date
    version: str
    sha256: str


class Place(NamedTuple):
    """Where a unit stands in the administrative tree from a day on."""

    on: date
    parent: UUID | None
    managed_by: UUID | None


class Unit(Aggregate):
    """A unit: its names, its place in the tree by date, its facts."""

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.registered: UnitRegistered | None = None
        self.places: list[Place] = []
        self.facts: list[UnitFactReported] = []
        self.closed_on: date | None = None

    def apply(self, event: Event) -> None:
        match event:
            case UnitRegistered(occurred_on=on, parent=parent, managed_by=manager):
                self.registered = event
                self.places = [Place(on, parent, manager)]
            case UnitFactReported():
                self.facts.append(event)
            case UnitParentChanged(occurred_on=on, parent=parent, managed_by=manager):
                self.places.append(Place(on, parent, manager))
                self.places.sort(key=lambda place: place.on)
            case UnitClosed(occurred_on=on):
                self.closed_on = on

    def register(self, by: By, *, registered_on: date, code: str, kind: str, **details: Any) -> None:
        """Open a unit's stream; registering it again as it is changes nothing."""
        event = UnitRegistered(occurred_on=registered_on, code=code, kind=kind, **details)
        if event == self.registered:
            return
        refuse_if(registered_on > by.today, "date-in-future")
        refuse_if(self.registered is not None, "unit-registered")
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
        evidence: str | None = None,
    ) -> None:
        """Report a dated fact; the same report again changes nothing."""
        registered = self._alive(reported_on)
        refuse_if(reported_on > by.today, "date-in-future")
        refuse_if(to is not None and to < from_, "ends-before-start")
        check_unit_fact(fact, registered.kind, items)
        event = UnitFactReported(occurred_on=reported_on, fact=fact, from_=from_, to=to, items=items, evidence=evidence)
        if event not in self.facts:
            self.record(event)

    def is_active(self, on: date) -> bool:
        """Whether the unit exists on a day."""
        registered = self.registered
        begun = registered is not None and registered.occurred_on <= on
        return begun and (self.closed_on is None or on < self.closed_on)

    def place(self, on: date) -> Place:
        """Where the unit stands on a day."""
        return next((p for p in reversed(self.places) if p.on <= on), self.places[0])

    def _alive(self, on: date) -> UnitRegistered:
        refuse_if(self.registered is None, "unit-unknown")
        refuse_if(self.closed_on is not None and self.closed_on <= on, "unit-closed")
        assert self.registered is not None
        return self.registered


class Feed(Aggregate):
    """The months that a bureau has closed in an area."""

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.months: set[str] = set()
        self.first: str | None = None

        self._states: dict[tuple[date, int], tuple[bool, date | None]] = {}

    def apply(self, event: FeedClosed) -> None:
        self.months.add(event.month)
        self.first = min(self.months)
        self._states.clear()

    def state_on(self, day: date, days: int) -> tuple[bool, date | None]:
        """Whether the month that is required on a day is closed, and from which day that turns (RULES F1, F2).

        What was never fed is known. Every household of a day asks the same, so the answer is kept.
        """
        if self.first is None:
            return True, None
        state = self._states.get((day, days))
        if state is None:
            month = required_month(day, days)
            known = month < self.first or month in self.months
            state = self._states[day, days] = known, self._turns_on(max(month, self.first), known, days)
        return state

    def _turns_on(self, month: str, known: bool, days: int) -> date | None:
        if known:
            return self._first_missing(month, days)
        later = [closed for closed in self.months if closed > month]
        return required_from(min(later), days) if later else None

    def _first_missing(self, month: str, days: int) -> date | None:
        while month in self.months:
            last, month = month, month_of(add_months(first_of_month(month), 1))
            if month == last:
                return None  # the calendar ends here
        return required_from(month, days)

    def close_month(self, by: By, *, closed_on: date, bureau: str, area: str, month: str) -> None:
        """Say that a month is complete; saying it again changes nothing."""
        refuse_if(closed_on > by.today, "date-in-future")
        refuse_if(feed_id(bureau, area) != self.id, "feed-differs")
        check_feed(bureau, area)
        refuse_if(area not in next(row.areas for row in bureaus() if row.code == bureau), "feed-not-of-bureau")
        check_month("month", month)
        refuse_if(month >= closed_on.isoformat()[:7], "month-not-over")
        if month not in self.months:
            self.record(FeedClosed(occurred_on=closed_on, bureau=bureau, area=area, month=month))


class PolicyLog(Aggregate):
    """Which scoring policy was put in force when."""

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.activated: list[PolicyActivated] = []

    def apply(self, event: PolicyActivated) -> None:
        self.activated.append(event)

    def activate(self, by: By, *, activated_on: date, version: str, sha256: str) -> None:
        """Put a policy in force; the one in force again changes nothing."""
        event = PolicyActivated(occurred_on=activated_on, version=version, sha256=sha256)
        refuse_if(activated_on > by.today, "date-in-future")
        changed = any(old.version == version and old.sha256 != sha256 for old in self.activated)
        refuse_if(changed, "policy-changed")
        if not self.activated or self.activated[-1].version != version:
            self.record(event)


class Facts(NamedTuple):
    """What an assessment asks of the registry, at one cut: collective contracts by employer, months by feed."""

    contracts: Mapping[UUID, tuple[UnitFactReported, ...]] = {}
    feeds: Mapping[str, Feed] = {}

    def feed(self, bureau_area: str) -> Feed | None:
        """The feed ``EDUB/EDU`` and so on, if it ever closed a month."""
        return self.feeds.get(bureau_area)


class Registry:
    """All units, feeds and policies up to one position of the registry partition."""

    def __init__(self) -> None:
        self.position = 0
        self.units: dict[UUID, Unit] = {}
        self.feeds: dict[str, Feed] = {}
        self.policies = PolicyLog(POLICY_ID)
        self.contracts: dict[UUID, tuple[UnitFactReported, ...]] = {}
        self.children: dict[UUID, set[UUID]] = {}

    def fold(self, events: Iterable[tuple[int, Recorded]]) -> Registry:
        """Take in events of the registry partition, in the order of their positions."""
        for position, recorded in events:
            self.position = position
            self._take(recorded)
        return self

    def continued(self, events: Iterable[tuple[int, Recorded]]) -> Registry:
        """A registry with further events; this one stays as it is for those who read it."""
        more = list(events)
        later = Registry()
        later.units, later.feeds = dict(self.units), dict(self.feeds)
        later.contracts = dict(self.contracts)
        later.children = {unit: set(below) for unit, below in self.children.items()}
        later.policies = deepcopy(self.policies)
        for _, recorded in more:
            if recorded.originator_id in self.units:
                later.units[recorded.originator_id] = deepcopy(self.units[recorded.originator_id])
            elif isinstance(recorded.event, FeedClosed):
                name = f"{recorded.event.bureau}/{recorded.event.area}"
                later.feeds[name] = deepcopy(self.feeds.get(name) or Feed(recorded.originator_id))
        later.position = self.position
        return later.fold(more)

    @property
    def facts(self) -> Facts:
        """What assessments ask."""
        return Facts(self.contracts, self.feeds)

    def unit(self, code: str) -> Unit | None:
        """The unit of a code, if it was registered."""
        return self.units.get(unit_id(code))

    def ancestors(self, unit: UUID, on: date) -> list[UUID]:
        """The units above, nearest first, in the administrative tree of a day; a manager stands for the parent."""
        above: list[UUID] = []
        current = self.units.get(unit)
        while current is not None and current.places:
            place = current.place(on)
            up = place.managed_by or place.parent
            if up is None or up == unit or up in above:
                break
            above.append(up)
            current = self.units.get(up)
        return above

    def check_above(self, unit: UUID, above: UUID, on: date) -> None:
        """Refuse a place in the tree for a unit: the one above it must be there on the day, and not be below it."""
        refuse_if(unit in (above, *self.ancestors(above, on)), "unit-above-itself")
        upper = self.units.get(above)
        refuse_if(upper is None or upper.registered is None, "unit-unknown")
        refuse_if(upper is not None and not upper.is_active(on), "unit-not-active")

    def _take(self, recorded: Recorded) -> None:
        stream, event = recorded.originator_id, recorded.event
        aggregate: Unit | Feed | PolicyLog
        if isinstance(event, FeedClosed):
            aggregate = self.feeds.setdefault(f"{event.bureau}/{event.area}", Feed(stream))
        elif isinstance(event, PolicyActivated):
            aggregate = self.policies
        else:
            aggregate = self.units.setdefault(stream, Unit(stream))
        aggregate.version = recorded.originator_version
        aggregate.apply(event)  # type: ignore[arg-type]
        self._index(stream, event)

    def _index(self, stream: UUID, event: Event) -> None:
        if isinstance(event, UnitFactReported) and event.fact == "UF-COLL":
            self.contracts[stream] = (*self.contracts.get(stream, ()), event)
        if isinstance(event, UnitRegistered | UnitParentChanged):
            for up in (event.parent, event.managed_by):
                if up is not None:
                    self.children.setdefault(up, set()).add(stream)
