"""What a round remembers of one nomination."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

from casework.domain.rounds.events import (
    CommendationRevoked,
    NominationSubmitted,
    ObjectionFiled,
    ObjectionResolved,
    OfNomination,
    OpinionReceived,
    RankedCandidate,
    RevocationSigned,
    SiteVisitRecorded,
    VetoRecorded,
)


class Notice(NamedTuple):
    """When the public may object to a candidate; both days are inside."""

    from_: date
    to: date

    def holds_on(self, day: date) -> bool:
        """Whether an objection of this day is in time."""
        return self.from_ <= day <= self.to


class Nomination:
    """A candidate of a kind, and all that was said and decided of it.

    ``scored`` has the commitments of sealed scores by panelist, and ``scores`` the points by item once they are open.
    """

    def __init__(self, submitted: NominationSubmitted) -> None:
        self.submitted = submitted
        self.withdrawn_reason: str | None = None
        self.opinions: list[OpinionReceived] = []
        self.eligible: bool | None = None
        self.reasons: tuple[str, ...] = ()
        self.vetoes: dict[UUID, VetoRecorded] = {}
        self.lifted: set[UUID] = set()
        self.recused: set[str] = set()
        self.scored: dict[str, bytes] = {}
        self.scores: dict[str, Mapping[str, int]] = {}
        self.visits: list[SiteVisitRecorded] = []
        self.ranked: RankedCandidate | None = None
        self.notice: Notice | None = None
        self.objections: dict[UUID, ObjectionFiled] = {}
        self.resolutions: dict[UUID, ObjectionResolved] = {}
        self.removed_reason: str | None = None
        self.replaced_by: UUID | None = None
        self.revoking: dict[str, RevocationSigned] = {}
        self.revoked: CommendationRevoked | None = None
        self.texts: list[tuple[OfNomination, bytes]] = []

    def remember_text(self, event: OfNomination, commitment: bytes | None) -> None:
        """Remember that the vault has a text beside an event."""
        if commitment is not None:
            self.texts.append((event, commitment))

    @property
    def id(self) -> UUID:
        """The nomination's id."""
        return self.submitted.nomination_id

    @property
    def kind(self) -> str:
        """The kind of exemplar."""
        return self.submitted.kind

    @property
    def candidate(self) -> UUID:
        """The unit, or the person."""
        return self.submitted.candidate

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was taken back, so that it counts no longer."""
        return self.withdrawn_reason is not None

    @property
    def standing_vetoes(self) -> list[VetoRecorded]:
        """The vetoes that were not lifted."""
        return [veto for veto in self.vetoes.values() if veto.veto_id not in self.lifted]

    @property
    def is_eligible(self) -> bool:
        """Whether it may be scored and ranked: decided so, under no veto, and not taken back."""
        return self.eligible is True and not self.standing_vetoes and not self.is_withdrawn

    @property
    def open_objections(self) -> list[UUID]:
        """The objections that nobody decided yet."""
        return [objection for objection in self.objections if objection not in self.resolutions]

    @property
    def was_objected_rightly(self) -> bool:
        """Whether an objection was upheld."""
        return any(resolution.upheld for resolution in self.resolutions.values())
