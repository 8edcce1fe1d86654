"""What requests cost, counted and not timed: round trips, what databases look at, calls, memory.

A number here is what a request takes today. It may become smaller; who makes it larger should
know, and say why.
"""

from __future__ import annotations

import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)
from werkzeug.test import create_environ

from adapters.mongo.database import MongoDatabase
from adapters.postgres.connection import DeadlineConnection
from adapters.postgres.database import PostgresDatabase
from dinerapp.accounts.domain.permissions import Role
from dinerapp.ordering.domain.orders import Status
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.replication.version import StoreId
from dinerapp.runtime.app import create_app
from dinerapp.runtime.databases import Backend
from dinerapp.runtime.registry import MONGO_STORES, POSTGRES_STORES
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import running
from tests.blueprints.api_helpers import (
    FAST_SETTINGS,
    add_dish,
    add_mains,
    await_followers,
    bearer,
    log_in,
    place_order,
    services_of,
)
from tests.servers.control import RealServer, new_mongo_database, new_postgres_database

DISHES, ORDERS, PAGE = 100, 30, 10
MENU_CALLS = 355
"""Python functions called for a menu that is ready, by Flask, by us and by the test client."""
MENU_BYTES = 30_000
"""The most memory that the same may take at a time: less than the menu itself."""
NOT_EXPLAINED = ("lsid", "$db", "$clusterTime", "readConcern", "maxTimeMS", "$readPreference")


@dataclass
class Asked:
    """What one thread has asked of the databases."""

    thread: int = 0
    statements: list[tuple[str, Any]] = field(default_factory=list)
    round_trips: int = 0
    commands: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Of the commands to MongoDB."""
        return [next(iter(command)) for command in self.commands]

    @property
    def is_here(self) -> bool:
        return threading.get_ident() == self.thread

    @contextmanager
    def counting(self) -> Iterator[None]:
        self.statements, self.commands, self.round_trips = [], [], 0
        self.thread = threading.get_ident()
        try:
            yield
        finally:
            self.thread = 0


class Listener(CommandListener):
    """Tells of the commands to MongoDB; the driver calls it in the thread that sends them."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def started(self, event: CommandStartedEvent) -> None:
        if self._asked.is_here:
            self._asked.commands.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...
    def trip(self, event: CommandFailedEvent) -> None: ...


@dataclass
class House:
    """An application on both databases, with a menu and orders, and what its requests ask."""

    client: FlaskClient
    guest: FlaskClient
    asked: Asked
    postgres: PostgresDatabase
    mongo: MongoDatabase
    dishes: list[dict[str, Any]]
    orders: list[dict[str, Any]]

    def fetch(self, request: Callable[[], Any]) -> Any:
        """The answer to the second of two such requests: the first one makes ready."""
        assert request().status_code < 300
        await_followers(self.client)
        with self.asked.counting():
            answer = request()
        assert answer.status_code < 300, answer.text
        return answer


@pytest.fixture(scope="module")
def house(postgres_server: RealServer, mongo_server: RealServer) -> Iterator[House]:
    with (
        new_postgres_database(postgres_server) as postgres_url,
        new_mongo_database(mongo_server) as mongo_url,
    ):
        asked = Asked()
        patch = pytest.MonkeyPatch()
        _count_statements(patch, asked)
        mongo = MongoDatabase(mongo_url, client_factory=_listened_to(asked))
        postgres = PostgresDatabase(postgres_url)
        stores = [Backend(postgres, POSTGRES_STORES), Backend(mongo, MONGO_STORES)]
        settings = Settings(**FAST_SETTINGS)
        app = create_app(settings, stores=stores)
        with running(app):
            client = add_mains(app.test_client())
            log_in(client, Role.ADMIN)
            dishes = [add_dish(client, stock=1000) for _ in range(DISHES)]
            orders = [place_order(client, _order_of(dishes[:4])) for _ in range(ORDERS)]
            yield House(client, app.test_client(), asked, postgres, mongo, dishes, orders)
        patch.undo()


def test_a_menu_that_is_ready_asks_nobody(house: House) -> None:
    house.fetch(lambda: house.client.get("/api/menu"))
    assert (house.asked.round_trips, house.asked.names) == (0, [])


def test_a_menu_that_is_ready_is_neither_made_nor_copied_again(house: House) -> None:
    path = "/api/menu"
    body = house.fetch(lambda: house.client.get(path)).data
    assert len(body) > MENU_BYTES
    answer = _calling(house, path)
    calls = [0]

    def count(_frame: Any, event: str, _arg: Any) -> None:
        calls[0] += event == "call"

    sys.setprofile(count)
    try:
        assert answer() == len(body)
    finally:
        sys.setprofile(None)
    assert calls[0] <= MENU_CALLS
    tracemalloc.start()
    try:
        answer()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        answer()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most - before <= MENU_BYTES


