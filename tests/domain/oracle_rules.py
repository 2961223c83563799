"""Which commands are refused, decided from DOMAIN 8.2 and RULES G alone.

Each rule of a command is a method of its name that says why it is refused, or None. Codes, missing fields and other
matters of form are not decided here.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.domain.oracle_story import (
    INSURANCES,
    SERVICES,
    SHANGHAI,
    Entry,
    Episode,
    Known,
    Person,
    age,
    birthday,
    day,
    end_of_evaluation_year,
    instant,
    last_31_august,
    maybe_day,
)

OWN_DATE = {
    "register_household": "arrived_on",
    "verify_residence": "verified_on",
    "move_household": "moved_on",
    "close_household": "closed_on",
    "add_member": "joined_on",
    "record_birth": "reported_on",
    "remove_member": "left_on",
    "record_death": "died_on",
    "change_head": "changed_on",
    "record_member_facts": "recorded_on",
    "start_employment": "occurred_on",
    "end_employment": "occurred_on",
    "record_need": "assessed_on",
    "clear_need": "cleared_on",
    "request_service": "requested_on",
    "refer_service": "referred_on",
    "answer_referral": "answered_on",
    "grant_service": "granted_on",
    "deny_service": "denied_on",
    "start_service": "started_on",
    "renew_service": "renewed_on",
    "end_service": "ended_on",
    "record_delivery": "delivered_on",
    "correct_service": "corrected_on",
    "void_service": "voided_on",
}
RECENT = {
    *("verify_residence", "move_household", "close_household"),
    *("record_birth", "remove_member", "record_death", "change_head"),
}
SETTLING = {
    *("end_employment", "grant_service", "deny_service", "start_service", "renew_service", "end_service"),
    *("record_delivery", "correct_service", "void_service"),
}


class Teller:
    """A household being told command by command."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.known = Known([])

    def outcome(self, command: dict[str, Any]) -> str | None:
        """Why a command is refused, "again" where it changes nothing, None where it is accepted."""
        return Rules(self.known, self.entries, command).outcome()

    def give(self, command: dict[str, Any]) -> str | None:
        """Take a command in, unless it is refused."""
        rules = Rules(self.known, self.entries, command)
        outcome = rules.outcome()
        if outcome is None:
            entry = rules.entry()
            self.entries.append(entry)
            self.known.take(entry)
        return outcome


def tell(commands: list[dict[str, Any]]) -> tuple[list[Entry], int | None, str]:
    """The accepted entries, and the place of the first refused command with the reason."""
    teller = Teller()
    for index, command in enumerate(commands):
        outcome = teller.give(command)
        if outcome not in (None, "again"):
            return teller.entries, index, str(outcome)
    return teller.entries, None, ""


