"""What is told of a selection round, to whom: heads, nominations, the panel, and the list that the public sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, g

from api import naming
from api.auth import principal
from api.giving import casework, etag
from api.household_state import unit_name
from api.language import told
from api.paging import MalformedCursor, next_link
from api.resource import answer, unchanged
from casework.domain.codes import bureaus
from casework.domain.kinds import round_kinds
from casework.domain.policy import Kind
from casework.domain.registry import Registry
from casework.domain.rounds.commending import signatories
from casework.domain.rounds.events import ObjectionFiled, ObjectionResolved, RankedCandidate
from casework.domain.rounds.nominating import is_of_person
from casework.domain.rounds.nomination import Nomination, Notice
from casework.domain.rounds.round import Round
from casework.errors import NotFound
from casework.privacy.access_log import record_reads
from casework.round_path import subject_of

Content = dict[str, Any]

OFFICE = frozenset({"selection", "auditor"})
"""Who sees all of a round, but for scores that are sealed."""

OF_OBJECTIONS = (ObjectionFiled, ObjectionResolved)
"""What the office alone reads of: who objects relies on it."""

READS_TEXTS = OFFICE | {"panelist"}
"""Who reads what was written of a candidate, with a purpose that is recorded."""


def rounds() -> Content:
    """Return the rounds, the latest first."""
    return {"items": [_entry(casework().round(year)) for year in casework().round_years()]}


def head(year: int) -> Response:
    """Answer a round's head."""
    found, registry = casework().round(year), casework().registry()
    tag = _tag(found, registry)
    return unchanged(tag) or answer(_head(found), headers={"ETag": tag})


def page(year: int, *, limit: int, kind: str | None = None, cursor: str | None = None) -> Response:
    """Answer one page of a round's nominations, in the order in which they came."""
    found, registry = casework().round(year), casework().registry()
    wanted = [each for each in _seen(found) if kind in (None, each.kind)]
    ids = [str(each.id) for each in wanted]
    if cursor is not None and cursor not in ids:
        raise MalformedCursor
    begin = ids.index(cursor) + 1 if cursor is not None else 0
    shown = wanted[begin : begin + limit]
    following = str(shown[-1].id) if begin + limit < len(wanted) else None
    content = {"items": [_nomination(found, each, registry) for each in shown], "next": following}
    return answer(content, headers={"ETag": _tag(found, registry), **next_link(following)})


def nomination(year: int, nomination_id: UUID) -> Response:
    """Answer all that the caller may see of a nomination."""
    found, registry = casework().round(year), casework().registry()
    known = next((each for each in _seen(found) if each.id == nomination_id), None)
    if known is None:
        raise NotFound("nomination-unknown")
    content = {**_nomination(found, known, registry), **_details(known, registry), "texts": _texts(known)}
    return answer(content, headers={"ETag": _tag(found, registry)})


def panel(year: int) -> Content:
    """Return the panel, and how far each has come."""
    found, registry = casework().round(year), casework().registry()
    return {
        "items": [
            {
                "panelist": name,
                "affiliation": named_unit(registry, appointed.affiliation),
                "kinds": appointed.kinds,
                "due": sum(name in found.raters(each) for each in found.eligible),
                "recorded": sum(name in each.scored for each in found.nominations.values()),
            }
            for name, appointed in found.panel.items()
        ]
    }


def public_list(year: int) -> Response:
    """Answer the list, once it is published."""
    found, registry = casework().round(year), casework().registry()
    published = found.published
    if published is None or found.cancelled is not None:
        raise NotFound
    final = found.finalised.listed if found.finalised is not None else found.listed
    shown = [found.nominations[each] for each in final]
    waiting = [] if found.finalised else [found.nominations[each] for each in found.reserves]
    names = casework().public_names(each.candidate for each in [*shown, *waiting] if is_of_person(each))
    content = {
        "year": year,
        "state": found.state_on(casework().today),
        "published": _published(found),
        "items": [_listed(found, each, _status(found, each), registry, names) for each in shown],
        "reserves": [_listed(found, each, "reserve", registry, names) for each in waiting],
        "list_sha256": found.finalised and found.finalised.list_sha256,
        "commendation": _issued(found),
    }
    return answer(content)


def _seen(found: Round) -> list[Nomination]:
    """The nominations that the caller may see: a panelist those of its kinds, a bureau those that it spoke of.

    It speaks of one by making it, by an opinion, or by a veto.
    """
    everything = list(found.nominations.values())
    if g.role in OFFICE:
        return everything
    if g.role == "panelist":
        appointed = found.panel.get(principal().sub)
        return [each for each in everything if appointed is not None and each.kind in appointed.kinds]
    who = principal()
    office = casework().office_of(who.bureau, who.unit)
    return [each for each in everything if office is not None and office in _speakers(each)]


