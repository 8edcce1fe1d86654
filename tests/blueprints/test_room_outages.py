"""Rooms while one of the databases is gone: conversations go on, channels say when to come back."""

from __future__ import annotations

import pytest

from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.version import StoreId
from dinerapp.runtime.app import create_app
from dinerapp.runtime.registry import PLACEMENT
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running
from tests.blueprints.api_helpers import FAST_SETTINGS, client_as, idempotency_headers
from tests.blueprints.conftest import Grounds
from tests.blueprints.messaging_helpers import (
    add_server,
    general_room_id,
    open_conversation,
    open_stream,
    read_back,
    send_message,
)
from tests.blueprints.two_store_apps import BOTH, MONGODB, POSTGRESQL, TwoStoreApp


def test_conversations_go_on_with_either_database(ground: TwoStoreApp) -> None:
    room = ground.ids["room"]
    sent = [send_message(ground.client, room, f"message {n}") for n in range(3)]
    answer = ground.client.get(f"/api/rooms/{room}/messages?limit=3")
    assert answer.json["items"] == sent[::-1]
    served = ground.serving if ground.serving != BOTH else MONGODB
    role = "primary" if served == MONGODB else "backup"
    assert (answer.headers["X-Diner-Store"], answer.headers["X-Diner-Role"]) == (served, role)
    path = f"/api/rooms/{room}/messages/{sent[0]['id']}"
    assert ground.client.patch(path, json={"content": "other"}).json["edited"]
    assert ground.client.delete(path).status_code == 204
    headers = idempotency_headers()
    twice = [
        ground.client.post(f"/api/rooms/{room}/messages", json={"content": "x"}, headers=headers)
        for _ in range(2)
    ]
    assert twice[0].json == twice[1].json
    ids = [each["id"] for each in read_back(ground.client, room, limit=2)]
    assert len(ids) == len(set(ids))
    put = ground.client.put(f"/api/rooms/{room}/read", json={"message_id": ids[0]})
    assert put.status_code == 200
    unread = ground.client.get("/api/rooms/unread").json["items"]
    assert {"room_id": room, "kind": "conversation", "unread": 0} in unread


def test_channels_wait_for_postgresql(ground: TwoStoreApp) -> None:
    channel = ground.ids["channel"]
    path = f"/api/rooms/{channel}/messages"
    answers = [ground.client.post(path, json={"content": "x"}), ground.client.get(path)]
    if ground.serving == MONGODB:
        for answer in answers:
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json["type"] == "urn:dinerapp:problem:unavailable"
        assert ground.client.get(f"/api/rooms/{channel}/stream").status_code == 503
    else:
        assert [answer.status_code for answer in answers] == [201, 200]
        assert {answer.headers["X-Diner-Store"] for answer in answers} == {POSTGRESQL}
        assert {answer.headers["X-Diner-Role"] for answer in answers} == {"primary"}
    unread = {each["room_id"]: each["unread"] for each in unread_of(ground)}
    assert unread[channel] == (None if ground.serving == MONGODB else 0)


def unread_of(ground: TwoStoreApp) -> list[dict[str, object]]:
    items: list[dict[str, object]] = ground.client.get("/api/rooms/unread").json["items"]
    return items


def test_servers_and_members_are_there_with_either_database(ground: TwoStoreApp) -> None:
    server = f"/api/servers/{ground.ids['server']}"
    assert ground.client.get(server).status_code == 200
    assert len(ground.client.get(f"{server}/channels").json["items"]) == 2
    assert len(ground.client.get(f"{server}/members").json["items"]) == 2
    colleague = client_as(ground.client.application, Role.CHEF)
    room = open_conversation(ground.client, colleague)
    assert open_conversation(colleague, ground.client) == room


def test_streams_of_conversations_go_on_with_either_database(ground: TwoStoreApp) -> None:
    room = ground.ids["room"]
    with open_stream(ground.client, f"/api/rooms/{room}/stream") as events:
        sent = send_message(ground.client, room)
        assert next(each for each in events if each["data"] == sent)


@pytest.mark.parametrize("serving", [BOTH])
def test_both_databases_hold_the_same_messages(grounds: Grounds, serving: str) -> None:
    ground = grounds(serving)
    send_message(ground.client, ground.ids["room"])
    ground.settled_content()
    report = ground.client.get("/api/consistency").json["items"]
    equal = {each["kind"]: each["equal"] for each in report}
    assert equal["direct_messages"]
    assert equal["reads"]
    assert "channel_messages" not in equal
    database = ground.mongo.get_default_database()
    assert database["channel_messages"].count_documents({}) == 0


@pytest.mark.parametrize("placed", [False, True])
def test_without_postgresql_channels_are_kept_where_the_placement_says(placed: bool) -> None:
    placement = {**PLACEMENT, "channel_messages": (StoreId.MONGODB,)} if placed else PLACEMENT
    settings = Settings(**{**FAST_SETTINGS, "placement": placement})
    app = create_app(settings, stores=memory_stores(StoreId.MONGODB))
    with running(app):
        client = client_as(app, Role.MANAGER)
        room = general_room_id(client, add_server(client))
        answer = client.post(f"/api/rooms/{room}/messages", json={"content": "x"})
        assert answer.status_code == (201 if placed else 503)
