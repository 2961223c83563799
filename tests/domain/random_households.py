"""Random households as lines of commands: mostly realistic, with dates on every edge that RULES name.

`line(seed)` is the same for the same seed. Most commands are acceptable; a few lines end in one that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from tests.domain.oracle_rules import OWN_DATE, Teller
from tests.domain.oracle_story import INSURANCES, SERVICES, SHANGHAI, Episode, month_end, plus_months

Command = dict[str, Any]

FIRST, LAST = date(2011, 1, 1), date(2015, 12, 31)
EDGES = [
    *(date(year, month, 1) for year in range(2011, 2016) for month in (1, 3, 9, 10)),
    *(month_end(date(year, month, 1)) for year in range(2011, 2016) for month in (2, 8, 9, 10, 12)),
    *(date(year, month, 15) for year in range(2011, 2016) for month in (1, 9, 10, 11)),
    date(2012, 2, 29),
]
SPANS = [0, 1, 2, 3, 5, 6, 8, 10, 12, 14, 18, 20, 24, 26, 36, 48, 60, 78]
AGES = [0, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 7, 10, 14, 15, 16, 17, 18, 25, 30, 35, 45, 49, 50, 55, 59, 60, 64, 65, 66, 70]
EMPLOYERS = ["employer-1", "employer-2", "employer-3"]
SCHOOLS = ["school-1", "school-2"]
COMMUNITIES = ["410105001001", "410105001002", "410103002003"]
NEEDS = "JOB TRAINING STARTUP HOUSING LOW_INCOME CHILD_WELFARE CHRONIC PSYCH MATERNAL INS_TRANSFER".split()
OF_HOUSEHOLD = {"HOUSING", "LOW_INCOME"}
DELIVERIES = (
    "EMP-GUIDE SSI-TRANSFER COM-HALL COM-VISIT HLT-VAC HLT-VAC HLT-VAC HLT-CHI HLT-MAT HLT-ELD HLT-CHR HLT-PSY "
    "FPL-OFFER CUL-USE CUL-FIT LIV-CHARITY SSI-COUNTER FPL-EDU HLT-EDU"
).split()
EPISODES = (
    "EDU-PRE EDU-COMP EDU-COMP EMP-TRAIN EMP-START EMP-CONTRACT EMP-CONTRACT SSI-PEN SSI-MED SSI-MED SSI-INJ SSI-UNE "
    "SSI-MAT SSI-CARD HSG-LOW HSG-PUB HSG-ECO LIV-DIBAO LIV-CHILD HLT-REC FPL-FILE SSI-UBEN EMP-GUIDE HLT-CHI CUL-USE"
).split()
DOSES = (
    "BCG1 HepB3 OPV3 DTaP3 MR1 JE1 MenA2 DTaP4 MMR1 HepA1 JE2 MenAC1 OPV4 DT1 MenAC2 BCG1 MR1 JE1 HepB2 other1"
).split()
SERVES = {
    "JOB": "EMP-GUIDE",
    "TRAINING": "EMP-TRAIN",
    "STARTUP": "EMP-START",
    "HOUSING": "HSG-PUB",
    "LOW_INCOME": "LIV-DIBAO",
    "CHILD_WELFARE": "LIV-CHILD",
    "CHRONIC": "HLT-CHR",
    "PSYCH": "HLT-PSY",
    "INS_TRANSFER": "SSI-TRANSFER",
}
FEEDS = "EDUB/EDU HRSS/EMP HLTH/HLT PFP/FPL CIV/LIV HRSS/SSH HSG/SSH CRPT/CUL".split()


class Life:
    """One household's commands in the order in which they were recorded."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.teller = Teller()
        self.commands: list[Command] = []
        self.today = self.some_day(FIRST, date(2013, 6, 1))
        self.pool = [self.today]
        self.ids = 0
        self.refused = False

    @property
    def known(self) -> Any:
        return self.teller.known

    def chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def some_day(self, first: date, last: date) -> date:
        return first + timedelta(self.random.randrange((last - first).days + 1))

    def new(self, kind: str) -> str:
        self.ids += 1
        return f"{kind}-{self.ids}"

    def near(self) -> date:
        """A day that some rule may count from or to."""
        if self.chance(25):
            return self.random.choice(EDGES)
        day = self.random.choice(self.pool)
        day = plus_months(day, self.random.choice(SPANS) * self.random.choice((1, 1, 1, 0)))
        return day + timedelta(self.random.choice((-1, 0, 0, 1, 29, 30, 31, 301)) if self.chance(60) else 0)

    def past(self) -> date:
        """A day on which something happened: mostly today, at times long ago."""
        if self.chance(70):
            day = self.today - timedelta(self.random.choice((0, 0, 0, 1, 2, 7, 20)))
        else:
            day = self.near()
        return min(day, self.today) if day >= FIRST or self.chance(5) else self.today

    def person(self) -> str:
        people = list(self.known.people.values())
        staying = [person for person in people if person.stay]
        return self.random.choice(staying if staying and not self.chance(2) else people).id

    def aged(self, least: int, most: int) -> str:
        """A member whose age lies in a range, if there is one."""
        people = [
            p for p in self.known.people.values() if p.stay and least <= (self.today - p.born_on).days / 365 <= most
        ]
        return self.random.choice(people).id if people and self.chance(92) else self.person()

    def give(self, name: str, on: date | None = None, **fields: Any) -> bool:
        """Give a command, unless it would be refused; now and then give it nevertheless and stop."""
        happened = on or self.past()
        said = {key: value for key, value in fields.items() if value is not None}
        dated = self.chance(50) or OWN_DATE[name] == "occurred_on"
        said["occurred_on" if dated else OWN_DATE[name]] = happened.isoformat()
        at = datetime.combine(self.today, time(self.random.randrange(24), self.random.randrange(60)), SHANGHAI)
        at = max(at, self.teller.entries[-1].at if self.teller.entries else at)
        command = {"command": name, **said, "recorded_at": self.written(at)}
        outcome = self.teller.outcome(command)
        if outcome in (None, "again"):
            self.teller.give(command)
            self.commands.append(command)
            self.pool.append(happened)
            return True
        if self.chance(0.7):
            self.commands.append(command)
            self.refused = True
        return False

    def written(self, at: datetime) -> str:
        utc = at.astimezone(SHANGHAI) - timedelta(hours=8)
        return at.isoformat() if self.chance(60) else utc.replace(tzinfo=None).isoformat() + "Z"

    def member(self, years: int | None = None) -> Command:
        born = self.near() if self.chance(60) else self.today
        years = self.random.choice(AGES) if years is None else years
        born = min(plus_months(born, -12 * years) - timedelta(self.random.choice((0, 0, 1, 15, 40, 200))), self.today)
        facts: Command = {}
        if self.chance(8):
            facts["migrant_until"] = self.near().isoformat()
        if self.chance(6):
            facts["student"] = self.span()
        if self.chance(3):
            facts["resident_since"] = (self.today - timedelta(self.random.choice((29, 30, 31, 400)))).isoformat()
        sex, migrant = self.random.choice(("male", "female")), not self.chance(15)
        ids = {"person_id": self.new("person"), "relation": "other_relative"}
        return {**ids, "sex": sex, "born_on": born.isoformat(), "migrant": migrant, **facts}

    def span(self) -> Command:
        start = self.near()
        end = start + timedelta(self.random.choice((0, 30, 200, 280, 365)))
        return {"from": start.isoformat(), **({"to": end.isoformat()} if self.chance(50) else {})}

    def register(self) -> None:
        adults = [
            self.member(self.random.choice((20, 25, 30, 40, 49, 54, 59, 66)))
            for _ in range(self.random.choice((1, 2, 2)))
        ]
        members = adults + [self.member() for _ in range(self.random.choice((0, 1, 1, 2, 3)))]
        arrived = self.today - timedelta(self.random.choice((0, 0, 1, 30, 500)))
        for member in members:
            member["born_on"] = min(member["born_on"], arrived.isoformat())
            if member.get("resident_since", "") > arrived.isoformat():
                del member["resident_since"]
        head = members[0]["person_id"]
        self.give("register_household", arrived, community=COMMUNITIES[0], head=head, members=members)

    def join(self) -> None:
        gone = [person for person in self.known.people.values() if not person.stay]
        member = self.member()
        if gone and self.chance(50):
            person = self.random.choice(gone)
            member |= {"person_id": person.id, "sex": person.sex, "born_on": person.born_on.isoformat()}
        self.give("add_member", member=member)

    def birth(self) -> None:
        born = self.today - timedelta(self.random.choice((0, 1, 10, 31, 60)))
        child = {**self.member(0), "born_on": born.isoformat(), "relation": "child"}
        child.pop("resident_since", None)
        mother = self.aged(16, 49) if self.chance(85) else None
        self.give("record_birth", max(born, self.past()), member=child, mother=mother)

    def part(self) -> None:
        who = self.person()
        heads = [p.id for p in self.known.people.values() if p.stay and p.id != who]
        new_head = self.random.choice(heads) if heads and (who == self.known.head or self.chance(5)) else None
        if self.chance(60):
            reason = self.random.choice(("moved_out", "left_city"))
            self.give("remove_member", person_id=who, reason=reason, new_head=new_head)
        else:
            self.give("record_death", person_id=who, new_head=new_head)

    def facts(self) -> None:
        kind = self.random.choice(
            ("migrant", "migrant", "until", "until", "student", "pregnancy", "pregnancy", "education")
        )
        told: dict[str, Command] = {
            "migrant": {"migrant": self.chance(50)},
            "until": {"migrant_until": self.near().isoformat()},
            "student": {"student": self.span()},
            "pregnancy": {"pregnancy": self.span()},
            "education": {"education": "primary"},
        }
        who = self.aged(16, 49) if kind == "pregnancy" else self.person()
        self.give("record_member_facts", person_id=who, facts=told[kind])

    def job(self) -> None:
        running = [job for job in self.known.jobs.values() if job.ended_on is None]
        if running and self.chance(45):
            job = self.random.choice(running)
            reason = self.random.choice(("resigned", "contract_ended"))
            to = self.near() if self.chance(40) else self.past()
            self.give("end_employment", employment_id=job.id, to=to.isoformat(), reason=reason)
            return
        kind = self.random.choice(
            ("employee",) * 6 + ("dispatched", "part_time", "self_employed", "platform", "family")
        )
        employer = self.random.choice(EMPLOYERS) if self.chance(90) else None
        on = self.past()
        start = on if self.chance(60) else min(self.near(), on + timedelta(60))
        who = self.aged(16, 60)
        self.give("start_employment", on, employment_id=self.new("job"), person_id=who, kind=kind, unit_id=employer,
                  **{"from": start.isoformat()})  # fmt: skip

    def need(self) -> None:
        live = [need for need in self.known.needs.values() if need.is_open]
        if live and self.chance(45):
            reason = self.random.choice(("met", "met", "lapsed", "mistaken"))
            self.give("clear_need", need_id=self.random.choice(live).id, reason=reason)
            return
        need = self.random.choice(NEEDS)
        who = None if need in OF_HOUSEHOLD else self.aged(0, 18) if need == "CHILD_WELFARE" else self.person()
        result = "absent" if self.chance(10) else "present"
        self.give("record_need", need_id=self.new("need"), need=need, person_id=who, result=result)

    def deliver(self) -> None:
        service = self.random.choice(DELIVERIES)
        ages = {"HLT-VAC": (0, 7), "HLT-CHI": (0, 7), "HLT-MAT": (16, 49), "HLT-ELD": (60, 99), "FPL-OFFER": (17, 50)}
        self.delivered(service, self.beneficiary(service, *ages.get(service, (0, 99))))

    def delivered(self, service: str, who: str | None, evidence: Command | None = None) -> None:
        said = evidence or self.evidence(service)
        self.give("record_delivery", episode_id=self.new("delivery"), service=service, person_id=who, evidence=said)

    def serve(self) -> None:
        """Do for somebody what the city should do."""
        self.random.choice((self.serve_needs, self.serve_needs, self.welcome, self.place, self.care, self.employ))()

    def welcome(self) -> None:
        for person in [person for person in self.known.people.values() if person.stay]:
            for service in ("HLT-REC", "SSI-CARD", "FPL-FILE", "SSI-MED"):
                if self.chance(70):
                    self.asked(service, person.id)
            self.delivered("FPL-OFFER", person.id)
            if self.chance(50):
                self.delivered("HLT-ELD" if person.born_on.year < 1952 else "CUL-FIT", person.id)

    def place(self) -> None:
        child = self.aged(3, 15)
        years = (self.today - self.known.people[child].born_on).days // 365
        self.asked("EDU-PRE" if years < 6 else "EDU-COMP", child)

    def care(self) -> None:
        child, doses = self.aged(0, 6), list(dict.fromkeys(DOSES))
        for dose in doses if self.chance(70) else doses[:6]:
            self.delivered("HLT-VAC", child, {"vaccine": dose[:-1], "dose": int(dose[-1])})
        self.delivered("HLT-CHI", child)
        mothers = [person for person in self.known.people.values() if person.births or person.pregnancy(self.today)]
        if mothers:
            self.delivered("HLT-MAT", self.random.choice(mothers).id)

    def employ(self) -> None:
        who, employer = self.aged(18, 50), self.random.choice(EMPLOYERS)
        said = {"employment_id": self.new("job"), "person_id": who, "kind": "employee", "unit_id": employer}
        on = self.past()
        self.give("start_employment", on, **said, **{"from": on.isoformat()})
        for service in ("EMP-CONTRACT", *INSURANCES):
            if self.chance(75):
                self.asked(service, who, employer)

    def serve_needs(self) -> None:
        for need in [need for need in self.known.needs.values() if need.is_open and need.need in SERVES]:
            service = SERVES[need.need]
            give = self.delivered if SERVICES[service]["kind"] != "episode" else self.asked
            give(service, need.person)

    def beneficiary(self, service: str, least: int, most: int) -> str | None:
        kind = SERVICES[service]["beneficiary"]
        of_household = kind == "household" or (kind == "either" and self.chance(50))
        return None if of_household else self.aged(least, most)

    def evidence(self, service: str) -> Command | None:
        random, on = self.random, self.near()
        dose = random.choice(DOSES)
        paid = plus_months(self.today, random.choice((-6, -4, -3, -2, -1, 0, 0, 1, 6, 12)))
        ownership = random.choice(("public", "public", "purchased_place", "private"))
        contract = {"kind": "fixed", "signed_on": on.isoformat() if self.chance(30) else self.today.isoformat()}
        found: Command = {
            "HLT-VAC": {"vaccine": dose[:-1], "dose": int(dose[-1])},
            "EDU-COMP": {"fee_free": not self.chance(20), "ownership": ownership, "mixed_class": not self.chance(20)},
            "EMP-CONTRACT": contract | ({"to": max(on, self.today).isoformat()} if self.chance(60) else {}),
            "HLT-REC": {"updated_on": (on if self.chance(50) else self.today).isoformat()},
            "SSI-COUNTER": {"business": "register"},
            "SSI-UBEN": {"months": random.randint(1, 24)},
            "LIV-CHARITY": {"kind": "poverty"},
        }
        if service in INSURANCES:
            return {"scheme": random.choice(("employee", "resident")), "paid_through": paid.isoformat()[:7]}
        given: Command | None = found.get(service)
        if given and service == "EDU-COMP" and self.chance(20):
            given.pop(random.choice(list(given)))
        return given

    def request(self) -> None:
        service = self.random.choice(EPISODES)
        ages = {"EDU-PRE": (3, 7), "EDU-COMP": (6, 15), "LIV-CHILD": (0, 18), "HLT-CHI": (0, 7), "FPL-FILE": (17, 50)}
        who = self.beneficiary(service, *ages.get(service, (16, 60) if service.startswith("EMP") else (0, 99)))
        self.asked(service, who)

    def asked(self, service: str, who: str | None, unit: str | None = None) -> None:
        """Request a service and, mostly, grant it."""
        if unit is None and (service == "EMP-CONTRACT" or (service in INSURANCES and self.chance(60))):
            unit = self.employer_of(who)
        elif service.startswith("EDU"):
            unit = self.random.choice(SCHOOLS)
        elif service == "EMP-TRAIN":
            unit = "provider-1"
        on, episode = self.past(), self.new("episode")
        override = "hardship" if self.chance(70) else None
        asked = self.give("request_service", on, episode_id=episode, service=service, person_id=who, unit_id=unit,
                          override_reason=override)  # fmt: skip
        if asked and self.chance(88):
            self.grant(self.known.episodes[episode], on if self.chance(60) else None)

    def employer_of(self, person: str | None) -> str:
        jobs = [job.employer for job in self.known.jobs.values() if job.person == person and job.employer]
        return self.random.choice(jobs) if jobs and self.chance(80) else self.random.choice(EMPLOYERS)

    def grant(self, episode: Episode, on: date | None = None) -> None:
        on = on or self.past()
        valid_from = self.near() if self.chance(15) else None
        valid_to = None
        if self.chance(15) and episode.service not in INSURANCES:
            valid_to = max(self.near(), valid_from or on).isoformat()
        start = valid_from.isoformat() if valid_from else None
        granted = self.give("grant_service", on, episode_id=episode.id, valid_from=start, valid_to=valid_to,
                            evidence=self.evidence(episode.service))  # fmt: skip
        if granted and (episode.service == "EMP-TRAIN" or self.chance(10)) and self.chance(80):
            self.give("start_service", on if self.chance(50) else None, episode_id=episode.id)

    def follow(self) -> None:
        """Something more in the life of a service that is there."""
        episodes = list(self.known.episodes.values())
        if not episodes:
            return
        granted = [episode for episode in episodes if episode.grant and not episode.is_over]
        waiting = [episode for episode in episodes if not episode.grant and not episode.is_over]
        step = self.random.choice((self.renew, self.renew, self.renew, self.end, self.correct, self.correct, self.void))
        if waiting and self.chance(25):
            self.wait(self.random.choice(waiting))
        else:
            step(self.random.choice(granted if granted and not self.chance(20) else episodes))

    def wait(self, episode: Episode) -> None:
        if episode.open_referral:
            bureau = episode.referrals[episode.open_referral]["to_bureau"]
            answer = self.random.choice(("accepted", "returned"))
            self.give("answer_referral", self.today, episode_id=episode.id, referral_id=episode.open_referral,
                      answer=answer, bureau=bureau)  # fmt: skip
        elif self.chance(40):
            self.give("refer_service", self.today, episode_id=episode.id, referral_id=self.new("referral"),
                      from_bureau="HRSS", to_bureau=self.random.choice(("HLTH", "CIV")),
                      reason="needs_other_bureau")  # fmt: skip
        elif self.chance(30):
            self.give("deny_service", episode_id=episode.id, reason="documents_missing")
        else:
            self.grant(episode)

    def renew(self, episode: Episode) -> None:
        evidence = self.evidence(episode.service)
        if episode.service in INSURANCES and evidence:
            evidence = {"paid_through": evidence["paid_through"]}
        computed = episode.service in INSURANCES or (episode.service == "HLT-REC" and self.chance(80))
        valid_to = None if computed else (plus_months(self.today, 12) if self.chance(50) else self.near()).isoformat()
        self.give("renew_service", episode_id=episode.id, valid_to=valid_to, evidence=evidence)

    def end(self, episode: Episode) -> None:
        reason = self.random.choice(("completed", "completed", "withdrawn", "expired"))
        self.give("end_service", episode_id=episode.id, reason=reason)

    def correct(self, episode: Episode) -> None:
        changes: list[Command] = []
        new = self.near().isoformat()
        terms = episode.terms
        if terms and terms[-1].evidence and self.chance(60):
            name = self.random.choice(list(terms[-1].evidence))
            value = (self.evidence(episode.service) or {}).get(name)
            if value is not None:
                changes = [{"path": f"evidence.{name}", "old": terms[-1].evidence[name], "new": value}]
        elif episode.delivery:
            changes = [{"path": "delivered_on", "old": episode.delivery.on.isoformat(), "new": new}]
        elif episode.ended_on and self.chance(60):
            changes = [{"path": "ended_on", "old": episode.ended_on.isoformat(), "new": new}]
        elif episode.grant and episode.valid_from and self.chance(50):
            changes = [{"path": "valid_from", "old": episode.valid_from.isoformat(), "new": new}]
        elif episode.grant:
            changes = [{"path": "granted_on", "old": episode.grant.on.isoformat(), "new": new}]
        elif episode.unit and episode.unit in EMPLOYERS:
            changes = [{"path": "unit_id", "old": episode.unit, "new": self.random.choice(EMPLOYERS)}]
        if changes:
            self.give("correct_service", self.today, episode_id=episode.id, reason="entry_error", changes=changes)

    def void(self, episode: Episode) -> None:
        reason = self.random.choice(("duplicate", "never_happened"))
        self.give("void_service", self.today, episode_id=episode.id, reason=reason)

    def household(self) -> None:
        choice = self.random.random()
        if choice < 0.55:
            outcome = self.random.choice(("present", "present", "absent", "unknown"))
            self.give("verify_residence", outcome=outcome)
        elif choice < 0.9:
            self.give("move_household", to_community=self.random.choice(COMMUNITIES))
        else:
            self.give("change_head", person_id=self.person(), minor=True if self.chance(50) else None)

    def close(self) -> None:
        reasons = ("gained_local_hukou",) * 5 + ("left_city", "dissolved", "registered_in_error")
        self.give("close_household", reason=self.random.choice(reasons))

    def repeat(self) -> None:
        """The same command once more, as after a lost connection."""
        self.commands.append(self.random.choice(self.commands))
        if self.teller.give(self.commands[-1]) not in (None, "again"):
            self.commands.pop()

    def live(self, steps: int) -> None:
        served = self.random.choice((0, 5, 25))
        kinds: list[tuple[Callable[[], None], int]] = [
            (self.need, 14), (self.deliver, 22), (self.request, 26), (self.follow, 18), (self.job, 10),
            (self.facts, 4), (self.household, 4), (self.join, 1), (self.birth, 2), (self.part, 1), (self.serve, served),
        ]  # fmt: skip
        kinds += [(self.repeat, 1)]
        methods, weights = [method for method, _ in kinds], [weight for _, weight in kinds]
        self.register()
        while steps > 0 and not self.refused:
            steps -= 1
            self.random.choices(methods, weights)[0]()
            if not self.chance(55):
                self.today += timedelta(self.random.choice((1, 2, 5, 10, 30, 60)))
            if self.chance(0.4):
                self.close()


