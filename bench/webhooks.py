"""Deliveries a second to 50 endpoints on this machine, beside the bar that they have to reach, and beside a dead one.

    python -m bench webhooks [--json] [--households 60] [--visits 4] [--endpoints 50] [--rounds 3]

Each endpoint is a subscription of its own to all visits of some households, thin messages, signed. One worker process
sends, as ``casework work --webhooks`` does; one receiver process answers 204 to all of them, on connections that are
kept. The clock runs from the first visit that is recorded to the last message that comes. In every other round one
endpoint more takes connections and answers nothing: beside it the healthy ones' rate is compared with theirs alone.
"""

from __future__ import annotations

import argparse
import re
import selectors
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from time import monotonic, sleep
from uuid import UUID

from bench.figure import Figure, aside, of_rates, show
from bench.server import environment_of, installation
from casework import wiring
from casework.application import Casework
from casework.config import Settings
from casework.domain.codes import codes
from casework.domain.grants import Extent
from casework.domain.ids import uuid7
from casework.outcome import Context
from casework.population import load
from casework.streams.feeds import Feeds
from casework.streams.webhooks.managing import Webhooks

BAR = 300.0
OPERATOR = Context(actor="bench", role="operator")
CASEWORKER = Context(actor="bench", role="caseworker")
VISITS = "household.residence-verified.v1"
TAKEN = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
LONGEST = 300.0


def main(arguments: Sequence[str]) -> int:
    """Measure, and print what came of it."""
    if arguments and arguments[0] == "receive":
        return receive()
    options = argparse.ArgumentParser(prog="bench webhooks")
    options.add_argument("--json", action="store_true")
    options.add_argument("--households", type=int, default=60)
    options.add_argument("--visits", type=int, default=4)
    options.add_argument("--endpoints", type=int, default=50)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args(arguments)
    with installation() as settings:
        show(figures(settings, chosen), as_json=chosen.json)
    return 0


def figures(settings: Settings, chosen: argparse.Namespace) -> Iterator[Figure]:
    """Yield the rate beside the bar, then that with a dead endpoint beside that without."""
    wiring.prepare(settings, synthetic=True)
    url = wiring.database_url(settings)
    load(url, keys_dir=settings.keys_dir, profile="tiny", households=chosen.households)
    alone: list[float] = []
    beside: list[float] = []
    with wiring.closing_casework(settings) as casework, receiver() as port, silent() as dead, worker(settings):
        homes = _open_homes(casework)
        hooks = Webhooks(casework, Feeds(casework), loopback=True)
        for _ in range(chosen.endpoints):
            _subscribe(casework, hooks, f"http://127.0.0.1:{port}/in")
        _await(lambda: _active(casework) == chosen.endpoints)
        for _ in range(chosen.rounds):
            alone.append(_round(casework, homes, chosen, port))
            aside.print(f"alone: {alone[-1]:,.0f} deliveries/s")
            id = _subscribe(casework, hooks, f"http://127.0.0.1:{dead}/in")
            with casework.pool.connection() as db:  # it was alive when it was verified
                db.execute("UPDATE casework.webhook_endpoint SET state = 'active' WHERE subscription_id = %s", (id,))
            beside.append(_round(casework, homes, chosen, port))
            aside.print(f"beside a dead endpoint: {beside[-1]:,.0f} deliveries/s")
            hooks.remove_endpoint(OPERATOR, id)
    yield of_rates("webhooks, vs 300/s", alone, [BAR] * len(alone), "deliveries/s")
    yield of_rates("webhooks beside a dead endpoint, vs alone", beside, alone, "deliveries/s")


def _open_homes(casework: Casework) -> list[UUID]:
    """The households of the log that can be visited."""
    with casework.pool.connection() as db:
        found = db.execute("SELECT DISTINCT stream_id FROM casework.events WHERE partition < 64").fetchall()
    homes = [casework.household(id) for (id,) in found]
    return [each.id for each in homes if each.closed_on is None]


