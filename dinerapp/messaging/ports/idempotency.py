"""Used idempotency keys: nothing is asked beyond the common base."""

from __future__ import annotations

from dinerapp.messaging.domain.idempotency import USED_KEYS, UsedKey
from dinerapp.replication.ports.repository import Repository


class UsedKeys(Repository[UsedKey]):
    """Keys whose id is not that of a record they made."""

    kind = USED_KEYS
