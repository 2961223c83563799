"""What subscribers are given: how fast one process is pulled from, and how soon a thousand streams hear of an event.

    python -m bench streams [--json] [--households 2000] [--streams 1000]

A synthetic population, and a bureau that a statute tells of everything in the city. First the whole log is pulled over
HTTP from an API process that may use one core; aside stands what the reading alone does. Then streams are opened at one
process: what they cost while nothing happens stands aside too. Then households are visited, and for each stream it is
measured how long after the commit it hears of it.
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from time import monotonic, perf_counter, sleep
from uuid import UUID

import msgspec

from bench.api import await_answer
from bench.exports import _free_port, _program
from bench.figure import Figure, aside, show
from bench.server import installation
from casework import wiring
from casework.application import Casework
from casework.config import Settings
from casework.domain.grants import Extent
from casework.domain.ids import PARTITIONS
from casework.domain.leaves import event_types, leaves
from casework.log import reading
from casework.outcome import Context
from casework.population import load
from casework.streams.feeds import Feeds
from casework.tokens import make_token
from casework.wake import Wake

PULLED_BAR = 20_000
HEARD_BAR = 250.0
EVENTS = 40
EVENT_SECONDS = 0.25
IDLE_SECONDS = 15
AREAS = ("EDU", "EMP", "SSH", "COM", "LIV", "HLT", "FPL", "CUL")
OPERATOR = Context(actor="operator", role="operator")

Process = subprocess.Popen[bytes]


class Answer(msgspec.Struct):
    """What a subscriber pulls, its events left as they came: what they are read for is not measured."""

    items: list[msgspec.Raw]
    next: str
    caught_up: bool


def main(arguments: Sequence[str]) -> int:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(prog="bench streams", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--households", type=int, default=2000)
    parser.add_argument("--streams", type=int, default=1000)
    chosen = parser.parse_args(arguments)
    with installation() as settings:
        wiring.prepare(settings, synthetic=True)
        profile = "demo" if chosen.households <= 10_000 else "load"
        url = wiring.database_url(settings)
        loaded = load(url, keys_dir=settings.keys_dir, profile=profile, households=chosen.households)
        aside.print(f"{loaded.households} households, {loaded.events} events")
        with _casework(settings) as casework:
            show(_figures(settings, casework, chosen.streams), as_json=chosen.json)
    return 0


def _figures(settings: Settings, casework: Casework, streams: int) -> Iterator[Figure]:
    subscription = _subscribed(casework)
    _read_alone(casework, subscription)
    port = str(_free_port())
    with _program(settings, "api.serve", CASEWORK_API_PORT=port, CASEWORK_API_PROCESSES="1") as api:
        await_answer(int(port), api)
        _keep_to_one_core(api)
        rate = _pulled(int(port), _token(settings), subscription, api)
    yield Figure("pull, 1 core, vs 20 k events/s", round(rate), PULLED_BAR, "events/s", round(rate / PULLED_BAR, 2))
    port = str(_free_port())
    with _program(settings, "api.serve_streams", CASEWORK_STREAMS_PORT=port) as program:
        await_answer(int(port), program)
        p99 = _heard(int(port), _token(settings), casework, program, streams)
    yield Figure("SSE fan-out p99, vs 250 ms", round(p99, 1), HEARD_BAR, "ms", round(HEARD_BAR / p99, 2))


@contextmanager
def _casework(settings: Settings) -> Iterator[Casework]:
    wake = Wake(settings.redis_url or "")
    casework = wiring.open_casework(settings, wake=wake)
    try:
        yield casework
    finally:
        casework.close()
        casework.pool.close()
        wake.close()


def _subscribed(casework: Casework) -> UUID:
    extent = Extent(
        areas=AREAS,
        divisions=("4101",),
        types=tuple(sorted(event_types())),
        fields=dict.fromkeys(leaves(), "keep"),
        from_=casework.today,
    )
    told = {"purpose": "cross_bureau", "legal_basis": "statutory_duty", "issued_on": casework.today}
    casework.issue_grant(OPERATOR, name="bench", bureau="HRSS", extent=extent, **told)
    return _opened(casework, "beginning")


def _opened(casework: Casework, start: str) -> UUID:
    told = {"bureau": "HRSS", "grant": "bench", "start": start}
    return casework.open_subscription(OPERATOR, opened_on=casework.today, **told).id


def _token(settings: Settings) -> str:
    return make_token(settings, role="service", bureau="HRSS")


def _read_alone(casework: Casework, subscription_id: UUID) -> None:
    """How fast the reading alone is, without HTTP."""
    feeds = Feeds(casework)
    subscription = feeds.subscription(subscription_id)
    assert subscription is not None
    compiled, told, begun = feeds.compiled(subscription), 0, perf_counter()
    with casework.pool.connection() as db:
        cursor, caught_up = feeds.opened(db, subscription, None), False
        while not caught_up:
            batch = feeds.read(db, cursor, compiled, limit=1000)
            cursor, caught_up, told = batch.cursor, batch.caught_up, told + len(batch.envelopes)
    spent = perf_counter() - begun
    aside.print(f"read alone: {told} events in {spent:.1f} s, {told / spent:,.0f}/s")


def _pulled(port: int, token: str, subscription: UUID, program: Process) -> float:
    """Envelopes a second over HTTP, of the whole log."""
    connection, after, told = HTTPConnection("127.0.0.1", port, timeout=60), "", 0
    begun, used = perf_counter(), _cpu(program)
    while True:
        path = f"/v1/subscriptions/{subscription}/events?limit=1000{after}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        batch = msgspec.json.decode(connection.getresponse().read(), type=Answer)
        told, after = told + len(batch.items), f"&after={batch.next}"
        if batch.caught_up:
            break
    connection.close()
    spent, used = perf_counter() - begun, _cpu(program) - used
    aside.print(f"pulled over HTTP: {told} events in {spent:.1f} s, of which its process worked {used:.1f} s")
    return told / spent


def _keep_to_one_core(program: Process) -> None:
    for pid in _processes(program):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {0})


class Listeners:
    """Many streams, read by one thread; it notes when each has heard of the last event that was announced."""

    def __init__(self, port: int, token: str, subscriptions: Sequence[UUID], most: int) -> None:
        self.heard: list[tuple[int, float]] = []
        self._selector = selectors.DefaultSelector()
        self._over = False
        for number in range(most):
            path = f"/v1/subscriptions/{subscriptions[number % len(subscriptions)]}/stream"
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ)
        self._thread = Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        """Hang up."""
        self._over = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _listen(self) -> None:
        while not self._over:
            for key, _ in self._selector.select(0.1):
                data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                count = data.count(b'"sequence"')
                if count:
                    self.heard.append((count, monotonic()))


def _heard(port: int, token: str, casework: Casework, program: Process, streams: int) -> float:
    """The time from commit to hearing that 99 of 100 keep, in milliseconds, of all events and streams."""
    subscriptions = [_opened(casework, "now") for _ in range(10)]
    with ExitStack() as stack:
        none = _memory(program)
        listeners = Listeners(port, token, subscriptions, streams)
        stack.callback(listeners.close)
        sleep(IDLE_SECONDS)
        used, cpu = _memory(program) - none, _cpu(program)
        sleep(IDLE_SECONDS)
        share = (_cpu(program) - cpu) / IDLE_SECONDS
        aside.print(f"{streams} idle streams: {used / 1e6:.0f} MB above none, {share:.1%} of a core")
        homes = _open_households(casework)
        waits: list[float] = []
        for home in homes:
            waits += _visited(casework, home, listeners, streams)
    waits.sort()
    aside.print(f"{len(waits)} times: half within {waits[len(waits) // 2]:.1f} ms, the longest {waits[-1]:.1f} ms")
    return waits[int(len(waits) * 0.99)]


def _open_households(casework: Casework) -> list[UUID]:
    with casework.pool.connection() as db:
        found = [id for partition in range(PARTITIONS) for id in reading.stream_ids(db, partition, limit=10)]
    return [id for id in found if casework.household(id).closed_on is None][:EVENTS]


def _visited(casework: Casework, home: UUID, listeners: Listeners, streams: int) -> list[float]:
    listeners.heard.clear()
    casework.give(home, "verify_residence", OPERATOR, verified_on=casework.today, outcome="present")
    committed = monotonic()
    while sum(count for count, _ in listeners.heard) < streams and monotonic() - committed < 10:
        sleep(0.005)
    sleep(EVENT_SECONDS)
    if sum(count for count, _ in listeners.heard) != streams:
        raise SystemExit("Some streams did not hear of an event.")
    return [(at - committed) * 1000 for _, at in listeners.heard]


def _processes(program: Process) -> list[int]:
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    return [program.pid, *map(int, children)]


def _memory(program: Process) -> int:
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in _processes(program))


def _cpu(program: Process) -> float:
    ticks = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in _processes(program)]
    return sum(int(each) for both in ticks for each in both) / os.sysconf("SC_CLK_TCK")
