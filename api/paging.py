"""Keyset paging: where the next page begins, as a cursor and as a link."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from flask import request

from casework.domain.ids import REGISTRY, partition_of
from casework.errors import Invalid


class MalformedCursor(Invalid):
    """This cursor was never given out."""

    default_code = "cursor-invalid"


def place(cursor: str | None) -> tuple[int, UUID] | None:
    """Return the (partition, household) after which a page of a list begins."""
    if cursor is None:
        return None
    try:
        household_id = UUID(cursor)
    except ValueError:
        raise MalformedCursor from None
    if partition_of(household_id) == REGISTRY:
        raise MalformedCursor
    return partition_of(household_id), household_id


def next_link(cursor: str | None) -> dict[str, str]:
    """Return the header that links to the next page, if there is one: this request, from the cursor on."""
    if cursor is None:
        return {}
    asked = {name: value for name, value in request.args.items() if name not in ("cursor", "min_position")}
    return {"Link": f'<{request.path}?{urlencode({**asked, "cursor": cursor})}>; rel="next"'}
