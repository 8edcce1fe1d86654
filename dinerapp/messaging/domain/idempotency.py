"""Idempotency keys whose record has an id that is not derived from the key."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord(Record):
    """Its id is derived from the key, and its operation from the request, so that every store
    refuses the same key with a different request. `led_to` is the id of the resulting record."""

    led_to: str


IDEMPOTENCY_RECORDS = Kind("used_keys", IdempotencyRecord)
