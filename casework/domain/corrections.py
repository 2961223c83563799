"""Saying that a record of a service was wrong: commands 28 and 29 of DOMAIN 8.2."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from casework.domain import catalogue
from casework.domain.checks import check_codes
from casework.domain.events.corrections import Change, ServiceCorrected, ServiceVoided
from casework.domain.referrals import ReferralCommands
from casework.domain.residence import By, refuse_if
from casework.domain.state import Episode, Terms, last_day
from casework.errors import Refused

DATES = {"granted_on", "delivered_on", "valid_from", "valid_to", "started_on", "ended_on", "requested_on"}
"""The dates of an episode that a correction may name; beside them ``unit_id`` and ``evidence.<name>``."""

IN_ORDER = {"granted_on", "started_on", "ended_on"}
"""Dates that a correction must leave in order; a death or a closing told late may have put them out of it."""

HAPPENED = ("requested_on", *sorted(IN_ORDER), "delivered_on")
SETS_APART = {"ended_on", "unit_id", "valid_to", "valid_from"}
"""What, with the evidence, says whether two episodes of an exclusive service stand beside each other (RULES G11)."""


class CorrectionCommands(ReferralCommands):
    """Correct and void."""

    def correct_service(
        self,
        by: By,
        *,
        corrected_on: date,
        episode_id: UUID,
        changes: Sequence[Change],
        reason: str,
        corrects: int | None = None,
        commitment: bytes | None = None,
    ) -> None:
        """Say what was wrong from the start; every change names the value that stands now (RULES B3)."""
        self._check_open_or_settling(corrected_on)
        self._check_date(by, corrected_on, backdated=False)
        episode = self._episode(episode_id)
        refuse_if(episode.voided, "voided")
        check_codes(reason=("correction_reasons", reason))
        refuse_if(not changes and commitment is None, "nothing-recorded")
        target = corrects or _told_in(episode, changes)
        corrected = replace(episode, terms=[replace(terms) for terms in episode.terms])
        for change in changes:
            _check_change(corrected, change)
            refuse_if(
                _value(corrected, change.path, target) != change.old,
                "old-value-differs",
                path=_shown(episode, change.path),
            )
            correct(corrected, (change,), target)
        self._check_corrected(by, corrected)
        if any(change.path in IN_ORDER for change in changes):
            _check_order(corrected)
        if any(change.path in SETS_APART or change.path.startswith("evidence.") for change in changes):
            self._check_alone(by, corrected)
        self.record(
            ServiceCorrected(
                occurred_on=corrected_on,
                episode_id=episode_id,
                changes=tuple(changes),
                reason=reason,
                corrects=target,
                commitment=commitment,
            )
        )

    def void_service(
        self,
        by: By,
        *,
        voided_on: date,
        episode_id: UUID,
        reason: str,
        commitment: bytes | None = None,
    ) -> None:
        """Say that an episode or delivery never counted."""
        self._check_open_or_settling(voided_on)
        self._check_date(by, voided_on, backdated=False)
        episode = self._episode(episode_id)
        refuse_if(episode.voided, "voided")
        check_codes(reason=("void_reasons", reason))
        self.record(ServiceVoided(occurred_on=voided_on, episode_id=episode_id, reason=reason, commitment=commitment))

    def _check_corrected(self, by: By, episode: Episode) -> None:
        """What stands after a correction meets the same rules as what is recorded at first."""
        for day in (getattr(episode, name) for name in HAPPENED):
            refuse_if(day is not None and day > by.today, "date-in-future")
        service = catalogue.service(episode.service, by.today)
        if not episode.terms:
            return
        service.check_evidence({k: v for k, v in episode.evidence().items() if v is not None})
        self._check_unit(service, episode.unit_id)
        if episode.delivered_on is not None:
            others = [
                e for e in self.episodes_of[episode.service, episode.person_id] if e.episode_id != episode.episode_id
            ]
            twice = any(
                o.delivered_on == episode.delivered_on and not o.voided and o.evidence() == episode.evidence()
                for o in others
            )
            refuse_if(twice, "delivered-already")
            return
        self._check_terms(service, episode.valid_from, episode.terms)

    def _check_alone(self, by: By, episode: Episode) -> None:
        """An episode that the correction leaves open stands beside no other of an exclusive service."""
        service = catalogue.service(episode.service, by.today)
        ends = last_day(service, episode.valid_from, episode.terms) if episode.terms else None
        if not episode.is_over and (ends is None or ends >= by.today):
            key = service.exclusive_key(episode.unit_id, episode.evidence())
            self._check_exclusive(service, episode.person_id, key, by.today, but=self.episodes[episode.episode_id])


def _check_order(episode: Episode) -> None:
    granted_on, started_on, ended_on = episode.granted_on, episode.started_on, episode.ended_on
    refuse_if(granted_on and started_on and started_on < granted_on, "started-before-granted")
    renewed_on = episode.terms[1].on if len(episode.terms) > 1 else None
    refuse_if(granted_on and renewed_on and renewed_on < granted_on, "renewed-before-granted")
    begun = started_on or granted_on
    refuse_if(begun and ended_on and ended_on < begun, "ended-before-started")


def _check_change(episode: Episode, change: Change) -> None:
    """Refuse what an episode does not have, what only the vault may hold, and values that cannot be."""
    name, _, field = change.path.partition(".")
    if name == "evidence":
        shown = catalogue.services()[episode.service].evidence.get(field)
        refuse_if(shown is not None and shown.vault, "correction-path", path=_shown(episode, change.path))
    elif name == "unit_id":
        named = change.new is None or is_id(change.new)
        refuse_if(not named, "correction-value", path=_shown(episode, change.path))
    else:
        told = episode.granted_on if name in ("valid_from", "valid_to") else getattr(episode, name, None)
        refuse_if(name not in DATES or told is None, "correction-path", path=_shown(episode, change.path))
        can_be_none = change.new is None and name not in ("requested_on", "granted_on", "delivered_on")
        refuse_if(not can_be_none and not is_day(change.new), "correction-value", path=_shown(episode, change.path))


def _shown(episode: Episode, path: str) -> str:
    """A path as a refusal may repeat it: a name that is not ours could say anything."""
    name, _, field = path.partition(".")
    known = catalogue.services()[episode.service].evidence
    ours = field in known if name == "evidence" else path in (*DATES, "unit_id")
    return path if ours else "path"


def is_id(value: Any) -> bool:
    """Whether a corrected value is an id as it is written."""
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def is_day(value: Any) -> bool:
    """Whether a corrected value is a date as it is written."""
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def correct(episode: Episode, changes: Sequence[Change], corrects: int) -> None:
    """Put the new values where the old ones stood; ``corrects`` is the version of the grant or renewal meant."""
    for change in changes:
        name, _, field = change.path.partition(".")
        terms = _terms(episode, change.path, corrects)
        if name == "evidence" and terms is not None:
            terms.evidence = {**terms.evidence, field: change.new}
        elif name == "valid_to" and terms is not None:
            terms.valid_to = as_day(change.new)
        elif name == "unit_id":
            episode.unit_id = UUID(str(change.new)) if change.new is not None else None
        elif name in ("granted_on", "delivered_on"):
            _move(episode, name, as_day(change.new))
        else:
            setattr(episode, "said_from" if name == "valid_from" else name, as_day(change.new))


def _move(episode: Episode, name: str, day: date | None) -> None:
    if day is None:
        return
    episode.terms[0].on = day
    if name == "delivered_on":
        episode.delivered_on = day


def as_day(value: Any) -> date | None:
    """Return the date that a corrected value writes; None is none."""
    return None if value is None else date.fromisoformat(str(value))


def _told_in(episode: Episode, changes: Sequence[Change]) -> int:
    """The version of the grant or renewal whose value stands, which one correction can reach."""
    versions = {_teller(episode, change.path) for change in changes if episode.terms}
    refuse_if(len(versions) > 1, "corrects-several")
    return versions.pop() if versions else 0


def _teller(episode: Episode, path: str) -> int:
    return _last_to_tell(episode.terms, path).version


def _terms(episode: Episode, path: str, corrects: int) -> Terms | None:
    """The grant or renewal of a version; those that moved in with a person share that of the move."""
    terms = [t for t in episode.terms if t.version == corrects]
    return _last_to_tell(terms, path) if terms else None


def _last_to_tell(terms: Sequence[Terms], path: str) -> Terms:
    name, _, field = path.partition(".")
    if name == "valid_to":
        return terms[-1]
    return next((t for t in reversed(terms) if name == "evidence" and field in t.evidence), terms[0])


def _value(episode: Episode, path: str, corrects: int) -> Any:
    name, _, field = path.partition(".")
    terms = _terms(episode, path, corrects)
    if name == "evidence":
        if terms is None:
            raise Refused("correction-without-grant")
        return terms.evidence.get(field)
    if name == "unit_id":
        return str(episode.unit_id) if episode.unit_id else None
    if name not in DATES or (name in ("granted_on", "valid_to") and terms is None):
        raise Refused("correction-path", path=_shown(episode, path))
    day = terms.valid_to if name == "valid_to" and terms else getattr(episode, name)
    return day.isoformat() if day else None
