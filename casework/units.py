"""Commands on units: register, report and void facts, stand elsewhere, split, merge, close, take back.

A split and a merger, and taking one back, write the streams of all the units that move in one append. That the other
units are there, and that nothing is left below one that ends, is asked when deciding and not at the commit: they are
other streams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from casework.command import CommandPath, Decided
from casework.domain import codes, rearranging
from casework.domain.residence import By, refuse_if
from casework.domain.unit_events import UnitSplit, unit_id
from casework.domain.units import Unit
from casework.errors import Forbidden
from casework.log.append import Beside
from casework.outcome import Context, Outcome
from casework.privacy.persons import sealed_fields

LivedIn = Callable[[Sequence[UUID]], bool]
"""Says whether households live in some communities."""


def nobody(communities: Sequence[UUID]) -> bool:
    """Say that no household lives there, where that is known otherwise."""
    return False


class UnitPath(CommandPath):
    """Who answers for divisions arranges what stands below them; an operator arranges the whole city."""

    def register_unit(self, context: Context, *, code: str, **fields: Any) -> Outcome:
        """Register a unit, or say again what it is."""

        def decide(unit: Unit, by: By) -> None:
            above = [each for each in (fields.get("parent"), fields.get("managed_by")) if each is not None]
            self._check_answers_for(context, above or [None])
            rearranging.register(self.registry(), unit, by, code=code, **fields)

        return self._change_registry(unit_id(code), Unit, context, decide)

    def report_unit_fact(
        self, unit: UUID, context: Context, *, fact: str, evidence: str | None = None, **fields: Any
    ) -> Outcome:
        """Report a dated fact of a unit; the reference of its evidence goes to the vault (RULES G9)."""

        def decide(known: Unit, by: By) -> Decided:
            self._check_reports(context, known, fact)
            row = sealed_fields(self.persons.vault, unit, {"evidence": evidence} if evidence else {})
            known.report_fact(by, fact=fact, commitment=row and row.commitment, **fields)
            return Decided(Beside([row] if row and known.pending else []))

        return self._change_registry(unit, Unit, context, decide)

    def void_unit_fact(self, unit: UUID, context: Context, *, voids: int, **fields: Any) -> Outcome:
        """Say that a report was wrong: whoever may report the fact may void it."""

        def decide(known: Unit, by: By) -> None:
            if voids not in known.voided:
                self._check_reports(context, known, known.report(voids).fact)
            known.void_fact(by, voids=voids, **fields)

        return self._change_registry(unit, Unit, context, decide)

    def change_unit_place(self, unit: UUID, context: Context, *, changed_on: date, **fields: Any) -> Outcome:
        """Let a unit stand elsewhere from a day on: under another parent, another manager, or none."""

        def decide(known: Unit, by: By) -> None:
            self._check_arranges(context, unit)
            rearranging.change_place(self.registry(), known, by, changed_on=changed_on, **fields)
            self._check_answers_for(context, [known.place(changed_on).up])

        return self._change_registry(unit, Unit, context, decide)

    def close_unit(
        self,
        unit: UUID,
        context: Context,
        *,
        closed_on: date,
        is_lived_in: LivedIn = nobody,
    ) -> Outcome:
        """Close a unit below which nothing is left.

        ``is_lived_in`` says whether households live in some communities, as far as the views know: one that comes in
        this moment is not seen, and is still counted where the community stood.
        """

        def decide(known: Unit, by: By) -> None:
            self._check_arranges(context, unit)
            registry = self.registry()
            rearranging.close(registry, known, by, closed_on=closed_on)
            refuse_if(known.pending and is_lived_in(registry.subtree(unit, self.today)), "unit-lived-in")

        return self._change_registry(unit, Unit, context, decide)

    def split_unit(
        self, unit: UUID, context: Context, *, closes: bool = False, is_lived_in: LivedIn = nobody, **fields: Any
    ) -> Outcome:
        """Make units of parts of one. Its event names them, and their positions are the last ones of the command.

        A community that closes with it must be empty, as in :meth:`close_unit`.
        """

        def decide(known: Unit, by: By) -> Decided:
            self._check_arranges(context, unit)
            registry = self.registry()
            others = rearranging.split(registry, known, by, closes=closes, **fields)
            is_community = known.registered is not None and known.registered.kind == "community"
            refuse_if(closes and is_community and is_lived_in(registry.subtree(unit, self.today)), "unit-lived-in")
            return Decided(others=others)

        return self._change_registry(unit, Unit, context, decide)

    def merge_unit(self, unit: UUID, context: Context, *, merged_on: date, into: UUID) -> Outcome:
        """Make a unit part of another. What stands below it goes along; households stay with their communities."""

        def decide(known: Unit, by: By) -> Decided:
            if (known.merged_into, known.closed_on) == (into, merged_on):
                return Decided()
            self._check_arranges(context, unit)
            self._check_arranges(context, into)
            return Decided(others=rearranging.merge(self.registry(), known, by, merged_on=merged_on, into=into))

        return self._change_registry(unit, Unit, context, decide)

    def void_unit_entry(
        self, unit: UUID, context: Context, *, voids: int, reason: str, is_counted: LivedIn = nobody
    ) -> Outcome:
        """Take a wrong closing, merger or split back: it holds at no date. Whoever may give it may take it back.

        ``is_counted`` says whether households count for some units, as far as the views know: nobody may for those
        that a split made.
        """

        def decide(known: Unit, by: By) -> Decided:
            if voids in known.voided:
                return Decided()
            self._check_arranges(context, unit)
            made = known.arranged.get(voids)
            others = rearranging.undo(self.registry(), known, by, voids=voids, reason=reason)
            self._check_answers_for(context, [known.place(self.today).up])
            gone = [part.unit for part in made.parts] if isinstance(made, UnitSplit) else []
            refuse_if(gone and is_counted(gone), "unit-used-since")
            return Decided(others=others)

        return self._change_registry(unit, Unit, context, decide)

    def _check_arranges(self, context: Context, unit: UUID) -> None:
        """A unit's place and end are for who answers for the division above it."""
        self._check_answers_for(context, self.registry().ancestors(unit, self.today)[:1] or [None])

    def _check_answers_for(self, context: Context, units: Sequence[UUID | None]) -> None:
        """Refuse whose divisions do not hold each of the units; without divisions they hold the whole city."""
        allowed = {unit_id(code) for code in context.divisions}
        for each in units if allowed else ():
            near = () if each is None else (each, *self.registry().ancestors(each, self.today))
            if allowed.isdisjoint(near):
                raise Forbidden("unit-not-yours")

    def _check_reports(self, context: Context, unit: Unit, fact: str) -> None:
        """A bureau, and its feed, report facts of their own field; everybody only within their divisions."""
        self._check_answers_for(context, [unit.id])
        refuse_if(unit.registered is None, "unit-unknown")
        assert unit.registered is not None
        of_one_bureau = context.role in ("bureau", "service") and context.bureau is not None
        subject = (unit.registered.code, unit.registered.kind)
        if of_one_bureau and not codes.reports_of_field(str(context.bureau), fact, *subject):
            raise Forbidden("bureau-not-yours")
