"""What a folded household remembers: people, employments, needs and episodes, each with its dates.

Nothing here is "now": every record keeps the dates and stream versions of what was said, so that one fold answers
for every day. ``version`` is the place in this household's stream; ``origin`` is where a carried record was first told.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from casework.domain.catalogue import Service
from casework.domain.evidence import EvidenceValue

Evidence: TypeAlias = dict[str, EvidenceValue | None]
"""Codes, numbers, bools and ISO dates, by field name of the catalogue; null says that a value is withdrawn."""


Answers: TypeAlias = dict[str, str | int | bool]
"""What somebody answered, by question: codes, whole numbers, yes and no."""


class Origin(NamedTuple):
    """The event that first told something: its stream and version."""

    stream_id: UUID
    version: int


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A first day and, where it is known, an end."""

    from_: date = msgspec.field(name="from")
    to: date | None = None


class Permit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A residence permit."""

    status: str
    from_: date | None = msgspec.field(name="from", default=None)
    to: date | None = None


class MemberFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Dated facts of a person; what is unset was not said."""

    hukou_division: str | None = None
    hukou_kind: str | None = None
    migrant: bool | None = None
    migrant_until: date | None = None
    student: Span | None = None
    permit: Permit | None = None
    education: str | None = None
    disability: str | None = None
    marital: str | None = None
    pregnancy: Span | None = None


class Told(msgspec.Struct, omit_defaults=True):
    """Facts that hold from a day, until later ones of the same kind."""

    on: date
    version: int
    facts: MemberFacts
    origin: Origin | None = None


class Spell(msgspec.Struct, omit_defaults=True):
    """A time in the household, from ``joined_on`` to the day before ``left_on``; ``version`` is that of its begin."""

    joined_on: date
    resident_since: date
    left_on: date | None = None
    to_household: UUID | None = None
    version: int = 0


class Stay(msgspec.Struct):
    """A time in which a record of a whole household was this one's; records come and go with splits and merges."""

    since: date = date.min
    until: date | None = None
    to_household: UUID | None = None


class Closing(NamedTuple):
    """A time in which the file was closed, from ``closed_on`` to the day before ``reopened_on``."""

    closed_on: date
    reason: str
    reopened_on: date


class TakenIn(NamedTuple):
    """A household that was merged into this one: on which day, with which people and records of the whole household.

    Beside each person stands the place of their first time here since. ``duplicates`` are those of its episodes that
    stand beside one of this household.
    """

    on: date
    people: dict[UUID, int]
    records: tuple[UUID, ...]
    duplicates: tuple[UUID, ...]
    is_given_back: bool = False


class Birth(msgspec.Struct, omit_defaults=True):
    """A child that a member bore: reported on a day, born in a month."""

    reported_on: date
    birth_month: str
    child: UUID | None = None
    version: int = 0
    origin: Origin | None = None


class Consent(msgspec.Struct, omit_defaults=True):
    """What was said of one use of a person's data on a day: yes, under a version of the notice, or no longer."""

    scope: str
    on: date
    version: int
    given: bool
    notice_version: str | None = None
    by: UUID | None = None
    until: date | None = None
    origin: Origin | None = None


class Erasure(msgspec.Struct, omit_defaults=True):
    """That what names a person is to be erased, and the entry of the ledger under which it was."""

    requested_on: date
    basis: str
    erased_on: date | None = None
    ledger_entry: int | None = None


class Transfer(msgspec.Struct, omit_defaults=True):
    """A request of another office for a member or the whole household, and what was answered.

    ``to_household`` is where the member is to go; without one they found a household in ``to_community``.
    """

    transfer_id: UUID
    person_id: UUID
    to_community: str
    to_household: UUID | None
    relation: str | None
    whole_household: bool
    asked_on: date
    due_on: date
    answered_on: date | None = None
    answer: str | None = None
    reason: str | None = None
    moved_to: UUID | None = None


class Survey(msgspec.Struct, omit_defaults=True):
    """What a person answered on a day; ``version`` is the instrument's."""

    on: date
    instrument: str
    version: str
    answers: Answers
    origin: Origin


class Person(msgspec.Struct, omit_defaults=True):
    """Somebody who is or was a member; ``doubles`` are other records that were found to be of the same person."""

    person_id: UUID
    relation: str
    sex: str
    birth_month: str
    spells: list[Spell]
    told: list[Told] = []
    births: list[Birth] = []
    consents: list[Consent] = []
    erasure: Erasure | None = None
    surveys: list[Survey] = []
    mother: UUID | None = None
    doubles: list[UUID] = []

    @property
    def is_erased(self) -> bool:
        """Whether what named this person is gone, so that nothing more is told of them."""
        return self.erasure is not None and self.erasure.erased_on is not None

    def say(self, consent: Consent) -> None:
        """Keep what was said of a use in the order of its days, then of its telling."""
        insort(self.consents, consent, key=_said)

    def consent_on(self, scope: str, day: date) -> Consent | None:
        """The consent to a use that holds on a day: what was said last, where that was yes and has not run out."""
        said = [consent for consent in self.consents if consent.scope == scope and consent.on <= day]
        last = said[-1] if said else None
        holds = last is not None and last.given and (last.until is None or day <= last.until)
        return last if holds else None

    def tell(self, told: Told) -> None:
        """Keep facts in the order of their days, then of their telling."""
        insort(self.told, told, key=_said)

    @property
    def current(self) -> Spell | None:
        """The spell that has not ended, if there is one."""
        return next((s for s in self.spells if s.left_on is None), None)

    @property
    def was_here(self) -> bool:
        """Whether there is a day on which the person was in the household; of a merge that was undone there is none."""
        return any(s.left_on is None or s.joined_on < s.left_on for s in self.spells)

    def stays_on(self, day: date) -> bool:
        """Whether the person is in the household on a day."""
        return any(s.joined_on <= day and (s.left_on is None or day < s.left_on) for s in self.spells)

    def not_left_by(self, day: date) -> bool:
        """Whether something of that day can be told of this member: they stay then, or joined later."""
        return any(s.left_on is None or (day < s.left_on and s.joined_on < s.left_on) for s in self.spells)


