"""Idempotency keys that led to a record whose id does not follow from them."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord(Record):
    """Its id follows from the key, and its operation from what was asked: so whichever store is
    asked refuses the same key with another request. `led_to` is the id of the resulting record."""

    led_to: str


IDEMPOTENCY_RECORDS = Kind("used_keys", IdempotencyRecord)
