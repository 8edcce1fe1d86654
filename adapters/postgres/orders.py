"""The PostgreSQL store of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.postgres.connection import Row
from adapters.postgres.rows import PlainRecord
from adapters.postgres.statements import equals_literal
from adapters.postgres.store import PostgresStore
from adapters.postgres.table import ChildTable
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.tickets import OPEN_STATUSES
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Page

_PLAIN_COLUMNS = (
    "code",
    "status",
    "payment_status",
    "notes",
    "coupon",
    "subtotal",
    "discount",
    "service_charge",
    "tax",
    "tip",
    "total",
    "currency",
    "history",
    "user_id",
    "erased_at",
)
_JSON_COLUMNS = ("terms", "tickets", "seating")
_CUSTOMER_COLUMNS = {
    "customer_name": "name",
    "customer_phone": "phone",
    "customer_email": "email",
    "phone_key": "phone_key",
}
_FULFILMENT_COLUMNS = {
    "fulfilment": "type",
    "table_name": "table",
    "address": "address",
    "scheduled_for": "scheduled_for",
    "slot": "slot",
}
_LINES = ChildTable(
    field="lines",
    table="order_items",
    foreign_key="order_id",
    count_column="line_count",
    columns=(
        "id",
        "item_id",
        "name",
        "quantity",
        "unit_price",
        "options",
        "notes",
        "total",
        "counted",
        "tax_rate",
        "station",
        "revision",
    ),
)
_PAYMENTS = ChildTable(
    field="payments",
    table="payments",
    foreign_key="order_id",
    count_column="payment_count",
    columns=(
        "id",
        "op_id",
        "method",
        "amount",
        "tip",
        "given",
        "change",
        "reference",
        "line_ids",
        "till_id",
        "refund_of",
        "reason",
        "actor",
        "at",
    ),
)
_SAME_PHONE = "left(phone_key, 100) = left(%(phone)s, 100) AND phone_key = %(phone)s"
_SAME_CODE = "left(code, 100) = left(%(code)s, 100) AND code = %(code)s"
_IN_KITCHEN = "WHERE NOT deleted AND open_tickets > 0{} ORDER BY created_at, id LIMIT {:d}"
_AT_STATION = " AND stations ? %(station)s"
_TOTALS_BY_METHOD = """
SELECT method, sum(amount)::bigint AS amount FROM payments
WHERE till_id = %(till_id)s GROUP BY method
"""
_CREATED_SINCE = "created_at >= %(since)s"
_SAME_USER = "user_id = %(user_id)s"
_CHANGED_SINCE = "NOT deleted AND updated_at >= %(at)s"
# Only skips orders that were changed at exactly that time: _CHANGED_SINCE is what uses the index.
_AFTER_CURSOR = '(updated_at > %(at)s OR id::text COLLATE "C" > %(id)s)'


class PostgresOrders(PostgresStore[Order], Orders):
    """Tables orders, order_items (one row per line) and payments (one row per payment).

    The columns `stations` and `open_tickets` exist only for queries.
    """

    columns = (
        *_PLAIN_COLUMNS,
        *_JSON_COLUMNS,
        *_CUSTOMER_COLUMNS,
        *_FULFILMENT_COLUMNS,
        "stations",
        "open_tickets",
    )
    children = (_LINES, _PAYMENTS)

    def page(self, filters: OrderFilter, after: Cursor | None, limit: int) -> Page[Order]:
        parameters = {
            "phone": filters.phone,
            "since": filters.since,
            "code": filters.code,
            "user_id": filters.user_id,
        }
        return self._newest_page(_conditions(filters), parameters, after, limit)

    def in_kitchen(self, station: str | None, limit: int) -> Sequence[Order]:
        at_station = "" if station is None else _AT_STATION
        return self._find(_IN_KITCHEN.format(at_station, limit), {"station": station})

    def taken(self, till_id: str) -> Mapping[str, int]:
        rows = self._fetch(_TOTALS_BY_METHOD, {"till_id": till_id})
        return {row["method"]: row["amount"] for row in rows}

    def changed_since(self, after: ChangeCursor, limit: int) -> Sequence[Order]:
        conditions = f"{_CHANGED_SINCE} AND {_AFTER_CURSOR}"
        return self._find(
            f"WHERE {conditions} ORDER BY updated_at, id LIMIT {limit:d}",
            {"at": after.updated_at, "id": after.id},
        )

    def to_row(self, plain: PlainRecord) -> Row:
        open_stations = [
            ticket["station"] for ticket in plain["tickets"] if ticket["status"] in OPEN_STATUSES
        ]
        return {
            "stations": sorted(set(open_stations)),
            "open_tickets": len(open_stations),
            **{name: plain[name] for name in (*_PLAIN_COLUMNS, *_JSON_COLUMNS)},
            **{column: plain["customer"][field] for column, field in _CUSTOMER_COLUMNS.items()},
            **{column: plain["fulfilment"][field] for column, field in _FULFILMENT_COLUMNS.items()},
        }

    def from_row(self, row: Row) -> PlainRecord:
        return {
            **{name: row[name] for name in (*_PLAIN_COLUMNS, *_JSON_COLUMNS)},
            "customer": {field: row[column] for column, field in _CUSTOMER_COLUMNS.items()},
            "fulfilment": {field: row[column] for column, field in _FULFILMENT_COLUMNS.items()},
        }


def _conditions(filters: OrderFilter) -> list[str]:
    conditions = []
    if filters.status is not None:
        conditions.append(equals_literal("status", filters.status))
    if filters.fulfilment is not None:
        conditions.append(equals_literal("fulfilment", filters.fulfilment))
    if filters.phone is not None:
        conditions.append(_SAME_PHONE)
    if filters.code is not None:
        conditions.append(_SAME_CODE)
    if filters.since is not None:
        conditions.append(_CREATED_SINCE)
    if filters.user_id is not None:
        conditions.append(_SAME_USER)
    return conditions