def _speakers(known: Nomination) -> set[UUID]:
    authorities = {each.authority for each in known.opinions} | {each.authority for each in known.vetoes.values()}
    return {known.submitted.nominator, *authorities}


def _tag(found: Round, registry: Registry) -> str:
    return etag(found.version, registry.position, casework().today.isoformat(), found.begun.policy_version)


def _entry(found: Round) -> Content:
    return {
        "year": found.begun.year,
        "state": found.state_on(casework().today),
        "policy": found.begun.policy_version,
        "opened_on": found.begun.occurred_on,
    }


def _head(found: Round) -> Content:
    begun = found.begun
    going_on = [each.kind for each in found.nominations.values() if not each.is_withdrawn]
    rankings = [each.sha256 for told_of in found.rankings.values() for each in told_of]
    return {
        **_entry(found),
        "version": found.version,
        "policy_sha256": begun.policy_sha256,
        "approval_ref": begun.approval_ref,
        "kinds": [
            {
                "kind": kind.code,
                "label": told(kind.label),
                "project_extension": kind.project_extension,
                "nominations": going_on.count(kind.code),
            }
            for kind in _kinds(found).values()
        ],
        "quota": {"mode": begun.quota.mode, "total": begun.quota.total},
        "dates": begun.dates,
        "notice_working_days": begun.notice_working_days,
        "panelists": len(found.panel),
        "frozen": _frozen(found),
        "scores_open": found.are_scores_open,
        "ranking_sha256": next(iter(rankings), None),
        "published": _published(found),
        "listed": len(found.listed),
        "list_sha256": found.finalised and found.finalised.list_sha256,
        "signatories": [_signatory(found, bureau) for bureau in signatories()],
        "commendation": _issued(found),
        "cancelled_reason": found.cancelled and found.cancelled.reason,
    }


def _kinds(found: Round) -> Mapping[str, Kind]:
    """The round's kinds, in catalogue order."""
    known = {kind.code for kind in found.policy.selection.kinds}
    kinds = round_kinds(found.policy, [kind for kind in found.begun.kinds if kind in known])
    return {kind.code: kind for kind in kinds if kind.code in found.begun.kinds}


def _kind(kind: Kind) -> Content:
    """What kind of exemplar, in words; an extension of ours is labelled as one wherever it is named."""
    return {"kind": kind.code, "kind_label": told(kind.label), "project_extension": kind.project_extension}


def _frozen(found: Round) -> Content | None:
    if found.frozen is None:
        return None
    names = ("snapshot_id", "as_of", "known_at", "sha256", "rows", "policy_sha256", "code_version")
    return {**{name: getattr(found.frozen, name) for name in names}, "frozen_on": found.frozen.occurred_on}


def _published(found: Round) -> Content | None:
    names = ("notice_from", "notice_to", "channels")
    return {name: getattr(found.published, name) for name in names} if found.published is not None else None


def _signatory(found: Round, code: str) -> Content:
    bureau = next(each for each in bureaus() if each.code == code)
    signed = found.signed.get(code)
    on = signed.occurred_on if signed is not None else casework().today
    return {"bureau": code, "holder": told(bureau.holder(on)), "signed_on": signed and signed.occurred_on}


def _issued(found: Round) -> Content | None:
    issued = found.commended
    return {"document": issued.document, "issued_on": issued.occurred_on} if issued is not None else None


def _nomination(found: Round, known: Nomination, registry: Registry) -> Content:
    submitted, is_told = known.submitted, g.role in READS_TEXTS or found.published is not None
    return {
        "nomination_id": known.id,
        **_kind(_kinds(found)[known.kind]),
        "candidate": {
            "unit": named_unit(registry, submitted.unit_id) if submitted.unit_id is not None else None,
            "person_id": submitted.person_id,
        },
        "nominator": named_unit(registry, submitted.nominator),
        "submitted_on": submitted.occurred_on,
        "withdrawn_reason": known.withdrawn_reason,
        "eligible": known.eligible,
        "reasons": known.reasons,
        "standing_vetoes": len(known.standing_vetoes),
        "scoring": _scoring(found, known) if g.role in READS_TEXTS else None,
        "place": _place(known.ranked) if is_told else None,
        "not_ranked": found.not_ranked.get(known.id) if is_told else None,
        "on_list": known.id in found.listed if is_told else None,
        "notice": _notice(known.notice),
        "removed_reason": known.removed_reason if is_told else None,
        "revoked_on": known.revoked and known.revoked.occurred_on,
    }


