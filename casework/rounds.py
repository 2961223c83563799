"""Commands on the yearly selection round, and what each seals in the vault (DOMAIN 8.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from casework.command import Decided
from casework.domain.residence import By
from casework.domain.rounds.nominating import is_of_person
from casework.domain.rounds.round import Round
from casework.errors import Forbidden, Invalid
from casework.outcome import Context, Outcome
from casework.round_path import RoundPath, beside

ANONYMOUS = "anonymous"
"""Who files an objection without being named."""


class RoundCommands(RoundPath):
    """A round takes every step on the day on which it is given: no command names a day of its own."""

    def open_round(self, context: Context, *, year: int, **fields: Any) -> Outcome:
        """Open a year's round under the policy that is in force."""
        return self._change_round(
            year, context, lambda opened, by: opened.open(by, year=year, policy=self._policy(by.today), **fields)
        )

    def nominate(
        self,
        year: int,
        context: Context,
        *,
        nomination_id: UUID | None = None,
        unit: UUID | None = None,
        person_id: UUID | None = None,
        narrative: str | None = None,
        **fields: Any,
    ) -> Outcome:
        """Name a unit, or a person, as the office of the caller. The narrative goes to the vault."""
        if (unit is None) == (person_id is None):
            raise Invalid("candidate-unclear")
        nomination = nomination_id or context.made("nomination_id")

        def decide(opened: Round, by: By) -> Decided:
            row = self._text(person_id or nomination, narrative)
            near = [unit] if unit is not None else self._near(person_id)
            opened.nominate(
                by,
                nomination_id=nomination,
                nominator=self._office(context),
                submitted_by=context.actor,
                candidate=self.consented(person_id) if person_id is not None else self._unit_named(unit),
                areas=self._areas(near),
                history=self.history(year),
                commitment=row and row.commitment,
                **fields,
            )
            return beside(row)

        return self._change_round(year, context, decide)

    def withdraw_nomination(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Take back a nomination of the caller's office."""
        return self._change_round(
            year,
            context,
            lambda opened, by: opened.withdraw_nomination(by, nominator=self._office(context).id, **fields),
        )

    def receive_opinion(
        self,
        year: int,
        context: Context,
        *,
        nomination_id: UUID,
        authority: UUID,
        remark: str | None = None,
        **fields: Any,
    ) -> Outcome:
        """Note an authority's opinion; what it writes goes to the vault."""
        self._check_own(context, authority)
        return self._with_text(
            year, context, "receive_opinion", nomination_id, remark, authority=self._unit_named(authority), **fields
        )

    def decide_eligibility(self, year: int, context: Context, *, nomination_id: UUID, **fields: Any) -> Outcome:
        """Decide whether a candidate may be ranked; of a person, the file is asked."""

        def decide(opened: Round, by: By) -> None:
            person_id = opened.nomination(nomination_id).submitted.person_id
            opened.decide_eligibility(
                by,
                nomination_id=nomination_id,
                history=self.history(year),
                person=self._asked(person_id) if person_id is not None else None,
                **fields,
            )

        return self._change_round(year, context, decide)

    def record_veto(
        self,
        year: int,
        context: Context,
        *,
        nomination_id: UUID,
        authority: UUID,
        veto_id: UUID | None = None,
        remark: str | None = None,
        **fields: Any,
    ) -> Outcome:
        """Note an authority's veto; what it writes goes to the vault."""
        self._check_own(context, authority)
        fields |= {"veto_id": veto_id or context.made("veto_id"), "authority": self._unit_named(authority)}
        return self._with_text(year, context, "record_veto", nomination_id, remark, **fields)

    def lift_veto(self, year: int, context: Context, *, authority: UUID, **fields: Any) -> Outcome:
        """Note that an authority lifts its veto."""
        self._check_own(context, authority)
        return self._change_round(year, context, lambda opened, by: opened.lift_veto(by, authority=authority, **fields))

    def freeze_round(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Keep which figures the round rests on."""
        return self._change_round(year, context, lambda opened, by: opened.freeze(by, **fields))

    def appoint_panelist(self, year: int, context: Context, *, affiliation: UUID, **fields: Any) -> Outcome:
        """Appoint a panelist, recused from whatever is near to them."""

        def decide(opened: Round, by: By) -> None:
            people = [each.candidate for each in opened.nominations.values() if is_of_person(each)]
            opened.appoint_panelist(
                by,
                affiliation=self._unit_named(affiliation),
                registry=self.registry(),
                units_of={person_id: self._workplaces(person_id) for person_id in people},
                **fields,
            )

        return self._change_round(year, context, decide)

    def declare_recusal(
        self, year: int, context: Context, *, nomination_id: UUID, panelist: str | None = None
    ) -> Outcome:
        """Recuse a panelist from a candidate; a panelist does so for nobody else."""
        if context.role == "panelist" and panelist not in (None, context.actor):
            raise Forbidden("panelist-another")
        return self._change_round(
            year,
            context,
            lambda opened, by: opened.declare_recusal(
                by, nomination_id=nomination_id, panelist=panelist or context.actor
            ),
        )

    def record_score(self, year: int, context: Context, *, nomination_id: UUID, items: Mapping[str, int]) -> Outcome:
        """Score a candidate as the panelist who calls. The points are sealed until all are in."""

        def decide(opened: Round, by: By) -> Decided:
            row = self.persons.vault.seal(nomination_id, "evidence", {"items": dict(items)})
            opened.record_score(
                by, nomination_id=nomination_id, panelist=context.actor, items=items, commitment=row.commitment
            )
            return beside(row)

        return self._change_round(year, context, decide)

    def reveal_scores(self, year: int, context: Context) -> Outcome:
        """Open the scores, all of which must be in."""
        return self._change_round(
            year, context, lambda opened, by: opened.reveal_scores(by, scores=self._unsealed(opened.check_all_in(by)))
        )

    def record_site_visit(
        self, year: int, context: Context, *, nomination_id: UUID, remark: str | None = None, **fields: Any
    ) -> Outcome:
        """Note a visit; what was found, in words, goes to the vault."""
        return self._with_text(year, context, "record_site_visit", nomination_id, remark, **fields)

    def rank_round(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Take the ranking that was computed from the frozen figures."""
        return self._change_round(year, context, lambda opened, by: opened.rank(by, **fields))

    def publish_shortlist(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Show the list; people on it must agree to that today."""
        return self._change_round(
            year,
            context,
            lambda opened, by: opened.publish_shortlist(by, consenting=self._consenting(opened), **fields),
        )

    def file_objection(
        self,
        year: int,
        context: Context,
        *,
        nomination_id: UUID,
        objection_id: UUID | None = None,
        remark: str | None = None,
        **fields: Any,
    ) -> Outcome:
        """Object to a candidate on the list. Of an anonymous objection not even who handed it in is kept."""
        fields["objection_id"] = objection_id or context.made("objection_id")
        if fields.get("anonymous"):
            context = _unnamed(context)
        return self._with_text(year, context, "file_objection", nomination_id, remark, **fields)

    def resolve_objection(
        self, year: int, context: Context, *, nomination_id: UUID, remark: str | None = None, **fields: Any
    ) -> Outcome:
        """Uphold or dismiss an objection; the reasons in words go to the vault."""
        office = self.office_of(context.bureau, context.unit)
        fields |= {"resolver": context.actor, "resolver_unit": office}
        return self._with_text(year, context, "resolve_objection", nomination_id, remark, **fields)

    def remove_candidate(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Take a candidate off the list."""
        return self._change_round(year, context, lambda opened, by: opened.remove_candidate(by, **fields))

    def promote_reserve(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Let the next reserve move up."""
        return self._change_round(
            year, context, lambda opened, by: opened.promote_reserve(by, consenting=self._consenting(opened), **fields)
        )

    def finalise_round(self, year: int, context: Context) -> Outcome:
        """Make the list final; people on it must agree to publication today."""
        return self._change_round(
            year, context, lambda opened, by: opened.finalise(by, consenting=self._consenting(opened))
        )

    def sign_commendation(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Sign the decision for the caller's bureau."""
        return self._change_round(
            year, context, lambda opened, by: opened.sign_commendation(by, bureau=context.bureau, **fields)
        )

    def sign_revocation(self, year: int, context: Context, **fields: Any) -> Outcome:
        """Sign for the caller's bureau that a title is taken back."""
        return self._change_round(
            year, context, lambda opened, by: opened.sign_revocation(by, bureau=context.bureau, **fields)
        )

    def close_round(self, year: int, context: Context) -> Outcome:
        """Close a round that commended."""
        return self._change_round(year, context, lambda opened, by: opened.close(by))

    def cancel_round(self, year: int, context: Context, *, reason: str) -> Outcome:
        """Give a round up."""
        return self._change_round(year, context, lambda opened, by: opened.cancel(by, reason=reason))


def _unnamed(context: Context) -> Context:
    return msgspec.structs.replace(context, actor=ANONYMOUS, bureau=None, unit=None, traceparent=None)
