"""Orders in PostgreSQL: tables orders, order_items and payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.postgres.connection import Row
from adapters.postgres.rows import Plain
from adapters.postgres.statements import equal
from adapters.postgres.store import PostgresStore
from adapters.postgres.table import Children
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.tickets import OPEN
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.replication.ports.repository import After, Change, Page

_SAME = (
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
_AS_JSON = ("terms", "tickets")
_CUSTOMER = {
    "customer_name": "name",
    "customer_phone": "phone",
    "customer_email": "email",
    "phone_key": "phone_key",
}
_FULFILMENT = {
    "fulfilment": "type",
    "table_name": "table",
    "address": "address",
    "scheduled_for": "scheduled_for",
    "slot": "slot",
}
_LINES = Children(
    field="lines",
    table="order_items",
    parent="order_id",
    count="line_count",
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
_PAYMENTS = Children(
    field="payments",
    table="payments",
    parent="order_id",
    count="payment_count",
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
_TAKEN = """
SELECT method, sum(amount)::bigint AS amount FROM payments
WHERE till_id = %(till_id)s GROUP BY method
"""
_SINCE = "created_at >= %(since)s"
_SAME_USER = "user_id = %(user_id)s"
_CHANGED = "NOT deleted AND updated_at >= %(at)s"
# The second half is for the orders of that very moment; the first one is what the index is for.
_AFTER = '(updated_at > %(at)s OR id::text COLLATE "C" > %(id)s)'


class PostgresOrders(PostgresStore[Order], Orders):
    """An order is a row of orders, one of order_items for each line and one of payments for each
    payment. `stations` and `open_tickets` are there to be asked about."""

    columns = (*_SAME, *_AS_JSON, *_CUSTOMER, *_FULFILMENT, "stations", "open_tickets")
    children = (_LINES, _PAYMENTS)

    def page(self, wanted: OrderFilter, after: After | None, limit: int) -> Page[Order]:
        parameters = {
            "phone": wanted.phone,
            "since": wanted.since,
            "code": wanted.code,
            "user_id": wanted.user_id,
        }
        return self._page(_conditions(wanted), parameters, after, limit)

    def in_kitchen(self, station: str | None, limit: int) -> Sequence[Order]:
        at_station = "" if station is None else _AT_STATION
        return self._find(_IN_KITCHEN.format(at_station, limit), {"station": station})

    def taken(self, till_id: str) -> Mapping[str, int]:
        rows = self._ask(_TAKEN, {"till_id": till_id})
        return {row["method"]: row["amount"] for row in rows}

    def changed_since(self, after: Change, limit: int) -> Sequence[Order]:
        rest = f"WHERE {_CHANGED} AND {_AFTER} ORDER BY updated_at, id LIMIT {limit:d}"
        return self._find(rest, {"at": after.updated_at, "id": after.id})

    def to_row(self, plain: Plain) -> Row:
        waiting = [ticket["station"] for ticket in plain["tickets"] if ticket["status"] in OPEN]
        return {
            "stations": sorted(set(waiting)),
            "open_tickets": len(waiting),
            **{name: plain[name] for name in (*_SAME, *_AS_JSON)},
            **{column: plain["customer"][field] for column, field in _CUSTOMER.items()},
            **{column: plain["fulfilment"][field] for column, field in _FULFILMENT.items()},
        }

    def from_row(self, row: Row) -> Plain:
        return {
            **{name: row[name] for name in (*_SAME, *_AS_JSON)},
            "customer": {field: row[column] for column, field in _CUSTOMER.items()},
            "fulfilment": {field: row[column] for column, field in _FULFILMENT.items()},
        }


def _conditions(wanted: OrderFilter) -> list[str]:
    conditions = []
    if wanted.status is not None:
        conditions.append(equal("status", wanted.status))
    if wanted.fulfilment is not None:
        conditions.append(equal("fulfilment", wanted.fulfilment))
    if wanted.phone is not None:
        conditions.append(_SAME_PHONE)
    if wanted.code is not None:
        conditions.append(_SAME_CODE)
    if wanted.since is not None:
        conditions.append(_SINCE)
    if wanted.user_id is not None:
        conditions.append(_SAME_USER)
    return conditions
