"""What households lack, and the services that answer it: work, training, start-ups, housing, allowances, care."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain.calendar import add_months
from casework.domain.codes import needs as known_needs
from casework.domain.events.corrections import Change
from casework.population import rates
from casework.population.family import Member
from casework.population.life import Life
from casework.population.steps import CENTRE, EMPLOYMENT, INSURANCE, STATION, Case, Step, Thread, bureau, feed

_TRADES = ("welding", "sewing", "catering", "housekeeping", "driving", "electrics", "computing", "elder_care")
_SUPPORT = {"guidance": 0.3, "training": 0.25, "loan": 0.2, "subsidy": 0.1, "tax_relief": 0.1, "premises": 0.05}
_DENIALS = {"not_eligible": 0.5, "documents_missing": 0.4, "withdrawn": 0.07, "duplicate": 0.03}
_GUIDANCE = {"counselled": 0.4, "introduced": 0.35, "hired": 0.15, "no_vacancy": 0.1}


class Found(NamedTuple):
    """A need that was found present."""

    id: UUID
    person: Member | None

    def cleared(self, on: date, reason: str) -> Step:
        """Say that it is met, or no longer there."""
        arguments = {"cleared_on": on, "need_id": self.id, "reason": reason}
        return Step(on, "clear_need", arguments, self.person)


def assessed(life: Life, need: str, on: date, person: Member | None, result: str = "present") -> tuple[Found, Step]:
    """Return a need and the step that records it."""
    found = Found(life.id(on), person)
    about = {"person_id": person.id} if person else {}
    arguments = {"assessed_on": on, "need_id": found.id, "need": need, "result": result, **about}
    return found, Step(on, "record_need", arguments, person)


def everything(life: Life) -> Thread:
    """A caseworker asks the household for every need there is, and finds none."""
    on = life.chance.after(life.family.opened_on, 20, 650)
    for person in (None, *life.family.members):
        for need in known_needs():
            if (need.beneficiary == "household") == (person is None):
                yield assessed(life, need.code, on, person, "absent")[1]


def nothing_found(life: Life, need: str, person: Member | None) -> Thread:
    """A need is assessed, and is not there."""
    yield assessed(life, need, life.soon(person, 500), person, "absent")[1]


def referral(life: Life, case: Case, on: date, to: str) -> Iterator[Step]:
    """Another bureau is asked, and answers; what it returns goes on all the same."""
    referral_id, due_on = life.id(on), on + timedelta(10)
    yield case.referred(on, referral_id, to, due_on=due_on)
    returned = life.chance.happens(rates.RETURNED)
    answer, reason = ("returned", "documents_missing") if returned else ("accepted", None)
    yield case.answered(life.chance.after(on, 1, 12), referral_id, to, answer, reason)


def job(life: Life, person: Member, on: date) -> Thread:
    """Somebody looks for work."""
    need, step = assessed(life, "JOB", on, person)
    yield step
    if life.served(rates.GUIDED):
        guided_on = life.chance.after(on, 3, 120)
        guidance = life.case(guided_on, "EMP-GUIDE", person, desk=EMPLOYMENT)
        yield guidance.delivered(guided_on, {"result": life.chance.pick(_GUIDANCE)})
    yield need.cleared(life.chance.after(on, 125, 190), "met" if life.chance.happens(0.7) else "lapsed")


def training(life: Life, person: Member) -> Thread:
    """Somebody wants to learn a trade, and perhaps does."""
    chance = life.chance
    on = life.soon(person, 600)
    need, step = assessed(life, "TRAINING", on, person)
    yield step
    if not life.served(rates.TRAINED):
        yield need.cleared(chance.after(on, 300, 500), "lapsed")
        return
    begins = chance.after(on, 10, 120)
    provider = chance.one(life.city.world.providers).id
    case = life.case(begins, "EMP-TRAIN", person, desk=EMPLOYMENT, unit_id=provider)
    yield case.requested(begins)
    yield case.granted(chance.after(begins, 1, 15), {"trade": chance.one(_TRADES), "hours": chance.whole(3, 20) * 8})
    started = chance.after(begins, 16, 40)
    yield case.started(started)
    ended = chance.after(started, 7, 90)
    completes = chance.happens(rates.COMPLETES)
    yield case.ended(ended, "completed" if completes else "withdrawn")
    if completes:
        yield need.cleared(chance.after(ended, 0, 60), "met")
        if chance.happens(rates.CERTIFIED):
            yield case.corrected(chance.after(ended, 10, 90), Change("evidence.certified", None, True))


def startup(life: Life, person: Member) -> Thread:
    """Somebody wants to open a business."""
    chance = life.chance
    on = life.soon(person, 600)
    need, step = assessed(life, "STARTUP", on, person)
    yield step
    asked = chance.after(on, 5, 60)
    park = chance.one(life.city.world.parks).id
    case = life.case(asked, "EMP-START", person, desk=EMPLOYMENT, unit_id=park)
    yield case.requested(asked)
    if chance.happens(rates.REFERRED):
        yield from referral(life, case, chance.after(asked, 1, 8), "IIT")
    if life.served(rates.STARTED_UP):
        granted = chance.after(asked, 10, 50)
        yield case.granted(granted, {"support_kind": chance.pick(_SUPPORT)})
        yield need.cleared(chance.after(granted, 20, 200), "met")
    else:
        yield case.denied(chance.after(asked, 10, 50), chance.pick(_DENIALS))


def housing(life: Life) -> Thread:
    """The household lives badly, asks for guaranteed housing, waits, and sometimes gets it."""
    chance = life.chance
    on = life.soon(None, 500)
    need, step = assessed(life, "HOUSING", on, None)
    yield step
    if not chance.happens(rates.HOUSING_ASKED):
        return
    asked = chance.after(on, 5, 90)
    service = chance.pick(rates.HOUSING_KINDS)
    case = life.case(asked, service, desk=CENTRE, unit_id=chance.one(life.city.world.projects).id)
    lease = {"area_m2": chance.whole(30, 70), "contract_ref": f"ZF-{chance.whole(0, 999_999):06d}"}
    months = None if service == "HSG-ECO" else 36
    if (yield from _decided(life, case, asked, "HSG", rates.HOUSED, lease, months)):
        yield need.cleared(chance.after(asked, 60, 300), "met")


def low_income(life: Life) -> Thread:
    """The household lives under the line: the minimum allowance, reviewed every year."""
    chance = life.chance
    on = life.soon(None, 500)
    need, step = assessed(life, "LOW_INCOME", on, None)
    yield step
    asked = chance.after(on, 3, 40)
    case = life.case(asked, "LIV-DIBAO", desk=CENTRE)
    amount = {"standard": 520, "monthly_amount": chance.whole(10, 90) * 10}
    if (yield from _decided(life, case, asked, "CIV", rates.DIBAO, amount, 12)):
        yield from _reviewed(life, case._replace(desk=bureau("CIV")), asked, need)


def child_welfare(life: Life, child: Member) -> Thread:
    """A child needs care that the family alone cannot give."""
    chance = life.chance
    on = life.soon(child, 500)
    need, step = assessed(life, "CHILD_WELFARE", on, child)
    yield step
    asked = chance.after(on, 3, 40)
    case = life.case(asked, "LIV-CHILD", child, desk=CENTRE)
    group = chance.pick({"disabled": 0.6, "orphan": 0.3, "street": 0.1})
    care = {"group": group, "components": ["care", "rehabilitation"] if group == "disabled" else ["care", "education"]}
    if (yield from _decided(life, case, asked, "CIV", rates.CHILD_WELFARE_GRANTED, care, 12)):
        yield from _reviewed(life, case._replace(desk=bureau("CIV")), asked, need)


def _decided(
    life: Life, case: Case, asked: date, by: str, share: float, evidence: dict[str, Any], months: int | None
) -> Generator[Step, None, bool]:
    """A request goes to the bureau that decides; returns whether it is granted, to a last day some months on."""
    chance = life.chance
    yield case.requested(asked)
    if chance.happens(rates.REFERRED):
        yield from referral(life, case, chance.after(asked, 1, 8), by)
    decided = chance.after(asked, 14, 60)
    mine = case._replace(desk=bureau(by))
    if not life.served(share):
        yield mine.denied(decided, chance.pick(_DENIALS))
        return False
    until = add_months(decided, months) - timedelta(1) if months else None
    yield mine.granted(decided, evidence, valid_to=until)
    return True


def _reviewed(life: Life, case: Case, asked: date, need: Found) -> Iterator[Step]:
    """An allowance is prolonged year by year, until it is no longer needed."""
    chance = life.chance
    on = chance.after(asked, 345, 370)
    while chance.happens(0.75):
        yield case.renewed(on, valid_to=on + timedelta(425))
        on = chance.after(on, 345, 370)
    yield case.ended(on, "ineligible")
    yield need.cleared(on, "met" if chance.happens(0.5) else "lapsed")


def transfer(life: Life, person: Member) -> Thread:
    """Somebody brings an insurance along from elsewhere."""
    chance = life.chance
    on = life.soon(person, 500)
    need, step = assessed(life, "INS_TRANSFER", on, person)
    yield step
    if life.served(rates.TRANSFERRED):
        made = chance.after(on, 20, 130)
        case = life.case(made, "SSI-TRANSFER", person, desk=INSURANCE)
        kind = chance.pick({"pension": 0.7, "medical": 0.25, "unemployment": 0.05})
        yield case.delivered(made, {"kind": kind, "from_place": "外省社会保险经办机构"})
        yield need.cleared(chance.after(made, 0, 20), "met")


def maternal(life: Life, baby: Member) -> Thread:
    """A mother to be needs care."""
    if baby.mother is not None:
        on = max(baby.born_on - timedelta(life.chance.whole(60, 200)), life.since(baby.mother))
        need, step = assessed(life, "MATERNAL", on, baby.mother)
        yield step._replace(desk=STATION)
        yield need.cleared(life.chance.after(baby.born_on, 30, 90), "met")


def follow_ups(life: Life, person: Member, need: str, service: str) -> Thread:
    """A disease that is looked after every quarter."""
    chance = life.chance
    on = life.soon(person, 300)
    yield assessed(life, need, on, person)[1]._replace(desk=feed("HLTH"))
    while True:
        on = chance.after(on, 70, 100)
        if life.served(rates.FOLLOWED_UP):
            how = chance.pick({"clinic": 0.5, "home": 0.3, "phone": 0.2})
            yield life.case(on, service, person, desk=feed("HLTH")).delivered(on, {"follow_up": how})
