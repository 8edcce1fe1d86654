"""Requests that are made up from the description, right ones and wrong ones, and every answer held
against it: no route breaks, answers what it does not name, or looks other than it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.exceptions import HTTPException

from dinerapp.accounts.domain.permissions import Role
from dinerapp.runtime.registry import BLUEPRINTS
from tests.blueprints.api_helpers import (
    WITH_THREADS,
    add_dish,
    client_as,
    client_of,
    order_for,
    place_order,
)
from tests.blueprints.messaging_helpers import (
    add_server,
    join_server,
    me,
    open_conversation,
    send_message,
)

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
RIGHT_AND_WRONG = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
FUZZ = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)
NO_STREAMS: dict[str, Any] = {"web_streams": 0}
"""A stream would go on for ever; these are refused, as the description says they may be."""
STREAM = "text/event-stream"
REFUSED = 5
"""So many requests of nobody are enough to see that they are refused, whatever is in them."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
TALKING = {"servers", "conversations", "rooms"}
Known = dict[str, str]
Operation = APIOperation[Any, Any, Any, Any]


@pytest.fixture(scope="module")
def guest() -> Iterator[FlaskClient]:
    with client_of(role=None, **NO_STREAMS) as client:
        yield client


@pytest.fixture(scope="module")
def schema(guest: FlaskClient) -> BaseSchema:
    """The description without its word about anything else, which would allow every answer."""
    described = guest.get("/openapi.json").json
    for path in described["paths"].values():
        for method in path.keys() - {"parameters"}:
            del path[method]["responses"]["default"]
    made = schemathesis.openapi.from_dict(described, config=SchemathesisConfig())
    made.app = guest.application
    return made


@pytest.fixture
def known(guest: FlaskClient) -> Known:
    """Ids of records that are there, by the name that paths and bodies have for them."""
    admin = client_as(guest.application, Role.ADMIN)
    customer = client_as(guest.application, Role.CUSTOMER)
    item = add_dish(admin, stock=1000)
    order = place_order(customer, order_for(item))
    path = f"/api/orders/{order['id']}"
    assert admin.patch(f"{path}/status", json={"status": "confirmed"}).status_code == 200
    paid = admin.post(f"{path}/payments", json={"method": "cash", "amount": 1})
    [ticket] = [
        ticket["id"]
        for cooked in admin.get("/api/kitchen/tickets").json["items"]
        for ticket in cooked["tickets"]
        if cooked["order_id"] == order["id"]
    ]
    return {
        "category_id": item["category_id"],
        "item_id": item["id"],
        "order_id": order["id"],
        "record_id": order["id"],
        "user_id": order["user_id"],
        "line_ids": order["items"][0]["id"],
        "payment_id": paid.json["payments"][0]["id"],
        "tickets": ticket,
        "kind": "orders",
    }


def channel_of(client: FlaskClient) -> Known:
    """A room that the client is in, in a server of theirs. A new one each time: what is asked may
    remove it."""
    other = client_as(client.application, Role.WAITER)
    server = add_server(client)
    join_server(other, server)
    path = f"/api/servers/{server['id']}/channels"
    channel = client.post(path, json={"name": "kitchen"}).json["id"]
    about = {"server_id": server["id"], "channel_id": channel, "user_id": me(other)}
    return {**about, "room_id": channel, "message_id": send_message(client, channel)["id"]}


def talk_of(client: FlaskClient) -> Known:
    """A room for the client and somebody else."""
    room = open_conversation(client, client_as(client.application, Role.WAITER))
    return {
        "conversation_id": room,
        "room_id": room,
        "message_id": send_message(client, room)["id"],
    }


def test_the_description_is_what_the_standard_wants(schema: BaseSchema) -> None:
    schema.validate()


@WITH_THREADS
@pytest.mark.parametrize("role", [Role.ADMIN, None], ids=str)
@pytest.mark.parametrize("tag", [blueprint.name for blueprint in BLUEPRINTS])
def test_whatever_is_asked_is_answered_as_described(
    guest: FlaskClient, schema: BaseSchema, known: Known, tag: str, role: Role | None
) -> None:
    for operation in operations_of(schema, tag):
        # It may have been asked to log out.
        client = client_as(guest.application, role)
        shown = client.environ_base.get("HTTP_AUTHORIZATION")
        headers = {"Accept-Encoding": "identity", **({"Authorization": shown} if shown else {})}
        cases = requests_for(schema, operation)
        there = {**known, **channel_of(client)} if tag in TALKING and role is not None else known
        if role is None and {} not in operation.definition.raw.get("security", [{}]):
            cases = islice(cases, REFUSED)
        else:
            fuzz(operation, there, headers)
        if there is not known:
            there = {**there, **channel_of(client), **talk_of(client)}
        for case in cases:
            ask(case, there, headers)


def operations_of(schema: BaseSchema, tag: str) -> list[Operation]:
    """What makes records comes first, and what deletes them last."""
    found: list[Any] = [
        operation.ok()  # type: ignore[union-attr]
        for operation in schema.get_all_operations()
    ]
    order = {"post": 0, "delete": 2}
    return sorted(
        (operation for operation in found if operation.tags == [tag]),
        key=lambda operation: (order.get(operation.method, 1), "{" in operation.path),
    )


def requests_for(schema: BaseSchema, operation: Operation) -> Iterable[Case]:
    """Everything at its limits and just beyond, one thing at a time; the same ones every time."""
    generation = schema.config.generation_for(operation=operation)
    return schema.iter_coverage_cases(
        operation, generation_modes=RIGHT_AND_WRONG, generation_config=generation
    )


def fuzz(operation: Operation, known: Known, headers: dict[str, str]) -> None:
    """Anything, several things at a time."""
    for mode in RIGHT_AND_WRONG:

        @FUZZ
        @given(case=operation.as_strategy(generation_mode=mode))
        def anything(case: Case) -> None:
            ask(case, known, headers)

        with suppress(Unsatisfiable):  # Where nothing is taken nothing can be wrong.
            anything()


def ask(case: Case, known: Known, headers: dict[str, str]) -> None:
    if case.meta.generation.mode.is_positive:
        case.path_parameters = with_known(case.path_parameters, known)
        case.body = with_known(case.body, known)
    answer = case.call(headers=headers)
    streams = STREAM in str(case.operation.definition.raw["responses"].get("200"))
    assert answer.status_code < 500 or (streams and answer.status_code == 503), answer.text
    case.validate_response(answer, checks=checks_for(case.operation))
    if answer.status_code == 201:
        learn(case, answer, known)


def checks_for(operation: Operation) -> list[Any]:
    """Wrong requests must be refused. To leave out a body that may be left out is not wrong."""
    may_lack_body = not operation.definition.raw.get("requestBody", {}).get("required", True)
    return CHECKS if may_lack_body else [*CHECKS, negative_data_rejection]


def with_known(value: Any, known: Known, name: str = "") -> Any:
    """The same with ids that somebody made up replaced by ids of what is there."""
    match value:
        case dict():
            return {key: with_known(inner, known, key) for key, inner in value.items()}
        case list():
            return [with_known(inner, known, name) for inner in value]
        case str() if name in known and (_UUID.fullmatch(value) or name == "kind"):
            return known[name]
    return value


def learn(case: Case, answer: Response, known: Known) -> None:
    """What was made is asked for from now on, by the name that its path has for it."""
    [location] = answer.headers.get("Location", [""])
    adapter = case.operation.app.url_map.bind("localhost")
    with suppress(HTTPException):
        for name, value in adapter.match(location)[1].items():
            known.setdefault(name, str(value))