class Employment(msgspec.Struct, omit_defaults=True):
    """A job; its end counts from the day it was said to have ended."""

    employment_id: UUID
    person_id: UUID
    kind: str
    unit_id: UUID | None
    on: date
    version: int
    from_: date = msgspec.field(name="from")
    ended_on: date | None = None
    to: date | None = None
    reason: str | None = None
    origin: Origin | None = None


class Need(msgspec.Struct, omit_defaults=True):
    """An assessed need, of a person or of the household."""

    need_id: UUID
    need: str
    person_id: UUID | None
    result: str
    assessed_on: date
    version: int
    cleared_on: date | None = None
    cleared_reason: str | None = None
    origin: Origin | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was found present and not cleared."""
        return self.result == "present" and self.cleared_on is None


class Referral(msgspec.Struct, omit_defaults=True):
    """A service passed from one bureau to another."""

    referral_id: UUID
    from_bureau: str
    to_bureau: str
    on: date
    due_on: date | None = None
    answered_on: date | None = None
    answer: str | None = None


class Terms(msgspec.Struct, omit_defaults=True):
    """What a grant or a renewal says: how long, and on what evidence."""

    on: date
    version: int
    valid_to: date | None
    evidence: Evidence
    origin: Origin | None = None


class Episode(msgspec.Struct, omit_defaults=True):
    """One service's life, or, with ``delivered_on``, one delivery.

    ``terms`` holds the grant (or delivery) first and then the renewals in the order of their days.
    """

    episode_id: UUID
    service: str
    person_id: UUID | None
    unit_id: UUID | None = None
    requested_on: date | None = None
    channel: str | None = None
    override_reason: str | None = None
    referrals: list[Referral] = []
    decided_by: str | None = None
    said_from: date | None = msgspec.field(default=None, name="valid_from")
    terms: list[Terms] = []
    started_on: date | None = None
    ended_on: date | None = None
    ended_reason: str | None = None
    denied_on: date | None = None
    delivered_on: date | None = None
    voided: str | None = None

    @property
    def granted_on(self) -> date | None:
        """The day of the grant, if it was granted."""
        return self.terms[0].on if self.terms and self.delivered_on is None else None

    @property
    def valid_from(self) -> date | None:
        """The first day inside: as the grant says, else its own day, though that be corrected (RULES D1)."""
        return self.said_from or self.granted_on

    @property
    def open_referral(self) -> Referral | None:
        """The referral that waits for an answer, if one does."""
        return next((r for r in self.referrals if r.answered_on is None), None)

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow: ended, denied, voided, or a delivery."""
        return bool(self.ended_on or self.denied_on or self.voided or self.delivered_on)

    def renew(self, terms: Terms) -> None:
        """Keep a renewal in the order of days, the grant staying first."""
        insort(self.terms, terms, key=_said, lo=1)

    def evidence(self) -> Evidence:
        """All evidence, the later over the earlier."""
        return overlaid(self.terms)


def overlaid(terms: Sequence[Terms]) -> Evidence:
    """Evidence of a grant and its renewals, the later over the earlier."""
    if len(terms) == 1:
        return terms[0].evidence
    return {name: value for each in terms for name, value in each.evidence.items()}


def has_fixed_term(service: Service) -> bool:
    """Whether the evidence alone says until when it holds (RULES G11)."""
    return service.validity is not None and service.validity.is_fixed


def last_day(service: Service, valid_from: date | None, terms: Sequence[Terms]) -> date | None:
    """The last day that a grant and its renewals give, said or by the catalogue (RULES D1 to D3); None while open."""
    said = terms[-1].valid_to
    if said is not None and not has_fixed_term(service):
        return said
    return service.valid_to(valid_from or terms[0].on, overlaid(terms))


class Carried(msgspec.Struct, omit_defaults=True):
    """All that a stream knows of a person, or of a household as a whole, for the stream that receives them."""

    told: list[Told]
    births: list[Birth]
    employments: list[Employment]
    needs: list[Need]
    episodes: list[Episode]
    consents: list[Consent] = []
    erasure: Erasure | None = None
    surveys: list[Survey] = []
    mother: UUID | None = None
    doubles: list[UUID] = []

    def versioned(self) -> list[Told | Birth | Employment | Need | Terms | Consent]:
        """Every record that says where in a stream it was told."""
        terms = [terms for episode in self.episodes for terms in episode.terms]
        return [*self.told, *self.births, *self.employments, *self.needs, *terms, *self.consents]


NOTHING_CARRIED = Carried([], [], [], [], [])


def _said(record: Told | Terms | Consent) -> tuple[date, int]:
    return (record.on, record.version)
