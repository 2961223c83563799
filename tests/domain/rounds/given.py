"""Phrases to tell how far a round has come: who nominates whom, who scores, what is ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace

from casework.domain.aggregate import Recorded
from casework.domain.policy import Policy, load_policy
from casework.domain.registry import NAMESPACE, Registry, Unit, unit_id
from casework.domain.residence import By
from casework.domain.rounds.checking import PersonAsked
from casework.domain.rounds.events import RankedCandidate, RoundEvent
from casework.domain.rounds.history import History
from casework.domain.rounds.nominating import Consented
from casework.domain.rounds.round import Round, round_id
from casework.domain.rounds.steps import STATES

YEAR = 2013
DAYS = {
    "draft": date(2013, 9, 20),
    "nominating": date(2013, 10, 10),
    "checking": date(2013, 11, 5),
    "frozen": date(2013, 11, 6),
    "reviewing": date(2013, 11, 18),
    "ranked": date(2013, 11, 25),
    "notice": date(2013, 12, 2),
    "finalised": date(2013, 12, 9),
    "commended": date(2013, 12, 10),
    "closed": date(2013, 12, 20),
}
"""A day of each state, by the calendar of policy 2013.1; 2 December is a Monday."""

NOTICE_TO = date(2013, 12, 6)
SNAPSHOT = uuid5(NAMESPACE, "a snapshot")
DIGEST = "ab" * 32
POLICY = load_policy("2013.1")
PANEL = [f"panelist-{number}" for number in range(1, 6)]
EMPLOYERS = ["emp-1", "emp-2", "emp-3", "emp-4"]
WORKER = uuid5(NAMESPACE, "a worker")
CONSENT = uuid5(NAMESPACE, "the event of a consent")
ELIGIBLE = PersonAsked(age=30, local_hukou=False, work_days=1000, consents=True)
SIGNING = ("HRSS", "PFP")

UNITS: Mapping[str, tuple[str, str | None]] = {
    "4101": ("city", None),
    "410105": ("district", "4101"),
    "410102": ("district", "4101"),
    "410171": ("zone", "4101"),
    "410105001": ("township", "410105"),
    "410105001001": ("community", "410105001"),
    "HRSS": ("bureau", None),
    "PFP": ("bureau", None),
    "IIT": ("bureau", None),
    "university": ("school", None),
    "agency-1": ("agency", "HRSS"),
    "trainer-1": ("training_provider", None),
    **dict.fromkeys(EMPLOYERS, ("employer", "410102")),
}
WITH_PLAN = ("410105", "410171", "HRSS", "PFP", "IIT")


def on(state_or_day: str | date) -> By:
    """Somebody who gives a command on a day, or on the day of a state."""
    return By(today=DAYS[state_or_day] if isinstance(state_or_day, str) else state_or_day)


def unit(code: str, *, kind: str | None = None, plan: bool | None = None, **details: Any) -> Unit:
    """A unit of the small city of these tests, or another one."""
    known_kind, parent = UNITS.get(code, (kind, None))
    made = Unit(unit_id(code))
    early = By(today=date(2013, 1, 1))
    details = {"parent": unit_id(parent) if parent else None, **details}
    made.register(
        early, registered_on=date(2012, 1, 1), code=code, kind=str(kind or known_kind), name_zh=code, **details
    )
    if plan if plan is not None else code in WITH_PLAN:
        made.report_fact(early, reported_on=date(2013, 1, 1), fact="UF-PLAN", from_=date(2013, 1, 1))
    return made


def registry() -> Registry:
    """All units of the small city."""
    events = [recorded for code in UNITS for recorded in unit(code).collect_events()]
    return Registry().fold(enumerate(events, 1))


def nomination_id(name: str) -> UUID:
    """The id of the nomination of a candidate in these tests."""
    return uuid5(NAMESPACE, f"nomination of {name}")


def nominate(round_: Round, code: str, *, by: By | None = None, **changed: Any) -> None:
    """Nominate an employer, or whatever ``changed`` says."""
    given: dict[str, Any] = {
        "nomination_id": nomination_id(code),
        "kind": "K03_EMPLOYER",
        "nominator": unit("IIT"),
        "submitted_by": "bureau-1",
        "candidate": unit(code) if code in UNITS else None,
        "areas": (),
        "history": History(),
    }
    round_.nominate(by or on("nominating"), **{**given, **changed})


def nominate_worker(round_: Round, *, person: UUID = WORKER, by: By | None = None) -> None:
    """Nominate a person, whose nomination has the name ``worker``."""
    nominate(round_, "worker", by=by, kind="K06_MIGRANT_WORKER", candidate=Consented(person, CONSENT))


def appoint(round_: Round, panelist: str, *, by: By | None = None, **changed: Any) -> None:
    """Appoint somebody of the university to the panel of the two kinds."""
    given: dict[str, Any] = {
        "panelist": panelist,
        "affiliation": unit("university"),
        "kinds": ("K03_EMPLOYER", "K06_MIGRANT_WORKER"),
        "registry": registry(),
        "units_of": {WORKER: [unit_id("emp-3")]},
    }
    round_.appoint_panelist(by or on("checking"), **{**given, **changed})


def decide(round_: Round, name: str, *, eligible: bool = True, by: By | None = None, **changed: Any) -> None:
    """Decide that a candidate is eligible, or not."""
    given: dict[str, Any] = {
        "nomination_id": nomination_id(name),
        "eligible": eligible,
        "reasons": () if eligible else ("kind_conditions",),
        "history": History(),
        "person": ELIGIBLE if name == "worker" else None,
    }
    round_.decide_eligibility(by or on("checking"), **{**given, **changed})


def veto(round_: Round, name: str, *, by: By | None = None, **changed: Any) -> None:
    """Veto a candidate."""
    given: dict[str, Any] = {
        "nomination_id": nomination_id(name),
        "veto_id": uuid5(NAMESPACE, f"veto of {name}"),
        "ground": "unpaid_wages",
        "authority": unit("HRSS"),
        "document": "2013-17",
        "happened_on": date(2013, 8, 1),
    }
    round_.record_veto(by or on("nominating"), **{**given, **changed})


def lift(round_: Round, name: str, *, by: By | None = None, **changed: Any) -> None:
    """Lift the veto of a candidate."""
    given: dict[str, Any] = {
        "nomination_id": nomination_id(name),
        "veto_id": uuid5(NAMESPACE, f"veto of {name}"),
        "authority": unit_id("HRSS"),
        "document": "2013-18",
    }
    round_.lift_veto(by or on("checking"), **{**given, **changed})


def freeze(round_: Round, *, by: By | None = None, **changed: Any) -> None:
    """Freeze the figures."""
    given: dict[str, Any] = {
        "snapshot_id": SNAPSHOT,
        "known_at": round_.known_at if round_.opened else None,
        "sha256": DIGEST,
        "rows": 17,
        "code_version": "0.1.0",
        "cut": range(65),
    }
    round_.freeze(by or on("frozen"), **{**given, **changed})


def score(round_: Round, name: str, panelist: str, points: int = 80, *, by: By | None = None) -> None:
    """Score a candidate."""
    items = {"overall": points}
    if name == "worker":
        items = {"work": 25, "skill_growth": 15, "community_contribution": 25, "conduct": 15}
    round_.record_score(
        by or on("reviewing"),
        nomination_id=nomination_id(name),
        panelist=panelist,
        items=items,
        commitment=f"{name} {panelist} {points}".encode(),
    )


def opened_vault(round_: Round) -> dict[UUID, dict[str, dict[str, int]]]:
    """The points behind the commitments of these tests, as the vault would tell them."""
    worker = {"work": 25, "skill_growth": 15, "community_contribution": 25, "conduct": 15}
    return {
        nomination.id: {
            panelist: worker if nomination.submitted.person_id else {"overall": int(commitment.split()[-1])}
            for panelist, commitment in nomination.scored.items()
        }
        for nomination in round_.nominations.values()
    }


def ranking(
    round_: Round, *, metrics: Mapping[UUID, int] | None = None, seats: Mapping[str, int] | None = None, **changed: Any
) -> list[RankedCandidate]:
    """A ranking as somebody else would compute it from the open scores and from figures, by the words of U12 to U14."""
    due = [each for each in round_.eligible if each.scores]
    rows: list[RankedCandidate] = []
    for kind in round_.begun.kinds:
        finals = []
        for each in (nomination for nomination in due if nomination.kind == kind):
            points = sorted(sum(items.values()) for items in each.scores.values())
            panel = Fraction(sum(points[1:-1]), len(points) - 2) * 100
            metric = None if each.submitted.person_id else (metrics or {}).get(each.id, 8000)
            whole = panel if metric is None else Fraction(7, 10) * metric + Fraction(3, 10) * panel
            finals.append((-round(whole), each.id, metric, round(panel)))
        here = (seats or {}).get(kind, 2)
        for rank, (final, id, metric, panel_score) in enumerate(sorted(finals, key=lambda f: (f[0], str(f[1]))), 1):
            tie = [f for f in finals if f[0] == final]
            row = RankedCandidate(
                nomination_id=id,
                kind=kind,
                metric=metric,
                panel=panel_score,
                final=-final,
                rank=rank,
                rank_low=1,
                rank_median=rank,
                rank_high=len(finals),
                p_selected=900,
                tie_break="lot" if len(tie) > 1 else None,
                seated=rank <= here and -final >= 7000,
                reserve=rank > here and -final >= 7000,
            )
            rows.append(replace(row, **changed) if changed else row)
    return rows


def rank(round_: Round, rows: Iterable[RankedCandidate], *, by: By | None = None, **changed: Any) -> None:
    """Take a ranking."""
    given: dict[str, Any] = {"snapshot_id": SNAPSHOT, "sha256": DIGEST, "candidates": list(rows), "not_ranked": {}}
    round_.rank(by or on("ranked"), **{**given, **changed})


def publish(round_: Round, *, by: By | None = None, **changed: Any) -> None:
    """Publish the list, for five working days."""
    given: dict[str, Any] = {"notice_to": NOTICE_TO, "channels": ("website",), "consenting": {WORKER}}
    round_.publish_shortlist(by or on("notice"), **{**given, **changed})


def object_to(round_: Round, name: str, *, by: By | None = None, **changed: Any) -> None:
    """Object to a candidate."""
    given: dict[str, Any] = {
        "nomination_id": nomination_id(name),
        "objection_id": uuid5(NAMESPACE, f"objection to {name}"),
        "grounds": "false_materials",
    }
    round_.file_objection(by or on("notice"), **{**given, **changed})


def resolve(round_: Round, name: str, *, upheld: bool, by: By | None = None, **changed: Any) -> None:
    """Answer the objection to a candidate."""
    given: dict[str, Any] = {
        "nomination_id": nomination_id(name),
        "objection_id": uuid5(NAMESPACE, f"objection to {name}"),
        "resolver": "selection-1",
        "resolver_unit": None,
        "upheld": upheld,
        "reason": "substantiated" if upheld else "unsubstantiated",
    }
    round_.resolve_objection(by or on("notice"), **{**given, **changed})


def sign(round_: Round, bureau: str | None, *, by: By | None = None, **changed: Any) -> None:
    """Sign the commendation for a bureau."""
    digest = round_.finalised.list_sha256 if round_.finalised else DIGEST
    given: dict[str, Any] = {"bureau": bureau, "document": "2013-30", "list_sha256": digest}
    round_.sign_commendation(by or on("commended"), **{**given, **changed})


def revoke(round_: Round, name: str, bureau: str, *, by: By | None = None, **changed: Any) -> None:
    """Sign for a bureau that a title is taken back."""
    given: dict[str, Any] = {
        "nomination_id": nomination_id(name),
        "bureau": bureau,
        "ground": "falsified_data",
        "document": "2014-2",
    }
    round_.sign_revocation(by or on("closed"), **{**given, **changed})


def opened(policy: Policy = POLICY, year: int = YEAR) -> Round:
    """A round that was opened, and nothing else."""
    round_ = Round(round_id(year))
    round_.open(By(today=date(year, 9, 20)), year=year, policy=policy)
    return round_


def given_round(state: str, *, policy: Policy = POLICY) -> Round:
    """A round in a state, with the shortest story that leads there.

    Four employers and a worker are nominated, the last employer under a veto. Of the scores one is missing up to the
    opening; two employers are seated and one is a reserve.
    """
    round_ = opened(policy)
    reached = STATES.index(state)
    if reached >= STATES.index("nominating"):
        for code in EMPLOYERS:
            nominate(round_, code)
        nominate_worker(round_)
        veto(round_, "emp-4")
    if reached >= STATES.index("frozen"):
        for name in ("emp-1", "emp-2", "emp-3", "worker"):
            decide(round_, name)
        for panelist in PANEL:
            appoint(round_, panelist)
        freeze(round_)
    if reached >= STATES.index("reviewing"):
        for name, points in (("emp-1", 90), ("emp-2", 80), ("emp-3", 75), ("worker", 80)):
            for panelist in PANEL[:-1] if name == "worker" else PANEL:
                score(round_, name, panelist, points)
    if reached >= STATES.index("ranked"):
        all_in(round_)
        open_scores(round_)
        rank(round_, ranking(round_))
    if reached >= STATES.index("notice"):
        publish(round_)
    if reached >= STATES.index("finalised"):
        round_.finalise(on("finalised"), consenting={WORKER})
    if reached >= STATES.index("commended"):
        for bureau in SIGNING:
            sign(round_, bureau)
    if state == "closed":
        round_.close(on("closed"))
    return round_


def all_in(round_: Round) -> None:
    """Record the one score that was missing."""
    score(round_, "worker", PANEL[-1])


def open_scores(round_: Round, *, by: By | None = None) -> None:
    """Open the scores."""
    round_.reveal_scores(by or on("reviewing"), scores=opened_vault(round_))


def replayed(round_: Round) -> Round:
    """The same round, made from its events alone."""
    again = Round.fold(None, [Recorded(round_.id, each.originator_version, each.event) for each in round_.pending])
    assert again is not None
    return again


def events(round_: Round) -> list[RoundEvent]:
    """The events of a round so far, which are then taken for stored."""
    return [recorded.event for recorded in round_.collect_events()]  # type: ignore[misc]
