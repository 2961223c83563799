"""Levels with their reasons, as a reader may see them: counts, records, events, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from api.language import told
from casework.domain import catalogue, codes
from casework.domain.assessment import Assessment, Score
from casework.domain.explanation import IndicatorReasons, LevelReasons, Missing, Reason, all_reasons
from casework.domain.household import Household
from casework.domain.policy import LevelPolicy, Policy
from casework.domain.sight import Sight
from casework.log.reading import LoggedEvent
from casework.streams.history import Viewer

Content = dict[str, Any]

MOST_OFFERS = 20
HIDDEN_SCORE: Content = {"score": None, "band": None, "band_label": None, "completeness": None}
"""Of a score from which something restricted could be found."""


class Grounds(NamedTuple):
    """What reasons rest on: the household, its events, the versions that tell of each record, and who looks."""

    household: Household
    logged: Mapping[int, LoggedEvent]
    trail: Mapping[UUID, Sequence[int]]
    contact: int | None
    policy: Policy
    viewer: Viewer

    @property
    def sight(self) -> Sight:
        """What of what is restricted they see."""
        return self.viewer.sight


def assessed(assessment: Assessment, levels: Mapping[str, LevelReasons], grounds: Grounds) -> Content:
    """Return an assessment: status, overall, levels with reasons, and what to offer next."""
    policy = grounds.policy
    overall = score(assessment.overall, policy)
    return {
        "status": assessment.status,
        "settled": assessment.settled,
        "overall": overall if grounds.sight.overall(policy) else HIDDEN_SCORE,
        "levels": [
            _level(level, score(assessment.levels[level.code], policy), levels.get(level.code), grounds)
            for level in policy.levels
        ],
        "offer_next": _offers(levels, grounds),
        "next_change_on": assessment.next_change_on,
    }


def score(each: Score, policy: Policy) -> Content:
    """Return a score with its band and completeness; no score where nothing is known or applies."""
    weight = each.applicable_weight
    return {
        "score": each.score / 100 if each.score is not None else None,
        "band": each.band,
        "band_label": told(policy.band_labels[each.band]),
        "completeness": round(each.known_weight / weight, 4) if weight else None,
    }


def _level(level: LevelPolicy, own: Content, reasons: LevelReasons | None, grounds: Grounds) -> Content:
    seen = grounds.sight.level(level)
    return {
        "level": level.code,
        "label": told(level.label),
        **(own if seen else HIDDEN_SCORE),
        "next_band": reasons.next_band if reasons and seen else None,
        "steps": reasons.steps if reasons and seen else None,
        "indicators": [_indicator(each, grounds) for each in reasons.indicators] if reasons else [],
    }


def _indicator(each: IndicatorReasons, grounds: Grounds) -> Content:
    result, rule = each.result, grounds.policy.indicators[each.result.code]
    told_of = grounds.sight.indicator(result.code)
    seen = [reason for reason in each.reasons if told_of and _is_seen(reason, grounds)]
    return {
        "indicator": result.code,
        "label": told(rule.label),
        "eligible": told(rule.eligible),
        "met_when": told(rule.met),
        "state": result.state if told_of else "hidden",
        "num": result.num if told_of else None,
        "den": result.den if told_of else None,
        "weight": each.weight,
        "reasons": [_reason(result.code, reason, grounds) for reason in seen],
        "withheld": len(each.reasons) - len(seen) if told_of else None,
    }


def _is_seen(reason: Reason, grounds: Grounds) -> bool:
    """Whether nothing would be told by this reason that is withheld."""
    household = grounds.household
    records = (id for id in (reason.record_id, reason.need_id) if id in household.episodes or id in household.needs)
    return all(_sees(grounds.sight, code) for code in reason.services) and all(map(grounds.viewer.record, records))


def _sees(sight: Sight, code: str) -> bool:
    """Whether a reader sees what a service or a need tells."""
    return sight.service(code) if code in catalogue.services() else sight.need(code)


def _reason(indicator: str, reason: Reason, grounds: Grounds) -> Content:
    versions = _versions(reason, grounds)
    if indicator == "COM5" and reason.met and reason.record_id is None and grounds.contact is not None:
        versions.add(grounds.contact)
    return {
        "met": reason.met,
        "person_id": reason.person_id,
        "unit_id": reason.unit_id,
        "what": reason.what,
        "record_id": reason.record_id,
        "need_id": reason.need_id,
        "events": [_event(grounds.logged[version]) for version in sorted(versions) if version in grounds.logged],
        "missing": [missing(each) for each in reason.missing],
        "gain": reason.gain / 100,
    }


def _versions(reason: Reason, grounds: Grounds) -> set[int]:
    """The events behind a reason; what a person brought along stands in the event that took them in."""
    versions: set[int] = set()
    for record_id in (reason.record_id, reason.need_id):
        if record_id is not None:
            versions |= set(grounds.trail.get(record_id, ()))
            versions |= _brought(record_id, grounds.household)
    return versions


def _brought(record_id: UUID, household: Household) -> set[int]:
    episode = household.episodes.get(record_id)
    if episode is not None:
        return {terms.version for terms in episode.terms}
    record = household.needs.get(record_id) or household.employments.get(record_id)
    return {record.version} if record is not None else set()


def _event(logged: LoggedEvent) -> Content:
    return {"event_id": logged.meta.event_id, "version": logged.version, "type": logged.type}


def missing(each: Missing) -> Content:
    """Return what is missing, any one of some codes, with their labels."""
    return {"kind": each.kind, "any_of": [{"code": code, "label": _label(each.kind, code)} for code in each.codes]}


def _label(kind: str, code: str) -> str:
    match kind:
        case "service":
            return told(catalogue.services()[code].label)
        case "unit_fact":
            return told(codes.unit_facts()[code].label)
        case "need":
            return told(next(row.label for row in codes.needs() if row.code == code))
        case _:
            return told(catalogue.services()["EDU-COMP"].evidence[code].label)


def _is_erased(person_id: UUID | None, grounds: Grounds) -> bool:
    """Whether nothing can be offered to a person any more: every command on them is refused."""
    return person_id is not None and grounds.household.people[person_id].is_erased


def _offers(levels: Mapping[str, LevelReasons], grounds: Grounds) -> list[Content]:
    """What to offer this family next: services that are missing, those that lift a level most first."""
    offers = [
        {
            "level": level,
            "indicator": indicator,
            "person_id": reason.person_id,
            "any_of": next(missing(each)["any_of"] for each in reason.missing if each.kind == "service"),
            "gain": reason.gain / 100,
        }
        for level, indicator, reason in all_reasons(levels)
        if grounds.sight.indicator(indicator)
        and _is_seen(reason, grounds)
        and not _is_erased(reason.person_id, grounds)
        and any(each.kind == "service" for each in reason.missing)
    ]
    return offers[:MOST_OFFERS]
