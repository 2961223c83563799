"""What people say of the use of their data: they agree, answer surveys, take it back, and ask to be erased.

Nobody is erased: that is written into the ledger of erasures, which is no part of a log.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from casework.domain.calendar import age_on
from casework.domain.consents import CONSENTS_AT
from casework.population import rates
from casework.population.family import Member
from casework.population.life import Life
from casework.population.steps import Step, Thread

NOTICE = "2013-1"
INSTRUMENT = "integration"
_OFTEN = {"never": 0.25, "sometimes": 0.5, "often": 0.25}
_BASES = {"consent_withdrawn": 0.5, "purpose_fulfilled": 0.35, "unlawful": 0.15}


def agreeing(life: Life, person: Member, scope: str) -> Thread:
    """Somebody agrees to a use, or a guardian does for a child; perhaps answers a survey, and takes it back."""
    says, about = life.says, {"person_id": person.id, "scope": scope}
    on = says.after(life.since(person), 0, 500)
    adults = [adult for adult in life.family.adults(on) if adult is not person]
    is_child = age_on(person.born_on, on) < CONSENTS_AT
    if is_child and not adults:
        return
    guardian = {"guardian": adults[0].id, "guardian_born_on": adults[0].born_on} if is_child else {}
    arguments = {"given_on": on, **about, "notice_version": NOTICE, "born_on": person.born_on, **guardian}
    yield Step(on, "give_consent", arguments, person)
    if scope == "survey" and says.happens(rates.SURVEYED):
        on = says.after(on, 1, 120)
        yield _survey(life, person, on)
    if says.happens(rates.CONSENT_WITHDRAWN):
        on = says.after(on, 10, 300)
        yield Step(on, "withdraw_consent", {"withdrawn_on": on, **about}, person)


def erasure(life: Life, person: Member) -> Thread:
    """Somebody asks to be erased, perhaps after they left."""
    on = life.says.after(life.since(person), 30, 700)
    yield Step(on, "request_erasure", {"requested_on": on, "person_id": person.id, "basis": life.says.pick(_BASES)})


def _survey(life: Life, person: Member, on: date) -> Step:
    says = life.says
    answers: dict[str, Any] = {
        "at-home": says.whole(1, 5),
        "neighbours": says.pick(_OFTEN),
        "stays": says.happens(0.6),
    }
    about = {"surveyed_on": on, "person_id": person.id}
    return Step(on, "record_survey", {**about, "instrument": INSTRUMENT, "version": NOTICE, "answers": answers}, person)
