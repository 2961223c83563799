"""Who makes this request, as somebody who reads a household's file."""

from __future__ import annotations

from api.auth import sight
from api.giving import casework
from casework.domain.household import Household
from casework.log.reading import Db
from casework.streams.history import Viewer
from casework.streams.looking import looking


def viewer(db: Db, household: Household, whole: Household) -> Viewer:
    """Return them at a household; ``whole`` has its voided entries too."""
    return looking(db, casework(), sight(), [household.id]).at(household, whole)
