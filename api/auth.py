"""Who may do what: one table, one function that decides by it, and what a role sees of what is restricted.

An endpoint that has no row here is closed to everybody. Households outside a token's divisions are not there at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask import g

from api.bearer import Principal
from casework.domain.sight import SEES_ALL_RESTRICTED as SEES_ALL_RESTRICTED
from casework.domain.sight import SEES_NAMES, Roles, Sight, is_own
from casework.errors import Forbidden
from casework.tokens import ROLES

EVERYBODY: Roles = frozenset(ROLES)
DESK: Roles = frozenset({"caseworker", "supervisor"})
RECORDERS = DESK | {"service"}
"""Who keeps households' files: at the desk, or as a feed."""
DECIDERS = RECORDERS | {"bureau"}
"""Who decides services: they, and a bureau for itself (RULES G6)."""
READERS = DECIDERS | {"auditor"}
REVIEWERS: Roles = frozenset({"supervisor"})
"""Who looks at two people's files beside each other and decides whether they are one."""
IMPORTERS: Roles = frozenset({"supervisor", "service"})
"""Who may bring whole files in, and undo what they did: a feed, and whoever answers for the desk."""
EXPORTERS: Roles = frozenset({"supervisor", "auditor"})
"""Who may take whole files out; nobody is named in them."""
ARRANGERS: Roles = frozenset({"supervisor", "operator"})
"""Who registers units and says where they stand: whoever answers for the division above, or for the whole city."""
REPORTERS: Roles = ARRANGERS | {"bureau", "service"}
"""Who reports facts of units: they, and a bureau or its feed those of its own field."""
REGISTRARS: Roles = frozenset({"operator", "bureau", "service"})

SELECTORS: Roles = frozenset({"selection"})
"""The office that runs the yearly selection."""
ROUND_READERS = SELECTORS | {"auditor", "panelist", "bureau"}
"""Who reads nominations; a bureau its own, a panelist those of its kinds."""
AUTHORITIES = SELECTORS | {"bureau"}
"""Who tells what an authority said of a candidate; a bureau for itself."""
SUBSCRIBERS: Roles = frozenset({"bureau", "service"})
"""Who takes what a bureau is told: its staff, and its own programs."""

PERSONS: Roles = EVERYBODY - {"service"}
"""Whoever is a person edits only what they have seen (``If-Match``); a feed cannot have seen it."""

OF_HOUSEHOLDS = frozenset(
    {"households", "regrouping", "members", "privacy", "employments", "needs", "services", "worklist", "duplicates"}
    | {"imports", "exports", "transfers"}
)
"""The resources that are about somebody in particular."""

OF_DIVISIONS = DECIDERS
"""Whose token must say where they work; an auditor without divisions sees the whole city."""

OF_ARRANGED = frozenset(
    {"units.register", "units.report_fact", "units.void_fact"}
    | {"units.change_place", "units.split", "units.merge", "units.close", "units.void_entry"}
)
"""Commands on units, which the same people give only for where they work."""

PUBLIC = frozenset(
    {
        "health.alive",
        "health.ready",
        "metrics.metrics",
        "docs.page",
        "docs.openapi",
        "docs.streams",
        "docs.problem_list",
        "docs.home",
    }
    | {"rounds.public_list", "rounds.public_report"}
)
"""What is answered without a token: nothing in it is anybody's."""

