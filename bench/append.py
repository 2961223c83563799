"""How fast events are appended, and commands carried out, beside the stock library and Message DB on the same server.

    python -m bench append [--json] [--rounds 5] [--seconds 4] [--households 2560]

On the server: 32 connections of PostgreSQL's own load generator append one event at a time, by our function, by the
statements that the stock recorder sends, and by a bare INSERT into a table with the same columns and a primary key.
32 threads load, decide and save: through the library on our log and on its own, and on Message DB, whose SQL npm
fetches (where that fails the figure is left out). Rounds are interleaved.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql

from bench.commands import HOUSEHOLDS, THREADS, Rates, command_rates
from bench.figure import Figure, aside, of_rates, show
from bench.server import database, pgbench
from bench.stock import StockCasework, environment
from casework import wiring
from casework.config import Settings
from casework.log.migrations import migrate

CONNECTIONS = 32

# Each client goes over 128 streams of its own in an order of its own, a version further with every turn.
PLACE = r"""
\set n :n + 1
\set k (:n * (2 * :client_id + 1) + :client_id * 7) & 127
\set stream :client_id * 128 + :k
\set partition :stream & 63
\set version :n / 128 + 1
"""
STREAM_ID = "lpad(to_hex(:stream::int), 32, '0')::uuid"
STATE = (
    """'{"occurred_on":"2013-05-06","episode_id":"0198a1b2-0198-7a1b-b201-98a1b2c3d4e5","decided_by":"EDUB","""
    """"valid_from":"2013-05-06"}'::text::bytea"""
)
META = (
    """'{"event_id":"0198a1b2-0198-7a1b-b201-98a1b2c3d4e5","actor":"c-17","role":"caseworker","""
    """"command_id":"0198a1b2-0198-7a1b-b201-98a1b2c3d4e5","body_hash":"8hNkUuDYp9OeVbA2xS4="}'::text::bytea"""
)
TYPE = "household.service-granted.v1"

OURS = f"""{PLACE}
SELECT casework.append_event(
    :partition::int::smallint, {STREAM_ID}, :version::int, '{TYPE}', {STATE}, {META});
"""
BARE = f"""{PLACE}
INSERT INTO public.bare (partition, stream_id, version, position, type, state, recorded_at, meta)
VALUES (:partition::int::smallint, {STREAM_ID}, :version::int, :n::int, '{TYPE}', {STATE}, clock_timestamp(), {META});
"""
BARE_TABLE = "CREATE TABLE public.bare (LIKE casework.events, PRIMARY KEY (partition, stream_id, version))"


def main(arguments: Sequence[str]) -> int:
    """Measure and show the figures."""
    options = _options(arguments)
    with wiring.with_servers(Settings.from_env()) as settings:
        show(run(wiring.database_url(settings), options), as_json=options.json)
    return 0


def run(url: str, options: Any) -> Iterator[Figure]:
    """Yield the figures as they are known."""
    rates = server_rates(url, options.rounds, options.seconds)
    appends = f"server append, {CONNECTIONS} connections, vs "
    yield of_rates(appends + "stock", rates["ours"], rates["stock"], "events/s")
    yield of_rates(appends + "bare INSERT", rates["ours"], rates["bare INSERT"], "events/s")
    ours, *others = command_rates(url, options.rounds, options.households).items()
    for name, theirs in others:
        yield of_rates(f"command, {THREADS} threads, vs {name}", ours[1], theirs, "commands/s")


def server_rates(server_url: str, rounds: int, seconds: float) -> Rates:
    """Return events a second in each round, by contestant; each round has a fresh database, and another goes first."""
    rates: Rates = {"ours": [], "bare INSERT": [], "stock": []}
    for number in range(rounds):
        with database(server_url) as url:
            contestants = list(_prepared(url).items())
            for name, (table, script) in contestants[number % 3 :] + contestants[: number % 3]:
                rates[name].append(_append(url, table, script, seconds))
                aside.print(f"round {number + 1}: {name} {rates[name][-1]:,.0f} events/s")
    return rates


def stock_script(recorder: Any) -> str:
    """Return what the stock recorder sends for one event: a pipeline up to the INSERT, then the COMMIT."""
    datastore = recorder.datastore
    text: Callable[[Any], str] = lambda statement: statement.as_string(None)  # noqa: E731
    kind = f"{datastore.schema}.{recorder.stored_event_type_name}"
    # The topic has a dot where the library has a colon, which the load generator takes for a variable.
    event = f"ARRAY[ROW({STREAM_ID}, :version::int, 'bench.stock.StockHousehold.ServiceGranted', {STATE})::{kind}]"
    notify = text(sql.SQL("NOTIFY {}").format(sql.Identifier(recorder.channel_name)))
    insert = text(recorder.insert_events_statement).replace("%s", event)
    sent = ["BEGIN", *map(text, recorder.lock_table_statements), notify, insert]
    return "\n".join([PLACE, r"\startpipeline", *(f"{statement};" for statement in sent), r"\endpipeline", "COMMIT;"])


def _prepared(url: str) -> dict[str, tuple[str, str]]:
    """Make every contestant's table; return it with the script, by contestant."""
    migrate(url)
    with psycopg.connect(url) as db:
        db.execute(BARE_TABLE)
    with StockCasework(environment(url)) as stock:
        recorder: Any = stock.recorder
        return {
            "ours": ("casework.events", OURS),
            "bare INSERT": ("public.bare", BARE),
            "stock": (f"public.{recorder.events_table_name}", stock_script(recorder)),
        }


def _append(url: str, table: str, script: str, seconds: float) -> float:
    """Return the rate, and make sure that every transaction appended an event."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CHECKPOINT")
        load = pgbench(url, script, clients=CONNECTIONS, seconds=seconds)
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split(".")))
        stored = db.execute(query).fetchone()
    if stored != (load.transactions,):
        raise RuntimeError(f"{load.transactions} transactions left {stored} events in {table}.")
    return load.per_second


def _options(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="bench append", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON for each figure")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contestant is measured")
    parser.add_argument("--seconds", type=float, default=4, help="how long an append is measured in a round")
    parser.add_argument("--households", type=int, default=HOUSEHOLDS, help="how many get a command in each round")
    return parser.parse_args(arguments)
