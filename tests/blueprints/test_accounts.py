"""Accounts and tokens, as their owners use them and as thieves would like to."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.users import MAX_SESSIONS, REPEAT_WINDOW, Session
from dinerapp.accounts.errors import TooBusy
from dinerapp.accounts.ports.users import UserFilter
from dinerapp.accounts.services.tokens import SessionTokens
from dinerapp.replication import conflicts
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.record import utc_now
from dinerapp.runtime.app import create_app
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running
from tests.blueprints.api_helpers import (
    FAST_SETTINGS,
    JSON,
    PASSWORD,
    CheckedClient,
    add_dish,
    bearer,
    client_as,
    client_of,
    idempotency_headers,
    order_for,
    place_order,
    services_of,
)
from tests.blueprints.two_store_apps import BOTH, POSTGRESQL, TwoStoreApp
from tests.factories import session

OTHER = "another long password"
Pair = dict[str, Any]


def email_of(name: str) -> str:
    return f"{name}-{uuid4().hex}@example.org"


def registered(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    body = {"email": email_of("ada"), "password": PASSWORD, "name": "Ada", **fields}
    answer = client.post("/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json
    return user


def log_in(client: FlaskClient, email: str, password: str = PASSWORD) -> TestResponse:
    return client.post("/api/auth/login", json={"email": email, "password": password})


def logged_in(client: FlaskClient, **fields: Any) -> Pair:
    """The tokens of a new customer."""
    granted: Pair = log_in(client, registered(client, **fields)["email"]).json
    return granted


def refresh(client: FlaskClient, token: str) -> TestResponse:
    return client.post("/api/auth/refresh", json={"refresh_token": token})


def me(client: FlaskClient, granted: Pair) -> int:
    """What the tokens are worth."""
    return client.get("/api/auth/me", headers=bearer(granted["access_token"])).status_code


def change(client: FlaskClient, user: dict[str, Any], **fields: Any) -> TestResponse:
    return client.patch(f"/api/users/{user['id']}", json=fields)


def rewound(client: FlaskClient, granted: Pair, by: timedelta) -> None:
    """As if the session's last refresh had been so long ago."""
    users = services_of(client).repositories["users"]
    user = users.get(granted["user"]["id"])
    sessions = tuple(_earlier(one, by) for one in user.sessions)
    users.save(user.with_changes(op_id=new_op_id(), now=utc_now(), sessions=sessions))


def _earlier(session: Session, by: timedelta) -> Session:
    return replace(session, rotated_at=session.rotated_at - by, expires_at=session.expires_at - by)


def test_whoever_registers_can_log_in_and_read_their_account(guests: FlaskClient) -> None:
    email = email_of("Ada")
    body = {"email": email, "password": PASSWORD, "name": "Ada", "phone": "+49 30 1234567"}
    made = guests.post("/api/auth/register", json=body)
    assert made.status_code == 201
    wanted = {"email": email.lower(), "name": "Ada", "phone": "+49301234567", "role": "customer"}
    assert wanted.items() <= made.json.items()
    granted = log_in(guests, email)
    assert (granted.status_code, granted.headers["Cache-Control"]) == (200, "no-store")
    assert granted.json["token_type"] == "Bearer"
    assert granted.json["expires_in"] == FAST_SETTINGS["access_token_seconds"]
    token = bearer(granted.json["access_token"])
    mine = guests.get(made.headers["Location"], headers=token)
    assert mine.json == granted.json["user"]
    assert mine.json["id"] == made.json["id"]


@pytest.mark.parametrize("form", [str.upper, str.title, lambda email: f"\uff41{email[1:]}"])
def test_an_address_is_one_however_it_is_written(guests: FlaskClient, form: Any) -> None:
    user = registered(guests, email=f"a{uuid4().hex}@example.org")
    assert log_in(guests, form(user["email"])).status_code == 200
    registered(guests, email=user["email"].upper(), password=OTHER)
    assert log_in(guests, user["email"], OTHER).status_code == 401