def test_an_order_is_read_in_one_round_trip(house: House) -> None:
    order = house.orders[0]
    token = bearer(order["access_token"])
    house.fetch(lambda: house.client.get(f"/api/orders/{order['id']}", headers=token))
    assert (house.asked.round_trips, house.asked.names) == (1, [])


def test_an_order_is_placed_in_one_round_trip_to_each_database(house: House) -> None:
    body = _order_of(house.dishes[:4])
    house.fetch(lambda: house.guest.post("/api/orders", json=body))
    assert (house.asked.round_trips, house.asked.names) == (1, ["update"])


def test_an_order_that_is_repeated_is_looked_at_and_handed_on_again(house: House) -> None:
    body, key = _order_of(house.dishes[:4]), {"Idempotency-Key": uuid4().hex}
    answer = house.fetch(lambda: house.guest.post("/api/orders", json=body, headers=key))
    assert answer.headers["Idempotent-Replay"] == "true"
    assert (house.asked.round_trips, house.asked.names) == (2, ["update", "find"])


def test_an_order_is_moved_on_with_a_look_at_who_asks_a_read_and_a_write(house: House) -> None:
    path = f"/api/orders/{house.orders[1]['id']}/status"
    steps = iter(["confirmed", "preparing"])
    house.fetch(lambda: house.client.patch(path, json={"status": next(steps)}))
    assert (house.asked.round_trips, house.asked.names) == (3, ["update"])


PAGES = {
    "": OrderFilter(),
    "&status=pending": OrderFilter(status=Status.PENDING),
    "&phone=%2B49301234567": OrderFilter(phone="+49301234567"),
}


@pytest.mark.parametrize("query", PAGES)
def test_a_page_is_one_question_beside_who_asks(house: House, query: str) -> None:
    path = f"/api/orders?limit={PAGE}{query}"
    answer = house.fetch(lambda: house.client.get(path))
    assert len(answer.json["items"]) == PAGE
    assert (house.asked.round_trips, house.asked.names) == (2, [])
    _, (statement, parameters) = house.asked.statements
    assert _rows_read(house.postgres, statement, parameters) == PAGE + 1


@pytest.mark.parametrize("wanted", PAGES.values(), ids=str)
def test_a_page_of_the_backup_is_one_question_about_what_it_answers(
    house: House, wanted: OrderFilter
) -> None:
    backup = services_of(house.client).replication.pairs["orders"].store_of(StoreId.MONGODB)
    with house.asked.counting():
        page = cast(Orders, backup).page(wanted, None, PAGE)
    assert len(page.items) == PAGE
    [question] = house.asked.commands
    assert _documents_read(house.mongo, question) == PAGE + 1


def _rows_read(database: PostgresDatabase, statement: str, parameters: Any) -> int:
    """How many rows of orders the server looked at."""
    [row] = database.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    scans = [node for node in _nodes(row["QUERY PLAN"]) if node.get("Relation Name") == "orders"]
    assert scans, "nobody has looked at orders"
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in scans
    )


def _documents_read(database: MongoDatabase, question: Mapping[str, Any]) -> int:
    command = {name: value for name, value in question.items() if name not in NOT_EXPLAINED}
    with database.reading():
        of = database.collection(command["find"]).database
        explained = of.command("explain", command, verbosity="executionStats")
    read: int = explained["executionStats"]["totalDocsExamined"]
    return read


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, dict):
        yield plan
    for each in plan.values() if isinstance(plan, dict) else plan:
        if isinstance(each, dict | list):
            yield from _nodes(each)


def _calling(house: House, path: str) -> Callable[[], int]:
    """One request to the application itself, without any client; says how long the body is."""
    environ, app = create_environ(path), house.client.application

    def call() -> int:
        return sum(map(len, app(dict(environ), lambda *_: lambda _: None)))

    return call


def _count_statements(patch: pytest.MonkeyPatch, asked: Asked) -> None:
    execute, wait = DeadlineConnection.execute, DeadlineConnection.wait

    def counted_execute(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        if asked.is_here:
            asked.statements.append((query, params))
        return execute(self, query, params, **options)

    def counted_wait(self: Any, *args: Any, **options: Any) -> Any:
        asked.round_trips += asked.is_here
        return wait(self, *args, **options)

    patch.setattr(DeadlineConnection, "execute", counted_execute)
    patch.setattr(DeadlineConnection, "wait", counted_wait)


def _listened_to(asked: Asked) -> Callable[..., MongoClient[dict[str, Any]]]:
    def client(uri: str, **options: Any) -> MongoClient[dict[str, Any]]:
        listeners = [*options.pop("event_listeners", ()), Listener(asked)]
        return MongoClient(uri, **options, event_listeners=listeners)

    return client


def _order_of(dishes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "customer": {"name": "Ada", "phone": "+49 30 1234567"},
        "fulfilment": {"type": "pickup"},
        "items": [{"item_id": each["id"], "quantity": 1, "options": []} for each in dishes],
    }
