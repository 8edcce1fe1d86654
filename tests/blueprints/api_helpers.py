"""A client that holds every answer against the documentation, and requests in one call."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from uuid import uuid4

import marshmallow as ma
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from blueprints.http.fields import Problem
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.services.accounts import LoginResult, NewAccount
from dinerapp.ordering.container import OrderingServices
from dinerapp.replication.identity import Operation
from dinerapp.replication.version import StoreId
from dinerapp.runtime.app import create_app
from dinerapp.runtime.container import EXTENSION, Application
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running

JSON = "application/json"
PROBLEM = "application/problem+json"
PASSWORD = "correct horse battery"
NO_LIMITS = dict.fromkeys(
    (
        f"{what}_limit"
        for what in ("login", "account", "register", "lookup", "phone", "order", "message")
    ),
    "",
)
LONG_DEADLINES = {"request_deadline": 9.0, "attempt_deadline": 4.0, "slow_call": 2.0}
"""What is asked is how requests are answered, not how soon a slow machine's server is left."""
FAST_SETTINGS: dict[str, Any] = {
    "secret_key": "for tests",
    "log_level": "error",
    "password_memory_kib": 8,
    "password_rounds": 1,
    "access_token_seconds": 10**6,
    **LONG_DEADLINES,
    **NO_LIMITS,
}
"""Settings: hashes that cost nothing, tokens that outlive the tests, and nobody is counted."""
# The relay of the application at hand draws its pauses at random, while examples are made.
WITH_THREADS = pytest.mark.filterwarnings("ignore:Do not use the `random` module")
_MAINS_SLUG = "mains"
_TIMEOUT_SECONDS = 10.0
MAINS_ID = Operation.from_key("categories.add", _MAINS_SLUG, b"").record_id
"""The id of the category that `add_mains` makes."""


