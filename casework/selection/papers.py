"""The two papers of a round: the notice of its list to the public, and the decision that both bureaus sign."""

from __future__ import annotations

from uuid import UUID

from casework.domain.codes import bureaus
from casework.domain.rounds.commending import signatories
from casework.domain.rounds.round import Round
from casework.selection import report
from casework.selection.report import Spoken
from casework.selection.report_words import label_of, word


def notice_of(opened: Round, spoken: Spoken) -> report.Notice | None:
    """Return the notice of the list that was published; None before that."""
    published = opened.published
    if published is None:
        return None
    values = {
        "year": opened.begun.year,
        "listed": len(published.listed),
        "reserves": len(published.reserves),
        "notice_from": published.notice_from,
        "notice_to": published.notice_to,
        "days": opened.begun.notice_working_days,
    }
    return report.Notice(
        title=word("notice_title", spoken),
        text=word("notice", spoken, **values),
        notice_from=published.notice_from,
        notice_to=published.notice_to,
        channels=published.channels,
        channel_labels=tuple(label_of("notice_channels", each, spoken) for each in published.channels),
    )


def decision_of(opened: Round, spoken: Spoken) -> report.Decision | None:
    """Return the decision on the final list, signed or not; None before the list is final."""
    final, issued = opened.finalised, opened.commended
    if final is None:
        return None
    text = word("decision", spoken, listed=len(final.listed)) + _since_shown(opened, spoken)
    numbers = [each.document for each in opened.signed.values()]
    return report.Decision(
        title=word("decision_title", spoken, year=opened.begun.year),
        text=text if issued is not None else f"{text} {word('decision_open', spoken)}",
        in_force=issued is not None,
        document=next(iter(numbers), None),
        issued_on=issued.occurred_on if issued is not None else None,
        list_sha256=final.list_sha256,
        listed=len(final.listed),
        signatories=tuple(_signatory(opened, bureau, spoken) for bureau in signatories()),
    )


def _since_shown(opened: Round, spoken: Spoken) -> str:
    """How many left the list after it was shown, and how many moved up; nothing where it stayed as it was."""
    shown = set(opened.published.listed) if opened.published is not None else set[UUID]()
    final = set(opened.finalised.listed) if opened.finalised is not None else set[UUID]()
    if shown == final:
        return ""
    return word("decision_since", spoken, removed=len(shown - final), moved_up=len(final - shown))


def _signatory(opened: Round, code: str, spoken: Spoken) -> report.Signatory:
    bureau = next(each for each in bureaus() if each.code == code)
    signed = opened.signed.get(code)
    holder = bureau.holder(signed.occurred_on if signed is not None else opened.told_on)
    return report.Signatory(
        bureau=code, holder=holder[spoken], signed_on=signed.occurred_on if signed is not None else None
    )
