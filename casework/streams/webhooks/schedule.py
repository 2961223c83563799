"""When a delivery is tried again, and when an endpoint is left alone: all numbers stand in ``data/webhooks.json``."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.resources import files

import msgspec

Chance = Callable[[float, float], float]


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How patient we are; in seconds, ``jitter`` is the part by which each wait may be longer."""

    retry_seconds: tuple[float, ...]
    jitter: float
    give_up_seconds: float
    rest_seconds: tuple[float, ...]
    failures_to_rest: int
    most_retry_after_seconds: float
    connect_seconds: float
    answer_seconds: float
    secret_overlap_seconds: float
    most_waiting: int

    def retry_after(self, attempts: int, chance: Chance = random.uniform) -> float:
        """How long a delivery waits after so many attempts (1 or more), never less than the schedule says."""
        wait = self.retry_seconds[min(attempts, len(self.retry_seconds)) - 1]
        return wait + chance(0, self.jitter * wait)

    def rest(self, failures: int, chance: Chance = random.uniform) -> float:
        """How long an endpoint is left alone after so many failures in a row; 0 where it goes on."""
        over = failures - self.failures_to_rest
        if over < 0:
            return 0.0
        wait = self.rest_seconds[min(over, len(self.rest_seconds) - 1)]
        return wait + chance(0, self.jitter * wait)

    def asked_wait(self, header: str | None, now: datetime | None = None) -> float | None:
        """How long an endpoint asked to be left alone (``Retry-After``: seconds, or a date); None where it did not."""
        if header is None:
            return None
        text = header.strip()
        if text.isascii() and text.isdigit() and len(text) <= 9:
            seconds = float(text)
        else:
            try:
                at = parsedate_to_datetime(text)
            except (ValueError, TypeError, OverflowError):
                return None
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            seconds = (at - (now or datetime.now(UTC))).total_seconds()
        return min(max(seconds, 0.0), self.most_retry_after_seconds)


# Made at the import, as in casework.errors.
_decode = msgspec.json.Decoder(Schedule).decode


@cache
def schedule() -> Schedule:
    """Return the schedule of this program."""
    return _decode(files("casework.data").joinpath("webhooks.json").read_bytes())
