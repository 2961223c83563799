"""Who may do what: one table, one function that decides by it, and what a role sees of what is restricted.

An endpoint that has no row here is closed to everybody. Households outside a token's divisions are not there at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple, cast

from flask import g

from api.bearer import Principal
from casework.domain import catalogue, codes
from casework.domain.policy import LevelPolicy, Policy
from casework.domain.restricted import is_restricted_need, is_restricted_service
from casework.errors import Forbidden
from casework.tokens import ROLES

Roles = frozenset[str]

EVERYBODY: Roles = frozenset(ROLES)
DESK: Roles = frozenset({"caseworker", "supervisor"})
RECORDERS = DESK | {"service"}
"""Who keeps households' files: at the desk, or as a feed."""
DECIDERS = RECORDERS | {"bureau"}
"""Who decides services: they, and a bureau for itself (RULES G6)."""
READERS = DECIDERS | {"auditor"}
REVIEWERS: Roles = frozenset({"supervisor"})
"""Who looks at two people's files beside each other and decides whether they are one."""
REGISTRARS: Roles = frozenset({"operator", "bureau", "service"})

PERSONS: Roles = EVERYBODY - {"service"}
"""Whoever is a person edits only what they have seen (``If-Match``); a feed cannot have seen it."""

OF_DIVISIONS = DECIDERS
"""Whose token must say where they work; an auditor without divisions sees the whole city."""

OF_HOUSEHOLDS = frozenset({"households", "members", "employments", "needs", "services", "worklist", "duplicates"})
"""The resources that tell of households."""

SEES_NAMES = DECIDERS
SEES_ALL_RESTRICTED: Roles = frozenset({"caseworker", "supervisor", "auditor"})
"""Those who record on behalf of every bureau, and those who audit; a bureau and a feed see their own (RULES G10)."""
SEES_SMALL_CELLS: Roles = frozenset({"auditor", "selection", "operator"})
"""Whose figures of units are not suppressed (RULES U17)."""

PUBLIC = frozenset(
    {"health.alive", "health.ready", "metrics.metrics", "docs.page", "docs.openapi", "docs.problem_list", "docs.home"}
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
    "members.join": RECORDERS,
    "members.be_born": RECORDERS,
    "members.leave": RECORDERS,
    "members.die": RECORDERS,
    "members.record_facts": RECORDERS,
    "members.correct_facts": RECORDERS,
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
    "units.register": frozenset({"operator", "bureau"}),
    "units.report_fact": REGISTRARS,
    "duplicates.list_duplicates": REVIEWERS,
    "duplicates.decide": REVIEWERS,
    "jobs.read": EVERYBODY,
    "jobs.cancel": frozenset({"auditor", "selection", "operator"}),
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
}
"""Which roles may call an endpoint."""

_FACTS_OF = {"pregnancy": ("HLT-MAT", "FPL-FILE"), "disability": ("LIV-CHILD", "LIV-CHARITY")}
"""The restricted facts of a person, and the services whose bureaus need them."""

_BEHIND = {"COM2": ("HLT-CHR", "HLT-PSY"), "COM3": ("FPL-FILE", "FPL-OFFER")}
_TELLS_PREGNANCY = {"COM2"}
"""The indicators that count restricted services, and those in which a pregnancy shows."""


def acting_role(principal: Principal, action: str) -> str | None:
    """Decide: the role in which somebody may do this, or None. Nothing else decides who may call what."""
    allowed = RIGHTS.get(action, frozenset())
    return next((role for role in principal.roles if role in allowed), None)


def authorise(principal: Principal, action: str) -> str:
    """Return the role in which somebody acts; Forbidden where there is none."""
    role = acting_role(principal, action)
    if role is None:
        raise Forbidden
    if role in OF_DIVISIONS and _of_households(action) and not (principal.everywhere or principal.divisions):
        raise Forbidden("divisions-missing")
    if role == "bureau" and principal.bureau is None:
        raise Forbidden("bureau-missing")
    return role


def _of_households(action: str) -> bool:
    return action.partition(".")[0] in OF_HOUSEHOLDS


class Sight(NamedTuple):
    """What a caller sees in the household that they may read."""

    role: str
    bureau: str | None

    @property
    def names(self) -> bool:
        """Whether they see who people are."""
        return self.role in SEES_NAMES

    @property
    def small_cells(self) -> bool:
        """Whether units' figures are shown to them that tell of fewer than five persons."""
        return self.role in SEES_SMALL_CELLS

    def service(self, code: str) -> bool:
        """Whether they see what is told of a service."""
        return not is_restricted_service(code) or self._restricted((code,))

    def need(self, code: str) -> bool:
        """Whether they see what is told of a need; of a restricted one, the bureaus do whose services meet it."""
        return not is_restricted_need(code) or self._restricted(meeting(code))

    def fact(self, name: str) -> bool:
        """Whether they see a fact of a person."""
        return name not in _FACTS_OF or self._restricted(_FACTS_OF[name])

    def indicator(self, code: str) -> bool:
        """Whether they see what an indicator of one household counts: its numbers tell of every service behind it."""
        return all(self.service(service) for service in _BEHIND.get(code, ())) and (
            code not in _TELLS_PREGNANCY or self.fact("pregnancy")
        )

    def level(self, level: LevelPolicy) -> bool:
        """Whether they see a household's score in a level: the hidden part could be found from it."""
        return all(self.indicator(code) for code in level.indicators)

    def overall(self, policy: Policy) -> bool:
        """Whether they see a household's overall score."""
        return all(self.level(level) for level in policy.levels)

    def _restricted(self, services: Iterable[str]) -> bool:
        return self.role in SEES_ALL_RESTRICTED or any(is_own(self.bureau, code) for code in services)


def is_own(bureau: str | None, service: str) -> bool:
    """Say whether a bureau is responsible for a service."""
    return bureau is not None and bureau in catalogue.services()[service].responsible


@cache
def meeting(need: str) -> tuple[str, ...]:
    """Return the services that a need is about: those that it makes eligible for, else all of its area."""
    rows = catalogue.services().values()
    area = next(row.area for row in codes.needs() if row.code == need)
    eligible = tuple(row.code for row in rows if row.eligibility.need == need)
    return eligible or tuple(row.code for row in rows if row.area == area)


def of_one_bureau() -> bool:
    """Whether the caller acts for one bureau alone: as a bureau, or as its feed."""
    return g.role == "bureau" or (g.role == "service" and principal().bureau is not None)


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
