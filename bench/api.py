"""``bench api``: a command through the API beside a bare Flask view that inserts one row.

Both run under gunicorn with the same settings, on the same server, and are asked by the same clients, a moment each
in turn, so that what else the machine does falls on both. The command is validated, authorised, idempotent and
checked against the version that its caller saw: a delivery is recorded in one of many households of some 30 events.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from statistics import median
from threading import Thread
from time import monotonic, perf_counter, sleep

import psycopg

from bench.figure import Figure, of_rates, show
from bench.server import environment_of, installation
from casework import wiring
from casework.application import Casework
from casework.config import Settings
from casework.domain.events.membership import NewMember
from casework.domain.ids import uuid7
from casework.domain.registry import unit_id
from casework.domain.state import MemberFacts
from casework.outcome import Context
from casework.privacy.persons import Profile
from casework.tokens import make_signing_key, make_token

CONNECTIONS = 16
HOUSEHOLDS = 480
EVENTS = 20
ROUNDS = 6
ROUND_SECONDS = 4.0
WARM_SECONDS = 3.0
HALF_LOAD_SECONDS = 10.0
COMMUNITY = "410105001001"
FIRST_DAY = date(2013, 3, 1)

BARE_TABLE = """
CREATE TABLE public.bare (id bigserial PRIMARY KEY, household_id uuid, service text, delivered_on date);
GRANT ALL ON public.bare TO casework_app;
GRANT ALL ON SEQUENCE public.bare_id_seq TO casework_app"""


class Caller(Thread):
    """One connection that sends a command as soon as the last is answered, or at a pace; times are in seconds."""

    def __init__(
        self, port: int, requests: Iterator[bytes], until: float, pace: float | None = None, wait: float = 0
    ) -> None:
        super().__init__(daemon=True)
        self.requests, self.until, self.pace, self.wait = requests, until, pace, wait
        self.port = port
        self.times: list[float] = []
        self.failures: list[bytes] = []
        self.answered: Callable[[bytes], None] = lambda answer: None

    def run(self) -> None:
        """Send and take answers until the time is over."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            due = perf_counter() + self.wait
            while (now := perf_counter()) < self.until:
                if self.pace is not None:
                    due += self.pace
                    if due > now:
                        sleep(due - now)
                self._call(connection, next(self.requests))

    def _call(self, connection: socket.socket, request: bytes) -> None:
        begun = perf_counter()
        connection.sendall(request)
        answer = _received(connection)
        self.times.append(perf_counter() - begun)
        if not answer.startswith(b"HTTP/1.1 201"):
            self.failures.append(answer[:400])
        self.answered(answer)