def registry(life: Life) -> list[Command]:
    """Some employers' collective contracts and some bureaus' closed months, at times late."""
    random, entries = life.random, []
    for employer in EMPLOYERS:
        for _ in range(random.choice((0, 1, 1, 2))):
            span = {"from": life.near().isoformat(), **({"to": life.near().isoformat()} if life.chance(50) else {})}
            if span.get("to", "9") >= span["from"]:
                entries.append(
                    {"unit_id": employer, "fact": "UF-COLL", **span, "recorded_at": "2012-01-05T09:00:00+08:00"}
                )
    for feed in FEEDS:
        if life.chance(45):
            bureau, area = feed.split("/")
            month = plus_months(life.random.choice(EDGES).replace(day=1), 0)
            while month < date(2016, 1, 1):
                at = datetime.combine(
                    month_end(month) + timedelta(random.choice((1, 5, 14, 15, 40))), time(9), SHANGHAI
                )
                if not life.chance(15):
                    said = {"bureau": bureau, "area": area, "month": month.isoformat()[:7]}
                    entries.append({**said, "recorded_at": at.isoformat()})
                month = plus_months(month, 1)
    return entries


def line(seed: int) -> Command:
    """One household as `casework assess --json` takes it."""
    random = Random(seed)
    life = Life(random)
    life.live(random.choice((3, 10, 25, 40, 60, 90)))
    asked: Command = {"as_of": as_of(life).isoformat(), "policy": "2013.1", "registry": [], "commands": life.commands}
    if life.chance(70):
        asked["registry"] = registry(life)
    if life.chance(35):
        recorded = [entry.at for entry in life.teller.entries]
        known_at = random.choice(recorded[len(recorded) // 3 :]) + timedelta(minutes=random.choice((-1, 0, 0, 1)))
        asked["known_at"] = known_at.isoformat()
    return asked


def as_of(life: Life) -> date:
    choice = life.random.random()
    if choice < 0.4:
        return life.today + timedelta(life.random.choice((0, 1, 15, 30, 31, 60, 100)))
    if choice < 0.6:
        return life.some_day(life.pool[0] - timedelta(3), life.today + timedelta(200))
    return life.near()
