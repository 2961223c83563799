"""What a monitoring system asks for: how far the views are and what waits, in Prometheus' text format.

Numbers only, of view sets, queues, subscriptions and webhooks; nothing in it is about a household or a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, current_app
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from api.giving import casework
from casework.status import report

bp = Blueprint("metrics", __name__)

VIEWS = {
    "head": (CounterMetricFamily, "Events of households in the log."),
    "position": (CounterMetricFamily, "Events that the view set shows."),
    "lag": (GaugeMetricFamily, "Events that the view set does not show yet."),
    "lag_seconds": (GaugeMetricFamily, "Age of the oldest event that is not shown yet."),
    "registry_lag": (GaugeMetricFamily, "Events of the registry that are not taken in yet."),
    "frozen_seconds": (GaugeMetricFamily, "How long a partition that is behind has not moved."),
    "parked": (GaugeMetricFamily, "Households that could not be computed."),
    "paused": (GaugeMetricFamily, "Partitions that are no longer drained."),
}
SUBSCRIPTIONS = {
    "sequence": (GaugeMetricFamily, "Events that the subscriber says it was given."),
    "lag": (GaugeMetricFamily, "Positions of the log that it has not been past, told or withheld."),
    "lag_seconds": (GaugeMetricFamily, "Age of the oldest of them."),
    "held": (GaugeMetricFamily, "Partitions that wait for an event that cannot be read."),
    "ended": (GaugeMetricFamily, "Whether nothing more is told: its grant has ended."),
}
ERASURES = {
    "unacknowledged": (GaugeMetricFamily, "People who were erased, of whom the subscriber may still hold something."),
    "oldest_seconds": (GaugeMetricFamily, "How long ago the first of them was erased."),
}
QUEUES = {
    "waiting": (GaugeMetricFamily, "Jobs that wait."),
    "oldest_seconds": (GaugeMetricFamily, "How long the oldest job has waited."),
}
WEBHOOKS = {
    "lag": (GaugeMetricFamily, "Positions of the log that the feed was not taken past."),
    "lag_seconds": (GaugeMetricFamily, "Age of the oldest of them, and of what waits."),
    "waiting": (GaugeMetricFamily, "Deliveries that wait."),
    "breaker": (GaugeMetricFamily, "0 closed, 1 half open, 2 open."),
    "active": (GaugeMetricFamily, "Whether anything is sent: the endpoint is verified, and not disabled."),
}
OUTCOMES = ("delivered", "failed", "dead", "withheld")
_BREAKERS = {"closed": 0, "half-open": 1, "open": 2}


class Report(Collector):
    """One look at everything."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.found = found

    def collect(self) -> Iterator[Metric]:
        """Yield each figure with a sample for each of its things; a queue that cannot be asked has none."""
        yield from _families("casework_view", "view", VIEWS, self.found["views"])
        queues = {name: queue for name, queue in self.found["queues"].items() if queue is not None}
        yield from _families("casework_queue", "queue", QUEUES, queues)
        yield from _families("casework_subscription", "subscription", SUBSCRIPTIONS, self.found["subscriptions"])
        yield from _families("casework_erasures", "subscription", ERASURES, self.found["erasures"])
        hooks = {id: _figures(hook) for id, hook in self.found["webhooks"].items()}
        yield from _families("casework_webhook", "subscription", WEBHOOKS, hooks)
        yield _outcomes(self.found["webhooks"])


@bp.get("/metrics")
def metrics() -> Response:
    """Tell all of it."""
    registry = CollectorRegistry()
    known = casework().registry(at_most_old=1)
    registry.register(Report(report(current_app.extensions["settings"], casework().pool, known)))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _figures(hook: Mapping[str, Any]) -> dict[str, Any]:
    return {**hook, "breaker": _BREAKERS[hook["breaker"]], "active": int(hook["state"] == "active")}


def _outcomes(hooks: Mapping[str, Mapping[str, Any]]) -> Metric:
    family = CounterMetricFamily(
        "casework_webhook_deliveries", "Deliveries, and of `failed` tries.", labels=["subscription", "outcome"]
    )
    for id, hook in hooks.items():
        for outcome in OUTCOMES:
            family.add_metric([id, outcome], hook[f"{outcome}_total"])
    return family


def _families(prefix: str, label: str, figures: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Metric]:
    for name, (kind, meaning) in figures.items():
        family = kind(f"{prefix}_{name}", meaning, labels=[label])
        for each, values in found.items():
            value = values[name]
            family.add_metric([each], len(value) if isinstance(value, dict) else value)
        yield family
