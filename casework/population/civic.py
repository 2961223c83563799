"""What the community and the city offer everybody: the station, the hall, the card, culture and sport."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from casework.population import rates
from casework.population.family import Member
from casework.population.life import Life
from casework.population.steps import CENTRE, INSURANCE, STATION, Thread, bureau, feed

_MATTERS = ("居住证办理", "子女入学咨询", "社保咨询", "计划生育证明", "法律援助咨询", "就业登记")
_OUTCOMES = ("情况正常", "已告知办事流程", "需协助办理社保卡", "家中无人，已留联系卡")
_ITEMS = ("contraceptives", "pre_pregnancy_check", "counselling", "pregnancy_test", "education")
_CULTURE = {
    "library": 0.35,
    "culture_centre": 0.25,
    "museum": 0.15,
    "youth_palace": 0.1,
    "workers_palace": 0.07,
    "art_gallery": 0.05,
    "memorial": 0.03,
}
_BUSINESS = {"register": 0.35, "declare": 0.1, "transfer": 0.15, "change": 0.2, "annual_check": 0.1, "terminate": 0.1}
_CHARITY = {"poverty": 0.5, "elderly": 0.2, "disabled": 0.15, "orphans": 0.05, "disaster": 0.1}
_PLANNING = {"FPL-EDU": 0.4, "FPL-EUG": 0.2, "FPL-CON": 0.2, "FPL-REP": 0.15, "FPL-REW": 0.05}
PLANNING_FROM, PLANNING_UNTIL = 18, 50


def planning_file(life: Life, person: Member) -> Thread:
    """The family-planning file of adults to 49, opened again every second year."""
    chance = life.chance
    on = max(life.soon(person, 250), person.turns(PLANNING_FROM))
    case = life.case(on, "FPL-FILE", person, desk=STATION)
    if on >= person.turns(PLANNING_UNTIL):
        return
    yield case.requested(on)
    yield case.granted(on)
    while chance.happens(0.7):
        on = chance.after(on, 690, 760)
        yield case.renewed(on, valid_to=on + timedelta(730))


def planning_offers(life: Life, person: Member) -> Thread:
    """The free services are offered every year; what somebody makes of it is theirs."""
    chance = life.chance
    on = max(life.soon(person, 330), person.turns(PLANNING_FROM))
    while on < person.turns(PLANNING_UNTIL):
        if life.served(rates.PLANNING_OFFER):
            offered = {"items_offered": sorted({chance.one(_ITEMS) for _ in range(3)})}
            yield life.case(on, "FPL-OFFER", person, desk=STATION).delivered(on, offered)
        if chance.happens(rates.PLANNING_SERVICE):
            service = chance.pick(_PLANNING)
            yield life.case(on, service, person, desk=STATION).delivered(on, {"item": "按需提供"})
        on = chance.after(on, 270, 400)


def card(life: Life, person: Member) -> Thread:
    """The social-security card."""
    asked = life.soon(person, 500)
    case = life.case(asked, "SSI-CARD", person, desk=INSURANCE)
    yield case.requested(asked)
    granted = life.chance.after(asked, 5, 45)
    yield case.granted(granted, {"card_state": "issued"})


def counter(life: Life, person: Member) -> Thread:
    """Some business at the insurance hall."""
    on = life.chance.after(life.family.opened_on, 0, 700)
    case = life.case(on, "SSI-COUNTER", person, desk=INSURANCE)
    yield case.delivered(on, {"business": life.chance.pick(_BUSINESS)})


def hall(life: Life) -> Thread:
    """The household comes to the community's hall."""
    on = life.chance.after(life.family.opened_on, 0, 500)
    while True:
        if life.served(rates.HALL):
            case = life.case(on, "COM-HALL", desk=CENTRE)
            yield case.delivered(on, {"matter": life.chance.one(_MATTERS)})
        on = life.chance.after(on, 200, 530)


def visits(life: Life) -> Thread:
    """Somebody of the community comes by."""
    on = life.chance.after(life.family.opened_on, 10, 500)
    while True:
        if life.served(rates.VISIT):
            seen = {"worker": f"网格员{life.chance.whole(0, 6) + 1}号", "outcome": life.chance.one(_OUTCOMES)}
            yield life.case(on, "COM-VISIT").delivered(on, seen)
        on = life.chance.after(on, 220, 520)


def culture(life: Life, person: Member | None) -> Thread:
    """Somebody, or the household together, uses what is open free of charge."""
    chance = life.chance
    on = chance.after(life.family.opened_on, 0, 360)
    while True:
        if life.served(rates.CULTURE):
            case = life.case(on, "CUL-USE", person, desk=bureau("CRPT"), unit_id=_facility(life, "culture_facility"))
            yield case.delivered(on, {"kind": chance.pick(_CULTURE)})
        on = chance.after(on, 200, 520)


def fitness(life: Life, person: Member) -> Thread:
    """Somebody is shown how to keep fit."""
    on = life.chance.after(life.family.opened_on, 0, 700)
    case = life.case(on, "CUL-FIT", person, desk=feed("SPT"), unit_id=_facility(life, "fitness_site"))
    yield case.delivered(on)


def charity(life: Life) -> Thread:
    """Aid from a charity."""
    on = life.chance.after(life.family.opened_on, 0, 700)
    yield life.case(on, "LIV-CHARITY", desk=CENTRE).delivered(on, {"kind": life.chance.pick(_CHARITY)})


def _facility(life: Life, kind: str) -> UUID:
    return life.chance.one([unit for unit in life.city.world.facilities if unit.kind == kind]).id
