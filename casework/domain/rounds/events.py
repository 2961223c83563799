"""What can happen to a selection round: the events of DOMAIN 8.7, as they stand in the log for ever.

``occurred_on`` is the Shanghai day on which the system took it: no step of a round is told of another day. Events hold
ids, codes, digests and references of documents. What somebody wrote is in the vault, and so is a panelist's score until
all are in; ``commitment`` is the salted digest of it.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec

from casework.domain.aggregate import Event, event_type


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of an event."""


class RoundEvent(Event, frozen=True, kw_only=True):
    """Something that happened to a round on a Shanghai date."""

    occurred_on: date


class OfNomination(RoundEvent, frozen=True, kw_only=True):
    """Something that happened to one nomination."""

    nomination_id: UUID


class Quota(Part, frozen=True, kw_only=True):
    """How the seats are shared, and how many there are: in all, or of each kind (``per_kind_30``)."""

    mode: str
    total: int


class Dates(Part, frozen=True, kw_only=True):
    """The days of a round. What is due by ``checked_to`` and later may come late; nominations may not."""

    as_of: date
    opens_on: date
    nominations_to: date
    checked_to: date
    reviewed_to: date
    decided_to: date


@event_type("round.opened.v1")
class RoundOpened(RoundEvent, frozen=True, kw_only=True):
    """A year's round, under one policy for good; ``approval_ref`` names the licence to award."""

    year: int
    policy_version: str
    policy_sha256: str
    kinds: tuple[str, ...]
    quota: Quota
    dates: Dates
    notice_working_days: int
    approval_ref: str | None = None


@event_type("round.nomination-submitted.v1")
class NominationSubmitted(OfNomination, frozen=True, kw_only=True):
    """A municipal unit, district or zone named a candidate (plan line 97).

    That is a unit, or a person with the id of the event by which they agreed to publication; ``attachments`` are
    digests.
    """

    kind: str
    nominator: UUID
    submitted_by: str
    unit_id: UUID | None = None
    person_id: UUID | None = None
    consent: UUID | None = None
    attachments: tuple[str, ...] = ()
    commitment: bytes | None = None

    @property
    def candidate(self) -> UUID:
        """The unit, or the person."""
        candidate = self.unit_id or self.person_id
        assert candidate is not None
        return candidate


@event_type("round.nomination-withdrawn.v1")
class NominationWithdrawn(OfNomination, frozen=True, kw_only=True):
    """The nominator took it back."""

    reason: str


@event_type("round.opinion-received.v1")
class OpinionReceived(OfNomination, frozen=True, kw_only=True):
    """An authority said what it thinks of a candidate: clear, concern or object."""

    authority: UUID
    opinion: str
    document: str
    commitment: bytes | None = None


@event_type("round.eligibility-decided.v1")
class EligibilityDecided(OfNomination, frozen=True, kw_only=True):
    """Whether a candidate may be ranked; what was decided last holds."""

    eligible: bool
    reasons: tuple[str, ...] = ()


@event_type("round.veto-recorded.v1")
class VetoRecorded(OfNomination, frozen=True, kw_only=True):
    """An authority of county level or above bars a candidate, for something that happened."""

    veto_id: UUID
    ground: str
    authority: UUID
    document: str
    happened_on: date
    evidence_sha256: str | None = None
    commitment: bytes | None = None


@event_type("round.veto-lifted.v1")
class VetoLifted(OfNomination, frozen=True, kw_only=True):
    """The authority that barred a candidate bars it no longer."""

    veto_id: UUID
    document: str


@event_type("round.metrics-frozen.v1")
class MetricsFrozen(RoundEvent, frozen=True, kw_only=True):
    """The figures of the round, once and for all: all that comes later reads this snapshot.

    ``cut`` has the position of each partition, 0 to 64, at ``known_at``; ``sha256`` is of ``rows`` rows of totals.
    """

    snapshot_id: UUID
    as_of: date
    known_at: datetime
    sha256: str
    rows: int
    policy_sha256: str
    code_version: str
    cut: tuple[int, ...]


@event_type("round.panelist-appointed.v1")
class PanelistAppointed(RoundEvent, frozen=True, kw_only=True):
    """Somebody will score candidates of some kinds; ``panelist`` is the name that their token bears."""

    panelist: str
    affiliation: UUID
    kinds: tuple[str, ...]


@event_type("round.recusal-declared.v1")
class RecusalDeclared(OfNomination, frozen=True, kw_only=True):
    """A panelist does not score a candidate; ``automatic`` where they belong together."""

    panelist: str
    automatic: bool = False


@event_type("round.panel-score-recorded.v1")
class PanelScoreRecorded(OfNomination, frozen=True, kw_only=True):
    """A panelist scored a candidate. What they gave is sealed in the vault; here stands the commitment to it."""

    panelist: str
    commitment: bytes


class GivenScore(Part, frozen=True, kw_only=True):
    """What a panelist gave: points by item, 100 at most together."""

    panelist: str
    items: dict[str, int]

    @property
    def points(self) -> int:
        """The points together."""
        return sum(self.items.values())


