"""Applications on real databases: with both of them, and with one that has outlived the other."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import bson
import psycopg
from flask.testing import FlaskClient
from psycopg import sql
from pymongo import MongoClient

from adapters.embedded.tcp_ports import LOCALHOST
from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication import conflicts
from dinerapp.replication.ports.connections import ConnectionState
from dinerapp.replication.record import utc_now
from dinerapp.runtime.app import create_app
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import running
from tests import factories
from tests.blueprints.api_helpers import (
    FAST_SETTINGS,
    CheckedClient,
    add_dish,
    add_mains,
    await_followers,
    client_as,
    log_in,
    order_for,
    place_order,
    services_of,
)
from tests.blueprints.messaging_helpers import (
    add_server,
    join_server,
    me,
    open_conversation,
    send_message,
)
from tests.servers.control import RealServer, drop_database, url_of_database, url_via
from tests.servers.proxy import FaultProxy

POSTGRESQL, MONGODB, BOTH = "postgresql", "mongodb", "both"
SERVING = (BOTH, POSTGRESQL, MONGODB)
SECRET = "a secret that is nobody's business"
_TIMEOUT_SECONDS = 20.0
_HEARTBEAT_TABLES = ("absences", "bus")
"""Which process misses which store is said anew every few seconds, whatever is asked; what
processes called out to one another is forgotten after a minute."""


@dataclass
class TwoStoreApp:
    """An application, what is in its databases, and ids to ask for."""

    serving: str
    client: FlaskClient
    postgres: psycopg.Connection
    mongo: MongoClient[dict[str, Any]]
    ids: dict[str, str]

    def content(self) -> dict[str, str]:
        """A digest of every table and collection of both databases."""
        return {**self._tables(), **self._collections()}

    def settled_content(self) -> dict[str, str]:
        """The content, once everything that was accepted has arrived where it can."""
        before: dict[str, str] = {}
        while (content := self.content()) != before:
            before = content
            time.sleep(0.1)
        return content

    def path(self, template: str) -> str:
        return template.format(**self.ids)

    def _tables(self) -> dict[str, str]:
        found = self.postgres.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (%s)",
            ([*_HEARTBEAT_TABLES],),
        )
        digest = sql.SQL(
            "SELECT {}, count(*) || ' ' || md5(coalesce(string_agg(t::text, '' "
            "ORDER BY t::text), '')) FROM {} t"
        )
        questions = [digest.format(sql.Literal(name), sql.Identifier(name)) for (name,) in found]
        return dict(self.postgres.execute(sql.SQL(" UNION ALL ").join(questions)).fetchall())

    def _collections(self) -> dict[str, str]:
        database = self.mongo.get_default_database()
        content = {}
        for name in sorted(database.list_collection_names()):
            if name not in _HEARTBEAT_TABLES:
                documents = [bson.encode(one) for one in database[name].find().sort("_id")]
                digest = hashlib.sha256(b"".join(documents)).hexdigest()
                content[f"mongodb {name}"] = f"{len(documents)} {digest}"
        return content


@contextmanager
def two_store_app(serving: str, postgres: RealServer, mongo: RealServer) -> Iterator[TwoStoreApp]:
    """Both databases are up until the ground is laid, so that unknown ids are known to be."""
    name = f"ground_{uuid4().hex[:12]}"
    urls = {
        POSTGRESQL: url_of_database(postgres.url, name),
        MONGODB: url_of_database(mongo.url, name),
    }
    with ExitStack() as stack:
        server = stack.enter_context(psycopg.connect(postgres.url, autocommit=True))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        stack.callback(drop_database, server, name)
        connection = stack.enter_context(psycopg.connect(urls[POSTGRESQL], autocommit=True))
        watching: MongoClient[dict[str, Any]] = stack.enter_context(MongoClient(urls[MONGODB]))
        stack.callback(watching.drop_database, name)
        ports = {POSTGRESQL: postgres.port, MONGODB: mongo.port}
        doomed = {place: port for place, port in ports.items() if serving not in (BOTH, place)}
        proxies = {
            place: stack.enter_context(FaultProxy(LOCALHOST, port))
            for place, port in doomed.items()
        }
        via = {place: url_via(urls[place], proxy.url_port) for place, proxy in proxies.items()}
        client = stack.enter_context(_client(urls | via))
        _await(
            lambda: _states(client) == {POSTGRESQL: ConnectionState.UP, MONGODB: ConnectionState.UP}
        )
        log_in(client, Role.ADMIN)
        ground = TwoStoreApp(serving, client, connection, watching, _seed(client))
        ground.settled_content()
        for place, proxy in proxies.items():
            proxy.refuse()
            _await(partial(_is_seen_down, client, place))
        yield ground
        for proxy in proxies.values():  # Or the end would wait for what cannot be reached.
            proxy.pass_through()


@contextmanager
def _client(urls: dict[str, str]) -> Iterator[FlaskClient]:
    own: dict[str, Any] = {
        "database_url": urls[POSTGRESQL],
        "mongodb_uri": urls[MONGODB],
        "secret_key": SECRET,
    }
    settings = Settings(**{**FAST_SETTINGS, **own})
    app = create_app(settings)
    app.test_client_class = CheckedClient
    with running(app):
        yield app.test_client()


def _seed(client: FlaskClient) -> dict[str, str]:
    item = add_dish(add_mains(client), stock=50)
    order = place_order(client, order_for(item, 2))
    diner = services_of(client)
    record = diner.repositories["menu_items"].get(item["id"])
    states = (record, factories.menu_item(id=item["id"]))
    conflict = conflicts.from_states("menu_items", *states, "source_priority", utc_now())
    diner.repositories["conflicts"].save(conflict)
    await_followers(client)
    colleague = client_as(client.application, Role.WAITER)
    server = add_server(client)
    join_server(colleague, server)
    path = f"/api/servers/{server['id']}/channels"
    channel = client.post(path, json={"name": "kitchen"}).json["id"]
    room = open_conversation(client, colleague)
    [customer] = client.get("/api/customers").json["items"]
    return {
        "customer": customer["id"],
        "user": client.get("/api/auth/me").json["id"],
        "item": item["id"],
        "category": item["category_id"],
        "order": order["id"],
        "conflict": conflict.id,
        "server": server["id"],
        "channel": channel,
        "colleague": me(colleague),
        "room": room,
        "message": send_message(client, room)["id"],
    }


def _states(client: FlaskClient) -> dict[str, ConnectionState]:
    known = services_of(client).replication.connections.status()
    return {one.name: one.state for one in known if one.name in (POSTGRESQL, MONGODB)}


def _states_after_requests(client: FlaskClient) -> dict[str, ConnectionState]:
    """The states after requests that ask both databases, which need not wait for a probe."""
    for path in ("/api/orders", "/api/menu/categories"):
        client.get(path)
    return _states(client)


def _is_seen_down(client: FlaskClient, place: str) -> bool:
    return _states_after_requests(client)[place] is ConnectionState.DOWN


def _await(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _TIMEOUT_SECONDS
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.02)
