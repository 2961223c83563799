"""The household: what its events say, and the commands that may follow (DOMAIN 8.2, RULES G)."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any
from uuid import UUID

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
    NewMember,
    ReturnedMember,
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
from casework.domain.registered_twice import come_back, known_here, make_one
from casework.domain.regrouping import RegroupingCommands
from casework.domain.residence import MERGED_AWAY
from casework.domain.state import (
    Birth,
    Carried,
    Closing,
    Consent,
    Employment,
    Episode,
    Erasure,
    Need,
    Origin,
    Person,
    Referral,
    Spell,
    Stay,
    Survey,
    TakenIn,
    Terms,
    Told,
    Transfer,
)
from casework.domain.transfers import TransferCommands


class Household(RegroupingCommands, ConsentCommands, TransferCommands):
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
            case PersonErased(person_id=person_id):
                self._erased(self.people[person_id], on, event.ledger_entry)
            case TransferRequested():
                self._transfer_asked(event)
            case TransferAnswered(transfer_id=transfer_id, answer=answer, reason=reason):
                transfer = self.transfers[transfer_id]
                transfer.answered_on, transfer.answer, transfer.reason = on, answer, reason
                transfer.moved_to = event.moved_to
            case _:
                self._apply_regrouping(event)

    def _apply_regrouping(self, event: HouseholdEvent) -> None:
        on = event.occurred_on
        match event:
            case HouseholdReopened():
                self._reopened(event)
            case HouseholdSplit(new_household=other):
                for person_id in event.members:
                    self._part(person_id, on, other, event.new_head)
                for record_id in (*event.episodes, *event.needs):
                    self._give_away(record_id, on, other)
            case HouseholdMergedAway(to_household=other):
                for person_id in event.members:
                    self._part(person_id, on, other, None)
                self.closed_on, self.closed_reason, self.merged_into = on, MERGED_AWAY, other
            case HouseholdMergedIn():
                self._merged_in(event)
            case HouseholdUnmerged():
                self._unmerged(event)
            case HouseholdRestored(members=members):
                self.closed_on = self.closed_reason = self.merged_into = None
                self.head = event.head
                for returned in members:
                    self._take_back(event.from_household, returned)
                self._keep(event.carried)

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

    def _reopened(self, event: HouseholdReopened) -> None:
        on = event.occurred_on
        if self.closed_on is not None and self.closed_reason is not None:
            self.past_closings.append(Closing(self.closed_on, self.closed_reason, on))
        self.closed_on = self.closed_reason = None
        for person_id in event.members:
            self._part(person_id, on, None, None)
            self.people[person_id].spells.append(Spell(on, on, version=self.version))
        self.residences.append((on, self.version, event.community))

    def _merged_in(self, event: HouseholdMergedIn) -> None:
        people = {}
        for member in event.members:
            self._take_in(event.occurred_on, member)
            people[member.person_id] = len(self.people[member.person_id].spells) - 1
        kept = self._keep(event.carried)
        records = (*(need.need_id for need in kept.needs), *(episode.episode_id for episode in kept.episodes))
        for record_id in records:
            self.stays.setdefault(record_id, []).append(Stay(event.occurred_on))
        self.taken_in[event.from_household] = TakenIn(event.occurred_on, people, records, event.duplicates)

    def _unmerged(self, event: HouseholdUnmerged) -> None:
        """What came by the merge, and what came since and goes along, was never here: its times here have no day."""
        other = event.to_household
        for person_id in event.members:
            for spell in self.spells_since(other, person_id):
                spell.left_on, spell.to_household = spell.joined_on, other
        for record_id in event.records:
            stay = self.stays.setdefault(record_id, [Stay()])[-1]
            stay.until, stay.to_household = stay.since, other
        self.taken_in[other] = self.taken_in[other]._replace(is_given_back=True)
        if event.new_head is not None:
            self.head = event.new_head

    def _take_back(self, from_household: UUID, returned: ReturnedMember) -> None:
        new, spells = returned.member, deepcopy(list(returned.spells))
        person = self.people.get(new.person_id)
        if person is None:
            person = Person(new.person_id, new.relation, new.sex, new.birth_month, [])
            self.people[new.person_id] = person
        person.sex, person.birth_month = new.sex, new.birth_month
        last = person.spells[-1] if person.spells else None
        if last is not None and last.to_household == from_household:
            gone_on = spells.pop(0)
            last.left_on, last.to_household = gone_on.left_on, gone_on.to_household
            last.resident_since = gone_on.resident_since
        for spell in spells:
            spell.version = self.version
        person.spells += spells
        if new.carried is not None:
            self._receive(person, new.carried)

    def _give_away(self, record_id: UUID, on: date, to_household: UUID) -> None:
        stay = self.stays.setdefault(record_id, [Stay()])[-1]
        stay.until, stay.to_household = on, to_household

    def _take_in(self, on: date, new: NewMember) -> None:
        doubles = known_here(self, new)
        person = self.people.get(new.person_id)
        if person is None:
            person = Person(new.person_id, new.relation, new.sex, new.birth_month, [])
            self.people[new.person_id] = person
        for each in doubles:
            come_back(self, each, person)
        person.relation = new.relation
        since = new.resident_since or max(on, self.arrived_on)
        person.spells.append(Spell(on, since, version=self.version))
        if new.carried is not None:
            self._receive(person, new.carried)
        person.tell(Told(on, self.version, new.facts))

    def _receive(self, person: Person, carried: Carried) -> None:
        kept = self._keep(carried)
        self.carried_in[person.person_id] = self.version
        person.told, person.births, person.mother = kept.told, kept.births, kept.mother
        person.consents, person.erasure, person.surveys = kept.consents, kept.erasure, kept.surveys
        person.doubles = kept.doubles

    def _keep(self, carried: Carried) -> Carried:
        """Remember records that another stream carried over, as told here; the event stays as it was recorded."""
        carried = deepcopy(carried)
        for record in carried.versioned():
            record.version = self.version
        for employment in carried.employments:
            self.employments[employment.employment_id] = employment
        for need in carried.needs:
            self.carried_in[need.need_id] = self.version
            self._remember_need(need)
        for episode in carried.episodes:
            self._remember_episode(episode)
        return carried

    def _part(self, person_id: UUID, on: date, to_household: UUID | None, new_head: UUID | None) -> None:
        spell = self.people[person_id].current
        if spell is not None:
            spell.left_on, spell.to_household = on, to_household
        if new_head is not None:
            self.head = new_head

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

    def _remember_need(self, need: Need) -> None:
        known = self.needs.get(need.need_id)
        same = self.needs_of.setdefault((need.need, need.person_id), [])
        if known is not None:
            same.remove(known)
        self.needs[need.need_id] = need
        same.append(need)

    def _remember_episode(self, episode: Episode) -> None:
        known = self.episodes.get(episode.episode_id)
        same = self.episodes_of.setdefault((episode.service, episode.person_id), [])
        if known is not None:
            same.remove(known)
        self.episodes[episode.episode_id] = episode
        same.append(episode)


def fold(household: Household | None, recorded: Any) -> Household | None:
    """Replay a household's events: the ``projector_func`` of its repository."""
    return Household.fold(household, recorded)