def test_registering_does_not_tell_whether_an_address_is_taken(guests: FlaskClient) -> None:
    users = services_of(guests).repositories["users"]
    theirs = users.get(registered(guests)["id"])
    answers = []
    for email in (theirs.email, email_of("ada")):
        body = {"email": email, "password": OTHER, "name": "Eve", "phone": "+49 30 7654321"}
        answers.append(guests.post("/api/auth/register", json=body, headers=idempotency_headers()))
    taken, new = ({**answer.json, "email": ""} for answer in answers)
    varying = {"id", "created_at", "updated_at"}
    assert taken.keys() == new.keys()
    assert {name for name in taken if taken[name] != new[name]} <= varying
    assert answers[0].json["email"] == theirs.email
    headers = [{**answer.headers, "X-Request-Id": "", "Content-Length": ""} for answer in answers]
    assert headers[0] == headers[1]
    assert users.get(theirs.id) == theirs
    assert log_in(guests, theirs.email).status_code == 200
    assert log_in(guests, theirs.email, OTHER).status_code == 401


def test_registering_a_taken_address_costs_as_many_hashes_as_a_new_one(
    guests: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, passwords = (
        registered(guests)["email"],
        services_of(guests).of(AccountServices).accounts._passwords,
    )
    hashes: list[str] = []
    hash_password = passwords.hash

    def hash_counted(password: str) -> str:
        hashes.append(password)
        return str(hash_password(password))

    monkeypatch.setattr(passwords, "hash", hash_counted)
    for email in (taken, email_of("new")):
        before = len(hashes)
        registered(guests, email=email)
        assert len(hashes) == before + 1


def test_looking_up_an_order_does_not_tell_whose_numbers_are_known(client: FlaskClient) -> None:
    order = place_order(client, order_for(add_dish(client)))
    phone, code = order["customer"]["phone"], "XXXX" if order["code"] != "XXXX" else "YYYY"
    answers = [
        client.get("/api/orders/lookup", query_string={"phone": number, "code": code})
        for number in (phone, "+4915112345678")
    ]
    told = [{**answer.json, "request_id": ""} for answer in answers]
    assert (told[0]["status"], told[0]) == (404, told[1])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ada"),
        ("email", f"{'a' * 250}@b.de"),
        ("password", "too short"),
        ("password", "x" * 201),
        ("password", " " * 20),
        ("password", None),
        ("password", ["x"] * 20),
        ("name", ""),
        ("phone", "none"),
        ("role", "admin"),
        ("active", True),
        ("password_hash", "x"),
    ],
)
def test_an_account_is_not_made_of_nonsense_or_with_power(
    guests: FlaskClient, field: str, value: Any
) -> None:
    body = {"email": email_of("ada"), "password": PASSWORD, "name": "Ada", field: value}
    refused = guests.post("/api/auth/register", json=body)
    assert (refused.status_code, [*refused.json["errors"]]) == (422, [field])


