"""The household itself: it registers, is verified, moves, grows, parts and leaves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec

from casework.domain.divisions import division
from casework.domain.events.membership import NewMember
from casework.domain.state import MemberFacts, Permit, Span
from casework.population import rates
from casework.population.family import NEVER, Member, Parting, new_member
from casework.population.life import Life
from casework.population.regrouping import splits_off
from casework.population.steps import STATION, Step, Thread
from casework.privacy.persons import Entry, together

_METHODS = {"visit": 0.5, "phone": 0.25, "hall": 0.15, "records": 0.1}
_DISABILITIES = {"physical": 0.5, "visual": 0.15, "hearing": 0.15, "intellectual": 0.1, "mental": 0.1}


def registered(life: Life) -> Step:
    """Open the file of the household with everybody who came."""
    family = life.family
    told = [entered(life, member) for member in family.members]
    arguments = {
        "arrived_on": family.arrived_on,
        "community": family.homes[0][1],
        "head": family.head.id,
        "members": [member for member, _ in told],
        "origin_division": family.head.home,
    }
    beside = together(entry.beside() for _, entry in told)
    return Step(family.arrived_on, "register_household", arguments, beside=beside)


def joined(life: Life, member: Member) -> Step:
    """Somebody joins."""
    new, entry = entered(life, member)
    arguments = {"joined_on": member.comes_on, "member": new}
    return Step(member.comes_on, "add_member", arguments, beside=entry.beside())


def born(life: Life, baby: Member) -> Step:
    """A child is born here."""
    new, entry = entered(life, baby)
    mother = baby.mother.id if baby.mother else None
    arguments = {"reported_on": baby.comes_on, "member": new, "mother": mother}
    return Step(baby.comes_on, "record_birth", arguments, desk=STATION, beside=entry.beside())


def entered(life: Life, member: Member) -> tuple[NewMember, Entry]:
    chance = life.chance
    home = division(life.family.community(member.comes_on)).name
    address = f"{home}{chance.whole(1, 40)}号楼{chance.whole(1, 4)}单元{chance.whole(1, 18)}0{chance.whole(1, 4)}"
    profile = msgspec.structs.replace(member.profile, address=address)
    entry = life.office.persons.enter(member.id, profile, today=life.city.span.until, sex=member.sex)
    return msgspec.structs.replace(new_member(member, chance), commitment=entry.row.commitment), entry


def moves(life: Life) -> Thread:
    """The household moves inside the city."""
    for (_, before), (moved_on, after) in zip(life.family.homes, life.family.homes[1:], strict=False):
        arguments = {"moved_on": moved_on, "from_community": before, "to_community": after}
        yield Step(moved_on, "move_household", arguments)


def verifications(life: Life) -> Thread:
    """The community looks now and then whether they are there."""
    on = life.chance.after(life.family.opened_on, 0, 400)
    while True:
        if life.served(rates.VERIFIED):
            outcome, method = life.chance.pick(rates.OUTCOMES), life.chance.pick(_METHODS)
            yield Step(on, "verify_residence", {"verified_on": on, "outcome": outcome, "method": method})
        on = life.chance.after(on, 250, 480)


def parting(life: Life, parting: Parting) -> Thread:
    """Somebody dies or leaves; who is left alone with nobody closes the file."""
    on, person_id = parting.on, parting.member.id
    others = [person for person in life.family.adults(on) if person.id != person_id] or [
        person for person in life.family.members if person.id != person_id
    ]
    head = {"new_head": others[0].id} if others and parting.member is life.family.head else {}
    if parting.dies:
        yield Step(on, "record_death", {"died_on": on, "person_id": person_id, **head})
        if not others:
            yield Step(on, "close_household", {"closed_on": on, "reason": "dissolved"})
        return
    reason = life.chance.pick({"moved_out": 0.7, "left_city": 0.3})
    if reason == "moved_out" and parting.member.age(on) >= 18 and others and not life.office.has_apart:
        yield from splits_off(life, parting.member, on, head.get("new_head"))
        return
    yield Step(on, "remove_member", {"left_on": on, "person_id": person_id, "reason": reason, **head})


def closing(life: Life) -> Thread:
    """The household leaves the city, or is no longer one of migrants."""
    on, reason = life.family.leaves_on, life.family.leave_reason
    if reason == "left_city" and life.chance.happens(0.3):
        seen_on = on - timedelta(1)
        yield Step(seen_on, "verify_residence", {"verified_on": seen_on, "outcome": "moved"})
    yield Step(on, "close_household", {"closed_on": on, "reason": reason})
    if reason == "left_city" and life.chance.happens(rates.REOPENED):
        again_on = life.chance.after(on, 30, 250)
        yield Step(again_on, "reopen_household", {"reopened_on": again_on, "community": life.family.homes[-1][1]})


def new_head(life: Life) -> Thread:
    """Another adult, who stays, speaks for the household."""
    on = life.chance.after(life.family.opened_on, 60, 700)
    adults = life.family.adults(on)
    others = [person for person in adults if person is not life.family.head and person.goes_on == NEVER]
    if others:
        person = life.chance.one(others)
        yield Step(on, "change_head", {"changed_on": on, "person_id": person.id, "born_on": person.born_on}, person)


def permit(life: Life, person: Member) -> Thread:
    """A temporary permit, endorsed year by year."""
    on = life.soon(person, 200)
    while True:
        lasts = Permit("temporary" if life.chance.happens(0.6) else "residence", on, on + timedelta(364))
        yield _told_of(person, on, permit=lasts)
        on = life.chance.after(on, 350, 420)


def studies(life: Life, person: Member) -> Thread:
    """Somebody of 16 to 18 is still at school."""
    begins = max(life.since(person), person.turns(15))
    yield _told_of(person, begins, student=Span(begins, person.turns(19)))


def disability(life: Life, person: Member) -> Thread:
    """A disability is recorded."""
    yield _told_of(person, life.soon(person, 400), disability=life.chance.pick(_DISABILITIES))


def marriage(life: Life, person: Member) -> Thread:
    """Somebody marries, or no longer is."""
    state = life.chance.pick({"married": 0.8, "divorced": 0.2})
    yield _told_of(person, life.soon(person, 900), marital=state)


def gains_hukou(life: Life, person: Member) -> Thread:
    """Somebody becomes a local."""
    on = life.chance.after(life.family.opened_on, 30, 800)
    division = life.family.community(on)[:6]
    yield _told_of(person, on, hukou_division=division, hukou_kind="non_agricultural", migrant=False)


def pregnancy(life: Life, baby: Member) -> Thread:
    """The mother's pregnancy is told to the community's station."""
    if baby.mother is not None:
        conceived = baby.born_on - timedelta(280)
        on = max(life.chance.after(conceived, 45, 110), life.since())
        yield _told_of(baby.mother, on, pregnancy=Span(conceived))._replace(desk=STATION)


def _told_of(person: Member, on: date, **facts: Any) -> Step:
    arguments = {"recorded_on": on, "person_id": person.id, "facts": MemberFacts(**facts)}
    return Step(on, "record_member_facts", arguments, person)
