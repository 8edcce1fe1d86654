"""Used idempotency keys: nothing is asked beyond the common base."""

from __future__ import annotations

from dinerapp.domain.used_keys import USED_KEYS, UsedKey
from dinerapp.ports.repository import Repository


class UsedKeys(Repository[UsedKey]):
    """Keys whose id is not that of a record they made."""

    kind = USED_KEYS
