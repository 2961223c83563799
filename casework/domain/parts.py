"""Which part of a household, unit or round an event touches: edits of one part collide, others merely come together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from casework.domain.aggregate import Event
from casework.domain.events.consents import (
    ConsentGiven,
    ConsentWithdrawn,
    ErasureRequested,
    IntegrationSurveyRecorded,
    PersonErased,
)
from casework.domain.events.corrections import EntryVoided, MemberFactsCorrected
from casework.domain.events.membership import (
    HeadChanged,
    IdNumberReleased,
    MemberBorn,
    MemberDied,
    MemberFactsRecorded,
    MemberJoined,
    MemberLeft,
)
from casework.domain.events.regrouping import (
    HouseholdMergedAway,
    HouseholdMergedIn,
    HouseholdRestored,
    HouseholdSplit,
    HouseholdUnmerged,
)
from casework.domain.events.residence import (
    HouseholdClosed,
    HouseholdMoved,
    HouseholdRegistered,
    HouseholdReopened,
    ResidenceVerified,
)
from casework.domain.rounds.events import OfNomination, PanelistAppointed, RoundEvent
from casework.domain.unit_events import (
    UnitClosed,
    UnitEntryVoided,
    UnitFactReported,
    UnitFactVoided,
    UnitMerged,
    UnitMergedIn,
    UnitParentChanged,
    UnitRegistered,
    UnitSplit,
)

Part = tuple[Any, ...]

WHOLE: Part = ("household",)


def parts(event: Event) -> frozenset[Part]:
    """Return the parts of a household, a unit or a round that an event touches."""
    match event:
        case HouseholdRegistered() | HouseholdClosed() | HouseholdReopened() | HouseholdSplit() | EntryVoided():
            return frozenset({WHOLE})
        case HouseholdMergedAway() | HouseholdMergedIn() | HouseholdUnmerged() | HouseholdRestored():
            return frozenset({WHOLE})
        case MemberLeft(same_as=UUID()):
            return frozenset({WHOLE})
        case ResidenceVerified():
            return frozenset({("contact",)})
        case HouseholdMoved():
            return frozenset({("residence",)})
        case HeadChanged():
            return frozenset({("head",)})
        case MemberJoined(member=member) | MemberBorn(member=member):
            return frozenset({("member", member.person_id)})
        case MemberLeft(person_id=person_id, new_head=head) | MemberDied(person_id=person_id, new_head=head):
            return frozenset({("member", person_id), *([("head",)] if head else [])})
        case MemberFactsRecorded(person_id=person_id) | IdNumberReleased(person_id=person_id):
            return frozenset({("facts", person_id)})
        case MemberFactsCorrected(person_id=person_id):
            return frozenset({("facts", person_id), ("member", person_id)})
        case ConsentGiven(person_id=person_id, scope=scope) | ConsentWithdrawn(person_id=person_id, scope=scope):
            return frozenset({("consent", person_id, scope)})
        case IntegrationSurveyRecorded(person_id=person_id, instrument=instrument):
            return frozenset({("survey", person_id, instrument)})
        case ErasureRequested(person_id=person_id):
            return frozenset({("erasure", person_id)})
        case PersonErased(person_id=person_id):
            return frozenset({("erasure", person_id), ("member", person_id), ("facts", person_id)})
        case UnitFactReported(fact=fact) | UnitFactVoided(fact=fact):
            return frozenset({("fact", fact)})
        case UnitParentChanged() | UnitMergedIn():
            return frozenset({("place",)})
        case UnitRegistered() | UnitClosed() | UnitSplit() | UnitMerged() | UnitEntryVoided():
            return frozenset({WHOLE})
        case OfNomination(nomination_id=nomination_id):
            apart = (getattr(event, name, None) for name in ("panelist", "objection_id"))
            return frozenset({("nomination", nomination_id, *filter(None, apart))})
        case PanelistAppointed(panelist=panelist):
            return frozenset({("panelist", panelist)})
        case RoundEvent():
            return frozenset({WHOLE})
    names = ("episode_id", "need_id", "employment_id", "transfer_id")
    return frozenset((name, value) for name in names if (value := getattr(event, name, None)) is not None)


def collide(mine: Iterable[Event], since: Iterable[Event]) -> bool:
    """Say whether new events touch a part that others touched meanwhile; the whole collides with everything."""
    new = frozenset[Part]().union(*(parts(event) for event in mine))
    old = frozenset[Part]().union(*(parts(event) for event in since))
    return not new.isdisjoint(old) or WHOLE in old or (WHOLE in new and bool(old))
