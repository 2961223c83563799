"""Which commands are refused, decided from DOMAIN 8.2 and RULES G alone: those on services, and all in turn."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.domain.oracle_corrections import correction_refusal, void_refusal
from tests.domain.oracle_dates import SERVICES, age, last_31_august, maybe_day
from tests.domain.oracle_episode import INSURANCES, Episode
from tests.domain.oracle_people_rules import OWN_DATE, PeopleRules
from tests.domain.oracle_story import Entry, Known, Person

__all__ = ["OWN_DATE", "Teller", "tell"]

APART = {"ended_on", "unit_id", "valid_to", "valid_from", "evidence"}


class Rules(PeopleRules):
    """One command, of any name, against what was told before it."""

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
        young = person_id is not None and age(self.known.people[person_id].born, self.on) < 16
        if young and rule.get("need") in ("JOB", "TRAINING", "STARTUP"):  # RULES C7
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
        employed = any(job.kind in ("employee", "dispatched") for job in jobs)
        of_age = 16 <= age(person.born, self.on) < (60 if person.sex == "male" else 55)  # RULES C8
        if rule.get("employment") == "employee" and not (employed and of_age):
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

    def _taken(self, wanted: Episode, on: date | None = None) -> bool:
        """RULES G11: whether another such service of the beneficiary, of that employer, is requested or in force."""
        on = on or self.on
        for other in self.known.episodes.values():
            same = (other.service, other.person) == (wanted.service, wanted.person) and other.id != wanted.id
            over = other.is_over or (other.grant is not None and on > (other.valid_to(date.max) or date.max))
            if same and not over and _given_by(other) == _given_by(wanted) and "exclusive" in SERVICES[other.service]:
                return True
        return False

    def _told(self) -> Episode:
        """The episode as it would be after this command."""
        return Known([*self.entries, self.entry()]).episodes[self.said["episode_id"]]

    def _episode(self) -> Episode | str:
        episode = self.known.episodes.get(self.said["episode_id"])
        if episode is None:
            return "no such episode"
        return "voided" if episode.voided else episode

    def refer_service(self) -> str | None:
        episode = self.known.episodes.get(self.said["episode_id"])
        if episode is None:
            return "no such episode"
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
        unit = self.said.get("unit_id") or episode.unit
        if row.get("unit", {}).get("required") and unit is None:
            return "unit"
        return "open already" if self._taken(self._told()) else self._responsible(episode)

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
        old = episode.valid_to(self.on)  # RULES B2: the renewals of later days are not yet there
        if old is None:
            return "open-ended"
        if self.on > old + timedelta(90):
            return "lapsed too long"
        end = maybe_day(self.said.get("valid_to"))
        if end and (episode.service in INSURANCES or end < (episode.valid_from or end)):
            return "term"
        renewed = self._told()
        later = renewed.valid_to(self.on)
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
        return "delivered already" if _delivered_twice(self.known, self._told()) else None

    def correct_service(self) -> str | None:
        episode = self._episode()
        if isinstance(episode, str):
            return episode
        for change in self.said["changes"]:
            if _standing(episode, change["path"]) != change.get("old"):
                return "old differs"
        corrected = self._told()
        if _delivered_twice(self.known, corrected):
            return "delivered already"
        paths = {change["path"].partition(".")[0] for change in self.said["changes"]}
        moved, apart = paths & {"granted_on", "started_on", "ended_on"}, paths & APART
        if apart and not self._is_past(corrected) and self._taken(corrected, self.today):
            return "open already"
        return _impossible(corrected, self.today) or (_disordered(corrected) if moved else None)

    def _is_past(self, episode: Episode) -> bool:
        return episode.is_over or bool(episode.grant and (episode.valid_to(date.max) or date.max) < self.today)

    def void_service(self) -> str | None:
        episode = self.known.episodes.get(self.said["episode_id"])
        if episode is None:
            return "no such episode"
        return "voided" if episode.voided else None

    def correct_member_facts(self) -> str | None:
        return correction_refusal(self.known, self.entries, self.said, self.today)

    def void_entry(self) -> str | None:
        return void_refusal(self.known, self.entries, self.said, self.today, Rules)


def _delivered_twice(told: Known, episode: Episode) -> bool:
    """RULES G11: whether the same service of the day was recorded before, with the same public evidence."""
    for other in told.episodes.values():
        same = (other.service, other.person, other.given_on) == (episode.service, episode.person, episode.given_on)
        if same and other.id != episode.id and other.delivery and _public(other) == _public(episode):
            return True
    return False


def _public(episode: Episode) -> dict[str, Any]:
    fields = SERVICES[episode.service].get("evidence", {})
    return {name: value for name, value in episode.evidence(date.max).items() if not fields[name].get("vault")}


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
    days = [terms.on for terms in episode.terms[:1]]
    days += [day or today for day in (episode.requested_on, episode.started_on, episode.ended_on)]
    if max(days) > today:
        return "in the future"
    if grant is None:
        return None
    row = SERVICES[episode.service].get("evidence", {})
    if any(field.get("required") and episode.evidence(date.max).get(name) is None for name, field in row.items()):
        return "evidence"
    said = [terms.valid_to for terms in episode.terms if terms.valid_to]
    return "term" if episode.valid_from and any(end < episode.valid_from for end in said) else None


def _disordered(episode: Episode) -> str | None:
    grant = episode.grant
    if grant and episode.started_on and episode.started_on < grant.on:
        return "before granted"
    if grant and len(episode.terms) > 1 and episode.terms[1].on < grant.on:
        return "renewed before"
    begun = episode.started_on or (grant.on if grant else None)
    return "before it began" if begun and episode.ended_on and episode.ended_on < begun else None


class Teller:
    """A household being told command by command."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.known = Known([])

    def give(self, command: dict[str, Any]) -> str | None:
        """Take a command in; or say why it is refused, or "again" where it changes nothing."""
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
