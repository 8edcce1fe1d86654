"""Used idempotency keys in MongoDB."""

from __future__ import annotations

from adapters.mongo.store import MongoStore
from dinerapp.messaging.domain.idempotency import UsedKey
from dinerapp.messaging.ports.idempotency import UsedKeys


class MongoUsedKeys(MongoStore[UsedKey], UsedKeys):
    """Collection used_keys."""
