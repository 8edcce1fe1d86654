"""One Idempotency-Key, one request: also where what comes of it has an id of its own."""

from __future__ import annotations

from dinerapp.messaging.domain.idempotency import IdempotencyRecord
from dinerapp.messaging.ports.idempotency import IdempotencyRecords
from dinerapp.replication import served_by
from dinerapp.replication.identity import Operation
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import save_idempotently


class IdempotencyGuard:
    """To be asked last before something is written: whatever is refused uses no key."""

    def __init__(self, records: IdempotencyRecords) -> None:
        self._records = records

    def record_use(self, operation: Operation, result_id: str) -> None:
        """Notes what the key of this operation is used for; KeyReused where it was used for
        another request. Requests without a key are all different."""
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
