"""What all routes have in common: refusals, headers, and the documentation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from flask.testing import FlaskClient

from blueprints.http import docs
from blueprints.http.examples import example_of
from blueprints.http.fields import Problem
from blueprints.http.headers import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, LAST_EVENT_ID
from tests.blueprints.api_helpers import JSON, add_dish, client_of, order_for

NOBODY = "01a1fd5b-738a-7340-82a6-7288b9785b65"
ANSWERS = {
    "/api/auth/register": 201,
    "/api/auth/refresh": 401,
    "/api/auth/password": 204,
    "/api/users/{user_id}": 404,
    "/api/sync/conflicts/{conflict_id}/resolve": 404,
}
"""What examples of requests are answered with; the others with 200."""
Operations = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> Operations:
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/nothing", "/api/orders/4711", "/api/menu/items/%00", "/API/orders"]
)
def test_an_unknown_path_is_a_problem(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/orders", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/api/menu", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/api/menu", {"GET", "HEAD", "OPTIONS"}),
        ("GET", f"/api/orders/{NOBODY}/status", {"PATCH", "OPTIONS"}),
    ],
)
def test_a_method_that_is_not_there_is_refused_with_those_that_are(
    client: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    refused = client.open(path, method=method)
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_declared_as_json_is_refused(
    client: FlaskClient, kind: str | None
) -> None:
    body = json.dumps(order_for(add_dish(client)))
    assert client.post("/api/orders", data=body, content_type=kind).status_code == 415


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    body = b'{"notes": "' + b"x" * 300_000 + b'"}'
    for path in ("/api/orders", "/api/menu/items"):
        refused = client.post(path, data=body, content_type=JSON)
        assert refused.status_code == 413


def test_a_longer_body_is_accepted_where_it_is_allowed() -> None:
    with client_of(max_body_bytes=2048) as client:
        item = add_dish(client)
        assert client.post("/api/orders", json=order_for(item, notes="x" * 900)).status_code == 201
        assert client.post("/api/orders", json=order_for(item, notes="x" * 2048)).status_code == 413


def test_all_mistakes_are_named_at_once(client: FlaskClient) -> None:
    body = order_for(add_dish(client), 0, tip=-1, colour="red")
    body["customer"] = {"phone": "none"}
    refused = client.post("/api/orders", json=body)
    assert refused.status_code == 422
    assert set(refused.json["errors"]) == {
        "items.0.quantity",
        "tip",
        "colour",
        "customer.name",
        "customer.phone",
    }


@pytest.mark.parametrize(
    "body",
    [
        {f"unknown-{n}": 1 for n in range(10_000)},
        order_for({"id": NOBODY}) | {"items": [1] * 100_000},
        order_for({"id": NOBODY}) | {"items": [{}] * 200},
    ],
    ids=["fields", "entries", "objects"],
)
def test_a_body_that_is_wrong_in_very_many_places_gets_a_short_answer_soon(
    client: FlaskClient, body: dict[str, Any]
) -> None:
    text = json.dumps(body, separators=(",", ":"))
    start = time.thread_time()
    refused = client.post("/api/orders", data=text, content_type=JSON)
    assert time.thread_time() - start < 2
    assert refused.status_code == 422
    assert len(refused.data) < 20_000
    assert len(refused.json["errors"]) <= 100


def test_a_field_given_twice_among_very_many_is_found_soon(client: FlaskClient) -> None:
    fields = ",".join(f'"{n:x}":1' for n in range(20_000))
    start = time.thread_time()
    refused = client.post("/api/orders", data=f'{{{fields},"1":1}}', content_type=JSON)
    assert time.thread_time() - start < 0.2
    assert (refused.status_code, "'1'" in refused.json["detail"]) == (400, True)


def test_choices_are_listed_where_something_else_was_given(client: FlaskClient) -> None:
    refused = client.get("/api/orders?status=eaten")
    assert "pending, confirmed, preparing" in refused.json["errors"]["status"][0]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_ways_of_asking_work(client: FlaskClient, method: str) -> None:
    answer = client.open("/api/menu", method=method)
    assert (answer.status_code, answer.data) == (200, b"")


def test_references_of_the_documentation_lead_somewhere(document: dict[str, Any]) -> None:
    for reference in _references(document):
        found: Any = document
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        assert found


def test_parameters_of_paths_are_documented(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.0.3"
    for path, item in document["paths"].items():
        wanted = {part.strip("{}") for part in path.split("/") if part.startswith("{")}
        given = {one["name"] for one in item.get("parameters", []) if one["in"] == "path"}
        assert given == wanted


def test_every_route_documents_what_it_answers_and_its_refusals(
    operations: Operations,
) -> None:
    for method, path, operation in operations:
        answers = operation["responses"]
        assert answers["default"] == {"$ref": "#/components/responses/Problem"}, path
        done = {status: answer for status, answer in answers.items() if status.startswith("2")}
        # What is found or made is answered in two ways.
        assert len(done) == 1 or done.keys() == {"200", "201"}, (method, path)
        for status, answer in done.items():
            if status != "204":
                [media] = answer["content"].values()
                assert media["schema"], (method, path)
                assert media["example"], (method, path)
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)


def test_operations_have_names_of_their_own(operations: Operations) -> None:
    names = [operation["operationId"] for _, _, operation in operations]
    assert sorted({*names}) == sorted(names)
    assert "place_order" in names


def test_what_a_request_consists_of_says_how_it_may_be_refused(operations: Operations) -> None:
    for method, path, operation in operations:
        sent = [one["$ref"].rpartition("/")[2] for one in headers_of(operation)]
        asked = operation.get("parameters", [])
        wanted = {
            *({"400", "413", "415", "422"} if "requestBody" in operation else ()),
            *({"401"} if operation.get("security") else ()),
            *({"404"} if "{" in path or IDEMPOTENCY_KEY in sent else ()),
            *({"409"} if method != "get" else ()),
            *({"412"} if IF_MATCH in sent else ()),
            *({"422"} if len(asked) > len(sent) or IDEMPOTENCY_KEY in sent else ()),
            *({"503"} if not path.startswith("/api/health") else ()),
        }
        assert wanted <= operation["responses"].keys(), (method, path)


def test_refusals_have_an_example_of_every_kind_and_their_headers(
    document: dict[str, Any],
) -> None:
    for name, refusal in document["components"]["responses"].items():
        media = refusal["content"]["application/problem+json"]
        assert refusal["description"]
        assert "X-Request-Id" in refusal["headers"]
        if name != "Problem":
            for slug, example in media["examples"].items():
                assert not Problem().validate(example["value"])
                assert example["value"]["type"] == f"urn:dinerapp:problem:{slug}"
    for name in ("TooMany", "Unavailable"):
        assert "Retry-After" in document["components"]["responses"][name]["headers"]


def test_answers_are_documented_with_all_their_fields_and_open_for_more(
    document: dict[str, Any],
) -> None:
    order, new = (document["components"]["schemas"][name] for name in ("OrderOut", "OrderIn"))
    assert order["required"] == sorted(order["properties"])
    assert "additionalProperties" not in order
    assert new["additionalProperties"] is False


def test_headers_of_answers_are_documented(document: dict[str, Any]) -> None:
    placed = document["paths"]["/api/orders"]["post"]["responses"]["201"]
    assert placed["headers"].keys() == {
        "ETag",
        "Location",
        "Idempotent-Replay",
        "X-Request-Id",
        "X-Diner-Store",
        "X-Diner-Role",
    }


def headers_of(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in operation.get("parameters", []) if "$ref" in one]


def test_problems_are_documented_as_they_are_sent(document: dict[str, Any]) -> None:
    content = document["components"]["responses"]["Problem"]["content"]
    media = content["application/problem+json"]
    assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert media["example"]["errors"] == {"items.0.quantity": ["must be from 1 to 1000"]}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("get", "/api/menu", {IF_NONE_MATCH}),
        ("get", "/api/orders/{order_id}", {IF_NONE_MATCH}),
        ("post", "/api/orders", {IDEMPOTENCY_KEY}),
        ("patch", "/api/menu/items/{item_id}", {IDEMPOTENCY_KEY, IF_MATCH}),
        ("delete", "/api/menu/items/{item_id}", {IDEMPOTENCY_KEY, IF_MATCH}),
        ("patch", "/api/orders/{order_id}/status", {IDEMPOTENCY_KEY, IF_MATCH}),
        ("post", "/api/orders/{order_id}/cancel", {IDEMPOTENCY_KEY, IF_MATCH}),
        ("post", "/api/sync/conflicts/{conflict_id}/resolve", {IDEMPOTENCY_KEY}),
        ("post", "/api/consistency/{kind}/repair", set()),
        ("get", "/api/orders/stream", {LAST_EVENT_ID}),
    ],
)
def test_headers_that_a_route_understands_are_documented(
    document: dict[str, Any], method: str, path: str, headers: set[str]
) -> None:
    given = headers_of(document["paths"][path][method])
    assert {one["$ref"].rsplit("/")[-1] for one in given} == headers
    assert document["components"]["parameters"].keys() >= headers


def test_what_narrows_the_menu_is_documented(document: dict[str, Any]) -> None:
    given = document["paths"]["/api/menu"]["get"]["parameters"]
    assert {one["name"] for one in given if "name" in one} == {"category", "dietary", "available"}


def test_examples_of_requests_are_accepted(client: FlaskClient) -> None:
    for endpoint, view in client.application.view_functions.items():
        for given in getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ()):
            if given["in"] == "json":
                schema = given["schema"]
                made = schema() if isinstance(schema, type) else schema
                with client.application.app_context():
                    assert not made.validate(example_of(made)), endpoint


def test_examples_of_answers_are_such_answers(client: FlaskClient) -> None:
    for endpoint, view in client.application.view_functions.items():
        answers = getattr(view, "_apidoc", {}).get("response", {}).get("responses", {})
        for made in [one.get("schema") for found in answers.values() for one in found]:
            if isinstance(made, ma.Schema):
                with client.application.app_context():
                    assert not made.validate(example_of(made)), endpoint


def test_the_examples_of_a_dish_and_an_order_work_together(
    client: FlaskClient, operations: Operations
) -> None:
    bodies = {
        (method, path): operation["requestBody"]["content"][JSON]["example"]
        for method, path, operation in operations
        if "requestBody" in operation
    }
    category = client.post("/api/menu/categories", json=bodies["post", "/api/menu/categories"])
    assert category.status_code == 201
    for method, path in (("post", "/api/menu/items"), ("patch", "/api/menu/items/{item_id}")):
        bodies[method, path]["category_id"] = category.json["id"]
    item = client.post("/api/menu/items", json=bodies["post", "/api/menu/items"])
    assert item.status_code == 201
    order = bodies["post", "/api/orders"]
    order["items"][0]["item_id"] = item.json["id"]
    assert client.post("/api/orders", json=order).status_code == 201


@pytest.fixture
def documented() -> FlaskClient:
    """An application of nothing but the files of Swagger UI."""
    app = Flask(__name__)
    app.register_blueprint(docs.blp)
    return app.test_client()


@pytest.mark.parametrize(
    "name", ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js"]
)
def test_swagger_ui_needs_no_network(documented: FlaskClient, name: str) -> None:
    with documented.get(docs.STATIC_URL + name) as answer:
        assert answer.status_code == 200
        assert answer.content_type.startswith(("text/css", "text/javascript"))
        assert answer.headers["Cache-Control"] == "no-cache" or answer.cache_control.max_age
        assert len(answer.data) > 10_000
    for other in ("nothing.js", "..%2f__init__.py", "%2e%2e/%2e%2e/__init__.py"):
        assert documented.get(docs.STATIC_URL + other).status_code == 404


def _references(part: Any) -> Iterator[str]:
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for inner in part.values():
                yield from _references(inner)
        case list():
            for inner in part:
                yield from _references(inner)
