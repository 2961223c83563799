"""The commands that need nothing but the household, its evidence and a remark: services, needs and their like."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from casework.command import CommandPath, Decided
from casework.domain import catalogue
from casework.domain.corrections import is_id
from casework.domain.events.corrections import Change
from casework.domain.household import Household
from casework.domain.residence import By
from casework.errors import Refused
from casework.log.append import Beside
from casework.outcome import Context, Outcome
from casework.privacy.persons import sealed_fields, together

PLAIN_COMMANDS = frozenset(
    {
        "verify_residence",
        "end_employment",
        "record_need",
        "clear_need",
        "request_service",
        "refer_service",
        "answer_referral",
        "grant_service",
        "deny_service",
        "start_service",
        "renew_service",
        "end_service",
        "record_delivery",
        "correct_service",
        "void_service",
    }
)
"""The commands that :meth:`GivingPath.give` takes: they need nothing but the household, its evidence and a remark."""

MADE_BY_COMMAND = {
    "request_service": "episode_id",
    "record_delivery": "episode_id",
    "record_need": "need_id",
    "refer_service": "referral_id",
}
"""The id that a command gives to what it creates; where the caller names none, it follows from the command's id."""


class GivingPath(CommandPath):
    """Services, needs and their like, with what is sealed of them."""

    def give(self, household_id: UUID, name: str, context: Context, **fields: Any) -> Outcome:
        """Give one of the commands that need nothing but the household: see ``PLAIN_COMMANDS``.

        ``evidence`` may hold vault fields, and ``remark`` free text: both are sealed, and the event commits to them.
        """
        if name not in PLAIN_COMMANDS:
            raise Refused("unknown-command")
        _named(context, name, fields)
        return self._change(
            household_id, context, lambda household, by: self._decide_plainly(household, by, name, fields)
        )

    def give_planned(
        self, household_id: UUID, context: Context, plan: Callable[[Household], Sequence[tuple[str, dict[str, Any]]]]
    ) -> Outcome:
        """Give several of ``PLAIN_COMMANDS`` as one command, all or none; ``plan`` chooses them by the household."""

        def decide(household: Household, by: By) -> Decided:
            steps = [(name, _named(context, name, fields)) for name, fields in plan(household)]
            decided = [self._decide_plainly(household, by, name, fields) for name, fields in steps]
            return Decided(together(each.beside for each in decided))

        return self._change(household_id, context, decide)

    def _decide_plainly(self, household: Household, by: By, name: str, fields: Mapping[str, Any]) -> Decided:
        plain = dict(fields)
        secret = self._secret(household, plain)
        self._check_unit_of(household, plain, by.today)
        row = sealed_fields(self.persons.vault, self._subject(household, plain), secret)
        if row is not None and "commitment" in _parameters(name):
            plain["commitment"] = row.commitment
        getattr(household, name)(by, **plain)
        return Decided(Beside([row] if row else []))

    def _secret(self, household: Household, plain: dict[str, Any]) -> dict[str, Any]:
        """Take what belongs in the vault out of a command's fields."""
        remark = plain.pop("remark", None)
        secret: dict[str, Any] = {"remark": remark} if remark else {}
        service = self._service(household, plain)
        if service is not None and plain.get("evidence"):
            clean = service.check_overlay(plain["evidence"])
            secret |= service.split_evidence(clean)[1]
        if service is not None and plain.get("changes"):
            changes: list[Change] = list(plain["changes"])
            hidden = {c.path: c for c in changes if _is_vault_path(service, c.path)}
            plain["changes"] = [c for c in changes if c.path not in hidden]
            secret |= {path.partition(".")[2]: change.new for path, change in hidden.items()}
        return secret

    def _service(self, household: Household, plain: Mapping[str, Any]) -> catalogue.Service | None:
        code = plain.get("service")
        episode = household.episodes.get(plain["episode_id"]) if plain.get("episode_id") else None
        if code is None and episode is not None:
            code = episode.service
        return catalogue.services().get(code) if code is not None else None

    def _check_unit_of(self, household: Household, plain: Mapping[str, Any], on: date) -> None:
        service = self._service(household, plain)
        if service is not None:
            for unit_id in _units_named(plain):
                self._check_unit(unit_id, service.unit.kinds if service.unit else None, on)

    def _subject(self, household: Household, plain: Mapping[str, Any]) -> UUID:
        """Whom a sealed remark or evidence is about: the person, else the household (RULES G9)."""
        episode = household.episodes.get(plain["episode_id"]) if plain.get("episode_id") else None
        of_episode = episode.person_id if episode is not None else None
        return plain.get("person_id") or of_episode or household.id


def _named(context: Context, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Give what a command creates its id, where the caller did not."""
    made = MADE_BY_COMMAND.get(name)
    if made is not None and fields.get(made) is None:
        fields[made] = context.made(made)
    return fields


@cache
def _parameters(name: str) -> frozenset[str]:
    return frozenset(inspect.signature(getattr(Household, name)).parameters)


def _units_named(plain: Mapping[str, Any]) -> list[UUID]:
    """The units that a command names: as the one that gives the service, or as the one that really gave it."""
    corrected = [change.new for change in plain.get("changes", ()) if change.path == "unit_id"]
    return [*filter(None, [plain.get("unit_id")]), *(UUID(each) for each in corrected if is_id(each))]


def _is_vault_path(service: catalogue.Service, path: str) -> bool:
    name, _, field = path.partition(".")
    return name == "evidence" and field in service.evidence and service.evidence[field].vault
