"""The library as it comes: its application, its PostgreSQL recorder, its runner and one simple view."""

from __future__ import annotations

from datetime import date
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Transcoding
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import sql

SERVICES = ("EDU-COMP", "SSI-MED", "HLT-REC", "COM-VISIT")
EVENTS_A_STREAM = 30
DAY = date(2013, 10, 1)


class StockHousehold(Aggregate):
    """A household as the library's tutorial would have it."""

    @event("Registered")
    def __init__(self, community: str) -> None:
        self.community = community
        self.services: list[str] = []

    @event("ServiceGranted")
    def grant(
        self, occurred_on: date, episode_id: UUID, service: str, unit_id: UUID, valid_from: date, valid_to: date | None
    ) -> None:
        self.services.append(service)


class StockCasework(Application[UUID]):
    """The library's application, which knows how to store dates."""

    def register_transcodings(self, transcoder: Any) -> None:
        super().register_transcodings(transcoder)
        transcoder.register(DateAsIso())


class DateAsIso(Transcoding):
    """Dates, which the library leaves to its users."""

    type = date
    name = "date"

    def encode(self, obj: date) -> str:
        return obj.isoformat()

    def decode(self, data: str) -> date:
        return date.fromisoformat(data)


class ServiceCounts(PostgresTrackingRecorder):
    """One simple view: how many services of each kind were granted on a day."""

    def __init__(self, datastore: Any, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        table = sql.SQL("{}.{}").format(sql.Identifier(datastore.schema), sql.Identifier("service_counts"))
        columns = "(day date, service text, granted bigint, PRIMARY KEY (day, service))"
        self.sql_create_statements.append(sql.SQL(f"CREATE TABLE IF NOT EXISTS {{}} {columns}").format(table))
        counting = "ON CONFLICT (day, service) DO UPDATE SET granted = known.granted + 1"
        self.count = sql.SQL(f"INSERT INTO {{}} AS known VALUES (%s, %s, 1) {counting}").format(table)

    def granted(self, day: date, service: str, tracking: Any) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(self.count, (day, service), prepare=True)
            self._insert_tracking(cursor, tracking)


class ServiceCounting(Projection[ServiceCounts]):
    """Keeps the view from each event in turn."""

    name = "service_counting"

    def process_event(self, domain_event: Any, tracking: Any) -> None:
        day = getattr(domain_event, "occurred_on", DAY)
        self.view.granted(day, getattr(domain_event, "service", "registered"), tracking)


def replay_with_the_runner(url: str, events: int) -> tuple[int, float]:
    """Store so many events, let the runner keep the view over them; return how many and the seconds it took."""
    env = environment(url)
    stored = fill(env, events)
    began = perf_counter()
    with ProjectionRunner(
        application_class=StockCasework, projection_class=ServiceCounting, view_class=ServiceCounts, env=env
    ) as runner:
        runner.wait(stored, timeout=3600)
    return stored, perf_counter() - began


def fill(env: dict[str, str], events: int) -> int:
    """Store events by the library's own means; return the last notification's id."""
    app = StockCasework(env)
    last = 0
    for _ in range(max(1, events // EVENTS_A_STREAM)):
        household = StockHousehold("410105001001")
        for number in range(EVENTS_A_STREAM - 1):
            household.grant(DAY, uuid4(), SERVICES[number % len(SERVICES)], uuid4(), DAY, None)
        last = max(recording.notification.id for recording in app.save(household))
    app.close()
    return last


def environment(url: str) -> dict[str, str]:
    """The library's settings for a database."""
    address = urlsplit(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": address.path.removeprefix("/"),
        "POSTGRES_HOST": address.hostname or "127.0.0.1",
        "POSTGRES_PORT": str(address.port or 5432),
        "POSTGRES_USER": unquote(address.username or ""),
        "POSTGRES_PASSWORD": unquote(address.password or ""),
    }