class CheckedClient(FlaskClient):
    """Every answer is what the documentation says, and every refusal a problem."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        answer = super().open(*args, **options)
        if answer.status_code >= 400:
            assert_is_problem(answer)
            assert_is_documented_refusal(self.application, answer)
        elif answer.content_type == JSON and not answer.content_encoding and answer.data:
            assert_as_documented(self.application, answer)
        return answer


def assert_is_problem(answer: TestResponse) -> None:
    assert answer.content_type == PROBLEM, answer.text
    body = answer.json
    Problem().load(body)
    assert set(body) == {"type", "title", "status", "detail", "errors", "request_id"}
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["detail"]


def assert_as_documented(app: Flask, answer: TestResponse) -> None:
    schema = documented_schema(app, answer)
    if schema is None:
        return
    with app.app_context():
        schema.load(answer.json, unknown=ma.RAISE)
    assert set(answer.json) == set(schema.fields)


def assert_is_documented_refusal(app: Flask, answer: TestResponse) -> None:
    """The route names this status, and the status this kind of problem and its headers."""
    documented = documented_operation(app, answer)
    if documented is None or answer.status_code == 500:  # What nobody foresees, nobody documents.
        return
    status = str(answer.status_code)
    assert status in documented["responses"], (answer.request.path, answer.text)
    name = documented["responses"][status]["$ref"].rpartition("/")[2]
    refusal = description_of(app)["components"]["responses"][name]
    kinds = refusal["content"][PROBLEM]["examples"].values()
    assert answer.json["type"] in [kind["value"]["type"] for kind in kinds], answer.text
    required = [header for header in refusal["headers"] if is_always_sent(app, refusal, header)]
    assert not [header for header in required if header not in answer.headers], answer.headers


def is_always_sent(app: Flask, response: dict[str, Any], header: str) -> bool:
    about = response["headers"][header]
    shared = description_of(app)["components"]["headers"]
    return bool(about.get("required", shared[header]["required"]))


def documented_operation(app: Flask, answer: TestResponse) -> dict[str, Any] | None:
    """What the description says of the request that was answered, if it is one of ours."""
    try:
        rule, _ = app.url_map.bind("localhost").match(
            answer.request.path, method=answer.request.method, return_rule=True
        )
    except HTTPException:
        return None
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
    method = answer.request.method.lower().replace("head", "get")
    found: dict[str, Any] | None = description_of(app)["paths"].get(path, {}).get(method)
    return found


@cache
def description_of(app: Flask) -> dict[str, Any]:
    """The OpenAPI description of the application."""
    found: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return found


def documented_schema(app: Flask, answer: TestResponse) -> ma.Schema | None:
    """What the route says about answers with this status."""
    adapter = app.url_map.bind("localhost")
    try:
        endpoint, _ = adapter.match(answer.request.path, method=answer.request.method)
    except HTTPException:
        return None
    documented = getattr(app.view_functions[endpoint], "_apidoc", None)
    if documented is None:
        return None
    [response] = documented["response"]["responses"][answer.status_code]
    schema = response["schema"]
    return schema() if isinstance(schema, type) else schema


@contextmanager
def client_of(
    role: Role | None = Role.ADMIN,
    *,
    must_end: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> Iterator[FlaskClient]:
    """A client of an application of its own, over stores in memory: somebody in the role, or,
    without one, a guest."""
    app = create_app(
        Settings(**{**FAST_SETTINGS, **settings}), stores=memory_stores(), must_end=must_end
    )
    app.test_client_class = CheckedClient
    with running(app):
        yield client_as(app, role)


def client_as(app: Flask, role: Role | None) -> FlaskClient:
    """One more client of the application."""
    client = add_mains(app.test_client())
    if role is not None:
        log_in(client, role)
    return client


def log_in(client: FlaskClient, role: Role) -> LoginResult:
    """Gives the client a new account in the role; it shows its token from now on."""
    accounts, email = (
        services_of(client).of(AccountServices).accounts,
        f"{role}-{uuid4().hex}@example.org",
    )
    accounts.add(
        Operation.without_key(), NewAccount(email=email, name=role, password=PASSWORD), role
    )
    granted = accounts.login(email, PASSWORD)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {granted.access_token}"
    return granted


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


def add_mains(client: FlaskClient) -> FlaskClient:
    """A menu that dishes can be added to, whoever may do so over HTTP."""
    fields = {"slug": _MAINS_SLUG, "name": "Mains"}
    services_of(client).of(OrderingServices).categories.add(
        Operation.from_key("categories.add", _MAINS_SLUG, b""), fields
    )
    return client


def add_category(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    """A new category."""
    given = {"slug": f"category-{uuid4().hex}", "name": "Soups", **fields}
    answer = client.post("/api/menu/categories", json=given)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def services_of(client: FlaskClient) -> Application:
    found: Application = client.application.extensions[EXTENSION]
    return found


def dish_fields(**fields: Any) -> dict[str, Any]:
    return {
        "slug": f"dish-{uuid4().hex}",
        "name": "Pelmeni",
        "category_id": MAINS_ID,
        "price": 850,
        **fields,
    }


def add_dish(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    """A new item on the menu; `stock` is counted if it is given."""
    stock = fields.pop("stock", None)
    answer = client.post("/api/menu/items", json=dish_fields(**fields))
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json
    if stock is not None:
        item = client.put(f"/api/menu/items/{item['id']}/stock", json={"stock": stock}).json
    return item


def order_for(item: dict[str, Any], quantity: int = 1, **fields: Any) -> dict[str, Any]:
    """The body of an order of one item; `options` go to its only line."""
    line = {"item_id": item["id"], "quantity": quantity, "options": fields.pop("options", [])}
    return {
        "customer": {"name": "Ada", "phone": "+49 30 1234567"},
        "fulfilment": {"type": "pickup"},
        "items": [line],
        **fields,
    }


def place_order(client: FlaskClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/api/orders", json=body)
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json
    return order


def await_followers(client: FlaskClient) -> None:
    """Waits until what follows from orders has been done."""
    following, give_up = (
        services_of(client).follower_dispatcher,
        time.monotonic() + _TIMEOUT_SECONDS,
    )
    while any(following.backlog(place).waiting for place in (StoreId.POSTGRESQL, StoreId.MONGODB)):
        assert time.monotonic() < give_up, "nobody follows"
        time.sleep(0.01)


def idempotency_headers(key: str | None = None, **headers: str) -> dict[str, str]:
    """Headers with an Idempotency-Key, a new one if none is given."""
    return {"Idempotency-Key": key or uuid4().hex, **headers}


def raw_json(body: Any) -> str:
    """As a client without scruples writes it: lone surrogates, NaN and all."""
    return json.dumps(body)
