"""Why a store does not do what it was asked; adapters translate their drivers' errors into these.
And what a rule of a kind forbids, in words meant for the caller."""

from __future__ import annotations

from typing import Any

from dinerapp.replication.record import Record


class DinerError(Exception):
    """The root of all errors of this application."""


class InvalidRecord(DinerError):
    """A value that not both databases can hold, or that breaks a rule of its kind."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Rejection(DinerError):
    """A store answered, and the answer is no. Says nothing about the store's health."""


class NotFound(Rejection):
    """No such record, or it was deleted; then `gone` is what is left of it."""

    def __init__(self, kind: str, record_id: str, tombstone: Record | None = None) -> None:
        super().__init__(f"{kind} {record_id} does not exist")
        self.tombstone: Any = tombstone
        self.kind = kind
        self.record_id = record_id


class RecordRejection(Rejection):
    """A rejection that comes with the state the store holds."""

    def __init__(self, stored: Record) -> None:
        super().__init__(f"{type(stored).__name__} {stored.id} is at version {stored.version}")
        self.stored: Any = stored


class AlreadyExists(RecordRejection):
    """A new record whose id is taken by another operation."""


class StaleVersion(RecordRejection):
    """The record moved on since the caller read it."""


class Replayed(RecordRejection):
    """This very operation was taken earlier; `stored` is the record as it stands now."""


class KeyReused(RecordRejection):
    """The idempotency key was used earlier on this record for something else."""

    def __str__(self) -> str:
        return "this idempotency key was used before, for another request"


class DuplicateKey(Rejection):
    """Another record of the kind holds the same unique value."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is taken by another record")
        self.field = field


class Exhausted(Rejection):
    """A counted thing (stock, slot, coupon) has less left than the record would take."""

    def __init__(self, key: str) -> None:
        super().__init__(f"not enough left of {key}")
        self.key = key


class StaleReadSet(Rejection):
    """What the record was made from has moved on since the caller read it."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"some of the {kind} this was made from have changed")
        self.kind = kind


class UnstorableRecord(Rejection):
    """The store cannot hold this record, now or on a later try, for a reason of its data."""


class StoreFailure(DinerError):
    """A store did not answer. Only these change what we think of its health."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store}: {reason}")
        self.store = store
        self.reason = reason


class StoreUnavailable(StoreFailure):
    """The operation did not reach the store; nothing was applied."""


class Contended(StoreUnavailable):
    """The store is well, but others were faster again and again; nothing was applied."""


class OutcomeUnknown(StoreFailure):
    """The connection was lost in the middle of a write: perhaps applied, perhaps not."""


class NoStoreAvailable(DinerError):
    """No store that could answer is reachable; worth another try in `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: int = 2) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class RuleViolation(DinerError):
    """As things stand, a rule of the restaurant forbids it; the words are meant for the caller."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class InvalidRequest(RuleViolation):
    """What the caller asks for could never be done: it names something that is not there."""
