"""Read, change, save: how every use case changes a record that others change too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from dinerapp.replication.errors import DinerError, KeyReused, NotFound, Replayed, StaleVersion
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.record import Record

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
