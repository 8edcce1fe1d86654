"""People in rooms: clients who talk, and what they ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask.testing import FlaskClient


def me(client: FlaskClient) -> str:
    user_id: str = client.get("/api/auth/me").json["id"]
    return user_id


def add_server(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    """A new one, which the client owns."""
    answer = client.post("/api/servers", json={"name": "Diner", **fields})
    assert answer.status_code == 201, answer.text
    server: dict[str, Any] = answer.json
    return server


def join_server(
    client: FlaskClient,
    server: dict[str, Any],
    role: str = "guest",
    owner: FlaskClient | None = None,
) -> FlaskClient:
    """The client, as a member of the server in the role that its owner gives."""
    answer = client.post("/api/servers/join", json={"code": server["invite_code"]})
    assert answer.status_code == 200, answer.text
    if role != "guest":
        assert owner is not None
        path = f"/api/servers/{server['id']}/members/{me(client)}"
        assert owner.patch(path, json={"role": role}).status_code == 200
    return client


def general_room_id(client: FlaskClient, server: dict[str, Any]) -> str:
    """The room that every server has."""
    channels = client.get(f"/api/servers/{server['id']}/channels").json["items"]
    return next(channel["id"] for channel in channels if channel["general"])


def open_conversation(client: FlaskClient, other: FlaskClient) -> str:
    """The room of the two."""
    answer = client.post("/api/conversations", json={"user_id": me(other)})
    assert answer.status_code in (200, 201), answer.text
    room_id: str = answer.json["id"]
    return room_id


def send_message(client: FlaskClient, room_id: str, content: str = "hello", **fields: Any) -> Any:
    """A new message."""
    answer = client.post(f"/api/rooms/{room_id}/messages", json={"content": content, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json


def read_back(client: FlaskClient, room_id: str, limit: int = 50) -> list[dict[str, Any]]:
    """All that was said, page by page, newest first."""
    path, found = f"/api/rooms/{room_id}/messages?limit={limit}", list[dict[str, Any]]()
    page = client.get(path).json
    found += page["items"]
    while page["next_cursor"] is not None:
        page = client.get(f"{path}&cursor={page['next_cursor']}").json
        found += page["items"]
    return found


@contextmanager
def open_stream(
    client: FlaskClient, path: str, **headers: str
) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a stream, each with its id and what it says."""
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith("text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert "no-store" in answer.headers["Cache-Control"]
    try:
        yield filter(None, map(parse_event, answer.iter_encoded()))
    finally:
        answer.close()


def parse_event(chunk: bytes) -> dict[str, Any] | None:
    """What one piece of a stream says, if it is an event."""
    found: dict[str, Any] = {}
    for line in chunk.decode().strip().split("\n"):
        name, _, value = line.partition(": ")
        found[name] = json.loads(value) if name == "data" else value
    return found if "event" in found else None
