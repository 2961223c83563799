"""It does not matter in which order independent facts arrive: on every day they tell the same household.

Each strand is a story of its own, told from its begin to its end; the strands are told in random order of arrival, all
with the dates that they have. Two tellings are compared on all days on which something begins, ends or is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from casework.domain.assessment import assess
from casework.domain.household import Household
from casework.domain.policy import load_policy
from casework.domain.registry import Facts
from casework.projections.views import rows_of
from tests.domain.given import (
    ADULTS,
    BAO,
    ELSEWHERE,
    MEI,
    Phrase,
    arrived,
    born,
    cleared,
    collective,
    corrected,
    corrected_facts,
    delivered,
    died,
    ended,
    given,
    given_household,
    joined,
    knowing,
    left,
    moved,
    needs,
    person,
    renewed,
    requested,
    seen,
    started,
    stopped,
    told,
    voided,
    voided_entry,
    when,
    works,
)

Strand = list[Phrase | Callable[[Household], Phrase]]

POLICY = load_policy("2013.1")
FACTS: Facts = knowing(collective("acme"))
FIRST, LAST = date(2012, 1, 2), date(2013, 6, 30)
FAMILY = (*ADULTS, MEI, BAO, person("gran", "1940-02", "female"), person("uncle", "1970-02"))
GIVEN: dict[str, dict[str, Any]] = {
    "EDU-COMP": {"at": "school", "fee_free": True, "ownership": "public", "mixed_class": True},
    "EDU-PRE": {"at": "school"},
    "EMP-CONTRACT": {"at": "acme"},
    "EMP-TRAIN": {"at": "provider"},
    "SSI-MED": {"at": "acme", "scheme": "employee", "paid_through": "2013-01"},
    **{service: {} for service in ("EMP-START", "SSI-CARD", "FPL-FILE", "LIV-CHILD")},
}
DELIVERED = ("EMP-GUIDE", "HLT-CHI", "HLT-ELD", "FPL-OFFER", "CUL-FIT", "HLT-CHR", "SSI-TRANSFER")


class Strands:
    """Independent stories with random dates; each names people and things that no other does."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def days(self, count: int, latest: date = LAST) -> list[str]:
        """Some days in their order, none twice."""
        span = range((latest - FIRST).days)
        return [(FIRST + timedelta(n)).isoformat() for n in sorted(self.random.sample(span, count))]

    def all(self) -> Iterator[Strand]:
        """A household's strands: places, people, work, needs, services."""
        one, two, three = self.days(3)
        yield [moved(on=one), moved("410105001001", on=two), moved(ELSEWHERE, on=three)]
        for on in self.days(3):
            yield [seen(self.random.choice(("present", "absent")), on)]
        yield self.voided_contact()
        yield from self.people()
        yield from self.work()
        for name in ("li", "wang", "mei", "gran", None):
            yield from self.of(name)

    def voided_contact(self) -> Strand:
        """Somebody was seen, but it was never so."""
        [on] = self.days(1)
        event = seen("present", on)

        def void(household: Household) -> Phrase:
            mine = (
                v for v, e in enumerate(household.entries, 1) if e.occurred_on.isoformat() == on and e.type_name == SEEN
            )
            return voided_entry(next(v for v in mine if v not in household.voided_entries))

        return [event, void]

    def people(self) -> Iterator[Strand]:
        """Somebody comes and goes, a child is born, somebody dies; what is known of people changes."""
        come, needs_on, clear, go = self.days(4)
        yield [
            joined(person("zhao", "1990-06", "female"), come),
            needs("JOB", "zhao", needs_on, id="job of zhao"),
            cleared("job of zhao", self.random.choice(("met", "lapsed")), clear),
            left("zhao", go),
        ]
        reported, *_ = self.days(1)
        month = reported[:7]
        yield [
            born("baby", month, reported, mother="wang"),
            delivered("HLT-MAT", "wang", reported, id="after birth"),
        ]
        work_on, death = self.days(2)
        yield [works("uncle", "bolt", work_on)]
        yield [died("uncle", death)]
        for on, migrant in zip(self.days(3), (False, True, False), strict=True):
            yield [told("wang", on, migrant=migrant)]
        start, end = self.days(2)
        yield [
            told("mei", start, student=(start, end)),
            corrected_facts("mei", "student.to", end, None),
        ]
        yield [told("wang", start, pregnancy=(start,))]
        yield [told("li", end, education="college"), corrected_facts("li", "education", "college", "none")]
        yield [corrected_facts("bao", "birth_month", "2009-01", "2008-03")]

    def work(self) -> Iterator[Strand]:
        """Jobs that are told late, and may end."""
        for name, unit in (("li", "acme"), ("li", "bolt"), ("wang", "acme")):
            since, to, told_on, end_told = self.days(4)
            yield [works(name, unit, since, told_on=told_on), stopped(name, unit, to, end_told)]
        yield [works("wang", None, self.days(1)[0], kind="self_employed")]

    def of(self, name: str | None) -> Iterator[Strand]:
        """Needs and services of a person, or of the household."""
        kinds = ("TRAINING", "JOB", "STARTUP", "CHRONIC", "INS_TRANSFER") if name else ("HOUSING", "LOW_INCOME")
        for need in kinds:
            one, two, three = self.days(3)
            ids = [f"{need} of {name} {n}" for n in (1, 2)]
            reason = self.random.choice(("met", "lapsed", "mistaken"))
            yield [
                needs(need, name, one, id=ids[0]),
                cleared(ids[0], reason, two),
                needs(need, name, three, id=ids[1]),
            ]
        if name is None:
            yield [*given("HSG-PUB", on=self.days(1)[0])]
            yield [*given("LIV-DIBAO", on=one), renewed("LIV-DIBAO", two, "2015-01-01")]
            return
        for service in self.random.sample(sorted(GIVEN), 5):
            yield self.episode(service, name)
        for service in self.random.sample(DELIVERED, 3):
            for on in self.days(2):
                more = {"kind": "pension"} if service == "SSI-TRANSFER" else {}
                yield [delivered(service, name, on, **more)]
        on, right = self.days(2)
        id = f"hall of {name}"
        yield [delivered("CUL-USE", name, on, id=id), corrected(id, "delivered_on", on, right)]

    def episode(self, service: str, name: str) -> Strand:
        """A service's life."""
        asked, on, later, last = self.days(4)
        id, terms = f"{service} of {name}", GIVEN[service]
        grant = given(service, name, on, id=id, **terms)[1]
        strand: Strand = [requested(service, name, asked, terms.get("at"), id), grant]
        follow = self.random.randrange(5)
        if follow == 0:
            strand += [started(id, later), ended(id, last, "completed")]
        elif follow == 1:
            strand += [ended(id, later)]
        elif follow == 2:
            strand += [corrected(id, "granted_on", on, later)]
        elif follow == 3:
            strand += [voided(id)]
        return strand


