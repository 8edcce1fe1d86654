"""The envelope every aggregate carries, and what can be told from two of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from dinerapp.replication.identity import same_key, same_operation
from dinerapp.replication.version import StoreId, Version

MAX_APPLIED_PER_STORE = 3


class AppliedOperation(NamedTuple):
    """One write in a record's past: which operation raised which place's counter to what."""

    store_id: StoreId
    counter: int
    op_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of all aggregates.

    `version` is what the store holds; on its way into a store it is what the caller read.
    `trail` remembers the first and the latest operations: it tells a repeated try from a new
    request, and lets a write that was tried on both databases be recognised as one.
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
        """The record after an operation, still at the version it was read at."""
        later = max(now, self.updated_at + timedelta(milliseconds=1))
        return replace(self, op_id=op_id, updated_at=later, **fields)  # type: ignore[arg-type]

    def as_accepted_by(self, store_id: StoreId) -> Self:
        """The state the place accepts: its counter raised, the operation remembered."""
        version = self.version.incremented(store_id)
        trail = applied_window(
            (*self.trail, AppliedOperation(store_id, version.counter_of(store_id), self.op_id))
        )
        return replace(self, version=version, source=store_id, trail=trail)

    def with_history_of(self, other: Record) -> Self:
        """This content, at a version and with a trail that contain both histories."""
        first = sorted((*self.trail[:1], *other.trail[:1]))[:1]
        return replace(
            self,
            version=self.version.merged(other.version),
            created_at=min(self.created_at, other.created_at),
            trail=applied_window((*first, *self.trail, *other.trail)),
        )

    def validate(self) -> None:
        """Raises InvalidRecord where the record breaks a rule of its kind that stores rely on."""

    def has_applied(self, op_id: str) -> bool:
        """Whether the operation is part of this state, whatever came of it."""
        return any(same_operation(step.op_id, op_id) for step in self.trail)

    def has_applied_key_of(self, op_id: str) -> bool:
        """Whether some operation under the same idempotency key is part of this state."""
        return any(same_key(step.op_id, op_id) for step in self.trail)

    def includes(self, other: Record) -> bool:
        """Whether everything that was ever done to the other was also done to this one.

        A write the version does not count may still be known as an operation: it was tried on
        the other store first, with an unknown outcome, and then accepted here. The same request
        with another result is not the same write.
        """
        return all(
            self._accounts_for(other, place)
            for place in StoreId
            if other.version.counter_of(place) > self.version.counter_of(place)
        )

    def _accounts_for(self, other: Record, store_id: StoreId) -> bool:
        missing = other.version.counter_of(store_id) - self.version.counter_of(store_id)
        beyond = [
            s
            for s in other.trail
            if s.store_id == store_id and s.counter > self.version.counter_of(store_id)
        ]
        return len(beyond) == missing and {step.op_id for step in beyond} <= self._op_ids()

    def _op_ids(self) -> set[str]:
        return {step.op_id for step in self.trail}


def applied_window(operations: tuple[AppliedOperation, ...]) -> tuple[AppliedOperation, ...]:
    """The first step, which made the record, and the latest ones of each place."""
    if not operations:
        return ()
    later = set(operations[1:]) - {operations[0]}
    latest = [
        step
        for place in StoreId
        for step in sorted(s for s in later if s.store_id == place)[-MAX_APPLIED_PER_STORE:]
    ]
    return (operations[0], *latest)


def utc_now() -> datetime:
    """Now, in the precision both databases keep."""
    return truncate_to_milliseconds(datetime.now(UTC))


def truncate_to_milliseconds(moment: datetime) -> datetime:
    """The moment in UTC, cut to the milliseconds a BSON date can hold."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
