"""Used idempotency keys in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.domain.used_keys import UsedKey
from dinerapp.ports.used_keys import UsedKeys


class PostgresUsedKeys(DocumentStore[UsedKey], UsedKeys):
    """Table used_keys."""