def test_a_repeated_registration_is_a_replay_and_its_key_holds_no_trace_of_the_password(
    guests: FlaskClient,
) -> None:
    body = {"email": email_of("ada"), "password": PASSWORD, "name": "Ada"}
    headers = idempotency_headers()
    first = guests.post("/api/auth/register", json=body, headers=headers)
    again = guests.post("/api/auth/register", json=body, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replay"] == "true"
    other = guests.post("/api/auth/register", json={**body, "password": OTHER}, headers=headers)
    assert other.headers["Idempotent-Replay"] == "true"
    assert log_in(guests, body["email"], OTHER).status_code == 401
    elsewhere = guests.post("/api/auth/register", json={**body, "name": "Grace"}, headers=headers)
    assert (elsewhere.status_code, [*elsewhere.json["errors"]]) == (422, ["Idempotency-Key"])


def test_an_unknown_address_a_wrong_password_and_a_closed_account_are_told_the_same(
    client: FlaskClient, guests: FlaskClient
) -> None:
    diner = services_of(guests)
    closed = registered(guests)
    accounts = diner.repositories["users"]
    user = accounts.get(closed["id"])
    accounts.save(user.with_edit(op_id=new_op_id(), now=utc_now(), active=False))
    answers = [
        log_in(guests, email_of("nobody")),
        log_in(guests, registered(guests)["email"], OTHER),
        log_in(guests, closed["email"]),
        log_in(guests, "not even an address"),
    ]
    told = [{**answer.json, "request_id": ""} for answer in answers]
    headers = [{**dict(answer.headers), "X-Request-Id": ""} for answer in answers]
    assert told == [told[0]] * 4
    assert headers == [headers[0]] * 4
    assert told[0]["status"] == 401


def test_an_unknown_address_costs_as_many_hashes_as_a_known_one(
    guests: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = services_of(guests).of(AccountServices).accounts
    hashes: list[str] = []

    class Counting:
        def verify(self, password_hash: str, _password: bytes) -> bool:
            hashes.append(password_hash)
            return False

        def check_needs_rehash(self, _hash: str) -> bool:
            return False

    user = registered(guests)
    log_in(guests, email_of("nobody"))
    monkeypatch.setattr(accounts._passwords, "_argon2", Counting())
    for email in (user["email"], email_of("nobody")):
        log_in(guests, email)
    assert [len(one.split("$")) for one in hashes] == [6, 6]
    assert hashes[0].split("$")[:4] == hashes[1].split("$")[:4]


def test_a_session_that_was_ended_is_worth_nothing_at_once_on_any_process() -> None:
    stores = memory_stores()
    apps = [create_app(Settings(**FAST_SETTINGS), stores=stores) for _ in range(2)]
    for app in apps:
        app.test_client_class = CheckedClient
    with running(apps[0]), running(apps[1]):
        here, there = (app.test_client() for app in apps)
        granted = logged_in(here)
        others = log_in(here, granted["user"]["email"]).json
        assert (me(here, granted), me(there, granted)) == (200, 200)
        ended = there.post("/api/auth/logout", headers=bearer(granted["access_token"]))
        assert (ended.status_code, ended.data) == (204, b"")
        assert (me(here, granted), me(there, granted)) == (401, 401)
        for client in (here, there):
            assert refresh(client, granted["refresh_token"]).status_code == 401
            body = order_for({"id": "01a1fd5b-738a-7340-82a6-7288b9785b65"})
            headers = bearer(granted["access_token"])
            assert client.post("/api/orders", json=body, headers=headers).status_code == 401
        assert me(here, others) == 200


def test_a_refresh_token_is_good_for_the_next_pair(guests: FlaskClient) -> None:
    granted = logged_in(guests)
    for _ in range(3):
        answer = refresh(guests, granted["refresh_token"])
        assert answer.status_code == 200
        assert answer.json["refresh_token"] != granted["refresh_token"]
        assert me(guests, answer.json) == 200
        granted = answer.json


def test_a_refresh_whose_answer_was_lost_is_answered_again(guests: FlaskClient) -> None:
    granted = logged_in(guests)
    first, again = (refresh(guests, granted["refresh_token"]) for _ in range(2))
    assert again.json["refresh_token"] == first.json["refresh_token"]
    assert refresh(guests, again.json["refresh_token"]).status_code == 200


def test_a_refresh_token_that_is_shown_again_later_ends_the_session(guests: FlaskClient) -> None:
    granted = logged_in(guests)
    stolen = granted["refresh_token"]
    latest = refresh(guests, stolen).json
    rewound(guests, granted, REPEAT_WINDOW + timedelta(seconds=1))
    assert refresh(guests, stolen).status_code == 401
    assert me(guests, latest) == 401
    assert refresh(guests, latest["refresh_token"]).status_code == 401


def test_a_refresh_token_from_before_the_last_but_one_ends_the_session_at_once(
    guests: FlaskClient,
) -> None:
    granted = logged_in(guests)
    second = refresh(guests, granted["refresh_token"]).json
    third = refresh(guests, second["refresh_token"]).json
    assert refresh(guests, granted["refresh_token"]).status_code == 401
    assert me(guests, third) == 401


def test_a_session_ends_by_itself_when_it_is_not_used(guests: FlaskClient) -> None:
    granted = logged_in(guests)
    rewound(guests, granted, timedelta(days=31))
    assert me(guests, granted) == 401
    assert refresh(guests, granted["refresh_token"]).status_code == 401


def test_of_very_many_sessions_the_oldest_is_forgotten(guests: FlaskClient) -> None:
    oldest = logged_in(guests)
    email = oldest["user"]["email"]
    others = [log_in(guests, email).json for _ in range(MAX_SESSIONS)]
    assert me(guests, oldest) == 401
    assert {me(guests, other) for other in others} == {200}


def tampered(token: str, **claims: Any) -> str:
    head, body, signature = token.split(".")
    plain = json.loads(base64.urlsafe_b64decode(body + "=="))
    return ".".join((head, encoded({**plain, **claims}), signature))


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def unsigned(token: str, alg: str) -> str:
    _, body, _ = token.split(".")
    return ".".join((encoded({"alg": alg, "typ": "JWT"}), body, ""))


def otherwise_signed(token: str, secret: str, seconds: int = 900) -> str:
    claim = SessionTokens(FAST_SETTINGS["secret_key"], timedelta(seconds=900)).read_access(token)
    signer = SessionTokens(secret, timedelta(seconds=seconds))
    return signer.issue_access(claim.user_id, session(id=claim.session_id), utc_now())


FORGERIES: dict[str, Callable[[Any, str], str]] = {
    "somebody else's": lambda granted, admin: tampered(granted["access_token"], sub=admin),
    "a later end": lambda granted, _: tampered(granted["access_token"], exp=2**40),
    "no algorithm": lambda granted, _: unsigned(granted["access_token"], "none"),
    "no signature": lambda granted, _: unsigned(granted["access_token"], "HS256"),
    "another algorithm": lambda granted, _: unsigned(granted["access_token"], "RS256"),
    "another key": lambda granted, _: otherwise_signed(granted["access_token"], "guessed"),
    "no key": lambda granted, _: otherwise_signed(granted["access_token"], ""),
    "expired": lambda granted, _: otherwise_signed(
        granted["access_token"], FAST_SETTINGS["secret_key"], -1
    ),
    "a refresh token": lambda granted, _: granted["refresh_token"],
    "cut off": lambda granted, _: granted["access_token"][:-1],
    "longer": lambda granted, _: granted["access_token"] + "A",
    "very long": lambda granted, _: granted["access_token"] * 50,
    "dots": lambda *_: "..",
    "rubbish": lambda *_: "a.b.c",
    "strange letters": lambda *_: "ü.ü.ü",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_is_not_ours_and_whole_and_current_is_refused(
    guests: FlaskClient, forgery: str
) -> None:
    granted = logged_in(guests)
    token = FORGERIES[forgery](granted, registered(guests)["id"])
    for path in ("/api/auth/me", "/api/orders", "/api/orders/01a1fd5b-738a-7340-82a6-7288b9785b65"):
        refused = guests.get(path, headers=bearer(token))
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert me(guests, granted) == 200


@pytest.mark.parametrize("how", ["access token", "rubbish", "tampered", "empty"])
def test_what_is_no_refresh_token_refreshes_nothing(guests: FlaskClient, how: str) -> None:
    granted = logged_in(guests)
    token = {
        "access token": granted["access_token"],
        "rubbish": "a.b.c",
        "tampered": tampered(granted["refresh_token"], gen=7),
        "empty": "",
    }[how]
    assert refresh(guests, token).status_code == (422 if how == "empty" else 401)
    assert me(guests, granted) == 200


@pytest.mark.parametrize("headers", [{"Cookie": "access_token={}"}, {"X-Access-Token": "{}"}])
def test_a_token_counts_nowhere_but_in_its_header(
    guests: FlaskClient, headers: dict[str, str]
) -> None:
    token = logged_in(guests)["access_token"]
    headers = {name: value.format(token) for name, value in headers.items()}
    assert guests.get("/api/auth/me", headers=headers).status_code == 401
    assert guests.get("/api/auth/me", query_string={"access_token": token}).status_code == 401


def test_a_closed_account_is_shut_out_at_once_and_its_old_logins_stay_so(
    client: FlaskClient,
) -> None:
    granted = logged_in(client)
    assert change(client, granted["user"], active=False).json["active"] is False
    assert me(client, granted) == 401
    assert log_in(client, granted["user"]["email"]).status_code == 401
    assert refresh(client, granted["refresh_token"]).status_code == 401
    assert change(client, granted["user"], active=True).status_code == 200
    assert me(client, granted) == 401
    assert log_in(client, granted["user"]["email"]).status_code == 200


def test_a_new_role_counts_from_the_next_request(client: FlaskClient) -> None:
    granted = logged_in(client)
    token = bearer(granted["access_token"])
    path = f"/api/menu/items/{add_dish(client)['id']}/availability"
    assert client.put(path, json={"available": False}, headers=token).status_code == 403
    assert change(client, granted["user"], role="chef").status_code == 200
    assert client.put(path, json={"available": False}, headers=token).status_code == 200
    change(client, granted["user"], role="waiter")
    assert client.put(path, json={"available": True}, headers=token).status_code == 403


def test_another_password_ends_the_other_sessions(guests: FlaskClient) -> None:
    mine = logged_in(guests)
    email = mine["user"]["email"]
    others = log_in(guests, email).json
    body = {"current_password": PASSWORD, "new_password": OTHER}
    token = bearer(mine["access_token"])
    assert guests.post("/api/auth/password", json=body, headers=token).status_code == 204
    assert (me(guests, mine), me(guests, others)) == (200, 401)
    assert refresh(guests, others["refresh_token"]).status_code == 401
    assert log_in(guests, email).status_code == 401
    assert log_in(guests, email, OTHER).status_code == 200


def test_another_password_wants_the_current_one(guests: FlaskClient) -> None:
    mine = logged_in(guests)
    body = {"current_password": OTHER, "new_password": OTHER}
    refused = guests.post("/api/auth/password", json=body, headers=bearer(mine["access_token"]))
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["current_password"])
    assert log_in(guests, mine["user"]["email"]).status_code == 200


def test_a_hash_made_with_other_parameters_is_replaced_at_the_next_login() -> None:
    stores = memory_stores()
    with running(create_app(Settings(**FAST_SETTINGS), stores=stores)) as app:
        user = registered(app.test_client())
    stronger = Settings(**{**FAST_SETTINGS, "password_rounds": 2})
    with running(create_app(stronger, stores=stores)) as app:
        client = app.test_client()
        users = services_of(client).repositories["users"]
        before = users.get(user["id"]).password_hash
        for _ in range(2):
            assert log_in(client, user["email"]).status_code == 200
        after = users.get(user["id"]).password_hash
    assert ("t=1" in before, "t=2" in after) == (True, True)


def test_managers_look_after_accounts_without_power_and_admins_after_all(
    client: FlaskClient,
) -> None:
    app = client.application
    manager, admin = client_as(app, Role.MANAGER), client_as(app, Role.ADMIN)
    waiter = registered(client)
    assert change(manager, waiter, role="waiter", name="Bo", phone=None).status_code == 200
    for role in ("manager", "admin"):
        assert change(manager, waiter, role=role).status_code == 403
        assert change(admin, waiter, role=role).json["role"] == role
        for fields in ({"active": False}, {"role": "customer"}, {"name": "Eve"}):
            assert change(manager, waiter, **fields).status_code == 403
    assert change(admin, waiter, role="customer").status_code == 200


def test_nobody_makes_themselves_more_or_less(client: FlaskClient) -> None:
    for role in (Role.MANAGER, Role.ADMIN):
        one = client_as(client.application, role)
        user = one.get("/api/auth/me").json
        assert change(one, user, role="admin").status_code == 403
        assert change(one, user, active=False).status_code == 403
        assert change(one, user, name="Grace").json["name"] == "Grace"


def test_users_are_listed_by_pages_and_filters() -> None:
    with client_of() as client:
        made = [registered(client)["id"] for _ in range(5)]
        change(client, {"id": made[0]}, role="chef", active=False)
        first = client.get("/api/users?limit=4&role=customer").json
        assert [user["id"] for user in first["items"]] == made[:0:-1]
        assert first["next_cursor"] is None
        pages = [client.get("/api/users?limit=4").json]
        pages.append(client.get(f"/api/users?limit=4&cursor={pages[0]['next_cursor']}").json)
        assert len([user for page in pages for user in page["items"]]) == 6
        assert [u["id"] for u in client.get("/api/users?active=false").json["items"]] == made[:1]
        for query in ("role=boss", "active=perhaps", "email=x"):
            assert client.get(f"/api/users?{query}").status_code == 422


def test_a_change_of_an_account_heeds_its_version_and_is_made_once(client: FlaskClient) -> None:
    user, headers = registered(client), idempotency_headers()
    path = f"/api/users/{user['id']}"
    first = client.patch(path, json={"name": "Grace"}, headers=headers)
    again = client.patch(path, json={"name": "Grace"}, headers=headers)
    assert (again.json, again.headers["Idempotent-Replay"]) == (first.json, "true")
    stale = {"If-Match": '"p1m0n0"'}
    assert client.patch(path, json={"name": "Eve"}, headers=stale).status_code == 412


@pytest.fixture
def counted() -> Iterator[FlaskClient]:
    """A guest of an application that counts."""
    limits: dict[str, Any] = {
        "login_limit": "3/minute",
        "register_limit": "2/minute",
        "order_limit": "2/hour",
    }
    with client_of(role=None, **limits, trusted_proxies=1) as client:
        yield client


def from_address(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def assert_too_many(answer: TestResponse) -> None:
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 3600


def test_passwords_cannot_be_guessed_at_leisure(counted: FlaskClient) -> None:
    email = registered(counted)["email"]
    for _ in range(3):
        assert log_in(counted, email, OTHER).status_code == 401
    assert_too_many(log_in(counted, email))
    body = {"email": email, "password": PASSWORD}
    elsewhere = counted.post("/api/auth/login", json=body, headers=from_address("198.51.100.7"))
    assert elsewhere.status_code == 200


def test_one_account_cannot_be_guessed_from_many_addresses() -> None:
    with client_of(role=None, account_limit="3/minute", trusted_proxies=1) as client:
        email = registered(client)["email"]
        for number in range(4):
            body = {"email": email.upper() if number % 2 else email, "password": OTHER}
            headers = from_address(f"198.51.100.{number}")
            answer = client.post("/api/auth/login", json=body, headers=headers)
            assert answer.status_code == (401 if number < 3 else 429)
        assert log_in(client, registered(client)["email"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"email": 1}', 422),
        (b'{"email": "\\ud800"}', 422),
        (b'{"email": "a", "email": "b"}', 400),
        (b'{"email": "' + b"x" * 300_000 + b'"}', 413),
    ],
)
def test_whose_account_is_counted_is_read_from_any_nonsense(body: bytes, status: int) -> None:
    with client_of(role=None, account_limit="3/minute") as client:
        for _ in range(3):
            refused = client.post("/api/auth/login", data=body, content_type=JSON)
            assert refused.status_code == status
        again = client.post("/api/auth/login", data=body, content_type=JSON)
        assert again.status_code == (status if status == 413 else 429)


def test_who_comes_while_too_many_passwords_are_checked_is_told_to_come_back(
    guests: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: object) -> bool:
        raise TooBusy("too many passwords are being checked")

    monkeypatch.setattr(
        services_of(guests).of(AccountServices).accounts._passwords, "matches", busy
    )
    refused = log_in(guests, email_of("ada"))
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")


def test_accounts_cannot_be_made_without_end(counted: FlaskClient) -> None:
    for _ in range(2):
        registered(counted)
    body = {"email": email_of("ada"), "password": PASSWORD, "name": "Ada"}
    assert_too_many(counted.post("/api/auth/register", json=body))


def test_orders_of_guests_and_customers_are_counted_and_those_of_staff_are_not(
    counted: FlaskClient,
) -> None:
    app = counted.application
    manager, customer = client_as(app, Role.MANAGER), client_as(app, Role.CUSTOMER)
    item = add_dish(manager)
    for client in (counted, customer):
        for _ in range(2):
            place_order(client, order_for(item))
        assert_too_many(client.post("/api/orders", json=order_for(item)))
    for _ in range(5):
        place_order(manager, order_for(item))


@pytest.mark.parametrize(
    ("limit", "address", "phone"),
    [
        ("lookup_limit", "198.51.100.1", "+49 30 123456{}"),
        ("phone_limit", "198.51.100.{}", "+49 30 1234567"),
    ],
    ids=["one address", "one number"],
)
def test_codes_of_orders_cannot_be_guessed_at_leisure(limit: str, address: str, phone: str) -> None:
    limits: dict[str, Any] = {limit: "3/minute"}
    with client_of(role=None, trusted_proxies=1, **limits) as client:
        for number in range(4):
            answer = client.get(
                "/api/orders/lookup",
                query_string={"phone": phone.format(number), "code": f"AAA{number}"},
                headers=from_address(address.format(number)),
            )
            assert answer.status_code == (404 if number < 3 else 429)
        assert_too_many(answer)


def test_a_password_cannot_be_guessed_with_a_stolen_token_from_many_addresses() -> None:
    with client_of(role=None, account_limit="4/minute", trusted_proxies=1) as client:
        token = bearer(logged_in(client)["access_token"])
        for number in range(5):
            body = {"current_password": OTHER, "new_password": OTHER}
            headers = {**token, **from_address(f"198.51.100.{number}")}
            answer = client.post("/api/auth/password", json=body, headers=headers)
            assert answer.status_code == (422 if number < 4 else 429)


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("198.51.100.1", "198.51.100.2", False),
        ("::ffff:198.51.100.1", "::ffff:198.51.100.2", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("rubbish", "nonsense", True),
    ],
)
def test_a_client_is_told_by_its_network(
    counted: FlaskClient, first: str, second: str, one: bool
) -> None:
    for _ in range(3):
        body = {"email": email_of("nobody"), "password": PASSWORD}
        counted.post("/api/auth/login", json=body, headers=from_address(first))
    body = {"email": email_of("nobody"), "password": PASSWORD}
    answer = counted.post("/api/auth/login", json=body, headers=from_address(second))
    assert answer.status_code == (429 if one else 401)


def test_without_a_trusted_proxy_nobody_chooses_their_address() -> None:
    with client_of(role=None, login_limit="2/minute") as client:
        for number in range(3):
            body = {"email": email_of("nobody"), "password": PASSWORD}
            headers = from_address(f"198.51.100.{number}")
            answer = client.post("/api/auth/login", json=body, headers=headers)
        assert_too_many(answer)


def test_nothing_secret_is_logged_or_answered(capfd: pytest.CaptureFixture[str]) -> None:
    with client_of(log_level="debug") as client:
        told = []
        user = registered(client)
        granted = log_in(client, user["email"]).json
        token = bearer(granted["access_token"])
        rotated = refresh(client, granted["refresh_token"]).json
        body = {"current_password": PASSWORD, "new_password": OTHER}
        told.append(client.post("/api/auth/password", json=body, headers=token))
        told.append(log_in(client, user["email"]))
        told.append(client.post("/api/auth/login", data=f'{{"password": "{PASSWORD}"'))
        told.append(client.post("/api/auth/login", json={"email": 5, "password": PASSWORD}))
        told.append(client.get("/api/auth/me", headers=token))
        told.append(client.get("/api/users"))
        told.append(client.get("/api/auth/me", headers=bearer(tampered(rotated["access_token"]))))
        conflicted(client, user["id"])
        told.append(client.get("/api/sync/conflicts"))
        stored = services_of(client).repositories["users"].get(user["id"])
    printed = capfd.readouterr()
    said = printed.out + printed.err + "".join(answer.text + str(answer.headers) for answer in told)
    assert "request" in printed.out
    secret = [PASSWORD, OTHER, stored.password_hash, "argon2", "password_hash"]
    tokens = [pair[name] for pair in (granted, rotated) for name in pair if "_token" in name]
    assert not [one for one in (*secret, *tokens) if one in said]
    assert stored.password_hash not in repr(stored)


def conflicted(client: FlaskClient, user_id: str) -> str:
    """The conflict of the user with another state of them."""
    diner = services_of(client)
    user = diner.repositories["users"].get(user_id)
    lost = user.with_edit(op_id=new_op_id(), now=utc_now(), name="Grace", role=Role.ADMIN)
    found = conflicts.from_states("users", user, lost, "source_priority", utc_now())
    made: str = diner.repositories["conflicts"].save(found).id
    return made


def test_a_conflict_of_users_shows_who_they_are_and_gives_back_no_power_and_no_session(
    client: FlaskClient,
) -> None:
    granted = logged_in(client)
    user = granted["user"]
    conflict = conflicted(client, user["id"])
    client.post("/api/auth/logout", headers=bearer(granted["access_token"]))
    answer = client.post(f"/api/sync/conflicts/{conflict}/resolve", json={"take": "take_other"})
    assert answer.json["loser"]["name"] == "Grace"
    assert not {"password_hash", "sessions", "edits"} & set(answer.json["loser"])
    stored = services_of(client).repositories["users"].get(user["id"])
    assert (stored.name, stored.role) == ("Grace", Role.CUSTOMER)
    assert me(client, granted) == 401
    assert log_in(client, user["email"]).status_code == 200


def test_everything_works_with_either_database_away(ground: TwoStoreApp) -> None:
    client = ground.client
    granted = logged_in(client)
    rotated = refresh(client, granted["refresh_token"]).json
    assert rotated["user"]["id"] == granted["user"]["id"]
    assert change(client, granted["user"], role="cashier").status_code == 200
    body = {"current_password": PASSWORD, "new_password": OTHER}
    token = bearer(rotated["access_token"])
    assert client.post("/api/auth/password", json=body, headers=token).status_code == 204
    assert client.get("/api/orders", headers=token).status_code == 200
    assert client.post("/api/auth/logout", headers=token).status_code == 204
    assert me(client, rotated) == 401
    again = log_in(client, granted["user"]["email"], OTHER)
    assert again.json["user"]["role"] == "cashier"
    assert again.headers["X-Diner-Store"] == {BOTH: POSTGRESQL}.get(ground.serving, ground.serving)
    registered(client, email=granted["user"]["email"], password=PASSWORD, name="Eve")
    assert log_in(client, granted["user"]["email"], PASSWORD).status_code == 401
    roles = (
        services_of(client)
        .of(AccountServices)
        .accounts.page(UserFilter(role=Role.CASHIER), None, 10)
        .items
    )
    assert [user.id for user in roles] == [granted["user"]["id"]]
    ground.settled_content()
