"""Work and needs: commands 15 to 18 of DOMAIN 8.2."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain.calendar import birthday
from casework.domain.checks import check_codes, check_need
from casework.domain.events.livelihood import EmploymentEnded, EmploymentStarted, NeedCleared, NeedRecorded
from casework.domain.membership import MembershipCommands
from casework.domain.policy import policy_of
from casework.domain.residence import By, refuse_if
from casework.domain.state import Need
from casework.errors import Refused


class LivelihoodCommands(MembershipCommands):
    """Start and end employment, record and clear needs."""

    def start_employment(
        self,
        by: By,
        *,
        occurred_on: date,
        employment_id: UUID,
        person_id: UUID,
        kind: str,
        from_: date,
        born_on: date,
        unit_id: UUID | None = None,
    ) -> None:
        """A member works from a day on; ``born_on`` is the vault's exact date, for the age of 16."""
        self._check_open()
        self._check_date(by, occurred_on, backdated=False)
        if employment_id in self.employments:
            return
        self._member(person_id, from_)
        check_codes(kind=("employment_kinds", kind))
        refuse_if(birthday(born_on, policy_of(from_).ages.adult) > from_, "under-working-age")
        self.record(
            EmploymentStarted(
                occurred_on=occurred_on,
                employment_id=employment_id,
                person_id=person_id,
                kind=kind,
                from_=from_,
                unit_id=unit_id,
            )
        )

    def end_employment(self, by: By, *, occurred_on: date, employment_id: UUID, to: date, reason: str) -> None:
        """A job has a last day."""
        self._check_open_or_settling(occurred_on)
        self._check_date(by, occurred_on, backdated=False)
        employment = self.employments.get(employment_id)
        if employment is None:
            raise Refused("employment-unknown")
        self._check_still_ours(employment.person_id)
        check_codes(reason=("employment_end_reasons", reason))
        refuse_if(employment.ended_on is not None, "employment-ended")
        refuse_if(to < employment.from_, "ends-before-start")
        self.record(EmploymentEnded(occurred_on=occurred_on, employment_id=employment_id, to=to, reason=reason))

    def record_need(
        self,
        by: By,
        *,
        assessed_on: date,
        need_id: UUID,
        need: str,
        result: str,
        person_id: UUID | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """A need was assessed; what is open is cleared before it is assessed anew (RULES D7)."""
        self._check_open()
        self._check_date(by, assessed_on, backdated=False)
        if need_id in self.needs:
            return
        check_need(need, for_person=person_id is not None)
        check_codes(result=("need_results", result))
        if person_id is not None:
            self._member(person_id, assessed_on)
        refuse_if(
            any(n.is_open and not self.has_gone(n.need_id) for n in self.needs_of.get((need, person_id), ())),
            "need-open",
        )
        self.record(
            NeedRecorded(
                occurred_on=assessed_on,
                need_id=need_id,
                need=need,
                result=result,
                person_id=person_id,
                commitment=commitment,
            )
        )

    def clear_need(self, by: By, *, cleared_on: date, need_id: UUID, reason: str) -> None:
        """A need is met, lapsed or was mistaken."""
        self._check_open()
        self._check_date(by, cleared_on, backdated=False)
        need = self._need(need_id)
        check_codes(reason=("need_clear_reasons", reason))
        refuse_if(not need.is_open, "need-not-open")
        refuse_if(cleared_on < need.assessed_on, "cleared-before-assessed")
        self.record(NeedCleared(occurred_on=cleared_on, need_id=need_id, reason=reason))

    def _need(self, need_id: UUID) -> Need:
        need = self.needs.get(need_id)
        if need is None:
            raise Refused("need-unknown")
        self._check_still_here(need_id)
        self._check_still_ours(need.person_id)
        return need
