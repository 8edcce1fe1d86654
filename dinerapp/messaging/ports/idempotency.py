"""Used idempotency keys, without queries of their own."""

from __future__ import annotations

from dinerapp.messaging.domain.idempotency import IDEMPOTENCY_RECORDS, IdempotencyRecord
from dinerapp.replication.ports.documents import Documents


class IdempotencyRecords(Documents[IdempotencyRecord]):
    """Keys whose record has an id that is not derived from the key."""

    kind = IDEMPOTENCY_RECORDS
