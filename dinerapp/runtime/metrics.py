"""What Prometheus is told. Right under several workers through PROMETHEUS_MULTIPROC_DIR."""

from __future__ import annotations

import os
import time
from collections import Counter as Counts
from collections.abc import Callable, Sequence
from functools import cache
from math import nan
from threading import Lock
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, g
from flask.globals import request_ctx
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from blueprints.http.access import PUBLIC, ruled
from blueprints.http.services import services_of
from dinerapp.replication import deadline
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.ports.connections import ConnectionStatus, State
from dinerapp.replication.ports.observer import Observer, Outcome, known_as
from dinerapp.replication.ports.replica import Creditor
from dinerapp.replication.version import Place

services = services_of(ReplicationServices)

COUNTING_SECONDS = 0.25
SAMPLE_EVERY = 1.0
FALLBACKS_TOLD_EVERY = 60.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_CALL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)

_log = structlog.get_logger(__name__)
_registry = CollectorRegistry()

blp = Blueprint("metrics", __name__)

REQUESTS = Counter(
    "diner_requests", "Answered requests", ["method", "route", "status"], registry=_registry
)
REQUEST_SECONDS = Histogram(
    "diner_request_seconds",
    "Time until a request was answered",
    ["method", "route"],
    buckets=_REQUEST_SECONDS,
    registry=_registry,
)
STORE_CALLS = Counter(
    "diner_store_calls",
    "Calls of one store",
    ["store", "role", "operation", "outcome"],
    registry=_registry,
)
STORE_SECONDS = Histogram(
    "diner_store_call_seconds",
    "Time until a store answered or was given up",
    ["store", "operation"],
    buckets=_CALL_SECONDS,
    registry=_registry,
)
FALLBACKS = Counter(
    "diner_fallbacks",
    "Answers of a store that is not the primary, or that is behind",
    ["operation", "store", "known_as"],
    registry=_registry,
)
STATE = Gauge(
    "diner_connection_state",
    "Worker processes that see the connection in this state",
    ["connection", "state"],
    multiprocess_mode="livesum",
    registry=_registry,
)
FAILOVERS = Counter(
    "diner_failovers", "Times a process lost a connection", ["connection"], registry=_registry
)
OWED = Gauge(
    "diner_owed_records",
    "Records that wait to be shipped to a store; NaN when nobody can say",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
PARKED = Gauge(
    "diner_parked_records",
    "Records that a store refuses, which wait for a person; NaN when nobody can say",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
FOLLOW_UPS = Gauge(
    "diner_follow_ups",
    "Records in a store that were written and not followed up yet; NaN when nobody can say",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
PARKED_FOLLOW_UPS = Gauge(
    "diner_parked_follow_ups",
    "Records in a store whose follow-up fails again and again; NaN when nobody can say",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
RELAY_BATCHES = Counter(
    "diner_relay_batches",
    "Batches shipped, or shown to followers",
    ["kind", "to"],
    registry=_registry,
)
RELAY_RECORDS = Counter(
    "diner_relay_records",
    "Records shipped, or shown to followers",
    ["kind", "to"],
    registry=_registry,
)
RELAY_REFUSED = Counter(
    "diner_relay_refused",
    "Tries that a store or follower refused",
    ["kind", "to"],
    registry=_registry,
)
CONFLICTS = Counter("diner_conflicts", "Conflicts filed", ["kind"], registry=_registry)
POOL = Gauge(
    "diner_pool_connections",
    "Connections of all workers' pools: the most there may be (size), open and busy ones",
    ["connection", "what"],
    multiprocess_mode="livesum",
    registry=_registry,
)


class Tally:
    """Counts by name, and says now and then how far it has got."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._untold: Counts[str] = Counts()
        self._told: dict[str, float] = {}
        self._lock = Lock()

    def count(self, name: str) -> int:
        """One more; how many were not told of yet, if it is time to do so, else none."""
        with self._lock:
            self._untold[name] += 1
            now = self._clock()
            if name in self._told and now - self._told[name] < self._seconds:
                return 0
            self._told[name] = now
            return self._untold.pop(name)


class MetricsObserver(Observer):
    """Counts what the two-store machinery does."""

    def __init__(self) -> None:
        self._fallbacks = Tally(FALLBACKS_TOLD_EVERY)

    def called(
        self, place: Place, role: str, operation: str, outcome: Outcome, seconds: float
    ) -> None:
        _labelled(STORE_CALLS, place.value, role, operation, outcome.value).inc()
        _labelled(STORE_SECONDS, place.value, operation).observe(seconds)

    def fell_back(self, operation: str, to: Place) -> None:
        """`[ROOM_MESSAGES_GET_DM] fell back to postgresql`, now and then, and how often it did."""
        name = known_as(operation)
        FALLBACKS.labels(operation, to.value, name).inc()
        count = self._fallbacks.count(name)
        if count:
            _log.info(f"[{name}] fell back to {to}", operation=operation, store=to, count=count)

    def state_changed(self, place: str, state: str) -> None:
        for each in State:
            STATE.labels(place, each.value).set(each == state)
        failed = FAILOVERS.labels(place)
        if state == State.DOWN:
            failed.inc()

    def shipped(self, kind: str, to: Creditor, count: int, refused: int) -> None:
        RELAY_BATCHES.labels(kind, to.value).inc()
        RELAY_RECORDS.labels(kind, to.value).inc(count)
        RELAY_REFUSED.labels(kind, to.value).inc(refused)

    def conflict(self, about: str, reason: str) -> None:
        CONFLICTS.labels(about).inc()


def register_request_metrics(app: Flask) -> None:
    """Counts and times every request."""
    app.before_request(_begin)
    app.after_request(_end)


@blp.get("/metrics")
@ruled(PUBLIC)
def prometheus() -> Response:
    """Everything Prometheus scrapes."""
    with deadline.within(COUNTING_SECONDS):
        status = services().connections.counted_status()
    return Response(page(status), content_type=CONTENT_TYPE_LATEST)


def page(status: Sequence[ConnectionStatus]) -> bytes:
    """All metrics of all workers, with the connections as this one sees them now."""
    for one in status:
        if one.name in list(Place):
            _show(OWED, one.name, one.owed)
            _show(PARKED, one.name, one.parked)
            _show(FOLLOW_UPS, one.name, one.follow_ups)
            _show(PARKED_FOLLOW_UPS, one.name, one.parked_follow_ups)
    return generate_latest(_collected())


def _collected() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return _registry
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _show(gauge: Gauge, store: str, number: int | None) -> None:
    gauge.labels(store).set(nan if number is None else number)


def _show_pool(one: ConnectionStatus) -> None:
    uses = {"size": one.pool.size, "open": one.pool.open, "busy": one.pool.busy}
    for what, number in uses.items():
        POOL.labels(one.name, what).set(number)


def _begin() -> None:
    g.metrics_began = time.perf_counter()


def _end(response: Response) -> Response:
    asked = request_ctx.request
    method = asked.method if asked.method in _METHODS else "other"
    route = asked.url_rule.rule if asked.url_rule else "unknown"
    _labelled(REQUESTS, method, route, str(response.status_code)).inc()
    began: float | None = g.pop("metrics_began", None)
    if began is not None:
        ended = time.perf_counter()
        _labelled(REQUEST_SECONDS, method, route).observe(ended - began)
        _sample_pools(ended)
    return response


@cache
def _labelled(metric: Any, *labels: str) -> Any:
    """The metric with these labels, which the library takes longer to find than to count."""
    return metric.labels(*labels)


def _sample_pools(now: float) -> None:
    """Now and then: only the process that owns a pool can say how full it is."""
    global _sampled
    if now - _sampled < SAMPLE_EVERY:
        return
    _sampled = now
    for one in services().connections.status():
        _show_pool(one)


_sampled = 0.0
