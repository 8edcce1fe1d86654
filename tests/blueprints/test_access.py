"""Every route has a rule, and keeps to it for every role."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule as Route

from blueprints.http.access import PUBLIC, AccessRule, rule_of
from blueprints.http.route_table import markdown_table, with_table
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import ROLES_BY_PERMISSION, Permission, Role
from dinerapp.ordering.domain.order_steps import STEPS_BY_ROLE
from dinerapp.ordering.domain.orders import Status
from dinerapp.replication.identity import new_id
from dinerapp.runtime.app import create_app
from dinerapp.runtime.commands import main
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running
from tests.blueprints.api_helpers import (
    FAST_SETTINGS,
    JSON,
    CheckedClient,
    add_dish,
    bearer,
    client_as,
    description_of,
    idempotency_headers,
    order_for,
    place_order,
    services_of,
)

ANYBODY = (None, *Role)
STAFF = [role for role in Role if role is not Role.CUSTOMER]


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    app = create_app(Settings(**FAST_SETTINGS), stores=memory_stores())
    app.test_client_class = CheckedClient
    with running(app):
        yield app


@pytest.fixture(scope="module")
def clients(app: Flask) -> dict[Role | None, FlaskClient]:
    """One of each role, and a guest."""
    return {role: client_as(app, role) for role in ANYBODY}


@pytest.fixture
def order(clients: dict[Role | None, FlaskClient]) -> dict[str, Any]:
    """Of a guest."""
    return place_order(clients[None], order_for(add_dish(clients[Role.ADMIN])))


def path_of(route: Route) -> str:
    values = {name: "orders" if name == "kind" else new_id() for name in route.arguments}
    with_values = route.build(values)
    assert with_values is not None
    return with_values[1]


def spent(route: Route) -> bool:
    """Whether asking once makes the client's token worthless for the next test."""
    return route.rule == "/api/auth/logout"


def test_every_route_says_who_may_use_it(app: Flask) -> None:
    assert [*app.url_map.iter_rules()]
    views = {route.rule: app.view_functions[route.endpoint] for route in app.url_map.iter_rules()}
    assert not [path for path, view in views.items() if rule_of(view) is None]


@pytest.mark.parametrize("role", ANYBODY, ids=str)
def test_a_route_lets_in_whom_the_table_names_and_nobody_else(
    app: Flask, clients: dict[Role | None, FlaskClient], role: Role | None
) -> None:
    for route, method in asked(app):
        rule = rule_of(app.view_functions[route.endpoint])
        assert rule is not None
        client = client_as(app, role) if spent(route) else clients[role]
        with client.open(path_of(route), method=method, json={}) as answer:
            status = answer.status_code
        assert (status if status in (401, 403) else None) == refusal(rule, role), (method, route)


def test_the_page_about_routes_is_what_the_routes_say(app: Flask) -> None:
    """It is where a route that was opened by mistake is noticed."""
    page = (Path(__file__).parents[2] / "docs" / "routes.md").read_text()
    assert with_table(page, markdown_table(app)) == page, (
        "if all of these may be used by whom they say: "
        "python -m dinerapp routes --into docs/routes.md"
    )


def test_the_command_writes_the_table_anew_below_the_words(app: Flask, tmp_path: Path) -> None:
    page = tmp_path / "routes.md"
    page.write_text("# Ours\n| method | path | who |\n|---|---|---|\n| GET | `/gone` | anyone |\n")
    assert CliRunner().invoke(main, ["routes", "--into", str(page)]).exit_code == 0
    assert page.read_text() == "# Ours\n" + CliRunner().invoke(main, ["routes"]).output
    assert markdown_table(app) in page.read_text()


def asked(app: Flask) -> Iterator[tuple[Route, str]]:
    for route in app.url_map.iter_rules():
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield route, method


def refusal(rule: AccessRule, role: Role | None) -> int | None:
    """What the table has for the role, if it is kept out."""
    if rule.permission is None:
        return None
    if role is None:
        return 401
    return None if rule.or_owner or role in ROLES_BY_PERMISSION[rule.permission] else 403


def test_a_route_without_a_rule_is_shut(clients: dict[Role | None, FlaskClient]) -> None:
    app = create_app(Settings(**FAST_SETTINGS), stores=memory_stores())
    app.add_url_rule("/api/forgotten", "forgotten", lambda: "open")
    with running(app):
        assert client_as(app, Role.ADMIN).get("/api/forgotten").status_code == 403


@pytest.mark.parametrize("permission", Permission)
def test_admins_may_do_everything(permission: Permission) -> None:
    assert Role.ADMIN in ROLES_BY_PERMISSION[permission]


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PENDING])
@pytest.mark.parametrize("role", STAFF)
def test_a_step_is_taken_by_the_roles_whose_work_it_is(
    clients: dict[Role | None, FlaskClient],
    order: dict[str, Any],
    role: Role,
    status: Status,
) -> None:
    path = f"/api/orders/{order['id']}/status"
    answer = clients[role].patch(path, json={"status": status})
    assert (answer.status_code == 403) == (status not in STEPS_BY_ROLE[role])


