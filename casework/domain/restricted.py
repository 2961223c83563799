"""What only its own bureau and those who decide may see (RULES G10)."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from casework.domain import catalogue, codes
from casework.domain.events.consents import IntegrationSurveyRecorded
from casework.domain.events.corrections import EntryVoided, MemberFactsCorrected
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.livelihood import NeedCleared, NeedRecorded
from casework.domain.events.membership import MemberBorn, MemberFactsRecorded, MemberJoined
from casework.domain.events.regrouping import HouseholdMergedIn, HouseholdRestored
from casework.domain.events.residence import HouseholdRegistered
from casework.domain.events.services import ServiceDelivered, ServiceRequested
from casework.domain.household import Household
from casework.domain.state import MemberFacts

RESTRICTED_FACTS = ("pregnancy", "disability")


@cache
def is_restricted_service(code: str) -> bool:
    """Whether a service is restricted."""
    return catalogue.services()[code].is_restricted


@cache
def is_restricted_need(code: str) -> bool:
    """Whether a need is restricted."""
    return any(need.code == code and need.restricted for need in codes.needs())


def is_restricted_event(event: HouseholdEvent, household: Household) -> bool:
    """Whether an event of this household tells something restricted."""
    match event:
        case ServiceRequested(service=service) | ServiceDelivered(service=service):
            return is_restricted_service(service)
        case NeedRecorded(need=need):
            return is_restricted_need(need)
        case NeedCleared(need_id=need_id):
            return is_restricted_need(household.needs[need_id].need)
        case MemberFactsRecorded(facts=facts):
            return _has_restricted(facts)
        case MemberFactsCorrected(changes=changes):
            return any(change.path.partition(".")[0] in RESTRICTED_FACTS for change in changes)
        case EntryVoided(voids=version):
            return is_restricted_event(household.entry(version), household)
        case MemberJoined(member=member) | MemberBorn(member=member):
            return _has_restricted(member.facts) or member.carried is not None
        case HouseholdRegistered(members=members):
            return any(member.carried is not None for member in members)
        case HouseholdMergedIn() | HouseholdRestored() | IntegrationSurveyRecorded():
            return True
    episode_id: UUID | None = getattr(event, "episode_id", None)
    return episode_id is not None and is_restricted_service(household.episodes[episode_id].service)


def _has_restricted(facts: MemberFacts) -> bool:
    return any(getattr(facts, name) is not None for name in RESTRICTED_FACTS)
