"""Alerts: signed, tried again, and never in anybody's way."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from adapters.webhooks import alerts as webhook
from adapters.webhooks.alerts import AlertSender, connect_receivers
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.replication.signals import (
    announce,
    connection_lost,
    connection_restored,
    connection_slow,
)
from dinerapp.webhooks.domain.signing import signed_headers
from tests.servers.receiver import WebhookReceiver, running_receiver

SECRET = "alarm-secret"


def retry_policy(first_delay: float) -> RetryPolicy:
    return RetryPolicy(max_tries=5, first_delay=timedelta(seconds=first_delay))


@pytest.fixture(autouse=True)
def every_line() -> None:
    """Whatever level other tests of this process have set."""
    structlog.reset_defaults()


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with running_receiver() as server:
        yield server


@pytest.fixture
def connected(receiver: WebhookReceiver) -> Iterator[WebhookReceiver]:
    connect_receivers(receiver.url, SECRET)
    webhook._lost_connections.clear()
    yield receiver
    receiver.free.set()
    for each in webhook._senders:
        each.close()
    connect_receivers(None, "")
    webhook._lost_connections.clear()


def test_a_lost_connection_is_told_and_signed(connected: WebhookReceiver) -> None:
    announce(connection_lost, None, store="mongodb", reason="refused")
    connected.wait_for(1)
    headers, body = connected.requests[0]
    told = json.loads(body)
    assert (told["event"], told["connection"], told["reason"]) == (
        "connection_lost", "mongodb", "refused",
    )  # fmt: skip
    assert {"at", "host", "pid"} <= set(told)
    moment, signed = headers["X-Diner-Signature"].removeprefix("t=").split(",v1=")
    expected = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256)
    assert hmac.compare_digest(signed, expected.hexdigest())
    assert abs(time.time() - int(moment)) < 10
    standard = signed_headers(SECRET, headers["Webhook-Id"], int(moment), body)
    assert headers["Webhook-Timestamp"] == moment
    assert headers["Webhook-Signature"] == standard["webhook-signature"]


def test_a_recovery_is_told_with_its_length(connected: WebhookReceiver) -> None:
    announce(connection_lost, None, store="mongodb", reason="refused")
    announce(connection_restored, None, store="mongodb", seconds=3.5)
    connected.wait_for(2)
    told = json.loads(connected.requests[1][1])
    assert (told["event"], told["seconds"]) == ("connection_restored", 3.5)


def test_the_first_connection_of_a_process_is_no_news(connected: WebhookReceiver) -> None:
    announce(connection_restored, None, store="mongodb", seconds=0.1)
    announce(connection_slow, None, store="mongodb", seconds=0.4)
    connected.wait_for(1)
    assert [json.loads(body)["event"] for _, body in connected.requests] == ["connection_slow"]


@pytest.mark.parametrize("answer", [500, 302])
def test_an_alert_that_is_refused_is_sent_again(receiver: WebhookReceiver, answer: int) -> None:
    receiver.answers = [answer, answer]
    alerts = AlertSender(receiver.url, SECRET, retry_policy=retry_policy(0.01))
    alerts.enqueue("connection_lost", "mongodb", reason="refused")
    receiver.wait_for(3)
    alerts.close()
    assert len({body for _, body in receiver.requests}) == 1
    assert len({headers["Webhook-Id"] for headers, _ in receiver.requests}) == 1


def test_a_receiver_that_hangs_delays_nobody(receiver: WebhookReceiver) -> None:
    receiver.hangs.set()
    alerts = AlertSender(receiver.url, SECRET)
    began = time.monotonic()
    with capture_logs() as lines:
        for _ in range(2 * webhook.QUEUE_SIZE):
            alerts.enqueue("connection_slow", "mongodb", seconds=0.4)
    assert time.monotonic() - began < 0.5
    assert "alert_dropped" in {line["event"] for line in lines}
    receiver.free.set()
    alerts.close()


def test_what_is_waiting_is_sent_when_the_process_ends(receiver: WebhookReceiver) -> None:
    alerts = AlertSender(receiver.url, SECRET)
    for number in range(5):
        alerts.enqueue("connection_slow", "mongodb", seconds=number)
    alerts.close()
    assert len(receiver.requests) == 5


def test_the_end_of_the_process_waits_two_seconds_at_most(receiver: WebhookReceiver) -> None:
    receiver.hangs.set()
    alerts = AlertSender(receiver.url, SECRET)
    alerts.enqueue("connection_slow", "mongodb", seconds=1)
    receiver.wait_for(1)
    began = time.monotonic()
    alerts.close()
    assert 1.5 < time.monotonic() - began < 2.5


def test_an_alert_that_cannot_be_sent_is_logged_without_secrets() -> None:
    alerts = AlertSender(
        "http://127.0.0.1:9/alerts/path-secret", SECRET, retry_policy=retry_policy(0.001)
    )
    with capture_logs() as lines:
        alerts.enqueue("connection_lost", "mongodb", reason="refused")
        alerts.close()
    [line] = [line for line in lines if line["event"] == "alert_undelivered"]
    assert line["log_level"] == "warning"
    assert SECRET not in str(lines)
    assert "path-secret" not in str(lines)
