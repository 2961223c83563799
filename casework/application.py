"""All commands on one log: load, decide, save. What changes a household or the registry goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from casework.command import Decided
from casework.domain import registry
from casework.domain.events.membership import NewMember
from casework.domain.household import Household
from casework.domain.registry import Feed, PolicyLog
from casework.domain.residence import By, refuse_if
from casework.erasing import ErasingCommands
from casework.errors import Forbidden
from casework.giving import GivingPath
from casework.grants import GrantPath
from casework.log.append import Beside
from casework.outcome import Context, Outcome
from casework.people import PeoplePath
from casework.privacy.persons import Profile, sealed_fields, together
from casework.rounds import RoundCommands
from casework.subscribing import SubscriptionPath
from casework.transferring import TransferPath
from casework.units import UnitPath


class Casework(
    TransferPath, PeoplePath, GivingPath, ErasingCommands, UnitPath, GrantPath, SubscriptionPath, RoundCommands
):
    """All commands on one log; here those about a household as a whole, and about feeds and policies."""

    def register_household(
        self,
        context: Context,
        *,
        household_id: UUID | None = None,
        members: Sequence[tuple[NewMember, Profile]],
        remark: str | None = None,
        **fields: Any,
    ) -> Outcome:
        """Open a household's file, its members' profiles in the vault and nobody claimed elsewhere."""
        household_id = household_id or context.made("household")
        new = [
            self._entered(context, member, profile, at=f"/members/{number}")
            for number, (member, profile) in enumerate(members)
        ]

        warnings = tuple(warning for _, decided in new for warning in decided.warnings)

        def decide(household: Household, by: By) -> Decided:
            refuse_if(household.version > 0, "household-exists")
            if not self.is_within(fields["community"], context.divisions):
                raise Forbidden("community-not-yours")
            self._check_same_people(members)
            self._check_community(fields["community"], fields["arrived_on"])
            row = sealed_fields(self.persons.vault, household_id, {"remark": remark} if remark else {})
            household.register_household(
                by, members=[member for member, _ in new], commitment=row and row.commitment, **fields
            )
            parts = [decided.beside for _, decided in new]
            return Decided(together([*parts, Beside([row] if row else [])]), warnings=warnings)

        outcome = self._change(household_id, context, decide, create=True, warn=lambda household: warnings)
        return self._compared(outcome, members)

    def close_household(self, household_id: UUID, context: Context, **fields: Any) -> Outcome:
        """Close the file; its people may then be active elsewhere."""

        def decide(household: Household, by: By) -> Decided:
            people = [member.person_id for member in household.members]
            household.close_household(by, **fields)
            return Decided(Beside(released=people))

        return self._change(household_id, context, decide)

    def move_household(
        self, household_id: UUID, context: Context, *, to_community: str, moved_on: date, **fields: Any
    ) -> Outcome:
        """The household lives elsewhere in the city."""

        def decide(household: Household, by: By) -> Decided:
            self._check_community(to_community, moved_on)
            return self._decide_plainly(
                household,
                by,
                "move_household",
                {**fields, "to_community": to_community, "moved_on": moved_on},
            )

        return self._change(household_id, context, decide)

    def void_entry(
        self, household_id: UUID, context: Context, *, voids: int, remark: str | None = None, **fields: Any
    ) -> Outcome:
        """Void an entry. Who is no member without it is released; who is one again must not be one elsewhere."""

        def decide(household: Household, by: By) -> Decided:
            subject, *_ = [*household.told_of(household.entry(voids)), household_id]
            row = sealed_fields(self.persons.vault, subject, {"remark": remark} if remark else {})
            stays, told = self._told_of_one_alone(household, household.entry(voids), by)
            before = {member.person_id for member in household.members}
            household.void_entry(by, voids=voids, commitment=row and row.commitment, profile_commitment=told, **fields)
            after = {member.person_id for member in household.members}
            claims = self._claims(sorted(after - before), household_id)
            people = Beside([row] if row else [], claims=claims, released=sorted(before - after))
            return Decided(together([stays, people])._replace(forget=stays.forget))

        return self._change(household_id, context, decide)

    def close_feed(self, context: Context, *, bureau: str, area: str, **fields: Any) -> Outcome:
        """Say that a bureau has reported all of a month in an area."""
        feed_id = registry.feed_id(bureau, area)
        return self._change_registry(
            feed_id, Feed, context, lambda feed, by: feed.close_month(by, bureau=bureau, area=area, **fields)
        )

    def activate_policy(self, context: Context, **fields: Any) -> Outcome:
        """Put a scoring policy in force."""
        return self._change_registry(
            registry.POLICY_ID, PolicyLog, context, lambda policies, by: policies.activate(by, **fields)
        )
