"""Whether a bureau may know of an event: one decision, for feeds and for what it reads of a household's story.

Deny by default. What is restricted (RULES G10) is for the bureaus responsible alone, whatever a grant says. Another
bureau's records, and what is published, need the consent of whoever they are about, unless a statute asks for sharing;
for the household as a whole its head consents. Of somebody who was erased nothing more is told but that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain.about import About
from casework.domain.aggregate import Event
from casework.domain.divisions import CITY
from casework.domain.events.consents import ConsentWithdrawn, PersonErased
from casework.domain.events.residence import HouseholdMoved
from casework.domain.grants import CONSENT, CROSS_BUREAU, PUBLICATION, SERVICE, STATUTORY_DUTY, Grant
from casework.domain.registry import Registry, unit_id
from casework.domain.sight import Sight, is_own, is_seen, meeting
from casework.log.codec import Metadata
from casework.streams.context import Context

DENIED = "denied"
NO_CONSENT = ""
"""What a scope says where nothing is told, or where it needs no consent."""


class Entitlement(NamedTuple):
    """What a bureau may be told for one purpose; None stands for all types, areas or communities."""

    sight: Sight
    purpose: str
    legal_basis: str
    types: frozenset[str] | None = None
    areas: frozenset[str] | None = None
    communities: frozenset[UUID] | None = None
    since: date = date.min
    until: date = date.max

    @property
    def bureau(self) -> str:
        """Whose it is."""
        return self.sight.bureau or ""

    def scope(self, event: Event, meant: Event, what: About, meta: Metadata, context: Context) -> str:
        """Return which consent an event was opened by, ``""`` where it needs none, or ``DENIED``.

        ``meant`` is the entry that the event is about: itself, or the one that it voids; ``what`` is about that.
        """
        if not self.since <= context.today <= self.until:
            return DENIED
        if isinstance(event, PersonErased):
            return NO_CONSENT  # whoever was ever told of somebody must hear of it, wherever they live by now
        if not (what.is_known and self._covers(event, meant, what, meta) and self._is_seen(meant, what, meta)):
            return DENIED
        scope = self._needed(what)
        if scope != DENIED and self._of_somebody_told(event, what, scope, context):
            return scope
        return DENIED

    def may_tell(self, event: Event, meta: Metadata) -> bool:
        """Whether an event can be told at all, by what stands in it alone; so that little is read for what cannot."""
        return isinstance(event, PersonErased) or self._is_in_communities(event, meta)

    def is_told(self, person_id: UUID | None, scope: str, context: Context) -> bool:
        """Whether anything may be told of a person, where that needs a consent."""
        person = context.people.get(person_id) if person_id is not None else None
        if person is None or person.is_erased or (context.erased and person_id in context.erased):
            return False
        return not scope or person.consent_on(scope, context.today) is not None

    def tells_record(self, what: About, context: Context) -> bool:
        """Whether a service or need may be named."""
        if not what.is_known or not self.sees(what) or not self._is_in_areas(what):
            return False
        needed = self._needed(what)
        return needed != DENIED and self._of_people_told(what, needed, context)

    def sees(self, what: About) -> bool:
        """Whether nothing restricted would be told of a record to another bureau."""
        seen = what.service is None or self.sight.service(what.service)
        return seen and (what.need is None or self.sight.need(what.need))

    def _covers(self, event: Event, meant: Event, what: About, meta: Metadata) -> bool:
        if self.types is not None and not (event.type_name in self.types and meant.type_name in self.types):
            return False
        return self._is_in_areas(what) and self._is_in_communities(event, meta)

    def _is_in_areas(self, what: About) -> bool:
        """A bureau's own grant names its own areas alone: what it is asked of any other is its own all the same."""
        is_asked = self.purpose == SERVICE and self.bureau in what.asked
        return self.areas is None or what.area is None or what.area in self.areas or is_asked

    def _is_in_communities(self, event: Event, meta: Metadata) -> bool:
        """By where the household lived at the time; a move is told on both sides."""
        if self.communities is None or meta.community in self.communities:
            return True
        return isinstance(event, HouseholdMoved) and unit_id(event.from_community) in self.communities

    def _is_seen(self, meant: Event, what: About, meta: Metadata) -> bool:
        """Whether nothing restricted is told to another bureau, by the rules of today and by those of its time."""
        if meta.restricted and (what.service or what.need) and not self._is_responsible(what):
            return False
        return is_seen(meant, what, self.sight)

    def _is_responsible(self, what: About) -> bool:
        if what.service is not None:
            return is_own(self.bureau, what.service)
        return what.need is not None and any(is_own(self.bureau, service) for service in meeting(what.need))

    def _needed(self, what: About) -> str:
        """The consent that an event needs: none for the bureau's own services and those referred to it."""
        is_record = what.service is not None or what.need is not None
        own = is_record and (self.bureau in what.asked or self._is_responsible(what))
        if self.purpose == PUBLICATION:
            return PUBLICATION
        if self.purpose == SERVICE:
            return NO_CONSENT if own or not is_record else DENIED
        return NO_CONSENT if own or self.legal_basis == STATUTORY_DUTY else CROSS_BUREAU

    def _of_somebody_told(self, event: Event, what: About, scope: str, context: Context) -> bool:
        if isinstance(event, ConsentWithdrawn) and event.scope == scope:
            return event.person_id not in context.erased  # whoever relied on it must hear that it is withdrawn
        return self._of_people_told(what, scope, context)

    def _of_people_told(self, what: About, scope: str, context: Context) -> bool:
        if what.people:
            return self._tells_one_of(what.people, scope, context)
        if scope:
            return self.is_told(context.household.head, scope, context)
        return self._tells_one_of(context.people, scope, context)

    def _tells_one_of(self, people: Iterable[UUID], scope: str, context: Context) -> bool:
        for person_id in people:  # noqa: SIM110 - a generator would cost as much as what it asks
            if self.is_told(person_id, scope, context):
                return True
        return False


def standing(bureau: str) -> tuple[Entitlement, Entitlement]:
    """Return what a bureau's staff read where they work, without any grant: their own services, and by consent more."""
    sight = Sight("bureau", bureau)
    return Entitlement(sight, SERVICE, STATUTORY_DUTY), Entitlement(sight, CROSS_BUREAU, CONSENT)


def entitled(grant: Grant, registry: Registry, today: date) -> Entitlement:
    """Return what a grant entitles to, with the communities of its divisions by the tree of today."""
    issued, extent = grant.issued, grant.extent
    return Entitlement(
        Sight("bureau", issued.bureau),
        issued.purpose,
        issued.legal_basis,
        frozenset(extent.types),
        frozenset(extent.areas),
        None if CITY in extent.divisions else communities_of(extent.divisions, registry, today),
        extent.from_,
        date.min if grant.revoked is not None else extent.to or date.max,
    )


def communities_of(divisions: tuple[str, ...], registry: Registry, today: date) -> frozenset[UUID]:
    """Return the communities, also those that are no more, which are or lie in some divisions."""
    return frozenset(each for code in divisions for each in registry.subtree(unit_id(code), today))