@pytest.mark.parametrize("role", STAFF)
def test_staff_see_every_order_and_those_on_the_floor_call_it_off(
    clients: dict[Role | None, FlaskClient], order: dict[str, Any], role: Role
) -> None:
    client, path = clients[role], f"/api/orders/{order['id']}"
    assert client.get(path).json["id"] == order["id"]
    assert order["id"] in client.get("/api/orders").text
    cancelled = client.post(f"{path}/cancel")
    assert (cancelled.status_code == 403) == (role is Role.CHEF)


@pytest.fixture
def customers(app: Flask) -> list[FlaskClient]:
    """Two who have nothing to do with one another."""
    return [client_as(app, Role.CUSTOMER) for _ in range(2)]


def test_a_customer_finds_reads_and_cancels_their_own_orders(
    clients: dict[Role | None, FlaskClient], customers: list[FlaskClient]
) -> None:
    client, item = customers[0], add_dish(clients[Role.ADMIN])
    own = [place_order(client, order_for(item)) for _ in range(3)]
    listed = client.get("/api/orders?limit=2").json
    cursor = listed["next_cursor"]
    rest = client.get(f"/api/orders?limit=2&cursor={cursor}").json
    found = [order["id"] for order in listed["items"] + rest["items"]]
    assert found == [order["id"] for order in own[::-1]]
    me = client.get("/api/auth/me").json["id"]
    assert {order["user_id"] for order in own} == {me}
    assert client.get(f"/api/orders/{own[0]['id']}").status_code == 200
    cancelled = client.post(f"/api/orders/{own[0]['id']}/cancel").json
    assert [event["actor"] for event in cancelled["history"]] == [me, me]


def test_a_customer_can_not_tell_somebody_elses_order_from_one_that_is_not_there(
    clients: dict[Role | None, FlaskClient], customers: list[FlaskClient], order: dict[str, Any]
) -> None:
    mine, theirs = customers
    others = place_order(theirs, order_for(add_dish(clients[Role.ADMIN])))
    answers = []
    for order_id in (others["id"], order["id"], new_id()):
        read = mine.get(f"/api/orders/{order_id}")
        cancelled = mine.post(f"/api/orders/{order_id}/cancel")
        words = [one.json["detail"].replace(order_id, "…") for one in (read, cancelled)]
        answers.append((read.status_code, cancelled.status_code, *words))
        known = mine.get(f"/api/orders/{order_id}", headers={"If-None-Match": "*"})
        assert known.status_code == 404
    assert set(answers) == {(404, 404, "… was not found in orders", "… was not found in orders")}
    assert clients[Role.ADMIN].get(f"/api/orders/{others['id']}").json["status"] == "pending"


@pytest.mark.parametrize("query", ["", "?phone=%2B49301234567", "?status=pending", "?limit=200"])
def test_no_filter_shows_a_customer_what_others_ordered(
    clients: dict[Role | None, FlaskClient],
    customers: list[FlaskClient],
    order: dict[str, Any],
    query: str,
) -> None:
    mine, theirs = customers
    place_order(theirs, order_for(add_dish(clients[Role.ADMIN])))
    assert mine.get(f"/api/orders{query}").json["items"] == []


def test_an_idempotency_key_shows_nobody_what_another_ordered_under_it(
    clients: dict[Role | None, FlaskClient], customers: list[FlaskClient]
) -> None:
    body, headers = order_for(add_dish(clients[Role.ADMIN])), idempotency_headers()
    asked = [*customers, clients[None]]
    answers = [client.post("/api/orders", json=body, headers=headers) for client in asked]
    assert len({answer.json["id"] for answer in answers}) == 3
    assert not any("Idempotent-Replay" in answer.headers for answer in answers)
    again = customers[0].post("/api/orders", json=body, headers=headers)
    assert again.json["id"] == answers[0].json["id"]


def test_the_token_of_an_order_opens_it_whoever_placed_it_and_nothing_else(
    clients: dict[Role | None, FlaskClient], customers: list[FlaskClient], order: dict[str, Any]
) -> None:
    own = place_order(customers[0], order_for(add_dish(clients[Role.ADMIN])))
    token, guest = bearer(own["access_token"]), clients[None]
    assert guest.get(f"/api/orders/{own['id']}", headers=token).status_code == 200
    assert guest.get(f"/api/orders/{order['id']}", headers=token).status_code == 403
    for path in ("/api/orders", "/api/auth/me", "/api/users", "/api/connections"):
        assert guest.get(path, headers=token).status_code == 401
    body = order_for(add_dish(clients[Role.ADMIN]), notes=uuid4().hex)
    assert guest.post("/api/orders", json=body, headers=token).status_code == 401


