"""All that is held of a household beside its file and its events: the vault, consents, erasures, and who read it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api import naming
from api.giving import casework
from casework.domain.household import Household
from casework.log.reading import Db
from casework.privacy.access_log import reads_of, record_reads
from casework.round_path import OF_OBJECTION

Content = dict[str, Any]


def beside(db: Db, household: Household, seen: set[UUID]) -> Content:
    """Return it; ``seen`` are those whose reading was recorded already."""
    subjects = _subjects(db, household)
    vault = casework().persons.vault
    held = [(subject, row) for subject in subjects for row in vault.revisions(db, subject)]
    record_reads(db, naming.reader(), [(household.id, subject) for subject, _ in held if subject not in seen])
    return {
        "sealed": [
            {"subject_id": subject, "revision": row.number, "kind": row.kind, "fields": _shown(row.fields)}
            for subject, row in held
        ],
        "consents": [
            _said(person.person_id, consent) for person in household.people.values() for consent in person.consents
        ],
        "surveys": [
            _answered(person.person_id, survey) for person in household.people.values() for survey in person.surveys
        ],
        "erasures": [
            {"person_id": person.person_id, **_erasure(person.erasure)}
            for person in household.people.values()
            if person.erasure is not None
        ],
        "nominations": [
            {"person_id": told.person_id, "year": year, "nomination_id": told.nomination_id, "kind": told.kind}
            for year, told in casework().candidacies(household.people)
        ],
        "reads": [read._asdict() for read in reads_of(db, household.id, [household.id, *household.people])],
    }


def _subjects(db: Db, household: Household) -> list[UUID]:
    """Whose rows these are: the household's own, of files merged into it too, and its people's.

    They are not of those who are another file's now.
    """
    ours, files = household.still_named(), casework().merged_files(household)
    gone = {person for _, person in naming.elsewhere(db, [(household.id, person) for person in ours])}
    return [*(file.id for file in files), *(person for person in ours if person not in gone)]


def _shown(fields: Content) -> Content:
    """A row's fields; of an objection to a nomination only that there is one, since it may tell who objects."""
    return {name: None if name == OF_OBJECTION else value for name, value in fields.items()}


def _said(person_id: UUID, consent: Any) -> Content:
    names = ("scope", "on", "given", "notice_version", "by", "until")
    return {"person_id": person_id, **{name: getattr(consent, name) for name in names}}


def _answered(person_id: UUID, survey: Any) -> Content:
    names = ("on", "instrument", "version", "answers")
    return {"person_id": person_id, **{name: getattr(survey, name) for name in names}}


def _erasure(erasure: Any) -> Content:
    return {name: getattr(erasure, name) for name in ("requested_on", "basis", "erased_on", "ledger_entry")}
