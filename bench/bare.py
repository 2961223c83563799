"""What the API is measured against: a Flask view that inserts one row, and does nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Flask, request
from gunicorn.app.base import BaseApplication

from api.serve import options
from casework.config import Settings
from casework.wiring import open_log

INSERT = """
INSERT INTO public.bare (household_id, service, delivered_on) VALUES (%s, %s, %s) RETURNING id"""


def application(settings: Settings) -> Flask:
    """Return the application of one process, on a pool like ours."""
    app = Flask("bare", static_folder=None)
    pool = open_log(settings, max_size=settings.api_threads + 4)

    @app.post("/v1/households/<uuid:household_id>/deliveries")
    def deliver(household_id: UUID) -> tuple[dict[str, Any], int]:
        body = request.get_json()
        with pool.connection() as db:
            row = db.execute(INSERT, (household_id, body["service"], body["delivered_on"])).fetchone()
        return {"id": row and row[0]}, 201

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with the settings that the API has."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn where to listen and how to work."""
        for name, value in options(self.settings).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application: called in each worker process."""
        return application(self.settings)


if __name__ == "__main__":
    Server(Settings.from_env()).run()
