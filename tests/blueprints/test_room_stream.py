"""The live stream of a room, as somebody who has it open reads it."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.bus.memory import MemoryBroker, MemoryTransport
from adapters.bus.multi_transport import MultiTransportBus
from dinerapp.accounts.domain.permissions import Role
from dinerapp.live.bus import BusMessage
from dinerapp.replication.identity import new_id
from dinerapp.replication.record import utc_now
from dinerapp.runtime.app import create_app
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running
from tests.blueprints.api_helpers import FAST_SETTINGS, client_as, client_of, services_of
from tests.blueprints.messaging_helpers import (
    add_server,
    general_room_id,
    join_server,
    me,
    open_conversation,
    open_stream,
    send_message,
)
from tests.contracts.bus import open_buses, wait_until
from tests.factories import message


@pytest.fixture(scope="module")
def waiter() -> Iterator[FlaskClient]:
    with client_of(Role.WAITER) as client:
        yield client


@pytest.fixture(scope="module")
def customer(waiter: FlaskClient) -> FlaskClient:
    return client_as(waiter.application, Role.CUSTOMER)


@pytest.fixture
def manager(waiter: FlaskClient) -> FlaskClient:
    return client_as(waiter.application, Role.MANAGER)


@pytest.fixture
def conversation(waiter: FlaskClient, customer: FlaskClient) -> str:
    """The other one writes with new people each time."""
    return open_conversation(client_as(waiter.application, Role.WAITER), customer)


@pytest.fixture
def server(manager: FlaskClient, customer: FlaskClient) -> dict[str, Any]:
    server = add_server(manager)
    join_server(customer, server)
    return server


def path_of(room_id: str) -> str:
    return f"/api/rooms/{room_id}/stream"


def test_what_is_said_edited_and_removed_is_seen(
    manager: FlaskClient, customer: FlaskClient, server: dict[str, Any]
) -> None:
    room = general_room_id(manager, server)
    with open_stream(customer, path_of(room)) as events:
        sent = send_message(manager, room)
        seen = next(events)
        assert (seen["event"], seen["data"]) == ("message", sent)
        message = f"/api/rooms/{room}/messages/{sent['id']}"
        edited = manager.patch(message, json={"content": "other"}).json
        assert next(events)["data"] == edited
        manager.delete(message)
        gone = next(events)["data"]
        assert (gone["id"], gone["deleted"], gone["content"]) == (sent["id"], True, "")
        assert gone == customer.get(message).json


def test_a_stream_is_of_one_room(
    manager: FlaskClient, customer: FlaskClient, server: dict[str, Any], conversation: str
) -> None:
    room = general_room_id(manager, server)
    with open_stream(customer, path_of(room)) as events:
        send_message(customer, conversation)
        sent = send_message(manager, room)
        assert next(events)["data"] == sent


def test_a_stream_goes_on_where_it_ended_without_gap_or_double(
    customer: FlaskClient, conversation: str
) -> None:
    before = send_message(customer, conversation, "before")
    with open_stream(customer, path_of(conversation)) as events:
        assert next(events)["data"] == before
        first = send_message(customer, conversation, "first")
        last = next(events)
        assert last["data"] == first
    missed = [send_message(customer, conversation, f"missed {n}") for n in range(3)]
    message = f"/api/rooms/{conversation}/messages/{first['id']}"
    edited = customer.patch(message, json={"content": "edited"}).json
    resumed = {"Last-Event-ID": last["id"]}
    with open_stream(customer, path_of(conversation), **resumed) as events:
        seen = [next(events) for _ in range(4)]
        assert [each["data"] for each in seen] == [*missed, edited]
        after = send_message(customer, conversation, "after")
        assert next(events)["data"] == after
    with open_stream(
        customer, path_of(conversation), **{"Last-Event-ID": seen[-1]["id"]}
    ) as events:
        assert next(events)["data"] == after


@pytest.mark.parametrize("given", ["", "yesterday", "AAAA", "!", "ü", "_" * 8, "A" * 9])
def test_an_event_that_never_was_is_refused(
    customer: FlaskClient, conversation: str, given: str
) -> None:
    refused = customer.get(path_of(conversation), headers={"Last-Event-ID": given})
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["Last-Event-ID"])


def test_others_hear_who_types_and_who_has_read(
    manager: FlaskClient, customer: FlaskClient, server: dict[str, Any]
) -> None:
    room = general_room_id(manager, server)
    with open_stream(customer, path_of(room)) as events:
        customer.post(f"/api/rooms/{room}/typing")
        for _ in range(3):
            assert manager.post(f"/api/rooms/{room}/typing").status_code == 204
        typing = next(events)
        assert (typing["event"], typing["data"]["user_id"]) == ("typing", me(manager))
        assert "id" not in typing
        sent = send_message(customer, room)
        assert next(events)["data"] == sent
        manager.put(f"/api/rooms/{room}/read", json={"message_id": sent["id"]})
        read = next(events)
        assert (read["event"], read["data"]) == (
            "read",
            {"room_id": room, "user_id": me(manager), "message_id": sent["id"]},
        )


def test_a_stream_ends_when_its_watcher_is_put_out(
    manager: FlaskClient, customer: FlaskClient, server: dict[str, Any]
) -> None:
    room = general_room_id(manager, server)
    with open_stream(customer, path_of(room)) as events:
        sent = send_message(manager, room)
        assert next(events)["data"] == sent
        out = f"/api/servers/{server['id']}/members/{me(customer)}"
        assert manager.delete(out).status_code == 204
        send_message(manager, room, "now that they are gone")
        assert list(events) == []


def test_streams_of_rooms_and_of_orders_share_their_places() -> None:
    with client_of(Role.WAITER, web_streams=1) as waiter:
        customer = client_as(waiter.application, Role.CUSTOMER)
        room = open_conversation(waiter, customer)
        with open_stream(waiter, "/api/orders/stream"):
            refused = customer.get(path_of(room))
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert customer.get(f"/api/rooms/{room}/messages").status_code == 200
        with open_stream(customer, path_of(room)):
            assert waiter.get("/api/orders/stream").status_code == 503


def test_streams_end_with_the_process() -> None:
    ending = Event()
    with client_of(Role.WAITER, must_end=ending.is_set) as waiter:
        room = open_conversation(waiter, client_as(waiter.application, Role.CUSTOMER))
        with open_stream(waiter, path_of(room)) as events:
            ending.set()
            assert list(events) == []


def test_processes_tell_one_another_what_to_read_and_nothing_of_what_was_said() -> None:
    exchange = MemoryBroker()
    app = create_app(
        Settings(**FAST_SETTINGS),
        stores=memory_stores(),
        bus=MultiTransportBus([MemoryTransport(exchange)]),
    )
    other, heard = MultiTransportBus([MemoryTransport(exchange)]), list[BusMessage]()
    other.subscribe(heard.append)
    with running(app), open_buses(other):
        waiter, customer = client_as(app, Role.WAITER), client_as(app, Role.CUSTOMER)
        room = open_conversation(waiter, customer)
        wait_until(lambda: services_of(waiter).bus.is_listening)
        with open_stream(customer, path_of(room)) as events:
            secret = send_message(waiter, room, "the secret ingredient")
            assert next(events)["data"] == secret
            waiter.post(f"/api/rooms/{room}/typing")
            assert next(events)["event"] == "typing"
            wait_until(lambda: {"message_changed", "typing"} <= {news.topic for news in heard})
            assert "secret ingredient" not in str(heard)
            elsewhere = (
                services_of(waiter)
                .repositories["direct_messages"]
                .save(message(room_id=room, author_id=me(waiter), created_at=utc_now()))
            )
            news = {"kind": "direct_messages", "id": elsewhere.id, "version": "", "room_id": room}
            other.publish("message_changed", news)
            assert next(events)["data"]["id"] == elsewhere.id
            other.publish("typing", {"room_id": room, "user_id": new_id()})
            assert next(events)["event"] == "typing"
