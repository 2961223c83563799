"""What becomes of the registry over the simulated weeks: units register and report, bureaus close their months."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from casework.domain.aggregate import Aggregate
from casework.domain.calendar import add_months, first_of_month, last_of_month, month_of
from casework.domain.codes import UnitFact, unit_facts
from casework.domain.policy import load_policy
from casework.domain.registry import POLICY_ID, Feed, PolicyLog, Unit, feed_id
from casework.domain.residence import By
from casework.log.codec import EventCodec, Metadata
from casework.population import rates
from casework.population.chance import chance_of
from casework.population.told import Span, Told
from casework.population.units import Row, rows
from casework.population.world import World

POLICY = "2013.1"
FEEDS = (
    ("EDUB", "EDU"),
    ("HRSS", "EMP"),
    ("HRSS", "SSH"),
    ("HSG", "SSH"),
    ("HLTH", "HLT"),
    ("PFP", "FPL"),
    ("CIV", "LIV"),
    ("SPT", "CUL"),
)
"""Which bureaus close their months; what others do is entered by hand, and known at once (RULES F2)."""

COLLECTIVE = "UF-COLL"
_ISSUED = "UF-PLAN"
_OF_NEW_TYPE = frozenset({"UF-SCHPOINT", "UF-FUND"})
_OF_INHABITED = frozenset({"UF-HEDU", "UF-FITSITE"})
_CONTRACT_MONTHS = {12: 0.3, 24: 0.3, 36: 0.4}
_MORNING = 9 * 3600
_EVENING = 18 * 3600
_encode = EventCodec().encode


class Entry(NamedTuple):
    """A command to a stream of the registry, and the second at which it is recorded."""

    at: int
    stream: Aggregate
    give: Callable[[By], None]


def timeline(world: World, span: Span) -> Iterator[Told]:
    """Tell the registry's events in the order in which they are recorded."""
    registrar = _Registrar(world, span)
    entries = [entry for entry in registrar.entries() if entry.at < span.ends]
    for place, entry in enumerate(sorted(entries, key=lambda entry: entry.at)):
        yield from registrar.told(entry, place)


class _Registrar:
    """Draws what units and bureaus report, and tells it to their streams."""

    def __init__(self, world: World, span: Span) -> None:
        self.world, self.span = world, span
        self.chance = chance_of(world.seed, "registry")
        self.policy = load_policy(POLICY)
        self.since = min(self.policy.effective_from, span.start)  # weeks may begin before there was a policy
        self.inhabited = frozenset(world.inhabited.items)

    def entries(self) -> Iterator[Entry]:
        """Return every command, one stream after another."""
        yield self._activation()
        for row in rows(self.world):
            unit = Unit(row.id)
            yield self._registration(row, unit)
            for fact in unit_facts().values():
                if self._carries(row, fact):
                    yield from self._reports(unit, fact)
        for bureau, area in FEEDS:
            yield from self._closings(bureau, area)

    def told(self, entry: Entry, place: int) -> Iterator[Told]:
        """Give a command and tell its event."""
        entry.give(By(self.span.day(entry.at)))
        for recorded in entry.stream.collect_events():
            command_id = self.chance.uuid(entry.at * 1000)
            meta = Metadata(
                event_id=self.chance.uuid(entry.at * 1000),
                actor="registrar",
                role="operator",
                correlation_id=command_id,
                command_id=command_id,
            )
            event = recorded.event
            stream, version = recorded.originator_id, recorded.originator_version
            yield Told(entry.at, place, stream, version, event.type_name, _encode(event), meta.encode())

    def _activation(self) -> Entry:
        policies, policy = PolicyLog(POLICY_ID), self.policy

        def give(by: By) -> None:
            policies.activate(by, activated_on=self.since, version=policy.version, sha256=policy.sha256)

        return Entry(self.span.begins, policies, give)

    def _registration(self, row: Row, unit: Unit) -> Entry:
        def give(by: By) -> None:
            unit.register(by, registered_on=self.since, code=row.code, kind=row.kind, **row.details)

        return Entry(self.span.begins, unit, give)

    def _carries(self, row: Row, fact: UnitFact) -> bool:
        """Say whether a unit may report a fact: of communities without households only what selections count."""
        if row.kind not in fact.carriers:
            return False
        if row.kind == "community":
            if fact.code in _OF_NEW_TYPE:
                return bool(row.details["new_type_community"])
            return fact.code not in _OF_INHABITED or row.code in self.inhabited
        return True

    def _reports(self, unit: Unit, fact: UnitFact) -> Iterator[Entry]:
        """Return the reports of one fact: there from before, new in these years, or never."""
        if fact.code == COLLECTIVE:
            yield from self._contracts(unit)
            return
        chance, span = self.chance, self.span
        share = 0.9 if fact.code == _ISSUED else rates.FACT_IN_PLACE
        if chance.happens(share):
            yield self._report(unit, fact, chance.after(span.start, -900, -30), chance.after(span.start, 0, 27))
        elif chance.happens(rates.FACT_COMES * span.weeks / 52):
            on = chance.between(span.start, span.until)
            yield self._report(unit, fact, on, on)

    def _report(self, unit: Unit, fact: UnitFact, since: date, on: date, to: date | None = None) -> Entry:
        items = tuple(item.code for item in fact.items if self.chance.happens(0.8))
        if fact.items and not items:
            items = (fact.items[0].code,)

        def give(by: By) -> None:
            unit.report_fact(by, reported_on=on, fact=fact.code, from_=since, to=to, items=items)

        return Entry(self.span.second(on) + _MORNING + self.chance.whole(0, 8 * 3600), unit, give)

    def _contracts(self, unit: Unit) -> Iterator[Entry]:
        """Return an employer's collective contracts, one after another."""
        chance, span = self.chance, self.span
        fact = unit_facts()[COLLECTIVE]
        if not chance.happens(rates.COLLECTIVE):
            return
        since = chance.after(span.start, -700, 500)
        while since <= span.until:
            to = add_months(since, chance.pick(_CONTRACT_MONTHS)) - timedelta(1)
            if to >= span.start:
                yield self._report(unit, fact, since, max(since, chance.after(span.start, 0, 27)), to)
            if not chance.happens(rates.COLLECTIVE_RENEWED):
                return
            since = to + timedelta(1)

    def _closings(self, bureau: str, area: str) -> Iterator[Entry]:
        """Return the closing of every month by one feed: in the first days of the next, now and then late."""
        feed = Feed(feed_id(bureau, area))
        first = month_of(self.span.start - timedelta(self.span.start.day))
        while (ended := last_of_month(first)) <= self.span.until:
            late = self.chance.happens(rates.FEED_LATE)
            on = max(self.chance.after(ended, 16, 40) if late else self.chance.after(ended, 2, 7), self.span.start)
            yield self._closing(feed, on, bureau, area, first)
            first = month_of(add_months(first_of_month(first), 1))

    def _closing(self, feed: Feed, on: date, bureau: str, area: str, month: str) -> Entry:
        def give(by: By) -> None:
            feed.close_month(by, closed_on=on, bureau=bureau, area=area, month=month)

        return Entry(self.span.second(on) + _EVENING, feed, give)
