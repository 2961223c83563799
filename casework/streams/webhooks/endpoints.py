"""The endpoints' table: where each stands, who works for it now, and whether it rests.

Whoever has a row's claim works for it; a claim that is not renewed runs out, and what its holder says afterwards is not
heard. So two workers never both move an endpoint on, and one that dies keeps nobody waiting for long.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from casework.log.pool import done, rows
from casework.log.reading import Db
from casework.streams.cursor import Cursor
from casework.streams.webhooks.signing import Sealed

LEASE_SECONDS = 5.0
"""How long a claim holds without being renewed."""

LOOK_SECONDS = 600
"""After so long an endpoint is looked at though nothing was committed: the day may have changed what is told."""

THIN, FULL = "thin", "full"
UNVERIFIED, ACTIVE, DISABLED = "unverified", "active", "disabled"

_COLUMNS = """
subscription_id, url, content, state, reason, key_id, sealed, older_key_id, older_sealed,
older_until > clock_timestamp(), epoch, sequence, positions, again_sequence, again_positions, failures, failing_since,
CASE WHEN isfinite(rests_until) THEN rests_until END, claim"""
_FIND = f"SELECT {_COLUMNS} FROM casework.webhook_endpoint WHERE subscription_id = %b"
_CLAIM = f"""
UPDATE casework.webhook_endpoint AS ours
SET claim = %(claim)b::uuid, claimed_until = clock_timestamp() + make_interval(secs => %(lease)b::float8),
    looked_at = clock_timestamp()
WHERE subscription_id = (
    SELECT subscription_id FROM casework.webhook_endpoint
    WHERE state <> 'disabled' AND rests_until <= clock_timestamp() AND claimed_until <= clock_timestamp()
      AND (failures > 0) = %(suspect)b::boolean
      AND (state = 'unverified' OR idle_at < %(heads)b::bigint OR next_due_at <= clock_timestamp()
           OR again_positions IS NOT NULL
           OR looked_at < clock_timestamp() - make_interval(secs => %(look)b::float8))
    ORDER BY looked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}"""
_WANTED = "SELECT EXISTS (SELECT FROM casework.webhook_endpoint WHERE state <> 'disabled')"
_BEHIND = """
SELECT count(*) FROM casework.webhook_endpoint
WHERE state <> 'disabled' AND rests_until <= clock_timestamp() AND claimed_until <= clock_timestamp()
  AND (state = 'unverified' OR idle_at < %b::bigint OR next_due_at <= clock_timestamp()
       OR again_positions IS NOT NULL
       OR looked_at < clock_timestamp() - make_interval(secs => %b::float8))"""
_RENEW = """
UPDATE casework.webhook_endpoint SET claimed_until = clock_timestamp() + make_interval(secs => %b::float8)
WHERE claim = ANY (%b::uuid[]) AND claimed_until > clock_timestamp()
RETURNING claim"""
_HOLD = """
SELECT 1, set_config('synchronous_commit', 'off', true) FROM casework.webhook_endpoint
WHERE subscription_id = %b AND claim = %b AND claimed_until > clock_timestamp() FOR UPDATE"""
_RELEASE = """
UPDATE casework.webhook_endpoint
SET claim = NULL, claimed_until = '-infinity', idle_at = %b::bigint, next_due_at = %b::timestamptz
WHERE subscription_id = %b AND claim = %b"""
_MOVE = """
UPDATE casework.webhook_endpoint
SET epoch = %(epoch)b::int, sequence = %(sequence)b::bigint, positions = %(positions)b::bigint[]
WHERE subscription_id = %(id)b"""
# From here on there is more to send, whoever does it: a worker that dies leaves the row as it is.
_BEGUN_AGAIN = """
UPDATE casework.webhook_endpoint SET again_sequence = NULL, again_positions = NULL, idle_at = -1
WHERE subscription_id = %b AND again_sequence = %b::bigint AND again_positions = %b::bigint[]"""
_TELL = """
UPDATE casework.webhook_endpoint
SET delivered = delivered + %(delivered)b::bigint, failed = failed + %(failed)b::bigint,
    dead = dead + %(dead)b::bigint, withheld = withheld + %(withheld)b::bigint, failures = %(failures)b::int,
    failing_since = CASE WHEN %(failures)b::int > 0 THEN coalesce(failing_since, clock_timestamp()) END,
    rests_until = CASE WHEN %(rest)b::float8 > 0 THEN clock_timestamp() + make_interval(secs => %(rest)b::float8)
                       ELSE rests_until END,
    state = CASE WHEN %(disable)b::text IS NULL THEN state ELSE 'disabled' END,
    reason = CASE WHEN %(disable)b::text IS NULL THEN reason ELSE %(disable)b::text END,
    next_due_at = %(next_due_at)b::timestamptz
