"""A whole year: two hundred nominations, vetoes, objections, a reserve that moves up, titles and one taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from casework.domain.registry import unit_id
from casework.errors import Refused
from casework.selection.papers import decision_of
from tests.projections.simulated import Simulated
from tests.selection.given_round import DECEMBER, NOVEMBER, YEAR, Office, office_on, tell_city

FIRMS, SMALL, NOMINATED = 36, 164, 200
NOTICE_TO, LATER_NOTICE_TO = date(YEAR, 12, 17), date(YEAR, 12, 20)
AFTER, NEXT_YEAR = datetime(YEAR, 12, 21, 4, tzinfo=UTC), datetime(YEAR + 1, 5, 6, 4, tzinfo=UTC)
DOCUMENT = "郑人社〔2013〕30号"


def test_a_year_of_two_hundred_nominations_comes_out_the_same_again(log: Simulated, tmp_path: Path):
    tell_city(log, FIRMS, SMALL)
    with office_on(log, tmp_path / "keys") as office:
        nominations = office.nominate(range(NOMINATED))
        eligible = nominations[: FIRMS + 2]  # two of them are too small to be ranked
        office.check(eligible, refused=nominations[FIRMS + 2 :])
        barred, forgiven = eligible[0], eligible[1]
        veto(office, barred)
        office.casework.lift_veto(YEAR, office.bureau("HRSS"), **lifting(veto(office, forgiven), forgiven))
        office.freeze()
        eligible.remove(barred)
        office.score(eligible)
        office.rank()

        assert len(office.round.nominations) == NOMINATED
        assert set(office.round.not_ranked) == set(nominations[FIRMS : FIRMS + 2])
        assert len(office.round.listed) == 30  # one kind has all seats
        assert barred not in office.round.listed
        ranked = office.recompute()
        assert ranked.agrees

        visit_who_is_uncertain(office)
        office.on(DECEMBER)
        office.casework.publish_shortlist(YEAR, office.selection, notice_to=NOTICE_TO, channels=("website",))
        guilty, cleared = office.round.listed[:2]
        answer(office, guilty, upheld=True)
        answer(office, cleared, upheld=False)
        office.casework.remove_candidate(YEAR, office.selection, nomination_id=guilty, reason="objection_upheld")
        office.casework.promote_reserve(
            YEAR,
            office.selection,
            nomination_id=office.round.reserves[0],
            in_place_of=guilty,
            notice_to=LATER_NOTICE_TO,
        )
        with pytest.raises(Refused):
            office.casework.finalise_round(YEAR, office.selection)
        office.on(AFTER)
        office.casework.finalise_round(YEAR, office.selection)
        signed_by_both(office, "sign_commendation", list_sha256=office.round.finalised.list_sha256)  # type: ignore[union-attr]
        commended = office.round.commended
        assert commended is not None
        assert len(commended.listed) == 30
        assert guilty not in commended.listed
        decision = decision_of(office.round, "en")
        assert decision is not None
        assert decision.text.endswith("Since the list was shown: 1 removed from it, 1 moved up.")

        office.on(NEXT_YEAR)
        fallen = commended.listed[3]
        signed_by_both(office, "sign_revocation", nomination_id=fallen, ground="falsified_data")
        assert office.round.nominations[fallen].revoked is not None
        assert office.recompute() == ranked


def veto(office: Office, nomination: Any) -> Any:
    office.on(NOVEMBER)
    told: dict[str, Any] = {"ground": "unpaid_wages", "document": DOCUMENT, "happened_on": date(YEAR, 5, 1)}
    outcome = office.casework.record_veto(
        YEAR, office.bureau("HRSS"), nomination_id=nomination, authority=unit_id("HRSS"), **told
    )
    return outcome.events[0]["veto_id"]


def lifting(veto_id: Any, nomination: Any) -> dict[str, Any]:
    return {
        "nomination_id": nomination,
        "veto_id": veto_id,
        "authority": unit_id("HRSS"),
        "document": DOCUMENT,
    }


def visit_who_is_uncertain(office: Office) -> None:
    low, high = office.round.policy.selection.draws.borderline
    for each in office.round.candidates:
        if low <= each.p_selected <= high:
            seen: dict[str, Any] = {"visited_on": date(YEAR, 11, 10), "outcome": "confirmed"}
            office.casework.record_site_visit(YEAR, office.selection, nomination_id=each.nomination_id, **seen)


def answer(office: Office, nomination: Any, *, upheld: bool) -> None:
    filed = office.casework.file_objection(
        YEAR, office.bureau("PFP"), nomination_id=nomination, grounds="false_materials"
    )
    office.casework.resolve_objection(
        YEAR,
        office.selection,
        nomination_id=nomination,
        objection_id=filed.events[0]["objection_id"],
        upheld=upheld,
        reason="substantiated" if upheld else "unsubstantiated",
    )


def signed_by_both(office: Office, command: str, **fields: Any) -> None:
    for bureau in ("HRSS", "PFP"):
        getattr(office.casework, command)(YEAR, office.bureau(bureau), document=DOCUMENT, **fields)
