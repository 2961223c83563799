"""Random events of every type in which each value is a canary: it stands there once, and is known again anywhere.

Beside each value stands the field that a grant calls it by, None where nothing may ever tell it, and whose it is.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin
from uuid import UUID

import msgspec

from casework.domain import catalogue, codes
from casework.domain.aggregate import EVENT_TYPES, Event
from casework.domain.events.corrections import Change, EntryVoided
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import NewMember, ReturnedMember
from casework.domain.household import Household
from casework.domain.ids import uuid7
from casework.domain.leaves import fields_of
from casework.domain.registry import Registry, UnitRegistered, unit_id
from casework.domain.state import (
    Answers,
    Carried,
    Consent,
    Employment,
    Episode,
    Erasure,
    Evidence,
    MemberFacts,
    Need,
    Origin,
    Person,
    Referral,
    Spell,
)
from casework.log.codec import Metadata
from casework.log.reading import LoggedEvent
from casework.streams.context import Context
from casework.streams.disclosure import Happened
from tests.streams.given import recorded

TODAY = date(2013, 10, 20)
RECORDED_AT = datetime(2013, 10, 20, 4, 5, 6, 789012, tzinfo=UTC)
COMMUNITY, ELSEWHERE = "410105001001", "410102001001"
BUREAUS = [row.code for row in codes.bureaus() if row.areas]
SERVICES = list(catalogue.services())
NEEDS = [row.code for row in codes.needs()]
DATES_CORRECTED = ["requested_on", "granted_on", "delivered_on", "started_on", "ended_on"]
PEOPLE = {"person_id", "mother", "head", "new_head", "by"}
RECORDS = {"episodes", "ended_episodes", "needs", "records", "duplicates"}
FIELDS = [(name, field.vault) for row in catalogue.services().values() for name, field in row.evidence.items()]
EVIDENCE = sorted({name for name, _ in FIELDS})
IN_VAULT = {name for name, _ in FIELDS} - {name for name, vault in FIELDS if not vault}
"""The evidence that no event of any service ever holds in clear."""


class Canary(NamedTuple):
    """A value of an event: as text, the field that tells it, and whose member's record it is in."""

    text: str
    field: str | None
    owner: UUID | None = None


def city() -> Registry:
    """A registry with two communities in two districts, and a school."""
    registry = Registry()
    parents = {"410105": "4101", "410102": "4101", COMMUNITY: "410105", ELSEWHERE: "410102"}
    kinds = {"4101": "city", "410105": "district", "410102": "district", "school-1": "school"}
    units = [
        UnitRegistered(
            occurred_on=date(2012, 1, 1),
            code=code,
            kind=kinds.get(code, "community"),
            name_zh=code,
            parent=unit_id(parents[code]) if code in parents else None,
        )
        for code in ("4101", "410105", "410102", COMMUNITY, ELSEWHERE, "school-1")
    ]
    return registry.fold((n, recorded(unit_id(unit.code), 1, unit)) for n, unit in enumerate(units, 1))


