"""A bureau and its feeds act on their own services and needs alone (RULES G6); desks act for every bureau."""

from __future__ import annotations

from uuid import UUID

from api.auth import check_own, of_one_bureau, principal, sight
from api.giving import casework
from casework.domain.household import Household
from casework.domain.sight import meeting
from casework.errors import NotFound, Refused


def check_own_episode(household_id: UUID, episode_id: UUID, referral_id: UUID | None = None) -> None:
    """Refuse another bureau's service, unless this referral of it asks the caller's."""
    if not of_one_bureau():
        return
    episode = _household(household_id).episodes.get(episode_id)
    if episode is None:
        return
    for referral in episode.referrals:
        if referral.referral_id == referral_id and referral.to_bureau == principal().bureau:
            return
    if not sight().service(episode.service):
        raise Refused("episode-unknown")
    check_own(episode.service)


def check_own_need(household_id: UUID, need_id: UUID) -> None:
    """Refuse a need that no service of the caller's bureau meets."""
    if not of_one_bureau():
        return
    need = _household(household_id).needs.get(need_id)
    if need is None:
        return
    if not sight().need(need.need):
        raise Refused("need-unknown")
    check_own(*meeting(need.need))


def _household(household_id: UUID) -> Household:
    """The household, where it is the caller's to know of."""
    household = casework().household(household_id)
    if not casework().is_within(household.community, principal().divisions):
        raise NotFound
    return household