class RevealedScores(Part, frozen=True, kw_only=True):
    """The scores of a nomination, by panelist."""

    nomination_id: UUID
    scores: tuple[GivenScore, ...]


@event_type("round.scores-revealed.v1")
class ScoresRevealed(RoundEvent, frozen=True, kw_only=True):
    """All scores are in, and open from now on; a large round needs several of these."""

    nominations: tuple[RevealedScores, ...]


@event_type("round.site-visit-recorded.v1")
class SiteVisitRecorded(OfNomination, frozen=True, kw_only=True):
    """Somebody went to see a candidate."""

    visited_on: date
    outcome: str
    report_sha256: str | None = None
    commitment: bytes | None = None


class RankedCandidate(Part, frozen=True, kw_only=True):
    """A candidate's place within its kind. Scores are in hundredths, ``p_selected`` in thousandths.

    ``metric`` is None of a person. ``tie_break`` names what told equals apart. ``reserve``: next to be seated, in the
    order of ranks, and above the floor.
    """

    nomination_id: UUID
    kind: str
    metric: int | None
    panel: int
    final: int
    rank: int
    rank_low: int
    rank_median: int
    rank_high: int
    p_selected: int
    tie_break: str | None = None
    seated: bool = False
    reserve: bool = False


class NotRanked(Part, frozen=True, kw_only=True):
    """A candidate that has no place, and why."""

    nomination_id: UUID
    reason: str


@event_type("round.ranking-computed.v1")
class RankingComputed(RoundEvent, frozen=True, kw_only=True):
    """The ranking of a kind from one snapshot; ``sha256`` is that of the whole ranking, of all kinds.

    A large kind needs several of these; ``seats`` counts all of the kind's. ``not_ranked`` are candidates without a
    place, such as units that are too small, with the reason.
    """

    snapshot_id: UUID
    sha256: str
    kind: str
    seats: int
    candidates: tuple[RankedCandidate, ...]
    not_ranked: tuple[NotRanked, ...] = ()


@event_type("round.shortlist-published.v1")
class ShortlistPublished(RoundEvent, frozen=True, kw_only=True):
    """The list and its reserves are shown to the public, who may object up to ``notice_to``, the last day."""

    listed: tuple[UUID, ...]
    reserves: tuple[UUID, ...]
    notice_from: date
    notice_to: date
    channels: tuple[str, ...]


@event_type("round.objection-filed.v1")
class ObjectionFiled(OfNomination, frozen=True, kw_only=True):
    """Somebody objects to a candidate on the list, perhaps without saying who they are."""

    objection_id: UUID
    grounds: str
    anonymous: bool = False
    commitment: bytes | None = None


@event_type("round.objection-resolved.v1")
class ObjectionResolved(OfNomination, frozen=True, kw_only=True):
    """An objection was upheld or dismissed."""

    objection_id: UUID
    upheld: bool
    reason: str
    commitment: bytes | None = None


@event_type("round.candidate-removed.v1")
class CandidateRemoved(OfNomination, frozen=True, kw_only=True):
    """A candidate is on the list no longer."""

    reason: str


@event_type("round.reserve-promoted.v1")
class ReservePromoted(OfNomination, frozen=True, kw_only=True):
    """A reserve is on the list in place of another, after a notice of its own where the list was shown already."""

    in_place_of: UUID
    notice_from: date | None = None
    notice_to: date | None = None


@event_type("round.finalised.v1")
class RoundFinalised(RoundEvent, frozen=True, kw_only=True):
    """The list is final."""

    listed: tuple[UUID, ...]
    list_sha256: str


@event_type("round.commendation-signed.v1")
class CommendationSigned(RoundEvent, frozen=True, kw_only=True):
    """One of the two bureaus signed the decision on the final list (plan line 97)."""

    bureau: str
    document: str
    list_sha256: str


@event_type("round.commendation-issued.v1")
class CommendationIssued(RoundEvent, frozen=True, kw_only=True):
    """Both bureaus signed the same: the candidates on the list are commended."""

    document: str
    signatories: tuple[str, ...]
    listed: tuple[UUID, ...]
    list_sha256: str


@event_type("round.revocation-signed.v1")
class RevocationSigned(OfNomination, frozen=True, kw_only=True):
    """One of the two bureaus signed that a commendation is taken back."""

    bureau: str
    ground: str
    document: str


@event_type("round.commendation-revoked.v1")
class CommendationRevoked(OfNomination, frozen=True, kw_only=True):
    """Both bureaus signed: the title is lost. What the round was stays as it was."""

    ground: str
    document: str
    signatories: tuple[str, ...]


@event_type("round.closed.v1")
class RoundClosed(RoundEvent, frozen=True, kw_only=True):
    """Nothing is left to do but revocations."""


@event_type("round.cancelled.v1")
class RoundCancelled(RoundEvent, frozen=True, kw_only=True):
    """The round is given up."""

    reason: str
