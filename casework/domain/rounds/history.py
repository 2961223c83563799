"""What earlier rounds say of a candidate: titles, revocations and fraud (RULES U13, DOMAIN 8.7)."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from casework.domain.policy import Policy
from casework.domain.residence import refuse_if
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.state import RoundState

FRAUD = "falsified_data"
"""The veto ground that bars a candidate beyond its own round."""


class History:
    """The earlier rounds that were not given up, the last one first."""

    def __init__(self, rounds: Iterable[RoundState] = ()) -> None:
        held = [each for each in rounds if each.opened is not None and each.cancelled is None]
        self.rounds = sorted(held, key=lambda each: each.begun.year, reverse=True)

    def commendations(self, candidate: UUID, *, last: int | None = None) -> int:
        """How often a candidate was commended, in all rounds or in the last ones, and kept the title."""
        return sum(any(n.revoked is None for n in _commended(each, candidate)) for each in self.rounds[:last])

    def check_not_barred(self, candidate: UUID, policy: Policy) -> None:
        """Refuse a candidate that fraud or a revocation bars from this round."""
        selection = policy.selection
        earlier = self.rounds[: selection.fraud_bars_rounds - 1]
        refuse_if(any(_defrauded(each, candidate) for each in earlier), "candidate-barred-by-fraud")
        revoked = self._rounds_since_revocation(candidate)
        barred = revoked is not None and revoked < selection.revoked_bars_rounds
        refuse_if(barred, "candidate-barred-by-revocation")

    def _rounds_since_revocation(self, candidate: UUID) -> int | None:
        """How many earlier rounds were opened since a title of the candidate's was last taken back."""
        revoked = [n.revoked.occurred_on for r in self.rounds for n in _commended(r, candidate) if n.revoked]
        if not revoked:
            return None
        return sum(each.begun.occurred_on > max(revoked) for each in self.rounds)


def _of(earlier: RoundState, candidate: UUID) -> list[Nomination]:
    return [nomination for nomination in earlier.nominations.values() if nomination.candidate == candidate]


def _commended(earlier: RoundState, candidate: UUID) -> list[Nomination]:
    listed = set(earlier.commended.listed) if earlier.commended is not None else set()
    return [nomination for nomination in _of(earlier, candidate) if nomination.id in listed]


def _defrauded(earlier: RoundState, candidate: UUID) -> bool:
    return any(veto.ground == FRAUD for n in _of(earlier, candidate) for veto in n.standing_vetoes)
