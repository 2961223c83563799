"""Random lives of services: asked for, granted, renewed, corrected; and given as they should be."""

from __future__ import annotations

from datetime import date

from tests.domain.oracle_dates import SERVICES, plus_months
from tests.domain.oracle_episode import INSURANCES, Episode
from tests.domain.random_lives import EMPLOYERS, SCHOOLS, Command, PeopleLife

DELIVERIES = (
    *("EMP-GUIDE", "SSI-TRANSFER", "COM-HALL", "COM-VISIT", "HLT-VAC", "HLT-VAC", "HLT-VAC", "HLT-CHI"),
    *("HLT-MAT", "HLT-ELD", "HLT-CHR", "HLT-PSY", "FPL-OFFER", "CUL-USE", "CUL-FIT", "LIV-CHARITY"),
    *("SSI-COUNTER", "FPL-EDU", "HLT-EDU"),
)
EPISODES = (
    *("EDU-PRE", "EDU-COMP", "EDU-COMP", "EMP-TRAIN", "EMP-START", "EMP-CONTRACT", "EMP-CONTRACT"),
    *("SSI-PEN", "SSI-MED", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT", "SSI-CARD", "HSG-LOW", "HSG-PUB"),
    *("HSG-ECO", "LIV-DIBAO", "LIV-CHILD", "HLT-REC", "FPL-FILE", "SSI-UBEN", "EMP-GUIDE", "HLT-CHI", "CUL-USE"),
)
DOSES = (
    *("BCG1", "HepB3", "OPV3", "DTaP3", "MR1", "JE1", "MenA2", "DTaP4", "MMR1", "HepA1", "JE2", "MenAC1"),
    *("OPV4", "DT1", "MenAC2", "BCG1", "MR1", "JE1", "HepB2", "other1"),
)
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


class ServiceLife(PeopleLife):
    """What a household is given, and what becomes of it."""

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
