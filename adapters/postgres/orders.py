"""Orders in PostgreSQL: tables orders and order_items."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.connection import Row
from adapters.postgres.rows import Plain
from adapters.postgres.statements import equal
from adapters.postgres.store import PostgresStore
from adapters.postgres.table import Children
from dinerapp.domain.orders import Order
from dinerapp.ports.orders import Change, OrderFilter, Orders
from dinerapp.ports.repository import After, Page

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
)
_CUSTOMER = {"customer_name": "name", "customer_phone": "phone", "customer_email": "email"}
_FULFILMENT = {
    "fulfilment": "type",
    "table_name": "table",
    "address": "address",
    "scheduled_for": "scheduled_for",
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
    ),
)
_SAME_PHONE = "left(customer_phone, 100) = left(%(phone)s, 100) AND customer_phone = %(phone)s"
_SINCE = "created_at >= %(since)s"
_CHANGED = "NOT deleted AND updated_at >= %(at)s"
# The second half is for the orders of that very moment; the first one is what the index is for.
_AFTER = '(updated_at > %(at)s OR id::text COLLATE "C" > %(id)s)'


class PostgresOrders(PostgresStore[Order], Orders):
    """An order is a row of orders and one of order_items for each line."""

    columns = (*_SAME, *_CUSTOMER, *_FULFILMENT)
    children = (_LINES,)

    def page(self, wanted: OrderFilter, after: After | None, limit: int) -> Page[Order]:
        parameters = {"phone": wanted.phone, "since": wanted.since}
        return self._page(_conditions(wanted), parameters, after, limit)

    def changed_since(self, after: Change, limit: int) -> Sequence[Order]:
        rest = f"WHERE {_CHANGED} AND {_AFTER} ORDER BY updated_at, id LIMIT {limit:d}"
        return self._find(rest, {"at": after.updated_at, "id": after.id})

    def to_row(self, plain: Plain) -> Row:
        return {
            **{name: plain[name] for name in _SAME},
            **{column: plain["customer"][field] for column, field in _CUSTOMER.items()},
            **{column: plain["fulfilment"][field] for column, field in _FULFILMENT.items()},
        }

    def from_row(self, row: Row) -> Plain:
        return {
            **{name: row[name] for name in _SAME},
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
    if wanted.since is not None:
        conditions.append(_SINCE)
    return conditions
