"""The commands by which people have their say over what is held of them, and the ledger's erasures applied again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from casework.command import CommandPath, Decided
from casework.domain.household import Household
from casework.domain.residence import By, refuse_if
from casework.errors import NotFound, Refused, Unavailable
from casework.log.append import Beside, Erasing
from casework.log.store import erase_rows
from casework.outcome import Context, Outcome
from casework.privacy.ledger import Ledger, Pages, Written


class ErasingCommands(CommandPath):
    """Consent, and erasure: the ledger's entry first, then the vault's rows and the event in one transaction."""

    ledger: Ledger | None = None

    def give_consent(
        self, household_id: UUID, context: Context, *, person_id: UUID, guardian: UUID | None = None, **fields: Any
    ) -> Outcome:
        """A member agrees to a use of their data; the vault knows who is a child, and who an adult."""

        def decide(household: Household, by: By) -> Decided:
            household.person(person_id)
            household.give_consent(
                by,
                person_id=person_id,
                born_on=self._born_on(person_id),
                guardian=guardian,
                guardian_born_on=self._born_on(guardian) if guardian in household.people else None,
                **fields,
            )
            return Decided()

        return self._change(household_id, context, decide)

    def withdraw_consent(self, household_id: UUID, context: Context, **fields: Any) -> Outcome:
        """A use of a person's data is no longer agreed to."""

        def decide(household: Household, by: By) -> Decided:
            household.withdraw_consent(by, **fields)
            return Decided()

        return self._change(household_id, context, decide, merged=True)

    def record_survey(self, household_id: UUID, context: Context, **fields: Any) -> Outcome:
        """A member who agreed to surveys answered one."""

        def decide(household: Household, by: By) -> Decided:
            household.record_survey(by, **fields)
            return Decided()

        return self._change(household_id, context, decide)

    def request_erasure(self, household_id: UUID, context: Context, **fields: Any) -> Outcome:
        """What names a person is to be erased."""

        def decide(household: Household, by: By) -> Decided:
            household.request_erasure(by, **fields)
            return Decided()

        return self._change(household_id, context, decide, merged=True)

    def erase_person(self, household_id: UUID, context: Context, *, person_id: UUID, erased_on: date) -> Outcome:
        """What names a person goes for good: repeated after a failure at any place, it goes on from there."""
        if self.ledger is None:
            raise Unavailable("ledger-missing")
        with self.ledger.pages() as pages:

            def decide(household: Household, by: By) -> Decided:
                self._check_not_elsewhere(household, person_id)
                return self._decide_erasure(household, by, pages, person_id, erased_on)

            return self._change(household_id, context, decide, merged=True)

    def reconcile(self) -> int:
        """Erase again whom the ledger says was erased and this vault still knows; return how many entries that were.

        The events come too, where the log lacks them: after a restore of all of the database, or an erasure that was
        cut off behind its entry. Raises as :meth:`Ledger.check` where the ledger itself is not right.
        """
        if self.ledger is None:
            return 0
        with self.ledger.pages() as pages:
            with self.pool.connection() as db:
                missing = self.ledger.missing(db, pages.written)
            for written in missing:
                self._apply_again(pages, written)
        return len(missing)

    def _apply_again(self, pages: Pages, written: Written) -> None:
        entry = written.entry
        with self.pool.connection() as db:
            home = self.persons.holders(db, [entry.person_id]).get(entry.person_id, entry.household_id)

        def decide(household: Household, by: By) -> Decided:
            person = household.people.get(entry.person_id)
            if person is None or person.is_erased or person.spells[-1].to_household is not None:
                return Decided()
            if household.is_doubled(entry.person_id):  # as it was before the departure was voided
                return Decided()
            if person.erasure is None:
                household.request_erasure(by, requested_on=by.today, person_id=entry.person_id, basis=entry.basis)
            return self._decide_erasure(household, by, pages, entry.person_id, by.today)

        with suppress(NotFound):  # the log may be older than the household
            self._change(home, Context(actor="operator", role="operator"), decide, merged=True)
        with self.pool.connection() as db:
            erase_rows(db, entry.people, entry.subjects, None, [(entry.number, written.hash)])

    def _decide_erasure(self, household: Household, by: By, pages: Pages, person_id: UUID, on: date) -> Decided:
        person = household.person(person_id)
        files = self._whole(household)
        last = [] if self._named_beside(files, {person_id, *person.doubles}) else [each.id for each in files]
        basis = person.erasure.basis if person.erasure is not None else ""
        subjects = [person_id, *person.doubles, *last]
        entry = pages.entry(household.id, person_id, subjects, basis, datetime.now(UTC))
        before = household.version
        household.erase_person(by, erased_on=on, person_id=person_id, ledger_entry=entry.number)
        if household.version == before:
            return Decided()

        def write() -> list[tuple[int, bytes]]:
            pages.write(entry)
            return [(each.entry.number, each.hash) for each in pages.of(person_id)]

        claim = self.persons.hashes.claim_hash("person", str(person_id))
        return Decided(Beside(erasing=Erasing(entry.people, entry.subjects, claim, write)))

    def merged_files(self, household: Household) -> list[Household]:
        """The household's file, and those that were merged into it: what they hold of a whole household is its own."""
        files = [household]
        for file in files:
            files += [self.household(other) for other, taken in file.taken_in.items() if not taken.is_given_back]
        return files

    def _whole(self, household: Household) -> list[Household]:
        """The files that are one household's by now, this one first."""
        whole = household
        while whole.merged_into is not None:
            whole = self.household(whole.merged_into)
        return [household, *(file for file in self.merged_files(whole) if file.id != household.id)]

    def _named_beside(self, files: Sequence[Household], gone: set[UUID]) -> set[UUID]:
        """Whose names are left once a person's is gone; with the last one goes the household's evidence (RULES G9).

        Somebody who left may have been erased in another household, of which this one's stream tells nothing.
        """
        others = {person_id for file in files for person_id in file.still_named()} - gone
        with self.pool.connection() as db:
            return others - self.persons.erased(db, others)

    def _check_not_elsewhere(self, household: Household, person_id: UUID) -> None:
        """Refuse where they, or another record of theirs, are active in another household.

        Of the person it is asked again in the append, before anything is written.
        """
        person = household.people.get(person_id)
        with self.pool.connection() as db:
            holders = self.persons.holders(db, [person_id, *person.doubles] if person is not None else [])
        refuse_if(not {household.id}.issuperset(holders.values()), "erasure-elsewhere")

    def _born_on(self, person_id: UUID) -> date:
        with self.pool.connection() as db:
            profile = self.persons.profile(db, person_id)
        if profile is None:
            raise Refused("person-erased")
        return profile.born_on
