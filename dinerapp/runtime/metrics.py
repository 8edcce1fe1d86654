"""Prometheus metrics. With several workers PROMETHEUS_MULTIPROC_DIR must be set."""

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

from blueprints.http.access import PUBLIC, set_rule
from blueprints.http.services import services_of
from dinerapp.replication import deadline
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.ports.connections import ConnectionState, ConnectionStatus
from dinerapp.replication.ports.observer import CallOutcome, Observer, display_name
from dinerapp.replication.ports.replica import Target
from dinerapp.replication.version import StoreId

services = services_of(ReplicationServices)

COUNTING_SECONDS = 0.25
POOL_SAMPLE_SECONDS = 1.0
FALLBACK_LOG_SECONDS = 60.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_CALL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)

_log = structlog.get_logger(__name__)
_registry = CollectorRegistry()

blp = Blueprint("metrics", __name__)

REQUESTS = Counter(
    "diner_requests", "Requests handled", ["method", "route", "status"], registry=_registry
)
REQUEST_SECONDS = Histogram(
    "diner_request_seconds",
    "Time to handle a request",
    ["method", "route"],
    buckets=_REQUEST_SECONDS,
    registry=_registry,
)
STORE_CALLS = Counter(
    "diner_store_calls",
    "Calls to a store",
    ["store", "role", "operation", "outcome"],
    registry=_registry,
)
STORE_SECONDS = Histogram(
    "diner_store_call_seconds",
    "Duration of calls to a store, including those that failed",
    ["store", "operation"],
    buckets=_CALL_SECONDS,
    registry=_registry,
)
FALLBACKS = Counter(
    "diner_fallbacks",
    "Calls served by a store that is not the primary, or that is catching up",
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
OUTBOX_RECORDS = Gauge(
    "diner_owed_records",
    "Records that are yet to be shipped to a store; NaN if unknown",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
DEAD_LETTERS = Gauge(
    "diner_parked_records",
    "Records that a store refused until they were given up (dead letters); NaN if unknown",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
FOLLOW_UPS = Gauge(
    "diner_follow_ups",
    "Records in a store that are yet to be dispatched to followers; NaN if unknown",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
FOLLOW_UP_DEAD_LETTERS = Gauge(
    "diner_parked_follow_ups",
    "Records in a store that followers refused until they were given up; NaN if unknown",
    ["store"],
    multiprocess_mode="mostrecent",
    registry=_registry,
)
RELAY_BATCHES = Counter(
    "diner_relay_batches",
    "Batches shipped to a store or dispatched to followers",
    ["kind", "to"],
    registry=_registry,
)
RELAY_RECORDS = Counter(
    "diner_relay_records",
    "Records shipped to a store or dispatched to followers",
    ["kind", "to"],
    registry=_registry,
)
RELAY_REFUSED = Counter(
    "diner_relay_refused",
    "Records that a store or a follower refused, counted at each try",
    ["kind", "to"],
    registry=_registry,
)
CONFLICTS = Counter("diner_conflicts", "Conflicts stored", ["kind"], registry=_registry)
POOL = Gauge(
    "diner_pool_connections",
    "Connections in the pools of all workers: maximum (size), open, and busy",
    ["connection", "what"],
    multiprocess_mode="livesum",
    registry=_registry,
)


class ThrottledCounter:
    """Counts by name, and reports each count at most once per interval."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._unreported: Counts[str] = Counts()
        self._reported_at: dict[str, float] = {}
        self._lock = Lock()

    def count(self, name: str) -> int:
        """Counts one more; returns how many are unreported if it is time to report, else 0."""
        with self._lock:
            self._unreported[name] += 1
            now = self._clock()
            if name in self._reported_at and now - self._reported_at[name] < self._seconds:
                return 0
            self._reported_at[name] = now
            return self._unreported.pop(name)


class MetricsObserver(Observer):
    """Counts what replication does."""

    def __init__(self) -> None:
        self._fallbacks = ThrottledCounter(FALLBACK_LOG_SECONDS)

    def call_finished(
        self, store_id: StoreId, role: str, operation: str, outcome: CallOutcome, seconds: float
    ) -> None:
        _with_labels(STORE_CALLS, store_id.value, role, operation, outcome.value).inc()
        _with_labels(STORE_SECONDS, store_id.value, operation).observe(seconds)

    def fell_back(self, operation: str, store_id: StoreId) -> None:
        """Also logs `[ROOM_MESSAGES_GET_DM] fell back to postgresql` now and then, with a count."""
        name = display_name(operation)
        FALLBACKS.labels(operation, store_id.value, name).inc()
        count = self._fallbacks.count(name)
        if count:
            _log.info(
                f"[{name}] fell back to {store_id}",
                operation=operation,
                store=store_id,
                count=count,
            )

    def state_changed(self, connection: str, state: str) -> None:
        for known_state in ConnectionState:
            STATE.labels(connection, known_state.value).set(known_state == state)
        failovers = FAILOVERS.labels(connection)
        if state == ConnectionState.DOWN:
            failovers.inc()

    def shipped(self, kind: str, target: Target, count: int, refused: int) -> None:
        RELAY_BATCHES.labels(kind, target.value).inc()
        RELAY_RECORDS.labels(kind, target.value).inc(count)
        RELAY_REFUSED.labels(kind, target.value).inc(refused)

    def conflict_filed(self, about: str, reason: str) -> None:
        CONFLICTS.labels(about).inc()


def register_request_metrics(app: Flask) -> None:
    """Counts and times every request."""
    app.before_request(_begin_request)
    app.after_request(_count_request)


@blp.get("/metrics")
@set_rule(PUBLIC)
def prometheus() -> Response:
    """The endpoint that Prometheus scrapes."""
    with deadline.within(COUNTING_SECONDS):
        statuses = services().connections.status_with_counts()
    return Response(render(statuses), content_type=CONTENT_TYPE_LATEST)


def render(statuses: Sequence[ConnectionStatus]) -> bytes:
    """The metrics of all workers, with the connections as this one sees them now."""
    for status in statuses:
        if status.name in list(StoreId):
            _set_gauge(OUTBOX_RECORDS, status.name, status.owed)
            _set_gauge(DEAD_LETTERS, status.name, status.parked)
            _set_gauge(FOLLOW_UPS, status.name, status.follow_ups)
            _set_gauge(FOLLOW_UP_DEAD_LETTERS, status.name, status.parked_follow_ups)
    return generate_latest(_collect())


def _collect() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return _registry
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _set_gauge(gauge: Gauge, store: str, number: int | None) -> None:
    gauge.labels(store).set(nan if number is None else number)


def _set_pool_gauges(status: ConnectionStatus) -> None:
    uses = {"size": status.pool.size, "open": status.pool.open, "busy": status.pool.busy}
    for what, number in uses.items():
        POOL.labels(status.name, what).set(number)


def _begin_request() -> None:
    g.metrics_started_at = time.perf_counter()


def _count_request(response: Response) -> Response:
    request = request_ctx.request
    method = request.method if request.method in _METHODS else "other"
    route = request.url_rule.rule if request.url_rule else "unknown"
    _with_labels(REQUESTS, method, route, str(response.status_code)).inc()
    started_at: float | None = g.pop("metrics_started_at", None)
    if started_at is not None:
        now = time.perf_counter()
        _with_labels(REQUEST_SECONDS, method, route).observe(now - started_at)
        _sample_pools(now)
    return response


@cache
def _with_labels(metric: Any, *labels: str) -> Any:
    """The metric with these labels, cached: the library's lookup takes longer than counting."""
    return metric.labels(*labels)


def _sample_pools(now: float) -> None:
    """Samples the pools now and then: only the process that owns a pool knows its usage."""
    global _sampled_at
    if now - _sampled_at < POOL_SAMPLE_SECONDS:
        return
    _sampled_at = now
    for status in services().connections.status():
        _set_pool_gauges(status)


_sampled_at = 0.0
