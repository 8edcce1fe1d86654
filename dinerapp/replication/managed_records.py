"""Adds, changes and deletes records of kinds that have few rules of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from dinerapp.replication.errors import InvalidRequest, NotFound
from dinerapp.replication.identity import Operation
from dinerapp.replication.paging import pages
from dinerapp.replication.ports.listed import ListedDocuments
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.saving import (
    WriteResult,
    confirm_unchanged,
    create_idempotently,
    new_record,
    update_with_retry,
)

R = TypeVar("R", bound=Record)


def _anything_goes(_record: Record) -> None:
    """The default check: accepts every record."""


class ManagedRecords(Generic[R]):
    """Use cases for one such kind. `check` is called before a record is saved and `check_removal`
    before one is deleted; they raise to forbid it. The caller is ignored here; services with the
    same methods for other kinds use it."""

    def __init__(
        self,
        repository: ListedDocuments[R],
        *,
        check: Callable[[R], object] = _anything_goes,
        check_removal: Callable[[R], object] = _anything_goes,
    ) -> None:
        self._repository = repository
        self._check = check
        self._check_removal = check_removal

    def get(self, record_id: str, _caller: object = None) -> R:
        """One record."""
        return self._repository.get(record_id)

    def named(self, record_id: str, field: str) -> R:
        """The record that a field of a request names; InvalidRequest when there is none."""
        try:
            return self._repository.get(record_id)
        except NotFound as exc:
            raise InvalidRequest("there is no such record", field=field) from exc

    def page(self, _query: object, after: Cursor | None, limit: int, _caller: object) -> Page[R]:
        """Records, newest first."""
        return self._repository.page(after, limit)

    def all(self) -> Sequence[R]:
        """Every record, newest first."""
        return [record for page in pages(self._repository.page) for record in page]

    def add(
        self, operation: Operation, fields: Mapping[str, Any], _caller: object
    ) -> WriteResult[R]:
        """A new record."""

        def create() -> R:
            record: R = new_record(self._repository.kind.record_type, operation, **fields)
            self._check(record)
            return self._repository.save(record)

        return create_idempotently(self._repository, operation, create)

    def change(
        self,
        record_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        _caller: object,
        if_match: str | None,
    ) -> WriteResult[R]:
        """Changes some of a record's fields. If they already are so, nothing is saved."""

        def change(record: R) -> R:
            if all(getattr(record, name) == value for name, value in fields.items()):
                return record
            changed = record.with_changes(op_id=operation.op_id, now=utc_now(), **fields)
            self._check(changed)
            return changed

        done = update_with_retry(self._repository, record_id, operation.op_id, change, if_match)
        is_unwritten = not (done.changed or done.replayed)
        return confirm_unchanged(self._repository, done.record) if is_unwritten else done

    def remove(
        self, record_id: str, operation: Operation, _caller: object, if_match: str | None
    ) -> WriteResult[R]:
        """Deletes a record."""

        def change(record: R) -> R:
            self._check_removal(record)
            return record.with_changes(op_id=operation.op_id, now=utc_now())

        save = self._repository.delete
        return update_with_retry(
            self._repository, record_id, operation.op_id, change, if_match, save
        )
