"""Alerts: signed, tried again, and never in anybody's way."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from adapters.webhooks import alerts as webhook
from adapters.webhooks.alerts import Webhook, connect_receivers
from dinerapp import signals
from dinerapp.settings import Settings

SECRET = "alarm-secret"


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with `answers` first and 204 from then on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.hangs = threading.Event()
        self.free = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/alerts/path-secret"

    def wait_for(self, number: int) -> None:
        give_up = time.monotonic() + 5
        while len(self.got) < number:
            assert time.monotonic() < give_up, f"{len(self.got)} of {number} arrived"
            time.sleep(0.01)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        if self.server.hangs.is_set():
            self.server.free.wait(10)
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_args: Any) -> None: ...


@pytest.fixture(autouse=True)
def every_line() -> None:
    """Whatever level other tests of this process have set."""
    structlog.reset_defaults()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.free.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def connected(receiver: Receiver) -> Iterator[Receiver]:
    settings = Settings(alert_webhook_url=receiver.url, alert_webhook_secret=SECRET)
    connect_receivers(settings)
    webhook._lost.clear()
    yield receiver
    receiver.free.set()
    for each in webhook._webhooks:
        each.close()
    connect_receivers(Settings())
    webhook._lost.clear()


def test_a_lost_connection_is_told_and_signed(connected: Receiver) -> None:
    signals.announce(signals.connection_lost, None, place="mongodb", reason="refused")
    connected.wait_for(1)
    headers, body = connected.got[0]
    told = json.loads(body)
    assert (told["event"], told["connection"], told["reason"]) == (
        "connection_lost", "mongodb", "refused",
    )  # fmt: skip
    assert {"at", "host", "pid"} <= set(told)
    moment, signed = headers["X-Diner-Signature"].removeprefix("t=").split(",v1=")
    expected = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256)
    assert hmac.compare_digest(signed, expected.hexdigest())
    assert abs(time.time() - int(moment)) < 10


def test_a_recovery_is_told_with_its_length(connected: Receiver) -> None:
    signals.announce(signals.connection_lost, None, place="mongodb", reason="refused")
    signals.announce(signals.connection_restored, None, place="mongodb", seconds=3.5)
    connected.wait_for(2)
    told = json.loads(connected.got[1][1])
    assert (told["event"], told["seconds"]) == ("connection_restored", 3.5)


def test_the_first_connection_of_a_process_is_no_news(connected: Receiver) -> None:
    signals.announce(signals.connection_restored, None, place="mongodb", seconds=0.1)
    signals.announce(signals.connection_slow, None, place="mongodb", seconds=0.4)
    connected.wait_for(1)
    assert [json.loads(body)["event"] for _, body in connected.got] == ["connection_slow"]


@pytest.mark.parametrize("answer", [500, 302])
def test_an_alert_that_is_refused_is_sent_again(receiver: Receiver, answer: int) -> None:
    receiver.answers = [answer, answer]
    alerts = Webhook(receiver.url, SECRET, first_wait=0.01)
    alerts.tell("connection_lost", "mongodb", reason="refused")
    receiver.wait_for(3)
    alerts.close()
    assert len({body for _, body in receiver.got}) == 1


def test_a_receiver_that_hangs_delays_nobody(receiver: Receiver) -> None:
    receiver.hangs.set()
    alerts = Webhook(receiver.url, SECRET)
    began = time.monotonic()
    with capture_logs() as lines:
        for _ in range(2 * webhook.ROOM):
            alerts.tell("connection_slow", "mongodb", seconds=0.4)
    assert time.monotonic() - began < 0.5
    assert "alert_dropped" in {line["event"] for line in lines}
    receiver.free.set()
    alerts.close()


def test_what_is_waiting_is_sent_when_the_process_ends(receiver: Receiver) -> None:
    alerts = Webhook(receiver.url, SECRET)
    for number in range(5):
        alerts.tell("connection_slow", "mongodb", seconds=number)
    alerts.close()
    assert len(receiver.got) == 5


def test_the_end_of_the_process_waits_two_seconds_at_most(receiver: Receiver) -> None:
    receiver.hangs.set()
    alerts = Webhook(receiver.url, SECRET)
    alerts.tell("connection_slow", "mongodb", seconds=1)
    receiver.wait_for(1)
    began = time.monotonic()
    alerts.close()
    assert 1.5 < time.monotonic() - began < 2.5


def test_an_alert_that_cannot_be_sent_is_logged_without_secrets() -> None:
    alerts = Webhook("http://127.0.0.1:9/alerts/path-secret", SECRET, first_wait=0.001)
    with capture_logs() as lines:
        alerts.tell("connection_lost", "mongodb", reason="refused")
        alerts.close()
    [line] = [line for line in lines if line["event"] == "alert_undelivered"]
    assert line["log_level"] == "warning"
    assert SECRET not in str(lines)
    assert "path-secret" not in str(lines)
