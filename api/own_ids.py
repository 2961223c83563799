"""The ids that a bureau knows from what it was told, where it answers in them.

A request about a service may name the household, the service and the referral as the bureau's feed does: all of them in
its own form, or all as the file does. Which it is follows from the household's id: the log's ids have a version, a
bureau's own are blocks without one but by chance, and then it is the one of the two that there is. What is answered
is in the form that was asked.
"""

from __future__ import annotations

from uuid import UUID

from flask import g, request

from api.auth import of_one_bureau, principal
from api.giving import casework
from casework.errors import NotFound
from casework.privacy.own_ids import OwnIds, is_ours


def read_own_ids() -> None:
    """Let this request go on with the log's ids, where it came with a bureau's own."""
    path = request.view_args or {}
    bureau = principal().bureau
    if "episode_id" not in path or not of_one_bureau() or bureau is None:
        return
    ids = casework().persons.hashes.own_ids(bureau)
    if _is_own(ids, path["household_id"]):
        g.own_ids = ids
        path.update({name: ids.decode(value) for name, value in path.items() if isinstance(value, UUID)})


def _is_own(ids: OwnIds, household_id: UUID) -> bool:
    decoded = ids.decode(household_id)
    if is_ours(household_id) == is_ours(decoded):
        return is_ours(decoded) and not _exists(household_id) and _exists(decoded)
    return is_ours(decoded)


def _exists(household_id: UUID) -> bool:
    try:
        casework().household(household_id)
    except NotFound:
        return False
    return True