SEEN = "household.residence-verified.v1"


def told_in(strands: list[Strand], order: Random) -> Household:
    """The household, when of the strands that still have something to tell a random one goes on each time."""
    household = given_household(arrived(*FAMILY))
    waiting = [list(strand) for strand in strands]
    while waiting:
        strand = order.choice(waiting)
        step = strand.pop(0)
        when(household, step if isinstance(step, Phrase) else step(household))
        if not strand:
            waiting.remove(strand)
    return household


def on(household: Household, day: date) -> Any:
    """What the household is on a day, for itself and for the units that count it."""
    assessment = assess(household, POLICY, day, FACTS)
    counts = {code: (r.state, r.num, r.den) for code, r in assessment.indicators.items()}
    shown = (assessment.status, assessment.settled, assessment.community, assessment.levels, assessment.overall)
    return shown, counts, rows_of(household, POLICY, day, FACTS).contributions


@pytest.mark.parametrize("seed", range(20))
def test_in_whichever_order_independent_facts_arrive_they_tell_the_same(seed: int):
    strands = list(Strands(seed).all())
    first = told_in(strands, Random(1000 + seed))

    second = told_in(strands, Random(2000 + seed))

    days = sorted({event.occurred_on + timedelta(n) for event in first.entries for n in (-1, 0, 1)})
    days += [LAST + timedelta(30 * n) for n in range(24)]
    assert sorted(e.type_name for e in first.entries) == sorted(e.type_name for e in second.entries)
    assert [day for day in days if on(first, day) != on(second, day)] == []
