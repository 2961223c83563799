"""What a role sees of a household: what is restricted, and for whom it is not (RULES G10, U17).

Whatever answers of households asks here: lists, timelines, exports.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from casework.domain import catalogue, codes
from casework.domain.about import About, person_in
from casework.domain.aggregate import Event, Recorded
from casework.domain.events.corrections import EntryVoided, MemberFactsCorrected
from casework.domain.events.membership import MemberFactsRecorded, NewMember, ReturnedMember
from casework.domain.household import Household
from casework.domain.leaves import PEOPLE, RECORDS
from casework.domain.policy import LevelPolicy, Policy
from casework.domain.restricted import is_restricted_need, is_restricted_service
from casework.domain.state import MemberFacts

Content = dict[str, Any]
Roles = frozenset[str]

SEES_NAMES: Roles = frozenset({"caseworker", "supervisor", "bureau", "service"})
SEES_ALL_RESTRICTED: Roles = frozenset({"caseworker", "supervisor", "auditor"})
"""Those who record on behalf of every bureau, and those who audit; a bureau and a feed see their own (RULES G10)."""
SEES_SMALL_CELLS: Roles = frozenset({"auditor", "selection", "operator"})
"""Whose figures of units are not suppressed (RULES U17)."""
SEES_EVIDENCE: Roles = frozenset({"supervisor", "auditor", "selection", "operator"})
"""Who looks into what units' reports rest on."""

HIDDEN = {"occurred_on", "commitment", "profile_commitment", "carried"}
"""Told elsewhere, meaningless to readers, or the whole of another story."""

_FACTS_OF = {"pregnancy": ("HLT-MAT", "FPL-FILE"), "disability": ("LIV-CHILD", "LIV-CHARITY")}
"""The restricted facts of a person, and the services whose bureaus need them."""

_BEHIND = {"COM2": ("HLT-CHR", "HLT-PSY"), "COM3": ("FPL-FILE", "FPL-OFFER")}
_TELLS_PREGNANCY = {"COM2"}
"""The indicators that count restricted services, and those in which a pregnancy shows."""


class Sight(NamedTuple):
    """What a caller sees in the household that they may read."""

    role: str
    bureau: str | None

    @property
    def of_one_bureau(self) -> bool:
        """Whether they act for one bureau alone: as a bureau, or as its feed."""
        return self.role == "bureau" or (self.role == "service" and self.bureau is not None)

    @property
    def names(self) -> bool:
        """Whether they see who people are."""
        return self.role in SEES_NAMES

    @property
    def small_cells(self) -> bool:
        """Whether units' figures are shown to them that tell of fewer than five persons."""
        return self.role in SEES_SMALL_CELLS

    @property
    def unit_evidence(self) -> bool:
        """Whether they see where the evidence of a unit's report is to be found."""
        return self.role in SEES_EVIDENCE

    @property
    def office(self) -> bool:
        """Whether they see what is an office's own business (``FOR_OFFICES``): no service of a bureau rests on it."""
        return self.role in SEES_ALL_RESTRICTED

    def service(self, code: str) -> bool:
        """Whether they see what is told of a service."""
        return not is_restricted_service(code) or self._restricted((code,))

    def need(self, code: str) -> bool:
        """Whether they see what is told of a need; of a restricted one, the bureaus do whose services meet it."""
        return not is_restricted_need(code) or self._restricted(meeting(code))

    def fact(self, name: str) -> bool:
        """Whether they see a fact of a person."""
        return name not in _FACTS_OF or self._restricted(_FACTS_OF[name])

    def indicator(self, code: str) -> bool:
        """Whether they see what an indicator of one household counts: its numbers tell of every service behind it."""
        return all(self.service(service) for service in _BEHIND.get(code, ())) and (
            code not in _TELLS_PREGNANCY or self.fact("pregnancy")
        )

    def level(self, level: LevelPolicy) -> bool:
        """Whether they see a household's score in a level: the hidden part could be found from it."""
        return all(self.indicator(code) for code in level.indicators)

    def overall(self, policy: Policy) -> bool:
        """Whether they see a household's overall score."""
        return all(self.level(level) for level in policy.levels)

    def _restricted(self, services: Iterable[str]) -> bool:
        return self.role in SEES_ALL_RESTRICTED or any(is_own(self.bureau, code) for code in services)