def _subscribe(casework: Casework, hooks: Webhooks, url: str) -> UUID:
    """A bureau's subscription to all visits from now on, that is sent to an address; its id."""
    name = f"bench-{uuid7().hex[-12:]}"
    extent = Extent(
        areas=tuple(row.code for row in codes("areas")),
        divisions=("4101",),
        types=(VISITS,),
        fields={"outcome": "keep", "occurred_on": "keep"},
        from_=date(2012, 1, 1),
    )
    said = {"bureau": "CIV", "purpose": "cross_bureau", "legal_basis": "statutory_duty", "issued_on": casework.today}
    casework.issue_grant(OPERATOR, name=name, extent=extent, **said)
    opened = casework.open_subscription(OPERATOR, bureau="CIV", grant=name, opened_on=casework.today, start="now")
    subscription = casework.registry().subscriptions[opened.id]
    hooks.set_endpoint(OPERATOR, subscription, url=url, content="thin")
    return subscription.id


def _active(casework: Casework) -> int:
    with casework.pool.connection() as db:
        row = db.execute("SELECT count(*) FROM casework.webhook_endpoint WHERE state = 'active'").fetchone()
    return int(row[0]) if row else 0


def _round(casework: Casework, homes: Sequence[UUID], chosen: argparse.Namespace, port: int) -> float:
    """Record visits, and wait until every endpoint was told of each; return deliveries a second."""
    before, began = taken(port), monotonic()
    visits = 0
    for _ in range(chosen.visits):
        for home in homes:
            outcome = casework.give(home, "verify_residence", CASEWORKER, verified_on=casework.today, outcome="present")
            visits += len(outcome.events)
    wanted = visits * chosen.endpoints
    _await(lambda: taken(port) - before >= wanted)
    return wanted / (monotonic() - began)


def _await(is_so: Callable[[], bool]) -> None:
    ends = monotonic() + LONGEST
    while not is_so():
        if monotonic() > ends:
            raise RuntimeError("The webhooks do not come.")
        sleep(0.02)


@contextmanager
def worker(settings: Settings) -> Iterator[None]:
    """One worker of webhooks, and the beat that gives it work."""
    environ = {**environment_of(settings), "CASEWORK_WEBHOOK_TARGETS": "loopback"}
    started = [subprocess.Popen(wiring.command_line("workers.run", name), env=environ) for name in ("webhooks", "beat")]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


@contextmanager
def receiver() -> Iterator[int]:
    """A process that takes everything; its port."""
    command = [sys.executable, "-m", "bench", "webhooks", "receive"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening.getsockname()[1]


def taken(port: int) -> int:
    """Ask a receiver how many messages it took, challenges apart."""
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(b"COUNT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        return int(asking.recv(100))


def receive() -> int:
    """Take messages, on one thread, until killed."""
    count, ready = 0, selectors.DefaultSelector()
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    ready.register(listening, selectors.EVENT_READ, None)
    print(listening.getsockname()[1], flush=True)
    while True:
        for key, _ in ready.select():
            if key.data is None:
                arrived, _ = listening.accept()
                ready.register(arrived, selectors.EVENT_READ, bytearray())
                continue
            client, held = key.fileobj, key.data
            assert isinstance(client, socket.socket)
            came = client.recv(1 << 16)
            held += came
            while (request := _request(held)) is not None:
                if request.startswith(b"COUNT"):
                    client.sendall(str(count).encode())
                elif b'"challenge"' in request:
                    body = request.partition(b"\r\n\r\n")[2]
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                else:
                    count += 1
                    client.sendall(TAKEN)
            if not came:
                ready.unregister(client)
                client.close()


def _request(held: bytearray) -> bytes | None:
    """Take a whole request out of what has arrived, if there is one."""
    head, found, _ = held.partition(b"\r\n\r\n")
    if not found:
        return None
    length = re.search(rb"(?i)content-length: *([0-9]+)", head)
    size = len(head) + 4 + int(length[1] if length else 0)
    if len(held) < size:
        return None
    request = bytes(held[:size])
    del held[:size]
    return request
