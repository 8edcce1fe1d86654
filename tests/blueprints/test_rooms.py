"""What is said in rooms: who hears it, who may take it back, and how it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from dinerapp.messaging.container import MessagingServices
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.record import utc_now
from tests.blueprints.api_helpers import (
    add_dish,
    client_as,
    client_of,
    idempotency_headers,
    order_for,
    place_order,
    services_of,
)
from tests.blueprints.messaging_helpers import (
    add_server,
    general_room_id,
    join_server,
    me,
    open_conversation,
    read_back,
    send_message,
)
from tests.factories import at, message

CHANNEL, CONVERSATION = "channel", "conversation"
KINDS = (CHANNEL, CONVERSATION)
TEXTS = [
    "<script>alert(1)</script>",
    "  two  blanks and a break\r\n\tat the end ",
    "🥟 \u202edrawkcab \u0301",
    "$where {{7*7}} %s '; DROP TABLE messages; --",
    "x" * 4000,
]


@pytest.fixture(scope="module")
def people() -> Iterator[dict[str, FlaskClient]]:
    """A manager who owns a server, members of it, and a stranger who is an admin elsewhere."""
    with client_of(Role.MANAGER) as owner:
        app = owner.application
        yield {
            "owner": owner,
            "moderator": client_as(app, Role.WAITER),
            "waiter": client_as(app, Role.WAITER),
            "customer": client_as(app, Role.CUSTOMER),
            "other customer": client_as(app, Role.CUSTOMER),
            "stranger": client_as(app, Role.ADMIN),
        }


@pytest.fixture(scope="module")
def server(people: dict[str, FlaskClient]) -> dict[str, Any]:
    owner = people["owner"]
    server = add_server(owner)
    join_server(people["moderator"], server, "moderator", owner)
    for who in ("waiter", "customer"):
        join_server(people[who], server)
    return server


@pytest.fixture
def channel(people: dict[str, FlaskClient], server: dict[str, Any]) -> str:
    """A new one."""
    path = f"/api/servers/{server['id']}/channels"
    room_id: str = people["owner"].post(path, json={"name": "kitchen"}).json["id"]
    return room_id


@pytest.fixture(scope="module")
def conversation(people: dict[str, FlaskClient]) -> str:
    return open_conversation(people["customer"], people["waiter"])


@pytest.fixture(params=KINDS)
def room(request: pytest.FixtureRequest) -> str:
    """Of either kind; the waiter and the customer are in it."""
    room_id: str = request.getfixturevalue(request.param)
    return room_id


def test_what_is_said_is_read_by_those_in_the_room(
    people: dict[str, FlaskClient], room: str
) -> None:
    waiter, customer = people["waiter"], people["customer"]
    answer = waiter.post(f"/api/rooms/{room}/messages", json={"content": "hello"})
    sent = answer.json
    assert sent["author"] == {"id": me(waiter), "name": "waiter"}
    assert (sent["room_id"], sent["content"], sent["edited"], sent["deleted"]) == (
        room,
        "hello",
        False,
        False,
    )
    reply = send_message(customer, room, "hello to you")
    assert read_back(waiter, room)[:2] == read_back(customer, room)[:2] == [reply, sent]
    one = customer.get(answer.headers["Location"])
    assert (one.json, one.headers["ETag"]) == (sent, answer.headers["ETag"])


@pytest.mark.parametrize("content", TEXTS)
def test_contents_come_back_as_they_were_sent(
    people: dict[str, FlaskClient], room: str, content: str
) -> None:
    sent = send_message(people["waiter"], room, content, file_url="https://example.org/ü?a=<b>&c")
    assert read_back(people["customer"], room)[0] == sent
    assert (sent["content"], sent["file_url"]) == (content, "https://example.org/ü?a=<b>&c")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": ""}, "content"),
        ({"content": "  \n"}, "content"),
        ({"content": "x" * 4001}, "content"),
        ({"content": "x", "file_url": "ftp://example.org/a"}, "file_url"),
        ({"content": "x", "file_url": "javascript:alert(1)"}, "file_url"),
        ({"content": "x", "file_url": "https://example.org/" + "x" * 2000}, "file_url"),
        ({"content": "x", "order_id": new_id()}, "order_id"),
        ({"content": "x", "order_id": "x"}, "order_id"),
    ],
)
def test_what_cannot_be_said_is_refused_and_not_kept(
    people: dict[str, FlaskClient], room: str, body: dict[str, Any], field: str
) -> None:
    before = read_back(people["waiter"], room)
    refused = people["waiter"].post(f"/api/rooms/{room}/messages", json=body)
    assert (refused.status_code, [*refused.json["errors"]]) == (422, [field])
    assert read_back(people["waiter"], room) == before


def test_a_file_alone_is_a_message(people: dict[str, FlaskClient], room: str) -> None:
    sent = send_message(people["waiter"], room, "", file_url="https://example.org/bill.pdf")
    assert (sent["content"], sent["file_url"]) == ("", "https://example.org/bill.pdf")


def test_an_order_is_attached_by_whoever_may_see_it(
    people: dict[str, FlaskClient], room: str
) -> None:
    item = add_dish(client_as(people["owner"].application, Role.ADMIN))
    own = place_order(people["customer"], order_for(item))
    others = place_order(people["other customer"], order_for(item))
    path = f"/api/rooms/{room}/messages"
    for who, order, status in (
        ("customer", own, 201),
        ("customer", others, 422),
        ("waiter", others, 201),
    ):
        answer = people[who].post(path, json={"order_id": order["id"]})
        assert answer.status_code == status, (who, answer.text)
        if status == 201:
            assert answer.json["order_id"] == order["id"]


def test_a_repeated_message_is_the_same_though_its_order_is_no_longer_the_senders(
    people: dict[str, FlaskClient], room: str
) -> None:
    sender, headers = people["customer"], idempotency_headers()
    item = add_dish(client_as(people["owner"].application, Role.ADMIN))
    body = {"order_id": place_order(sender, order_for(item))["id"]}
    path = f"/api/rooms/{room}/messages"
    first = sender.post(path, json=body, headers=headers)
    orders: Any = services_of(sender).repositories["orders"]
    order = orders.get(body["order_id"])
    orders.save(order.with_changes(op_id=new_op_id(), now=utc_now(), user_id=None))
    again = sender.post(path, json=body, headers=headers)
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert again.headers["Idempotent-Replay"] == "true"
    assert sender.post(path, json=body, headers=idempotency_headers()).status_code == 422


def test_one_key_says_it_once(people: dict[str, FlaskClient], room: str) -> None:
    path, headers = f"/api/rooms/{room}/messages", idempotency_headers()
    answers = [
        people["waiter"].post(path, json={"content": "once"}, headers=headers) for _ in range(3)
    ]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert ["Idempotent-Replay" in answer.headers for answer in answers] == [False, True, True]
    other = people["waiter"].post(path, json={"content": "twice"}, headers=headers)
    assert other.status_code == 422
    assert people["customer"].post(path, json={"content": "once"}, headers=headers).json[
        "id"
    ] not in {answer.json["id"] for answer in answers}


ROUTES = [
    ("GET", "/messages", None),
    ("POST", "/messages", {"content": "hello"}),
    ("GET", "/messages/{message}", None),
    ("PATCH", "/messages/{message}", {"content": "other"}),
    ("DELETE", "/messages/{message}", None),
    ("GET", "/reads", None),
    ("PUT", "/read", {"message_id": "{message}"}),
    ("POST", "/typing", None),
    ("GET", "/stream", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_who_is_not_in_a_room_can_not_tell_it_from_one_that_is_not_there(
    people: dict[str, FlaskClient], room: str, method: str, path: str, body: Any
) -> None:
    """An admin of the restaurant, too."""
    sent = send_message(people["waiter"], room)
    if body == {"message_id": "{message}"}:
        body = {"message_id": sent["id"]}
    for who in ("stranger", "other customer"):
        told = set()
        for room_id in (room, new_id()):
            asked = f"/api/rooms/{room_id}" + path.format(message=sent["id"])
            answer = people[who].open(asked, method=method, json=body)
            told.add((answer.status_code, answer.json["detail"].replace(room_id, "…")))
        assert told == {(404, "rooms … does not exist")}
    assert read_back(people["waiter"], room)[0] == sent


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_guest_without_an_account_is_in_no_room(
    people: dict[str, FlaskClient], room: str, method: str, path: str, body: Any
) -> None:
    guest = client_as(people["owner"].application, None)
    answer = guest.open(f"/api/rooms/{room}" + path.format(message=new_id()), method=method)
    assert answer.status_code == 401


def test_whoever_was_put_out_reads_nothing_any_more(
    people: dict[str, FlaskClient], server: dict[str, Any], channel: str
) -> None:
    someone = join_server(client_as(people["owner"].application, Role.WAITER), server)
    send_message(someone, channel)
    out = f"/api/servers/{server['id']}/members/{me(someone)}"
    assert people["moderator"].delete(out).status_code == 204
    for method, body in (("GET", None), ("POST", {"content": "still here"})):
        path = f"/api/rooms/{channel}/messages"
        assert someone.open(path, method=method, json=body).status_code == 404


def test_a_channel_or_server_that_is_gone_is_entered_by_nobody(
    people: dict[str, FlaskClient],
) -> None:
    owner = people["owner"]
    server = add_server(owner)
    path, general = f"/api/servers/{server['id']}", general_room_id(owner, server)
    bar = owner.post(f"{path}/channels", json={"name": "bar"}).json["id"]
    for room_id, gone in ((bar, f"{path}/channels/{bar}"), (general, path)):
        send_message(owner, room_id)
        assert owner.delete(gone).status_code == 204
        assert owner.get(f"/api/rooms/{room_id}/messages").status_code == 404


def test_only_authors_edit(people: dict[str, FlaskClient], room: str) -> None:
    sent = send_message(people["waiter"], room)
    path = f"/api/rooms/{room}/messages/{sent['id']}"
    etag = people["waiter"].get(path).headers["ETag"]
    refused = people["customer"].patch(path, json={"content": "other"})
    assert refused.status_code == 403
    edited = people["waiter"].patch(path, json={"content": "other"}, headers={"If-Match": etag})
    assert (edited.json["content"], edited.json["edited"]) == ("other", True)
    assert edited.json["created_at"] == sent["created_at"]
    assert read_back(people["customer"], room)[0] == edited.json
    stale = people["waiter"].patch(path, json={"content": "third"}, headers={"If-Match": etag})
    assert stale.status_code == 412


def test_moderators_do_not_edit_what_others_said(
    people: dict[str, FlaskClient], channel: str
) -> None:
    sent = send_message(people["waiter"], channel)
    path = f"/api/rooms/{channel}/messages/{sent['id']}"
    for who in ("moderator", "owner"):
        assert people[who].patch(path, json={"content": "other"}).status_code == 403


@pytest.mark.parametrize("who", ["waiter", "customer", "moderator", "owner"])
def test_authors_and_moderators_delete_in_channels(
    people: dict[str, FlaskClient], channel: str, who: str
) -> None:
    sent = send_message(people["waiter"], channel, "secret", file_url="https://example.org/a")
    path = f"/api/rooms/{channel}/messages/{sent['id']}"
    answer = people[who].delete(path, headers=idempotency_headers("gone"))
    if who == "customer":
        assert answer.status_code == 403
        return
    assert answer.status_code == 204
    again = people[who].delete(path, headers=idempotency_headers("gone"))
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (204, "true")
    [seen] = read_back(people["customer"], channel)
    assert (seen["id"], seen["deleted"], seen["content"]) == (sent["id"], True, "")
    assert (seen["file_url"], seen["created_at"]) == (None, sent["created_at"])
    edited = people["waiter"].patch(path, json={"content": "back"})
    assert edited.status_code == 409


def test_in_a_conversation_everybody_deletes_their_own(
    people: dict[str, FlaskClient], conversation: str
) -> None:
    sent = send_message(people["customer"], conversation)
    path = f"/api/rooms/{conversation}/messages/{sent['id']}"
    assert people["waiter"].delete(path).status_code == 403
    assert people["customer"].delete(path).status_code == 204


def test_a_message_is_in_its_own_room_only(
    people: dict[str, FlaskClient], server: dict[str, Any], channel: str
) -> None:
    elsewhere = general_room_id(people["owner"], server)
    sent = send_message(people["waiter"], channel)
    path = f"/api/rooms/{elsewhere}/messages/{sent['id']}"
    for method, body in (("GET", None), ("PATCH", {"content": "x"}), ("DELETE", None)):
        assert people["waiter"].open(path, method=method, json=body).status_code == 404


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_hold_messages_of_one_millisecond_once_each(
    people: dict[str, FlaskClient], channel: str, limit: int
) -> None:
    kept = services_of(people["owner"]).repositories["channel_messages"]
    saved = [kept.save(message(room_id=channel, author_id=me(people["waiter"]))) for _ in range(9)]
    saved += [kept.save(message(room_id=channel, created_at=at(1)))]
    expected = sorted(saved, key=lambda one: (one.created_at, one.id), reverse=True)
    found = [each["id"] for each in read_back(people["waiter"], channel, limit)]
    assert found == [one.id for one in expected]


def test_people_are_called_what_their_profiles_say(
    people: dict[str, FlaskClient], channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiter = people["moderator"]
    monkeypatch.setattr("dinerapp.messaging.services.display_names.CACHE_SECONDS", 0.0)
    sent = send_message(waiter, channel)
    path = f"/api/users/{me(waiter)}/profile"
    assert waiter.patch(path, json={"display_name": "Mo"}).status_code == 200
    monkeypatch.setattr(services_of(waiter).of(MessagingServices).display_names, "_cache", {})
    assert read_back(waiter, channel)[0]["author"] == {"id": sent["author"]["id"], "name": "Mo"}


def test_two_people_have_one_conversation(people: dict[str, FlaskClient]) -> None:
    waiter = client_as(people["owner"].application, Role.WAITER)
    customer = client_as(people["owner"].application, Role.CUSTOMER)
    first = customer.post("/api/conversations", json={"user_id": me(waiter)})
    again = waiter.post("/api/conversations", json={"user_id": me(customer)})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json == waiter.get(first.headers["Location"]).json
    assert {person["id"] for person in first.json["people"]} == {me(waiter), me(customer)}
    for client in (waiter, customer):
        assert client.get("/api/conversations").json["items"] == [first.json]
    stranger = people["stranger"]
    assert stranger.get(first.headers["Location"]).status_code == 404
    assert stranger.get("/api/conversations").json["items"] == []


def test_a_key_begins_one_conversation_and_no_other(people: dict[str, FlaskClient]) -> None:
    app = people["owner"].application
    customer, waiter, chef = (
        client_as(app, role) for role in (Role.CUSTOMER, Role.WAITER, Role.CHEF)
    )
    key, path = idempotency_headers(), "/api/conversations"
    first = customer.post(path, json={"user_id": me(waiter)}, headers=key)
    again = customer.post(path, json={"user_id": me(waiter)}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json, again.headers["Idempotent-Replay"]) == (first.json, "true")
    other = customer.post(path, json={"user_id": me(chef)}, headers=key)
    assert other.status_code == 422
    assert other.json["type"].endswith("key-reused")
    assert customer.get(path).json["items"] == [first.json]
    found = idempotency_headers()
    assert customer.post(path, json={"user_id": me(waiter)}, headers=found).status_code == 200
    assert customer.post(path, json={"user_id": me(waiter)}, headers=found).status_code == 200
    assert customer.post(path, json={"user_id": me(chef)}, headers=found).status_code == 422
    assert waiter.post(path, json={"user_id": me(chef)}, headers=key).status_code == 201


def test_a_request_that_is_refused_uses_no_key(people: dict[str, FlaskClient]) -> None:
    customer, waiter = people["customer"], client_as(people["owner"].application, Role.WAITER)
    key, path = idempotency_headers(), "/api/conversations"
    assert customer.post(path, json={"user_id": new_id()}, headers=key).status_code == 422
    assert customer.post(path, json={"user_id": me(waiter)}, headers=key).status_code == 201


def test_what_customers_say_is_counted_and_what_staff_say_is_not() -> None:
    with client_of(role=Role.CUSTOMER, message_limit="2/minute") as customer:
        waiter = client_as(customer.application, Role.WAITER)
        room = open_conversation(customer, waiter)
        for client in (customer, waiter, customer, waiter, waiter):
            send_message(client, room)
        path, body = f"/api/rooms/{room}/messages", {"content": "one too many"}
        refused = customer.post(path, json=body)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        assert len(read_back(waiter, room)) == 5
        other = client_as(customer.application, Role.CUSTOMER)
        send_message(other, open_conversation(other, waiter))


def test_guests_talk_with_staff_and_not_with_one_another(people: dict[str, FlaskClient]) -> None:
    told = set()
    customer = people["customer"]
    for user_id in (me(people["other customer"]), new_id(), me(customer)):
        refused = customer.post("/api/conversations", json={"user_id": user_id})
        told.add((refused.status_code, refused.json["detail"]))
    assert told == {(422, "user_id: is not a person you can have a conversation with")}
    assert open_conversation(people["moderator"], people["owner"])
    assert open_conversation(people["waiter"], people["other customer"])


def unread_of(client: FlaskClient) -> dict[str, Any]:
    items = client.get("/api/rooms/unread").json["items"]
    return {each["room_id"]: (each["kind"], each["unread"]) for each in items}


def test_what_others_said_is_unread_until_it_is_read(
    people: dict[str, FlaskClient], room: str, request: pytest.FixtureRequest
) -> None:
    waiter, customer = people["waiter"], people["customer"]
    kind = CONVERSATION if CONVERSATION in request.node.name else CHANNEL
    last = send_message(customer, room)
    answer = waiter.put(f"/api/rooms/{room}/read", json={"message_id": last["id"]})
    assert (answer.status_code, answer.json["message_id"]) == (200, last["id"])
    assert unread_of(waiter)[room] == (kind, 0)
    sent = [send_message(customer, room, f"{n}") for n in range(3)]
    send_message(waiter, room)
    assert unread_of(waiter)[room] == (kind, 3)
    customer.delete(f"/api/rooms/{room}/messages/{sent[0]['id']}")
    assert unread_of(waiter)[room] == (kind, 2)
    for message_id, left in ((sent[1]["id"], 1), (last["id"], 1), (sent[2]["id"], 0)):
        waiter.put(f"/api/rooms/{room}/read", json={"message_id": message_id})
        assert unread_of(waiter)[room] == (kind, left)
    [seen] = [
        each
        for each in customer.get(f"/api/rooms/{room}/reads").json["items"]
        if each["user_id"] == me(waiter)
    ]
    assert (seen["message_id"], seen["room_id"]) == (sent[2]["id"], room)


def test_whoever_is_in_too_many_rooms_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinerapp.messaging.services.read_markers.MAX_ROOMS", 2)
    with client_of(Role.MANAGER) as owner:
        others = [client_as(owner.application, Role.WAITER) for _ in range(3)]

        def unread() -> tuple[bool, set[str]]:
            body = owner.get("/api/rooms/unread").json
            return body["truncated"], {each["room_id"] for each in body["items"]}

        rooms = [open_conversation(owner, other) for other in others[:2]]
        server = add_server(owner)
        path = f"/api/servers/{server['id']}/channels"
        rooms += [general_room_id(owner, server), owner.post(path, json={"name": "bar"}).json["id"]]
        assert unread() == (False, {*rooms})
        third = owner.post(path, json={"name": "third"})
        assert unread() == (True, {*rooms})
        assert owner.delete(third.headers["Location"]).status_code == 204
        assert unread() == (False, {*rooms})
        newest = open_conversation(owner, others[2])
        assert unread() == (True, {newest, *rooms[1:]})


def test_only_messages_of_the_room_are_read(
    people: dict[str, FlaskClient], conversation: str, channel: str
) -> None:
    elsewhere = send_message(people["waiter"], channel)
    for message_id in (elsewhere["id"], new_id()):
        path = f"/api/rooms/{conversation}/read"
        refused = people["waiter"].put(path, json={"message_id": message_id})
        assert (refused.status_code, [*refused.json["errors"]]) == (422, ["message_id"])


def test_whoever_joins_late_has_not_to_read_what_was_said_before(
    people: dict[str, FlaskClient], server: dict[str, Any], channel: str
) -> None:
    kept = services_of(people["owner"]).repositories["channel_messages"]
    kept.save(message(room_id=channel, created_at=at(-(10**9))))
    late = join_server(client_as(people["owner"].application, Role.WAITER), server)
    assert unread_of(late)[channel] == (CHANNEL, 0)
    now = utc_now()
    for _ in range(103):
        kept.save(message(room_id=channel, created_at=now))
    assert unread_of(late)[channel] == (CHANNEL, 100)


def test_whoever_comes_back_has_not_to_read_what_was_said_meanwhile(
    people: dict[str, FlaskClient], server: dict[str, Any], channel: str
) -> None:
    waiter = join_server(client_as(people["owner"].application, Role.WAITER), server)
    read = send_message(people["owner"], channel)
    path = f"/api/rooms/{channel}/read"
    assert waiter.put(path, json={"message_id": read["id"]}).status_code == 200
    left = waiter.delete(f"/api/servers/{server['id']}/members/{me(waiter)}")
    assert left.status_code == 204
    send_message(people["owner"], channel)
    assert unread_of(join_server(waiter, server))[channel] == (CHANNEL, 0)
    send_message(people["owner"], channel)
    assert unread_of(waiter)[channel] == (CHANNEL, 1)