RIGHTS: Mapping[str, Roles] = {
    "households.register": RECORDERS,
    "households.list_households": READERS,
    "households.search": SEES_NAMES,
    "households.read": READERS,
    "households.next_services": READERS,
    "households.timeline": READERS,
    "households.move": RECORDERS,
    "households.close": RECORDERS,
    "households.verify_residence": RECORDERS,
    "households.change_head": RECORDERS,
    "households.void_entry": DESK,
    "regrouping.split": RECORDERS,
    "regrouping.merge": DESK,
    "regrouping.unmerge": DESK,
    "regrouping.reopen": RECORDERS,
    "transfers.ask": DESK,
    "transfers.list_transfers": DESK | {"auditor"},
    "transfers.read": DESK | {"auditor"},
    "transfers.accept": DESK,
    "transfers.decline": DESK,
    "members.join": RECORDERS,
    "members.be_born": RECORDERS,
    "members.leave": RECORDERS,
    "members.die": RECORDERS,
    "members.record_facts": RECORDERS,
    "members.correct_facts": RECORDERS,
    "members.release_id_number": frozenset({"supervisor"}),
    "privacy.give_consent": RECORDERS,
    "privacy.withdraw_consent": RECORDERS,
    "privacy.record_survey": RECORDERS,
    "privacy.request_erasure": RECORDERS,
    "privacy.erase": frozenset({"supervisor"}),
    "privacy.read_record": DESK,
    "employments.start": RECORDERS,
    "employments.end": RECORDERS,
    "needs.record": DECIDERS,
    "needs.clear": DECIDERS,
    "services.request_service": DECIDERS,
    "services.deliver": DECIDERS,
    "services.refer": DECIDERS,
    "services.answer": DECIDERS,
    "services.grant": DECIDERS,
    "services.deny": DECIDERS,
    "services.start": DECIDERS,
    "services.renew": DECIDERS,
    "services.end": DECIDERS,
    "services.correct": DECIDERS,
    "services.void": DECIDERS,
    "worklist.list_items": READERS - {"service"},
    "worklist.count_items": READERS - {"service"},
    "units.list_units": EVERYBODY,
    "units.read": EVERYBODY,
    "units.figures": EVERYBODY,
    "units.history": EVERYBODY,
    "units.missing_facts": EVERYBODY,
    "units.register": ARRANGERS,
    "units.report_fact": REPORTERS,
    "units.void_fact": REPORTERS,
    "units.change_place": ARRANGERS,
    "units.split": ARRANGERS,
    "units.merge": ARRANGERS,
    "units.close": ARRANGERS,
    "units.void_entry": ARRANGERS,
    "duplicates.list_duplicates": REVIEWERS,
    "duplicates.decide": REVIEWERS,
    "jobs.read": EVERYBODY,
    "jobs.cancel": frozenset({"auditor", "selection", "operator"}) | IMPORTERS,
    "imports.upload": IMPORTERS,
    "imports.list_imports": IMPORTERS,
    "imports.read": IMPORTERS,
    "imports.errors": IMPORTERS,
    "imports.result": IMPORTERS,
    "imports.commit": IMPORTERS,
    "imports.undo": IMPORTERS,
    "imports.forget": IMPORTERS,
    "imports.template": IMPORTERS,
    "exports.ask": EXPORTERS,
    "exports.read": EXPORTERS,
    "exports.content": EXPORTERS,
    "exports.forget": EXPORTERS,
    "feeds.list_feeds": EVERYBODY,
    "feeds.close_month": REGISTRARS,
    "catalogue.list_services": EVERYBODY,
    "catalogue.read_service": EVERYBODY,
    "catalogue.list_needs": EVERYBODY,
    "catalogue.list_codes": EVERYBODY,
    "catalogue.list_bureaus": EVERYBODY,
    "catalogue.list_unit_facts": EVERYBODY,
    "policies.list_policies": EVERYBODY,
    "policies.read_policy": EVERYBODY,
    "policies.activate": frozenset({"operator"}),
    "grants.issue": frozenset({"operator"}),
    "grants.list_grants": frozenset({"operator", "supervisor", "auditor", "bureau"}),
    "grants.read": frozenset({"operator", "supervisor", "auditor", "bureau"}),
    "grants.narrow": frozenset({"operator"}),
    "grants.revoke": frozenset({"operator"}),
    "rounds.list_rounds": EVERYBODY,
    "rounds.open_round": SELECTORS,
    "rounds.read": EVERYBODY,
    "rounds.public_list": EVERYBODY,
    "rounds.public_report": EVERYBODY,
    "rounds.report": SELECTORS | {"auditor", "operator"},
    "rounds.list_nominations": ROUND_READERS,
    "rounds.read_panel": SELECTORS | {"auditor"},
    "rounds.appoint": SELECTORS,
    "rounds.freeze": SELECTORS,
    "rounds.rank": SELECTORS,
    "rounds.open_scores": SELECTORS,
    "rounds.publish": SELECTORS,
    "rounds.promote": SELECTORS,
    "rounds.finalise": SELECTORS,
    "rounds.commend": frozenset({"bureau"}),
    "rounds.close": SELECTORS,
    "rounds.cancel": SELECTORS,
    "comparisons.ask_what_if": SELECTORS | {"auditor"},
    "comparisons.read_what_if": SELECTORS | {"auditor"},
    "comparisons.ask_appeal": SELECTORS | {"auditor"},
    "comparisons.read_appeal": SELECTORS | {"auditor"},
    "comparisons.list_events": SELECTORS | {"auditor"},
    "nominations.nominate": frozenset({"bureau"}),
    "nominations.read": ROUND_READERS,
    "nominations.withdraw": frozenset({"bureau"}),
    "nominations.receive_opinion": AUTHORITIES,
    "nominations.decide_eligibility": SELECTORS,
    "nominations.record_veto": AUTHORITIES,
    "nominations.lift_veto": AUTHORITIES,
    "nominations.declare_recusal": SELECTORS | {"panelist"},
    "nominations.score": frozenset({"panelist"}),
    "nominations.record_visit": SELECTORS | {"panelist"},
    "nominations.file_objection": EVERYBODY,
    "nominations.resolve_objection": SELECTORS,
    "nominations.remove": SELECTORS,
    "nominations.revoke": frozenset({"bureau"}),
    "subscriptions.open": SUBSCRIBERS,
    "subscriptions.list_subscriptions": SUBSCRIBERS | {"operator", "auditor"},
    "subscriptions.read": SUBSCRIBERS | {"operator", "auditor"},
    "subscriptions.close": SUBSCRIBERS | {"operator"},
    "subscriptions.events": SUBSCRIBERS,
    "subscriptions.stream": SUBSCRIBERS,
    "subscriptions.acknowledge": SUBSCRIBERS,
    "webhooks.set_endpoint": SUBSCRIBERS,
    "webhooks.read": SUBSCRIBERS | {"operator"},
    "webhooks.remove": SUBSCRIBERS,
    "webhooks.rotate_secret": SUBSCRIBERS,
    "webhooks.verify": SUBSCRIBERS,
    "webhooks.list_deliveries": SUBSCRIBERS | {"operator"},
    "webhooks.redeliver": SUBSCRIBERS,
    "webhooks.send_again": SUBSCRIBERS,
}
"""Which roles may call an endpoint."""