def _details(known: Nomination, registry: Registry) -> Content:
    in_office = g.role in OFFICE
    return {
        "attachments": known.submitted.attachments,
        "opinions": [
            {
                "authority": named_unit(registry, each.authority),
                "opinion": each.opinion,
                "document": each.document,
                "received_on": each.occurred_on,
            }
            for each in known.opinions
        ],
        "vetoes": [
            {
                "veto_id": each.veto_id,
                "ground": each.ground,
                "authority": named_unit(registry, each.authority),
                "document": each.document,
                "happened_on": each.happened_on,
                "recorded_on": each.occurred_on,
                "stands": each.veto_id not in known.lifted,
            }
            for each in known.vetoes.values()
        ],
        "visits": [{"visited_on": each.visited_on, "outcome": each.outcome} for each in known.visits],
        "recused": sorted(known.recused) if in_office else None,
        "objections": [_objection(known, each) for each in known.objections] if in_office else None,
    }


def _objection(known: Nomination, objection_id: UUID) -> Content:
    filed, resolved = known.objections[objection_id], known.resolutions.get(objection_id)
    return {
        "objection_id": objection_id,
        "grounds": filed.grounds,
        "anonymous": filed.anonymous,
        "filed_on": filed.occurred_on,
        "upheld": resolved and resolved.upheld,
        "reason": resolved and resolved.reason,
    }


def _scoring(found: Round, known: Nomination) -> Content:
    scores = [{"panelist": name, "items": items} for name, items in sorted(known.scores.items())]
    return {
        "due": len(found.raters(known)),
        "recorded": len(known.scored),
        "scores": scores if found.are_scores_open else None,
    }


def _place(ranked: RankedCandidate | None) -> Content | None:
    if ranked is None:
        return None
    names = ("rank", "rank_low", "rank_median", "rank_high", "tie_break", "seated", "reserve")
    return {
        "metric": ranked.metric / 100 if ranked.metric is not None else None,
        "panel": ranked.panel / 100,
        "final": ranked.final / 100,
        "p_selected": ranked.p_selected / 1000,
        **{name: getattr(ranked, name) for name in names},
    }


def _notice(notice: Notice | None) -> Content | None:
    return {"notice_from": notice.from_, "notice_to": notice.to} if notice is not None else None


def _texts(known: Nomination) -> list[Content] | None:
    """What the vault has beside the nomination's events; the reading is recorded, of a person in their file."""
    if g.role not in READS_TEXTS or principal().purpose is None:
        return None
    texts = [
        (event, sealed) for event, sealed in known.texts if g.role in OFFICE or not isinstance(event, OF_OBJECTIONS)
    ]
    subject, commitments = subject_of(known), [sealed for _, sealed in texts]
    with casework().pool.connection() as db:
        opened = casework().persons.vault.by_commitment(db, [subject], commitments)
        if opened:
            home = casework().persons.holders(db, [subject]).get(subject, known.id)
            record_reads(db, naming.reader(), [(home, subject)])
    return [
        {
            "event": event.type_name,
            "told_on": event.occurred_on,
            "objection_id": event.objection_id if isinstance(event, OF_OBJECTIONS) else None,
            "text": next(iter(opened[sealed].values())),
        }
        for event, sealed in texts
        if sealed in opened
    ]


def _listed(found: Round, known: Nomination, status: str, registry: Registry, names: Mapping[UUID, str]) -> Content:
    assert known.ranked is not None
    unit_id = known.submitted.unit_id
    unit = named_unit(registry, unit_id) if unit_id is not None else None
    return {
        "nomination_id": known.id,
        **_kind(_kinds(found)[known.kind]),
        "unit": unit and {"code": unit["code"], "name": unit["name"]},
        "person_name": names.get(known.candidate),
        "rank": known.ranked.rank,
        "final": known.ranked.final / 100,
        "status": status,
        "notice": _notice(known.notice),
    }


def _status(found: Round, known: Nomination) -> str:
    if known.revoked is not None:
        return "revoked"
    return "commended" if found.commended is not None else "listed"


def named_unit(registry: Registry, unit_id: UUID) -> Content:
    """Return a unit by its id, code and name; it may never have been registered."""
    unit = registry.units.get(unit_id)
    code = unit.registered.code if unit is not None and unit.registered is not None else None
    return {"id": unit_id, "code": code, "name": unit_name(registry, unit_id)}