class Canaries:
    """A household with records of every kind, and events of it, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.found: list[Canary] = []
        self.owner: UUID | None = None
        self.day = date(1900, 1, 2) + timedelta(self.random.randrange(1000))
        self.household = self._household()

    def context(self) -> Context:
        """What holds now of everybody in the household."""
        people = self.household.people
        erased = {id for id, person in people.items() if person.is_erased or self.random.random() < 0.1}
        return Context(self.household, self.household, people, erased, TODAY, {1: uuid7()})

    def happened(self, type_name: str) -> Happened:
        """An event of a type, with all of its canaries in ``found``."""
        self.found, self.owner = [], None
        event: Any = self._struct(EVENT_TYPES[type_name], "")
        if isinstance(event, EntryVoided):
            event = msgspec.structs.replace(event, voids=1)
            self.household.entries = [self._plain_entry()]
        meta = Metadata(
            event_id=self._id(),
            actor=self._word(None),
            role="caseworker",
            unit=self._id(),
            source=self._word(None),
            source_ref=self._word(None),
            community=unit_id(self.random.choice((COMMUNITY, ELSEWHERE))),
            correlation_id=self._id(),
            causation_id=self._id(),
            command_id=self._id(),
            traceparent=f"00-{self._word(None)}",
        )
        return Happened(self.household.id, LoggedEvent(7, 3, type_name, b"", RECORDED_AT, meta), event)

    def _plain_entry(self) -> HouseholdEvent:
        kept, self.found = self.found, []
        kinds = ("household.moved.v1", "household.need-recorded.v1", "household.employment-started.v1")
        entry: HouseholdEvent = self._struct(EVENT_TYPES[self.random.choice(kinds)], "")
        self.found = kept + [each._replace(field=None) for each in self.found]
        return entry

    def _household(self) -> Household:
        household, random = Household(uuid7()), self.random
        household.residences = [(date(2012, 1, 1), 1, COMMUNITY)]
        for _ in range(3):
            consents = [
                Consent(scope, date(2013, 1, 1), 1, given=random.random() < 0.7)
                for scope in ("cross_bureau", "publication")
            ]
            spells = [Spell(date(2012, 1, 1), date(2012, 1, 1))]
            gone = Erasure(date(2013, 1, 1), "unlawful", date(2013, 1, 2) if random.random() < 0.5 else None)
            erasure = gone if random.random() < 0.4 else None
            person = Person(uuid7(), "child", "male", "1990-01", spells, consents=consents, erasure=erasure)
            household.people[person.person_id] = person
        people = list(household.people)
        household.head = people[0]
        for _ in range(8):
            episode = Episode(uuid7(), random.choice(SERVICES), random.choice([None, *people]))
            if random.random() < 0.3:
                episode.referrals = [Referral(uuid7(), "EDUB", random.choice(BUREAUS), date(2013, 1, 1))]
            household.episodes[episode.episode_id] = episode
            need = Need(uuid7(), random.choice(NEEDS), random.choice([None, *people]), "present", date(2013, 1, 1), 1)
            household.needs[need.need_id] = need
            job = Employment(uuid7(), random.choice(people), "employee", None, date(2013, 1, 1), 1, date(2013, 1, 1))
            household.employments[job.employment_id] = job
        return household

    def _struct(self, struct: type[Any], prefix: str | None) -> Any:
        if struct is Change:
            return self._change()
        values = {}
        for field in fields_of(struct):
            optional = field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
            if not optional or self.random.random() < 0.85:
                leaf = None if prefix is None else prefix + field.encode_name
                values[field.name] = self._value(struct, field.name, field.type, leaf)
        return struct(**values)

    def _value(self, owner: type[Any], name: str, hint: Any, leaf: str | None) -> Any:
        if get_origin(hint) in (Union, UnionType):
            hint = next(each for each in get_args(hint) if each is not type(None))
        if hint in (Evidence, Answers) or get_origin(hint) is dict:
            return self._open(leaf if hint == Evidence or name == "evidence" else None)
        if get_origin(hint) in (tuple, list):
            inner = get_args(hint)[0]
            several = [self._value(owner, name, inner, leaf) for _ in range(self.random.randint(1, 3))]
            return get_origin(hint)(several)
        if hint is Origin:
            return Origin(self._id(), self._number(None))
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return self._inside(hint, name, leaf)
        return self._plain(owner, name, hint, leaf)

    def _inside(self, hint: type[Any], name: str, leaf: str | None) -> Any:
        if hint is NewMember or hint is ReturnedMember:
            return self._member(hint, leaf is not None)
        if hint is Carried or name == "spells":
            return self._struct(hint, None)
        return self._struct(hint, None if leaf is None else f"{leaf}.")

    def _member(self, hint: type[Any], told: bool) -> Any:
        before = self.owner
        person = self.random.choice(list(self.household.people))
        self.owner = self.owner or person
        made = self._struct(hint, "" if told else None)
        if hint is NewMember:
            made = msgspec.structs.replace(made, person_id=self.owner)
        self.owner = before
        return made

    def _plain(self, owner: type[Any], name: str, hint: Any, leaf: str | None) -> Any:
        if hint is UUID:
            return self._some_id(name)
        if hint is date:
            return date.fromisoformat(self._date(leaf))
        if hint is int:
            return self._number(None if name in ("corrects", "voids", "ledger_entry") else leaf)
        if hint is bool:
            return self.random.random() < 0.5
        if hint is bytes:
            return self._word(None).encode()
        if name == "birth_month":
            return self._month(leaf)
        if owner is not MemberFacts and name in ("service", "need"):
            value = self.random.choice(SERVICES if name == "service" else NEEDS)
            self.found.append(Canary(value, leaf, self.owner))
            return value
        return self._word(leaf)

    def _some_id(self, name: str) -> UUID:
        household, choice = self.household, self.random.choice
        if name in PEOPLE:
            return choice(list(household.people))
        if name == "members":
            return choice(list(household.people))
        if name in RECORDS:
            return choice([*household.episodes, *household.needs])
        if name in ("episode_id", "need_id", "employment_id"):
            return choice(list(getattr(household, f"{name.removesuffix('_id')}s")))
        return unit_id("school-1") if name == "unit_id" else self._id()

    def _change(self) -> Change:
        kinds = self.random.random()
        if kinds < 0.25:
            path = self.random.choice([*DATES_CORRECTED, "valid_to"])
            leaf = "occurred_on" if path in DATES_CORRECTED else path
            return Change(path, self._date(leaf), self._date(leaf))
        if kinds < 0.5:
            name = self.random.choice(EVIDENCE)
            leaf_of = None if name in IN_VAULT else f"evidence.{name}"
            return Change(f"evidence.{name}", self._word(leaf_of), self._word(leaf_of))
        if kinds < 0.75:
            name = self.random.choice(["education", "disability", "marital", "pregnancy.from", "hukou_division"])
            return Change(name, self._word(f"facts.{name}"), self._word(f"facts.{name}"))
        name = self.random.choice(["relation", "sex", "unheard_of"])
        return Change(name, self._word(name), self._word(name))

    def _open(self, leaf: str | None) -> dict[str, Any]:
        names = [*self.random.sample(EVIDENCE, 4), "unheard_of"]
        told = {name: f"evidence.{name}" if leaf is not None and name not in IN_VAULT else None for name in names}
        return {name: self._word(field if name != "unheard_of" else None) for name, field in told.items()}

    def _id(self) -> UUID:
        return uuid7()

    def _word(self, leaf: str | None) -> str:
        word = "zq" + "".join(self.random.choices("ghjkmnpqrstuvwxyz", k=18))
        self.found.append(Canary(word, leaf, self.owner))
        return word

    def _number(self, leaf: str | None) -> int:
        number = self.random.randrange(10**11, 10**12)
        self.found.append(Canary(str(number), leaf, self.owner))
        return number

    def _date(self, leaf: str | None) -> str:
        self.day += timedelta(self.random.randint(1, 400))
        self.found.append(Canary(self.day.isoformat(), leaf, self.owner))
        return self.day.isoformat()

    def _month(self, leaf: str | None) -> str:
        self.day += timedelta(self.random.randint(32, 400))
        month = self.day.isoformat()[:7]
        self.day += timedelta(31)  # no later day lies in it
        self.found.append(Canary(month, leaf, self.owner))
        return month


def every_type() -> list[type[Event]]:
    """Every registered type of event of a household."""
    return [kind for kind in EVENT_TYPES.values() if issubclass(kind, HouseholdEvent)]
