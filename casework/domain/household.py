"""The household: what its events say, and the commands that may follow (DOMAIN 8.2, RULES G)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from casework.domain.carried_over import CarriedOver
from casework.domain.consents import ConsentCommands
from casework.domain.corrections import correct
from casework.domain.events.consents import (
    ConsentGiven,
    ConsentWithdrawn,
    ErasureRequested,
    IntegrationSurveyRecorded,
    PersonErased,
)
from casework.domain.events.corrections import EntryVoided, MemberFactsCorrected, ServiceCorrected, ServiceVoided
from casework.domain.events.event import HouseholdEvent
from casework.domain.events.livelihood import EmploymentEnded, EmploymentStarted, NeedCleared, NeedRecorded
from casework.domain.events.membership import (
    HeadChanged,
    MemberBorn,
    MemberDied,
    MemberFactsRecorded,
    MemberJoined,
    MemberLeft,
)
from casework.domain.events.residence import (
    HouseholdClosed,
    HouseholdMoved,
    HouseholdRegistered,
    ResidenceVerified,
)
from casework.domain.events.services import (
    ReferralAnswered,
    ServiceDelivered,
    ServiceDenied,
    ServiceEnded,
    ServiceGranted,
    ServiceReferred,
    ServiceRenewed,
    ServiceRequested,
    ServiceStarted,
)
from casework.domain.events.transfers import TransferAnswered, TransferRequested
from casework.domain.fact_corrections import correct_facts
from casework.domain.registered_twice import make_one
from casework.domain.state import (
    Birth,
    Consent,
    Employment,
    Episode,
    Erasure,
    Need,
    Origin,
    Person,
    Referral,
    Survey,
    Terms,
    Told,
    Transfer,
)
from casework.domain.transfers import TransferCommands


class Household(CarriedOver, ConsentCommands, TransferCommands):
    """One household's whole history, folded; its commands stand in the modules of its bases."""

    def apply(self, event: HouseholdEvent) -> None:  # the order is that of frequency: replay is a hot path
        self.entries.append(event)
        on = event.occurred_on
        match event:
            case ServiceDelivered():
                self._delivered(event)
            case ServiceRequested():
                self._requested(event)
            case ServiceGranted():
                self._granted(event)
            case ServiceRenewed(valid_to=valid_to, evidence=evidence):
                self.episodes[event.episode_id].renew(Terms(on, self.version, valid_to, evidence))
            case ServiceStarted():
                self.episodes[event.episode_id].started_on = on
            case ServiceEnded(reason=reason):
                self._end_episode(self.episodes[event.episode_id], on, reason)
            case ResidenceVerified(outcome=outcome):
                self.verified.append((on, outcome))
            case NeedRecorded():
                need = Need(event.need_id, event.need, event.person_id, event.result, on, self.version)
                self._remember_need(need)
            case NeedCleared(need_id=need_id, reason=reason):
                need = self.needs[need_id]
                need.cleared_on, need.cleared_reason = on, reason
            case EmploymentStarted():
                self._employed(event)
            case EmploymentEnded(employment_id=employment_id):
                self._end_employment(self.employments[employment_id], on, event.to, event.reason)
            case HouseholdRegistered():
                self._registered(event)
            case HouseholdMoved(to_community=community):
                self.residences.append((on, self.version, community))
                self.residences.sort(key=lambda residence: residence[:2])
            case MemberFactsRecorded(person_id=person_id, facts=facts):
                self.people[person_id].tell(Told(on, self.version, facts))
            case MemberJoined(member=member):
                self._take_in(on, member)
            case MemberBorn(member=member, mother=mother):
                self._take_in(on, member)
                if mother is not None:
                    birth = Birth(on, member.birth_month, member.person_id, self.version)
                    self.people[mother].births.append(birth)
                    self.people[member.person_id].mother = mother
            case _:
                self._apply_rare(event)

    def _apply_rare(self, event: HouseholdEvent) -> None:
        on = event.occurred_on
        match event:
            case MemberLeft(person_id=person_id, same_as=same_as):
                if same_as is not None:
                    make_one(self, person_id, same_as)
                self._part(person_id, on, event.to_household, event.new_head)
            case MemberDied(person_id=person_id):
                self._part(person_id, on, None, event.new_head)
                self._bury(person_id, on)
            case HeadChanged(person_id=person_id):
                self.head = person_id
            case HouseholdClosed(reason=reason, ended_episodes=ended):
                self.closed_on, self.closed_reason = on, reason
                for episode_id in ended:
                    end = "moved" if reason == "left_city" else "withdrawn"
                    self._end_episode(self.episodes[episode_id], on, end)
            case ServiceReferred():
                referral = Referral(event.referral_id, event.from_bureau, event.to_bureau, on, event.due_on)
                self.episodes[event.episode_id].referrals.append(referral)
            case ReferralAnswered(referral_id=referral_id, answer=answer):
                referral = self._referral(self.episodes[event.episode_id], referral_id)
                referral.answered_on, referral.answer = on, answer
            case ServiceDenied(decided_by=bureau):
                episode = self.episodes[event.episode_id]
                episode.denied_on, episode.decided_by = on, bureau
            case ServiceCorrected(changes=changes, corrects=corrects):
                correct(self.episodes[event.episode_id], changes, corrects)
            case ServiceVoided(reason=reason):
                self.episodes[event.episode_id].voided = reason
            case MemberFactsCorrected(person_id=person_id):
                correct_facts(self.people, event)
            case EntryVoided(voids=entry):
                self._leave_out(entry)
            case ConsentGiven(person_id=person_id):
                consent = Consent(event.scope, on, self.version, True, event.notice_version, event.by, event.until)
                self.people[person_id].say(consent)
            case ConsentWithdrawn(person_id=person_id):
                self.people[person_id].say(Consent(event.scope, on, self.version, given=False))
            case ErasureRequested(person_id=person_id):
                self.people[person_id].erasure = Erasure(on, event.basis)
            case IntegrationSurveyRecorded(person_id=person_id):
                origin = Origin(self.id, self.version)
                survey = Survey(on, event.instrument, event.version, event.answers, origin)
                self.people[person_id].surveys.append(survey)
            case PersonErased(person_id=person_id) if person_id in self.people:
                self._erased(self.people[person_id], on, event.ledger_entry)
            case PersonErased():
                pass  # a doubled record that another household's file holds
            case TransferRequested():
                self._transfer_asked(event)
            case TransferAnswered(transfer_id=transfer_id, answer=answer, reason=reason):
                transfer = self.transfers[transfer_id]
                transfer.answered_on, transfer.answer, transfer.reason = on, answer, reason
                transfer.moved_to = event.moved_to
            case _:
                self._apply_regrouping(event)

    def _registered(self, event: HouseholdRegistered) -> None:
        self.arrived_on = event.occurred_on
        self.origin, self.origin_division = event.origin, event.origin_division
        self.origin_household = event.from_household
        self.residences = [(event.occurred_on, self.version, event.community)]
        self.head = event.head
        for member in event.members:
            self._take_in(event.occurred_on, member)
        if event.carried is not None:
            self._keep(event.carried)

    def _bury(self, person_id: UUID, on: date) -> None:
        for employment in self.employments.values():
            if employment.person_id == person_id and employment.ended_on is None:
                self._end_employment(employment, on, on - timedelta(days=1), "deceased")
        for episode in self.episodes.values():
            if episode.person_id == person_id and not episode.is_over:
                self._end_episode(episode, on, "deceased")

    def _erased(self, person: Person, on: date, ledger_entry: int) -> None:
        person.erasure = person.erasure or Erasure(on, "")
        person.erasure.erased_on, person.erasure.ledger_entry = on, ledger_entry

    def _transfer_asked(self, event: TransferRequested) -> None:
        self.transfers[event.transfer_id] = Transfer(
            event.transfer_id,
            event.person_id,
            event.to_community,
            event.to_household,
            event.relation,
            event.whole_household,
            event.occurred_on,
            event.due_on,
        )

    def _employed(self, event: EmploymentStarted) -> None:
        self.employments[event.employment_id] = Employment(
            event.employment_id,
            event.person_id,
            event.kind,
            event.unit_id,
            event.occurred_on,
            self.version,
            event.from_,
        )

    def _end_employment(self, employment: Employment, on: date, to: date, reason: str) -> None:
        employment.ended_on, employment.to, employment.reason = on, to, reason

    def _end_episode(self, episode: Episode, on: date, reason: str) -> None:
        episode.ended_on, episode.ended_reason = on, reason

    def _requested(self, event: ServiceRequested) -> None:
        self._remember_episode(
            Episode(
                event.episode_id,
                event.service,
                event.person_id,
                unit_id=event.unit_id,
                requested_on=event.occurred_on,
                channel=event.channel,
                override_reason=event.override_reason,
            )
        )

    def _granted(self, event: ServiceGranted) -> None:
        episode = self.episodes[event.episode_id]
        episode.decided_by, episode.said_from = event.decided_by, event.valid_from
        episode.unit_id = event.unit_id or episode.unit_id
        episode.terms = [Terms(event.occurred_on, self.version, event.valid_to, event.evidence)]

    def _delivered(self, event: ServiceDelivered) -> None:
        self._remember_episode(
            Episode(
                event.episode_id,
                event.service,
                event.person_id,
                event.unit_id,
                delivered_on=event.occurred_on,
                terms=[Terms(event.occurred_on, self.version, None, event.evidence)],
            )
        )


def fold(household: Household | None, recorded: Any) -> Household | None:
    """Replay a household's events: the ``projector_func`` of its repository."""
    return Household.fold(household, recorded)
