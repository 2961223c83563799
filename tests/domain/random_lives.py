"""Random lives of households: people, work and needs, with dates on every edge that RULES name."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from tests.domain.oracle_corrections import SERVICE_COMMANDS
from tests.domain.oracle_dates import SHANGHAI, month_end, plus_months
from tests.domain.oracle_rules import OWN_DATE, Teller

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
NEEDS_OF_PERSONS = ["JOB", "TRAINING", "STARTUP", "CHILD_WELFARE", "CHRONIC", "PSYCH", "MATERNAL", "INS_TRANSFER"]
SERVICES_OWN = {"close_household"} | set(SERVICE_COMMANDS)
NEEDS_OF_HOUSEHOLDS = ["HOUSING", "LOW_INCOME"]


class PeopleLife:
    """One household's commands in the order in which they were recorded: those on people, work and needs."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.teller = Teller()
        self.commands: list[Command] = []
        self.today = self.some_day(FIRST, date(2013, 6, 1))
        self.pool = [self.today]
        self.ids = 0
        self.refused: int | None = None

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
        lately = self.today - timedelta(self.random.choice((0, 0, 0, 1, 2, 7, 20)))
        day = lately if self.chance(70) else self.near()
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
        if self.teller.give(command) in (None, "again"):
            self.commands.append(command)
            self.pool.append(happened)
            return True
        if self.refused is None and self.chance(0.7):
            self.refused = len(self.commands)
            self.commands.append(command)
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

    def correct_facts(self) -> None:
        """Put right what stands of somebody, at times with what cannot be."""
        person = self.known.people[self.person()]
        near = self.near()
        told = [(name, value) for _, _, facts in person.told for name, value in facts.items()]
        spans = [(name, value) for name, value in told if name in ("student", "pregnancy")]
        choice, path = self.random.random(), "birth_month"
        old: Any = person.born_on.isoformat()[:7]
        new: Any = old
        if choice < 0.4:
            new = plus_months(person.born_on, self.random.choice((-12, -1, 1, 12))).isoformat()[:7]
        elif choice < 0.6:
            path, old, new = "joined_on", person.stays[-1].joined.isoformat(), near.isoformat()
        elif choice < 0.8 or not spans:
            migrant = next(
                (f["migrant"] for _, _, f in sorted(person.told, key=lambda t: t[:2])[::-1] if "migrant" in f), None
            )
            path, old, new = "migrant", migrant, not migrant
        else:
            name, span = self.random.choice(spans)
            path, old = f"{name}.to", span.get("to")
            new = max(near.isoformat(), span["from"])
        change = {"path": path, "old": old, "new": new}
        self.give("correct_member_facts", self.today, person_id=person.id, changes=[change], reason="entry_error")

    def void_entry(self) -> None:
        """Untell something of late, at times what others rest on."""
        latest = len(self.teller.entries)
        target = latest - self.random.choice((0, 0, 0, 1, 1, 2, 3, 5, 8, 13))
        if target > 0 and self.teller.entries[target - 1].kind not in SERVICES_OWN:
            reason = self.random.choice(("duplicate", "never_happened"))
            self.give("void_entry", self.today, voids=target, reason=reason)

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
        need = self.random.choice(NEEDS_OF_PERSONS + NEEDS_OF_HOUSEHOLDS)
        who = None if need in NEEDS_OF_HOUSEHOLDS else self.aged(0, 18) if need == "CHILD_WELFARE" else self.person()
        result = "absent" if self.chance(10) else "present"
        self.give("record_need", need_id=self.new("need"), need=need, person_id=who, result=result)
