"""A folded household as it stood on a day, for somebody who may not see all of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from api.language import told
from api.naming import shown
from casework.domain import catalogue, codes, registry
from casework.domain.clock import Clock
from casework.domain.household import Household
from casework.domain.present import Member, Present, in_terms, is_in_force
from casework.domain.registry import Registry
from casework.domain.residence import MERGED_AWAY
from casework.domain.sight import plain_facts
from casework.domain.state import Closing, Employment, Episode, Need, last_day, overlaid
from casework.privacy.persons import Profile
from casework.streams.history import Viewer

Content = dict[str, Any]


class Shown(NamedTuple):
    """What is needed to show a household: who looks, at which day, with which units and names."""

    present: Present
    viewer: Viewer
    units: Registry
    profiles: Mapping[UUID, Profile]

    @property
    def household(self) -> Household:
        """The folded household."""
        return self.present.household

    @property
    def day(self) -> date:
        """The day that is looked at."""
        return self.present.day


def state(look: Shown) -> Content:
    """Return the file: where they live, who they are, what they work, need and receive on the day."""
    household, day = look.household, look.day
    closing = household.closing_on(Clock(day))
    return {
        "id": household.id,
        "version": household.version,
        "status": _status(household, closing, day),
        "merged_into": household.merged_into if closing is not None and closing.reason == MERGED_AWAY else None,
        "community": community(look),
        "arrived_on": household.arrived_on,
        "closed_on": closing.closed_on if closing else None,
        "closed_reason": closing.reason if closing else None,
        "origin": household.origin,
        "origin_division": household.origin_division,
        "origin_household": household.origin_household,
        "head": household.head,
        "members": [_member(look, member) for member in look.present.members],
        "consents": _consents(look),
        "former_members": _former(look),
        "employments": [
            _employment(look, job)
            for job in household.employments.values()
            if job.on <= day and _is_here(look, job.person_id, job.employment_id)
        ],
        "needs": [
            _need(look, need)
            for need in household.needs.values()
            if need.assessed_on <= day
            and look.viewer.record(need.need_id)
            and _is_here(look, need.person_id, need.need_id)
        ],
        "services": services(look),
    }


def _status(household: Household, closing: Closing | None, day: date) -> str:
    if closing is not None:
        return MERGED_AWAY if closing.reason == MERGED_AWAY else "closed"
    return "open" if household.arrived_on <= day else "not_arrived"


def community(look: Shown) -> Content:
    """Return where the household lives on the day; before its arrival, where it arrives."""
    code = look.household.community_on(look.day)
    return {"code": code, "id": registry.unit_id(code), "name": unit_name(look.units, registry.unit_id(code))}


def unit_name(units: Registry, unit_id: UUID | None) -> str | None:
    """Return a unit's name in the reader's language, in Chinese where it has no other."""
    unit = units.units.get(unit_id) if unit_id is not None else None
    if unit is None or unit.registered is None:
        return None
    return told(codes.Label(unit.registered.name_zh, unit.registered.name_en or unit.registered.name_zh))


def services(look: Shown) -> list[Content]:
    """Return the episodes and deliveries that had begun by the day, the newest first."""
    seen = [
        episode
        for episode in look.household.episodes.values()
        if look.viewer.record(episode.episode_id) and _is_here(look, episode.person_id, episode.episode_id)
    ]
    begun = [(day, episode) for episode in seen if (day := first_day(episode)) is not None and day <= look.day]
    begun.sort(key=lambda entry: entry[0], reverse=True)
    return [_episode(look, episode) for _, episode in begun]


def _is_here(look: Shown, person_id: UUID | None, record_id: UUID) -> bool:
    """Whether a record is of somebody who was ever here, or of the whole household and its own on the day."""
    if person_id is not None:
        return look.household.people[person_id].was_here
    return look.household.is_own(record_id, Clock(look.day))


def first_day(episode: Episode) -> date | None:
    """Return the first day on which something is told of an episode."""
    granted = episode.terms[0].on if episode.terms else None
    return min((day for day in (episode.requested_on, episode.delivered_on, granted) if day), default=None)


def episode_state(episode: Episode, day: date) -> str:
    """Return how far an episode has come by a day; what lapsed has ended, without an event (DOMAIN 8.2)."""
    if episode.voided:
        return "voided"
    if episode.denied_on is not None and episode.denied_on <= day:
        return "denied"
    if episode.delivered_on is not None or (episode.ended_on is not None and episode.ended_on <= day):
        return "ended"
    if episode.terms and episode.terms[0].on <= day:
        return _granted_state(episode, day)
    waits = (r.on <= day and (r.answered_on is None or r.answered_on > day) for r in episode.referrals)
    return "referred" if any(waits) else "requested"


def _granted_state(episode: Episode, day: date) -> str:
    if is_in_force(episode, Clock(day)):
        return "active"
    ends = _ends(episode, day)
    return "ended" if ends is not None and ends < day else "granted"


def _ends(episode: Episode, day: date) -> date | None:
    if not episode.terms or episode.delivered_on is not None:
        return None
    return last_day(catalogue.services()[episode.service], episode.valid_from, in_terms(episode.terms, Clock(day)))


def _member(look: Shown, member: Member) -> Content:
    person = member.person
    spell = person.current or person.spells[-1]
    profile = look.profiles.get(person.person_id)
    return {
        "person_id": person.person_id,
        "relation": person.relation,
        "sex": person.sex,
        "birth_month": person.birth_month,
        "joined_on": spell.joined_on,
        "resident_since": member.resident_since,
        "facts": _facts(look, person.told),
        "erased_on": person.erasure.erased_on if person.erasure is not None else None,
        "profile": shown(profile) if profile is not None else None,
    }


def _consents(look: Shown) -> list[Content]:
    """What the members agree to on the day."""
    scopes = [row.code for row in codes.codes("consent_scopes")]
    asked = [(member.id, scope) for member in look.present.members for scope in scopes]
    held = [(person, look.household.consent_on(person, scope, look.day)) for person, scope in asked]
    return [
        {
            "person_id": person,
            "scope": consent.scope,
            "notice_version": consent.notice_version,
            "given_on": consent.on,
            "by": consent.by,
            "until": consent.until,
        }
        for person, consent in held
        if consent is not None
    ]


def _facts(look: Shown, said: Any) -> Content:
    """The facts that hold on the day: of each kind, the last one told."""
    known: Content = {}
    for told_on in said:
        if told_on.on <= look.day:
            known |= plain_facts(told_on.facts, look.viewer.sight)
    return known


def _former(look: Shown) -> list[Content]:
    active = {member.id for member in look.present.members}
    return [
        {"person_id": person.person_id, "left_on": spell.left_on, "to_household": spell.to_household}
        for person in look.household.people.values()
        if person.was_here
        and person.person_id not in active
        and (spell := person.spells[-1]).left_on
        and spell.left_on <= look.day
    ]


def _employment(look: Shown, job: Employment) -> Content:
    ended = job.ended_on is not None and job.ended_on <= look.day
    return {
        "employment_id": job.employment_id,
        "person_id": job.person_id,
        "kind": job.kind,
        "unit_id": job.unit_id,
        "unit_name": unit_name(look.units, job.unit_id),
        "from": job.from_,
        "to": job.to if ended else None,
        "reason": job.reason if ended else None,
    }


def _need(look: Shown, need: Need) -> Content:
    cleared = need.cleared_on is not None and need.cleared_on <= look.day
    return {
        "need_id": need.need_id,
        "need": need.need,
        "label": told(next(row.label for row in codes.needs() if row.code == need.need)),
        "person_id": need.person_id,
        "result": need.result,
        "assessed_on": need.assessed_on,
        "cleared_on": need.cleared_on if cleared else None,
        "cleared_reason": need.cleared_reason if cleared else None,
    }


def _episode(look: Shown, episode: Episode) -> Content:
    service = catalogue.services()[episode.service]
    terms = in_terms(episode.terms, Clock(look.day))
    return {
        "episode_id": episode.episode_id,
        "service": episode.service,
        "label": told(service.label),
        "kind": service.kind,
        "state": episode_state(episode, look.day),
        "person_id": episode.person_id,
        "unit_id": episode.unit_id,
        "unit_name": unit_name(look.units, episode.unit_id),
        "requested_on": episode.requested_on,
        "granted_on": episode.granted_on,
        "delivered_on": episode.delivered_on,
        "denied_on": episode.denied_on,
        "started_on": episode.started_on,
        "ended_on": episode.ended_on,
        "ended_reason": episode.ended_reason,
        "decided_by": episode.decided_by,
        "valid_from": episode.valid_from,
        "valid_to": _ends(episode, look.day),
        "voided": episode.voided,
        "evidence": overlaid(terms) if terms else {},
        "referrals": [
            {
                "referral_id": referral.referral_id,
                "from_bureau": referral.from_bureau,
                "to_bureau": referral.to_bureau,
                "referred_on": referral.on,
                "due_on": referral.due_on,
                "answered_on": referral.answered_on,
                "answer": referral.answer,
            }
            for referral in episode.referrals
            if referral.on <= look.day
        ],
    }
