"""Random lives of households, told through the aggregate's own commands: the same seed, the same events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from casework.domain import registry
from casework.domain.aggregate import Recorded
from casework.domain.calendar import month_of
from casework.domain.events.corrections import Change
from casework.domain.events.membership import NewMember
from casework.domain.household import Household
from casework.domain.residence import By
from casework.domain.state import MemberFacts, Span
from casework.errors import CaseworkError

COMMUNITIES = tuple(f"4101050{town:02}{place:03}" for town in (1, 2) for place in (1, 2, 3))
EMPLOYERS = tuple(f"employer-{number}" for number in range(4))
SCHOOLS = tuple(f"school-{number}" for number in range(3))
BEGIN, UNTIL = date(2012, 1, 10), date(2013, 10, 20)

Step = Callable[["Life"], None]


class Life:
    """One household on its way through time; a command that a rule refuses simply does not happen."""

    def __init__(self, household_id: UUID, seed: int) -> None:
        self.random = Random(seed)
        self.household = Household(household_id)
        self.today = BEGIN + timedelta(self.random.randrange(400))
        self.serial = 0

    def id(self) -> UUID:
        """A new id, the same for the same seed."""
        return UUID(int=self.random.getrandbits(128) & ~(0xF << 76) | 4 << 76)

    def give(self, command: str, **fields: Any) -> bool:
        """Give a command; say whether the rules allowed it."""
        try:
            getattr(self.household, command)(By(self.today), **fields)
        except CaseworkError:
            return False
        return True

    def pick(self, *choices: Any) -> Any:
        """One of some things."""
        return self.random.choice(choices)

    def person(self) -> UUID | None:
        """One of the members."""
        members = self.household.members
        return self.random.choice(members).person_id if members else None

    def live(self, steps: int) -> list[Recorded]:
        """Register, then so many steps; return all events."""
        self.register()
        for _ in range(steps):
            self.today = min(UNTIL, self.today + timedelta(self.random.randrange(40)))
            self.random.choices(STEPS, WEIGHTS)[0](self)
        return self.household.collect_events()

    def register(self) -> None:
        members = [self.new_member() for _ in range(self.random.randrange(1, 6))]
        self.give(
            "register_household",
            arrived_on=self.today,
            community=self.pick(*COMMUNITIES),
            head=members[0].person_id,
            members=members,
        )

    def new_member(self) -> NewMember:
        years = self.pick(0, 1, 3, 4, 7, 12, 15, 17, 25, 35, 45, 54, 59, 64, 70)
        month = month_of(self.today - timedelta(365 * years + self.random.randrange(365)))
        facts = MemberFacts(migrant=self.random.random() < 0.85)
        return NewMember(
            person_id=self.id(), relation="child", sex=self.pick("male", "female"), birth_month=month, facts=facts
        )


def join(life: Life) -> None:
    """Somebody joins."""
    life.give("add_member", joined_on=life.today, member=life.new_member())


def leave(life: Life) -> None:
    """Somebody leaves the city, or dies."""
    person = life.person()
    if life.random.random() < 0.8:
        life.give("remove_member", left_on=life.today, person_id=person, reason="left_city")
    else:
        life.give("record_death", died_on=life.today, person_id=person)


def tell(life: Life) -> None:
    """Facts of a member change."""
    until = life.today + timedelta(life.random.randrange(10, 300))
    facts = life.pick(
        MemberFacts(migrant=False),
        MemberFacts(migrant=True),
        MemberFacts(migrant=True, migrant_until=until),
        MemberFacts(student=Span(life.today, until)),
        MemberFacts(pregnancy=Span(life.today - timedelta(30))),
    )
    life.give("record_member_facts", recorded_on=life.today, person_id=life.person(), facts=facts)


def move(life: Life) -> None:
    """The household moves."""
    life.give("move_household", moved_on=life.today, to_community=life.pick(*COMMUNITIES))


def close(life: Life) -> None:
    """The file is closed."""
    reason = life.pick("left_city", "gained_local_hukou", "gained_local_hukou")
    life.give("close_household", closed_on=life.today, reason=reason)


def verify(life: Life) -> None:
    """Somebody looks whether the household is there."""
    life.give("verify_residence", verified_on=life.today, outcome=life.pick("present", "absent", "unknown"))


def work(life: Life) -> None:
    """A member begins a job, sometimes with a contract and insurances."""
    person, employer = life.person(), registry.unit_id(life.pick(*EMPLOYERS))
    started = life.give(
        "start_employment",
        occurred_on=life.today,
        employment_id=life.id(),
        person_id=person,
        kind=life.pick("employee", "dispatched", "platform"),
        from_=life.today - timedelta(life.random.randrange(60)),
        born_on=date(1980, 1, 1),
        unit_id=employer,
    )
    if started and life.random.random() < 0.7:
        to = life.today + timedelta(life.random.randrange(400))
        evidence = {"kind": "fixed", "signed_on": life.today.isoformat(), "to": to.isoformat()}
        grant(life, "EMP-CONTRACT", person, employer, evidence)
        for service in ("SSI-PEN", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT"):
            if life.random.random() < 0.6:
                insure(life, service, person, employer)


def insure(life: Life, service: str, person: UUID | None, employer: UUID) -> None:
    """An employer pays an insurance up to some month."""
    paid = {"scheme": life.pick("employee", "employee", "resident"), "paid_through": month_of(life.today)}
    grant(life, service, person, employer, paid)


def stop_work(life: Life) -> None:
    """A job ends."""
    for employment in life.household.employments.values():
        if employment.ended_on is None:
            to = life.today + timedelta(life.pick(-3, 0, 20))
            life.give(
                "end_employment",
                occurred_on=life.today,
                employment_id=employment.employment_id,
                to=to,
                reason="resigned",
            )
            return


def grant(
    life: Life, service: str, person: UUID | None, unit: UUID | None = None, evidence: dict[str, Any] | None = None
) -> None:
    """A service is asked for and, mostly, granted."""
    episode = life.id()
    asked = life.give(
        "request_service",
        requested_on=life.today,
        episode_id=episode,
        service=service,
        person_id=person,
        unit_id=unit,
        override_reason="hardship",
    )
    if asked and life.random.random() < 0.9:
        life.give("grant_service", granted_on=life.today, episode_id=episode, unit_id=unit, evidence=evidence or {})


def serve(life: Life) -> None:
    """A lasting service for a member or the household."""
    service = life.pick("EDU-PRE", "EDU-COMP", "EDU-COMP", "SSI-CARD", "HLT-REC", "FPL-FILE", "EMP-TRAIN", "EMP-START")
    unit: UUID | None = None
    evidence: dict[str, Any] = {}
    match service:
        case "EDU-PRE" | "EDU-COMP":
            unit = registry.unit_id(life.pick(*SCHOOLS))
        case "HLT-REC":
            evidence = {"updated_on": life.today.isoformat()}
        case "EMP-TRAIN":
            unit = registry.unit_id("provider-1")
    if service == "EDU-COMP":
        evidence = {"fee_free": True, "mixed_class": life.pick(True, True, False), "ownership": "public"}
    grant(life, service, life.person(), unit, evidence)


def help_household(life: Life) -> None:
    """A lasting service for the household."""
    grant(life, life.pick("LIV-DIBAO", "HSG-PUB"), None)


def deliver(life: Life) -> None:
    """A one-off or periodic service."""
    service, person = life.pick(
        ("COM-VISIT", None), ("COM-HALL", None), ("CUL-USE", life.person()), ("FPL-OFFER", life.person()),
        ("HLT-CHI", life.person()), ("HLT-VAC", life.person()), ("EMP-GUIDE", life.person()),
    )  # fmt: skip
    evidence = {"vaccine": "BCG", "dose": 1} if service == "HLT-VAC" else {}
    life.give(
        "record_delivery",
        delivered_on=life.today,
        episode_id=life.id(),
        service=service,
        person_id=person,
        evidence=evidence,
    )


def need(life: Life) -> None:
    """A need is assessed."""
    of_household = life.random.random() < 0.3
    code = life.pick("HOUSING", "LOW_INCOME") if of_household else life.pick(
        "JOB", "TRAINING", "STARTUP", "CHILD_WELFARE", "CHRONIC", "INS_TRANSFER"
    )  # fmt: skip
    life.give(
        "record_need",
        assessed_on=life.today,
        need_id=life.id(),
        need=code,
        result=life.pick("present", "present", "absent"),
        person_id=None if of_household else life.person(),
    )


def clear(life: Life) -> None:
    """An open need is cleared."""
    for each in life.household.needs.values():
        if each.is_open:
            life.give(
                "clear_need",
                cleared_on=life.today,
                need_id=each.need_id,
                reason=life.pick("met", "lapsed", "mistaken"),
            )
            return


def go_on(life: Life) -> None:
    """Something happens to a granted service: it starts, is renewed, ends or is voided."""
    granted = [e for e in life.household.episodes.values() if e.granted_on and not e.is_over]
    if not granted:
        return
    episode = life.random.choice(granted).episode_id
    match life.random.randrange(5):
        case 0 | 1:
            life.give("start_service", started_on=life.today, episode_id=episode)
        case 2:
            life.give("renew_service", renewed_on=life.today, episode_id=episode)
        case 3:
            life.give(
                "end_service", ended_on=life.today, episode_id=episode, reason=life.pick("completed", "withdrawn")
            )
        case _:
            life.give("void_service", voided_on=life.today, episode_id=episode, reason="entry_error")


def untell(life: Life) -> None:
    """Something of late was never so."""
    latest = life.household.version
    entry = latest - life.random.randrange(min(6, latest))
    life.give("void_entry", voided_on=life.today, voids=entry, reason="never_happened")


def put_right(life: Life) -> None:
    """Somebody is, or is not, a migrant, and always was."""
    person_id = life.person()
    if person_id is not None:
        told = [each.facts.migrant for each in life.household.person(person_id).told]
        old = next((migrant for migrant in reversed(told) if migrant is not None), None)
        changes = [Change("migrant", old, not old)]
        life.give(
            "correct_member_facts",
            corrected_on=life.today,
            person_id=person_id,
            changes=changes,
            reason="entry_error",
        )


STEPS: tuple[Step, ...] = (
    join, leave, tell, move, close, verify, work, stop_work, serve, help_household, deliver, need, clear, go_on,
    untell, put_right,
)  # fmt: skip
WEIGHTS = (2, 2, 3, 2, 0.3, 3, 6, 2, 9, 2, 10, 5, 2, 5, 3, 1)


def life(household_id: UUID, seed: int, steps: int = 25) -> list[Recorded]:
    """The events of one household."""
    return Life(household_id, seed).live(steps)
