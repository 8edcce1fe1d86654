"""The PostgreSQL store of customers."""

from __future__ import annotations

from adapters.postgres.connection import Row
from adapters.postgres.rows import PlainRecord
from adapters.postgres.store import PostgresStore
from dinerapp.ordering.domain.customers import Customer
from dinerapp.ordering.ports.customers import CustomerFilter, Customers
from dinerapp.replication.ports.repository import Cursor, Page

_SAME_PHONE = "left(phone, 100) = left(%(phone)s, 100) AND phone = %(phone)s"
_SAME_EMAIL = "left(email, 100) = left(%(email)s, 100) AND email = %(email)s"


class PostgresCustomers(PostgresStore[Customer], Customers):
    """Table customers."""

    columns = ("phone", "name", "email", "notes", "first_seen", "last_seen", "erased_at")

    def page(self, filters: CustomerFilter, after: Cursor | None, limit: int) -> Page[Customer]:
        conditions = ["phone <> ''"]
        if filters.phone is not None:
            conditions.append(_SAME_PHONE)
        if filters.email is not None:
            conditions.append(_SAME_EMAIL)
        parameters = {"phone": filters.phone, "email": filters.email}
        return self._newest_page(conditions, parameters, after, limit)

    def to_row(self, plain: PlainRecord) -> Row:
        return {name: plain[name] for name in self.columns}

    def from_row(self, row: Row) -> PlainRecord:
        return {name: row[name] for name in self.columns}
