"""Servers, their members and their channels as people in every role meet them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.identity import new_id
from tests.blueprints.api_helpers import client_as, client_of, idempotency_headers, services_of
from tests.blueprints.messaging_helpers import add_server, join_server, me
from tests.factories import member


@pytest.fixture(scope="module")
def owner() -> Iterator[FlaskClient]:
    """A manager's, in an application of their own."""
    with client_of(Role.MANAGER) as client:
        yield client


@pytest.fixture
def server(owner: FlaskClient) -> dict[str, Any]:
    return add_server(owner)


@pytest.fixture(scope="module")
def accounts(owner: FlaskClient) -> dict[str, FlaskClient]:
    """One for each member role, a stranger, and somebody whom things are done to."""
    app = owner.application
    roles = dict.fromkeys(("admin", "moderator", "guest"), Role.WAITER)
    roles |= {"stranger": Role.ADMIN, "other": Role.CUSTOMER}
    return {"owner": owner, **{who: client_as(app, role) for who, role in roles.items()}}


@pytest.fixture
def people(
    owner: FlaskClient, server: dict[str, Any], accounts: dict[str, FlaskClient]
) -> dict[str, FlaskClient]:
    """They, in a new server, in their roles."""
    for role in ("admin", "moderator", "guest"):
        join_server(accounts[role], server, role, owner)
    return accounts


def test_a_new_server_has_a_general_channel_and_its_owner(owner: FlaskClient) -> None:
    answer = owner.post("/api/servers", json={"name": "Diner"}, headers=idempotency_headers("once"))
    server = answer.json
    assert (server["role"], server["owner_id"]) == ("admin", me(owner))
    assert len(server["invite_code"]) >= 20
    path = answer.headers["Location"]
    assert owner.get(path).json == server
    [general] = owner.get(f"{path}/channels").json["items"]
    assert (general["name"], general["general"]) == ("general", True)
    [member] = owner.get(f"{path}/members").json["items"]
    assert (member["user_id"], member["role"], member["name"]) == (me(owner), "admin", "manager")
    again = owner.post("/api/servers", json={"name": "Diner"}, headers=idempotency_headers("once"))
    assert (again.json, again.headers["Idempotent-Replay"]) == (server, "true")
    other = owner.post(
        "/api/servers", json={"name": "Another"}, headers=idempotency_headers("once")
    )
    assert other.status_code == 422
    assert owner.get(path).json == server


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_servers_are_made_by_managers_and_admins(owner: FlaskClient, role: Role | None) -> None:
    answer = client_as(owner.application, role).post("/api/servers", json={"name": "Diner"})
    expected = {None: 401, Role.MANAGER: 201, Role.ADMIN: 201}.get(role, 403)
    assert answer.status_code == expected


def test_everybody_finds_their_own_servers_latest_joined_first(
    owner: FlaskClient,
) -> None:
    waiter = client_as(owner.application, Role.WAITER)
    servers = [add_server(owner, name=f"Branch {n}") for n in range(3)]
    for server in servers:
        join_server(waiter, server)
    gone = servers.pop(1)
    assert owner.delete(f"/api/servers/{gone['id']}").status_code == 204
    first = waiter.get("/api/servers?limit=1").json
    rest = waiter.get(f"/api/servers?cursor={first['next_cursor']}").json
    found = [server["id"] for server in first["items"] + rest["items"]]
    assert found == [server["id"] for server in servers[::-1]]
    assert client_as(owner.application, Role.ADMIN).get("/api/servers").json["items"] == []


ANYBODY_IN = {"owner", "admin", "moderator", "guest"}
ADMINS = {"owner", "admin"}
MODERATORS = {*ADMINS, "moderator"}
DEEDS: list[tuple[str, str, Any, set[str]]] = [
    ("GET", "", None, ANYBODY_IN),
    ("PATCH", "", {"name": "Other"}, ADMINS),
    ("POST", "/invite", None, ADMINS),
    ("GET", "/channels", None, ANYBODY_IN),
    ("POST", "/channels", {"name": "bar"}, MODERATORS),
    ("GET", "/channels/{channel}", None, ANYBODY_IN),
    ("PATCH", "/channels/{channel}", {"name": "pass"}, MODERATORS),
    ("GET", "/members", None, ANYBODY_IN),
    ("PATCH", "/members/{member}", {"role": "moderator"}, ADMINS),
    ("DELETE", "/members/{member}", None, MODERATORS),
    ("DELETE", "/channels/{channel}", None, MODERATORS),
    ("DELETE", "", None, ADMINS),
]


