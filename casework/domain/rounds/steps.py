"""The states of a round, in their order, and in which of them each command may be given (DOMAIN 8.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

STATES = (
    "draft",
    "nominating",
    "checking",
    "frozen",
    "reviewing",
    "ranked",
    "notice",
    "finalised",
    "commended",
    "closed",
)
CANCELLED = "cancelled"


class Step(NamedTuple):
    """From which state to which a command may be given, and the rules that refuse it before and after."""

    first: str
    last: str
    early: str
    late: str

    def refusal(self, state: str) -> str | None:
        """Return the rule that refuses the command in a state, if one does."""
        if state == CANCELLED:
            return "round-cancelled"
        place = STATES.index(state)
        if place < STATES.index(self.first):
            return self.early
        return self.late if place > STATES.index(self.last) else None


STEPS: Mapping[str, Step] = {
    "nominate": Step("nominating", "nominating", "nominations-not-open", "nominations-closed"),
    "withdraw_nomination": Step("nominating", "reviewing", "nominations-not-open", "round-ranked"),
    "receive_opinion": Step("nominating", "reviewing", "nominations-not-open", "round-ranked"),
    "decide_eligibility": Step("checking", "reviewing", "nominations-not-closed", "round-ranked"),
    "record_veto": Step("nominating", "notice", "nominations-not-open", "round-finalised"),
    "lift_veto": Step("nominating", "notice", "nominations-not-open", "round-finalised"),
    "freeze": Step("checking", "checking", "nominations-not-closed", "round-frozen"),
    "appoint_panelist": Step("checking", "reviewing", "nominations-not-closed", "round-ranked"),
    "declare_recusal": Step("checking", "reviewing", "nominations-not-closed", "round-ranked"),
    "record_score": Step("frozen", "reviewing", "round-not-frozen", "round-ranked"),
    "reveal_scores": Step("reviewing", "reviewing", "nothing-scored", "round-ranked"),
    "record_site_visit": Step("frozen", "ranked", "round-not-frozen", "shortlist-published"),
    "rank": Step("reviewing", "reviewing", "nothing-scored", "round-ranked"),
    "publish_shortlist": Step("ranked", "ranked", "round-not-ranked", "shortlist-published"),
    "file_objection": Step("notice", "notice", "shortlist-not-published", "round-finalised"),
    "resolve_objection": Step("notice", "notice", "shortlist-not-published", "round-finalised"),
    "remove_candidate": Step("ranked", "notice", "round-not-ranked", "round-finalised"),
    "promote_reserve": Step("ranked", "notice", "round-not-ranked", "round-finalised"),
    "finalise": Step("notice", "notice", "shortlist-not-published", "round-finalised"),
    "sign_commendation": Step("finalised", "finalised", "round-not-finalised", "commendation-issued"),
    "sign_revocation": Step("commended", "closed", "commendation-not-issued", "round-closed"),
    "close": Step("commended", "commended", "commendation-not-issued", "round-closed"),
    "cancel": Step("draft", "notice", "round-unknown", "round-finalised"),
}
"""The commands of an open round. What is refused within a state is refused by the command itself."""
