"""What a household's commands tell, kept as plainly as possible: the ground that the oracle stands on.

Nothing here uses the code under test. Every record keeps the dates that were said; a day is asked later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tests.domain.oracle_dates import day, maybe_day, month_end, plus_months
from tests.domain.oracle_episode import Episode, Terms

FACT_NAMES = ("migrant", "migrant_until", "student", "pregnancy")
PREGNANCY_DAYS = 301


@dataclass
class Entry:
    """One accepted command: what it did, when that happened, when it was recorded."""

    kind: str
    on: date
    at: datetime
    version: int
    said: dict[str, Any]


@dataclass
class Stay:
    joined: date
    resident_since: date
    left: date | None = None
    version: int = 0


@dataclass
class Person:
    id: str
    sex: str
    born_on: date
    stays: list[Stay] = field(default_factory=list)
    told: list[tuple[date, int, dict[str, Any]]] = field(default_factory=list)
    births: list[tuple[date, date]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.born_first = self.born_on.replace(day=1)
        self.born = month_end(self.born_first)  # RULES A1

    @property
    def stay(self) -> Stay | None:
        return next((stay for stay in self.stays if stay.left is None), None)

    def stay_on(self, on: date) -> Stay | None:
        return next((s for s in self.stays if s.joined <= on and (s.left is None or on < s.left)), None)

    def facts(self, on: date) -> list[tuple[date, dict[str, Any]]]:
        """RULES B2: in the order of occurrence, then of the stream."""
        return [(when, facts) for when, _, facts in sorted(self.told, key=lambda told: told[:2]) if when <= on]

    def latest(self, name: str, on: date) -> Any:
        return next((facts[name] for _, facts in reversed(self.facts(on)) if name in facts), None)

    def pregnancy(self, on: date) -> tuple[date, date] | None:
        """The latest pregnancy told: its first day and the first day after it."""
        said = self.latest("pregnancy", on)
        if said is None:
            return None
        start = day(said["from"])
        end = maybe_day(said.get("to")) or start + timedelta(PREGNANCY_DAYS)
        return start, end

    def is_student(self, on: date) -> bool:
        said = self.latest("student", on)
        return said is not None and day(said["from"]) <= on <= (maybe_day(said.get("to")) or date.max)

    def migrant(self, on: date) -> tuple[bool, date | None]:
        """Whether the flag is true, and else the day from which it no longer was."""
        flag, until, ended = False, None, None
        for when, facts in self.facts(on):
            over = until is not None and until <= when
            if facts.get("migrant") is True:
                flag, until = True, None if over else until
            if facts.get("migrant") is False:
                ended = (until if over else when) if flag else ended
                flag = False
            if "migrant_until" in facts:
                until = day(facts["migrant_until"])
        if flag and until and until <= on:
            return False, until
        return flag, None if flag else ended


@dataclass
class Job:
    id: str
    person: str
    kind: str
    employer: str | None
    on: date
    start: date
    ended_on: date | None = None
    to: date | None = None

    def runs_on(self, on: date) -> bool:
        if on < self.on or on < self.start:
            return False
        told_end = self.ended_on is not None and self.ended_on <= on
        return not (told_end and self.to is not None and self.to < on)


@dataclass
class Need:
    id: str
    need: str
    person: str | None
    result: str
    on: date
    version: int
    cleared_on: date | None = None
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        return self.result == "present" and self.cleared_on is None

    def live(self, on: date) -> bool:
        """RULES D6."""
        if self.result != "present" or on < self.on:
            return False
        if self.cleared_on is None or on < self.cleared_on:
            return True
        tail = {"met": 12, "lapsed": 6, "mistaken": None}[str(self.reason)]
        if tail is None or self.need in ("CHRONIC", "PSYCH"):
            return False
        return on <= plus_months(self.cleared_on, tail)

    def lapsed(self, on: date) -> bool:
        return self.cleared_on is not None and self.cleared_on <= on and self.reason == "lapsed"


class Known:
    """The household as told by some entries, for every day."""

    def __init__(self, entries: list[Entry]) -> None:
        self.arrived: date | None = None
        self.moves: list[tuple[date, int, str]] = []
        self.seen: list[date] = []
        self.closed: tuple[date, str] | None = None
        self.head: str | None = None
        self.people: dict[str, Person] = {}
        self.jobs: dict[str, Job] = {}
        self.needs: dict[str, Need] = {}
        self.episodes: dict[str, Episode] = {}
        self.born_to: dict[str, tuple[str, int]] = {}
        self.entries: list[Entry] = []
        voided = {entry.said["voids"] for entry in entries if entry.kind == "void_entry"}
        for entry in entries:
            if entry.version not in voided and entry.kind != "void_entry":
                self.take(entry)
        self.entries = list(entries)

    def take(self, entry: Entry) -> None:
        """Remember one more entry; one that voids another is as if the other had never been said."""
        self.entries.append(entry)
        if entry.kind == "void_entry":
            Known.__init__(self, self.entries)
        else:
            getattr(self, entry.kind)(entry, entry.said)

    def members(self, on: date) -> list[Person]:
        return [person for person in self.people.values() if person.stay_on(on)]

    @property
    def community(self) -> str:
        return max(self.moves)[2]

    def community_on(self, on: date) -> str:
        return max(move for move in self.moves if move[0] <= on)[2]

    def _take_in(self, entry: Entry, said: dict[str, Any]) -> None:
        person = self.people.setdefault(said["person_id"], Person(said["person_id"], said["sex"], day(said["born_on"])))
        assert self.arrived is not None
        since = maybe_day(said.get("resident_since")) or max(entry.on, self.arrived)
        person.stays.append(Stay(entry.on, since, version=entry.version))
        person.told.append((entry.on, entry.version, {n: said[n] for n in FACT_NAMES if said.get(n) is not None}))

    def _part(self, entry: Entry, said: dict[str, Any]) -> None:
        stay = self.people[said["person_id"]].stay
        assert stay is not None
        stay.left = entry.on
        self.head = said.get("new_head") or self.head

    def register_household(self, entry: Entry, said: dict[str, Any]) -> None:
        self.arrived, self.head = entry.on, said["head"]
        self.moves.append((entry.on, entry.version, said["community"]))
        for member in said["members"]:
            self._take_in(entry, member)

    def verify_residence(self, entry: Entry, said: dict[str, Any]) -> None:
        if said["outcome"] == "present":
            self.seen.append(entry.on)

    def move_household(self, entry: Entry, said: dict[str, Any]) -> None:
        self.moves.append((entry.on, entry.version, said["to_community"]))

    def close_household(self, entry: Entry, said: dict[str, Any]) -> None:
        self.closed = entry.on, said["reason"]
        if said["reason"] != "gained_local_hukou":
            for episode in self.episodes.values():
                if not episode.is_over:
                    episode.ended_on = entry.on
                    episode.ended_as = "moved" if said["reason"] == "left_city" else "withdrawn"

    def add_member(self, entry: Entry, said: dict[str, Any]) -> None:
        self._take_in(entry, said["member"])

    def record_birth(self, entry: Entry, said: dict[str, Any]) -> None:
        self._take_in(entry, said["member"])
        if said.get("mother"):
            born = day(said["member"]["born_on"]).replace(day=1)
            births = self.people[said["mother"]].births
            births.append((entry.on, born))
            self.born_to[said["member"]["person_id"]] = (said["mother"], len(births) - 1)

    def remove_member(self, entry: Entry, said: dict[str, Any]) -> None:
        self._part(entry, said)

    def record_death(self, entry: Entry, said: dict[str, Any]) -> None:
        self._part(entry, said)
        for job in self.jobs.values():
            if job.person == said["person_id"] and job.ended_on is None:
                job.ended_on, job.to = entry.on, entry.on - timedelta(1)
        for episode in self.episodes.values():
            if episode.person == said["person_id"] and not episode.is_over:
                episode.ended_on, episode.ended_as = entry.on, "deceased"

    def change_head(self, entry: Entry, said: dict[str, Any]) -> None:
        self.head = said["person_id"]

    def record_member_facts(self, entry: Entry, said: dict[str, Any]) -> None:
        facts = {n: said["facts"][n] for n in FACT_NAMES if said["facts"].get(n) is not None}
        self.people[said["person_id"]].told.append((entry.on, entry.version, facts))

    def start_employment(self, entry: Entry, said: dict[str, Any]) -> None:
        self.jobs[said["employment_id"]] = Job(
            said["employment_id"], said["person_id"], said["kind"], said.get("unit_id"), entry.on, day(said["from"])
        )

    def end_employment(self, entry: Entry, said: dict[str, Any]) -> None:
        job = self.jobs[said["employment_id"]]
        job.ended_on, job.to = entry.on, day(said["to"])

    def record_need(self, entry: Entry, said: dict[str, Any]) -> None:
        self.needs[said["need_id"]] = Need(
            said["need_id"], said["need"], said.get("person_id"), said["result"], entry.on, entry.version
        )

    def clear_need(self, entry: Entry, said: dict[str, Any]) -> None:
        need = self.needs[said["need_id"]]
        need.cleared_on, need.reason = entry.on, said["reason"]

    def request_service(self, entry: Entry, said: dict[str, Any]) -> None:
        self.episodes[said["episode_id"]] = Episode(
            said["episode_id"], said["service"], said.get("person_id"), said.get("unit_id"), entry.on
        )

    def refer_service(self, entry: Entry, said: dict[str, Any]) -> None:
        self.episodes[said["episode_id"]].referrals[said["referral_id"]] = {**said, "on": entry.on}

    def answer_referral(self, entry: Entry, said: dict[str, Any]) -> None:
        self.episodes[said["episode_id"]].referrals[said["referral_id"]]["answered_on"] = entry.on

    def grant_service(self, entry: Entry, said: dict[str, Any]) -> None:
        episode = self.episodes[said["episode_id"]]
        episode.said_from = maybe_day(said.get("valid_from"))
        episode.unit = said.get("unit_id") or episode.unit
        episode.grant = _terms(entry, said)

    def deny_service(self, entry: Entry, said: dict[str, Any]) -> None:
        self.episodes[said["episode_id"]].denied = True

    def start_service(self, entry: Entry, said: dict[str, Any]) -> None:
        self.episodes[said["episode_id"]].started_on = entry.on

    def renew_service(self, entry: Entry, said: dict[str, Any]) -> None:
        renewals = self.episodes[said["episode_id"]].renewals
        renewals.append(_terms(entry, said))
        renewals.sort(key=lambda terms: (terms.on, terms.version))

    def end_service(self, entry: Entry, said: dict[str, Any]) -> None:
        episode = self.episodes[said["episode_id"]]
        episode.ended_on, episode.ended_as = entry.on, said["reason"]

    def record_delivery(self, entry: Entry, said: dict[str, Any]) -> None:
        episode = Episode(said["episode_id"], said["service"], said.get("person_id"), said.get("unit_id"))
        episode.delivery = _terms(entry, said)
        self.episodes[episode.id] = episode

    def correct_service(self, entry: Entry, said: dict[str, Any]) -> None:
        episode = self.episodes[said["episode_id"]]
        for change in said["changes"]:
            _correct(episode, change["path"], change.get("new"))

    def void_service(self, entry: Entry, said: dict[str, Any]) -> None:
        self.episodes[said["episode_id"]].voided = True

    def correct_member_facts(self, entry: Entry, said: dict[str, Any]) -> None:
        for change in said["changes"]:
            correct_person(self, self.people[said["person_id"]], change["path"], change.get("new"))


def correct_person(known: Known, person: Person, path: str, new: Any) -> None:
    """RULES B3: what was told of a person was wrong from the start; the record that told it last is put right."""
    if path == "birth_month":
        person.born_on = month_end(day(f"{new}-01"))
        person.__post_init__()
        if person.id in known.born_to:
            mother, place = known.born_to[person.id]
            known.people[mother].births[place] = (known.people[mother].births[place][0], person.born_first)
    elif path == "joined_on":
        _rejoin(person, day(new))
    else:
        name, _, part = path.partition(".")
        told = sorted(person.told, key=lambda each: each[:2])
        facts = next((facts for _, _, facts in reversed(told) if facts.get(name) is not None), None)
        if facts is None:
            facts = next(each for _, version, each in told if version == person.stays[-1].version)
        facts[name] = {**facts.get(name, {}), part: new} if part else new


def _rejoin(person: Person, joined: date) -> None:
    stay = person.stays[-1]
    stay.resident_since = joined if stay.resident_since == stay.joined else stay.resident_since
    stay.joined = joined
    person.told = [(joined if version == stay.version else on, version, f) for on, version, f in person.told]


def _terms(entry: Entry, said: dict[str, Any]) -> Terms:
    return Terms(entry.on, entry.version, maybe_day(said.get("valid_to")), dict(said.get("evidence") or {}))


def _correct(episode: Episode, path: str, new: Any) -> None:
    """RULES B3: what was said was wrong from the start; the record that said it last is put right."""
    name, _, evidence = path.partition(".")
    if name == "evidence":
        tellers = [terms for terms in episode.terms if evidence in terms.evidence]
        (tellers or episode.terms[:1])[-1].evidence[evidence] = new
    elif name == "valid_to":
        episode.terms[-1].valid_to = maybe_day(new)
    elif name == "unit_id":
        episode.unit = new
    elif name in ("granted_on", "delivered_on"):
        episode.terms[0].on = day(new)
    else:
        setattr(episode, {"valid_from": "said_from"}.get(name, name), maybe_day(new))