WHERE subscription_id = %(id)b"""
_VERIFIED = """
UPDATE casework.webhook_endpoint
SET state = 'active', reason = NULL, failures = 0, failing_since = NULL, idle_at = -1, next_due_at = clock_timestamp()
WHERE subscription_id = %b"""
_UNVERIFIED = """
UPDATE casework.webhook_endpoint
SET state = CASE WHEN %(disable)b::boolean THEN 'disabled' ELSE 'unverified' END, reason = %(reason)b::text,
    failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
    rests_until = clock_timestamp() + make_interval(secs => %(rest)b::float8)
WHERE subscription_id = %(id)b"""
_DISABLE = """
UPDATE casework.webhook_endpoint SET state = 'disabled', reason = %b::text WHERE subscription_id = %b"""

# Of a new address nothing is assumed: it is asked whether it wants this before anything is sent there, and whoever is
# at work on the old one is no longer heard.
_SET = """
INSERT INTO casework.webhook_endpoint AS old
    (subscription_id, url, content, key_id, sealed, secret_by, epoch, sequence, positions)
VALUES (%(id)b, %(url)b, %(content)b, %(key_id)b, %(sealed)b, %(command)b, %(epoch)b, %(sequence)b, %(positions)b)
ON CONFLICT (subscription_id) DO UPDATE
SET url = excluded.url, content = excluded.content,
    state = CASE WHEN old.url = excluded.url THEN old.state ELSE 'unverified' END,
    reason = CASE WHEN old.url = excluded.url THEN old.reason END,
    failures = CASE WHEN old.url = excluded.url THEN old.failures ELSE 0 END,
    failing_since = CASE WHEN old.url = excluded.url THEN old.failing_since END,
    rests_until = CASE WHEN old.url = excluded.url THEN old.rests_until ELSE '-infinity' END,
    claim = CASE WHEN old.url = excluded.url THEN old.claim END,
    claimed_until = CASE WHEN old.url = excluded.url THEN old.claimed_until ELSE '-infinity' END
RETURNING secret_by = %(command)b"""
_REMOVE = "DELETE FROM casework.webhook_endpoint WHERE subscription_id = %b"
_ROTATE = """
UPDATE casework.webhook_endpoint
SET older_key_id = key_id, older_sealed = sealed,
    older_until = clock_timestamp() + make_interval(secs => %(overlap)b::float8),
    key_id = %(key_id)b, sealed = %(sealed)b, secret_by = %(command)b
WHERE subscription_id = %(id)b AND secret_by <> %(command)b"""
_VERIFY = """
UPDATE casework.webhook_endpoint
SET state = 'unverified', reason = NULL, failures = 0, failing_since = NULL, rests_until = '-infinity'
WHERE subscription_id = %b AND state <> 'active'"""
_AGAIN = """
UPDATE casework.webhook_endpoint
SET again_sequence = %(sequence)b::bigint, again_positions = %(positions)b::bigint[]
WHERE subscription_id = %(id)b"""


class Endpoint(NamedTuple):
    """An endpoint as its row has it; ``again`` is from where everything is to be sent once more."""

    subscription_id: UUID
    url: str
    content: str
    state: str
    reason: str | None
    secrets: tuple[Sealed, ...]
    cursor: Cursor
    again: Cursor | None
    failures: int
    failing_since: datetime | None
    rests_until: datetime | None
    claim: UUID | None


class Came(NamedTuple):
    """What came of a round: counts, the failures in a row after it, how long to rest, and why to disable it if so."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    withheld: int = 0
    failures: int = 0
    rest: float = 0.0
    disable: str | None = None


def find(db: Db, subscription_id: UUID) -> Endpoint | None:
    """Return a subscription's endpoint, if it has one."""
    return _one(rows(db, _FIND, (subscription_id,)))


def claim(db: Db, claim: UUID, heads: int, *, suspect: bool) -> Endpoint | None:
    """Take the endpoint that was looked at longest ago among those that have work; ``suspect``: whose last try failed.

    ``heads`` are all positions of the log together: where they have grown there may be more to send.
    """
    asked = {"claim": claim, "heads": heads, "suspect": suspect, "lease": LEASE_SECONDS, "look": float(LOOK_SECONDS)}
    return _one(rows(db, _CLAIM, asked))


def behind(db: Db, heads: int) -> int:
    """Return how many endpoints have work and nobody at it."""
    [(count,)] = rows(db, _BEHIND, (heads, float(LOOK_SECONDS)))
    return int(count)


def any_wanted(db: Db) -> bool:
    """Whether anything is to be sent to anybody at all."""
    [(wanted,)] = rows(db, _WANTED)
    return bool(wanted)