class Household:
    """What a caller knows of a household: its version, by the last answer, and the next day to deliver on."""

    def __init__(self, household_id: str, version: int) -> None:
        self.id = household_id
        self.version = version
        self.days = count(EVENTS)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; with ``--json`` a line for each figure."""
    if set(arguments) - {"--json"}:
        print("Only --json can be chosen.")
        return 2
    show(measure(), as_json="--json" in arguments)
    return 0


def measure() -> Iterator[Figure]:
    """Run both servers and yield the figures."""
    with servers() as settings, wiring.closing_casework(settings) as casework:
        households = filled(casework)
        with psycopg.connect(wiring.database_url(settings), autocommit=True) as db:
            db.execute(BARE_TABLE)
        token = make_token(settings, role="caseworker", divisions=("410105",))
        with running(settings, "api.serve") as ours, running(settings, "bench.bare") as theirs:
            load = Load(ours, households, token)
            mine, others = load.against(Load(theirs, households, None))
            yield of_rates("API command vs bare Flask", mine, others, "commands/s")
            times = load.paced(median(mine) / 2)
    p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    yield Figure("API p99 vs p50", round(p99, 1), round(p50, 1), "ms", round(p50 / p99, 2))


class Load:
    """The callers of one server."""

    def __init__(self, port: int, households: list[Household], token: str | None) -> None:
        self.port, self.token = port, token
        self.shares = [households[number::CONNECTIONS] for number in range(CONNECTIONS)]
        self.keys = count()

    def against(self, other: Load) -> tuple[list[float], list[float]]:
        """Return how many commands a second each server answered, in rounds of both in turn."""
        for load in (self, other):
            load.rate(WARM_SECONDS)
        rounds = [(self.rate(ROUND_SECONDS), other.rate(ROUND_SECONDS)) for _ in range(ROUNDS)]
        return [mine for mine, _ in rounds], [others for _, others in rounds]

    def rate(self, seconds: float) -> float:
        """Return how many commands a second were answered."""
        begun = perf_counter()
        callers = self.run(seconds)
        return sum(len(caller.times) for caller in callers) / (perf_counter() - begun)

    def paced(self, rate: float) -> list[float]:
        """Return how long each command took at a rate, the shortest first."""
        callers = self.run(HALF_LOAD_SECONDS, pace=CONNECTIONS / rate)
        return sorted(seconds for caller in callers for seconds in caller.times)

    def run(self, seconds: float, pace: float | None = None) -> list[Caller]:
        """Let every caller call for so long."""
        until = perf_counter() + seconds
        apart = (pace or 0) / len(self.shares)
        callers = [self.caller(share, until, pace, turn * apart) for turn, share in enumerate(self.shares)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        failures = [failure for caller in callers for failure in caller.failures]
        if failures:
            raise SystemExit(f"{len(failures)} commands failed: {failures[0].decode(errors='replace')}")
        return callers

    def caller(self, share: list[Household], until: float, pace: float | None, wait: float) -> Caller:
        """One connection with the households that are its own."""
        turn = (share[number % len(share)] for number in count())
        current: list[Household] = []

        def requests() -> Iterator[bytes]:
            for household in turn:
                current[:] = [household]
                yield self.request(household)

        def answered(answer: bytes) -> None:
            if self.token is not None and answer.startswith(b"HTTP/1.1 201"):
                current[0].version = int(json.loads(answer.partition(b"\r\n\r\n")[2])["version"])

        caller = Caller(self.port, requests(), until, pace, wait)
        caller.answered = answered
        return caller

    def request(self, household: Household) -> bytes:
        """The command, as bytes: both servers get the same body."""
        day = FIRST_DAY + timedelta(next(household.days))
        body = json.dumps({"service": "COM-VISIT", "delivered_on": day.isoformat()}).encode()
        lines = [f"POST /v1/households/{household.id}/deliveries HTTP/1.1", "Host: 127.0.0.1"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if self.token is not None:
            key = f"{os.getpid()}-{next(self.keys)}"
            lines += [f"Authorization: Bearer {self.token}", f"Idempotency-Key: {key}"]
            lines += [f'If-Match: "{household.version}"']
        return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def servers() -> Iterator[Settings]:
    """Settings of a fresh installation that is ready for the API."""
    with installation() as settings:
        wiring.prepare(settings)
        make_signing_key(settings.keys_dir)
        yield settings


def filled(casework: Casework) -> list[Household]:
    """Register a community and its households, each with a history."""
    operator = Context(actor="bench", role="operator")
    for code, kind, parent in (
        ("4101", "city", None),
        ("410105", "district", "4101"),
        (COMMUNITY, "community", "410105"),
    ):
        above = {"parent": unit_id(parent)} if parent else {}
        casework.register_unit(operator, registered_on=date(2012, 1, 1), code=code, kind=kind, name_zh=code, **above)
    return [arrived(casework, operator) for _ in range(HOUSEHOLDS)]


def arrived(casework: Casework, context: Context) -> Household:
    """Register one person, and deliver to them."""
    person_id = uuid7()
    member = NewMember(
        person_id=person_id, relation="head", sex="male", birth_month="1980-03", facts=MemberFacts(migrant=True)
    )
    profile = Profile(born_on=date(1980, 3, 2), name="张三")
    outcome = casework.register_household(
        context,
        arrived_on=date(2013, 1, 5),
        community=COMMUNITY,
        head=person_id,
        members=[(member, profile)],
    )
    for number in range(EVENTS):
        day = FIRST_DAY + timedelta(number)
        outcome = casework.give(outcome.id, "record_delivery", context, service="COM-VISIT", delivered_on=day)
    return Household(str(outcome.id), outcome.version)


@contextmanager
def running(settings: Settings, module: str) -> Iterator[int]:
    """Run a server on a free port, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {**environment_of(settings), "CASEWORK_API_PORT": str(port)}
    with (settings.data_dir / f"{module}.log").open("wb") as log:
        program = subprocess.Popen([sys.executable, "-m", module], env=environment, stdout=log, stderr=log)
    try:
        await_answer(port, program)
        yield port
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(20)


def await_answer(port: int, program: subprocess.Popen[bytes]) -> None:
    """Wait until the server takes connections."""
    ends = monotonic() + 30
    while monotonic() < ends and program.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if _received(connection).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            sleep(0.1)
    raise SystemExit(f"The server on port {port} did not start.")


def _received(connection: socket.socket) -> bytes:
    """One answer, by its Content-Length."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _more(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError("The server hung up.")
    return part


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
