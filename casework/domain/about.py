"""What an event is about: whose it is, and which service or need it tells of. Who may see it is decided by that."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from casework.domain import catalogue, codes
from casework.domain.aggregate import Event
from casework.domain.events.for_offices import FOR_OFFICES
from casework.domain.events.livelihood import EmploymentEnded, EmploymentStarted
from casework.domain.household import Household
from casework.domain.state import Episode, Need

EMPLOYMENT_AREA = "EMP"
_NOBODY: frozenset[str] = frozenset()


class About(NamedTuple):
    """The people, none where it is the whole household; each for themselves in a ``group``.

    ``service``, ``need`` and ``asked`` (the bureaus that the service was ever referred to) come from the record that
    the event names. ``is_known`` is false where the household has no such record, so that nobody can tell.
    """

    people: tuple[UUID, ...] = ()
    is_group: bool = False
    service: str | None = None
    need: str | None = None
    asked: frozenset[str] = frozenset()
    area: str | None = None
    is_for_offices: bool = False
    is_known: bool = True


def about(event: Event, household: Household) -> About:
    """Tell what an event of this household is about; of one that voids an entry, give that entry instead."""
    return _telling(type(event))(event, household)


@cache
def _telling(kind: type[Event]) -> Callable[[Any, Household], About]:
    """What tells of events of one kind, by the fields that they have."""
    has = kind.__struct_fields__
    if "episode_id" in has:
        return _of_episode_named if "service" in has else _of_episode
    if "need_id" in has:
        return _of_need
    if "employment_id" in has:
        return _of_employment
    if "member" in has:
        return lambda event, household: About((event.member.person_id,))
    if "members" in has:
        return lambda event, household: About(tuple(map(person_in, event.members)), is_group=True)
    is_for_offices = issubclass(kind, FOR_OFFICES)
    if "person_id" in has:
        return lambda event, household: About((event.person_id,), is_for_offices=is_for_offices)
    return lambda event, household: About(is_for_offices=is_for_offices)


def about_episode(episode: Episode) -> About:
    """Tell what a service's record is about."""
    return _of_service(episode.service, episode.person_id, episode)


def about_need(need: Need) -> About:
    """Tell what a need's record is about."""
    return _of_a_need(need.need, need.person_id)


def person_in(member: Any) -> UUID:
    """The id of somebody whom an event names alone, tells of, or gives back."""
    person_id: UUID = member if isinstance(member, UUID) else getattr(member, "member", member).person_id
    return person_id


def _of_episode_named(event: Any, household: Household) -> About:
    return _of_service(event.service, event.person_id, household.episodes.get(event.episode_id))


def _of_episode(event: Any, household: Household) -> About:
    episode = household.episodes.get(event.episode_id)
    return about_episode(episode) if episode is not None else About(is_known=False)


def _of_service(code: str, person_id: UUID | None, episode: Episode | None) -> About:
    service = catalogue.services().get(code)
    if service is None:
        return About(is_known=False)
    asked = frozenset(each.to_bureau for each in episode.referrals) if episode and episode.referrals else _NOBODY
    return About(_people(person_id), False, code, None, asked, service.area)


def _of_need(event: Any, household: Household) -> About:
    if hasattr(event, "need"):
        return _of_a_need(event.need, event.person_id)
    need = household.needs.get(event.need_id)
    return about_need(need) if need is not None else About(is_known=False)


def _of_a_need(code: str, person_id: UUID | None) -> About:
    area = next((row.area for row in codes.needs() if row.code == code), None)
    return About(_people(person_id), need=code, area=area, is_known=area is not None)


def _of_employment(event: EmploymentStarted | EmploymentEnded, household: Household) -> About:
    if isinstance(event, EmploymentStarted):
        return About((event.person_id,), area=EMPLOYMENT_AREA)
    job = household.employments.get(event.employment_id)
    return About((job.person_id,), area=EMPLOYMENT_AREA) if job is not None else About(is_known=False)


def _people(person_id: UUID | None) -> tuple[UUID, ...]:
    return () if person_id is None else (person_id,)
