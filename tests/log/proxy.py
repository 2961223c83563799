"""A way to the database that can be cut: after a statement was sent, or when its answer came."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from select import select
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit

When = Literal["sent", "answered"]


class Proxy:
    """Forwards connections; once armed it cuts the one that next sends something, or sends so many things more."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self.server = (parts.hostname, parts.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        login = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()
        self.cut_when: When | None = None
        self.passing = 0
        self.cuts = 0
        self.threads: list[Thread] = []
        self.clients: list[socket.socket] = []

    def cut(self, when: When | None, *, after: int = 0) -> None:
        """Cut once: when a statement was ``sent``, or when its answer came and would be passed on; None: not at all.

        That is the next statement, or the next but so many.
        """
        self.passing = after
        self.cut_when = when

    def cut_now(self) -> None:
        """Cut what is open, whatever is under way; the server goes on with what it was sent."""
        for client in self.clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self.cuts += 1

    def accept(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.clients.append(client)
                thread = Thread(target=self.serve, args=(client,))
                self.threads.append(thread)
                thread.start()

    def serve(self, client: socket.socket) -> None:
        """Forward between a client and the server until one of them ends, or the way is cut."""
        with client, socket.create_connection(self.server) as server, suppress(ConnectionError):
            sent = False
            while True:
                for source in select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if not data or (sent and source is server and self.is_time("answered")):
                        return
                    (server if source is client else client).sendall(data)
                    sent = source is client and self.is_next()
                    if sent and self.is_time("sent"):
                        return

    def is_next(self) -> bool:
        """Whether what was just sent is what will be cut."""
        self.passing -= self.cut_when is not None
        return self.cut_when is not None and self.passing < 0

    def is_time(self, when: When) -> bool:
        """Whether to cut now; that is done once."""
        if self.cut_when != when:
            return False
        self.cut_when = None
        self.cuts += 1
        return True


@contextmanager
def proxy_to(database_url: str) -> Iterator[Proxy]:
    """Open a proxy to a database; its clients have gone before the block ends."""
    proxy = Proxy(database_url)
    accepting = Thread(target=proxy.accept)
    accepting.start()
    try:
        yield proxy
    finally:
        proxy.listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        proxy.listener.close()
        for thread in proxy.threads:
            thread.join()
