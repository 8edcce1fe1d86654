"""Reads both databases raw and writes down each record the same way from either.

Nothing of the application's own codec, stores or consistency check is used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import psycopg
from psycopg import sql
from pymongo.database import Database as MongoDatabase

from dinerapp.runtime.registry import KINDS

Record = dict[str, Any]
Records = Mapping[str, Record]

_PLACES = ("postgresql", "mongodb", "nocodb")
_ENVELOPE = ("op_id", "source", "deleted")
_ORDER = (
    "code", "status", "payment_status", "notes", "coupon", "subtotal", "discount",
    "service_charge", "tax", "tip", "total", "currency", "terms", "tickets", "user_id",
    "erased_at",
    "seating",
)  # fmt: skip
_LINE = (
    "id", "item_id", "name", "quantity", "unit_price", "options", "notes", "total", "counted",
    "tax_rate", "station", "revision",
)  # fmt: skip
_PAYMENT = (
    "id", "op_id", "method", "amount", "tip", "given", "change", "reference", "line_ids", "till_id",
    "refund_of", "reason", "actor", "at",
)  # fmt: skip
_ORDERS = "SELECT * FROM orders ORDER BY id"
_BOOKKEEPING = {"holds", "held_before"}
_LINES = "SELECT * FROM order_items ORDER BY order_id, position"
_PAYMENTS = "SELECT * FROM payments ORDER BY order_id, position"
_COLUMNS = """
SELECT table_name, array_agg(column_name::text) AS names FROM information_schema.columns
WHERE table_schema = 'public' AND is_generated = 'NEVER' GROUP BY table_name
"""
COMPARED = tuple(row.name for row in KINDS if len(row.placement) > 1)
"""All kinds that are in both databases. Orders are written down by hand: they have child tables."""


@dataclass(frozen=True)
class DatabaseContents:
    """All that one database holds, by kind and id, and what it counts."""

    kinds: Mapping[str, Records]
    counters: Mapping[str, tuple[int, int | None]]

    @property
    def orders(self) -> Records:
        return self.kinds["orders"]


class Databases(Protocol):
    """Where both are found: a cluster has them."""

    def postgres(self) -> AbstractContextManager[psycopg.Connection[Record]]:
        """A connection that gives rows as dicts."""

    def mongo(self) -> AbstractContextManager[MongoDatabase[Record]]:
        """The database, with times in UTC."""


def read_postgres(databases: Databases) -> DatabaseContents:
    with databases.postgres() as connection:
        lines, payments = (_by_order(connection.execute(each)) for each in (_LINES, _PAYMENTS))
        orders = {str(row["id"]): row for row in connection.execute(_ORDERS)}
        kinds = {
            "orders": {
                key: _order_row(row, lines.get(key, []), payments.get(key, []))
                for key, row in orders.items()
            }
        }
        columns = {row["table_name"]: {*row["names"]} for row in connection.execute(_COLUMNS)}
        for kind in COMPARED:
            if kind not in kinds:
                own = columns[kind] - columns["envelope"]
                rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(kind)))
                kinds[kind] = {str(row["id"]): _row(row, own) for row in rows}
        counters = {
            row["key"]: (row["held"], row["ceiling"])
            for row in connection.execute("SELECT * FROM counters")
        }
    return DatabaseContents(kinds, counters)


def read_mongo(databases: Databases) -> DatabaseContents:
    with databases.mongo() as database:
        kinds = {
            kind: {each["_id"]: _document(kind, each) for each in database[kind].find()}
            for kind in COMPARED
        }
        counters = {
            each["_id"]: (each["held"], each.get("ceiling")) for each in database.counters.find()
        }
    return DatabaseContents(kinds, counters)


def _by_order(rows: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for row in rows:
        found.setdefault(str(row["order_id"]), []).append(row)
    return found


def _order_row(row: Record, lines: list[Record], payments: list[Record]) -> Record:
    record = _envelope_of_row(row) | {name: _normalise(row[name]) for name in _ORDER}
    record["customer"] = {
        "name": row["customer_name"],
        "phone": row["customer_phone"],
        "email": row["customer_email"],
        "phone_key": row["phone_key"],
    }
    record["fulfilment"] = {
        "type": row["fulfilment"],
        "table": row["table_name"],
        "address": row["address"],
        "scheduled_for": _normalise(row["scheduled_for"]),
        "slot": _normalise(row["slot"]),
    }
    record["history"] = _normalise(row["history"])
    record["lines"] = [{name: _normalise(line[name]) for name in _LINE} for line in lines]
    record["payments"] = [{name: _normalise(each[name]) for name in _PAYMENT} for each in payments]
    counts = row["line_count"], row["payment_count"]
    assert counts == (len(lines), len(payments)), f"order {row['id']} counts {counts}"
    return record


def _row(row: Record, own_columns: Collection[str]) -> Record:
    """A document is in one column, beside others that are not computed from it. What it holds of
    counted things is PostgreSQL's own: MongoDB notes that otherwise, and both have the counters."""
    own = {name for name in own_columns if not name.startswith("u_")} - _BOOKKEEPING
    content = {name: row[name] for name in own}
    if isinstance(row.get("content"), dict):
        content |= content.pop("content")
    unique = {name[2:]: row[name] for name in own_columns if name.startswith("u_")}
    return _envelope_of_row(row) | _normalise(content) | {"unique": _without_none(unique)}


def _envelope_of_row(row: Record) -> Record:
    return {
        **{name: row[name] for name in _ENVELOPE},
        "version": {place: row[f"v_{place}"] for place in _PLACES},
        "created_at": _normalise(row["created_at"]),
        "updated_at": _normalise(row["updated_at"]),
        "trail": _normalise(row["trail"]),
        "digest": row["digest"],
        "bucket": row["bucket"],
    }


def _document(kind: str, document: Record) -> Record:
    record: Record = _normalise({key: val for key, val in document.items() if key[0] != "_"})
    record |= {"digest": document["_digest"], "bucket": document["_bucket"]}
    if kind != "orders":
        record["unique"] = _without_none(document.get("_unique", {}))
    return record


def _without_none(values: Record) -> Record:
    return {name: value for name, value in values.items() if value is not None}


def _normalise(value: Any) -> Any:
    """The one way of writing a value: times as text to the millisecond, whatever they came as."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, str):
        return _normalise_text(value)
    if isinstance(value, dict):
        return {key: _normalise(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_normalise(each) for each in value]
    return value


def _normalise_text(text: str) -> str:
    if text[:2] == "20" and text[10:11] == "T":
        try:
            return _normalise(datetime.fromisoformat(text))
        except ValueError:
            return text
    return text
