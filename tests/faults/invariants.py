"""What must hold after every fault (FAULTS.md): I1 and I2 of views, I5 of commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from casework.log import reading as log_reading
from casework.log.codec import Metadata
from casework.outcome import Outcome
from casework.projections import reading
from tests.projections.simulated import Simulated

# Every move of a checkpoint, noted by the server within the transaction that makes it.
WATCH = """
CREATE TABLE public.move (
    view text, partition smallint, was bigint, became bigint, head bigint,
    registry_was bigint, registry_became bigint, registry_head bigint, as_of_was date, as_of_became date
);
CREATE FUNCTION public.head(p_partition smallint) RETURNS bigint LANGUAGE sql AS
    $$ SELECT coalesce(max(position), 0) FROM casework.events WHERE partition = p_partition $$;
CREATE FUNCTION public.note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.move VALUES (
        TG_TABLE_SCHEMA, NEW.partition, OLD.position, NEW.position, public.head(NEW.partition),
        OLD.registry_position, NEW.registry_position, public.head(64::smallint), OLD.as_of, NEW.as_of);
    RETURN NULL;
END $$"""
NOTE = "CREATE TRIGGER note AFTER UPDATE ON {}.checkpoint FOR EACH ROW EXECUTE FUNCTION public.note_move()"

WRONG_MOVES = """
SELECT * FROM public.move
WHERE became < was OR became > head OR registry_became < registry_was OR registry_became > registry_head
   OR as_of_became < as_of_was"""


def watch(log: Simulated, *views: str) -> None:
    """Note every move of the checkpoints of some view sets from now on."""
    log.as_owner(WATCH)
    for view in views:
        log.as_owner(NOTE.format(view))


def wrong_moves(log: Simulated) -> list[Any]:
    """The moves of checkpoints that went back, or past a head (I2)."""
    return log.as_owner(WRONG_MOVES)


def is_caught_up(log: Simulated, view: str = "view_1") -> bool:
    """Whether nothing of a view set is behind the log."""
    return not any(row.lag or row.registry_lag for row in reading.status(log.pool)[view])


def assert_views_hold(log: Simulated) -> None:
    """I1: every household and every total is what the log says; I2: no checkpoint moved wrongly."""
    assert log.differences() == []
    assert wrong_moves(log) == []
    assert log.as_owner("SELECT count(*) FROM public.move") > [(0,)]


def commands_in(log: Simulated) -> dict[UUID, list[tuple[UUID, str]]]:
    """Each command in the log: its events' stream and place, as answers name it."""
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    rows = log.as_owner("SELECT stream_id, partition, position, meta FROM casework.events ORDER BY partition, position")
    for stream_id, partition, position, meta in rows:
        command_id = Metadata.decode(meta).command_id
        if command_id is not None:
            found.setdefault(command_id, []).append((stream_id, f"{partition}:{position}"))
    return found


def assert_each_once(log: Simulated, answers: Mapping[UUID, Outcome]) -> None:
    """I5: of commands that make one event each, every answered one is in the log once, where its answer says."""
    stored = commands_in(log)
    assert {command: stored.get(command) for command in answers} == {
        command: [(answer.id, answer.position)] for command, answer in answers.items()
    }
    assert [command for command, events in stored.items() if len(events) > 1] == []


def assert_gapless(log: Simulated) -> None:
    """Positions of every partition are 1, 2, 3 and so on up to its head."""
    with log.pool.connection() as db:
        heads = log_reading.heads(db)
    rows = log.as_owner("SELECT partition FROM casework.events")
    assert Counter(partition for (partition,) in rows) == +Counter(heads)
