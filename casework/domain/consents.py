"""A person's say over what is held of them: commands 31 to 35 of DOMAIN 8.2."""

from __future__ import annotations

import re
from datetime import date
from uuid import UUID

from casework.domain.calendar import age_on
from casework.domain.checks import check_code
from casework.domain.events.consents import (
    ConsentGiven,
    ConsentWithdrawn,
    ErasureRequested,
    IntegrationSurveyRecorded,
    PersonErased,
)
from casework.domain.evidence import field_error
from casework.domain.membership import MembershipCommands
from casework.domain.policy import policy_of
from casework.domain.residence import By, refuse_if
from casework.domain.state import Answers, Consent, Person
from casework.errors import Invalid, Refused

CONSENTS_AT = 14
"""From this age on nobody else consents for a person (Personal Information Protection Law, article 31)."""

MOST_ANSWERS = 100
LARGEST_ANSWER = 1_000_000

_NOTICE = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_CODE = _NOTICE


class ConsentCommands(MembershipCommands):
    """Consent and take it back; ask to be erased, and be; answer surveys."""

    def give_consent(
        self,
        by: By,
        *,
        given_on: date,
        person_id: UUID,
        scope: str,
        notice_version: str,
        born_on: date,
        guardian: UUID | None = None,
        guardian_born_on: date | None = None,
        until: date | None = None,
    ) -> None:
        """A member agrees to a use of their data, having read a version of the notice; a guardian does for a child.

        Dates of birth are the vault's. What is agreed to already, in the same words, is not recorded again.
        """
        self._check_open()
        self._check_date(by, given_on, backdated=False)
        person = self._member(person_id, given_on)
        refuse_if(not person.stays_on(given_on), "person-not-a-member")
        check_code("scope", "consent_scopes", scope)
        if not _NOTICE.fullmatch(notice_version):
            raise Invalid(errors=(field_error("/notice_version", "field-value"),))
        refuse_if(until is not None and until < given_on, "ends-before-start")
        self._check_who_consents(person, given_on, born_on, guardian, guardian_born_on)
        event = ConsentGiven(
            occurred_on=given_on,
            person_id=person_id,
            scope=scope,
            notice_version=notice_version,
            by=guardian,
            until=until,
        )
        holds = person.consent_on(scope, given_on)
        if holds is None or (holds.notice_version, holds.by, holds.until) != (notice_version, guardian, until):
            self.record(event)

    def withdraw_consent(self, by: By, *, withdrawn_on: date, person_id: UUID, scope: str) -> None:
        """Take consent back, also when the file is closed; on uses before that day it has no effect."""
        self._check_date(by, withdrawn_on, backdated=False)
        person = self._ours(person_id)
        check_code("scope", "consent_scopes", scope)
        said = [consent for consent in person.consents if consent.scope == scope and consent.on <= withdrawn_on]
        refuse_if(not said, "consent-not-given")
        if said[-1].given:
            self.record(ConsentWithdrawn(occurred_on=withdrawn_on, person_id=person_id, scope=scope))

    def request_erasure(self, by: By, *, requested_on: date, person_id: UUID, basis: str) -> None:
        """Ask that what names a person be erased, also when they left or the file is closed; once is enough."""
        self._check_date(by, requested_on, backdated=False)
        person = self._ours(person_id)
        check_code("basis", "erasure_bases", basis)
        if person.erasure is None:
            self.record(ErasureRequested(occurred_on=requested_on, person_id=person_id, basis=basis))

    def erase_person(self, by: By, *, erased_on: date, person_id: UUID, ledger_entry: int) -> None:
        """What names a person goes, as was asked; erasing whoever is erased changes nothing.

        Whoever knew them by a record that was found to be theirs is told of that one too, though it may be none of
        this household's, where they moved here since.
        """
        self._check_date(by, erased_on, backdated=False)
        person = self.person(person_id)
        if person.is_erased:
            return
        self._ours(person_id)
        if person.erasure is None:
            raise Refused("erasure-not-requested")
        refuse_if(erased_on < person.erasure.requested_on, "erased-before-requested")
        for record in (person_id, *person.doubles):
            self.record(PersonErased(occurred_on=erased_on, person_id=record, ledger_entry=ledger_entry))

    def record_survey(
        self, by: By, *, surveyed_on: date, person_id: UUID, instrument: str, version: str, answers: Answers
    ) -> None:
        """Keep what a member answered who agreed to surveys; the same answers of a day are kept once."""
        self._check_open()
        self._check_date(by, surveyed_on, backdated=False)
        person = self._member(person_id, surveyed_on)
        refuse_if(person.consent_on("survey", surveyed_on) is None, "consent-missing")
        _check_answers(instrument, version, answers)
        told = [s for s in person.surveys if (s.on, s.instrument, s.version) == (surveyed_on, instrument, version)]
        if told:
            refuse_if(told[0].answers != answers, "survey-told")
            return
        self.record(
            IntegrationSurveyRecorded(
                occurred_on=surveyed_on, person_id=person_id, instrument=instrument, version=version, answers=answers
            )
        )

    def consent_on(self, person_id: UUID, scope: str, day: date) -> Consent | None:
        """The consent of a person to a use of their data that holds on a day, if one does."""
        person = self.people.get(person_id)
        return None if person is None or person.is_erased else person.consent_on(scope, day)

    def still_named(self) -> list[UUID]:
        """Whose names may still be held here, under each of their records.

        Who moved to another household with all that is theirs is that one's.
        """
        people = self.people.values()
        went = {double for person in people if person.spells[-1].to_household is not None for double in person.doubles}
        stayed = [each for each in people if each.spells[-1].to_household is None and each.person_id not in went]
        named = [person for person in stayed if not person.is_erased]
        return list(dict.fromkeys(record for person in named for record in (person.person_id, *person.doubles)))

    def _ours(self, person_id: UUID) -> Person:
        """Return somebody whose record is kept here, and is the one that stays: what they say holds for all theirs."""
        person = self.person(person_id)
        if person.spells[-1].to_household is not None:
            self.check_not_merged()
        self._check_still_ours(person_id)
        refuse_if(self.is_doubled(person_id), "record-doubled")
        return person

    def _check_who_consents(
        self, person: Person, on: date, born_on: date, guardian: UUID | None, guardian_born_on: date | None
    ) -> None:
        if guardian is None:
            refuse_if(age_on(born_on, on) < CONSENTS_AT, "guardian-needed")
            return
        refuse_if(age_on(born_on, on) >= CONSENTS_AT, "consent-by-other")
        refuse_if(guardian == person.person_id or not self._is_active(guardian, on), "guardian-not-a-member")
        adult = policy_of(on).ages.adult
        refuse_if(guardian_born_on is None or age_on(guardian_born_on, on) < adult, "guardian-not-adult")


def _check_answers(instrument: str, version: str, answers: Answers) -> None:
    """Refuse what is no code, number, yes or no: a name or free text would stay in the log for ever."""
    named = [("/instrument", instrument), ("/version", version), *(("/answers", name) for name in answers)]
    wrong = [pointer for pointer, name in named if not _CODE.fullmatch(name)]
    if not answers or len(answers) > MOST_ANSWERS or not all(map(_is_answer, answers.values())):
        wrong.append("/answers")
    if wrong:
        raise Invalid(errors=tuple(field_error(pointer, "field-value") for pointer in dict.fromkeys(wrong)))


def _is_answer(value: object) -> bool:
    if isinstance(value, str):
        return _CODE.fullmatch(value) is not None
    return isinstance(value, int) and abs(value) <= LARGEST_ANSWER
