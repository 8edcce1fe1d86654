"""Sends deliveries to webhooks: signed, and retried until they succeed or are given up.

Any number of processes share the work. A process claims a delivery first, by an update that only
one of them can make; if it dies, the delivery becomes due again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from random import Random
from threading import Lock, Thread

import orjson
import structlog

from dinerapp.replication.errors import DinerError, NotFound, Rejection
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.record import utc_now
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.webhooks.domain.deliveries import Attempt, DeliveryState, WebhookDelivery
from dinerapp.webhooks.domain.signing import legacy_signature, signed_headers
from dinerapp.webhooks.domain.webhooks import Webhook
from dinerapp.webhooks.ports.deliveries import Deliveries
from dinerapp.webhooks.ports.posting import NotSent, Post
from dinerapp.webhooks.ports.webhooks import Webhooks
from dinerapp.webhooks.signals import deliveries_due

_log = structlog.get_logger(__name__)

BATCH_SIZE = 100
MAX_LANES = 16
IDLE_SECONDS = 1.0
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 10.0
PURGE_SECONDS = 600.0
NO_WEBHOOK = "the webhook was removed or deactivated"
USER_AGENT = "Dinerapp-Webhooks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderSettings:
    """How long a lease lasts, how deliveries are retried, and how long they are kept."""

    lease: timedelta
    retry_policy: RetryPolicy
    retention: timedelta


class WebhookSender:
    """Sends on one lane for each webhook with due deliveries, so that none waits for another. After
    a failure this process pauses that webhook before it tries the next delivery.

    `step` starts lanes and has no thread of its own; `wake` is called when a step is needed.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        post: Post,
        settings: SenderSettings,
        *,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._wake = wake
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._post = post
        self._settings = settings
        self._now = now
        self._jitter = Random()  # noqa: S311 it only spreads retries
        self._lock = Lock()
        self._lanes: dict[str, Thread] = {}
        self._backoffs: dict[str, tuple[float, float]] = {}
        self._purged_at = time.monotonic()
        self._is_closed = False
        deliveries_due.connect(self._on_due)

    def open(self) -> None:
        """Allows lanes to be started."""
        self._is_closed = False

    def close(self, seconds: float = 2.0) -> None:
        """Starts no more lanes, and waits a moment for running ones: an interrupted delivery is
        sent again later."""
        self._is_closed = True
        give_up = time.monotonic() + seconds
        for lane in [*self._lanes.values()]:
            lane.join(max(0.0, give_up - time.monotonic()))

    def step(self) -> float:
        """Starts a lane for every webhook with due deliveries; returns the seconds until the next
        step."""
        try:
            self._purge_if_due()
            found = self._due()
        except DinerError as exc:
            _log.debug("sender_interrupted", reason=str(exc))
            return IDLE_SECONDS
        for webhook_id, deliveries in found:
            self._start(webhook_id, deliveries)
        return 0.0 if found else IDLE_SECONDS

    def _on_due(self, _sender: object) -> None:
        self._wake()

    def _due(self) -> list[tuple[str, list[WebhookDelivery]]]:
        engaged = self._busy_webhooks()
        if self._is_closed or len(self._lanes) >= MAX_LANES:
            return []
        due = self._deliveries.due(self._now(), BATCH_SIZE, engaged)
        by_webhook = sorted(due, key=attrgetter("webhook_id"))
        found = groupby(by_webhook, key=attrgetter("webhook_id"))
        return [(webhook_id, list(due_deliveries)) for webhook_id, due_deliveries in found]

    def _busy_webhooks(self) -> list[str]:
        """Webhooks that have a lane or are paused."""
        now = time.monotonic()
        with self._lock:
            paused = [key for key, (until, _) in self._backoffs.items() if until > now]
            return [*self._lanes, *paused]

    def _start(self, webhook_id: str, deliveries: Sequence[WebhookDelivery]) -> None:
        def run() -> None:
            try:
                self._run_lane(webhook_id, deliveries)
            except DinerError as exc:
                _log.debug("lane_interrupted", webhook_id=webhook_id, reason=str(exc))
            finally:
                with self._lock:
                    del self._lanes[webhook_id]
                self._wake()

        with self._lock:
            if webhook_id in self._lanes or len(self._lanes) >= MAX_LANES:
                return
            lane = Thread(target=run, name=f"webhook-{webhook_id}", daemon=True)
            self._lanes[webhook_id] = lane
        lane.start()

    def _run_lane(self, webhook_id: str, deliveries: Sequence[WebhookDelivery]) -> None:
        for delivery in deliveries:
            if self._is_closed:
                return
            claimed = self._claim(delivery)
            if claimed is not None and not self._try_delivery(claimed):
                return

    def _try_delivery(self, claimed: WebhookDelivery) -> bool:
        """Tries the delivery; returns whether the webhook is likely to accept the next one."""
        webhook = self._active_webhook(claimed.webhook_id)
        if webhook is None:
            not_sent = Attempt(at=self._now(), duration_ms=0, error=NO_WEBHOOK)
            self._record_attempt(claimed, not_sent, None)
            return True
        attempt = self._attempt(webhook, claimed)
        retry_delay = self._settings.retry_policy.delay(claimed.tries + 1, self._jitter.random())
        self._record_attempt(claimed, attempt, retry_delay)
        self._update_backoff(webhook.id, attempt)
        return attempt.succeeded

    def _active_webhook(self, webhook_id: str) -> Webhook | None:
        try:
            webhook = self._webhooks.get(webhook_id)
        except NotFound:
            return None
        return webhook if webhook.active else None

    def _claim(self, delivery: WebhookDelivery) -> WebhookDelivery | None:
        """Claims the delivery; None if another process was first."""
        now = self._now()
        lease_until = now + self._settings.lease
        return self._save(delivery.with_lease(lease_until, op_id=new_op_id(), now=now))

    def _attempt(self, webhook: Webhook, delivery: WebhookDelivery) -> Attempt:
        at, started_at = self._now(), time.perf_counter()
        status, error = None, None
        body = orjson.dumps(delivery.payload, option=orjson.OPT_SORT_KEYS)
        try:
            status = self._post(webhook.url, body, _headers(webhook, delivery, at, body))
        except NotSent as exc:
            error = exc.reason
        duration = round((time.perf_counter() - started_at) * 1000)
        return Attempt(at=at, duration_ms=duration, status=status, error=error)

    def _record_attempt(
        self, delivery: WebhookDelivery, attempt: Attempt, retry_delay: timedelta | None
    ) -> None:
        after = delivery.with_attempt(attempt, retry_delay, op_id=new_op_id(), now=self._now())
        self._save(after)
        if after.state is DeliveryState.GIVEN_UP:
            _log.warning(
                "webhook_given_up",
                webhook_id=delivery.webhook_id,
                delivery_id=delivery.id,
                tries=after.tries,
                status=attempt.status,
                error=attempt.error,
            )

    def _save(self, delivery: WebhookDelivery) -> WebhookDelivery | None:
        """Saves the delivery; None if another process has changed or deleted it."""
        try:
            return self._deliveries.save(delivery)
        except Rejection:
            return None

    def _update_backoff(self, webhook_id: str, attempt: Attempt) -> None:
        with self._lock:
            if attempt.succeeded:
                self._backoffs.pop(webhook_id, None)
                return
            _, last = self._backoffs.get(webhook_id, (0.0, FIRST_BACKOFF_SECONDS / 2))
            backoff = min(2 * last, MAX_BACKOFF_SECONDS)
            self._backoffs[webhook_id] = time.monotonic() + backoff, backoff

    def _purge_if_due(self) -> None:
        if time.monotonic() - self._purged_at >= PURGE_SECONDS:
            self._purged_at = time.monotonic()
            self.purge()

    def purge(self) -> int:
        """Deletes deliveries that are past their retention, a batch at a time; returns how many."""
        now, purged = self._now(), 0
        while not self._is_closed:
            old = self._deliveries.made_before(now - self._settings.retention, BATCH_SIZE)
            saved = [self._save(it.as_deleted(op_id=new_op_id(), now=now)) for it in old]
            purged += len(old) - saved.count(None)
            if saved.count(None) or len(old) < BATCH_SIZE:
                break
        return purged


def _headers(
    webhook: Webhook, delivery: WebhookDelivery, at: datetime, body: bytes
) -> Mapping[str, str]:
    moment = int(at.timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Diner-Event": delivery.event,
        "X-Diner-Delivery": delivery.id,
        **signed_headers(webhook.secret, delivery.id, moment, body),
        "X-Diner-Timestamp": str(moment),
        "X-Diner-Signature": f"sha256={legacy_signature(webhook.secret, moment, body)}",
    }
