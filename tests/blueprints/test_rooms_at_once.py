"""People who do things at once, whichever database is there: one conversation, one membership, and
nobody comes back through the door that they are being put out of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from tests.blueprints.api_helpers import CheckedClient, client_as, idempotency_headers
from tests.blueprints.messaging_helpers import (
    add_server,
    join_server,
    me,
    open_conversation,
    send_message,
)
from tests.blueprints.two_store_apps import TwoStoreApp
from tests.contracts.samples import run_concurrently

ROUNDS = 3


def asking(client: FlaskClient, method: str, path: str, **options: Any) -> Callable[[], Any]:
    """The same person's request, to be sent by a thread of its own."""
    own = CheckedClient(client.application)
    own.environ_base = dict(client.environ_base)
    return partial(own.open, path, method=method, **options)


def people(ground: TwoStoreApp, *roles: Role) -> list[FlaskClient]:
    return [client_as(ground.client.application, role) for role in roles]


def test_two_people_who_begin_at_once_have_one_conversation(ground: TwoStoreApp) -> None:
    for _ in range(ROUNDS):
        pair = people(ground, Role.CUSTOMER, Role.WAITER)
        tries = [
            asking(
                one,
                "POST",
                "/api/conversations",
                json={"user_id": me(other)},
                headers=idempotency_headers(),
            )
            for one, other in (pair, pair[::-1]) * 4
        ]
        answers = run_concurrently(tries)
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert len({answer.json["id"] for answer in answers}) == 1
        for client in pair:
            assert len(client.get("/api/conversations").json["items"]) == 1


def test_of_conversations_begun_at_once_under_one_key_there_is_one(ground: TwoStoreApp) -> None:
    customer, *others = people(ground, Role.CUSTOMER, *[Role.WAITER] * 4)
    path, key = "/api/conversations", idempotency_headers()
    tries = [
        asking(customer, "POST", path, json={"user_id": me(other)}, headers=key) for other in others
    ]
    answers = run_concurrently(tries)
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    assert len(customer.get(path).json["items"]) == 1


def test_who_joins_many_times_at_once_is_one_member(ground: TwoStoreApp) -> None:
    server, [waiter] = add_server(ground.client), people(ground, Role.WAITER)
    body = {"code": server["invite_code"]}
    tries = [
        asking(waiter, "POST", "/api/servers/join", json=body, headers=idempotency_headers())
    ] * 8
    assert {answer.status_code for answer in run_concurrently(tries)} == {200}
    members = ground.client.get(f"/api/servers/{server['id']}/members").json["items"]
    assert len(members) == 2
    assert [each["id"] for each in waiter.get("/api/servers").json["items"]] == [server["id"]]


def test_nobody_comes_in_while_they_are_put_out(ground: TwoStoreApp) -> None:
    server, [waiter] = add_server(ground.client), people(ground, Role.WAITER)
    body, path = {"code": server["invite_code"]}, f"/api/servers/{server['id']}"
    member = f"{path}/members/{me(waiter)}"
    for _ in range(ROUNDS):
        join_server(waiter, server)
        back = [asking(waiter, "POST", "/api/servers/join", json=body) for _ in range(3)]
        put_out, *answers = run_concurrently([asking(ground.client, "DELETE", member), *back])
        assert put_out.status_code == 204
        assert {answer.status_code for answer in answers} <= {200, 403, 404}
        assert waiter.get(path).status_code == 404
        server = ground.client.post(f"{path}/invite").json
        body = {"code": server["invite_code"]}


def test_what_is_unread_is_right_after_everybody_wrote_and_read_at_once(
    ground: TwoStoreApp,
) -> None:
    customer, waiter = people(ground, Role.CUSTOMER, Role.WAITER)
    room = open_conversation(customer, waiter)
    path = f"/api/rooms/{room}"
    first = [send_message(customer, room, f"first {n}")["id"] for n in range(4)]
    reads = [
        asking(waiter, "PUT", f"{path}/read", json={"message_id": message_id})
        for message_id in (first[2], first[0], first[3], first[1])
    ]
    writes = [
        asking(client, "POST", f"{path}/messages", json={"content": f"{n}"})
        for n in range(4)
        for client in (customer, waiter)
    ]
    statuses = [answer.status_code for answer in run_concurrently(reads + writes)]
    assert statuses == [200] * 4 + [201] * 8

    def unread() -> int:
        items = waiter.get("/api/rooms/unread").json["items"]
        return next(each["unread"] for each in items if each["room_id"] == room)

    assert unread() == 4
    newest = waiter.get(f"{path}/messages").json["items"]
    run_concurrently([
        asking(waiter, "PUT", f"{path}/read", json={"message_id": each["id"]}) for each in newest
    ])  # fmt: skip
    assert unread() == 0
