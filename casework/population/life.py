"""One household's life, told to its office in the order in which it would have been recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any
from uuid import UUID

from casework.domain.household import Household
from casework.population import mistakes, rates
from casework.population.chance import chance_of
from casework.population.family import Member, found
from casework.population.office import City, Office
from casework.population.steps import Case, Desk, Step, Thread
from casework.population.told import DAY, Told

OPENS = 8 * 3600 + 1800
"""The second of the day at which offices open."""
OPEN_FOR = 9 * 3600
BACKLOG_DAYS = 7
"""What happened longer ago than this, when its turn comes, is recorded at once."""
AT_ANY_TIME = {"close_household", "reopen_household", "request_erasure"}
"""What may lie outside of the household's time."""
KNOWN_DAYS = 300
"""How far back things are told of those who were there before their file was opened."""


class Life:
    """A household: its truth (``family``), its ``office``, and the threads of which more is to be told."""

    def __init__(self, city: City, number: int) -> None:
        self.city = city
        self.family = found(city.world, city.span, number)
        self.chance = chance_of(city.seed, "life", number)
        self.slips = chance_of(city.seed, "slips", number)
        self.says = chance_of(city.seed, "says", number)
        self.office = Office(city, number, self.family, self.chance)
        self.reach = city.world.reach[self.family.homes[0][1]] * self.chance.pick(rates.SERVED)
        self.told_from = max(self.family.arrived_on, self.family.opened_on - timedelta(KNOWN_DAYS))
        self.now = city.span.second(self.family.opened_on) + OPENS
        self._agenda: list[tuple[int, int, Thread, Step]] = []
        self._order = count()

    @property
    def household(self) -> Household:
        """The aggregate, as far as the life is told."""
        return self.office.household

    @property
    def today(self) -> date:
        """The day on which offices record now."""
        return self.city.span.day(self.now)

    @property
    def skipped(self) -> int:
        """How often an office recorded what changed nothing, or was refused."""
        return self.office.unchanged + self.office.refused.total()

    def served(self, share: float) -> bool:
        """Say whether this household gets what a share of all get: some are served better, some worse."""
        return self.chance.happens(min(0.97, share * self.reach))

    def since(self, person: Member | None = None) -> date:
        """Return the day from which things are told of somebody, or else of the household."""
        return max(self.told_from, person.comes_on) if person else self.told_from

    def soon(self, person: Member | None = None, within: int = KNOWN_DAYS) -> date:
        """Return a day not long after that."""
        return self.chance.after(self.since(person), 0, within)

    def id(self, day: date) -> UUID:
        """Return an id for what begins on a day."""
        return self.chance.uuid((self.city.span.second(day) + OPENS) * 1000 + self.chance.whole(0, OPEN_FOR * 1000))

    def case(self, on: date, service: str, person: Member | None = None, **more: Any) -> Case:
        """Return a service that somebody, or else the household, is to have."""
        return Case(self.id(on), service, person, **more)

    def area(self, day: date) -> str:
        """Return the code of the district or zone that runs the community where the household lives."""
        return self.city.world.area(self.family.community(day))

    def begin(self, *threads: Thread) -> None:
        """Let some threads go on until their first steps are to be told."""
        for thread in threads:
            self._go_on(thread)

    def told(self) -> Iterator[Told]:
        """Tell the whole life: its events as they are recorded, to the last simulated week."""
        while self._agenda:
            self.now, _, thread, step = heappop(self._agenda)
            events = self.office.record(step, self.now)
            if events is not None:
                yield from events
                self.begin(*mistakes.after(self, step))
                self._go_on(thread)

    def _go_on(self, thread: Thread) -> None:
        step = next(thread, None)
        if step is None or not self._happens(step):
            return
        at = self._desk_time(step)
        if at < self.city.span.ends:
            heappush(self._agenda, (at, next(self._order), thread, step))

    def _happens(self, step: Step) -> bool:
        """Say whether a step lies in the time of whom it is about."""
        if step.command in AT_ANY_TIME or step.is_apart:
            return step.on <= self.city.span.until
        ends = min(self.family.leaves_on, step.person.goes_on if step.person else date.max)
        return step.on <= self.city.span.until and step.on < ends

    def _desk_time(self, step: Step) -> int:
        """Return the second at which a step is recorded: once it happened, and after what is already told."""
        span, chance = self.city.span, self.chance
        today = (self.now - span.begins) // DAY
        happened = (step.on - span.start).days
        day = max(happened, today) + self._delay(step.desk, today - happened)
        if day % 7 > 4 and not step.desk.is_feed and chance.happens(0.9):
            day += 7 - day % 7  # after the weekend
        if day <= today:
            return self.now + chance.whole(40, 400)
        return span.begins + day * DAY + OPENS + chance.whole(0, OPEN_FOR)

    def _delay(self, desk: Desk, behind: int) -> int:
        chance = self.chance
        if behind > BACKLOG_DAYS:
            return chance.whole(0, 1)
        if chance.happens(rates.LATE):
            return 31 + min(150, int(chance.expovariate(1 / 30)))
        if desk.is_feed:
            return chance.whole(1, 6)
        return 0 if chance.happens(0.6) else chance.whole(1, 9)
