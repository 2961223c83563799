"""The list before the public: its notice, objections, who is removed and who moves up, until it is final."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from uuid import UUID

import msgspec

from casework.domain.calendar import nth_working_day_after
from casework.domain.checks import check_code
from casework.domain.evidence import field_error
from casework.domain.residence import By, refuse_if
from casework.domain.rounds.events import (
    CandidateRemoved,
    ObjectionFiled,
    ObjectionResolved,
    RankedCandidate,
    ReservePromoted,
    RoundFinalised,
    ShortlistPublished,
)
from casework.domain.rounds.nominating import is_of_person
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.ranking import RankingCommands, is_borderline, is_within, share_seats
from casework.errors import Invalid, NotFound

SUBSTANTIATED = "substantiated"
"""The reason for which an objection is upheld; every other one dismisses it."""


class NoticeCommands(RankingCommands):
    """Publish; object and answer; remove, promote; finalise. ``consenting`` are persons who agree to publication."""

    def publish_shortlist(
        self, by: By, *, notice_to: date, channels: Sequence[str], consenting: Collection[UUID]
    ) -> None:
        """Show the list and its reserves from today on, for at least the working days of the policy."""
        self._begin(by, "publish_shortlist")
        for channel in channels:
            check_code("channels", "notice_channels", channel)
        if not channels:
            raise Invalid(errors=(field_error("/channels", "field-missing"),))
        self._check_notice(by.today, notice_to)
        uncertain = [self.nominations[c.nomination_id] for c in self.candidates if is_borderline(c, self.policy)]
        unseen = any(each.is_eligible and each.removed_reason is None and not each.visits for each in uncertain)
        refuse_if(unseen, "site-visit-missing")
        self._check_list(consenting)
        self.record(
            ShortlistPublished(
                occurred_on=by.today,
                listed=tuple(self.listed),
                reserves=tuple(self.reserves),
                notice_from=by.today,
                notice_to=notice_to,
                channels=tuple(channels),
            )
        )

    def file_objection(
        self,
        by: By,
        *,
        nomination_id: UUID,
        objection_id: UUID,
        grounds: str,
        anonymous: bool = False,
        commitment: bytes | None = None,
    ) -> None:
        """Object to a candidate on the list, within its notice."""
        nomination = self._begin_with(by, "file_objection", nomination_id)
        refuse_if(nomination_id not in self.listed or nomination.notice is None, "not-on-list")
        assert nomination.notice is not None
        refuse_if(not nomination.notice.holds_on(by.today), "notice-over")
        refuse_if(objection_id in nomination.objections, "objection-exists")
        check_code("grounds", "objection_grounds", grounds)
        self.record(
            ObjectionFiled(
                occurred_on=by.today,
                nomination_id=nomination_id,
                objection_id=objection_id,
                grounds=grounds,
                anonymous=anonymous,
                commitment=commitment,
            )
        )

    def resolve_objection(
        self,
        by: By,
        *,
        nomination_id: UUID,
        objection_id: UUID,
        resolver: str,
        resolver_unit: UUID | None,
        upheld: bool,
        reason: str,
        commitment: bytes | None = None,
    ) -> None:
        """Uphold or dismiss an objection; who nominated the candidate, or works there, cannot."""
        nomination = self._begin_with(by, "resolve_objection", nomination_id)
        if objection_id not in nomination.objections:
            raise NotFound("objection-unknown")
        refuse_if(objection_id in nomination.resolutions, "objection-resolved")
        submitted = nomination.submitted
        is_nominator = resolver == submitted.submitted_by or resolver_unit == submitted.nominator
        refuse_if(is_nominator, "resolver-nominated")
        check_code("reason", "objection_reasons", reason)
        if upheld != (reason == SUBSTANTIATED):
            raise Invalid(errors=(field_error("/reason", "field-value"),))
        self.record(
            ObjectionResolved(
                occurred_on=by.today,
                nomination_id=nomination_id,
                objection_id=objection_id,
                upheld=upheld,
                reason=reason,
                commitment=commitment,
            )
        )

    def remove_candidate(self, by: By, *, nomination_id: UUID, reason: str) -> None:
        """Take a candidate off the list, for something that stands in the round."""
        nomination = self._begin_with(by, "remove_candidate", nomination_id)
        refuse_if(nomination_id not in self.listed, "not-on-list")
        check_code("reason", "removal_reasons", reason)
        refuse_if(reason == "veto" and not nomination.standing_vetoes, "no-standing-veto")
        refuse_if(reason == "objection_upheld" and not nomination.was_objected_rightly, "no-objection-upheld")
        refuse_if(reason == "consent_withdrawn" and not is_of_person(nomination), "removal-of-unit")
        self.record(CandidateRemoved(occurred_on=by.today, nomination_id=nomination_id, reason=reason))

    def promote_reserve(
        self,
        by: By,
        *,
        nomination_id: UUID,
        in_place_of: UUID,
        consenting: Collection[UUID],
        notice_to: date | None = None,
    ) -> None:
        """Let the next reserve move up in place of a candidate that was removed.

        Once the list was shown it has a notice of its own, from today to ``notice_to``.
        """
        nomination = self._begin_with(by, "promote_reserve", nomination_id)
        removed = self.nomination(in_place_of)
        vacant = removed.removed_reason is not None and removed.replaced_by is None
        refuse_if(not vacant, "nobody-to-replace")
        refuse_if(self.next_reserve(removed.kind) != nomination_id, "not-next-reserve")
        self._check_consent(nomination, consenting)
        is_shown = self.published is not None
        if is_shown != (notice_to is not None):
            raise Invalid(errors=(field_error("/notice_to", "field-missing" if is_shown else "field-unknown"),))
        if notice_to is not None:
            self._check_notice(by.today, notice_to)
        self.record(
            ReservePromoted(
                occurred_on=by.today,
                nomination_id=nomination_id,
                in_place_of=in_place_of,
                notice_from=by.today if is_shown else None,
                notice_to=notice_to,
            )
        )

    def finalise(self, by: By, *, consenting: Collection[UUID]) -> None:
        """Make the list final: every notice is over, every objection answered, and nothing bars who is on it."""
        self._begin(by, "finalise")
        listed = [self.nominations[each] for each in self.listed]
        running = any(each.notice is not None and by.today <= each.notice.to for each in listed)
        refuse_if(running, "notice-running")
        refuse_if(any(each.open_objections for each in self.nominations.values()), "objection-open")
        refuse_if(any(each.was_objected_rightly for each in listed), "objected-on-list")
        self._check_list(consenting)
        final = tuple(each.id for each in sorted(listed, key=self._place))
        self.record(RoundFinalised(occurred_on=by.today, listed=final, list_sha256=self._digest(final)))

    @property
    def candidates(self) -> list[RankedCandidate]:
        """All that are ranked, kind after kind, the best first."""
        return [each for kind in self.begun.kinds for told in self.rankings.get(kind, ()) for each in told.candidates]

    @property
    def reserves(self) -> list[UUID]:
        """Who may still move up, kind after kind, the best first."""
        waiting = [each.nomination_id for each in self.candidates if each.reserve]
        return [each for each in waiting if self._may_move_up(self.nominations[each])]

    def next_reserve(self, kind: str) -> UUID | None:
        """Who moves up for a candidate of a kind: its next reserve, else that of the kind furthest behind (RULES U14).

        That is the kind whose next seat has the smallest (rank − 0.5)/n; the earlier kind of two that are equal. Where
        the quota keeps seats apart, none goes to another kind.
        """
        firsts: dict[str, UUID] = {}
        for each in self.reserves:
            firsts.setdefault(self.nominations[each].kind, each)
        takers = [each for each in firsts if share_seats(self.begun.quota, kind, each)]
        if kind in firsts or not takers:
            return firsts.get(kind)
        ranked = Counter(each.kind for each in self.candidates)
        seated = Counter(self.nominations[each].kind for each in self.listed)
        return firsts[min(takers, key=lambda each: Fraction(2 * seated[each] + 1, 2 * ranked[each]))]

    def _may_move_up(self, nomination: Nomination) -> bool:
        is_out = nomination.removed_reason is not None or nomination.was_objected_rightly
        return nomination.is_eligible and not is_out and nomination.id not in self.listed

    def _check_notice(self, from_: date, to: date) -> None:
        earliest = nth_working_day_after(from_ - timedelta(1), self.begun.notice_working_days)
        refuse_if(to < earliest, "notice-too-short")

    def _check_list(self, consenting: Collection[UUID]) -> None:
        refuse_if(not self.listed, "list-empty")
        listed = [self.nominations[each] for each in self.listed]
        refuse_if(not is_within(self.begun.quota, Counter(each.kind for each in listed)), "quota-exceeded")
        refuse_if(any(each.standing_vetoes for each in listed), "veto-on-list")
        for nomination in listed:
            self._check_consent(nomination, consenting)

    def _check_consent(self, nomination: Nomination, consenting: Collection[UUID]) -> None:
        missing = is_of_person(nomination) and nomination.candidate not in consenting
        refuse_if(missing, "publication-consent-missing")

    def _place(self, nomination: Nomination) -> tuple[int, int]:
        assert nomination.ranked is not None
        return self.begun.kinds.index(nomination.kind), nomination.ranked.rank

    def _digest(self, listed: Sequence[UUID]) -> str:
        """The digest of a list: of year, and of each its kind, nomination and candidate, as JSON without spaces."""
        rows = [(self.nominations[n].kind, n, self.nominations[n].candidate) for n in listed]
        return sha256(msgspec.json.encode([self.begun.year, rows])).hexdigest()
