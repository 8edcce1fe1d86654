"""Used idempotency keys in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.idempotency import UsedKey
from dinerapp.messaging.ports.idempotency import UsedKeys


class PostgresUsedKeys(DocumentStore[UsedKey], UsedKeys):
    """Table used_keys."""
