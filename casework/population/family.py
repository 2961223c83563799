"""Who lives in a household, and what will befall them: drawn first, so that all that is told later fits together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from casework.domain.calendar import age_on, birthday, last_of_month, month_of
from casework.domain.events.membership import NewMember
from casework.domain.ids import uuid8_from
from casework.domain.state import MemberFacts
from casework.population import identity, names, rates
from casework.population.chance import Chance, chance_of
from casework.population.doubles import original_of, told_again
from casework.population.told import DAY, Span, midnight
from casework.population.world import World
from casework.privacy.persons import Profile

NEVER = date.max
"""The day of what does not happen while the city is simulated."""

MOTHER_FROM, MOTHER_UNTIL = 20, 41
"""The ages of a mother, in completed years, and the first one outside."""

_HOMES = [str(code) for code in (*range(410200, 411800, 100), 341200, 341600, 371700, 140500, 420600, 610500)]
_DECADES = {2: 0.38, 3: 0.32, 4: 0.20, 5: 0.08, 6: 0.02}
_EDUCATION = {
    "primary": 0.14,
    "junior_secondary": 0.55,
    "senior_secondary": 0.14,
    "secondary_vocational": 0.08,
    "college": 0.06,
    "bachelor": 0.03,
}
_TOGETHER = {
    1: {"head": 1.0},
    2: {"head spouse": 0.65, "head child": 0.2, "head sibling": 0.1, "head non_relative": 0.05},
    3: {"head spouse child": 0.9, "head child child": 0.07, "head child parent": 0.03},
    4: {"head spouse child child": 0.72, "head spouse child parent": 0.28},
    5: {"head spouse child child parent": 0.7, "head spouse child parent parent": 0.3},
}


@dataclass(slots=True)
class Member:
    """A person, and from which day to before which day they belong to the household.

    ``luck``, from 0 to 1, is low for those whose employers insure them.
    """

    id: UUID
    relation: str
    sex: str
    profile: Profile
    home: str
    comes_on: date
    goes_on: date = NEVER
    migrant: bool = True
    mother: Member | None = None
    luck: float = 1.0
    born: date = field(init=False)

    def __post_init__(self) -> None:
        self.born = last_of_month(self.profile.born_on)

    @property
    def born_on(self) -> date:
        """The exact day of birth."""
        return self.profile.born_on

    def age(self, day: date) -> int:
        """Return the completed years as the log counts them, from the last day of the birth month (RULES A1)."""
        return age_on(self.born, day)

    def turns(self, years: int) -> date:
        """Return the day on which so many years are completed."""
        return birthday(self.born, years)

    def is_there(self, day: date) -> bool:
        """Say whether the person belongs to the household on a day."""
        return self.comes_on <= day < self.goes_on


class Parting(NamedTuple):
    """Somebody dies, or leaves."""

    on: date
    member: Member
    dies: bool


@dataclass(slots=True)
class Family:
    """A household in truth: its people, where it lives when, and how it ends."""

    id: UUID
    arrived_on: date
    opened_on: date
    members: list[Member]
    homes: list[tuple[date, str]]
    leaves_on: date = NEVER
    leave_reason: str = "left_city"
    births: list[Member] = field(default_factory=list)
    joins: list[Member] = field(default_factory=list)
    parting: Parting | None = None

    @property
    def head(self) -> Member:
        """Who speaks for it when it arrives."""
        return self.members[0]

    def community(self, day: date) -> str:
        """Return where it lives on a day."""
        return next((home for since, home in reversed(self.homes) if since <= day), self.homes[0][1])

    def adults(self, day: date) -> list[Member]:
        """Return who is there and of age on a day."""
        everybody = (*self.members, *self.joins)
        return [member for member in everybody if member.is_there(day) and member.age(day) >= 16]


def household_id(seed: int, number: int) -> UUID:
    """Return a household's id, whose last bits are those of its number: so they tell its partition."""
    derived = uuid8_from(f"household/{seed}/{number}".encode())
    return UUID(int=derived.int & ~63 | number & 63)


def apart_id(seed: int, number: int) -> UUID:
    """Return the id of the second file beside a household's own, in the same partition."""
    derived = uuid8_from(f"household/{seed}/{number}/apart".encode())
    return UUID(int=derived.int & ~63 | number & 63)