@pytest.mark.parametrize(("method", "path", "body", "allowed"), DEEDS)
def test_who_may_do_what_in_a_server(
    people: dict[str, FlaskClient],
    server: dict[str, Any],
    method: str,
    path: str,
    body: Any,
    allowed: set[str],
) -> None:
    """Whoever may not comes first: for them everything is still there."""
    owner, base = people["owner"], f"/api/servers/{server['id']}"
    channel = owner.post(f"{base}/channels", json={"name": "kitchen"}).json
    member = me(join_server(people["other"], server))
    path = base + path.format(channel=channel["id"], member=member)
    nowhere = people["stranger"].open(
        path.replace(server["id"], new_id()), method=method, json=body
    )
    assert nowhere.status_code == 404
    for who in ("stranger", "guest", "moderator", "admin", "owner"):
        answer = people[who].open(path, method=method, json=body)
        if who in allowed:
            assert answer.status_code in (200, 201, 204), who
            if method == "DELETE":
                break
        else:
            assert answer.status_code == (404 if who == "stranger" else 403), who


def test_only_admins_see_the_invite_code(
    people: dict[str, FlaskClient], server: dict[str, Any]
) -> None:
    for who in ("owner", "admin", "moderator", "guest"):
        client = people[who]
        seen = client.get(f"/api/servers/{server['id']}")
        listed = client.get("/api/servers").text
        assert (server["invite_code"] in seen.text) == (who in ADMINS)
        assert (server["invite_code"] in listed) == (who in ADMINS)


def test_a_renewed_code_makes_the_old_one_worthless(
    owner: FlaskClient, server: dict[str, Any]
) -> None:
    path = f"/api/servers/{server['id']}/invite"
    renewed = owner.post(path, headers=idempotency_headers("renew")).json
    assert owner.post(path, headers=idempotency_headers("renew")).json == renewed
    waiter = client_as(owner.application, Role.WAITER)
    refused = waiter.post("/api/servers/join", json={"code": server["invite_code"]})
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["code"])
    assert join_server(waiter, renewed).get(f"/api/servers/{server['id']}").json["role"] == "guest"


def test_a_key_joins_one_server_and_no_other(people: dict[str, FlaskClient], server: Any) -> None:
    owner, path, key = people["owner"], "/api/servers/join", idempotency_headers()
    waiter, other = client_as(owner.application, Role.WAITER), add_server(owner)
    body = {"code": server["invite_code"]}
    first = waiter.post(path, json=body, headers=key)
    again = waiter.post(path, json=body, headers=key)
    assert (first.status_code, first.json) == (200, again.json)
    assert again.headers["Idempotent-Replay"] == "true"
    refused = waiter.post(path, json={"code": other["invite_code"]}, headers=key)
    assert refused.status_code == 422
    assert refused.json["type"].endswith("key-reused")
    assert [each["id"] for each in waiter.get("/api/servers").json["items"]] == [server["id"]]
    found = idempotency_headers()
    assert waiter.post(path, json=body, headers=found).status_code == 200
    refused = waiter.post(path, json={"code": other["invite_code"]}, headers=found)
    assert refused.status_code == 422


def test_to_join_twice_changes_nothing(people: dict[str, FlaskClient], server: Any) -> None:
    again = people["moderator"].post("/api/servers/join", json={"code": server["invite_code"]})
    assert (again.status_code, again.json["role"]) == (200, "moderator")


