"""The commands about subscriptions: how bureaus take what they are told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from casework.command import CommandPath
from casework.domain import registry
from casework.domain.residence import By, refuse_if
from casework.domain.subscriptions import Subscription
from casework.errors import NotFound
from casework.outcome import Context, Outcome


class SubscriptionPath(CommandPath):
    """Subscriptions are opened under grants, and closed."""

    def open_subscription(self, context: Context, *, bureau: str, grant: str, **fields: Any) -> Outcome:
        """Let a bureau take what it is told under a grant of its own that stands."""

        def decide(subscription: Subscription, by: By) -> None:
            found = self.registry().grant(grant)
            if found is None or found.issued.bureau != bureau:
                raise NotFound("grant-unknown")
            refuse_if(found.revoked is not None, "grant-revoked")
            subscription.open(by, bureau=bureau, grant=grant, **fields)

        return self._change_registry(
            registry.subscription_id(context.made("subscription")), Subscription, context, decide
        )

    def set_endpoint(self, context: Context, *, subscription_id: UUID, **fields: Any) -> Outcome:
        """Have what is told sent to an address, or to none."""
        return self._change_registry(
            subscription_id, Subscription, context, lambda subscription, by: subscription.set_endpoint(by, **fields)
        )

    def acknowledge_erasures(
        self, context: Context, *, subscription_id: UUID, people: Collection[UUID], **fields: Any
    ) -> Outcome:
        """Take a bureau's word that it has deleted what it held of people who were erased."""

        def decide(subscription: Subscription, by: By) -> None:
            with self.pool.connection() as db:
                refuse_if(self.persons.erased(db, people) != set(people), "erasure-unknown")
            subscription.acknowledge(by, people=people, **fields)

        return self._change_registry(subscription_id, Subscription, context, decide)

    def close_subscription(self, context: Context, *, subscription_id: UUID, **fields: Any) -> Outcome:
        """Give out nothing more to a subscription."""
        return self._change_registry(
            subscription_id, Subscription, context, lambda subscription, by: subscription.close(by, **fields)
        )
