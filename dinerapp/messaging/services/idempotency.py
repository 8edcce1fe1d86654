"""Makes requests idempotent whose record has an id that is not derived from the key."""

from __future__ import annotations

from dinerapp.messaging.domain.idempotency import IdempotencyRecord
from dinerapp.messaging.ports.idempotency import IdempotencyRecords
from dinerapp.replication import served_by
from dinerapp.replication.identity import Operation
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import save_idempotently


class IdempotencyGuard:
    """Must be called last before the write, so that a refused request does not use its key."""

    def __init__(self, records: IdempotencyRecords) -> None:
        self._records = records

    def record_use(self, operation: Operation, result_id: str) -> None:
        """Records what this operation's key is used for; KeyReused if it was used for a different
        request. Requests without a key are always new."""
        if not operation.is_keyed:
            return
        now = utc_now()
        used = IdempotencyRecord(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            led_to=result_id,
        )
        with served_by.suspended():
            save_idempotently(self._records.save, used)
