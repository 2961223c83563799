"""A receiver of webhooks on this machine: it answers challenges, keeps what it took, and misbehaves where told to."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import MappingProxyType
from typing import Any, NamedTuple


class Message(NamedTuple):
    """What came: to which path, with which headers and body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def is_challenge(self) -> bool:
        """Whether it asks to be given back a word."""
        return "challenge" in self.said


class Reply(NamedTuple):
    """How it is answered."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


Behaviour = Callable[[Message], Reply]


def echo(message: Message) -> Reply:
    """Take everything."""
    if message.is_challenge:
        return Reply(body=json.dumps({"challenge": message.said["challenge"]}).encode())
    return Reply(204)


class Receiver:
    """What came in, and how it is answered from now on."""

    def __init__(self, behave: Behaviour = echo) -> None:
        self.behave = behave
        self.came: list[Message] = []
        self.taken: list[Message] = []
        self.connections = 0
        self.changed = Condition()
        self.port = 0

    def url(self, path: str = "/in", scheme: str = "http", host: str = "127.0.0.1") -> str:
        """Its address."""
        return f"{scheme}://{host}:{self.port}{path}"

    def data(self) -> list[Any]:
        """What it took, but for challenges."""
        return [each.said for each in list(self.taken) if not each.is_challenge]

    def wait_for(self, what: Callable[[], bool], seconds: float = 30) -> bool:
        """Return once something is so of what came, or false after a long time."""
        with self.changed:
            return self.changed.wait_for(what, seconds)

    def answer(self, message: Message) -> Reply:
        """Take a message in."""
        with self.changed:
            self.came.append(message)
            self.changed.notify_all()
        reply = self.behave(message)
        if 200 <= reply.status < 300:
            with self.changed:
                self.taken.append(message)
                self.changed.notify_all()
        return reply


@contextmanager
def receiving(behave: Behaviour = echo, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Receive on a port of this machine."""
    receiver = Receiver(behave)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = receiver.answer(Message(self.path, headers, body))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of clients that leave."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
