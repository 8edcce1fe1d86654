"""Used idempotency keys: nothing is asked beyond the common base."""

from __future__ import annotations

from dinerapp.messaging.domain.idempotency import IDEMPOTENCY_RECORDS, IdempotencyRecord
from dinerapp.replication.ports.documents import Documents


class IdempotencyRecords(Documents[IdempotencyRecord]):
    """Keys whose id is not that of a record they made."""

    kind = IDEMPOTENCY_RECORDS