def acting_role(principal: Principal, action: str) -> str | None:
    """Decide: the role in which somebody may do this, or None. Nothing else decides who may call what."""
    allowed = RIGHTS.get(action, frozenset())
    return next((role for role in principal.roles if role in allowed), None)


def authorise(principal: Principal, action: str) -> str:
    """Return the role in which somebody acts; Forbidden where there is none."""
    role = acting_role(principal, action)
    if role is None:
        raise Forbidden
    if role in OF_DIVISIONS and _of_places(action) and not (principal.everywhere or principal.divisions):
        raise Forbidden("divisions-missing")
    if role == "bureau" and principal.bureau is None:
        raise Forbidden("bureau-missing")
    return role


def _of_places(action: str) -> bool:
    return action.partition(".")[0] in OF_HOUSEHOLDS or action in OF_ARRANGED


def of_one_bureau() -> bool:
    """Whether the caller acts for one bureau alone: as a bureau, or as its feed."""
    return sight().of_one_bureau


def check_own(*services: str) -> None:
    """Refuse what no service of these makes the business of a caller who acts for one bureau."""
    if of_one_bureau() and not any(is_own(principal().bureau, service) for service in services):
        raise Forbidden("bureau-not-yours")


def principal() -> Principal:
    """Who makes this request."""
    return cast("Principal", g.principal)


def sight() -> Sight:
    """What the one who makes this request sees."""
    return Sight(g.role, principal().bureau)
