"""Used idempotency keys: nothing is asked beyond the common base."""

from __future__ import annotations

from dinerapp.messaging.domain.idempotency import IDEMPOTENCY_RECORDS, IdempotencyRecord
from dinerapp.replication.ports.repository import Repository


class IdempotencyRecords(Repository[IdempotencyRecord]):
    """Keys whose id is not that of a record they made."""

    kind = IDEMPOTENCY_RECORDS
