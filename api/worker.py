"""gunicorn's threaded worker, but a thread is given to a request only once all of it is there.

A client that sends slowly, or nothing, holds a place among the connections and no thread. What gunicorn refuses by
itself is answered as every other problem is, without a word of what was sent, in the answer and in the log.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from errno import EAGAIN, ECONNABORTED
from http import HTTPStatus
from socket import SHUT_WR, socket
from time import monotonic
from typing import Any

import msgspec
from gunicorn.http import errors as refusals
from gunicorn.util import close
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from api.arriving import Arriving
from api.errors import BY_STATUS, MEDIA_TYPE, told_problem
from api.logs import failure
from casework.domain.ids import uuid7

IO_SECONDS = 10
"""How long a thread waits for a client that does not take its answer."""

PATIENCE = 0.02
"""How long a thread waits for the first bytes of a new connection, which are mostly on their way."""

MOST_DRAINED = 8 << 20
_STEP = 1 << 16
_GONE = 0

_STATUS_OF: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (refusals.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (refusals.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (refusals.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (refusals.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (refusals.ConfigurationProblem, HTTPStatus.INTERNAL_SERVER_ERROR),
    (refusals.InvalidResponseHeader, HTTPStatus.INTERNAL_SERVER_ERROR),
    (refusals.InvalidResponseHeaderName, HTTPStatus.INTERNAL_SERVER_ERROR),
    (refusals.ParseException, HTTPStatus.BAD_REQUEST),
    (Exception, HTTPStatus.INTERNAL_SERVER_ERROR),
)

log = logging.getLogger("casework.api.server")


class Connection(TConn):
    """A client's connection, and what has arrived of its next request."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.data_ready: bool = False
        self.arriving: Arriving | None = None
        self.drained: int | None = None

    def init(self) -> None:
        """Prepare for a request; from here on no client is waited for endlessly."""
        super().init()
        self.sock.settimeout(IO_SECONDS)

    def close(self, graceful: bool = False) -> None:
        """Close at once: waiting for the client's own end would stop the loop of all connections."""
        close(self.sock)

    def arrived(self) -> int:
        """Read what is there; return 200 once the request is whole, 100 where it is not, a refusal, or that it left."""
        if self.arriving is None:
            self.arriving = Arriving()
            if self.parser is not None and (ahead := self.parser.unreader.take_buffered()):
                self.arriving.take(ahead)
            self.sock.setblocking(False)
        while self.arriving.status == HTTPStatus.CONTINUE:
            if monotonic() > self.arriving.ends:
                return HTTPStatus.REQUEST_TIMEOUT
            try:
                data = self.sock.recv(_STEP)
            except BlockingIOError:
                if self.data_ready or not self.wait_for_data(PATIENCE):
                    return HTTPStatus.CONTINUE
                continue
            except OSError:
                return _GONE
            if not data:
                return _GONE
            self.data_ready = True
            self.arriving.take(data)
        return self.arriving.status

    def hand_over(self) -> None:
        """Let gunicorn's parser have the request."""
        assert self.arriving is not None
        if self.parser is None:
            self.init()
        self.parser.unreader.unread(bytes(self.arriving.held))
        self.arriving = None

    def go_on(self) -> None:
        """Tell a client that waits for it to send the body."""
        if self.arriving is not None and self.arriving.waits:
            self.arriving.waits = False
            _send(self.sock, b"HTTP/1.1 100 Continue\r\n\r\n")

    def drain(self) -> bool:
        """Read what the client still sends after its last answer, so that it reads that; say whether it is done."""
        if self.drained is None:
            self.drained = 0
            self.sock.setblocking(False)
            with suppress(OSError):
                self.sock.shutdown(SHUT_WR)
        try:
            while self.drained < MOST_DRAINED and (data := self.sock.recv(_STEP)):
                self.drained += len(data)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


class Worker(ThreadWorker):
    """The worker behind ``casework serve``."""

    def accept(self, listener: socket) -> None:
        """Take a new connection."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (EAGAIN, ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self.cfg, client, address, listener.getsockname()))

    def handle(self, conn: Connection) -> Any:
        """Answer the request of a connection, or give it back to the loop until it is there."""
        if conn.drained is not None:
            return False if conn.drain() else _DEFER
        status = conn.arrived()
        if status == HTTPStatus.CONTINUE:
            conn.go_on()
            return _DEFER
        if status == _GONE:
            return False
        if status == HTTPStatus.OK:
            conn.hand_over()
            if super().handle(conn):
                return True
        else:
            refuse(conn.sock, HTTPStatus(status), "request")
        return False if conn.drain() else _DEFER

    def handle_error(self, req: Any, client: socket, addr: Any, exc: BaseException) -> None:
        """Answer what gunicorn refuses, or what went wrong in it."""
        status = next(
            (status for kind, status in _STATUS_OF if isinstance(exc, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
        )
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("failure", extra={"fields": {"failure": failure(exc)}})
        refuse(client, status, type(exc).__name__)


def refuse(client: socket, status: HTTPStatus, reason: str) -> None:
    """Answer a problem to what never becomes a request, and log that it was."""
    request_id = uuid7()
    code = BY_STATUS.get(status, "internal" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "request-malformed")
    content = msgspec.json.encode(told_problem(code, "zh", request_id, status=status))
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Date: {format_datetime(datetime.now(UTC), usegmt=True)}\r\n"
        f"Connection: close\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Language: zh-CN\r\n"
        f"Content-Length: {len(content)}\r\nX-Request-Id: {request_id}\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    fields = {"request_id": request_id, "status": status.value, "problem": code, "reason": reason}
    log.info("refused", extra={"fields": fields})
    _send(client, head.encode() + content)


def _send(client: socket, data: bytes) -> None:
    """Send a few bytes, without waiting for a client that does not take them."""
    client.setblocking(False)
    with suppress(OSError):
        client.send(data)