def test_a_made_up_token_opens_no_record_and_does_not_tell_whether_there_is_one(
    app: Flask, clients: dict[Role | None, FlaskClient]
) -> None:
    opened: dict[bool, list[int]] = {True: [], False: []}
    for route, method in asked(app):
        rule = rule_of(app.view_functions[route.endpoint])
        assert rule is not None
        if rule.permission is not None:
            answer = clients[None].open(
                path_of(route),
                method=method,
                json=example_for(app, route, method),
                headers={**idempotency_headers(), **bearer("0" * 64)},
            )
            opened[rule.record_token].append(answer.status_code)
    assert {*opened[True]} == {403}
    assert {*opened[False]} == {401}


def order_routes(app: Flask) -> list[tuple[Route, str]]:
    """Everything that is done to one order."""
    found = [(route, method) for route, method in asked(app) if "order_id" in route.arguments]
    assert len(found) > 8
    return found


def example_for(app: Flask, route: Route, method: str) -> dict[str, Any]:
    """A body that the route takes."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule)
    operation = description_of(app)["paths"][path][method.lower()]
    body: dict[str, Any] = operation.get("requestBody", {})
    example: dict[str, Any] = body["content"][JSON]["example"] if body else {}
    return example


def test_nobody_reads_or_changes_the_order_of_another(
    app: Flask, clients: dict[Role | None, FlaskClient], customers: list[FlaskClient]
) -> None:
    mine, theirs = customers
    item = add_dish(clients[Role.ADMIN])
    order, other = place_order(theirs, order_for(item)), place_order(mine, order_for(item))
    before = clients[Role.ADMIN].get(f"/api/orders/{order['id']}").json
    strangers = {
        "another customer": (mine, {}),
        "a guest": (clients[None], {}),
        "the token of another order": (clients[None], bearer(other["access_token"])),
        "a made up token": (clients[None], bearer("0" * 64)),
    }
    for route, method in order_routes(app):
        body = example_for(app, route, method)
        for who, (client, token) in strangers.items():
            answers = []
            for order_id in (order["id"], new_id()):
                path = (route.build({"order_id": order_id}) or ("", ""))[1]
                answer = client.open(
                    path, method=method, json=body, headers={**idempotency_headers(), **token}
                )
                answers.append((answer.status_code, answer.text.count(order["customer"]["phone"])))
            assert answers[0] == answers[1], (who, method, route)
            assert answers[0] in ((401, 0), (403, 0), (404, 0)), (who, method, route)
    assert clients[Role.ADMIN].get(f"/api/orders/{order['id']}").json == before


def logged_out(app: Flask, client: FlaskClient, _user_id: str) -> None:
    client.post("/api/auth/logout")


def closed(app: Flask, _client: FlaskClient, user_id: str) -> None:
    admin = client_as(app, Role.ADMIN)
    assert admin.patch(f"/api/users/{user_id}", json={"active": False}).status_code == 200


def another_password(app: Flask, client: FlaskClient, user_id: str) -> None:
    accounts = services_of(client).of(AccountServices).accounts
    accounts.reset_password(accounts.get(user_id).email, "another long password")


@pytest.mark.parametrize("end", [logged_out, closed, another_password])
def test_a_token_that_has_ended_opens_no_route_at_all(
    app: Flask, end: Callable[[Flask, FlaskClient, str], None]
) -> None:
    client = client_as(app, Role.MANAGER)
    end(app, client, client.get("/api/auth/me").json["id"])
    for route, method in asked(app):
        rule = rule_of(app.view_functions[route.endpoint])
        assert rule is not None
        if rule != PUBLIC:
            answer = client.open(path_of(route), method=method, json={})
            assert answer.status_code == 401, (method, route)


def test_documentation_says_of_every_route_who_may_use_it(
    app: Flask, clients: dict[Role | None, FlaskClient]
) -> None:
    document = clients[None].get("/openapi.json").json
    schemes = document["components"]["securitySchemes"]
    assert {*schemes} == {"bearer", "record_token"}
    assert {(one["type"], one["scheme"]) for one in schemes.values()} == {("http", "bearer")}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            adapter = app.url_map.bind("localhost")
            values = {"kind": "orders"}
            url = "/".join(
                values.get(part.strip("{}"), new_id()) if "{" in part else part
                for part in path.split("/")
            )
            rule = rule_of(app.view_functions[adapter.match(url, method=method)[0]])
            assert rule is not None
            refusals = {"401", "403"} & set(operation["responses"])
            if rule.permission is not None:
                accepted = ["bearer", *(["record_token"] if rule.record_token else [])]
                assert operation["security"] == [{name: []} for name in accepted], path
                assert refusals == {"401", "403"}, path
            else:
                assert operation.get("security", []) in ([], [{}, {"bearer": []}]), path
