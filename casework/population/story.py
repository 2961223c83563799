"""Which threads a life has: whose, and how likely."""

from __future__ import annotations

from collections.abc import Iterator

from casework.domain.policy import load_policy
from casework.population import civic, consents, health, needs, rates, regrouping, residence, schooling, work
from casework.population.family import NEVER, Member
from casework.population.life import Life
from casework.population.office import City
from casework.population.steps import Thread

POLICY = "2013.1"
ADULT = 16


def life_of(city: City, number: int) -> Life:
    """Return the life of a household, ready to be told."""
    life = Life(city, number)
    life.begin(_whole(life))
    return life


def _whole(life: Life) -> Thread:
    """The file is opened; then everything else begins."""
    family = life.family
    yield residence.registered(life)
    life.begin(*_of_household(life))
    for member in family.members:
        life.begin(*_of_person(life, member))
    life.begin(*(_newcomer(life, member) for member in family.joins))
    for baby in family.births:
        life.begin(_birth(life, baby), *_before_birth(life, baby))


def _newcomer(life: Life, member: Member) -> Thread:
    if not regrouping.is_merged(life):
        yield residence.joined(life, member)
    else:
        yield from regrouping.comes_by_merge(life, member, residence.entered(life, member))
        if life.chance.happens(rates.UNMERGED):
            yield from regrouping.goes_apart_again(life, member.comes_on)
            return
    life.begin(*_of_person(life, member))


def _birth(life: Life, baby: Member) -> Thread:
    yield residence.born(life, baby)
    life.begin(*_of_person(life, baby))


def _before_birth(life: Life, baby: Member) -> Iterator[Thread]:
    if life.chance.happens(rates.PREGNANCY_TOLD):
        yield _expecting(life, baby)
    if life.chance.happens(rates.MATERNAL):
        yield needs.maternal(life, baby)


def _expecting(life: Life, baby: Member) -> Thread:
    yield from residence.pregnancy(life, baby)
    life.begin(health.maternity(life, baby, load_policy(POLICY).health))


def _of_household(life: Life) -> Iterator[Thread]:
    happens = life.chance.happens
    family = life.family
    yield from (residence.moves(life), residence.verifications(life), civic.hall(life), civic.visits(life))
    yield health.information(life)
    yield civic.culture(life, None)
    if family.parting is not None:
        yield residence.parting(life, family.parting)
    if family.leaves_on < NEVER:
        yield residence.closing(life)
    if happens(2 * rates.HEAD_CHANGES):
        yield residence.new_head(life)
    if happens(rates.ASKED_EVERYTHING):
        yield needs.everything(life)
        return
    yield from _household_needs(life)


def _household_needs(life: Life) -> Iterator[Thread]:
    happens = life.chance.happens
    if happens(rates.HOUSING):
        yield needs.housing(life)
    elif happens(rates.ASKED):
        yield needs.nothing_found(life, "HOUSING", None)
    if happens(rates.LOW_INCOME):
        yield needs.low_income(life)
    if happens(rates.CHARITY):
        yield civic.charity(life)


def _of_person(life: Life, person: Member) -> Iterator[Thread]:
    opened = max(life.family.opened_on, person.comes_on)
    age = person.age(opened)
    happens = life.chance.happens
    if life.served(rates.HEALTH_RECORD):
        yield health.record(life, person)
    if life.served(rates.CARD if age >= ADULT else rates.CARD / 2):
        yield civic.card(life, person)
    if not _may_be_insured_at_work(person, age) and life.served(rates.RESIDENT_MEDICAL[_stage(age)]):
        yield work.resident_insurance(life, person, "SSI-MED")
    if happens(rates.INFECTION):
        yield health.infection(life, person)
    yield from _of_their_data(life, person)
    if age < ADULT:
        yield from _of_child(life, person)
    else:
        yield from _of_adult(life, person, age)


def _of_their_data(life: Life, person: Member) -> Iterator[Thread]:
    for scope, share in rates.CONSENTS.items():
        if life.says.happens(share):
            yield consents.agreeing(life, person, scope)
    if life.says.happens(rates.ERASURE_ASKED):
        yield consents.erasure(life, person)


def _of_child(life: Life, child: Member) -> Iterator[Thread]:
    schedule = load_policy(POLICY).health
    yield schooling.schooling(life, child)
    yield health.vaccinations(life, child, schedule)
    yield health.visits(life, child, schedule)
    if child.turns(17) < life.city.span.until:
        yield work.working_life(life, child)
        yield residence.studies(life, child)
    if life.chance.happens(rates.CHILD_WELFARE):
        yield needs.child_welfare(life, child)


def _of_adult(life: Life, person: Member, age: int) -> Iterator[Thread]:
    happens = life.chance.happens
    schedule = load_policy(POLICY).health
    yield work.working_life(life, person)
    yield from _adult_needs(life, person, age)
    if age < civic.PLANNING_UNTIL and life.served(rates.PLANNING_FILE):
        yield civic.planning_file(life, person)
    if age < civic.PLANNING_UNTIL:
        yield civic.planning_offers(life, person)
    if person.turns(schedule.elder_from) < life.city.span.until:
        yield health.elder_checks(life, person, schedule)
    if not _may_be_insured_at_work(person, age) and age < 60 and life.served(rates.RESIDENT_PENSION):
        yield work.resident_insurance(life, person, "SSI-PEN")
    if happens(rates.PERMIT) and person.migrant:
        yield residence.permit(life, person)
    if happens(2 * rates.GAINS_HUKOU) and person.migrant:
        yield residence.gains_hukou(life, person)
    if happens(rates.COUNTER):
        yield civic.counter(life, person)
    if happens(rates.FITNESS):
        yield civic.fitness(life, person)
    if happens(rates.DISABILITY):
        yield residence.disability(life, person)
    if happens(rates.MARRIAGE):
        yield residence.marriage(life, person)


def _adult_needs(life: Life, person: Member, age: int) -> Iterator[Thread]:
    happens = life.chance.happens
    if age < 50 and happens(rates.TRAINING):
        yield needs.training(life, person)
    elif happens(rates.ASKED / 3):
        yield needs.nothing_found(life, "TRAINING", person)
    if age < 55 and happens(rates.STARTUP):
        yield needs.startup(life, person)
    if happens(rates.INS_TRANSFER):
        yield needs.transfer(life, person)
    if age >= 40 and happens(rates.CHRONIC["older" if age >= 60 else "middle"]):
        yield needs.follow_ups(life, person, "CHRONIC", "HLT-CHR")
    if happens(rates.PSYCH):
        yield needs.follow_ups(life, person, "PSYCH", "HLT-PSY")


def _stage(age: int) -> str:
    return "elder" if age >= 60 else "adult" if age >= ADULT else "child"


def _may_be_insured_at_work(person: Member, age: int) -> bool:
    return ADULT <= age < 60 and person.luck < 0.5
