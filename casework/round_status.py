"""How far a selection round has come, for operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from casework.domain.rounds.round import Round


def lines(shown: Round, today: date) -> Iterator[str]:
    """Tell a round in some lines: its state and days, candidates by kind, and what is done of what is to do."""
    begun, dates = shown.begun, shown.begun.dates
    going_on = [each for each in shown.nominations.values() if not each.is_withdrawn]
    yield f"round        {begun.year}, {shown.state_on(today)}, under policy {begun.policy_version}"
    yield f"nominations  {dates.opens_on} to {dates.nominations_to}, figures as of {dates.as_of}"
    yield f"quota        {begun.quota.mode}, {begun.quota.total}"
    by_kind = Counter(each.kind for each in going_on)
    for kind in begun.kinds:
        yield f"{kind:<22} {by_kind[kind]:>5} nominated"
    yield f"eligible {len(shown.eligible)}, undecided {sum(each.eligible is None for each in going_on)}"
    yield f"panelists {len(shown.panel)}, scores {'open' if shown.are_scores_open else 'sealed'}"
    yield f"on the list {len(shown.listed)}"
