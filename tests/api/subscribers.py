"""Subscribers of the streams' process: they pull, they stream, and they keep what they were given."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any, NamedTuple
from uuid import UUID

from casework.application import Casework
from casework.config import Settings
from casework.tokens import make_token
from tests.given import by, person
from tests.streams.given import extent

COMMUNITY = "410105001001"


class Sent(NamedTuple):
    """An event of a stream: its name, its id and its data."""

    name: str
    cursor: str
    data: Any


class Subscriber:
    """A program of a bureau's, and what it has kept: events by household, and the cursor that goes with them."""

    def __init__(self, settings: Settings, subscription_id: UUID) -> None:
        self.path = f"/v1/subscriptions/{subscription_id}"
        self.port = settings.streams_port
        token = make_token(settings, role="service", bureau="EDUB", sub="edub-program")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.cursor: str | None = None
        self.kept: list[Any] = []

    def pull(self, limit: int, wait: int = 0) -> Any:
        """The next batch; nothing is kept of it yet."""
        after = f"&after={self.cursor}" if self.cursor else ""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", f"{self.path}/events?limit={limit}&wait={wait}{after}", headers=self.headers)
            return json.load(connection.getresponse())

    def keep(self, events: list[Any], cursor: str) -> None:
        """Keep events and their cursor, both at once."""
        self.kept += events
        self.cursor = cursor

    def pull_all(self) -> None:
        """Keep all that there is."""
        caught_up = False
        while not caught_up:
            batch = self.pull(100)
            self.keep(batch["items"], batch["next"])
            caught_up = batch["caught_up"]

    def follow(self, most: int) -> None:
        """Keep events of a stream as they come, until so many are kept; closed as too slow, go on after those."""
        while len(self.kept) < most:
            with self.stream() as events:
                for event in events:
                    if event.name == "lagging":
                        break
                    self.keep([event.data], event.cursor)
                    if len(self.kept) == most:
                        return

    @contextmanager
    def stream(self) -> Iterator[Iterator[Sent]]:
        """The events of a stream, as they come, after those that are kept; at the end the connection is cut."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        resumed = {"Last-Event-ID": self.cursor} if self.cursor else {}
        connection.request("GET", f"{self.path}/stream", headers={**self.headers, **resumed})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        try:
            yield sent(response)
        finally:
            connection.close()

    def deaf(self) -> socket.socket:
        """A connection that asks for a stream and takes nothing of it."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self.port))
        bearer = self.headers["Authorization"]
        request = f"GET {self.path}/stream HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n"
        connection.sendall(request.encode())
        return connection


def sent(response: HTTPResponse) -> Iterator[Sent]:
    """The events of a response, as they come."""
    fields: dict[str, str] = {}
    while line := response.readline():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield Sent(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}


def subscribed(casework: Casework, name: str, **said: Any) -> UUID:
    """A subscription of a bureau under a new grant, which tells it of everything in a community."""
    casework.issue_grant(
        by("operator"),
        name=name,
        bureau="EDUB",
        purpose="cross_bureau",
        legal_basis="statutory_duty",
        extent=extent(divisions=(COMMUNITY,), **said),
        issued_on=casework.today,
    )
    return casework.open_subscription(by("bureau"), bureau="EDUB", grant=name, opened_on=casework.today, start="now").id


def arrive(casework: Casework) -> UUID:
    """Register a household."""
    head = person()
    return casework.register_household(
        by(),
        arrived_on=casework.today.replace(day=1),
        community=COMMUNITY,
        head=head[0].person_id,
        members=[head],
    ).id


def visit(casework: Casework, household: UUID) -> None:
    """Look whether a household is there."""
    casework.give(household, "verify_residence", by(), verified_on=casework.today, outcome="present")
