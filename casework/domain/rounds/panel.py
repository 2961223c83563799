"""The panel: who scores whom, and scores that stay sealed until all are in (RULES U12)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import TypeVar
from uuid import UUID

from casework.domain.checks import check_code
from casework.domain.evidence import field_error
from casework.domain.kinds import is_for_persons
from casework.domain.registry import Registry, Unit
from casework.domain.residence import By, refuse_if
from casework.domain.rounds.checking import CheckingCommands
from casework.domain.rounds.events import (
    GivenScore,
    PanelistAppointed,
    PanelScoreRecorded,
    RecusalDeclared,
    RevealedScores,
    ScoresRevealed,
    SiteVisitRecorded,
)
from casework.domain.rounds.nominating import registered
from casework.domain.rounds.nomination import Nomination
from casework.errors import Invalid, Refused

OVERALL: Mapping[str, int] = {"overall": 100}
"""What a panelist gives to a unit: one figure, beside the ones that are measured."""

REVEALED_AT_ONCE = 50
"""Nominations in one event; an event holds 64 kB at most."""

Scores = Mapping[UUID, Mapping[str, Mapping[str, int]]]
"""Points by item, by panelist, by nomination."""

Item = TypeVar("Item")


class PanelCommands(CheckingCommands):
    """Appoint, recuse, score, open the scores; go and see."""

    def rubric(self, kind: str) -> Mapping[str, int]:
        """Return what a candidate of a kind is scored by: items, and the most points of each, 100 together."""
        if not is_for_persons(kind):
            return OVERALL
        return next(each.parts for each in self.policy.selection.kinds if each.code == kind)

    def appoint_panelist(
        self,
        by: By,
        *,
        panelist: str,
        affiliation: Unit,
        kinds: Sequence[str],
        registry: Registry,
        units_of: Mapping[UUID, Collection[UUID]],
    ) -> None:
        """Let somebody score candidates of some kinds, but none that belongs where they do.

        Of persons, ``units_of`` says where they work.
        """
        self._begin(by, "appoint_panelist")
        refuse_if(self.are_scores_open, "scores-open")
        refuse_if(panelist in self.panel, "panelist-appointed")
        registered(affiliation, by.today, "unit-unknown")
        if not kinds or len(set(kinds)) < len(kinds) or not set(kinds) <= set(self.begun.kinds):
            raise Invalid(errors=(field_error("/kinds", "unknown-code"),))
        submitters = {each.submitted.submitted_by for each in self.nominations.values()}
        refuse_if(panelist in submitters, "nominator-is-panelist")
        self.record(
            PanelistAppointed(occurred_on=by.today, panelist=panelist, affiliation=affiliation.id, kinds=tuple(kinds))
        )
        for nomination in self.nominations.values():
            units = units_of.get(nomination.candidate, [nomination.candidate])
            if nomination.kind in kinds and _is_near(affiliation.id, nomination, units, registry, by.today):
                self._recuse(by, nomination, panelist, automatic=True)

    def declare_recusal(self, by: By, *, nomination_id: UUID, panelist: str) -> None:
        """A panelist does not score a candidate; declared again it changes nothing."""
        nomination = self._begin_with(by, "declare_recusal", nomination_id)
        refuse_if(self.are_scores_open, "scores-open")
        refuse_if(not self._is_rater(panelist, nomination), "panelist-not-appointed")
        refuse_if(panelist in nomination.scored, "scored-already")
        if panelist not in nomination.recused:
            self._recuse(by, nomination, panelist)

    def record_score(
        self, by: By, *, nomination_id: UUID, panelist: str, items: Mapping[str, int], commitment: bytes
    ) -> None:
        """Score a candidate, once and for all; the event commits to the points and does not tell them."""
        nomination = self._begin_with(by, "record_score", nomination_id)
        refuse_if(self.are_scores_open, "scores-open")
        refuse_if(not self._is_rater(panelist, nomination), "panelist-not-appointed")
        refuse_if(panelist in nomination.recused, "panelist-recused")
        refuse_if(panelist in nomination.scored, "scored-already")
        refuse_if(not nomination.is_eligible, "nomination-not-eligible")
        self._check_size(nomination)
        self.check_items(nomination.kind, items)
        self.record(
            PanelScoreRecorded(
                occurred_on=by.today, nomination_id=nomination_id, panelist=panelist, commitment=commitment
            )
        )

    def check_items(self, kind: str, items: Mapping[str, int]) -> None:
        """Refuse points that are not those of the kind's rubric."""
        rubric = self.rubric(kind)
        fits = items.keys() == rubric.keys() and all(0 <= items[name] <= most for name, most in rubric.items())
        if not fits:
            raise Invalid(errors=(field_error("/items", "field-value"),))

    def check_all_in(self, by: By) -> list[Nomination]:
        """Refuse while a score is missing; return the nominations whose scores are to be opened."""
        self._begin(by, "reveal_scores")
        refuse_if(self.are_scores_open, "scores-open")
        going_on = [each for each in self.nominations.values() if not each.is_withdrawn]
        undecided = any(each.eligible is None and not each.standing_vetoes for each in going_on)
        refuse_if(undecided, "eligibility-undecided")
        refuse_if(not self.eligible, "nobody-eligible")
        for nomination in self.eligible:
            self._check_size(nomination)
            refuse_if(not self._is_scored(nomination), "scores-missing")
        return [each for each in going_on if each.eligible and self._is_scored(each)]

    def reveal_scores(self, by: By, *, scores: Scores) -> None:
        """Open all scores once all are in; nothing is scored, and nobody's eligibility decided, after that."""
        nominations = self.check_all_in(by)
        revealed = [_revealed(each, scores) for each in nominations]
        for some in chunks(revealed, REVEALED_AT_ONCE):
            self.record(ScoresRevealed(occurred_on=by.today, nominations=tuple(some)))

    def record_site_visit(
        self,
        by: By,
        *,
        nomination_id: UUID,
        visited_on: date,
        outcome: str,
        report_sha256: str | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Note that somebody went to see a candidate, in the time of the round."""
        self._begin_with(by, "record_site_visit", nomination_id)
        refuse_if(visited_on > by.today, "date-in-future")
        refuse_if(visited_on < self.begun.dates.opens_on, "visit-before-round")
        check_code("outcome", "visit_outcomes", outcome)
        self.record(
            SiteVisitRecorded(
                occurred_on=by.today,
                nomination_id=nomination_id,
                visited_on=visited_on,
                outcome=outcome,
                report_sha256=report_sha256,
                commitment=commitment,
            )
        )

    def raters(self, nomination: Nomination) -> list[str]:
        """Return who is to score a nomination: the panel of its kind but for those who are recused."""
        return [name for name in self.panel if self._is_rater(name, nomination) and name not in nomination.recused]

    def _is_rater(self, panelist: str, nomination: Nomination) -> bool:
        appointed = self.panel.get(panelist)
        return appointed is not None and nomination.kind in appointed.kinds

    def _is_scored(self, nomination: Nomination) -> bool:
        return nomination.scored.keys() >= set(self.raters(nomination))

    def _check_size(self, nomination: Nomination) -> None:
        refuse_if(len(self.raters(nomination)) < self.policy.selection.panel.members_min, "panel-too-small")

    def _recuse(self, by: By, nomination: Nomination, panelist: str, *, automatic: bool = False) -> None:
        self.record(
            RecusalDeclared(occurred_on=by.today, nomination_id=nomination.id, panelist=panelist, automatic=automatic)
        )


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield items in lists of a size at most."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _is_near(affiliation: UUID, nomination: Nomination, units: Collection[UUID], registry: Registry, on: date) -> bool:
    """Whether somebody belongs to a candidate, to a unit above or below it, or to the one that nominated it."""
    above_me = registry.ancestors(affiliation, on)
    return affiliation == nomination.submitted.nominator or any(
        affiliation == unit or unit in above_me or affiliation in registry.ancestors(unit, on) for unit in units
    )


def _revealed(nomination: Nomination, scores: Scores) -> RevealedScores:
    given = scores.get(nomination.id, {})
    if given.keys() != nomination.scored.keys():
        raise Refused("scores-missing")
    return RevealedScores(
        nomination_id=nomination.id,
        scores=tuple(GivenScore(panelist=name, items=dict(given[name])) for name in sorted(given)),
    )
