"""Carts in PostgreSQL: documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adapters.postgres.connection import Row
from adapters.postgres.documents import DocumentStore
from adapters.postgres.rows import Plain
from dinerapp.domain.carts import Cart
from dinerapp.ports.carts import Carts

_EXPIRED = "WHERE NOT deleted AND expires_at <= %(now)s ORDER BY expires_at, id LIMIT {:d}"


class PostgresCarts(DocumentStore[Cart], Carts):
    """Table carts."""

    columns = ("content", "expires_at")

    def expired(self, now: datetime, limit: int) -> Sequence[Cart]:
        return self._find(_EXPIRED.format(limit), {"now": now})

    def to_row(self, plain: Plain) -> Row:
        return super().to_row(plain) | {"expires_at": plain["expires_at"]}
