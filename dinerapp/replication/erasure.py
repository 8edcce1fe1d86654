"""Erases the personal data of a person from all kinds that declare to keep some."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from dinerapp.replication.conflicts import redact_states
from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.paging import all_of, batches
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.listed import ListedDocuments
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.saving import WriteResult, update_with_retry

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The person whose data is erased, as records identify them: the normalised telephone number,
    and the ids of their accounts."""

    phone: str
    user_ids: frozenset[str] = frozenset()


def _ignore_redacted(_record: Record) -> None:
    """Does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData(Generic[R]):
    """How the personal data in records of a kind is found and erased.

    `find` returns the records about a person; some may be redacted already. `redact` returns the
    state without personal data, with the time of the erasure, or the same object if there was none.
    `on_redacted` is called with every record that was changed.
    """

    repository: Repository[R]
    find: Callable[[Person], Iterable[R]]
    redact: Callable[[R, datetime], R]
    on_redacted: Callable[[R], None] = field(default=_ignore_redacted)


def data_of_documents(
    repository: ListedDocuments[R], redact: Callable[[R, datetime], R]
) -> PersonalData[R]:
    """What documents keep of the people whose `phone` and whose `user_id` is in them."""

    def find(person: Person) -> Iterable[R]:
        owned = (partial(repository.page, user_id=user_id) for user_id in person.user_ids)
        return all_of(partial(repository.page, phone=person.phone), *owned)

    return PersonalData(repository=repository, find=find, redact=redact)


class Redactor:
    """Redacts records in both stores and in all conflicts about them. All methods are idempotent:
    repeating an interrupted call completes it."""

    def __init__(self, conflicts: Conflicts) -> None:
        self._conflicts = conflicts

    def forget(self, person: Person, data: PersonalData[R], at: datetime) -> None:
        """Redacts the records about the person that were created until then."""
        records = (record for record in data.find(person) if record.created_at <= at)
        for batch in batches(records):
            self.redact(data, batch, at)

    def redact(self, data: PersonalData[R], records: Collection[R], at: datetime) -> None:
        """Redacts records and their conflicts. Conflicts come first, because a redacted record may
        not be found again after an interruption. They are redacted again at the end in case one
        was filed meanwhile."""
        ids = [record.id for record in records]
        self._redact_conflicts(data, ids, at)
        for record in records:
            if data.redact(record, at) is not record:
                with suppress(NotFound):
                    self._redact_record(data, record.id, at, new_op_id())
        self._redact_conflicts(data, ids, at)

    def redact_one(
        self, data: PersonalData[R], record_id: str, at: datetime, op_id: str
    ) -> WriteResult[R]:
        """Redacts one record and its conflicts, with the given operation id."""
        self._redact_conflicts(data, [record_id], at)
        result = self._redact_record(data, record_id, at, op_id)
        self._redact_conflicts(data, [record_id], at)
        return result

    def _redact_record(
        self, data: PersonalData[R], record_id: str, at: datetime, op_id: str
    ) -> WriteResult[R]:
        def change(record: R) -> R:
            redacted = data.redact(record, at)
            if redacted is record:
                return record
            return redacted.with_changes(op_id=op_id, now=utc_now())

        result = update_with_retry(data.repository, record_id, op_id, change)
        if result.changed:
            data.on_redacted(result.record)
        return result

    def _redact_conflicts(
        self, data: PersonalData[R], record_ids: Collection[str], at: datetime
    ) -> None:
        kind = data.repository.kind

        def redact(state: R) -> R:
            return data.redact(state, at) if state.id in record_ids else state

        for conflict in all_of(partial(self._conflicts.about, kind.name, record_ids)):
            op_id = new_op_id()
            change = partial(
                redact_states,
                record_type=kind.record_type,
                redact=redact,
                op_id=op_id,
                now=utc_now(),
            )
            update_with_retry(self._conflicts, conflict.id, op_id, change)
