"""The path of every command on a selection round: load, decide, save; and what commands ask beside the round."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from casework.candidates import Candidates
from casework.command import Decided
from casework.domain.aggregate import Event, Recorded
from casework.domain.codes import bureaus
from casework.domain.policy import Policy, load_policy, policy_in_force
from casework.domain.registry import Unit, unit_id
from casework.domain.residence import By
from casework.domain.rounds import events as told
from casework.domain.rounds.history import History
from casework.domain.rounds.nominating import is_of_person
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.round import Round, round_id
from casework.errors import Forbidden, NotFound, Refused
from casework.log import reading
from casework.log.append import Beside, VaultRow
from casework.outcome import Context, Outcome
from casework.privacy.persons import sealed_fields

FIRST_YEAR = 2012
"""No round is older than the first policy."""

OF_OBJECTION = "objection"
"""The name of a vault row's field that would tell a candidate who objects to them, and what of."""

HISTORY: Sequence[type[Event]] = (
    told.RoundOpened,
    told.NominationSubmitted,
    told.VetoRecorded,
    told.VetoLifted,
    told.CommendationIssued,
    told.CommendationRevoked,
    told.RoundCancelled,
)
"""What later rounds ask of an earlier one."""

Decide = Callable[[Round, By], Decided | None]


class RoundPath(Candidates):
    """Loads rounds, and saves what is decided of them with what belongs in the vault."""

    def round(self, year: int) -> Round:
        """Return a year's round, folded from its own stream; NotFound where none was opened."""
        found: Round | None = self._loaded_as(Round, round_id(year))
        if found is None:
            raise NotFound("round-unknown")
        return found

    def round_years(self) -> list[int]:
        """Return the years that have a round, the latest first."""
        ids = {round_id(year): year for year in range(FIRST_YEAR, self.today.year + 1)}
        with self.pool.connection() as db:
            begun = reading.events_of_types(db, list(ids), [told.RoundOpened.type_name])
        return sorted((ids[stream_id] for stream_id, *_ in begun), reverse=True)

    def history(self, year: int, on: date | None = None) -> History:
        """Return what the rounds before a year say of candidates, or said by the end of a day."""
        return History(self._earlier(year, on or self.today))

    def candidacies(self, person_ids: Collection[UUID]) -> list[tuple[int, told.NominationSubmitted]]:
        """Return the nominations of some people, with the years of their rounds, the earliest first."""
        ids = {round_id(year): year for year in range(FIRST_YEAR, self.today.year + 1)}
        with self.pool.connection() as db:
            rows = reading.events_of_types(db, list(ids), [told.NominationSubmitted.type_name])
        submitted = [(ids[stream_id], self._decode(type_name, state)) for stream_id, _, type_name, state in rows]
        return sorted((each for each in submitted if each[1].person_id in person_ids), key=lambda each: each[0])

    def _with_text(
        self, year: int, context: Context, command: str, nomination_id: UUID, text: str | None, **fields: Any
    ) -> Outcome:
        """Give a command on a nomination whose free text goes to the vault, with the person where it is about one."""

        def decide(opened: Round, by: By) -> Decided:
            name = OF_OBJECTION if "objection_id" in fields else "remark"
            row = self._text(subject_of(opened.nomination(nomination_id)), text, name)
            getattr(opened, command)(by, nomination_id=nomination_id, commitment=row and row.commitment, **fields)
            return beside(row)

        return self._change_round(year, context, decide)

    def _change_round(self, year: int, context: Context, decide: Decide) -> Outcome:
        return self._change_registry(round_id(year), Round, context, decide)

    def _earlier(self, year: int, on: date) -> list[Round]:
        ids = [round_id(each) for each in range(FIRST_YEAR, year)]
        with self.pool.connection() as db:
            rows = reading.events_of_types(db, ids, [kind.type_name for kind in HISTORY])
        rounds: dict[UUID, Round] = {}
        for stream_id, version, type_name, state in rows:
            earlier = rounds.setdefault(stream_id, Round(stream_id))
            event = self._decode(type_name, state)
            if event.occurred_on <= on:
                Round.fold(earlier, [Recorded(stream_id, version, event)])
        return list(rounds.values())

    def _policy(self, on: date) -> Policy:
        """The policy that was put in force last, else the one of the files' own dates."""
        activated = [each for each in self.registry().policies.activated if each.occurred_on <= on]
        return load_policy(activated[-1].version) if activated else policy_in_force(on)

    def _consenting(self, opened: Round) -> Collection[UUID]:
        people = [n.candidate for n in opened.nominations.values() if is_of_person(n) and n.ranked is not None]
        return self.consenting(people)

    def _unsealed(self, nominations: Sequence[Nomination]) -> dict[UUID, dict[str, dict[str, int]]]:
        """What panelists gave, from the vault."""
        commitments = [each for nomination in nominations for each in nomination.scored.values()]
        with self.pool.connection() as db:
            opened = self.persons.vault.by_commitment(db, [each.id for each in nominations], commitments)
        return {
            nomination.id: {name: opened[sealed]["items"] for name, sealed in nomination.scored.items()}
            for nomination in nominations
        }

    def _text(self, subject: UUID, text: str | None, name: str = "remark") -> VaultRow | None:
        return sealed_fields(self.persons.vault, subject, {name: text} if text else {})

    def _unit_named(self, unit: UUID | None) -> Unit:
        """A unit of the registry as it is now; one that is unknown is told by the rule that asks for it."""
        assert unit is not None
        return self.registry().units.get(unit) or Unit(unit)

    def _office(self, context: Context) -> Unit:
        office = self.office_of(context.bureau, context.unit)
        if office is None:
            raise Refused("nominator-missing")
        return self._unit_named(office)

    def office_of(self, bureau: str | None, unit: UUID | None) -> UUID | None:
        """Return the unit that somebody nominates for: their municipal bureau, or of local government their unit."""
        kind = next((each.kind for each in bureaus() if each.code == bureau), None)
        return unit if kind in (None, "local", "zone") else unit_id(str(bureau))

    def _check_own(self, context: Context, authority: UUID) -> None:
        """Who works at a bureau speaks for that one alone."""
        if context.role == "bureau" and authority != self.office_of(context.bureau, context.unit):
            raise Forbidden("bureau-not-yours")


def subject_of(nomination: Nomination) -> UUID:
    """Whom the vault keeps a nomination's texts under: the person, with whom they are erased, else the nomination."""
    return nomination.submitted.person_id or nomination.id


def beside(row: VaultRow | None) -> Decided:
    """A decision that leaves a row in the vault, if there is one."""
    return Decided(Beside([row] if row is not None else []))
