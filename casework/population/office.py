"""Offices: they give a household's commands, seal what names people, and sign what they write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
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
from casework.population.chance import Chance, chance_of
from casework.population.family import Family, apart_id
from casework.population.regrouped import REGROUPED
from casework.population.sealing import SimulatedVault
from casework.population.steps import Desk, Step
from casework.population.told import Span, Told
from casework.population.world import World
from casework.privacy.keys import KeyRing
from casework.privacy.persons import Persons, sealed_fields, together
from casework.privacy.search import KeyedHashes

_encode = EventCodec().encode
_unit_id = cache(registry.unit_id)


class City(NamedTuple):
    """Where and when lives are lived, and the keys under which the people's names are sealed and found."""

    world: World
    span: Span
    keys: KeyRing

    @property
    def seed(self) -> int:
        """What everything follows from."""
        return self.world.seed


class Office:
    """Keeps one household's file: its aggregate, and what its commands leave beside their events.

    Some have a second file ``apart``, in the same partition, of those who split off or are yet to be merged.

    ``refused`` counts, by the rule that refused it, what was told too late or twice; ``unchanged`` what had no effect.
    """

    def __init__(self, city: City, number: int, family: Family, chance: Chance) -> None:
        self.city = city
        self.number = number
        self.chance = chance
        self.family = family
        self.household = Household(family.id)
        self.apart = Household(apart_id(city.seed, number))
        self.has_apart = False
        self.vault = SimulatedVault(city.keys, chance_of(city.seed, "salts", number))
        self.persons = Persons(self.vault, KeyedHashes(city.keys), synthetic=True)
        self.refused: Counter[str] = Counter()
        self.unchanged = 0
        self._references = count(1)
        self._places = count()

    def record(self, step: Step, at: int) -> list[Told] | None:
        """Give a step's command at a second; return its events, or None where it is refused."""
        by = By(self.city.span.day(at), bureau=step.desk.bureau, own_bureau_only=step.desk.role == "bureau")
        try:
            return self._both(step, by, at) if step.command in REGROUPED else self._one(step, by, at)
        except Refused as refused:
            self.refused[refused.code] += 1
            return None

    def _one(self, step: Step, by: By, at: int) -> list[Told]:
        """Give a command to one file."""
        household = self.apart if step.is_apart else self.household
        arguments, sealed = self._sealed(step)
        moved = Beside(released=self._released(step), claims=self._claimed(step))
        getattr(household, step.command)(by, **arguments)
        events = household.collect_events()
        self.unchanged += not events
        company = together([step.beside, sealed, moved])
        return [self._told(household, event, step.desk, at, company, self._id(at)) for event in events]

    def _both(self, step: Step, by: By, at: int) -> list[Told]:
        """Give a command to both files; what the first one told releases is claimed by the second."""
        first, then, moved = REGROUPED[step.command](self.household, self.apart, by, **step.arguments)
        command_id = self._id(at)
        company = {first.id: Beside(released=moved), then.id: Beside(claims=self._claims(moved))}
        return [
            self._told(household, event, step.desk, at, company[household.id], command_id)
            for household in (first, then)
            for event in household.collect_events()
        ]

    def _told(
        self, household: Household, recorded: Recorded, desk: Desk, at: int, beside: Beside, command_id: UUID
    ) -> Told:
        event: Any = recorded.event
        meta = self._metadata(household, desk, at, command_id, restricted=is_restricted_event(event, household))
        return Told(
            at,
            self.number << 20 | next(self._places),
            recorded.originator_id,
            recorded.originator_version,
            event.type_name,
            _encode(event),
            meta.encode(),
            list(beside.vault),
            list(beside.search_keys),
            [*beside.claims, *self._source_claim(meta)],
            list(beside.released),
        )

    def _metadata(self, household: Household, desk: Desk, at: int, command_id: UUID, *, restricted: bool) -> Metadata:
        area = self.city.world.area(household.community)
        community = _unit_id(household.community)
        return Metadata(
            event_id=self._id(at),
            actor=self._actor(desk, area),
            role=desk.role,
            bureau=desk.bureau,
            unit=_unit_id(f"{area}-{desk.agency}") if desk.agency else None if desk.is_feed else community,
            source=f"{desk.bureau}-feed" if desk.is_feed else None,
            source_ref=f"{self.number}-{next(self._references)}" if desk.is_feed else None,
            community=community,
            restricted=restricted,
            correlation_id=command_id,
            command_id=command_id,
        )

    def _actor(self, desk: Desk, area: str) -> str:
        if desk.is_feed:
            return f"{desk.bureau}-feed"
        if desk.bureau:
            return f"{desk.bureau}-{area}-{self.number % 5 + 1}"
        return f"cw-{self.household.community}-{self.number % 3 + 1}"

    def _source_claim(self, meta: Metadata) -> list[Claim]:
        if meta.source is None or meta.source_ref is None:
            return []
        return [Claim(self.persons.hashes.claim_hash("source", meta.source, meta.source_ref), "source")]

    def _sealed(self, step: Step) -> tuple[dict[str, Any], Beside]:
        """Return a command's arguments with the commitment to what belongs in the vault, and that row."""
        subject = step.person.id if step.person else self.household.id
        row = sealed_fields(self.vault, subject, self._secret(step.arguments))
        if row is None:
            return step.arguments, Beside()
        return {**step.arguments, "commitment": row.commitment}, Beside([row])

    def _secret(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        evidence = arguments.get("evidence")
        if not evidence:
            return {}
        hidden = _vault_fields()[arguments.get("service") or self._service(arguments["episode_id"])]
        return {name: value for name, value in evidence.items() if name in hidden}

    def _service(self, episode_id: UUID) -> str:
        return self.household.episodes[episode_id].service

    def _released(self, step: Step) -> list[UUID]:
        """Return those who are no longer active once the step is told."""
        match step.command:
            case "close_household":
                return [person.person_id for person in self.household.members]
            case "remove_member" | "record_death":
                return [step.arguments["person_id"]]
            case _:
                return []

    def _claimed(self, step: Step) -> list[Claim]:
        """Return what is claimed by a file that opens again."""
        again = step.command == "reopen_household"
        return self._claims([person.person_id for person in self.household.members]) if again else []

    def _claims(self, people: list[UUID]) -> list[Claim]:
        family = self.family
        numbers = {m.id: m.profile.id_number for m in (*family.members, *family.joins, *family.births)}
        return [claim for each in people for claim in self.persons.claims(each, numbers[each])]

    def _id(self, at: int) -> UUID:
        return self.chance.uuid(at * 1000 + self.chance.whole(0, 999))


@cache
def _vault_fields() -> dict[str, frozenset[str]]:
    """Return the evidence fields that go to the vault, by service."""
    return {
        code: frozenset(name for name, field in service.evidence.items() if field.vault)
        for code, service in catalogue.services().items()
    }
