"""How much of a request has arrived, told from its bytes alone: so no thread ever waits for the rest of one.

It only says when a request can be read without waiting, or will not be; what it means is for gunicorn's parser to say.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from time import monotonic

from api.body import MOST_BYTES
from casework.bulk.sheets import MOST_BYTES as MOST_UPLOADED

MOST_HEAD = 1 << 16
MOST_SECONDS = 30
"""How long a request may take to arrive."""

UPLOAD_SECONDS = 300
_UPLOAD = re.compile(rb"POST /v1/imports/?[? ]")
"""A request that brings a file: it may be larger, and take longer."""

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n", re.IGNORECASE)


class Arriving:
    """The bytes of one request so far; ``status`` is 100 where more must come, 200 where it is whole, else a refusal.

    ``waits`` says that the client waits to be told to go on, before it sends the body.
    """

    def __init__(self) -> None:
        self.held = bytearray()
        self.ends = monotonic() + MOST_SECONDS
        self.status: int = HTTPStatus.CONTINUE
        self.waits = False
        self._body: int | None = None
        self._length = 0
        self._chunk: int | None = None
        self._data = 0
        self._most = MOST_BYTES

    def take(self, data: bytes) -> int:
        """Take what has come, and return the status."""
        self.held += data
        if self._body is None:
            while self.held.startswith(b"\r\n"):
                del self.held[:2]
            self._read_head(self.held.find(b"\r\n\r\n", max(0, len(self.held) - len(data) - 3)))
        self.status = self._judged()
        return self.status

    def _judged(self) -> int:
        if self._body is None:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if len(self.held) > MOST_HEAD else HTTPStatus.CONTINUE
        if self._chunk is not None:
            return self._chunks(self._chunk)
        if self._length > self._most:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return HTTPStatus.OK if len(self.held) >= self._body + self._length else HTTPStatus.CONTINUE

    def _read_head(self, end: int) -> None:
        if end < 0:
            return
        head = bytes(self.held[: end + 2])
        if _EXPECT.search(head):
            # The worker answers it, so gunicorn shall not tell the client twice.
            self.waits, head = True, _EXPECT.sub(b"", head)
            self.held[: end + 2] = head
        self._body = len(head) + 2
        if _UPLOAD.match(head):
            self._most, self.ends = MOST_UPLOADED, self.ends - MOST_SECONDS + UPLOAD_SECONDS
        length = _LENGTH.search(head)
        if length is not None:
            self._length = int(length[1])
        elif _CHUNKED.search(head):
            self._chunk = self._body

    def _chunks(self, at: int) -> int:
        """Walk on over the chunks that are whole; what is no chunk is for the parser to refuse."""
        while chunk := _CHUNK.match(self.held, at):
            size = int(chunk[1], 16)
            if size == 0:
                ended = self.held.find(b"\r\n\r\n", chunk.end() - 2) >= 0
                return HTTPStatus.OK if ended or len(self.held) - at > MOST_HEAD else HTTPStatus.CONTINUE
            after = chunk.end() + size + 2
            if self._data + size > self._most:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            if after > len(self.held):
                break
            self._data += size
            self._chunk = at = after
        if chunk is None and self.held.find(b"\r\n", at) >= 0:
            return HTTPStatus.OK
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if len(self.held) > 2 * self._most else HTTPStatus.CONTINUE
