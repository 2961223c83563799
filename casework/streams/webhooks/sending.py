"""One request to an endpoint: to the address that was looked at, under the name that it was looked up by, no further.

TLS names the host and checks its certificate although the connection goes to the address. Redirects are answers like
any other that is no success. Whatever the endpoint does, an answer takes its time at most and is read to a small limit:
at its end the connection is shut down under whoever waits for it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread, local
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from casework.errors import Invalid
from casework.streams.webhooks import target as targets
from casework.streams.webhooks.target import Pinned, Resolve, TargetRefused

MOST_READ = 16 << 10
PINNED_SECONDS = 60.0
"""How long an address is connected to before its name is looked up, and looked at, again."""

USER_AGENT = "casework-webhooks"
_REAP_SECONDS = 0.1

_attempt = local()


class Answer(NamedTuple):
    """What came of a request: a status and the beginning of the body, or a code for why there is none."""

    status: int = 0
    error: str = ""
    retry_after: str | None = None
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the endpoint took it."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """A word for what came of it: no text of the endpoint's."""
        return self.error or f"status-{self.status}"


class _Attempt:
    """A request on its way, and what it may be cut off by."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.connection: Any = None
        self.is_over = False

    def cut(self) -> None:
        self.is_over = True
        with suppress(OSError, AttributeError):
            self.connection.handle.shutdown(socket.SHUT_RDWR)


class _Cuttable:
    """A connection that whoever waits on it can be cut off from, also while TLS is being agreed on."""

    handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        self.handle = made.dup()
        _attempt.now.connection = self
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        _attempt.now.connection = self
        super().request(*args, **kwargs)  # type: ignore[misc]

    def close(self) -> None:
        handle, self.handle = self.handle, None
        if handle is not None:
            handle.close()
        super().close()  # type: ignore[misc]


class _Plain(_Cuttable, HTTPConnection):
    pass


class _Secure(_Cuttable, HTTPSConnection):
    pass


class Sender:
    """Sends for many endpoints at once, with a few kept connections for each; any thread may use it."""

    def __init__(
        self,
        *,
        connect_seconds: float,
        answer_seconds: float,
        loopback: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        kept: int = 8,
    ) -> None:
        self.loopback = loopback
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=answer_seconds)
        self._answer_seconds = answer_seconds
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._kept = kept
        self._pools: dict[UUID, tuple[str, float, Pinned, HTTPConnectionPool]] = {}
        self._lock = Lock()
        self._under_way: set[_Attempt] = set()
        self._closed = Event()
        self._reaper = Thread(target=self._reap, name="webhook-deadlines", daemon=True)
        self._reaper.start()

    def post(self, key: UUID, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body to an endpoint, whose key its connections are kept under; never raises for what it does."""
        try:
            pinned, pool = self._pool(key, url)
        except TargetRefused as refused:
            return Answer(error=refused.code)
        except Invalid as refused:
            return Answer(error=refused.code)
        except OSError:
            return Answer(error="name-unknown")
        said = {**headers, "Host": pinned.target.authority, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        with self._bounded() as attempt:
            return self._answer(pool, pinned.target.path, body, said, attempt)

    def forget(self, key: UUID) -> None:
        """Close an endpoint's connections."""
        with self._lock:
            found = self._pools.pop(key, None)
        if found is not None:
            found[3].close()

    def close(self) -> None:
        """Close all connections."""
        self._closed.set()
        for key in list(self._pools):
            self.forget(key)
        self._reaper.join()

    def _answer(
        self, pool: HTTPConnectionPool, path: str, body: bytes, headers: Mapping[str, str], attempt: _Attempt
    ) -> Answer:
        try:
            response = pool.urlopen(
                *("POST", path, body, headers),
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=False,
            )
            try:
                content = response.read(MOST_READ + 1)
                if len(content) > MOST_READ:
                    response.close()  # whatever more there is, nobody waits for
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return Answer(error="timeout" if attempt.is_over else _named(error))
        if attempt.is_over:  # cut off within its headers, an answer would look like one without a body
            return Answer(error="timeout")
        return Answer(response.status, retry_after=response.headers.get("Retry-After"), body=content[:MOST_READ])

    def _pool(self, key: UUID, url: str) -> tuple[Pinned, HTTPConnectionPool]:
        with self._lock:
            found = self._pools.get(key)
        if found is not None and found[0] == url and monotonic() < found[1]:
            return found[2], found[3]
        pinned = targets.pinned(targets.parse(url, loopback=self.loopback), **self._asking())
        pool = self._opened(pinned)
        with self._lock:
            old = self._pools.get(key)
            self._pools[key] = (url, monotonic() + PINNED_SECONDS, pinned, pool)
        if old is not None:
            old[3].close()
        return pinned, pool

    def _asking(self) -> dict[str, Any]:
        return {"loopback": self.loopback, "resolve": self._resolve}

    def _opened(self, pinned: Pinned) -> HTTPConnectionPool:
        host, target = pinned.address, pinned.target
        if target.scheme == "http":
            plain = HTTPConnectionPool(host, target.port, maxsize=self._kept)
            plain.ConnectionCls = _Plain
            return plain
        secure = HTTPSConnectionPool(
            *(host, target.port),
            maxsize=self._kept,
            ssl_context=self._tls,
            server_hostname=target.host,
            assert_hostname=target.host,
        )
        secure.ConnectionCls = _Secure
        return secure

    @contextmanager
    def _bounded(self) -> Iterator[_Attempt]:
        attempt = _Attempt(monotonic() + self._answer_seconds)
        _attempt.now = attempt
        self._under_way.add(attempt)
        try:
            yield attempt
        finally:
            self._under_way.discard(attempt)

    def _reap(self) -> None:
        while not self._closed.wait(_REAP_SECONDS):
            now = monotonic()
            for attempt in self._under_way.copy():
                if now >= attempt.ends:
                    attempt.cut()


_NAMED: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.SSLError, "tls"),
    (urllib3.exceptions.NewConnectionError, "connection"),  # which the library counts among time-outs
    (urllib3.exceptions.ConnectTimeoutError, "timeout"),
    (urllib3.exceptions.TimeoutError, "timeout"),
    (Exception, "connection"),
)


def _named(error: Exception) -> str:
    """A word for what went wrong; what the endpoint or the library says of it is not kept."""
    return next(name for kind, name in _NAMED if isinstance(error, kind))
