"""Webhooks as managers set them up, and as their receivers hear of orders."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from adapters.embedded.tcp_ports import free_port
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.coupons import Coupons
from dinerapp.ordering.ports.orders import Orders
from dinerapp.replication import conflicts
from dinerapp.replication.events import RecordEvent
from dinerapp.replication.identity import derived_id
from dinerapp.replication.record import utc_now
from dinerapp.replication.version import StoreId
from dinerapp.runtime import wiring
from dinerapp.runtime.registry import WINGS
from dinerapp.runtime.wing import BuiltWing, Wing
from dinerapp.webhooks.container import WebhookServices
from dinerapp.webhooks.domain.event_sources import EventSource
from dinerapp.webhooks.domain.signing import signed_headers
from dinerapp.webhooks.services import sender
from tests.blueprints.api_helpers import (
    add_dish,
    client_of,
    description_of,
    idempotency_headers,
    order_for,
    place_order,
    services_of,
)
from tests.servers.receiver import WebhookReceiver, running_receiver

NOBODY = "01a1fd5b-738a-7340-82a6-7288b9785b65"
TOLD: dict[str, Any] = {
    "webhook_private_addresses": True,
    "webhook_timeout": 0.5,
    "webhook_first_wait": 0.01,
}


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with client_of(**TOLD, webhook_tries=3) as client:
        yield client


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(sender, "IDLE_SECONDS", 0.1)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with running_receiver() as server:
        yield server


@pytest.fixture
def hook(client: FlaskClient, receiver: WebhookReceiver) -> Iterator[dict[str, Any]]:
    made = added(client, url=receiver.url)
    yield made
    client.delete(f"/api/webhooks/{made['id']}")


def added(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/webhooks", json={"url": "https://example.org/hook", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def ordered(client: FlaskClient) -> dict[str, Any]:
    return place_order(client, order_for(add_dish(client), notes="no onions"))


def until(done: Callable[[], Any], seconds: float = 8) -> Any:
    give_up = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return found


def deliveries(client: FlaskClient, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/webhooks/{hook['id']}/deliveries{query}").json[
        "items"
    ]
    return found


def attempts(client: FlaskClient, hook: dict[str, Any]) -> list[dict[str, Any]]:
    return [attempt for one in deliveries(client, hook) for attempt in one["attempts"]]


def events(receiver: WebhookReceiver) -> list[str]:
    return [headers["X-Diner-Event"] for headers, _ in receiver.requests]


def test_an_order_is_told_step_by_step(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    order = ordered(client)
    path = f"/api/orders/{order['id']}"
    receiver.wait_for(1)
    client.patch(f"{path}/status", json={"status": "confirmed"})
    paid = client.post(
        f"{path}/payments", json={"method": "cash"}, headers=idempotency_headers()
    ).json
    back = {"payment_id": paid["payments"][0]["id"], "amount": 100, "reason": "cold"}
    assert (
        client.post(f"{path}/refunds", json=back, headers=idempotency_headers()).status_code == 200
    )
    receiver.wait_for(4)
    assert sorted(events(receiver)) == [
        "order.paid",
        "order.placed",
        "order.refunded",
        "order.status_changed",
    ]
    told = [json.loads(body) for _, body in receiver.requests]
    assert {one["order"]["id"] for one in told} == {order["id"]}
    assert told[0]["order"]["code"] == order["code"]
    assert told[0]["order"]["total"] == 850
    assert "no onions" not in str(told)
    assert "Ada" not in str(told)


def test_what_is_told_is_signed_and_named(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    ordered(client)
    receiver.wait_for(1)
    headers, body = receiver.requests[0]
    signed = headers["X-Diner-Timestamp"].encode() + b"." + body
    expected = hmac.new(hook["secret"].encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Diner-Signature"] == f"sha256={expected}"
    assert abs(time.time() - int(headers["X-Diner-Timestamp"])) < 10
    message_id, timestamp = headers["Webhook-Id"], headers["Webhook-Timestamp"]
    standard = signed_headers(hook["secret"], message_id, int(timestamp), body)
    assert headers["Webhook-Signature"] == standard["webhook-signature"]
    assert timestamp == headers["X-Diner-Timestamp"]
    assert message_id == headers["X-Diner-Delivery"]
    assert headers["Content-Type"] == "application/json"
    [delivery] = until(lambda: deliveries(client, hook, "?state=delivered"))
    assert headers["X-Diner-Delivery"] == delivery["id"]
    assert delivery["payload"] == json.loads(body)
    [attempt] = delivery["attempts"]
    assert (attempt["status"], attempt["error"]) == (204, None)
    assert attempt["duration_ms"] >= 0
    assert delivery["next_due"] is None


def test_a_delivery_that_fails_is_tried_again_under_the_same_id(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    receiver.answers = [500, 302]
    ordered(client)
    receiver.wait_for(3)
    assert len({headers["X-Diner-Delivery"] for headers, _ in receiver.requests}) == 1
    assert len({body for _, body in receiver.requests}) == 1
    assert "/elsewhere" not in receiver.paths
    [delivery] = until(lambda: deliveries(client, hook, "?state=delivered"))
    assert [one["status"] for one in delivery["attempts"]] == [500, 302, 204]


def test_in_the_end_it_is_given_up_and_can_be_repeated(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    receiver.answers = [500] * 3
    ordered(client)
    [delivery] = until(lambda: deliveries(client, hook, "?state=given_up"))
    assert len(delivery["attempts"]) == 3
    path = f"/api/webhooks/{hook['id']}/deliveries/{delivery['id']}"
    key = idempotency_headers()
    answers = [client.post(f"{path}/repeat", headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replay"] == "true"
    receiver.wait_for(4)
    done = until(lambda: client.get(path).json["state"] == "delivered" and client.get(path).json)
    assert [one["status"] for one in done["attempts"]] == [500, 500, 500, 204]
    assert len({headers["X-Diner-Delivery"] for headers, _ in receiver.requests}) == 1


def test_a_receiver_that_hangs_holds_up_no_other(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    with running_receiver() as stuck:
        stuck.hangs.set()
        hanging = added(client, url=stuck.url)
        gone = added(client, url=f"http://127.0.0.1:{free_port()}/")
        began = time.monotonic()
        for _ in range(5):
            ordered(client)
        receiver.wait_for(5)
        assert time.monotonic() - began < 3
        for each, error in ((hanging, "timed out"), (gone, "connection refused")):
            tried = until(partial(attempts, client, each))
            assert {one["error"] for one in tried} == {error}
        for each in (hanging, gone):
            client.delete(f"/api/webhooks/{each['id']}")


def test_only_what_it_wants_and_only_from_when_it_was_made(
    client: FlaskClient, receiver: WebhookReceiver
) -> None:
    before = ordered(client)
    only = added(client, url=receiver.url, events=["order.status_changed"])
    assert only["events"] == ["order.status_changed"]
    after = ordered(client)
    for order in (before, after):
        client.patch(f"/api/orders/{order['id']}/status", json={"status": "confirmed"})
    receiver.wait_for(2)
    time.sleep(0.3)
    assert events(receiver) == ["order.status_changed"] * 2
    client.delete(f"/api/webhooks/{only['id']}")


def served(order: Order) -> Iterator[RecordEvent]:
    yield RecordEvent(
        id=derived_id("served", order.id), topic="table.served", at=utc_now(), says={"code": "A1"}
    )


def test_a_wing_tells_of_its_kinds_without_webhooks_knowing_it(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = EventSource(Orders.kind, ("table.served", "table.cleared"), served)
    wing = Wing("tables", (), (), lambda _: BuiltWing(None), event_sources=(source,))
    monkeypatch.setattr(wiring, "WINGS", (*WINGS, wing))
    with client_of(**TOLD) as client:
        described = description_of(client.application)["components"]["schemas"]["WebhookIn"]
        topics = described["properties"]["events"]
        assert {"table.served", "order.placed"} <= {*topics["items"]["enum"]}
        assert topics["maxItems"] == len(topics["items"]["enum"])
        all_of_them = topics["items"]["enum"][:-1]
        assert len(added(client, events=all_of_them)["events"]) == len(all_of_them)
        added(client, url=receiver.url, events=["table.served"])
        ordered(client)
        receiver.wait_for(1)
        assert events(receiver) == ["table.served"]
        [(_, body)] = receiver.requests
        assert json.loads(body)["code"] == "A1"


def test_a_kind_that_is_not_followed_tells_of_nothing() -> None:
    with pytest.raises(TypeError, match="has_followers"):
        EventSource(Coupons.kind, ("coupon.used",), lambda _: ())
    with pytest.raises(TypeError, match="ping"):
        EventSource(Orders.kind, ("ping",), lambda _: ())


def test_one_that_is_switched_off_is_told_nothing_and_nothing_later(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    path = f"/api/webhooks/{hook['id']}"
    assert client.patch(path, json={"active": False}).json["active"] is False
    order = ordered(client)
    time.sleep(0.3)
    assert client.patch(path, json={"active": True}).status_code == 200
    client.patch(f"/api/orders/{order['id']}/status", json={"status": "confirmed"})
    receiver.wait_for(1)
    time.sleep(0.3)
    assert events(receiver) == ["order.status_changed"]


def test_a_ping_is_sent_whatever_it_wants(client: FlaskClient, receiver: WebhookReceiver) -> None:
    quiet = added(client, url=receiver.url, events=["order.refunded"])
    key = idempotency_headers()
    answers = [client.post(f"/api/webhooks/{quiet['id']}/test", headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json["id"] == answers[1].json["id"]
    receiver.wait_for(1)
    assert json.loads(receiver.requests[0][1])["type"] == "ping"
    until(lambda: client.get(answers[0].headers["Location"]).json["state"] == "delivered")
    assert len(receiver.requests) == 1
    client.delete(f"/api/webhooks/{quiet['id']}")


def test_the_secret_is_shown_once_and_another_one_when_it_is_rotated(
    client: FlaskClient, receiver: WebhookReceiver
) -> None:
    body = {"url": receiver.url, "description": uuid4().hex}
    key = idempotency_headers()
    first, again = (client.post("/api/webhooks", json=body, headers=key) for _ in range(2))
    secret, path = first.json["secret"], f"/api/webhooks/{first.json['id']}"
    assert secret.startswith("whsec_")
    assert (again.json["id"], again.json["secret"]) == (first.json["id"], None)
    shown = [
        client.get(path),
        client.get("/api/webhooks"),
        client.patch(path, json={"description": "x"}),
        client.get(f"{path}/deliveries"),
    ]
    key = idempotency_headers()
    rotated, replayed = (client.post(f"{path}/rotate-secret", headers=key) for _ in range(2))
    other = rotated.json["secret"]
    assert other.startswith("whsec_")
    assert other != secret
    assert replayed.json["secret"] is None
    for answer in [*shown, again, replayed]:
        told = answer.text + str(answer.headers)
        assert secret not in told
        assert other not in told
    client.post(f"{path}/test")
    receiver.wait_for(1)
    headers, sent = receiver.requests[0]
    signed = headers["X-Diner-Timestamp"].encode() + b"." + sent
    expected = hmac.new(other.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Diner-Signature"] == f"sha256={expected}"
    client.delete(path)


def test_a_conflict_about_a_webhook_does_not_show_the_secret(client: FlaskClient) -> None:
    made = added(client)
    diner = services_of(client)
    record = diner.repositories["webhooks"].get(made["id"])
    conflict = conflicts.from_states("webhooks", record, record, "last_write_wins", utc_now())
    diner.repositories["conflicts"].save(conflict)
    shown = client.get("/api/sync/conflicts").text
    assert made["url"] in shown
    assert made["secret"] not in shown
    client.delete(f"/api/webhooks/{made['id']}")


def test_a_removed_webhook_is_told_nothing_more(
    client: FlaskClient, receiver: WebhookReceiver
) -> None:
    receiver.answers = [500]
    made = added(client, url=receiver.url)
    path = f"/api/webhooks/{made['id']}"
    assert client.get(path).headers["ETag"]
    assert client.delete(path, headers={"If-Match": '"p9m9n9"'}).status_code == 412
    assert client.delete(path).status_code == 204
    ordered(client)
    time.sleep(0.3)
    assert receiver.requests == []
    for method, rest in (("get", ""), ("get", "/deliveries"), ("post", "/test")):
        assert getattr(client, method)(path + rest).status_code == 404
    assert client.post(f"{path}/deliveries/{NOBODY}/repeat").status_code == 404


def test_a_delivery_of_another_webhook_is_not_found(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    other = added(client, url=receiver.url)
    ping = client.post(f"/api/webhooks/{other['id']}/test").json
    path = f"/api/webhooks/{hook['id']}/deliveries/{ping['id']}"
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/repeat").status_code == 404
    client.delete(f"/api/webhooks/{other['id']}")


def test_deliveries_come_in_pages(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    for _ in range(5):
        client.post(f"/api/webhooks/{hook['id']}/test")
    receiver.wait_for(5)
    path, found, query = f"/api/webhooks/{hook['id']}/deliveries", [], "?limit=2"
    while True:
        page = client.get(path + query).json
        found += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=2&cursor={page['next_cursor']}"
    assert len(found) == len(set(found)) == 5
    assert client.get(f"{path}?state=lost").status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": "ftp://example.org"}, "url"),
        ({"url": "http://user:secret@example.org/"}, "url"),
        ({"url": "http://example.org/#x"}, "url"),
        ({"url": "http://example.org/", "events": ["ping"]}, "events"),
        ({"url": "http://example.org/", "events": ["order.eaten"]}, "events.0"),
        ({"url": "http://example.org/", "events": "order.paid"}, "events"),
        ({"url": "http://example.org/", "secret": "mine"}, "secret"),
        ({"url": "http://example.org/", "active": 1}, "active"),
    ],
)
def test_nonsense_is_refused_with_the_field_named(
    client: FlaskClient, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/webhooks", json=body)
    assert answer.status_code == 422, answer.text
    assert field in answer.json["errors"], answer.text
    assert "user:secret" not in answer.text


def test_following_the_same_order_again_makes_nothing_new(
    client: FlaskClient, receiver: WebhookReceiver, hook: dict[str, Any]
) -> None:
    order = ordered(client)
    receiver.wait_for(1)
    diner = services_of(client)
    record = diner.repositories["orders"].get(order["id"])
    for follower in diner.follower_dispatcher._followers["orders"]:
        for _ in range(3):
            follower.follow([record])
    time.sleep(0.3)
    assert len(deliveries(client, hook)) == len(receiver.requests) == 1


def test_nothing_stays_owed_to_followers(client: FlaskClient, hook: dict[str, Any]) -> None:
    ordered(client)

    def follow_ups() -> list[int]:
        return [one["follow_ups"] for one in client.get("/api/connections").json["items"]]

    until(lambda: follow_ups() == [0, 0])
    assert 'diner_follow_ups{store="postgresql"} 0.0' in client.get("/metrics").text


def test_private_addresses_are_refused_unless_they_are_allowed(receiver: WebhookReceiver) -> None:
    with client_of(webhook_tries=1) as client:
        made = added(client, url=receiver.url)
        ping = client.post(f"/api/webhooks/{made['id']}/test").json
        path = f"/api/webhooks/{made['id']}/deliveries/{ping['id']}"
        until(lambda: client.get(path).json["state"] == "given_up")
        [attempt] = client.get(path).json["attempts"]
        assert attempt["error"] == "private addresses are not allowed"
        assert attempt["status"] is None
    assert receiver.requests == []


def test_old_deliveries_are_purged_and_not_made_again(
    client: FlaskClient,
    receiver: WebhookReceiver,
    hook: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = ordered(client)
    receiver.wait_for(1)
    until(lambda: deliveries(client, hook, "?state=delivered"))
    diner = services_of(client)
    later = utc_now() + timedelta(days=31)
    monkeypatch.setattr(diner.of(WebhookServices).sender, "_now", lambda: later)
    assert diner.of(WebhookServices).sender.purge() >= 1
    assert deliveries(client, hook) == []
    for follower in diner.follower_dispatcher._followers["orders"]:
        follower.follow([diner.repositories["orders"].get(order["id"])])
    assert deliveries(client, hook) == []
    for place in (StoreId.POSTGRESQL, StoreId.MONGODB):
        states = diner.replication.pairs["deliveries"].store_of(place).scan(None, 1000)
        assert all(one.payload == {} for one in states if one.deleted)


def test_without_work_in_this_process_nothing_is_sent(receiver: WebhookReceiver) -> None:
    with client_of(**TOLD, relay_in_workers=False) as client:
        added(client, url=receiver.url)
        ordered(client)
        time.sleep(0.5)
        assert receiver.requests == []
        items = client.get("/api/connections").json["items"]
        assert [one["follow_ups"] for one in items] == [1, 0]
