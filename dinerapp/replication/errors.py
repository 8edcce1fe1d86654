"""Errors of stores, into which adapters translate those of their drivers, and violations of rules,
whose messages are shown to the caller."""

from __future__ import annotations

from typing import Any

from dinerapp.replication.record import Record


class DinerError(Exception):
    """The base of all errors of this application."""


class InvalidRecord(DinerError):
    """A value that one of the databases cannot store, or that violates a rule of its kind."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Rejection(DinerError):
    """The store answered and refused the operation. Says nothing about its health."""


class NotFound(Rejection):
    """There is no such record, or it was deleted and has left a `tombstone`."""

    def __init__(self, kind: str, record_id: str, tombstone: Record | None = None) -> None:
        super().__init__(f"{record_id} was not found in {kind}")
        self.tombstone: Any = tombstone
        self.kind = kind
        self.record_id = record_id


class RecordRejection(Rejection):
    """A rejection with the state that the store holds."""

    def __init__(self, stored: Record) -> None:
        super().__init__(f"{type(stored).__name__} {stored.id} is at version {stored.version}")
        self.stored: Any = stored


class AlreadyExists(RecordRejection):
    """Another operation has already created a record with this id."""


class StaleVersion(RecordRejection):
    """The record has changed since the caller read it."""


class Replayed(RecordRejection):
    """The store has already applied this operation; `stored` is the current record."""


class KeyReused(RecordRejection):
    """The idempotency key has already been used on this record with a different request."""

    def __str__(self) -> str:
        return "this idempotency key was used before, for another request"


class DuplicateKey(Rejection):
    """Another record of the kind has the same value in a unique field."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is already used by another record")
        self.field = field


class Exhausted(Rejection):
    """Less is left of a counted thing (stock, slot, coupon) than the record would reserve."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is not enough left of {key}")
        self.key = key


class StaleReadSet(Rejection):
    """A record of the read set has changed since the caller read it."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"a record in {kind} that this one depends on has changed")
        self.kind = kind


class UnstorableRecord(Rejection):
    """The store can never accept this record because of its data; a retry would not help."""


class StoreFailure(DinerError):
    """A store did not answer. Of all errors only these affect its health."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store}: {reason}")
        self.store = store
        self.reason = reason


class StoreUnavailable(StoreFailure):
    """The operation did not reach the store; nothing was applied."""


class Contended(StoreUnavailable):
    """The store is healthy, but concurrent writes won every retry; nothing was applied."""


class OutcomeUnknown(StoreFailure):
    """The connection was lost during a write, which may or may not have been applied."""


class NoStoreAvailable(DinerError):
    """No store that could answer is reachable; retry after `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: int = 2) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class RuleViolation(DinerError):
    """A rule of the domain forbids this in the current state; the reason is shown to the caller."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class InvalidRequest(RuleViolation):
    """The request can never succeed, for example because it refers to something nonexistent."""
