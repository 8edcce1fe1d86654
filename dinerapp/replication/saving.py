"""Make and save, and read, change, save: how use cases write records that others write too."""

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
    """The caller named a version, and the record is at another one."""

    def __init__(self, stored: Record) -> None:
        super().__init__(f"the record is at version {stored.version}")
        self.stored = stored


@dataclass(frozen=True, slots=True)
class WriteResult(Generic[R]):
    """The record as it is now; whether this request had been carried out before, and whether
    it changed anything now."""

    record: R
    replayed: bool = False
    changed: bool = True


def new_record(record_type: type[R], operation: Operation, **fields: object) -> R:
    """A record that begins now, under the ids of the operation."""
    now = utc_now()
    ids = {"id": operation.record_id, "op_id": operation.op_id}
    return record_type(**ids, created_at=now, updated_at=now, **fields)  # type: ignore[arg-type]


def save_idempotently(save: Callable[[R], R], record: R) -> WriteResult[R]:
    """Saves; a repeated operation counts as done."""
    try:
        return WriteResult(save(record))
    except Replayed as replay:
        return WriteResult(replay.stored, replayed=True, changed=False)


def confirm_replay(repository: Repository[R], record: R, op_id: str) -> WriteResult[R]:
    """The answer to an operation that the record has applied before.

    Whoever applied it may have died before the other store had it. Saving once more changes
    nothing, and sees to it that the other store has it, or is known to lack it, before the
    operation is acknowledged.
    """
    try:
        return save_idempotently(repository.save, replace(record, op_id=op_id))
    except NotFound as exc:
        return WriteResult(exc.tombstone, replayed=True, changed=False)


def confirm_unchanged(repository: Repository[R], record: R) -> WriteResult[R]:
    """The answer to an operation that finds done what it would do: like a replay, it is only
    acknowledged once the other store has it, too, or is known to lack it."""
    return replace(confirm_replay(repository, record, record.op_id), replayed=False)


def create_idempotently(
    repository: Repository[R], operation: Operation, create: Callable[[], R]
) -> WriteResult[R]:
    """One record for one operation, however often and wherever it is tried.

    `create` makes the record under the operation's ids, and saves it. Where a rule refuses that
    now, an earlier try may have come before what the rule looks at (the menu, the stock, the
    hours) changed: its record is the answer. A key that was used for something else is refused
    whatever there is.
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
    """The record of an earlier try."""
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
    """Applies the change as `update_with_retry` does; where there is no such record yet, saves
    what `create` makes, unless somebody else was faster."""
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
    """Applies the change to the record as it is, again if somebody else was faster.

    With `if_match`, only to that very version. A repeated operation is not applied again,
    whatever has become of the record since. A change that returns the record itself saves nothing.
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
        wanted = change(record)
        if wanted is record:
            return WriteResult(record, changed=False)
        try:
            return save_idempotently(save or repository.save, wanted)
        except StaleVersion as exc:
            stale = exc
    raise stale
