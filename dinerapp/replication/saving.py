"""Creates, updates and upserts records idempotently, with retries after concurrent writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from dinerapp.replication.errors import (
    AlreadyExists,
    DinerError,
    KeyReused,
    NotFound,
    Rejection,
    Replayed,
    RuleViolation,
    StaleVersion,
)
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.record import Record, utc_now

R = TypeVar("R", bound=Record)

MAX_ATTEMPTS = 8


class PreconditionFailed(DinerError):
    """The record is not at the version that the caller requires."""

    def __init__(self, stored: Record) -> None:
        super().__init__(f"the record is at version {stored.version}")
        self.stored = stored


@dataclass(frozen=True, slots=True)
class WriteResult(Generic[R]):
    """The current record. `replayed`: the operation had been applied before. `changed`: this call
    changed the record."""

    record: R
    replayed: bool = False
    changed: bool = True


def new_record(record_type: type[R], operation: Operation, **fields: object) -> R:
    """A record that begins now, under the ids of the operation."""
    now = utc_now()
    ids = {"id": operation.record_id, "op_id": operation.op_id}
    return record_type(**ids, created_at=now, updated_at=now, **fields)  # type: ignore[arg-type]


def save_idempotently(save: Callable[[R], R], record: R) -> WriteResult[R]:
    """Saves the record. An operation that was applied before is not applied again."""
    try:
        return WriteResult(save(record))
    except Replayed as replay:
        return WriteResult(replay.stored, replayed=True, changed=False)


def confirm_replay(repository: Repository[R], record: R, op_id: str) -> WriteResult[R]:
    """The result of an operation that the record has applied before.

    The process that applied it may have died before it delivered the record to the other store.
    Saving again changes nothing, but delivers the record, or marks its outbox entry as undelivered,
    before the operation is confirmed to the client.
    """
    try:
        return save_idempotently(repository.save, replace(record, op_id=op_id))
    except NotFound as exc:
        return WriteResult(exc.tombstone, replayed=True, changed=False)


def confirm_unchanged(repository: Repository[R], record: R) -> WriteResult[R]:
    """The result of an operation that would change nothing. Like a replay, it is only confirmed
    once the record is delivered to the other store, or its entry is marked as undelivered."""
    return replace(confirm_replay(repository, record, record.op_id), replayed=False)


def create_idempotently(
    repository: Repository[R], operation: Operation, create: Callable[[], R]
) -> WriteResult[R]:
    """Creates one record for the operation, however often and in whichever store it is tried.

    `create` builds the record with the ids of the operation, and saves it. If a rule refuses that,
    an earlier attempt may have succeeded before the menu, the stock or the hours changed; then the
    record of that attempt is the result. Raises KeyReused if the idempotency key was used for
    another request.
    """
    try:
        return WriteResult(create())
    except Replayed as replay:
        return WriteResult(replay.stored, replayed=True, changed=False)
    except KeyReused:
        raise
    except (RuleViolation, Rejection):
        earlier = _find_earlier(repository, operation)
        if earlier is None:
            raise
        return confirm_replay(repository, earlier, operation.op_id)


def _find_earlier(repository: Repository[R], operation: Operation) -> R | None:
    """The record of an earlier attempt."""
    try:
        record = repository.get(operation.record_id)
    except NotFound:
        return None
    if not record.has_applied(operation.op_id):
        raise KeyReused(record)
    return record


def upsert_with_retry(
    repository: Repository[R],
    record_id: str,
    op_id: str,
    change: Callable[[R], R],
    create: Callable[[], R],
    if_match: str | None = None,
) -> WriteResult[R]:
    """Applies the change like `update_with_retry`, or saves the result of `create` if there is no
    such record. If another writer creates it first, the change is applied to that record."""
    update = partial(update_with_retry, repository, record_id, op_id, change, if_match)
    try:
        return update()
    except NotFound:
        first = create()
    try:
        return save_idempotently(repository.save, first)
    except AlreadyExists:
        return update()


def update_with_retry(
    repository: Repository[R],
    record_id: str,
    op_id: str,
    change: Callable[[R], R],
    if_match: str | None = None,
    save: Callable[[R], R] | None = None,
) -> WriteResult[R]:
    """Applies the change to the current record, and retries after a concurrent write.

    With `if_match`, it is only applied to exactly that version. An operation that was applied
    before is not applied again, even if the record has changed since. If `change` returns the same
    object, nothing is saved.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            record = repository.get(record_id)
        except NotFound as exc:
            if exc.tombstone is None or not exc.tombstone.has_applied(op_id):
                raise
            return confirm_replay(repository, exc.tombstone, op_id)
        if record.has_applied(op_id):
            return confirm_replay(repository, record, op_id)
        if record.has_applied_key_of(op_id):
            raise KeyReused(record)
        if if_match is not None and if_match != str(record.version):
            raise PreconditionFailed(record)
        changed = change(record)
        if changed is record:
            return WriteResult(record, changed=False)
        try:
            return save_idempotently(save or repository.save, changed)
        except StaleVersion as exc:
            stale = exc
    raise stale


def update_and_confirm(
    repository: Repository[R],
    record_id: str,
    op_id: str,
    change: Callable[[R], R],
    if_match: str | None = None,
    save: Callable[[R], R] | None = None,
) -> WriteResult[R]:
    """As `update_with_retry`, for what a client is told: a change that finds done what it would do
    is acknowledged only once the other store has the record too, or is known to lack it."""
    result = update_with_retry(repository, record_id, op_id, change, if_match, save)
    is_unwritten = not (result.changed or result.replayed)
    return confirm_unchanged(repository, result.record) if is_unwritten else result
