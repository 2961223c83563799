"""The process of streams: gunicorn with gevent, so that a client that waits costs a little memory and no thread.

Whoever starts it has to have patched the standard library before this is imported (``api.serve_streams``).
"""

from __future__ import annotations

import atexit
from socket import socket
from typing import Any

from flask import Flask
from gunicorn.workers.ggevent import GeventWorker

from api.serve import Server, options
from api.worker import Worker as ThreadedWorker
from api.wsgi import application
from casework.projections.reading import Unheard
from casework.streams.tail import Tail

MOST_CLIENTS = 4000
STOP_SECONDS = 2
"""How long it waits for streams that go on: they never end by themselves."""


class Worker(GeventWorker):
    """gevent's worker; what it refuses by itself is answered as the API's own does."""

    def handle_error(self, req: Any, client: socket, addr: Any, exc: BaseException) -> None:
        """Answer what gunicorn refuses, or what went wrong in it."""
        ThreadedWorker.handle_error(self, req, client, addr, exc)


class StreamServer(Server):
    """gunicorn, told by our settings for streams."""

    def told(self) -> dict[str, Any]:
        """Return gunicorn's settings."""
        host = f"[{self.settings.api_host}]" if ":" in self.settings.api_host else self.settings.api_host
        return {
            **options(self.settings),
            "bind": [f"{host}:{self.settings.streams_port}"],
            "workers": 1,
            "worker_class": "api.streaming.Worker",
            "worker_connections": MOST_CLIENTS,
            "graceful_timeout": STOP_SECONDS,
            "proc_name": "casework-streams",
        }

    def load(self) -> Flask:
        """Build the application, and begin to read for all of its streams."""
        app = application(self.settings)
        moves = app.extensions.get("appended") or Unheard()
        tail = app.extensions["tail"] = Tail(app.extensions["casework"], app.extensions["feeds"], moves)
        atexit.register(tail.close)
        return app
