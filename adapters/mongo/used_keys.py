"""Used idempotency keys in MongoDB."""

from __future__ import annotations

from adapters.mongo.store import MongoStore
from dinerapp.domain.used_keys import UsedKey
from dinerapp.ports.used_keys import UsedKeys


class MongoUsedKeys(MongoStore[UsedKey], UsedKeys):
    """Collection used_keys."""
