"""Which entries of a household no longer stand as they were told, and what says so."""

from __future__ import annotations

from typing import NamedTuple

from casework.domain.events.corrections import MemberFactsCorrected, ServiceCorrected, ServiceVoided
from casework.domain.household import Household


class Marks(NamedTuple):
    """By version of an entry: that of the one that voids it, and those of the ones that correct it."""

    voided: dict[int, int]
    corrected: dict[int, list[int]]


def marked(household: Household) -> Marks:
    """Return what voids and corrections say of a household's entries."""
    voided, corrected = dict(household.voided_entries), dict[int, list[int]]()
    for version, event in enumerate(household.entries, 1):
        if version in household.voided_entries:
            continue
        match event:
            case ServiceVoided():
                voided |= dict.fromkeys(_of_episode(household, event, version), version)
            case ServiceCorrected(corrects=0):  # nothing was granted: it was the request that was wrong
                first = next(iter(_of_episode(household, event, version)), 0)
                corrected.setdefault(first, []).append(version)
            case ServiceCorrected(corrects=target) | MemberFactsCorrected(corrects=target):
                corrected.setdefault(target, []).append(version)
    return Marks(voided, corrected)


def _of_episode(household: Household, event: ServiceVoided | ServiceCorrected, before: int) -> list[int]:
    earlier = enumerate(household.entries[: before - 1], 1)
    return [version for version, each in earlier if getattr(each, "episode_id", None) == event.episode_id]