def found(world: World, span: Span, number: int) -> Family:
    """Return the household of a number, and its fate."""
    return _Founding(world, span, number).family()


class _Founding:
    """Draws one family."""

    def __init__(self, world: World, span: Span, number: int) -> None:
        self.world, self.span, self.number = world, span, number
        self.chance = chance_of(world.seed, "family", number)
        self.surname = names.surname(self.chance)
        self.home = self.chance.one(_HOMES)
        self.taken: set[tuple[int, str]] = set()

    def family(self) -> Family:
        chance, span = self.chance, self.span
        known = self._known()
        begins = span.start if known is None else known.opened_on
        stays = known is None and chance.happens(rates.THERE_AT_THE_START)
        opened_on = chance.after(span.start, 0, 34) if stays else chance.between(begins, span.until)
        members = self._members(opened_on) if known is None else [self._again(known.head, opened_on)]
        arrived_on = self._arrived(members, opened_on) if stays else opened_on
        for member in members:
            member.comes_on = arrived_on
        homes = [(arrived_on, self.world.inhabited.draw(chance))]
        family = Family(household_id(self.world.seed, self.number), arrived_on, opened_on, members, homes)
        self._befall(family)
        return family

    def _arrived(self, members: list[Member], opened_on: date) -> date:
        """Return the day on which a household came that was there at the start: after all of them were born."""
        earliest = max(member.born for member in members) + timedelta(40)
        return max(earliest, opened_on - timedelta(30 + int(self.chance.expovariate(1 / 450))))

    def _members(self, opened_on: date) -> list[Member]:
        relations = self.chance.pick(_TOGETHER[self.chance.pick(rates.SIZES)]).split()
        members: list[Member] = []
        for relation in relations:
            members.append(self._member(relation, members, opened_on))
        return members

    def _known(self) -> Family | None:
        """Return the family whose head comes again as if nobody knew them, where this is such a household."""
        original = original_of(self.world.seed, self.number)
        if original is None:
            return None
        founding = _Founding(self.world, self.span, original)
        self.surname, self.home = founding.surname, founding.home
        return founding.family()

    def _again(self, known: Member, opened_on: date) -> Member:
        profile = told_again(self.chance, known.profile, identity.phone_number(self.number * 8))
        luck = self.chance.random()
        return Member(self._id(opened_on), "head", known.sex, profile, known.home, opened_on, luck=luck)

    def _member(self, relation: str, others: list[Member], opened_on: date) -> Member:
        sex = self._sex(relation, others)
        born_on, number = self._born(relation, sex, others, opened_on)
        surname = self.surname if relation in ("head", "child", "sibling") else names.surname(self.chance)
        phone = self.number * 8 + len(others) if age_on(born_on, opened_on) >= 14 else None
        profile = identity.profile(self.chance, surname, sex, born_on, number, phone)
        local = relation == "spouse" and self.chance.happens(rates.LOCAL_SPOUSE)
        home = self._local_home() if local else self.home
        luck = self.chance.random()
        return Member(self._id(opened_on), relation, sex, profile, home, opened_on, migrant=not local, luck=luck)

    def _local_home(self) -> str:
        return self.world.inhabited.draw(self.chance)[:6]

    def _sex(self, relation: str, others: list[Member]) -> str:
        partner = {"spouse": "head", "parent": "parent"}.get(relation)
        for other in others:
            if other.relation == partner:
                return "female" if other.sex == "male" else "male"
        return "male" if self.chance.happens(0.62 if relation == "head" else 0.5) else "female"

    def _born(self, relation: str, sex: str, others: list[Member], opened_on: date) -> tuple[date, str | None]:
        """Return a birthday that suits the others, with an ID number where the household has a place for it."""
        decade, least, most = self._ages(relation, others, opened_on)
        place = identity.place(self.world.seed, self.span.until, decade, sex, self.number)
        first, last = birthday(opened_on, -most), birthday(opened_on, -least) - timedelta(60)
        if first <= place.born_on <= last and (decade, sex) not in self.taken:
            self.taken.add((decade, sex))
            return place.born_on, identity.id_number(place, sex)
        first = max(first, birthday(self.span.until, -10 * decade - 10))
        return self.chance.between(first, max(first, min(last, birthday(self.span.until, -10 * decade)))), None

    def _ages(self, relation: str, others: list[Member], opened_on: date) -> tuple[int, int, int]:
        """Return the decade of age that somebody is likely in, and the youngest and oldest that they can be."""
        chance = self.chance
        head = age_on(others[0].born_on, opened_on) if others else 0
        match relation:
            case "child":
                return chance.pick({0: 0.65, 1: 0.35 if head >= 34 else 0.0}), 0, max(1, min(head - 20, 17))
            case "parent":
                return max(5, (head + 27) // 10), head + 19, head + 42
            case "spouse":
                return max(2, head // 10 if chance.happens(0.8) else head // 10 - 1), 17, 95
        return chance.pick(_DECADES), 17, 95

    def _id(self, day: date) -> UUID:
        return self.chance.uuid(midnight(day) * 1000 + self.chance.whole(0, DAY * 1000 - 1))

    def _befall(self, family: Family) -> None:
        """Draw what happens from the day on which the file is opened."""
        self._ends(family)
        self._moves(family)
        self._joins(family)
        self._parts(family)
        self._births(family)

    def _ends(self, family: Family) -> None:
        family.leaves_on = self._someday(rates.LEAVES, family.opened_on + timedelta(60))
        family.leave_reason = self.chance.pick(rates.LEAVE_REASONS)

    def _moves(self, family: Family) -> None:
        day = family.opened_on
        while (day := self._someday(rates.MOVES, day + timedelta(30))) < family.leaves_on:
            community = self.world.inhabited.draw(self.chance)
            if community != family.homes[-1][1]:
                family.homes.append((day, community))

    def _births(self, family: Family) -> None:
        mothers = [m for m in family.members if m.sex == "female" and m.relation in ("head", "spouse")]
        if not mothers or len(family.members) < 2:
            return
        mother = mothers[0]
        day = self._someday(rates.BIRTHS, max(family.opened_on + timedelta(20), mother.turns(MOTHER_FROM)))
        if day < min(family.leaves_on, mother.goes_on, mother.turns(MOTHER_UNTIL)) - timedelta(45):
            family.births.append(self._baby(family, mother, day))

    def _baby(self, family: Family, mother: Member, born_on: date) -> Member:
        chance = self.chance
        sex = "male" if chance.happens(0.53) else "female"
        profile = identity.profile(chance, self.surname, sex, born_on, None, None)
        reported_on = chance.after(born_on, 3, 40)
        return Member(self._id(reported_on), "child", sex, profile, self.home, reported_on, mother=mother)

    def _joins(self, family: Family) -> None:
        day = self._someday(rates.JOINS, family.opened_on + timedelta(20))
        if day < family.leaves_on:
            relation = "parent" if self.chance.happens(0.5) else "sibling"
            family.joins.append(replace(self._member(relation, family.members, family.opened_on), comes_on=day))

    def _parts(self, family: Family) -> None:
        """Draw the first who dies, or who leaves the others: one at most."""
        partings = [Parting(self._dies(family, member), member, dies=True) for member in family.members]
        for member in family.members[1:]:
            leaves_on = self._someday(rates.PARTS / 2, family.opened_on + timedelta(60))
            partings.append(Parting(leaves_on, member, dies=False))
        first = min(partings, key=lambda parting: parting.on)
        if first.on < family.leaves_on:
            family.parting = first
            first.member.goes_on = first.on

    def _dies(self, family: Family, member: Member) -> date:
        rate = rates.DEATHS["older" if member.age(family.opened_on) >= 60 else "younger"]
        return self._someday(rate, family.opened_on + timedelta(10))

    def _someday(self, rate: float, after: date) -> date:
        """Return the next day on which something of a yearly rate happens, or NEVER within the simulated weeks."""
        days = self.chance.expovariate(rate / 365.25)
        return after + timedelta(int(days)) if days < (self.span.until - after).days else NEVER


def new_member(member: Member, chance: Chance) -> NewMember:
    """Return somebody as the household's events tell of them: nothing that names them."""
    education = chance.pick(_EDUCATION) if member.age(member.comes_on) >= 16 else None
    kind = "agricultural" if chance.happens(0.85) else "non_agricultural"
    facts = MemberFacts(hukou_division=member.home, hukou_kind=kind, migrant=member.migrant, education=education)
    return NewMember(
        person_id=member.id,
        relation=member.relation,
        sex=member.sex,
        birth_month=month_of(member.born_on),
        facts=facts,
    )
