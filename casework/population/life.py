"""One household's life, told to its own aggregate in the order in which offices would have recorded it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache, cached_property
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain import catalogue, registry
from casework.domain.aggregate import Recorded
from casework.domain.household import Household
from casework.domain.residence import By
from casework.domain.restricted import is_restricted_event
from casework.errors import Refused
from casework.log.append import Beside, Claim
from casework.log.codec import EventCodec, Metadata
from casework.population import mistakes, rates
from casework.population.chance import chance_of
from casework.population.family import Member, found
from casework.population.sealing import SimulatedVault
from casework.population.steps import Case, Desk, Step, Thread
from casework.population.told import DAY, Span, Told
from casework.population.world import World
from casework.privacy.persons import Persons, sealed_fields, together

OPENS = 8 * 3600 + 1800
"""The second of the day at which offices open."""
OPEN_FOR = 9 * 3600
BACKLOG_DAYS = 7
"""What happened longer ago than this when its turn comes was kept in a drawer: it is recorded at once."""

EXPECTED = frozenset(
    {
        "household-closed",
        "person-left",
        "voided",
        "episode-ended",
        "delivered-already",
        "renewal-not-later",
        "lapsed-too-long",
        "service-open",
        "old-value-differs",
        "need-open",
        "need-not-open",
    }
)
"""What an office that records late, or twice, is refused; anything else is an error of ours."""

_encode = EventCodec().encode
_unit_id = cache(registry.unit_id)


class Contradiction(Exception):
    """A life is told that the rules do not allow: an error of ours."""


class City(NamedTuple):
    """Where and when lives are lived, and who seals what names the people."""

    world: World
    span: Span
    persons: Persons
    vault: SimulatedVault


class Life:
    """A household with its truth (``family``), its aggregate, and the threads that are still to be told."""

    def __init__(self, city: City, number: int) -> None:
        self.city = city
        self.number = number
        self.family = found(city.world, city.span, number)
        self.chance = chance_of(city.world.seed, "life", number)
        self.household = Household(self.family.id)
        self.now = self._opening(self.family.opened_on)
        self.refused: Counter[str] = Counter()
        self.unchanged = 0
        self._agenda: list[tuple[int, int, Thread, Step]] = []
        self._order = count()
        self._reference = count(1)

    @cached_property
    def told_from(self) -> date:
        """The day from which things are told of those who were there before their file was opened."""
        return max(self.family.arrived_on, self.family.opened_on - timedelta(300))

    @property
    def skipped(self) -> int:
        """How often an office recorded what changed nothing, or was refused."""
        return self.unchanged + self.refused.total()

    @property
    def today(self) -> date:
        """The day on which offices record now."""
        return self.city.span.start + timedelta((self.now - self.city.span.begins) // DAY)

    def since(self, person: Member | None = None) -> date:
        """Return the day from which things are told of somebody, or else of the household."""
        return max(self.told_from, person.comes_on) if person else self.told_from

    def soon(self, person: Member | None = None, within: int = 300) -> date:
        """Return a day not long after that."""
        return self.chance.after(self.since(person), 0, within)

    def id(self, day: date) -> UUID:
        """Return an id for what begins on a day."""
        return self.chance.uuid(self._opening(day) * 1000 + self.chance.whole(0, OPEN_FOR * 1000))

    def case(self, on: date, service: str, person: Member | None = None, **more: Any) -> Case:
        """Return a service that somebody, or else the household, is to have."""
        return Case(self.id(on), service, person, **more)

    def area(self, day: date) -> str:
        """Return the code of the district or zone that runs the community where the household lives."""
        return self.city.world.area(self.family.community(day))

    def begin(self, *threads: Thread) -> None:
        """Let some threads go on until their first steps are told."""
        for thread in threads:
            self._go_on(thread)

    def told(self) -> Iterator[Told]:
        """Tell the whole life: its events as they are recorded, to the last simulated week."""
        self.city.vault.salts = chance_of(self.city.world.seed, "salts", self.number)
        while self._agenda:
            self.now, _, thread, step = heappop(self._agenda)
            recorded = self._recorded(step)
            if recorded is not None:
                yield from self._told(step, recorded)
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
        if step.command == "close_household":
            return True
        ends = min(self.family.leaves_on, step.person.goes_on if step.person else date.max)
        return step.on <= self.city.span.until and step.on < ends

    def _desk_time(self, step: Step) -> int:
        """Return the second at which a step is recorded: once it happened, and after what is already told."""
        span = self.city.span
        today = (self.now - span.begins) // DAY
        happened = (step.on - span.start).days
        day = max(happened, today) + self._delay(step.desk, today - happened)
        if day % 7 > 4 and not step.desk.is_feed and self.chance.happens(0.9):
            day += 7 - day % 7
        if day <= today:
            return self.now + self.chance.whole(40, 400)
        return span.begins + day * DAY + OPENS + self.chance.whole(0, OPEN_FOR)

    def _delay(self, desk: Desk, behind: int) -> int:
        chance = self.chance
        if behind > BACKLOG_DAYS:
            return chance.whole(0, 1)
        if chance.happens(rates.LATE):
            return 31 + min(150, int(chance.expovariate(1 / 30)))
        if desk.is_feed:
            return chance.whole(1, 6)
        return 0 if chance.happens(0.6) else chance.whole(1, 9)

    def _recorded(self, step: Step) -> tuple[list[Recorded], Beside] | None:
        """Give the command; None where it was refused, as can happen to what is told late or twice."""
        arguments, beside = self._sealed(step)
        released = self._released(step)
        by = By(self.today, bureau=step.desk.bureau, own_bureau_only=step.desk.role == "bureau")
        try:
            getattr(self.household, step.command)(by, **arguments)
        except Refused as refused:
            if refused.code not in EXPECTED:
                raise Contradiction(f"Household {self.number}, {step.command} of {step.on}: {refused.code}") from None
            self.refused[refused.code] += 1
            return None
        events = self.household.collect_events()
        self.unchanged += not events
        return events, together([step.beside, beside, Beside(released=released)])

    def _told(self, step: Step, recorded: tuple[list[Recorded], Beside]) -> Iterator[Told]:
        events, beside = recorded
        meta = self._metadata(step)
        for event in events:
            kind: Any = event.event
            restricted = is_restricted_event(kind, self.household)
            mine = meta.having(event_id=self._new_id(), restricted=restricted)
            place = self.number << 20 | event.originator_version
            state = _encode(kind)
            yield Told(
                self.now,
                place,
                event.originator_id,
                event.originator_version,
                kind.type_name,
                state,
                mine.encode(),
                list(beside.vault),
                list(beside.search_keys),
                [*beside.claims, *self._source_claims(meta)],
                list(beside.released),
            )

    def _metadata(self, step: Step) -> Metadata:
        desk, command_id = step.desk, self._new_id()
        area = self.city.world.area(self.household.community)
        agency = _unit_id(f"{area}-{desk.agency}") if desk.agency else None
        community = _unit_id(self.household.community)
        return Metadata(
            event_id=command_id,
            actor=self._actor(desk, area),
            role=desk.role,
            bureau=desk.bureau,
            unit=agency if desk.bureau else community,
            source=f"{desk.bureau}-feed" if desk.is_feed else None,
            source_ref=f"{self.number}-{next(self._reference)}" if desk.is_feed else None,
            community=community,
            correlation_id=command_id,
            command_id=command_id,
        )

    def _actor(self, desk: Desk, area: str) -> str:
        if desk.is_feed:
            return f"{desk.bureau}-feed"
        if desk.bureau:
            return f"{desk.bureau}-{area}-{self.number % 5 + 1}"
        return f"cw-{self.household.community}-{self.number % 3 + 1}"

    def _source_claims(self, meta: Metadata) -> list[Claim]:
        if meta.source is None or meta.source_ref is None:
            return []
        return [Claim(self.city.persons.hashes.claim_hash("source", meta.source, meta.source_ref), "source")]

    def _sealed(self, step: Step) -> tuple[dict[str, Any], Beside]:
        """Return a command's arguments, and the row of what belongs in the vault, to which the event commits."""
        secret = self._secret(step.arguments)
        if not secret:
            return step.arguments, Beside()
        subject = step.person.id if step.person else self.household.id
        row = sealed_fields(self.city.vault, subject, secret)
        return {**step.arguments, "commitment": row and row.commitment}, Beside([row] if row else [])

    def _secret(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        evidence = arguments.get("evidence")
        if not evidence:
            return {}
        service = arguments.get("service") or self.household.episodes[arguments["episode_id"]].service
        hidden = _vault_fields()[service]
        return {name: value for name, value in evidence.items() if name in hidden}

    def _released(self, step: Step) -> list[bytes]:
        """Return the claims of those who are no longer active once the step is told."""
        match step.command:
            case "close_household":
                people = [person.person_id for person in self.household.members]
            case "remove_member" | "record_death":
                people = [step.arguments["person_id"]]
            case _:
                return []
        return [claim.hash for person in people for claim in self.city.persons.claims(person, self._numbers[person])]

    @cached_property
    def _numbers(self) -> dict[UUID, str | None]:
        family = self.family
        everybody = (*family.members, *family.births, *family.joins)
        return {member.id: member.profile.id_number for member in everybody}

    def _new_id(self) -> UUID:
        return self.chance.uuid(self.now * 1000 + self.chance.whole(0, 999))

    def _opening(self, day: date) -> int:
        return self.city.span.begins + (day - self.city.span.start).days * DAY + OPENS


@cache
def _vault_fields() -> dict[str, frozenset[str]]:
    return {
        code: frozenset(name for name, field in service.evidence.items() if field.vault)
        for code, service in catalogue.services().items()
    }