def renew(db: Db, claims: Sequence[UUID]) -> set[UUID]:
    """Keep claims; return those that still held."""
    return {claim for (claim,) in rows(db, _RENEW, (LEASE_SECONDS, list(claims)))}


def held(db: Db, endpoint: Endpoint) -> bool:
    """Lock an endpoint's row in the caller's transaction; false where the claim was lost.

    What the transaction says need not be on disk when it ends: what a crash of the server loses is sent again.
    """
    return bool(rows(db, _HOLD, (endpoint.subscription_id, endpoint.claim)))


def release(db: Db, endpoint: Endpoint, idle_at: int, next_due_at: datetime | None) -> None:
    """Give an endpoint back, in the transaction that holds it, until something is due or new.

    ``idle_at`` is where the heads were when nothing more was there, -1 where more is.
    """
    done(db, _RELEASE, (idle_at, next_due_at or "infinity", endpoint.subscription_id, endpoint.claim))


def move(db: Db, subscription_id: UUID, cursor: Cursor) -> None:
    """Let the feed be taken from a cursor on."""
    positions = list(cursor.positions)
    done(db, _MOVE, {"epoch": cursor.epoch, "sequence": cursor.sequence, "positions": positions, "id": subscription_id})


def begun_again(db: Db, subscription_id: UUID, again: Cursor) -> None:
    """Say that a wish to be sent everything again is being met; one that came since stands."""
    done(db, _BEGUN_AGAIN, (subscription_id, again.sequence, list(again.positions)))


def tell(db: Db, subscription_id: UUID, came: Came, next_due_at: datetime | None) -> None:
    """Keep what came of a round."""
    done(db, _TELL, {**came._asdict(), "next_due_at": next_due_at or "infinity", "id": subscription_id})


def verified(db: Db, subscription_id: UUID) -> None:
    """Let everything be sent: the endpoint said that it wants it."""
    done(db, _VERIFIED, (subscription_id,))


def unverified(db: Db, subscription_id: UUID, reason: str, rest: float, *, disable: bool) -> None:
    """Keep why an endpoint did not say that it wants it, and ask again later, unless it was asked for long enough."""
    done(db, _UNVERIFIED, {"reason": reason, "rest": rest, "disable": disable, "id": subscription_id})


def disable(db: Db, subscription_id: UUID, reason: str) -> None:
    """Send nothing more until the bureau verifies the endpoint again."""
    done(db, _DISABLE, (reason, subscription_id))


def set_endpoint(
    db: Db, subscription_id: UUID, *, url: str, content: str, secret: Sealed, command: UUID, begin: Cursor
) -> bool:
    """Keep an endpoint, with a secret where it has none yet; say whether the secret is this command's."""
    given = {"id": subscription_id, "url": url, "content": content, "command": command}
    sealed = {"key_id": secret.key_id, "sealed": secret.content}
    cursor = {"epoch": begin.epoch, "sequence": begin.sequence, "positions": list(begin.positions)}
    [(made,)] = rows(db, _SET, {**given, **sealed, **cursor})
    return bool(made)


def remove(db: Db, subscription_id: UUID) -> None:
    """Forget an endpoint, with what waits for it."""
    done(db, _REMOVE, (subscription_id,))


def rotate(db: Db, subscription_id: UUID, secret: Sealed, command: UUID, overlap: float) -> None:
    """Let another secret sign, and the one before for a while too; the same command does it once."""
    asked = {"key_id": secret.key_id, "sealed": secret.content, "command": command, "overlap": overlap}
    done(db, _ROTATE, {**asked, "id": subscription_id})


def verify(db: Db, subscription_id: UUID) -> None:
    """Ask an endpoint that is not active, as soon as may be, whether it wants this."""
    done(db, _VERIFY, (subscription_id,))


def send_again(db: Db, subscription_id: UUID, cursor: Cursor) -> None:
    """Have everything after a cursor sent again; done by whoever works for the endpoint next."""
    asked = {"sequence": cursor.sequence, "positions": list(cursor.positions), "id": subscription_id}
    done(db, _AGAIN, asked)


def _one(found: Collection[Any]) -> Endpoint | None:
    for row in found:
        id, url, content, state, reason, key_id, sealed, older_key, older, two, epoch, sequence, positions = row[:13]
        again_sequence, again, *rest = row[13:]
        secrets = (Sealed(key_id, sealed), *((Sealed(older_key, older),) if two else ()))
        cursor = Cursor(epoch, sequence, tuple(positions))
        replay = Cursor(epoch, again_sequence, tuple(again)) if again is not None else None
        return Endpoint(id, url, content, state, reason, secrets, cursor, replay, *rest)
    return None