class Rules:
    def __init__(self, known: Known, entries: list[Entry], command: dict[str, Any]) -> None:
        self.known, self.said, self.entries = known, command, entries
        self.name = command["command"]
        self.at = max([instant(command), *(entry.at for entry in entries[-1:])])  # the log's instants never go back
        self.today = self.at.astimezone(SHANGHAI).date()
        own = command.get(OWN_DATE[self.name])
        self.on = day(own or command.get("occurred_on") or command.get("from") or command["to"])
        self.mismatch = own is not None and command.get("occurred_on", own) != own

    def entry(self) -> Entry:
        return Entry(self.name, self.on, self.at, len(self.entries) + 1, self.said)

    def outcome(self) -> str | None:
        if self.mismatch:
            return "date mismatch"
        if self.name != "register_household" and self.known.arrived is None:
            return "no household"
        return self._closed() or self._dates() or getattr(self, self.name)()

    def _dates(self) -> str | None:
        if self.on > self.today:
            return "in the future"
        late = (self.today - self.on).days > 400 and self.said.get("role") != "supervisor"
        return "too far back" if late and self.name in RECENT else None

    def _closed(self) -> str | None:
        if self.known.closed is None:
            return None
        closed_on, reason = self.known.closed
        settling = reason == "gained_local_hukou" and self.on <= end_of_evaluation_year(closed_on)
        return None if settling and self.name in SETTLING else "closed"

    def _person(self, person_id: str, on: date | None = None) -> str | None:
        """Of a member, things may be told from before they came, but not from after they left."""
        person = self.known.people.get(person_id)
        stays = person.stays if person else []
        return None if any(stay.left is None or (on or self.on) < stay.left for stay in stays) else "not a member"

    def _present(self, person_id: str) -> str | None:
        person = self.known.people.get(person_id)
        return None if person and person.stay_on(self.on) else "not a member"

    def register_household(self) -> str | None:
        if self.known.arrived is not None:
            return "registered already"
        ids = [member["person_id"] for member in self.said["members"]]
        if not ids or self.said["head"] not in ids or len(set(ids)) < len(ids):
            return "members"
        return self._born(*self.said["members"])

    def _born(self, *members: dict[str, Any]) -> str | None:
        for member in members:
            if day(member["born_on"]).replace(day=1) > self.on or day(member["born_on"]) > self.today:
                return "born later"
            if day(member.get("resident_since") or "0001-01-01") > self.on:
                return "resident later"
        return None

    def verify_residence(self) -> str | None:
        return None

    def move_household(self) -> str | None:
        to, here = self.said["to_community"], self.known.community
        if self.said.get("from_community", here) != here or to == here:
            return "places"
        return "before the last move" if self.on < max(self.known.moves)[0] else None

    def close_household(self) -> str | None:
        assert self.known.arrived is not None
        return "before arrival" if self.on < self.known.arrived else None

    def add_member(self) -> str | None:
        person = self.known.people.get(self.said["member"]["person_id"])
        if person and (person.stay or person.stay_on(self.on) or any((s.left or self.on) > self.on for s in person.stays)):
            return "a member already"
        return self._born(self.said["member"])

    def record_birth(self) -> str | None:
        mother = self.said.get("mother")
        if day(self.said["member"]["born_on"]) > self.on:
            return "born later"
        return self.add_member() or (self._present(mother) if mother else None)

    def _leaves(self) -> str | None:
        person_id, new_head = self.said["person_id"], self.said.get("new_head")
        person = self.known.people.get(person_id)
        if person is None or person.stay is None or self.on < person.stay.joined:
            return "not a member"
        staying = [p for p in self.known.people.values() if p.stay and p.id != person_id]
        if not staying and self.name == "remove_member":
            return "the last member"
        if self.known.head == person_id and staying and new_head is None:
            return "new head needed"
        return "head" if new_head and new_head not in [p.id for p in staying] else None

    def remove_member(self) -> str | None:
        return self._leaves()

    def record_death(self) -> str | None:
        return self._leaves()

    def change_head(self) -> str | None:
        person_id = self.said["person_id"]
        if self._present(person_id):
            return "not a member"
        if self.known.head == person_id:
            return "again"
        minor = age(self.known.people[person_id].born, self.on) < 16
        return "minor" if minor and not self.said.get("minor") else None

    def record_member_facts(self) -> str | None:
        return self._person(self.said["person_id"])

    def start_employment(self) -> str | None:
        known = self.known.jobs.get(self.said["employment_id"])
        if known is not None:
            return "again"
        start = day(self.said["from"])
        if self._person(self.said["person_id"], start):
            return "not a member"
        return "under 16" if birthday(self.known.people[self.said["person_id"]].born_on, 16) > start else None

    def end_employment(self) -> str | None:
        job = self.known.jobs.get(self.said["employment_id"])
        if job is None:
            return "no such job"
        to = day(self.said["to"])
        if job.ended_on is not None:
            return "ended"
        return "before it began" if to < job.start else None

    def record_need(self) -> str | None:
        said = self.said
        if said["need_id"] in self.known.needs:
            return "again"
        person = said.get("person_id")
        if (person is None) != (said["need"] in ("HOUSING", "LOW_INCOME")):
            return "beneficiary"
        if person and self._person(person):
            return "not a member"
        same = [n for n in self.known.needs.values() if (n.need, n.person) == (said["need"], person)]
        return "open" if any(n.is_open for n in same) else None

    def clear_need(self) -> str | None:
        need = self.known.needs.get(self.said["need_id"])
        if need is None or need.result != "present":
            return "no such need"
        if need.cleared_on is not None:
            return "cleared"
        return "before assessed" if self.on < need.on else None

    def request_service(self) -> str | None:
        said, service = self.said, SERVICES[self.said["service"]]
        if said["episode_id"] in self.known.episodes:
            return "again"
        person = said.get("person_id")
        wrong = {"person": person is None, "household": person is not None, "either": False}
        if wrong[service["beneficiary"]]:
            return "beneficiary"
        if person and self._person(person):
            return "not a member"
        if not said.get("override_reason") and not self._eligible(service, person):
            return "not eligible"
        wanted = Episode(said["episode_id"], said["service"], person, said.get("unit_id"))
        return "open already" if self._taken(wanted) else None

    def _eligible(self, service: dict[str, Any], person_id: str | None) -> bool:
        rule = service.get("eligibility", {})
        needs = [n for n in self.known.needs.values() if n.need == rule.get("need") and n.live(self.on)]
        if "need" in rule and not any(n.person == (None if person_id is None else person_id) for n in needs):
            return False
        if person_id is None:
            return True
        return self._person_eligible(rule, self.known.people[person_id])

    def _person_eligible(self, rule: dict[str, Any], person: Person) -> bool:
        years = age(person.born, last_31_august(self.on) if "age_at" in rule else self.on)
        if not rule.get("min_age", -1) <= years <= rule.get("max_age", 999):
            return False
        mine = [job for job in self.known.jobs.values() if job.person == person.id]
        jobs = [job for job in mine if job.start <= self.on <= (job.to or date.max)]
        if rule.get("employment") == "employee" and not any(j.kind in ("employee", "dispatched") for j in jobs):
            return False
        if rule.get("employment") == "unemployed" and jobs:
            return False
        if "insured" in rule:
            paid = [e for e in self.known.episodes.values() if (e.service, e.person) == (rule["insured"], person.id)]
            if not any(e.grant and not e.voided for e in paid):
                return False
        pregnancy = person.pregnancy(self.on)
        recent = any(reported <= self.on for reported, _ in person.births)
        return "pregnancy" not in rule or recent or bool(pregnancy and pregnancy[0] <= self.on < pregnancy[1])

    def _taken(self, wanted: Episode) -> bool:
        """RULES G11: whether another such service of the beneficiary, of that employer, is requested or in force."""
        for other in self.known.episodes.values():
            same = (other.service, other.person) == (wanted.service, wanted.person) and other.id != wanted.id
            over = other.is_over or (other.grant is not None and self.on > (other.valid_to(date.max) or date.max))
            if same and not over and _given_by(other) == _given_by(wanted) and "exclusive" in SERVICES[other.service]:
                return True
        return False

    def _episode(self) -> Episode | str:
        episode = self.known.episodes.get(self.said["episode_id"])
        if episode is None:
            return "no such episode"
        return "voided" if episode.voided else episode

    def refer_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        if self.said["referral_id"] in episode.referrals:
            return "again"
        if episode.is_over or episode.open_referral:
            return "not now"
        return "to itself" if self.said["from_bureau"] == self.said["to_bureau"] else None

    def answer_referral(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        referral = episode.referrals.get(self.said["referral_id"])
        if referral is None:
            return "no such referral"
        if "answered_on" in referral:
            return "answered"
        if self.said.get("bureau") != referral["to_bureau"]:
            return "another bureau"
        return "before it was referred" if self.on < referral["on"] else None

    def _responsible(self, episode: Episode) -> str | None:
        row = SERVICES[episode.service]
        bureau = self.said.get("decided_by")
        return "bureau" if bureau and bureau not in [*row["lead"], *row.get("others", [])] else None

    def grant_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        if episode.grant is not None and not episode.is_over:
            return "again"
        if episode.is_over or episode.open_referral:
            return "not now"
        row = SERVICES[episode.service]
        evidence = self.said.get("evidence") or {}
        if any(field.get("required") and name not in evidence for name, field in row.get("evidence", {}).items()):
            return "evidence"
        start = maybe_day(self.said.get("valid_from")) or self.on
        end = maybe_day(self.said.get("valid_to"))
        if (end and end < start) or (end and episode.service in INSURANCES):
            return "term"
        granted = Known([*self.entries, self.entry()]).episodes[episode.id]
        return "open already" if self._taken(granted) else self._responsible(episode)

    def deny_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        if episode.denied:
            return "again"
        return "granted" if episode.grant or episode.is_over else self._responsible(episode)

    def start_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        if episode.grant is None or episode.is_over:
            return "not granted"
        if episode.started_on is not None:
            return "again"
        return "before granted" if self.on < episode.grant.on else None

    def renew_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        if episode.grant is None or episode.is_over or self.on < episode.grant.on:
            return "not granted"
        old = episode.valid_to(date.max)
        if old is None:
            return "open-ended"
        if self.on > old + timedelta(90):
            return "lapsed too long"
        end = maybe_day(self.said.get("valid_to"))
        if end and (episode.service in INSURANCES or end < (episode.valid_from or end)):
            return "term"
        renewed = Known([*self.entries, self.entry()]).episodes[episode.id]
        later = renewed.valid_to(date.max)
        if later is not None and later <= old:
            return "not later"
        return "open already" if self._taken(renewed) else self._responsible(episode)

    def end_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        if episode.ended_on is not None:
            same = (episode.ended_on, episode.ended_as) == (self.on, self.said["reason"])
            return "again" if same else "ended"
        if episode.grant is None or episode.is_over:
            return "not granted"
        return "before it began" if self.on < (episode.started_on or episode.grant.on) else None

    def record_delivery(self) -> str | None:
        said, row = self.said, SERVICES[self.said["service"]]
        if said["episode_id"] in self.known.episodes:
            return "again"
        if row["kind"] == "episode":
            return "not a delivery"
        person = said.get("person_id")
        if {"person": person is None, "household": person is not None, "either": False}[row["beneficiary"]]:
            return "beneficiary"
        if person and self._person(person):
            return "not a member"
        told = Known([*self.entries, self.entry()])
        return "delivered already" if _delivered_twice(told, told.episodes[said["episode_id"]]) else None

    def correct_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        for change in self.said["changes"]:
            if _standing(episode, change["path"]) != change.get("old"):
                return "old differs"
        told = Known([*self.entries, self.entry()])
        corrected = told.episodes[episode.id]
        return "delivered already" if _delivered_twice(told, corrected) else _impossible(corrected, self.today)

    def void_service(self) -> str | None:
        episode = self.known.episodes.get(self.said["episode_id"])
        if episode is None:
            return "no such episode"
        return "voided" if episode.voided else None


def _delivered_twice(told: Known, episode: Episode) -> bool:
    """RULES G11: whether the same service of the day was recorded before, with the same public evidence."""
    others = [other for other in told.episodes.values() if other.id != episode.id and other.delivery]
    return any(not other.voided and _delivery(other) == _delivery(episode) for other in others)


def _delivery(episode: Episode) -> tuple[Any, ...]:
    fields = SERVICES[episode.service].get("evidence", {})
    said = {name: value for name, value in episode.evidence(date.max).items() if not fields[name].get("vault")}
    return episode.service, episode.person, episode.terms[0].on if episode.terms else None, said


def _given_by(episode: Episode) -> str | None:
    """The unit, where each may give the service once: employers, training providers."""
    per_unit = SERVICES[episode.service].get("exclusive") == "unit"
    return episode.unit if per_unit and episode.evidence(date.max).get("scheme") != "resident" else None


def _standing(episode: Episode, path: str) -> Any:
    name, _, evidence = path.partition(".")
    if name == "evidence":
        return episode.evidence(date.max).get(evidence)
    if name == "unit_id":
        return episode.unit
    if name in ("granted_on", "delivered_on"):
        return episode.terms[0].on.isoformat() if episode.terms else None
    value = episode.terms[-1].valid_to if name == "valid_to" and episode.terms else getattr(episode, name)
    return value.isoformat() if value else None


def _impossible(episode: Episode, today: date) -> str | None:
    """Whether what stands after a correction could not have been recorded at first."""
    grant = episode.grant
    days = [terms.on for terms in episode.terms[:1]] + [episode.started_on or today, episode.ended_on or today]
    if max(days) > today:
        return "in the future"
    if grant is None:
        return None
    row = SERVICES[episode.service].get("evidence", {})
    if any(field.get("required") and episode.evidence(date.max).get(name) is None for name, field in row.items()):
        return "evidence"
    if episode.started_on and episode.started_on < grant.on:
        return "before granted"
    if episode.ended_on and episode.ended_on < (episode.started_on or grant.on):
        return "before it began"
    said = [terms.valid_to for terms in episode.terms if terms.valid_to]
    return "term" if episode.valid_from and any(end < episode.valid_from for end in said) else None
