"""Which commands on people, work and needs are refused, decided from DOMAIN 8.2 and RULES G alone.

Each rule of a command is a method of its name that says why it is refused, or None. Codes, missing fields and other
matters of form are not decided here.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.domain.oracle_dates import SHANGHAI, age, birthday, day, end_of_evaluation_year, instant
from tests.domain.oracle_story import Entry, Known

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
    "correct_member_facts": "corrected_on",
    "void_entry": "voided_on",
}
RECENT = {
    *("verify_residence", "move_household", "close_household"),
    *("record_birth", "remove_member", "record_death", "change_head"),
}
SETTLING = {
    *("end_employment", "grant_service", "deny_service", "start_service", "renew_service", "end_service"),
    *("record_delivery", "correct_service", "void_service"),
}


class PeopleRules:
    """One command against what was told before it."""

    recent = RECENT

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
        assert self.known.arrived is not None
        return "before arrival" if self.on < self.known.arrived else None

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
        if person and (
            person.stay or person.stay_on(self.on) or any((s.left or self.on) > self.on for s in person.stays)
        ):
            return "a member already"
        return self._born(self.said["member"])

    def record_birth(self) -> str | None:
        mother = self.said.get("mother")
        if day(self.said["member"]["born_on"]) > self.on:
            return "born later"
        if self.said["member"].get("resident_since", self.on.isoformat()) != self.on.isoformat():
            return "resident since"
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
        minor = age(self.known.people[person_id].born_on, self.on) < 16
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
