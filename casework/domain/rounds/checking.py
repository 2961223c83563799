"""Who may be ranked: eligibility, and vetoes of authorities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain.checks import check_code
from casework.domain.evidence import field_error
from casework.domain.registry import Unit
from casework.domain.residence import By, refuse_if
from casework.domain.rounds.events import EligibilityDecided, VetoLifted, VetoRecorded
from casework.domain.rounds.history import History
from casework.domain.rounds.nominating import NominatingCommands, is_of_person, registered
from casework.domain.rounds.nomination import Nomination
from casework.errors import Invalid, NotFound

COUNTY_OR_ABOVE = ("city", "county")
"""The tiers whose authorities may veto."""

OF_COUNTY_OR_ABOVE = ("city", "bureau", "district", "zone")
"""The kinds of unit that are of such a tier by what they are."""

DAYS_OF_A_YEAR = 365


class PersonAsked(NamedTuple):
    """What the file of a person answers to the conditions of a candidate; nothing of it goes into an event.

    ``work_days`` counts the days with any work in the city up to now.
    """

    age: int
    local_hukou: bool
    work_days: int
    consents: bool


class CheckingCommands(NominatingCommands):
    """Decide who is eligible; bar, and lift the bar."""

    def decide_eligibility(
        self,
        by: By,
        *,
        nomination_id: UUID,
        eligible: bool,
        history: History,
        reasons: Sequence[str] = (),
        person: PersonAsked | None = None,
    ) -> None:
        """Decide whether a candidate may be ranked; until scores are open it can be decided anew.

        A person is eligible only within the conditions of the policy, which ``person`` answers.
        """
        nomination = self._begin_with(by, "decide_eligibility", nomination_id)
        refuse_if(self.are_scores_open, "scores-open")
        for reason in reasons:
            check_code("reasons", "eligibility_reasons", reason)
        if not eligible and not reasons:
            raise Invalid(errors=(field_error("/reasons", "field-missing"),))
        refuse_if(eligible and reasons, "eligible-with-reasons")
        if eligible:
            self._check_eligible(nomination, history, person)
        event = EligibilityDecided(
            occurred_on=by.today, nomination_id=nomination_id, eligible=eligible, reasons=tuple(reasons)
        )
        if (nomination.eligible, nomination.reasons) != (event.eligible, event.reasons):
            self.record(event)

    def record_veto(
        self,
        by: By,
        *,
        nomination_id: UUID,
        veto_id: UUID,
        ground: str,
        authority: Unit,
        document: str,
        happened_on: date,
        evidence_sha256: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Bar a candidate, on a ground that the policy has, for an authority of county level or above."""
        nomination = self._begin_with(by, "record_veto", nomination_id)
        refuse_if(veto_id in nomination.vetoes, "veto-exists")
        refuse_if(happened_on > by.today, "date-in-future")
        self._check_ground(ground)
        unit = registered(authority, by.today, "unit-unknown")
        is_high = unit.kind in OF_COUNTY_OR_ABOVE or unit.tier in COUNTY_OR_ABOVE
        refuse_if(not is_high, "veto-authority-level")
        self.record(
            VetoRecorded(
                occurred_on=by.today,
                nomination_id=nomination_id,
                veto_id=veto_id,
                ground=ground,
                authority=authority.id,
                document=document,
                happened_on=happened_on,
                evidence_sha256=evidence_sha256,
                commitment=commitment,
            )
        )

    def lift_veto(self, by: By, *, nomination_id: UUID, veto_id: UUID, authority: UUID, document: str) -> None:
        """Lift a bar; only the authority that set it can."""
        nomination = self._begin_with(by, "lift_veto", nomination_id)
        veto = nomination.vetoes.get(veto_id)
        if veto is None:
            raise NotFound("veto-unknown")
        refuse_if(veto_id in nomination.lifted, "veto-lifted")
        refuse_if(veto.authority != authority, "veto-of-another-authority")
        self.record(VetoLifted(occurred_on=by.today, nomination_id=nomination_id, veto_id=veto_id, document=document))

    def _check_eligible(self, nomination: Nomination, history: History, person: PersonAsked | None) -> None:
        refuse_if(nomination.standing_vetoes, "veto-stands")
        history.check_not_barred(nomination.candidate, self.policy)
        if not is_of_person(nomination):
            return
        selection = self.policy.selection
        refuse_if(person is None or not person.consents, "publication-consent-missing")
        assert person is not None
        refuse_if(person.age < selection.person_min_age, "candidate-under-age")
        refuse_if(person.local_hukou, "candidate-local-hukou")
        worked_enough = person.work_days >= selection.person_min_years * DAYS_OF_A_YEAR
        refuse_if(not worked_enough, "candidate-worked-too-little")
        commended = history.commendations(nomination.candidate, last=selection.commended_bars_rounds)
        refuse_if(commended, "candidate-commended-lately")

    def _check_ground(self, ground: str) -> None:
        grounds = {each.code: each.active for each in self.policy.selection.veto_grounds}
        if ground not in grounds:
            raise Invalid(errors=(field_error("/ground", "unknown-code"),))
        refuse_if(not grounds[ground], "veto-ground-not-in-force")
