"""What a round remembers, and the questions that all its commands ask."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from casework.domain.aggregate import Aggregate
from casework.domain.policy import Policy, load_policy
from casework.domain.residence import By, refuse_if
from casework.domain.rounds.events import (
    CandidateRemoved,
    CommendationIssued,
    CommendationRevoked,
    CommendationSigned,
    EligibilityDecided,
    MetricsFrozen,
    NominationSubmitted,
    NominationWithdrawn,
    ObjectionFiled,
    ObjectionResolved,
    OfNomination,
    OpinionReceived,
    PanelistAppointed,
    PanelScoreRecorded,
    RankingComputed,
    RecusalDeclared,
    ReservePromoted,
    RevocationSigned,
    RoundCancelled,
    RoundClosed,
    RoundEvent,
    RoundFinalised,
    RoundOpened,
    ScoresRevealed,
    ShortlistPublished,
    SiteVisitRecorded,
    VetoLifted,
    VetoRecorded,
)
from casework.domain.rounds.nomination import Nomination, Notice
from casework.domain.rounds.steps import CANCELLED, STEPS
from casework.errors import NotFound, Refused


class RoundState(Aggregate):
    """A round as its events tell it: ``listed`` are the nominations on the list as it stands, in their order."""

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.told_on = date.min
        self.opened: RoundOpened | None = None
        self.nominations: dict[UUID, Nomination] = {}
        self.panel: dict[str, PanelistAppointed] = {}
        self.frozen: MetricsFrozen | None = None
        self.was_scored = False
        self.are_scores_open = False
        self.rankings: dict[str, list[RankingComputed]] = {}
        self.not_ranked: dict[UUID, str] = {}
        self.listed: list[UUID] = []
        self.published: ShortlistPublished | None = None
        self.finalised: RoundFinalised | None = None
        self.signed: dict[str, CommendationSigned] = {}
        self.commended: CommendationIssued | None = None
        self.is_closed = False
        self.cancelled: RoundCancelled | None = None

    def apply(self, event: RoundEvent) -> None:
        self.told_on = event.occurred_on
        match event:
            case RoundOpened():
                self.opened = event
            case NominationSubmitted():
                nomination = self.nominations[event.nomination_id] = Nomination(event)
                nomination.remember_text(event, event.commitment)
            case MetricsFrozen():
                self.frozen = event
            case PanelistAppointed():
                self.panel[event.panelist] = event
            case ScoresRevealed():
                self._reveal(event)
            case RankingComputed():
                self._rank(event)
            case ShortlistPublished():
                self._publish(event)
            case RoundFinalised():
                self.finalised = event
            case CommendationSigned():
                self.signed[event.bureau] = event
            case CommendationIssued():
                self.commended = event
            case RoundClosed():
                self.is_closed = True
            case RoundCancelled():
                self.cancelled = event
            case OfNomination():
                self._apply_to(self.nominations[event.nomination_id], event)

    def _apply_to(self, nomination: Nomination, event: OfNomination) -> None:
        match event:
            case NominationWithdrawn(reason=reason):
                nomination.withdrawn_reason = reason
            case OpinionReceived(commitment=commitment):
                nomination.opinions.append(event)
                nomination.remember_text(event, commitment)
            case EligibilityDecided(eligible=eligible, reasons=reasons):
                nomination.eligible, nomination.reasons = eligible, reasons
            case VetoRecorded(veto_id=veto_id, commitment=commitment):
                nomination.vetoes[veto_id] = event
                nomination.remember_text(event, commitment)
            case VetoLifted(veto_id=veto_id):
                nomination.lifted.add(veto_id)
            case RecusalDeclared(panelist=panelist):
                nomination.recused.add(panelist)
            case PanelScoreRecorded(panelist=panelist, commitment=commitment):
                nomination.scored[panelist] = commitment
                self.was_scored = True
            case SiteVisitRecorded(commitment=commitment):
                nomination.visits.append(event)
                nomination.remember_text(event, commitment)
            case _:
                self._apply_after_ranking(nomination, event)

    def _apply_after_ranking(self, nomination: Nomination, event: OfNomination) -> None:
        match event:
            case ObjectionFiled(objection_id=objection_id, commitment=commitment):
                nomination.objections[objection_id] = event
                nomination.remember_text(event, commitment)
            case ObjectionResolved(objection_id=objection_id, commitment=commitment):
                nomination.resolutions[objection_id] = event
                nomination.remember_text(event, commitment)
            case CandidateRemoved(reason=reason):
                nomination.removed_reason = reason
                self.listed.remove(nomination.id)
            case ReservePromoted(in_place_of=removed, notice_from=from_, notice_to=to):
                self.nominations[removed].replaced_by = nomination.id
                self.listed.append(nomination.id)
                nomination.notice = Notice(from_, to) if from_ and to else None
            case RevocationSigned(bureau=bureau):
                nomination.revoking[bureau] = event
            case CommendationRevoked():
                nomination.revoked = event

    def _reveal(self, event: ScoresRevealed) -> None:
        self.are_scores_open = True
        for revealed in event.nominations:
            scores = {score.panelist: score.items for score in revealed.scores}
            self.nominations[revealed.nomination_id].scores = dict(scores)

    def _rank(self, event: RankingComputed) -> None:
        self.rankings.setdefault(event.kind, []).append(event)
        self.not_ranked |= {each.nomination_id: each.reason for each in event.not_ranked}
        for candidate in event.candidates:
            self.nominations[candidate.nomination_id].ranked = candidate
            if candidate.seated:
                self.listed.append(candidate.nomination_id)

    def _publish(self, event: ShortlistPublished) -> None:
        self.published = event
        for nomination_id in event.listed:
            self.nominations[nomination_id].notice = Notice(event.notice_from, event.notice_to)

    def state_on(self, day: date) -> str:
        """Return the state on a day: up to the freeze it turns with the calendar, and then by what happened."""
        reached = [
            (self.cancelled, CANCELLED),
            (self.is_closed, "closed"),
            (self.commended, "commended"),
            (self.finalised, "finalised"),
            (self.published, "notice"),
            (self.rankings, "ranked"),
            (self.was_scored, "reviewing"),
            (self.frozen, "frozen"),
        ]
        return next((state for has_come, state in reached if has_come), None) or self._by_calendar(day)

    def _by_calendar(self, day: date) -> str:
        dates = self.begun.dates
        if day < dates.opens_on:
            return "draft"
        return "nominating" if day <= dates.nominations_to else "checking"

    @property
    def begun(self) -> RoundOpened:
        """How the round was opened; NotFound where none was."""
        if self.opened is None:
            raise NotFound("round-unknown")
        return self.opened

    @property
    def policy(self) -> Policy:
        """The policy that the round is under; refused where its file is not the one that it was opened under."""
        policy = load_policy(self.begun.policy_version)
        refuse_if(policy.sha256 != self.begun.policy_sha256, "policy-changed")
        return policy

    @property
    def eligible(self) -> list[Nomination]:
        """The nominations that are to be scored and ranked."""
        return [nomination for nomination in self.nominations.values() if nomination.is_eligible]

    def nomination(self, nomination_id: UUID) -> Nomination:
        """Return a nomination; NotFound where the round has no such one."""
        if nomination_id not in self.nominations:
            raise NotFound("nomination-unknown")
        return self.nominations[nomination_id]

    def check_step(self, command: str, today: date) -> None:
        """Refuse a command that is no step of the state in which the round is, or that would be back-dated.

        NotFound where the round was never opened.
        """
        refuse_if(today < self.told_on, "round-back-dated")
        rule = STEPS[command].refusal(self.state_on(today))
        if rule is not None:
            raise Refused(rule)

    def _begin(self, by: By, command: str) -> None:
        self.check_step(command, by.today)

    def _begin_with(self, by: By, command: str, nomination_id: UUID) -> Nomination:
        """Begin a command on a nomination that was not taken back."""
        self._begin(by, command)
        nomination = self.nomination(nomination_id)
        refuse_if(nomination.is_withdrawn, "nomination-withdrawn")
        return nomination