def test_whoever_left_may_come_back_with_the_same_code(
    people: dict[str, FlaskClient], server: dict[str, Any]
) -> None:
    client, path = people["moderator"], f"/api/servers/{server['id']}"
    leaving = f"{path}/members/{me(client)}"
    assert client.delete(leaving, headers=idempotency_headers("leave")).status_code == 204
    assert client.get(path).status_code == 404
    again = client.delete(leaving, headers=idempotency_headers("leave"))
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (204, "true")
    assert client.delete(leaving).status_code == 404
    join_server(client, server)
    assert client.get(path).json["role"] == "guest"


def test_whoever_was_put_out_needs_a_new_code(
    people: dict[str, FlaskClient], server: dict[str, Any]
) -> None:
    guest, path = people["guest"], f"/api/servers/{server['id']}"
    assert people["moderator"].delete(f"{path}/members/{me(guest)}").status_code == 204
    assert guest.get(path).status_code == 404
    members = people["owner"].get(f"{path}/members").json["items"]
    assert me(guest) not in [member["user_id"] for member in members]
    refused = guest.post("/api/servers/join", json={"code": server["invite_code"]})
    assert refused.status_code == 403
    join_server(guest, people["owner"].post(f"{path}/invite").json)
    assert guest.get(path).status_code == 200


def test_moderators_put_out_guests_only_and_nobody_the_owner(
    people: dict[str, FlaskClient], server: dict[str, Any]
) -> None:
    path = f"/api/servers/{server['id']}/members"
    for who in ("owner", "admin"):
        refused = people["moderator"].delete(f"{path}/{me(people[who])}")
        assert refused.status_code in (403, 409), who
    owner = f"{path}/{me(people['owner'])}"
    assert people["admin"].delete(owner).status_code == 409
    assert people["admin"].patch(owner, json={"role": "guest"}).status_code == 409
    assert people["owner"].delete(owner).status_code == 409
    assert people["admin"].delete(f"{path}/{me(people['moderator'])}").status_code == 204
    assert people["admin"].delete(f"{path}/{new_id()}").status_code == 404


def test_the_general_channel_stays(owner: FlaskClient, server: dict[str, Any]) -> None:
    path = f"/api/servers/{server['id']}/channels"
    [general] = owner.get(path).json["items"]
    assert owner.delete(f"{path}/{general['id']}").status_code == 409
    assert owner.patch(f"{path}/{general['id']}", json={"name": "x"}).status_code == 409
    assert owner.get(path).json["items"] == [general]


def test_a_channel_belongs_to_its_server(owner: FlaskClient, server: dict[str, Any]) -> None:
    other = add_server(owner)
    [general] = owner.get(f"/api/servers/{other['id']}/channels").json["items"]
    path = f"/api/servers/{server['id']}/channels/{general['id']}"
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert owner.open(path, method=method, json=body).status_code == 404


def test_changes_are_made_to_the_version_that_was_read(
    owner: FlaskClient, server: dict[str, Any]
) -> None:
    path = f"/api/servers/{server['id']}"
    etag = owner.get(path).headers["ETag"]
    assert owner.get(path, headers={"If-None-Match": etag}).status_code == 304
    changed = owner.patch(path, json={"name": "Two"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json["name"]) == (200, "Two")
    stale = owner.patch(path, json={"name": "Three"}, headers={"If-Match": etag})
    assert (stale.status_code, owner.get(path).json) == (412, changed.json)
    deleted = owner.delete(path, headers=idempotency_headers("gone"))
    assert deleted.status_code == 204
    assert (
        owner.delete(path, headers=idempotency_headers("gone")).headers["Idempotent-Replay"]
        == "true"
    )
    assert owner.get(path).status_code == 404


def test_two_hundred_members_are_read_in_pages(owner: FlaskClient, server: Any) -> None:
    kept = services_of(owner).repositories["members"]

    for _ in range(199):
        kept.save(member(server_id=server["id"]))
    found, cursor = [], ""
    while cursor is not None:
        query = f"?limit=70&cursor={cursor}" if cursor else "?limit=70"
        page = owner.get(f"/api/servers/{server['id']}/members{query}").json
        found += [each["user_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert (len(found), len(set(found))) == (200, 200)
