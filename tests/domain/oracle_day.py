"""One household on one day, counted anew: every indicator of RULES E as a method that lists what is due."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from tests.domain.oracle_dates import (
    age,
    birthday,
    day,
    instant,
    last_31_august,
    maybe_day,
    month_end,
    plus_months,
    weekdays,
)
from tests.domain.oracle_episode import Episode
from tests.domain.oracle_story import Known, Need, Person

FIVE = ("SSI-PEN", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT")
VACCINES = {
    3: "BCG1",
    12: "HepB3 OPV3 DTaP3 MR1 JE1",
    18: "MenA2",
    24: "DTaP4 MMR1 HepA1",
    36: "JE2",
    48: "MenAC1",
    60: "OPV4",
    78: "DT1 MenAC2",
}
CHILD_VISITS = "0-2 3-5 6-8 8-10 12-14 18-20 24-26 30-32 36-39 48-51 60-63 72-75"
ANTENATAL = "0-91 112-147 147-175 196-259 259-287"
POSTNATAL = "0-28 28-56"


def windows(text: str) -> list[tuple[int, int]]:
    pairs = (pair.split("-") for pair in text.split())
    return [(int(opens), int(deadline)) for opens, deadline in pairs]


class Count(NamedTuple):
    """One thing that is due, whether it is met, and the employer or school it belongs to."""

    met: bool
    unit: str | None = None


class Registry:
    """Collective contracts and closed months, as recorded by an instant."""

    def __init__(self, entries: list[dict[str, Any]], known_at: datetime) -> None:
        known = [entry for entry in entries if instant(entry) <= known_at]
        self.facts = [entry for entry in known if entry.get("fact") == "UF-COLL"]
        self.months: dict[str, set[str]] = {}
        for entry in known:
            if "month" in entry:
                self.months.setdefault(f"{entry['bureau']}/{entry['area']}", set()).add(entry["month"])

    def collective(self, employer: str | None, on: date) -> bool:
        """RULES E, WRK5."""
        for fact in self.facts:
            start = day(fact["from"])
            end = min(maybe_day(fact.get("to")) or date.max, plus_months(start, 36))
            told = day(fact.get("occurred_on") or fact["from"])
            if fact["unit_id"] == employer and start <= on <= end and told <= on:
                return True
        return False

    def is_missing(self, feed: str | None, on: date) -> bool:
        """RULES F1, F2."""
        months = self.months.get(feed or "")
        if not months:
            return False
        required = on - timedelta(on.day)  # the last day of the month before
        if (on - required).days < 15:
            required -= timedelta(required.day)
        text = required.isoformat()[:7]
        return min(months) <= text and text not in months


class Day:
    """One household on one day: every indicator is a method that lists what is due."""

    def __init__(self, known: Known, registry: Registry, on: date) -> None:
        self.known, self.registry, self.on = known, registry, on
        self.members = known.members(on)
        self.present = {member.id for member in self.members}
        self.episodes = [e for e in known.episodes.values() if e.person is None or e.person in self.present]

    def in_force(self, service: str, person: str | None) -> list[Episode]:
        return [e for e in self.episodes if e.service == service and e.person == person and e.in_force(self.on)]

    def given(self, service: str, person: str | None, since: date = date.min) -> list[date]:
        """The days on which a one-off service was given, up to today."""
        days = [e.given_on for e in self.episodes if e.service == service and e.person == person]
        return [given for given in days if given is not None and since <= given <= self.on]

    def within(self, days: list[date], months: int) -> bool:
        return any(given <= self.on <= plus_months(given, months) for given in days)

    def need(self, need: str, person: str | None) -> Need | None:
        """The live need that counts: the latest assessed (RULES D6)."""
        live = [n for n in self.known.needs.values() if n.need == need and n.person == person and n.live(self.on)]
        return max(live, key=lambda n: (n.on, n.version), default=None)

    def adults_in_need(self, need: str) -> list[tuple[Person, Need]]:
        found = [(m, self.need(need, m.id)) for m in self.members if age(m.born, self.on) >= 16]
        return [(member, live) for member, live in found if live is not None]

    def employers(self, person: Person) -> dict[str | None, date]:
        """RULES C8: the employers whose employee somebody is, with the first day there."""
        if not 16 <= age(person.born, self.on) < (60 if person.sex == "male" else 55):
            return {}
        found: dict[str | None, date] = {}
        for job in self.known.jobs.values():
            if job.person == person.id and job.kind in ("employee", "dispatched") and job.runs_on(self.on):
                found[job.employer] = min(job.start, found.get(job.employer, job.start))
        return found

    def pupils(self) -> list[tuple[Person, Episode | None]]:
        """RULES E, SCH1: the children and the newest school place of each."""
        found = []
        for child in self.members:
            stay = child.stay_on(self.on)
            assert stay is not None
            if 6 <= age(child.born, last_31_august(self.on)) <= 14 and (self.on - stay.resident_since).days >= 30:
                places = self.in_force("EDU-COMP", child.id)
                found.append((child, max(places, key=lambda e: (e.terms[0].on, e.terms[0].version), default=None)))
        return found

    def sch1(self) -> list[Count]:
        return [Count(place is not None, place.unit if place else None) for _, place in self.pupils()]

    def sch2(self) -> list[Count]:
        children = [m for m in self.members if 3 <= age(m.born, last_31_august(self.on)) <= 5]
        return [Count(bool(self.in_force("EDU-PRE", c.id) or self.in_force("EDU-COMP", c.id))) for c in children]

    def sch3(self) -> list[Count]:
        found = []
        for _, place in self.pupils():
            if place is not None:
                said = place.evidence(self.on)
                equal = said.get("ownership") in ("public", "purchased_place")
                free = said.get("fee_free") is True and said.get("mixed_class") is True
                found.append(Count(equal and free, place.unit))
        return found

    def wrk1(self) -> list[Count]:
        return [
            Count(any(c.unit == employer for c in self.in_force("EMP-CONTRACT", person.id)), employer)
            for person in self.members
            for employer, start in self.employers(person).items()
            if (self.on - start).days >= 30
        ]

    def trained(self, person: str, months: int) -> bool:
        started = [e for e in self.in_force("EMP-TRAIN", person) if e.started_on and e.started_on <= self.on]
        ended = [e for e in self.episodes if e.service == "EMP-TRAIN" and e.person == person]
        done = [e.given_on for e in ended if e.given_on is not None and e.given_on <= self.on]
        return bool(started) or self.within(done, months)

    def wrk2(self) -> list[Count]:
        needs = self.adults_in_need("TRAINING")
        return [Count(not need.lapsed(self.on) and self.trained(who.id, 24)) for who, need in needs]

    def wrk3(self) -> list[Count]:
        found = []
        for who, need in self.adults_in_need("JOB"):
            guided = [g for g in self.given("EMP-GUIDE", who.id, need.on) if g <= plus_months(need.on, 6)]
            jobs = [job for job in self.known.jobs.values() if job.person == who.id and job.on <= self.on]
            employed = any(need.on <= job.start <= self.on for job in jobs)
            found.append(Count(not need.lapsed(self.on) and (bool(guided) or employed)))
        return found

    def wrk4(self) -> list[Count]:
        needs = self.adults_in_need("STARTUP")
        return [Count(not n.lapsed(self.on) and bool(self.in_force("EMP-START", who.id))) for who, n in needs]

    def wrk5(self) -> list[Count]:
        return [
            Count(self.registry.collective(employer, self.on), employer)
            for person in self.members
            for employer in self.employers(person)
        ]

    def com1(self) -> list[Count]:
        return [Count(bool(self.in_force("HLT-REC", m.id))) for m in self.members]

    def com2(self) -> list[Count]:
        pairs = []
        for member in self.members:
            pairs += [self.vaccinated(member), self.child_seen(member), self.mother_seen(member)]
            pairs += [self.elder_seen(member)]
            pairs += [self.followed_up(member, "CHRONIC", "HLT-CHR"), self.followed_up(member, "PSYCH", "HLT-PSY")]
        return [Count(pair) for pair in pairs if pair is not None]

    def exists(self, member: Person, deadline: date) -> bool:
        """Whether a milestone is due by today, and was not another place's miss."""
        stay = member.stay_on(self.on)
        assert stay is not None
        return stay.resident_since + timedelta(30) <= deadline <= self.on

    def vaccinated(self, child: Person) -> bool | None:
        due = [doses for m, doses in VACCINES.items() if self.exists(child, plus_months(child.born, m))]
        if not due or age(child.born, self.on) >= 7:
            return None
        had = set()
        for episode in self.episodes:
            if episode.service == "HLT-VAC" and episode.person == child.id:
                given, said = episode.given_on, episode.evidence(self.on)
                if given is not None and given <= self.on and "vaccine" in said and "dose" in said:
                    had.add(f"{said['vaccine']}{said['dose']}")
        return had.issuperset(" ".join(due).split())

    def last_milestone(self, member: Person, milestones: list[tuple[date, date]], service: str) -> bool | None:
        """Whether the service came since the last existing milestone opened; none: not due."""
        existing = [(deadline, opens) for opens, deadline in milestones if self.exists(member, deadline)]
        if not existing:
            return None
        return bool(self.given(service, member.id, max(existing)[1]))

    def child_seen(self, child: Person) -> bool | None:
        if age(child.born, self.on) >= 7:
            return None
        visits = [
            (plus_months(child.born_first, opens), plus_months(child.born, deadline))
            for opens, deadline in windows(CHILD_VISITS)
        ]
        return self.last_milestone(child, visits, "HLT-CHI")

    def mother_seen(self, mother: Person) -> bool | None:
        visits = []
        pregnancy = mother.pregnancy(self.on)
        if pregnancy and pregnancy[0] <= self.on < pregnancy[1]:
            for opens, deadline in windows(ANTENATAL):
                if pregnancy[0] + timedelta(deadline) < pregnancy[1]:
                    visits.append((pregnancy[0] + timedelta(opens), pregnancy[0] + timedelta(deadline)))
        for reported, born in mother.births:
            if reported <= self.on <= month_end(born) + timedelta(90):
                for opens, deadline in windows(POSTNATAL):
                    visits.append((born + timedelta(opens), month_end(born) + timedelta(deadline)))
        return self.last_milestone(mother, visits, "HLT-MAT")

    def elder_seen(self, elder: Person) -> bool | None:
        stay = elder.stay_on(self.on)
        assert stay is not None
        if self.on <= plus_months(max(birthday(elder.born, 65), stay.resident_since), 12):
            return None
        return self.within(self.given("HLT-ELD", elder.id), 12)

    def followed_up(self, member: Person, need: str, service: str) -> bool | None:
        stay, live = member.stay_on(self.on), self.need(need, member.id)
        if stay is None or live is None or self.on <= plus_months(max(live.on, stay.resident_since), 3):
            return None
        return self.within(self.given(service, member.id), 3)

    def com3(self) -> list[Count]:
        members = [m for m in self.members if 18 <= age(m.born, self.on) <= 49]
        return [
            Count(bool(self.in_force("FPL-FILE", m.id)) and self.within(self.given("FPL-OFFER", m.id), 12))
            for m in members
        ]

    def com4(self) -> list[Count]:
        due: list[tuple[Need | None, str, str | None]] = [(self.need("LOW_INCOME", None), "LIV-DIBAO", None)]
        children = [m.id for m in self.members if age(m.born, self.on) < 18]
        due += [(self.need("CHILD_WELFARE", child), "LIV-CHILD", child) for child in children]
        return [Count(not n.lapsed(self.on) and bool(self.in_force(s, who))) for n, s, who in due if n is not None]

    def com5(self) -> list[Count]:
        seen = [on for on in self.known.seen if on <= self.on]
        return [Count(self.within(seen + self.given("COM-HALL", None) + self.given("COM-VISIT", None), 12))]

    def cit1(self) -> list[Count]:
        pairs = []
        for member in self.members:
            years, due = age(member.born, self.on), set(FIVE[:2])
            if self.employers(member):
                due = set(FIVE)
            elif years < 16 or years >= 60 or member.is_student(self.on):
                due = {"SSI-MED"}
            pairs += [Count(self.is_insured(insurance, member.id)) for insurance in due]
        return pairs

    def is_insured(self, insurance: str, person: str) -> bool:
        """RULES D3: either scheme counts for pension and medical insurance, the employee's alone for the others."""
        schemes = [episode.evidence(self.on).get("scheme") for episode in self.in_force(insurance, person)]
        return bool(schemes) if insurance in FIVE[:2] else "employee" in schemes

    def cit2(self) -> list[Count]:
        return [Count(bool(self.in_force("SSI-CARD", m.id))) for m in self.members]

    def cit3(self) -> list[Count]:
        need = self.need("HOUSING", None)
        if need is None:
            return []
        housed = any(self.in_force(service, None) for service in ("HSG-LOW", "HSG-PUB", "HSG-ECO"))
        return [Count(housed and not need.lapsed(self.on))]

    def cit4(self) -> list[Count]:
        found = []
        for member in self.members:
            need = self.need("INS_TRANSFER", member.id)
            if need is not None and weekdays(need.on, self.on) > 45:
                done = bool(self.given("SSI-TRANSFER", member.id, need.on))
                found.append(Count(done and not need.lapsed(self.on)))
        return found

    def cit5(self) -> list[Count]:
        who = [None, *(m.id for m in self.members)]
        used = [on for person in who for service in ("CUL-USE", "CUL-FIT") for on in self.given(service, person)]
        return [Count(self.within(used, 12))]

    def employer_counts(self) -> Counter[tuple[str, str, str]]:
        """RULES U1: K03's pairs of employee and insurance, and its trained employees, by employer."""
        units: Counter[tuple[str, str, str]] = Counter()
        for person in self.members:
            for employer in self.employers(person):
                if employer is not None:
                    for service in FIVE:
                        by_scheme = [e for e in self.in_force(service, person.id) if e.unit == employer]
                        met = any(e.evidence(self.on).get("scheme") == "employee" for e in by_scheme)
                        units["K03.b", employer, "num"] += met
                        units["K03.b", employer, "den"] += 1
                    units["K03.d", employer, "num"] += self.trained(person.id, 12)
                    units["K03.d", employer, "den"] += 1
        return units
