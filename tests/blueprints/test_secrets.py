"""A day with known secrets, everything logged: none of them is found where others look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.services.accounts import LoginResult, NewAccount
from dinerapp.ordering.container import OrderingServices
from dinerapp.replication.identity import Operation
from tests.blueprints.api_helpers import add_dish, bearer, client_of, order_for, services_of

SETTINGS: dict[str, Any] = {
    "secret_key": "the-key-that-signs-tokens",
    "database_url": "postgresql://diner:password-of-postgres@127.0.0.1:1/diner",
    "mongodb_uri": "mongodb://diner:password-of-mongo@127.0.0.1:1/diner",
    "redis_url": "redis://:password-of-redis@127.0.0.1:1/0",
    "alert_webhook_url": "http://127.0.0.1:1/hooks",
    "alert_webhook_secret": "what-alerts-are-signed-with",
}
CONFIGURED = (
    SETTINGS["secret_key"],
    SETTINGS["alert_webhook_secret"],
    "password-of-postgres",
    "password-of-mongo",
    "password-of-redis",
)
PASSWORD, ANOTHER_PASSWORD = "the password of the admin", "what somebody else has chosen"
PUBLIC = ("/api/health", "/api/health/ready", "/metrics", "/openapi.json", "/docs")


@pytest.fixture
def admin() -> Iterator[FlaskClient]:
    """Who counts does so in a Redis that is away."""
    with client_of(log_level="debug", lookup_limit="1000/minute", **SETTINGS) as client:
        yield client


def test_no_secret_is_logged_told_or_counted(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    guest = admin.application.test_client()
    granted = logged_in(admin)
    item = add_dish(admin)
    order = guest.post("/api/orders", json=order_for(item)).json
    tokens = [granted.access_token, granted.refresh_token, order["access_token"]]
    told = [
        *failures(guest, order, tokens),
        *(admin.get(path) for path in (*PUBLIC, "/api/connections", "/api/users", "/api/orders")),
    ]
    monkeypatch.setattr(services_of(admin).of(OrderingServices).orders, "get", broken)
    told.append(guest.get(f"/api/orders/{order['id']}", headers=bearer(tokens[2])))
    assert told[-1].status_code == 500
    printed = capfd.readouterr()
    logged = printed.out + printed.err
    assert "request_failed" in logged
    assert '"level":"debug"' in logged or '"level":"info"' in logged
    everything = logged + "".join(answer.text + str(answer.headers) for answer in told)
    secrets = [*CONFIGURED, *tokens, PASSWORD, ANOTHER_PASSWORD]
    assert not [secret for secret in secrets if secret in everything]


def logged_in(client: FlaskClient) -> LoginResult:
    """Somebody with the password that is looked for."""
    accounts = services_of(client).of(AccountServices).accounts
    new = NewAccount(email="ada@example.org", name="Ada", password=PASSWORD)
    accounts.add(Operation.without_key(), new, Role.ADMIN)
    body = {"email": new.email, "password": PASSWORD}
    assert client.post("/api/auth/login", json=body).status_code == 200
    return accounts.login(new.email, PASSWORD)


def failures(client: FlaskClient, order: dict[str, Any], tokens: list[str]) -> list[Any]:
    """Secrets in every place where they are refused."""
    path, email = f"/api/orders/{order['id']}", "nobody@example.org"
    put = [client.get(path, query_string={"access_token": token}) for token in tokens]
    put += [client.get("/api/orders", query_string={"cursor": token}) for token in tokens]
    put += [client.get(path, headers=bearer(f"{token}x")) for token in tokens]
    put += [client.get(path, headers=bearer(token, scheme="Basic")) for token in tokens]
    put += [client.get(path, headers={"Cookie": f"token={token}"}) for token in tokens]
    put += [client.get(f"{path}/{token}") for token in tokens]
    put += [client.get(f"/api/menu/items/{token}") for token in tokens]
    put += [
        client.post("/api/auth/refresh", json={"refresh_token": f"{token}x"}) for token in tokens
    ]
    put += [
        client.post("/api/auth/login", json={"email": email, "password": PASSWORD}),
        client.post("/api/auth/login", json={"email": PASSWORD, "password": [PASSWORD]}),
        client.post("/api/auth/login", data=f'{{"password": "{PASSWORD}"'),
        client.post("/api/auth/register", json={"email": email, "password": ANOTHER_PASSWORD}),
        client.post("/api/auth/register", json={"email": PASSWORD, "password": PASSWORD}),
        client.patch("/api/users/x", json={"role": PASSWORD}),
    ]
    assert {answer.status_code for answer in put} <= {400, 401, 403, 404, 415, 422}
    return put


def broken(*_args: object) -> None:
    """As a driver's message that nobody has foreseen."""
    raise RuntimeError(
        f"cannot reach {SETTINGS['database_url']} or {SETTINGS['mongodb_uri']}, "
        f"password=password-of-postgres, key {SETTINGS['secret_key']}"
    )
