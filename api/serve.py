"""``casework serve``: the API behind gunicorn, several processes of several threads."""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from api.wsgi import application
from casework.config import Settings
from casework.errors import CaseworkError
from casework.tokens import make_signing_key
from casework.wiring import closing_casework

REQUEST_SECONDS = 30
STOP_SECONDS = 8


class Server(BaseApplication):
    """gunicorn, told by our settings alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn where to listen and how to work."""
        for name, value in self.told().items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def told(self) -> dict[str, Any]:
        """Return gunicorn's settings."""
        return options(self.settings)

    def load(self) -> Flask:
        """Build the application: called in each worker process."""
        return application(self.settings)


def options(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's settings."""
    host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
    return {
        "bind": [f"{host}:{settings.api_port}"],
        "workers": settings.api_processes,
        "threads": settings.api_threads,
        "worker_class": "api.worker.Worker",
        "logger_class": "api.logs.ServerLog",
        "timeout": REQUEST_SECONDS,
        "graceful_timeout": STOP_SECONDS,
        "keepalive": 15,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": settings.log_level,
        "proc_name": "casework-api",
        "worker_tmp_dir": "/dev/shm",
        "control_socket_disable": True,
    }


def serve(settings: Settings) -> None:
    """Answer the API until a signal ends it."""
    if settings.jwks == str(settings.keys_dir / "jwks.json"):
        make_signing_key(settings.keys_dir)
    with closing_casework(settings):
        pass  # what may not be opened is refused here, and not by one worker process after the other
    Server(settings).run()


if __name__ == "__main__":
    try:
        serve(Settings.from_env())
    except CaseworkError as error:
        sys.exit(str(error))
