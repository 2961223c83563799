"""Instants as options."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from click import Context as Run


class Instant(click.ParamType[datetime]):
    """An instant with its offset from UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: Run | None) -> datetime:
        """Return the instant."""
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.fail("Write an instant with its offset, such as 2014-03-01T09:00:00+08:00.", param, ctx)
        return at
