"""The streams of the registry partition: units and facts, feeds, policies, grants, subscriptions (RULES G14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import date
from typing import NamedTuple
from uuid import UUID, uuid5

from casework.domain.aggregate import Aggregate, Event, Recorded, event_type
from casework.domain.calendar import add_months, first_of_month, month_of, required_from, required_month
from casework.domain.checks import check_feed, check_month
from casework.domain.codes import bureaus
from casework.domain.grants import Grant, GrantIssued, GrantNarrowed, GrantRevoked
from casework.domain.residence import By, refuse_if
from casework.domain.subscriptions import (
    EndpointSet,
    ErasuresAcknowledged,
    Subscription,
    SubscriptionClosed,
    SubscriptionOpened,
)
from casework.domain.tree import Tree
from casework.domain.unit_events import NAMESPACE as NAMESPACE
from casework.domain.unit_events import UNIT_EVENTS
from casework.domain.unit_events import UnitClosed as UnitClosed
from casework.domain.unit_events import UnitFactReported as UnitFactReported
from casework.domain.unit_events import UnitFactVoided as UnitFactVoided
from casework.domain.unit_events import UnitParentChanged as UnitParentChanged
from casework.domain.unit_events import UnitRegistered as UnitRegistered
from casework.domain.unit_events import unit_id as unit_id
from casework.domain.units import Unit as Unit


def feed_id(bureau: str, area: str) -> UUID:
    """The id of the stream that closes a bureau's months in an area of service."""
    return uuid5(NAMESPACE, f"feed-{bureau}-{area}")


def grant_id(name: str) -> UUID:
    """The id of the stream of what a bureau is told under a grant of this name."""
    return uuid5(NAMESPACE, f"grant-{name}")


def subscription_id(number: UUID) -> UUID:
    """The id of a subscription, which is its stream's, from a number that the command chose."""
    return uuid5(NAMESPACE, f"subscription-{number}")


POLICY_ID = uuid5(NAMESPACE, "policy")

COLLECTIVE_CONTRACT = "UF-COLL"
"""The one fact of units that assessments ask for (RULES WRK5)."""


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


class Registry(Tree):
    """All units, feeds, policies, grants and subscriptions up to one position of the registry partition."""

    def __init__(self) -> None:
        super().__init__()
        self.position = 0
        self.feeds: dict[str, Feed] = {}
        self.policies = PolicyLog(POLICY_ID)
        self.grants: dict[UUID, Grant] = {}
        self.subscriptions: dict[UUID, Subscription] = {}
        self.contracts: dict[UUID, tuple[UnitFactReported, ...]] = {}

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
        later.policies, later.grants = deepcopy(self.policies), dict(self.grants)
        later.subscriptions = dict(self.subscriptions)
        for _, recorded in more:
            if recorded.originator_id in self.units:
                later.units[recorded.originator_id] = deepcopy(self.units[recorded.originator_id])
            elif recorded.originator_id in self.grants:
                later.grants[recorded.originator_id] = deepcopy(self.grants[recorded.originator_id])
            elif recorded.originator_id in self.subscriptions:
                later.subscriptions[recorded.originator_id] = deepcopy(self.subscriptions[recorded.originator_id])
            elif isinstance(recorded.event, FeedClosed):
                name = f"{recorded.event.bureau}/{recorded.event.area}"
                later.feeds[name] = deepcopy(self.feeds.get(name) or Feed(recorded.originator_id))
        later.position = self.position
        return later.fold(more)

    @property
    def facts(self) -> Facts:
        """What assessments ask."""
        return Facts(self.contracts, self.feeds)

    def grant(self, name: str) -> Grant | None:
        """The grant of a name, if it was issued."""
        return self.grants.get(grant_id(name))

    def is_over(self, subscription: Subscription, day: date) -> bool:
        """Whether nothing more of households is given out to a subscription: it was closed, or its grant has ended."""
        grant = self.grant(subscription.opened.grant)
        return subscription.closed is not None or (grant is not None and grant.has_ended(day))

    def unit(self, code: str) -> Unit | None:
        """The unit of a code, if it was registered."""
        return self.units.get(unit_id(code))

    def _take(self, recorded: Recorded) -> None:
        """Take in an event; streams of other kinds are folded by those who ask for them."""
        stream, event = recorded.originator_id, recorded.event
        aggregate: Unit | Feed | PolicyLog | Grant | Subscription
        if isinstance(event, FeedClosed):
            aggregate = self.feeds.setdefault(f"{event.bureau}/{event.area}", Feed(stream))
        elif isinstance(event, PolicyActivated):
            aggregate = self.policies
        elif isinstance(event, GrantIssued | GrantNarrowed | GrantRevoked):
            aggregate = self.grants.setdefault(stream, Grant(stream))
        elif isinstance(event, SubscriptionOpened | EndpointSet | ErasuresAcknowledged | SubscriptionClosed):
            aggregate = self.subscriptions.setdefault(stream, Subscription(stream))
        elif isinstance(event, UNIT_EVENTS):
            aggregate = self.units.setdefault(stream, Unit(stream))
        else:
            return
        aggregate.version = recorded.originator_version
        aggregate.apply(event)  # type: ignore[arg-type]
        self.index_place(stream, event)
        if isinstance(event, UnitFactReported | UnitFactVoided) and event.fact == COLLECTIVE_CONTRACT:
            reported = self.units[stream].facts
            self.contracts[stream] = tuple(fact for fact in reported if fact.fact == COLLECTIVE_CONTRACT)
