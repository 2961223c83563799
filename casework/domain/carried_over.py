"""What comes to a household from others and goes to them, as the fold remembers it (RULES G4)."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from uuid import UUID

from casework.domain.events.event import HouseholdEvent
from casework.domain.events.membership import NewMember, ReturnedMember
from casework.domain.events.regrouping import (
    HouseholdMergedAway,
    HouseholdMergedIn,
    HouseholdRestored,
    HouseholdSplit,
    HouseholdUnmerged,
)
from casework.domain.events.residence import HouseholdReopened
from casework.domain.registered_twice import come_back, known_here
from casework.domain.regrouping import RegroupingCommands
from casework.domain.residence import MERGED_AWAY
from casework.domain.state import Carried, Closing, Episode, Need, Person, Spell, Stay, TakenIn, Told


class CarriedOver(RegroupingCommands):
    """People and records as the fold remembers them, wherever they come from."""

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
