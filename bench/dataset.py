"""The menu and many orders in everybody's tables, before anything is measured."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from pymongo import MongoClient

from bench.dishes import DISHES, LINES_PER_ORDER, UNLIMITED_STOCK, BenchDish, category_name
from bench.environment import SECRET, DatabaseServers, order
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.menu import Option, OptionGroup
from dinerapp.ordering.domain.orders import Order
from dinerapp.replication.identity import Operation, derived_id, new_op_id
from dinerapp.replication.version import StoreId
from dinerapp.runtime.administration import await_catching_up, open_application
from dinerapp.runtime.container import Application

OURS, ALONE, PEERS, EVE = "diner", "alone", "peers", "eve"
"""The databases: ours in both, ours in PostgreSQL alone, and what peers have."""
BATCH_SIZE = 2000
READ_IDS = 1000
"""Of so many orders the ids are handed out for reading."""
_SCHEMA = Path(__file__).parent / "peers" / "schema.sql"
_FIRST_ORDER_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OrderIds:
    """Ids of orders that are there: ours, and the peers'."""

    ours: Sequence[str]
    peers: Sequence[str]


def token(order_id: str) -> str:
    """What opens an order, at ours and at all peers."""
    return RecordTokens(SECRET, "order").issue(order_id)


def fill(both: DatabaseServers, count: int) -> OrderIds:
    """So many orders for each, in bulk."""
    filled = OrderIds(_fill_ours(both, count), [str(each) for each in _pick(_ids(count), count)])
    with psycopg.connect(both.postgres_url("postgres"), autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(sql.Identifier(ALONE), sql.Identifier(OURS)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(PEERS)))
    _fill_tables(both.postgres_url(PEERS), count)
    for database in (PEERS, EVE):
        _fill_documents(both.mongo.url, database, count)
    for database in (OURS, ALONE, PEERS):
        with psycopg.connect(both.postgres_url(database), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
    return filled


def batches(count: int) -> Iterator[list[Order]]:
    """Orders as PostgreSQL accepted them."""
    orders = (order(number).as_accepted_by(StoreId.POSTGRESQL) for number in range(count))
    return iter(lambda: list(islice(orders, BATCH_SIZE)), [])


def _fill_ours(both: DatabaseServers, count: int) -> list[str]:
    ids = []
    with open_application(replace(both.settings(), relay_in_workers=False)) as diner:
        await_catching_up(diner)
        _add_menu(diner)
        pair = diner.replication.pairs["orders"]
        for states in batches(count):
            pair.primary.deliver(states)
            pair.backup.deliver(states)
            ids += [state.id for state in states]
    return _pick(ids, count)


def _add_menu(diner: Application) -> None:
    numbers = sorted({dish.category for dish in DISHES})
    categories = {number: derived_id("category", str(number)) for number in numbers}
    for number, category_id in categories.items():
        fields = {"slug": f"c-{number}", "name": category_name(number), "position": number}
        diner.of(OrderingServices).categories.add(Operation(category_id, new_op_id()), fields)
    for dish in DISHES:
        fields = _freeze(dish.fields) | {"category_id": categories[dish.category]}
        diner.of(OrderingServices).menu.add(
            Operation(dish.id, new_op_id()), fields | {"stock_limit": UNLIMITED_STOCK}
        )


def _freeze(fields: Mapping[str, Any]) -> dict[str, Any]:
    groups = [
        OptionGroup(**group | {"options": tuple(Option(**each) for each in group["options"])})
        for group in fields["option_groups"]
    ]
    marks = {name: tuple(fields[name]) for name in ("dietary", "allergens")}
    return {**fields, **marks, "option_groups": tuple(groups)}


def _fill_tables(url: str, count: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(_SCHEMA.read_text())
        _copy(connection, "menu_items", map(_menu_row, DISHES))
        _copy(connection, "orders", map(_order_row, _documents(count)))
        _copy(connection, "order_items", _line_rows(count))


def _copy(connection: psycopg.Connection, table: str, rows: Iterator[Mapping[str, Any]]) -> None:
    first = next(rows)
    columns = sql.SQL(", ").join(map(sql.Identifier, first))
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    with connection.cursor().copy(query) as copy:
        copy.write_row(list(first.values()))
        for row in rows:
            copy.write_row(list(row.values()))


def _menu_row(dish: BenchDish) -> dict[str, Any]:
    """Lists as JSON texts."""
    return {
        name: orjson.dumps(value).decode() if isinstance(value, list) else value
        for name, value in _menu_fields(dish).items()
    }


def _menu_fields(dish: BenchDish) -> dict[str, Any]:
    category = category_name(dish.category)
    return {
        "id": dish.id,
        "category": category,
        **dish.fields,
        "available": True,
        "stock": UNLIMITED_STOCK,
    }


def _order_row(document: Mapping[str, Any]) -> dict[str, Any]:
    customer = {f"customer_{name}": value for name, value in document["customer"].items()}
    same = ("id", "status", "tip", "subtotal", "total", "currency", "created_at")
    return {
        **{name: document[name] for name in same},
        **customer,
        "fulfilment": document["fulfilment"]["type"],
    }


def _line_rows(count: int) -> Iterator[dict[str, Any]]:
    for document in _documents(count):
        for position, line in enumerate(document["items"]):
            yield {
                **line,
                "order_id": document["id"],
                "position": position,
                "options": orjson.dumps(line["options"]).decode(),
            }


def _fill_documents(url: str, database: str, count: int) -> None:
    with MongoClient[dict[str, Any]](url) as client:
        into = client[database]
        into.menu_items.insert_many([_as_document(_menu_fields(dish)) for dish in DISHES])
        into.menu_items.create_index("slug", unique=True)
        for keys in ("created_at", "customer.phone", "status"):
            into.orders.create_index(keys)
        into.orders.create_index("idempotency_key", unique=True, sparse=True)
        documents = map(_as_document, _documents(count))
        while batch := list(islice(documents, BATCH_SIZE)):
            into.orders.insert_many(batch, ordered=False)


def _as_document(fields: Mapping[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in fields.items() if name != "id"}
    return {"_id": str(fields["id"]), **others}


def _documents(count: int) -> Iterator[dict[str, Any]]:
    """Orders as peers would have placed them."""
    for number, order_id in enumerate(_ids(count)):
        lines = [_line(DISHES[(number + each) % len(DISHES)]) for each in range(LINES_PER_ORDER)]
        total = sum(line["total"] for line in lines)
        yield {
            "id": order_id,
            "status": "pending",
            "customer": {"name": "Ada", "phone": f"+4930{number % 5000:07}", "email": None},
            "fulfilment": {"type": "pickup", "table": None, "address": None},
            "items": lines,
            "notes": None,
            "tip": 0,
            "subtotal": total,
            "total": total,
            "currency": "EUR",
            "created_at": _FIRST_ORDER_AT + timedelta(milliseconds=number),
        }


def _line(dish: BenchDish) -> dict[str, Any]:
    options = [group["options"][0] for group in dish.fields["option_groups"]]
    return {
        "item_id": dish.id,
        "name": dish.fields["name"],
        "quantity": 2,
        "unit_price": dish.price,
        "options": options,
        "notes": None,
        "total": 2 * dish.price,
    }


def _ids(count: int) -> Iterator[UUID]:
    """Random ones, the same every time."""
    chance = random.Random(count)
    return (UUID(int=chance.getrandbits(128), version=4) for _ in range(count))


def _pick(ids: Any, count: int) -> list[Any]:
    every = max(1, count // READ_IDS)
    return [one for number, one in enumerate(ids) if number % every == 0]
