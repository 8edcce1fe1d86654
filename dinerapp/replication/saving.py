"""Read, change, save: how every use case changes a record that others change too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dinerapp.replication.errors import DinerError, KeyReused, NotFound, Replayed, StaleVersion
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)

ROUNDS = 8


class PreconditionFailed(DinerError):
    """The caller named a version, and the record is at another one."""

    def __init__(self, stored: Record) -> None:
        super().__init__(f"the record is at version {stored.version}")
        self.stored = stored


@dataclass(frozen=True, slots=True)
class Saved(Generic[R]):
    """The record as it is now; whether this request had been carried out before, and whether
    it changed anything now."""

    record: R
    replayed: bool = False
    changed: bool = True


def saved(save: Callable[[R], R], record: R) -> Saved[R]:
    """Saves; a repeated operation counts as done."""
    try:
        return Saved(save(record))
    except Replayed as replay:
        return Saved(replay.stored, replayed=True, changed=False)


def changed(
    repository: Repository[R],
    record_id: str,
    op_id: str,
    change: Callable[[R], R],
    if_match: str | None = None,
    save: Callable[[R], R] | None = None,
) -> Saved[R]:
    """Applies the change to the record as it is, again if somebody else was faster.

    With `if_match`, only to that very version. A repeated operation is not applied again,
    whatever has become of the record since. A change that returns the record itself saves nothing.
    """
    for _ in range(ROUNDS):
        try:
            record = repository.get(record_id)
        except NotFound as exc:
            if exc.gone is None or not exc.gone.has_done(op_id):
                raise
            return Saved(exc.gone, replayed=True, changed=False)
        if record.has_done(op_id):
            return Saved(record, replayed=True, changed=False)
        if record.has_seen_key_of(op_id):
            raise KeyReused(record)
        if if_match is not None and if_match != str(record.version):
            raise PreconditionFailed(record)
        wanted = change(record)
        if wanted is record:
            return Saved(record, changed=False)
        try:
            return saved(save or repository.save, wanted)
        except StaleVersion as exc:
            stale = exc
    raise stale
