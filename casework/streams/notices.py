"""What a subscriber hears about its grant itself: that less is told from now on, and so what it must delete.

A notice stands on the subscription's chain like any other envelope, so every channel gives it out, once it is told at
all the same again, and ahead of whatever else is new.
"""

from __future__ import annotations

from typing import Any, cast

from casework.domain.grants import Extent, Grant, GrantIssued, GrantNarrowed, GrantRevoked
from casework.log import reading
from casework.log.codec import EventCodec
from casework.log.reading import Db, LoggedEvent
from casework.streams.disclosure import SOURCE, TYPES, Compiled, Envelope, to_the_second

_codec = EventCodec()


def notices(db: Db, compiled: Compiled, after: int, upto: int) -> list[tuple[int, Envelope]]:
    """Return the notices about a grant after a position of the registry and up to another, with theirs."""
    told, grant = [], Grant(compiled.grant.id)
    for logged in reading.timeline(db, compiled.grant.id):
        event = cast("Any", _codec.decode(logged.type, logged.state))
        if after < logged.position <= upto and not isinstance(event, GrantIssued):
            told.append((logged.position, _envelope(compiled, grant.extent, logged, event)))
        grant.apply(event)
    return told


def to_delete(before: Extent, after: Extent) -> dict[str, Any]:
    """Return what of an extent is not told under a later one: fields with what is still told of them, None: nothing."""
    fields = {
        name: after.fields.get(name) for name, transform in before.fields.items() if after.fields.get(name) != transform
    }
    gone: dict[str, Any] = {
        "areas": [each for each in before.areas if each not in after.areas],
        "types": [each for each in before.types if each not in after.types],
        "fields": fields,
        "outside_divisions": list(after.divisions) if set(after.divisions) != set(before.divisions) else [],
    }
    return {name: value for name, value in gone.items() if value}


def _envelope(compiled: Compiled, before: Extent, logged: LoggedEvent, event: GrantNarrowed | GrantRevoked) -> Envelope:
    if isinstance(event, GrantNarrowed):
        data: dict[str, Any] = {"grant": compiled.grant.issued.name, "delete": to_delete(before, event.extent)}
    else:
        data = {"grant": compiled.grant.issued.name, "delete": {"everything": True}, "reason": event.reason}
    name = f"grant-{compiled.grant.issued.name}"
    return Envelope(
        specversion="1.0",
        id=compiled.ids.encode(logged.meta.event_id),
        source=SOURCE,
        type=TYPES + event.type_name,
        subject=name,
        time=to_the_second(logged.recorded_at),
        datacontenttype="application/json",
        partitionkey=name,
        policyver=compiled.policy,
        data=data,
        occurredon=event.occurred_on.isoformat(),
    )
