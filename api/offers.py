"""What to offer next, in the words of an answer."""

from __future__ import annotations

from typing import Any

from api.language import told
from casework.domain import catalogue
from casework.domain.next_services import NextServices, ServiceSet

Content = dict[str, Any]


def told_of(found: NextServices) -> Content:
    """Return the smallest sets of services of a level."""
    return {
        "level": found.level,
        "score": found.score / 100 if found.score is not None else None,
        "band": found.band,
        "next_band": found.next_band,
        "size": found.size,
        "sets": [_set(each) for each in found.sets],
        "more": found.more,
        "complete": found.complete,
    }


def _set(each: ServiceSet) -> Content:
    services = [
        {
            "service": {"code": gift.service, "label": told(catalogue.services()[gift.service].label)},
            "person_id": gift.person_id,
            "employer": gift.employer,
            "indicator": step.indicator,
        }
        for step in each.steps
        for gift in step.gifts
    ]
    return {"services": services, "score": each.score / 100}