@cache
def is_own(bureau: str | None, service: str) -> bool:
    """Say whether a bureau is responsible for a service."""
    return bureau is not None and bureau in catalogue.services()[service].responsible


@cache
def meeting(need: str) -> tuple[str, ...]:
    """Return the services that a need is about: those that it makes eligible for, else all of its area."""
    rows = catalogue.services().values()
    area = next(row.area for row in codes.needs() if row.code == need)
    eligible = tuple(row.code for row in rows if row.eligibility.need == need)
    return eligible or tuple(row.code for row in rows if row.area == area)


def is_seen(event: Event, what: About, sight: Sight) -> bool:
    """Whether somebody may know of this event at all, by what is restricted in it; ``what`` it is about."""
    if what.is_for_offices and not sight.office:
        return False
    if what.service is not None and not sight.service(what.service):
        return False
    if what.need is not None and not sight.need(what.need):
        return False
    if isinstance(event, MemberFactsRecorded) and event.commitment is None and not plain_facts(event.facts, sight):
        return False
    if isinstance(event, MemberFactsCorrected):
        return any(sight.fact(change.path.partition(".")[0]) for change in event.changes)
    return True


def meant_by(event: Event, household: Household) -> Event:
    """The entry that an event is about: of one that voids another, that other."""
    return household.entry(event.voids) if isinstance(event, EntryVoided) else event


def with_voided(household: Household, recorded: Sequence[Recorded]) -> Household:
    """The household with its voided entries, of which its story tells all the same."""
    if not household.voided_entries:
        return household
    told_once = (item for item in recorded if not isinstance(item.event, EntryVoided))
    return Household.fold(None, told_once) or household


class Sees(Protocol):
    """Whom and what an event may name to somebody."""

    def person(self, id: UUID) -> bool:
        """Whether a person."""
        ...

    def record(self, id: UUID) -> bool:
        """Whether a service or a need."""
        ...


class SeesIn(NamedTuple):
    """What may be named of a household to whom nothing but what is restricted is withheld."""

    household: Household
    sight: Sight

    def person(self, id: UUID) -> bool:
        """Anybody."""
        return True

    def record(self, id: UUID) -> bool:
        """Whether they may know of a service or need that an event names among others."""
        episode, need = self.household.episodes.get(id), self.household.needs.get(id)
        if episode is not None:
            return self.sight.service(episode.service)
        return need is None or self.sight.need(need.need)


def told(event: Event, sight: Sight, sees: Sees) -> Content:
    """What an event says, without what is restricted for them: facts of people, services that ended with it."""
    plain: Content = {}
    for name, field in zip(event.__struct_fields__, event.__struct_encode_fields__, strict=True):
        value = getattr(event, name)
        if isinstance(event, MemberFactsCorrected) and name == "changes":
            value = tuple(change for change in value if sight.fact(change.path.partition(".")[0]))
        if name in RECORDS:
            value = tuple(id for id in value if sees.record(id))
        if name in PEOPLE:
            value = _of_people(value, sees)
        if name not in HIDDEN and value not in (None, (), {}):
            plain[field] = _plain(value, sight)
    return plain


def _of_people(value: Any, sees: Sees) -> Any:
    """Those who may be named, of some people or of one."""
    if isinstance(value, tuple):
        return tuple(each for each in value if sees.person(person_in(each)))
    return value if value is None or sees.person(value) else None


def plain_facts(facts: MemberFacts, sight: Sight) -> Content:
    """Return facts as JSON has them, without those that are not for this reader."""
    plain: Content = {}
    for name in MemberFacts.__struct_fields__:
        value = getattr(facts, name)
        if value is not None and sight.fact(name):
            plain[name] = value
    return plain


def _plain(value: Any, sight: Sight) -> Any:
    if isinstance(value, ReturnedMember):
        return _plain(value.member, sight)
    if isinstance(value, NewMember):
        told_of = {name: getattr(value, name) for name in value.__struct_fields__ if name not in HIDDEN}
        return {name: _plain(each, sight) for name, each in told_of.items() if each is not None}
    if isinstance(value, MemberFacts):
        return plain_facts(value, sight)
    if isinstance(value, tuple):
        return [_plain(each, sight) for each in value]
    return msgspec.to_builtins(value)
