"""The round of the year before, told for a demonstration: every step by its own command, on the day of the step.

Its events say the days of that year, and the log says when they were recorded, which is now. All of it follows from
the log, so that it can be begun again where it was cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from casework.application import Casework
from casework.domain.calendar import SHANGHAI, nth_working_day_after
from casework.domain.events.consents import ConsentGiven
from casework.domain.ids import REGISTRY, uuid8_from
from casework.domain.kinds import is_for_persons, unit_kinds
from casework.domain.registry import Unit, unit_id
from casework.domain.rounds.commending import signatories
from casework.domain.rounds.events import RankedCandidate
from casework.domain.rounds.nominating import NOMINATORS, has_plan, is_of_person
from casework.domain.rounds.nomination import Nomination
from casework.domain.rounds.ranking import is_borderline
from casework.domain.rounds.round import Round
from casework.errors import NotFound, Refused
from casework.log import reading
from casework.log.codec import EventCodec
from casework.log.reading import Db, Stretch
from casework.outcome import Context
from casework.population.chance import chance_of
from casework.selection import freezing
from casework.selection.freezing import Count

MOST_NOMINATED = 40
"""Of each kind: more would take long, and show nothing else."""

BUREAUS = ("FTU", "IIT", "HRSS", "PFP")
"""The bureaus that nominate, where no district or zone with a plan stands above a candidate."""

PANEL = ("CRPT", "SPT", "EDUB", "HLTH", "CIV", "HSG")
"""The bureaus that send somebody to the panel, and nominate nobody."""

OFFICE = Context(actor="selection-1", role="selection")
NARRATIVE = "积极落实流动人口基本公共服务均等化，群众反映良好。"
_INELIGIBLE = {
    "too_small": "below_min_size",
    "incomplete": "incomplete_data",
    "candidate-under-age": "under_age",
    "candidate-local-hukou": "local_hukou",
    "candidate-worked-too-little": "worked_too_little",
    "candidate-commended-lately": "commended_lately",
    "publication-consent-missing": "consent_missing",
}
"""Why a candidate is not eligible, by why its figures or its file bar it."""


def tell_past_round(casework: Casework, count: Count) -> int | None:
    """Tell the round of the year before up to its commendation, or what is left of it; return its year.

    None where nobody reaches a seat, and so there is no list to publish. ``casework`` must be for this alone: from now
    on its clock stands in that year.
    """
    year = casework.today.year - 1
    with casework.pool.connection() as db:
        past = PastRound(casework, db, year, count)
        steps = (past.nominate, past.check, past.score, past.publish, past.commend)
        for step in steps if not past.is_commended else ():
            step()
        return year if past.is_commended else None


class PastRound:
    """The selection office, and those who come to it, in a year that is over."""

    def __init__(self, casework: Casework, db: Db, year: int, count: Count) -> None:
        self.casework, self.db, self.year, self.count = casework, db, year, count
        self.document = f"郑人社〔{year}〕30号"

    @property
    def round(self) -> Round:
        """The round as it is."""
        return self.casework.round(self.year)

    @property
    def is_commended(self) -> bool:
        """Whether its titles are given."""
        try:
            return self.round.commended is not None
        except NotFound:
            return False

    def nominate(self) -> None:
        """Open the round in October; districts, zones and bureaus name whom they found."""
        self._on(10, 9)
        self._give(self.casework.open_round, OFFICE, year=self.year, approval_ref=f"豫表彰办〔{self.year}〕1号")
        self._on(10, 20)
        for kind in self.round.begun.kinds:
            candidates = self._people() if is_for_persons(kind) else self._units(kind)
            for candidate in candidates[:MOST_NOMINATED]:
                named = {"person_id" if is_for_persons(kind) else "unit": candidate}
                by = self._nominator(candidate)
                self._step(self.casework.nominate, by, f"{kind} {candidate}", kind=kind, narrative=NARRATIVE, **named)

    def check(self) -> None:
        """Freeze the figures in November, decide who may be ranked, appoint the panel; one is vetoed."""
        self._on(11, 3)
        freezing.freeze(self.casework, self.db, OFFICE, self.year, self.count)
        frozen = freezing.frozen_snapshot(self.db, self.round, self.count)
        barred = {m.unit: m.not_ranked for measured in frozen.metrics.values() for m in measured if m.not_ranked}
        self._on(11, 10)
        for nomination in self.round.nominations.values():
            opinion = {"authority": unit_id("HRSS"), "opinion": "clear", "document": f"复函〔{self.year}〕8号"}
            self._about(nomination, self.casework.receive_opinion, OFFICE, **opinion)
            if nomination.eligible is None:
                self._decide(nomination, barred.get(nomination.candidate))
        for panelist, affiliation in self._panel():
            appointed = {"panelist": panelist, "affiliation": affiliation, "kinds": self.round.begun.kinds}
            self._step(self.casework.appoint_panelist, OFFICE, panelist, **appointed)
        self._veto()

    def score(self) -> None:
        """The panel scores whom nothing bars, all scores are opened at once, and the ranking is computed."""
        for nomination in self.round.eligible:
            self._on(11, 20)
            for panelist in self.round.raters(nomination):
                by = Context(actor=panelist, role="panelist")
                self._about(nomination, self.casework.record_score, by, items=self._points(nomination, panelist))
        self._on(11, 25)
        if self.round.eligible and not self.round.are_scores_open:
            self.casework.reveal_scores(self.year, OFFICE)
        if self.round.are_scores_open:
            freezing.rank(self.casework, self.db, OFFICE, self.year, self.count)

    def publish(self) -> None:
        """Visit whom chance decides about, and show the list: one objection is upheld, another one is not."""
        self._on(11, 28)
        for each in self.round.candidates:
            if is_borderline(each, self.round.policy):
                visit = {"visited_on": self.casework.today, "outcome": "confirmed"}
                self._about(self.round.nomination(each.nomination_id), self.casework.record_site_visit, OFFICE, **visit)
        self._on(12, 1)
        self._let_go()
        if not self.round.listed:
            return
        shown = {"notice_to": self._notice_to(), "channels": ("website", "newspaper")}
        self._step(self.casework.publish_shortlist, OFFICE, **shown)
        self._on(12, 3)
        *cleared, guilty = self._objected()
        self._object(guilty, upheld=True)
        for nomination in cleared:
            self._object(nomination, upheld=False)
        self._replace(guilty)

    def commend(self) -> None:
        """Make the list final, and let both bureaus sign."""
        if self.round.published is None:
            return
        self._on(12, 22)
        self._let_go()
        if not self.round.listed:
            return
        self._step(self.casework.finalise_round, OFFICE)
        assert self.round.finalised is not None
        signed = {"document": self.document, "list_sha256": self.round.finalised.list_sha256}
        for bureau in signatories():
            self._step(self.casework.sign_commendation, _of(bureau), **signed)

    def _on(self, month: int, day: int) -> None:
        now = datetime(self.year, month, day, 10, tzinfo=SHANGHAI)
        self.casework.now = lambda: now

    def _give(self, command: Callable[..., Any], by: Context, key: object = "", *year: int, **fields: Any) -> Any:
        """Give a command that is the same one whenever it is told again."""
        name = f"{self.year} {command.__name__} {by.actor} {key}"
        return command(*year, replace(by, command_id=uuid8_from(name.encode())), **fields)

    def _step(self, command: Callable[..., Any], by: Context, key: object = "", **fields: Any) -> Any:
        return self._give(command, by, key, self.year, **fields)

    def _about(self, nomination: Nomination, command: Callable[..., Any], by: Context, **fields: Any) -> Any:
        return self._step(command, by, nomination.id, nomination_id=nomination.id, **fields)

    def _units(self, kind: str) -> list[UUID]:
        """The units of a kind in the order of their registration."""
        units = self.casework.registry().units.values()
        return [unit.id for unit in units if unit.registered and unit.registered.kind in unit_kinds(kind)]

    def _people(self) -> list[UUID]:
        """Whoever agrees to publication."""
        stretches = [Stretch(p, 0, head) for p, head in reading.heads(self.db).items() if p != REGISTRY]
        told = reading.events_within(self.db, stretches, [ConsentGiven.type_name])
        given = [EventCodec().decode(event.type, event.state) for *_, event in told]
        return sorted(self.casework.consenting(each.person_id for each in given if isinstance(each, ConsentGiven)))

    def _nominator(self, candidate: UUID) -> Context:
        """Who names a candidate: the district or zone above it, else a bureau; it must have a plan."""
        registry, today = self.casework.registry(), self.casework.today
        above = [registry.units[each] for each in registry.ancestors(candidate, today)]
        others = [registry.units[unit_id(code)] for code in BUREAUS]
        offices = [unit for unit in (*above, *others) if unit.registered and unit.registered.kind in NOMINATORS]
        return _office_of(next(unit for unit in offices if has_plan(unit, today)))

    def _decide(self, nomination: Nomination, barred: str | None) -> None:
        """Decide as the figures say, or else the file of the person."""
        if barred is None:
            try:
                self._about(nomination, self.casework.decide_eligibility, OFFICE, eligible=True)
                return
            except Refused as refused:
                barred = refused.code
        reasons = (_INELIGIBLE[barred],)
        self._about(nomination, self.casework.decide_eligibility, OFFICE, eligible=False, reasons=reasons)

    def _panel(self) -> Iterator[tuple[str, UUID]]:
        """Panelists and where they work; the last is recused from much, since an agency stands in a district."""
        for number, affiliation in enumerate((*map(unit_id, PANEL), self._units("K04_SERVICE_AGENCY")[0]), 1):
            yield f"panelist-{number}", affiliation

    def _veto(self) -> None:
        """The last of the employers that may be ranked owes wages."""
        employers = [each for each in self.round.nominations.values() if each.kind == "K03_EMPLOYER" and each.eligible]
        for nomination in employers[-1:]:
            told = {"ground": "unpaid_wages", "document": self.document, "happened_on": date(self.year, 5, 1)}
            self._about(nomination, self.casework.record_veto, _of("HRSS"), authority=unit_id("HRSS"), **told)

    def _points(self, nomination: Nomination, panelist: str) -> dict[str, int]:
        chance = chance_of(self.year, f"{nomination.id} {panelist}")
        return {item: most * chance.whole(85, 99) // 100 for item, most in self.round.rubric(nomination.kind).items()}

    def _let_go(self) -> None:
        """Whoever agrees to publication no longer goes off the list."""
        listed = [self.round.nomination(each) for each in self.round.listed]
        people = {each.candidate: each for each in listed if is_of_person(each)}
        for person in people.keys() - self.casework.consenting(people):
            self._about(people[person], self.casework.remove_candidate, OFFICE, reason="consent_withdrawn")

    def _notice_to(self) -> date:
        return nth_working_day_after(self.casework.today - timedelta(1), self.round.begun.notice_working_days)

    def _objected(self) -> list[Nomination]:
        """Two of those on the list, or the only one; the last is one that a reserve can follow, or else some unit."""
        candidates = self.round.candidates
        followed = {each.kind for each in candidates if each.reserve}

        def suits(each: RankedCandidate) -> tuple[bool, bool]:
            return each.kind in followed, each.metric is not None

        seated = sorted((each for each in candidates if each.seated), key=suits)
        return [self.round.nomination(each.nomination_id) for each in (*seated[:1], *seated[1:][-1:])]

    def _object(self, nomination: Nomination, *, upheld: bool) -> None:
        filing = {"grounds": "false_materials", "remark": "材料与实际情况不符。", "anonymous": not upheld}
        filed = self._about(nomination, self.casework.file_objection, _of("FTU"), **filing)
        reason = "substantiated" if upheld else "unsubstantiated"
        answer = {"objection_id": filed.events[0]["objection_id"], "upheld": upheld, "reason": reason}
        self._about(nomination, self.casework.resolve_objection, OFFICE, **answer)

    def _replace(self, removed: Nomination) -> None:
        """Take somebody off the list; the next reserve, if there is one, moves up with a notice of its own."""
        self._about(removed, self.casework.remove_candidate, OFFICE, reason="objection_upheld")
        reserve = self.round.next_reserve(removed.kind)
        if self.round.nomination(removed.id).replaced_by is None and reserve is not None:
            moving = {"in_place_of": removed.id, "notice_to": self._notice_to()}
            self._about(self.round.nomination(reserve), self.casework.promote_reserve, OFFICE, **moving)


def _of(bureau: str) -> Context:
    return Context(actor=f"{bureau}-1", role="bureau", bureau=bureau)


def _office_of(unit: Unit) -> Context:
    """Somebody of a bureau, or of the government of a district or the committee of a zone."""
    assert unit.registered is not None
    code, kind = unit.registered.code, unit.registered.kind
    if kind == "bureau":
        return _of(code)
    return Context(actor=f"{code}-1", role="bureau", bureau="LOCAL" if kind == "district" else "DZ", unit=unit.id)
