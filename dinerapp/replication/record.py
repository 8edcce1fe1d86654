"""The envelope that every aggregate carries, and how two states of a record compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from dinerapp.replication.identity import same_key, same_operation
from dinerapp.replication.version import StoreId, Version

MAX_APPLIED_PER_STORE = 3


class AppliedOperation(NamedTuple):
    """One write in a record's past: the store that accepted it, its counter, and the operation."""

    store_id: StoreId
    counter: int
    op_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of all aggregates.

    `version` is that of the stored state; in a record to be saved, that of the state the caller
    read. `trail` is the window of applied operations, the first and the latest: it distinguishes a
    retry from a new request, and identifies a write that was tried on both databases as one.
    """

    id: str
    created_at: datetime
    updated_at: datetime
    op_id: str
    version: Version = Version()
    source: StoreId | None = None
    trail: tuple[AppliedOperation, ...] = ()
    deleted: bool = False

    def with_changes(self, *, op_id: str, now: datetime, **fields: object) -> Self:
        """The record after an operation, still with the version that was read."""
        later = max(now, self.updated_at + timedelta(milliseconds=1))
        return replace(self, op_id=op_id, updated_at=later, **fields)  # type: ignore[arg-type]

    def as_accepted_by(self, store_id: StoreId) -> Self:
        """The state as the store accepts it: counter incremented, operation recorded."""
        version = self.version.incremented(store_id)
        trail = applied_window(
            (*self.trail, AppliedOperation(store_id, version.counter_of(store_id), self.op_id))
        )
        return replace(self, version=version, source=store_id, trail=trail)

    def with_history_of(self, other: Record) -> Self:
        """This content with a version and applied operations that include both histories."""
        first = sorted((*self.trail[:1], *other.trail[:1]))[:1]
        return replace(
            self,
            version=self.version.merged(other.version),
            created_at=min(self.created_at, other.created_at),
            trail=applied_window((*first, *self.trail, *other.trail)),
        )

    def validate(self) -> None:
        """Raises InvalidRecord if the record violates a rule of its kind that stores rely on."""

    def has_applied(self, op_id: str) -> bool:
        """Whether the operation is part of this state, whatever its outcome."""
        return any(same_operation(applied.op_id, op_id) for applied in self.trail)

    def has_applied_key_of(self, op_id: str) -> bool:
        """Whether some operation under the same idempotency key is part of this state."""
        return any(same_key(applied.op_id, op_id) for applied in self.trail)

    def includes(self, other: Record) -> bool:
        """Whether this state contains every write that the other contains.

        A write that the version does not count may still be known by its operation id: it was
        first tried on the other store, with an unknown outcome, and then accepted here. The same
        request with a different outcome is not the same write.
        """
        return all(
            self._accounts_for(other, store_id)
            for store_id in StoreId
            if other.version.counter_of(store_id) > self.version.counter_of(store_id)
        )

    def _accounts_for(self, other: Record, store_id: StoreId) -> bool:
        missing = other.version.counter_of(store_id) - self.version.counter_of(store_id)
        newer = [
            applied
            for applied in other.trail
            if applied.store_id == store_id and applied.counter > self.version.counter_of(store_id)
        ]
        return len(newer) == missing and {applied.op_id for applied in newer} <= self._op_ids()

    def _op_ids(self) -> set[str]:
        return {applied.op_id for applied in self.trail}


def applied_window(operations: tuple[AppliedOperation, ...]) -> tuple[AppliedOperation, ...]:
    """The first operation, which created the record, and the latest ones of each store."""
    if not operations:
        return ()
    later = set(operations[1:]) - {operations[0]}
    latest = [
        applied
        for store_id in StoreId
        for applied in sorted(it for it in later if it.store_id == store_id)[
            -MAX_APPLIED_PER_STORE:
        ]
    ]
    return (operations[0], *latest)


def utc_now() -> datetime:
    """The current time, in the precision that both databases store."""
    return truncate_to_milliseconds(datetime.now(UTC))


def truncate_to_milliseconds(moment: datetime) -> datetime:
    """The time in UTC, truncated to the milliseconds of a BSON date."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
