"""Reads both databases raw and writes down each record the same way from either.

Nothing of the application's own codec, stores or consistency check is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.faults.house import House

Record = dict[str, Any]
Records = Mapping[str, Record]

_PLACES = ("postgresql", "mongodb", "nocodb")
_ENVELOPE = ("op_id", "source", "deleted")
_ORDER = (
    "code", "status", "payment_status", "notes", "coupon", "subtotal", "discount",
    "service_charge", "tax", "tip", "total", "currency",
)  # fmt: skip
_LINE = ("id", "item_id", "name", "quantity", "unit_price", "options", "notes", "total", "counted")
_ORDERS = "SELECT * FROM orders ORDER BY id"
_LINES = "SELECT * FROM order_items ORDER BY order_id, position"
_DOCUMENTS = {
    "menu_items": "SELECT * FROM menu_items ORDER BY id",
    "categories": "SELECT * FROM categories ORDER BY id",
    "conflicts": "SELECT * FROM conflicts ORDER BY id",
}


@dataclass(frozen=True)
class Contents:
    """All that one database holds, by kind and id, and what it counts."""

    kinds: Mapping[str, Records]
    counters: Mapping[str, tuple[int, int | None]]

    @property
    def orders(self) -> Records:
        return self.kinds["orders"]


def in_postgres(house: House) -> Contents:
    with house.postgres() as connection:
        lines: dict[str, list[Record]] = {}
        for row in connection.execute(_LINES):
            lines.setdefault(str(row["order_id"]), []).append(row)
        orders = {str(row["id"]): row for row in connection.execute(_ORDERS)}
        kinds = {
            "orders": {key: _order_row(row, lines.get(key, [])) for key, row in orders.items()}
        }
        for kind, query in _DOCUMENTS.items():
            kinds[kind] = {str(row["id"]): _row(row) for row in connection.execute(query)}
        counters = {
            row["key"]: (row["held"], row["ceiling"])
            for row in connection.execute("SELECT * FROM counters")
        }
    return Contents(kinds, counters)


def in_mongo(house: House) -> Contents:
    with house.mongo() as database:
        kinds = {
            kind: {each["_id"]: _document(each) for each in database[kind].find()}
            for kind in ("orders", *_DOCUMENTS)
        }
        counters = {
            each["_id"]: (each["held"], each.get("ceiling")) for each in database.counters.find()
        }
    return Contents(kinds, counters)


def _order_row(row: Record, lines: list[Record]) -> Record:
    record = _envelope_of_row(row) | {name: row[name] for name in _ORDER}
    record["customer"] = {
        "name": row["customer_name"],
        "phone": row["customer_phone"],
        "email": row["customer_email"],
    }
    record["fulfilment"] = {
        "type": row["fulfilment"],
        "table": row["table_name"],
        "address": row["address"],
        "scheduled_for": _plain(row["scheduled_for"]),
    }
    record["history"] = _plain(row["history"])
    record["lines"] = [{name: _plain(line[name]) for name in _LINE} for line in lines]
    assert row["line_count"] == len(lines), f"order {row['id']} counts {row['line_count']} lines"
    return record


def _row(row: Record) -> Record:
    content: Record = _plain(row["content"])
    return _envelope_of_row(row) | content | {"unique": row.get("u_slug")}


def _envelope_of_row(row: Record) -> Record:
    return {
        **{name: row[name] for name in _ENVELOPE},
        "version": {place: row[f"v_{place}"] for place in _PLACES},
        "created_at": _plain(row["created_at"]),
        "updated_at": _plain(row["updated_at"]),
        "trail": _plain(row["trail"]),
        "digest": row["digest"],
        "bucket": row["bucket"],
    }


def _document(document: Record) -> Record:
    record: Record = _plain({key: val for key, val in document.items() if key[0] != "_"})
    record |= {"digest": document["_digest"], "bucket": document["_bucket"]}
    if "slug" in record:
        record["unique"] = document.get("_unique", {}).get("slug")
    elif "lines" not in record:
        record["unique"] = None
    return record


def _plain(value: Any) -> Any:
    """The one way of writing a value: times as text to the millisecond, whatever they came as."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _plain_text(text: str) -> str:
    if text[:2] == "20" and text[10:11] == "T":
        try:
            return _plain(datetime.fromisoformat(text))
        except ValueError:
            return text
    return text
