"""Items of a worklist: what they say, in whose words, and what is looked at to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple
from uuid import UUID

import msgspec

from casework.domain import catalogue
from casework.domain.clock import Clock
from casework.domain.codes import Coded, Row, read_data
from casework.domain.present import Job, Member, Present
from casework.domain.state import Episode

REQUEST, GRANT, START, RENEW = "services.request_service", "services.grant", "services.start", "services.renew"
DELIVER, ANSWER = "services.deliver", "services.answer"
ACCEPT, ERASE = "transfers.accept", "privacy.erase"
"""The commands that close items, as the interface names them."""

PARKED = "parked"
"""The kind of item that a household is which cannot be computed: nothing else is known of it."""

ASKED_FOR = "transfer-asked"
"""Why a request of another office waits: no bureau leads it, and it is of no area of service."""


TO_ERASE = "erasure-asked"
"""Why the request of somebody waits who is to be erased; who may erase is told of it, and nobody else."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One thing to do: for a member, or for the household; ``record_id`` is the episode or employment it is about.

    ``due_on`` is the last day on which it is done in time; ``bureau`` leads; ``closes`` names the command. Of
    ``services`` all are missing, or any one will do, as the reason says.
    """

    due_on: date
    kind: str
    why: str
    services: tuple[str, ...]
    person_id: UUID | None
    record_id: UUID | None
    area: str | None
    bureau: str | None
    closes: str


class Why(Coded, frozen=True, kw_only=True):
    """Why something is due: a sentence; for which services, of which any one may do."""

    kind: str
    services: tuple[str, ...]
    any: bool = False


class Settings(Row, frozen=True, kw_only=True):
    """What worklists count with, and their words."""

    running_out_days: int
    school_places_from: str
    denied_months: int
    review_days: int
    erasure_working_days: int
    renewed: frozenset[str]
    kinds: tuple[Coded, ...]
    reasons: tuple[Why, ...]

    def places_open(self, year: int) -> date:
        """Return the day from which places of the school year that begins in a year are arranged."""
        return date.fromisoformat(f"{year:04}-{self.school_places_from}")


@cache
def settings() -> Settings:
    """Return the file of worklists."""
    return read_data("worklist.json", Settings)


@cache
def reasons() -> Mapping[str, Why]:
    """Return why something may be due, by code."""
    return {why.code: why for why in settings().reasons}


Key = tuple[str, UUID | None, UUID | None]
"""A service, for whom, and of a contract with which employer."""


class Look(NamedTuple):
    """One look at a household: on a day that remembers until when the answers hold.

    ``settled`` is what needs no offer: it is under way, arranged, can be renewed, or was denied not long ago.
    """

    h: Present
    clock: Clock
    members: Mapping[UUID, Member]
    settled: set[Key]
    is_closed: bool


def item(
    why: str,
    services: tuple[str, ...],
    closes: str,
    due_on: date,
    person_id: UUID | None,
    record_id: UUID | None,
    bureau: str | None = None,
) -> Item:
    kind, area, lead = _told(why, services[0])
    return Item(due_on, kind, why, services, person_id, record_id, area, bureau or lead, closes)


@cache
def _told(why: str, service: str) -> tuple[str, str, str]:
    row = catalogue.services()[service]
    return reasons()[why].kind, row.area, row.lead[0]


def key_of(episode: Episode) -> Key:
    return episode.service, episode.person_id, episode.unit_id if episode.service == "EMP-CONTRACT" else None


def jobs(look: Look) -> Sequence[Job]:
    jobs = look.h.jobs
    look.clock.also(look.h.jobs_clock.until)
    return jobs


def is_granted(look: Look, episode: Episode) -> bool:
    reached = look.clock.reached
    if episode.voided or episode.delivered_on is not None or not episode.terms or not reached(episode.terms[0].on):
        return False
    return episode.ended_on is None or not reached(episode.ended_on)
