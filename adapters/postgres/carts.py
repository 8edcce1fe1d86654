"""The PostgreSQL store of carts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adapters.postgres.connection import Row
from adapters.postgres.documents import DocumentStore
from adapters.postgres.rows import PlainRecord
from dinerapp.ordering.domain.carts import Cart
from dinerapp.ordering.ports.carts import Carts
from dinerapp.replication.ports.repository import Cursor, Page

_EXPIRED = "WHERE NOT deleted AND expires_at <= %(now)s ORDER BY expires_at, id LIMIT {:d}"
_SAME_USER = "user_id = %(user_id)s"


class PostgresCarts(DocumentStore[Cart], Carts):
    """Table carts."""

    columns = ("content", "expires_at")

    def page_of(self, user_id: str, after: Cursor | None, limit: int) -> Page[Cart]:
        return self._newest_page([_SAME_USER], {"user_id": user_id}, after, limit)

    def expired(self, now: datetime, limit: int) -> Sequence[Cart]:
        return self._find(_EXPIRED.format(limit), {"now": now})

    def to_row(self, plain: PlainRecord) -> Row:
        return super().to_row(plain) | {"expires_at": plain["expires_at"]}
