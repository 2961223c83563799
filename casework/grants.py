"""The commands about grants: what a bureau may be told of households."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from casework.command import CommandPath
from casework.domain import registry
from casework.domain.grants import Extent, Grant
from casework.domain.residence import By, refuse_if
from casework.outcome import Context, Outcome


class GrantPath(CommandPath):
    """Grants are issued, made narrower and revoked."""

    def issue_grant(self, context: Context, *, name: str, extent: Extent, **fields: Any) -> Outcome:
        """Say what a bureau is told of households, for which purpose and on which basis."""

        def decide(grant: Grant, by: By) -> None:
            grant.issue(by, name=name, extent=extent, **fields)
            if grant.pending:
                self._check_divisions(extent.divisions)

        return self._change_registry(registry.grant_id(name), Grant, context, decide)

    def narrow_grant(self, context: Context, *, name: str, extent: Extent, narrowed_on: date) -> Outcome:
        """Let less be told under a grant from now on; its divisions lie inside those that it had."""

        def decide(grant: Grant, by: By) -> None:
            stood = grant.extent.divisions if grant.version else ()
            grant.narrow(by, narrowed_on=narrowed_on, extent=extent)
            if grant.pending:
                self._check_divisions(extent.divisions)
                refuse_if(not all(self._is_inside(code, stood) for code in extent.divisions), "grant-wider")

        return self._change_registry(registry.grant_id(name), Grant, context, decide)

    def revoke_grant(self, context: Context, *, name: str, **fields: Any) -> Outcome:
        """Let nothing more be told under a grant."""
        return self._change_registry(
            registry.grant_id(name), Grant, context, lambda grant, by: grant.revoke(by, **fields)
        )

    def _check_divisions(self, codes: Sequence[str]) -> None:
        known = self.registry()
        refuse_if(any(known.unit(code) is None for code in codes), "unit-unknown")

    def _is_inside(self, code: str, divisions: Sequence[str]) -> bool:
        unit = registry.unit_id(code)
        above = {unit, *self.registry().ancestors(unit, self.today)}
        return not above.isdisjoint(map(registry.unit_id, divisions))
