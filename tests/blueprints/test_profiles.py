"""Profiles: what users say of themselves, who reads it and who changes it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.record import utc_now
from tests.blueprints.api_helpers import client_as, idempotency_headers, log_in, services_of

ALL = {
    "display_name": "Ada L.",
    "avatar_url": "https://example.org/ada.png",
    "bio": "counts",
    "phone": "+49301234567",
    "preferences": {"dietary": ["vegan"], "allergens": ["nuts"], "language": "pt-BR"},
}


def somebody(client: FlaskClient, role: Role = Role.CUSTOMER) -> tuple[FlaskClient, str]:
    """Somebody with an account, and the path of their profile."""
    own = client_as(client.application, None)
    return own, f"/api/users/{log_in(own, role).user.id}/profile"


@pytest.fixture
def own(client: FlaskClient) -> tuple[FlaskClient, str]:
    return somebody(client)


def forgotten(client: FlaskClient, path: str) -> None:
    """As if the user were older than profiles."""
    profiles: Any = services_of(client).repositories["profiles"]
    for side in profiles.stores:
        side.store.collection.delete_one({"_id": path.split("/")[3]})


def test_a_new_user_has_a_profile_that_says_what_is_known(own: tuple[FlaskClient, str]) -> None:
    client, path = own
    user_id = path.split("/")[3]
    assert user_id in services_of(client).repositories["profiles"].get_many([user_id])
    profile = client.get(path).json
    me = client.get("/api/auth/me").json
    assert (profile["id"], profile["display_name"]) == (me["id"], me["name"])
    assert profile["preferences"] == {"dietary": [], "allergens": [], "language": None}
    assert (profile["bio"], profile["avatar_url"], profile["revision"]) == ("", None, 1)


def test_registering_makes_one_profile(client: FlaskClient) -> None:
    body = {"email": f"{new_id()}@example.org", "password": "a long password", "name": "Ada"}
    headers = idempotency_headers()
    for _ in range(2):
        user = client.post("/api/auth/register", json=body, headers=headers).json
    profile = client.get(f"/api/users/{user['id']}/profile").json
    assert (profile["display_name"], profile["revision"]) == ("Ada", 1)


def test_users_change_all_of_their_profile(own: tuple[FlaskClient, str]) -> None:
    client, path = own
    answer = client.patch(path, json=ALL)
    assert answer.status_code == 200
    assert answer.json.items() >= ALL.items()
    read = client.get(path)
    assert read.json == answer.json
    assert read.headers["ETag"] == answer.headers["ETag"]
    assert read.headers["X-Diner-Store"] == "mongodb"


def test_what_is_left_out_stays(own: tuple[FlaskClient, str]) -> None:
    client, path = own
    client.patch(path, json=ALL)
    after = client.patch(path, json={"preferences": {"language": "de"}, "bio": ""}).json
    assert after["preferences"] == {**ALL["preferences"], "language": "de"}  # type: ignore[dict-item]
    assert (after["bio"], after["display_name"]) == ("", "Ada L.")
    cleared = client.patch(path, json={"avatar_url": None, "preferences": {"dietary": []}}).json
    assert (cleared["avatar_url"], cleared["preferences"]["dietary"]) == (None, [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"avatar_url": "javascript:alert(1)"}, "avatar_url"),
        ({"avatar_url": "ftp://example.org/a.png"}, "avatar_url"),
        ({"avatar_url": "data:image/png;base64,AA=="}, "avatar_url"),
        ({"avatar_url": "//example.org/a.png"}, "avatar_url"),
        ({"avatar_url": "https://"}, "avatar_url"),
        ({"avatar_url": "https://example.org/" + "x" * 2000}, "avatar_url"),
        ({"display_name": " "}, "display_name"),
        ({"display_name": None}, "display_name"),
        ({"bio": "x" * 2001}, "bio"),
        ({"phone": "none"}, "phone"),
        ({"preferences": None}, "preferences"),
        ({"preferences": {"colour": "red"}}, "preferences.colour"),
        ({"preferences": {"language": "Klingon!"}}, "preferences.language"),
        ({"preferences": {"language": "de\n"}}, "preferences.language"),
        ({"preferences": {"dietary": "vegan"}}, "preferences.dietary"),
        ({"preferences": {"dietary": ["x"] * 51}}, "preferences.dietary"),
        ({"role": "admin"}, "role"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_profile_that_is_none_is_refused_and_nothing_changes(
    own: tuple[FlaskClient, str], changes: dict[str, Any], field: str
) -> None:
    client, path = own
    before = client.get(path).json
    answer = client.patch(path, json=changes)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert client.get(path).json == before


def test_a_profile_is_changed_at_the_version_that_was_read(own: tuple[FlaskClient, str]) -> None:
    client, path = own
    etag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert client.patch(path, json={"bio": "a"}, headers={"If-Match": etag}).status_code == 200
    stale = client.patch(path, json={"bio": "b"}, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert client.get(path).json["bio"] == "a"


def test_without_a_record_a_profile_is_what_is_known_of_the_user_and_reading_writes_nothing(
    own: tuple[FlaskClient, str],
) -> None:
    client, path = own
    made = client.get(path).json
    forgotten(client, path)
    read = client.get(path)
    assert read.json == {**made, "revision": 0}
    repository = services_of(client).repositories["profiles"]
    assert repository.get_many([made["id"]]) == {}
    etag = {"If-Match": read.headers["ETag"]}
    changed = client.patch(path, json={"bio": "a"}, headers=etag)
    assert (changed.status_code, changed.json["bio"]) == (200, "a")
    assert client.get(path).json == changed.json
    assert client.patch(path, json={"bio": "b"}, headers=etag).status_code == 412


def test_the_first_change_can_be_repeated_and_insists_on_the_version_that_was_read(
    own: tuple[FlaskClient, str],
) -> None:
    client, path = own
    etag = client.get(path).headers["ETag"]
    forgotten(client, path)
    stale = client.patch(path, json={"bio": "a"}, headers={"If-Match": etag})
    assert stale.status_code == 412
    headers = idempotency_headers()
    first = client.patch(path, json={"bio": "a"}, headers=headers)
    again = client.patch(path, json={"bio": "a"}, headers=headers)
    assert again.json == first.json
    assert again.headers["Idempotent-Replay"] == "true"
    assert client.patch(path, json={"bio": "b"}, headers=headers).status_code == 422


def test_a_profile_that_was_made_a_moment_ago_is_changed_all_the_same(
    own: tuple[FlaskClient, str],
) -> None:
    client, path = own
    service = services_of(client).of(AccountServices).profiles
    user_id = path.split("/")[3]
    user = services_of(client).of(AccountServices).accounts.get(user_id)
    service._on_user_created(None, user)
    assert client.get(path).json["revision"] == 1


def test_managers_read_profiles_and_admins_change_them(
    client: FlaskClient, own: tuple[FlaskClient, str]
) -> None:
    _, path = own
    manager, _ = somebody(client, Role.MANAGER)
    assert manager.get(path).status_code == 200
    refused = manager.patch(path, json={"bio": "a"})
    assert refused.status_code == 403
    assert client.get(path).json["bio"] == ""
    assert client.patch(path, json={"bio": "a"}).json["bio"] == "a"


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.WAITER, Role.CHEF, Role.CASHIER])
def test_nobody_else_can_tell_a_profile_from_one_that_is_not_there(
    client: FlaskClient, own: tuple[FlaskClient, str], role: Role
) -> None:
    _, path = own
    other, own_path = somebody(client, role)
    answers = []
    for each in (path, f"/api/users/{new_id()}/profile"):
        read, changed = other.get(each), other.patch(each, json={"bio": "a"})
        words = [one.json["detail"].replace(each.split("/")[3], "…") for one in (read, changed)]
        answers.append((read.status_code, changed.status_code, *words))
        assert "X-Diner-Store" not in read.headers or answers[0] == answers[-1]
    assert len(set(answers)) == 1
    assert answers[0][:2] == (404, 404)
    assert other.patch(own_path, json={"bio": "a"}).status_code == 200


def test_a_user_nobody_has_heard_of_has_no_profile(client: FlaskClient) -> None:
    path = f"/api/users/{new_id()}/profile"
    assert client.get(path).status_code == 404
    assert client.patch(path, json={"bio": "a"}).status_code == 404


def test_a_profile_is_its_own_and_does_not_follow_the_account(
    client: FlaskClient, own: tuple[FlaskClient, str]
) -> None:
    _, path = own
    user_id = path.split("/")[3]
    client.patch(f"/api/users/{user_id}", json={"name": "Grace"})
    assert client.get(path).json["display_name"] == "customer"
    repository = services_of(client).repositories["profiles"]
    record = repository.get(user_id)
    moved = repository.save(record.with_changes(op_id=new_op_id(), now=utc_now(), bio="elsewhere"))
    assert client.get(path).json["bio"] == moved.bio
