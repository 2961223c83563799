"""The life of a service: commands 19 and 22 to 27 of DOMAIN 8.2."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain import catalogue
from casework.domain.calendar import add_days
from casework.domain.catalogue import Service
from casework.domain.checks import check_codes
from casework.domain.eligibility import is_eligible
from casework.domain.events.services import (
    ServiceDelivered,
    ServiceDenied,
    ServiceEnded,
    ServiceGranted,
    ServiceRenewed,
    ServiceRequested,
    ServiceStarted,
)
from casework.domain.livelihood import LivelihoodCommands
from casework.domain.residence import By, refuse_if
from casework.domain.state import Episode, Evidence, Terms, has_fixed_term, last_day, overlaid
from casework.errors import Refused


class ServiceCommands(LivelihoodCommands):
    """Request, grant, deny, start, renew, end, deliver."""

    def request_service(
        self,
        by: By,
        *,
        requested_on: date,
        episode_id: UUID,
        service: str,
        person_id: UUID | None = None,
        channel: str | None = None,
        unit_id: UUID | None = None,
        override_reason: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Ask for a service; who is not eligible by the catalogue needs a reason to override it."""
        self._check_open()
        self._check_date(by, requested_on, backdated=False)
        if episode_id in self.episodes:
            return
        wanted = self._offered(service, requested_on, person_id)
        check_codes(channel=("request_channels", channel))
        if override_reason is not None:
            check_codes(override_reason=("override_reasons", override_reason))
        elif not is_eligible(self, wanted, person_id, requested_on):
            raise Refused("not-eligible")
        self._check_exclusive(wanted, person_id, wanted.exclusive_key(unit_id, {}), requested_on)
        self.record(
            ServiceRequested(
                occurred_on=requested_on,
                episode_id=episode_id,
                service=service,
                person_id=person_id,
                channel=channel,
                unit_id=unit_id,
                override_reason=override_reason,
                commitment=commitment,
            )
        )

    def grant_service(
        self,
        by: By,
        *,
        granted_on: date,
        episode_id: UUID,
        unit_id: UUID | None = None,
        valid_from: date | None = None,
        valid_to: date | None = None,
        evidence: Evidence | None = None,
        decided_by: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Grant what was requested; granting the same episode again changes nothing."""
        self._check_open_or_settling(granted_on)
        self._check_date(by, granted_on, backdated=False)
        episode = self._episode(episode_id)
        if episode.granted_on is not None and not episode.is_over:
            return
        self._living(episode_id)
        refuse_if(episode.open_referral, "referral-open")
        service = catalogue.service(episode.service, granted_on)
        public = _public(service, service.check_evidence(evidence or {}))
        unit = unit_id or episode.unit_id
        terms = Terms(granted_on, self.version + 1, valid_to, public)
        self._check_terms(service, valid_from or granted_on, [terms])
        self._check_unit(service, unit)
        self._check_exclusive(service, episode.person_id, service.exclusive_key(unit, public), granted_on, but=episode)
        self.record(
            ServiceGranted(
                occurred_on=granted_on,
                episode_id=episode_id,
                decided_by=self._decided_by(by, service, decided_by),
                valid_from=valid_from,
                unit_id=unit,
                valid_to=valid_to,
                evidence=public,
                commitment=commitment,
            )
        )

    def deny_service(
        self,
        by: By,
        *,
        denied_on: date,
        episode_id: UUID,
        reason: str,
        decided_by: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Deny what was requested and not yet granted."""
        self._check_open_or_settling(denied_on)
        self._check_date(by, denied_on, backdated=False)
        episode = self._episode(episode_id)
        if episode.denied_on is not None:
            return
        self._living(episode_id)
        refuse_if(episode.granted_on, "already-granted")
        check_codes(reason=("deny_reasons", reason))
        service = catalogue.service(episode.service, denied_on)
        self.record(
            ServiceDenied(
                occurred_on=denied_on,
                episode_id=episode_id,
                decided_by=self._decided_by(by, service, decided_by),
                reason=reason,
                commitment=commitment,
            )
        )

    def start_service(self, by: By, *, started_on: date, episode_id: UUID) -> None:
        """A granted service begins; starting it again changes nothing."""
        self._check_open_or_settling(started_on)
        self._check_date(by, started_on, backdated=False)
        episode = self._granted_episode(episode_id)
        if episode.started_on is not None:
            return
        refuse_if(episode.granted_on and started_on < episode.granted_on, "started-before-granted")
        self.record(ServiceStarted(occurred_on=started_on, episode_id=episode_id))

    def renew_service(
        self,
        by: By,
        *,
        renewed_on: date,
        episode_id: UUID,
        valid_to: date | None = None,
        evidence: Evidence | None = None,
        decided_by: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Prolong what is in force, or lapsed no longer than the catalogue's grace (RULES G11)."""
        self._check_open_or_settling(renewed_on)
        self._check_date(by, renewed_on, backdated=False)
        episode = self._granted_episode(episode_id)
        service = catalogue.service(episode.service, renewed_on)
        before = [terms for terms in episode.terms if terms.on <= renewed_on]
        refuse_if(not before, "renewed-before-granted")
        public = _public(service, service.check_overlay(evidence or {}))
        after = [*before, Terms(renewed_on, self.version + 1, valid_to, public)]
        self._check_terms(service, episode.valid_from, after)
        self._check_later(service, episode, before, after, renewed_on)
        key = service.exclusive_key(episode.unit_id, overlaid(after))
        self._check_exclusive(service, episode.person_id, key, renewed_on, but=episode)
        self.record(
            ServiceRenewed(
                occurred_on=renewed_on,
                episode_id=episode_id,
                decided_by=self._decided_by(by, service, decided_by),
                valid_to=valid_to,
                evidence=public,
                commitment=commitment,
            )
        )

    def end_service(self, by: By, *, ended_on: date, episode_id: UUID, reason: str) -> None:
        """End what was granted; ``ended_on`` is the first day without it."""
        self._check_open_or_settling(ended_on)
        self._check_date(by, ended_on, backdated=False)
        episode = self._episode(episode_id)
        if (episode.ended_on, episode.ended_reason) == (ended_on, reason):
            return
        self._granted_episode(episode_id)
        check_codes(reason=("service_end_reasons", reason))
        begun = episode.started_on or episode.granted_on
        refuse_if(begun and ended_on < begun, "ended-before-started")
        self.record(ServiceEnded(occurred_on=ended_on, episode_id=episode_id, reason=reason))

    def record_delivery(
        self,
        by: By,
        *,
        delivered_on: date,
        episode_id: UUID,
        service: str,
        person_id: UUID | None = None,
        unit_id: UUID | None = None,
        evidence: Evidence | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """A one-off or periodic service was given; the same delivery under another id is refused (RULES G11)."""
        self._check_open_or_settling(delivered_on)
        self._check_date(by, delivered_on, backdated=False)
        if episode_id in self.episodes:
            return
        given = self._offered(service, delivered_on, person_id)
        refuse_if(given.kind == "episode", "not-a-delivery")
        public = _public(given, given.check_evidence(evidence or {}))
        self._check_unit(given, unit_id)
        self._check_not_delivered(service, person_id, delivered_on, public)
        self.record(
            ServiceDelivered(
                occurred_on=delivered_on,
                episode_id=episode_id,
                service=service,
                person_id=person_id,
                unit_id=unit_id,
                evidence=public,
                commitment=commitment,
            )
        )

    def _episode(self, episode_id: UUID) -> Episode:
        episode = self.episodes.get(episode_id)
        if episode is None:
            raise Refused("episode-unknown")
        self._check_still_here(episode_id)
        self._check_still_ours(episode.person_id)
        return episode

    def _living(self, episode_id: UUID) -> Episode:
        episode = self._episode(episode_id)
        refuse_if(episode.voided, "voided")
        refuse_if(episode.denied_on, "denied")
        refuse_if(episode.is_over, "episode-ended")
        return episode

    def _granted_episode(self, episode_id: UUID) -> Episode:
        episode = self._living(episode_id)
        refuse_if(episode.granted_on is None, "not-granted")
        return episode

    def _offered(self, code: str, on: date, person_id: UUID | None) -> Service:
        service = catalogue.service(code, on)
        refuse_if(service.beneficiary == "person" and person_id is None, "person-needed")
        refuse_if(service.beneficiary == "household" and person_id is not None, "household-service")
        if person_id is not None:
            self._member(person_id, on)
        return service

    def _decided_by(self, by: By, service: Service, decided_by: str | None) -> str:
        own = by.bureau if by.own_bureau_only else None
        bureau = decided_by or own or service.lead[0]
        refuse_if(own is not None and bureau != own, "bureau-not-yours")
        refuse_if(bureau not in service.responsible, "bureau-not-responsible")
        return bureau

    def _check_unit(self, service: Service, unit_id: UUID | None) -> None:
        refuse_if(service.needs_unit and unit_id is None, "unit-needed")

    def _check_terms(self, service: Service, valid_from: date | None, terms: list[Terms]) -> None:
        given = terms[-1].valid_to
        if given is None:
            return  # evidence may well say that it lapsed before: it is recorded, and counts on no day
        computed = has_fixed_term(service)
        refuse_if(computed and given != last_day(service, valid_from, terms), "valid-to-computed")
        refuse_if(valid_from is not None and given < valid_from, "valid-to-before-from")

    def _check_later(
        self, service: Service, episode: Episode, before: list[Terms], after: list[Terms], on: date
    ) -> None:
        old, new = (last_day(service, episode.valid_from, terms) for terms in (before, after))
        refuse_if(old is None, "renewal-of-open-ended")
        if old is not None:
            refuse_if(on > add_days(old, service.grace_days), "lapsed-too-long")
            refuse_if(new is not None and new <= old, "renewal-not-later")

    def _check_exclusive(
        self,
        service: Service,
        person_id: UUID | None,
        key: tuple[str, object] | None,
        on: date,
        but: Episode | None = None,
    ) -> None:
        """One open episode of an exclusive service, for some of them by unit (RULES G11)."""
        refuse_if(self._open_beside(service, person_id, key, on, but), "service-open")

    def _open_beside(
        self,
        service: Service,
        person_id: UUID | None,
        key: tuple[str, object] | None,
        on: date,
        but: Episode | None = None,
    ) -> bool:
        if key is None:
            return False
        for other in self.episodes_of.get((service.code, person_id), ()):
            if other is but or other.is_over or self.has_gone(other.episode_id):
                continue
            ends = last_day(service, other.valid_from, other.terms) if other.terms else None
            if key == service.exclusive_key(other.unit_id, other.evidence()) and (ends is None or ends >= on):
                return True
        return False

    def _check_not_delivered(self, service: str, person_id: UUID | None, on: date, evidence: Evidence) -> None:
        others = self.episodes_of.get((service, person_id), ())
        that_day = [
            other
            for other in others
            if other.delivered_on == on and not other.voided and not self.has_gone(other.episode_id)
        ]
        refuse_if(any(other.evidence() == evidence for other in that_day), "delivered-already")


def _public(service: Service, evidence: Evidence) -> Evidence:
    """Evidence that may stand in an event; the rest belongs in the vault (RULES G9)."""
    return service.split_evidence(evidence)[0]
