"""Reads both databases raw and writes down each record the same way from either.

Nothing of the application's own codec, stores or consistency check is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.faults.cluster import Cluster

Record = dict[str, Any]
Records = Mapping[str, Record]

_PLACES = ("postgresql", "mongodb", "nocodb")
_ENVELOPE = ("op_id", "source", "deleted")
_ORDER = (
    "code", "status", "payment_status", "notes", "coupon", "subtotal", "discount",
    "service_charge", "tax", "tip", "total", "currency", "terms", "tickets", "user_id",
    "erased_at",
)  # fmt: skip
_LINE = (
    "id", "item_id", "name", "quantity", "unit_price", "options", "notes", "total", "counted",
    "tax_rate", "station", "revision",
)  # fmt: skip
_PAYMENT = (
    "id", "op_id", "method", "amount", "tip", "given", "change", "reference", "line_ids", "till_id",
    "refund_of", "reason", "actor", "at",
)  # fmt: skip
_USER = (
    "email", "name", "phone", "role", "active", "password_hash", "password_changed_at", "sessions",
    "edits",
)  # fmt: skip
_CUSTOMER = ("phone", "name", "email", "notes", "first_seen", "last_seen", "erased_at")
_MESSAGE = (
    "room_id", "author_id", "content", "file_url", "order_id", "edits", "edited_at", "removed_at",
    "removed_by",
)  # fmt: skip
_USERS = "SELECT * FROM users ORDER BY id"
_CUSTOMERS = "SELECT * FROM customers ORDER BY id"
_MESSAGES = "SELECT * FROM direct_messages ORDER BY id"
_ORDERS = "SELECT * FROM orders ORDER BY id"
_LINES = "SELECT * FROM order_items ORDER BY order_id, position"
_PAYMENTS = "SELECT * FROM payments ORDER BY order_id, position"
_DOCUMENTS = {
    "menu_items": "SELECT * FROM menu_items ORDER BY id",
    "categories": "SELECT * FROM categories ORDER BY id",
    "conflicts": "SELECT * FROM conflicts ORDER BY id",
    "carts": "SELECT * FROM carts ORDER BY id",
    "slots": "SELECT * FROM slots ORDER BY id",
    "coupons": "SELECT * FROM coupons ORDER BY id",
    "tills": "SELECT * FROM tills ORDER BY id",
    "profiles": "SELECT * FROM profiles ORDER BY id",
    "servers": "SELECT * FROM servers ORDER BY id",
    "channels": "SELECT * FROM channels ORDER BY id",
    "members": "SELECT * FROM members ORDER BY id",
    "conversations": "SELECT * FROM conversations ORDER BY id",
    "reads": "SELECT * FROM reads ORDER BY id",
    "used_keys": "SELECT * FROM used_keys ORDER BY id",
}


@dataclass(frozen=True)
class DatabaseContents:
    """All that one database holds, by kind and id, and what it counts."""

    kinds: Mapping[str, Records]
    counters: Mapping[str, tuple[int, int | None]]

    @property
    def orders(self) -> Records:
        return self.kinds["orders"]


def read_postgres(cluster: Cluster) -> DatabaseContents:
    with cluster.postgres() as connection:
        lines, payments = (_by_order(connection.execute(each)) for each in (_LINES, _PAYMENTS))
        orders = {str(row["id"]): row for row in connection.execute(_ORDERS)}
        kinds = {
            "orders": {
                key: _order_row(row, lines.get(key, []), payments.get(key, []))
                for key, row in orders.items()
            }
        }
        kinds["users"] = {str(row["id"]): _user_row(row) for row in connection.execute(_USERS)}
        kinds["customers"] = {
            str(row["id"]): _customer_row(row) for row in connection.execute(_CUSTOMERS)
        }
        kinds["direct_messages"] = {
            str(row["id"]): _message_row(row) for row in connection.execute(_MESSAGES)
        }
        for kind, query in _DOCUMENTS.items():
            kinds[kind] = {str(row["id"]): _row(row) for row in connection.execute(query)}
        counters = {
            row["key"]: (row["held"], row["ceiling"])
            for row in connection.execute("SELECT * FROM counters")
        }
    return DatabaseContents(kinds, counters)


def read_mongo(cluster: Cluster) -> DatabaseContents:
    with cluster.mongo() as database:
        kinds = {
            kind: {each["_id"]: _document(kind, each) for each in database[kind].find()}
            for kind in ("orders", "users", "customers", "direct_messages", *_DOCUMENTS)
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


def _user_row(row: Record) -> Record:
    content = {name: _normalise(row[name]) for name in _USER}
    return _envelope_of_row(row) | content | {"unique": _without_none({"email": row["u_email"]})}


def _customer_row(row: Record) -> Record:
    return (
        _envelope_of_row(row) | {name: _normalise(row[name]) for name in _CUSTOMER} | {"unique": {}}
    )


def _message_row(row: Record) -> Record:
    return (
        _envelope_of_row(row) | {name: _normalise(row[name]) for name in _MESSAGE} | {"unique": {}}
    )


def _row(row: Record) -> Record:
    content: Record = _normalise(row["content"])
    unique = {name[2:]: value for name, value in row.items() if name.startswith("u_")}
    return _envelope_of_row(row) | content | {"unique": _without_none(unique)}


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
