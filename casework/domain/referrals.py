"""Services that one bureau passes on to another: commands 20 and 21 of DOMAIN 8.2."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain.checks import check_bureau, check_codes
from casework.domain.events.services import ReferralAnswered, ServiceReferred
from casework.domain.residence import By, refuse_if
from casework.domain.services import ServiceCommands
from casework.domain.state import Episode, Referral
from casework.errors import Refused


class ReferralCommands(ServiceCommands):
    """Refer a service, answer the referral."""

    def refer_service(
        self,
        by: By,
        *,
        referred_on: date,
        episode_id: UUID,
        referral_id: UUID,
        from_bureau: str,
        to_bureau: str,
        reason: str,
        due_on: date | None = None,
    ) -> None:
        """Pass a service on to another bureau; one referral at a time waits for its answer."""
        self._check_open()
        self._check_date(by, referred_on, backdated=False)
        episode = self._episode(episode_id)
        if any(r.referral_id == referral_id for r in episode.referrals):
            return
        self._living(episode_id)
        refuse_if(episode.open_referral, "referral-open")
        refuse_if(by.own_bureau_only and from_bureau != by.bureau, "bureau-not-yours")
        check_bureau("from_bureau", from_bureau)
        check_bureau("to_bureau", to_bureau)
        refuse_if(from_bureau == to_bureau, "referral-to-itself")
        check_codes(reason=("referral_reasons", reason))
        self.record(
            ServiceReferred(
                occurred_on=referred_on,
                episode_id=episode_id,
                referral_id=referral_id,
                from_bureau=from_bureau,
                to_bureau=to_bureau,
                reason=reason,
                due_on=due_on,
            )
        )

    def answer_referral(
        self,
        by: By,
        *,
        answered_on: date,
        episode_id: UUID,
        referral_id: UUID,
        answer: str,
        reason: str | None = None,
    ) -> None:
        """The bureau that was asked accepts or returns the referral (RULES G6)."""
        self._check_open()
        self._check_date(by, answered_on, backdated=False)
        episode = self._episode(episode_id)
        referral = self._referral(episode, referral_id)
        if referral.answered_on is not None and referral.answer == answer:
            return
        refuse_if(referral.answered_on is not None, "referral-answered")
        refuse_if(by.bureau != referral.to_bureau, "referral-not-yours")
        refuse_if(answered_on < referral.on, "answered-before-referred")
        check_codes(answer=("referral_answers", answer), reason=("referral_answer_reasons", reason))
        self.record(
            ReferralAnswered(
                occurred_on=answered_on,
                episode_id=episode_id,
                referral_id=referral_id,
                answer=answer,
                reason=reason,
            )
        )

    def _referral(self, episode: Episode, referral_id: UUID) -> Referral:
        for referral in episode.referrals:
            if referral.referral_id == referral_id:
                return referral
        raise Refused("referral-unknown")
