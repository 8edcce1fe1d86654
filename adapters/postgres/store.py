"""The base of all PostgreSQL stores. A subclass adds the columns and queries of its kind."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from adapters.postgres.connection import DeadlineConnection, Row
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.rows import PlainRecord, RowMapper, as_json, read_set_rows, version_row
from adapters.postgres.statements import Statements, read_set_parameter
from adapters.postgres.table import ChildTable, Table
from adapters.postgres.templates import COUNTER_USAGE, KINDS_DUE, KINDS_UNDELIVERED
from dinerapp.replication import codec
from dinerapp.replication.errors import DuplicateKey, UnstorableRecord
from dinerapp.replication.ports.replica import (
    ApplyOutcome,
    ApplyResult,
    Backlog,
    ClaimedEntry,
    DeadLetter,
    Fingerprint,
    OutboxEntry,
    Target,
)
from dinerapp.replication.ports.repository import Cursor, Page, ReadVersion, Usage
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)

_UUID_PATTERN = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class PostgresStore(Store[R]):
    """A subclass names the columns its kind has beside the envelope, and converts their values."""

    columns: ClassVar[tuple[str, ...]]
    children: ClassVar[tuple[ChildTable, ...]] = ()

    def __init__(self, database: PostgresDatabase) -> None:
        self.store_id = database.store_id
        self._database = database
        table = Table(
            self.kind.name,
            self.columns,
            self.children,
            unique=self.kind.unique_fields,
            has_reservations=self.kind.has_reservations,
            has_limits=self.kind.has_limits,
            default_limit=self.kind.default_limit,
        )
        self._statements = Statements(table)
        self._row_mapper: RowMapper[R] = RowMapper(self.kind, table, self.to_row, self.from_row)

    @abstractmethod
    def to_row(self, plain: PlainRecord) -> Row:
        """The kind's own columns, from the result of `codec.dump`."""

    @abstractmethod
    def from_row(self, row: Row) -> PlainRecord:
        """The fields outside the envelope, for `codec.load`, without the lists in `children`."""

    def accept(
        self,
        record: R,
        entries: Collection[OutboxEntry] = (),
        read_set: Collection[ReadVersion] = (),
    ) -> R:
        accepted = record.as_accepted_by(self.store_id)
        read_rows = read_set_rows(read_set)
        parameters = self._row_mapper.write_parameters([accepted], entries)
        for kind, rows in read_rows.items():
            parameters[read_set_parameter(kind)] = as_json(rows)
        try:
            if self._write(self._statements.accept(tuple(read_rows)), parameters):
                return accepted
        except DuplicateKey:
            # The duplicate may be this very record, written by a concurrent attempt.
            stored = self.load([record.id]).get(record.id)
            if stored is None or record.version.dominates(stored.version):
                raise
        raise self.rejection(record, self.load([record.id]).get(record.id), read_set)

    def deliver(
        self, records: Sequence[R], entries: Collection[OutboxEntry] = ()
    ) -> Sequence[ApplyResult[R]]:
        results = self._deliver_batch(records, entries) if records else {}
        stored = self.load([record.id for record in records if record.id not in results])
        return [
            results.get(record.id) or self.skip_result(record, stored[record.id])
            for record in records
        ]

    def replace(self, stored: R, merged: R, entries: Collection[OutboxEntry] = ()) -> bool:
        old = {"old_digest": codec.digest(stored), **version_row(stored.version, "old_v_")}
        try:
            return bool(
                self._write(
                    self._statements.replace,
                    self._row_mapper.write_parameters([merged], entries) | old,
                )
            )
        except DuplicateKey:
            written, _ = self._write_displacing(self._statements.replace, merged, entries, old)
            return written

    def rehash(self, record_ids: Collection[str]) -> int:
        ids = [record_id for record_id in record_ids if _UUID_PATTERN.fullmatch(record_id)]
        old_digests = {
            row["id"]: row["digest"] for row in self._fetch(self._statements.digests, {"ids": ids})
        }
        stale = [
            {"id": record.id, "old_digest": old_digests[record.id], "digest": digest}
            | version_row(record.version)
            for record in self.load(list(old_digests)).values()
            if (digest := codec.digest(record)) != old_digests[record.id]
        ]
        if not stale:
            return 0
        return len(self._write(self._statements.rehash, {"rehashed": as_json(stale)}))

    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        ids = [record_id for record_id in record_ids if _UUID_PATTERN.fullmatch(record_id)]
        records = self._find("WHERE id = ANY (%(ids)s::uuid[])", {"ids": ids}) if ids else []
        return {record.id: record for record in records}

    def scan(self, after_id: str | None, limit: int) -> Sequence[R]:
        where = "" if after_id is None else "WHERE id > %(after)s"
        return self._find(f"{where} ORDER BY id LIMIT {limit:d}", {"after": after_id})

    def claim(
        self, target: Target, limit: int, now: datetime, lease_until: datetime
    ) -> Sequence[ClaimedEntry[R]]:
        parameters = {"target": target, "now": now, "until": lease_until}
        rows = self._database.fetch(self._statements.claim(limit), parameters, writes=True)
        return [ClaimedEntry(self._row_mapper.to_record(row), row["tries"]) for row in rows]

    def kinds_due(self, target: Target, kinds: Collection[str], now: datetime) -> Collection[str]:
        parameters = {"target": target, "kinds": list(kinds), "now": now}
        return [row["kind"] for row in self._database.fetch(KINDS_DUE, parameters)]

    def kinds_undelivered(self, target: Target, kinds: Collection[str]) -> Collection[str]:
        parameters = {"target": target, "kinds": list(kinds)}
        return [row["kind"] for row in self._database.fetch(KINDS_UNDELIVERED, parameters)]

    def acknowledge(self, target: Target, shipped: Collection[tuple[str, Version]]) -> None:
        rows = [{"record_id": key, **version_row(version)} for key, version in shipped]
        ids = [key for key, _ in shipped]
        self._database.execute(
            self._statements.acknowledge, {"target": target, "ids": ids, "shipped": as_json(rows)}
        )

    def mark_undelivered(self, target: Target, record_ids: Collection[str], now: datetime) -> None:
        parameters = {"target": target, "ids": list(record_ids), "now": now}
        self._database.execute(self._statements.mark_undelivered, parameters)

    def reschedule(
        self,
        target: Target,
        shipped: tuple[str, Version],
        reason: str,
        due: datetime,
        *,
        give_up: bool,
    ) -> None:
        record_id, version = shipped
        parameters = {
            "target": target,
            "id": record_id,
            "reason": reason,
            "due": due,
            "park": give_up,
        }
        self._database.execute(self._statements.reschedule, parameters | version_row(version))

    def retry_dead_letters(self, target: Target, now: datetime) -> int:
        parameters = {"target": target, "now": now}
        return len(
            self._database.fetch(self._statements.retry_dead_letters, parameters, writes=True)
        )

    def dead_letters(self, target: Target, limit: int) -> Sequence[DeadLetter]:
        rows = self._database.fetch(self._statements.dead_letters(limit), {"target": target})
        return [DeadLetter(**row) for row in rows]

    def backlog(self, target: Target) -> Backlog:
        return Backlog(**self._database.fetch(self._statements.backlog, {"target": target})[0])

    def fingerprints(self) -> Mapping[int, Fingerprint]:
        rows = self._database.fetch(self._statements.fingerprints)
        return {row["bucket"]: Fingerprint(row["count"], row["digest"]) for row in rows}

    def bucket_digests(self, number: int) -> Mapping[str, int]:
        rows = self._database.fetch(self._statements.bucket, {"bucket": number})
        return {row["id"]: row["digest"] for row in rows}

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        rows = self._fetch(COUNTER_USAGE, {"keys": [*filter(codec.is_storable, keys)]})
        usages = {row["key"]: Usage(row["held"], row["ceiling"]) for row in rows}
        return {key: usages.get(key, Usage(0, None)) for key in keys}

    def holders(self, key: str, limit: int) -> Sequence[R]:
        if not self.kind.has_reservations:
            return []
        return self._find(
            f"WHERE holds ? %(key)s AND NOT deleted ORDER BY created_at, id LIMIT {limit:d}",
            {"key": key},
        )

    def _newest_page(
        self,
        conditions: Iterable[str],
        parameters: Mapping[str, Any],
        after: Cursor | None,
        limit: int,
    ) -> Page[R]:
        """A page of the living records that meet the conditions, newest first."""
        return Page.from_records(
            self._find(*self._newest_query(conditions, parameters, after, limit)), limit
        )

    def _newest_query(
        self,
        conditions: Iterable[str],
        parameters: Mapping[str, Any],
        after: Cursor | None,
        limit: int,
    ) -> tuple[str, Row]:
        """The clauses and parameters that select a page, and one record more: it shows whether
        there is a next page."""
        where = ["NOT deleted", *conditions]
        all_parameters: Row = {**parameters}
        if after is not None:
            where.append(after_cursor("created_at", "<", after))
            all_parameters |= cursor_parameters(after)
        order = "ORDER BY created_at DESC, id DESC"
        return f"WHERE {' AND '.join(where)} {order} LIMIT {limit + 1:d}", all_parameters

    def _find(self, clauses: str, parameters: Mapping[str, Any]) -> list[R]:
        rows = self._fetch(self._statements.select(clauses), parameters)
        return [self._row_mapper.to_record(row) for row in rows]

    def _fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows. A value that PostgreSQL cannot store, like text with NUL, matches none."""
        try:
            return self._database.fetch(query, parameters)
        except (UnstorableRecord, UnicodeError):
            return []

    def _write(self, statement: str, parameters: Row) -> set[str]:
        """The ids of the records that were written."""
        return {row["id"] for row in self._database.fetch(statement, parameters, writes=True)}

    def _deliver_batch(
        self, records: Sequence[R], entries: Collection[OutboxEntry]
    ) -> dict[str, ApplyResult[R]]:
        """The results of records that were stored or refused. Halves a batch that fails, and tries
        each half."""
        try:
            stored_ids = self._write(
                self._statements.deliver, self._row_mapper.write_parameters(records, entries)
            )
        except (DuplicateKey, UnstorableRecord) as error:
            if len(records) == 1:
                return self._deliver_alone(records[0], entries, error)
            middle = len(records) // 2
            return self._deliver_batch(records[:middle], entries) | self._deliver_batch(
                records[middle:], entries
            )
        return dict.fromkeys(stored_ids, ApplyResult(ApplyOutcome.STORED))

    def _deliver_alone(
        self, record: R, entries: Collection[OutboxEntry], error: DuplicateKey | UnstorableRecord
    ) -> dict[str, ApplyResult[R]]:
        if isinstance(error, UnstorableRecord):
            return {record.id: ApplyResult(ApplyOutcome.REFUSED, reason=str(error))}
        written, displaced = self._write_displacing(self._statements.deliver, record, entries, {})
        if not written:
            return {}
        return {record.id: ApplyResult(ApplyOutcome.STORED, displaced_id=displaced)}

    def _write_displacing(
        self, statement: str, record: R, entries: Collection[OutboxEntry], expected: Row
    ) -> tuple[bool, str | None]:
        """Whether the record was written, and the id of the record that lost its unique values.

        Of two records with the same value the one with the lower id keeps it, whichever was first.
        """
        parameters = (
            self._row_mapper.write_parameters([record], entries, without_unique=True) | expected
        )
        values = {"id": record.id, **self._row_mapper.unique_values(record)}

        def work(connection: DeadlineConnection) -> tuple[bool, str | None]:
            with connection.transaction():
                if not connection.execute(statement, parameters).fetchall():
                    return False, None
                holder_ids = [
                    row["id"] for row in connection.execute(self._statements.unique_holders, values)
                ]
                if holder_ids and holder_ids[0] < record.id:
                    return True, record.id
                connection.execute(self._statements.release_unique, {"holder_ids": holder_ids})
                connection.execute(self._statements.claim_unique, values)
                return True, next(iter(holder_ids), None)

        return self._database.run(work, writes=True)


def after_cursor(column: str, comparison: str, after: Cursor) -> str:
    """The condition for records after the cursor, in the order of a time column and then of ids."""
    own_id = "id" if _UUID_PATTERN.fullmatch(after.id) else 'id::text COLLATE "C"'
    return f"({column}, {own_id}) {comparison} (%(after_created_at)s, %(after_id)s)"


def cursor_parameters(after: Cursor) -> Row:
    """The parameters of `after_cursor`."""
    return {"after_created_at": after.created_at, "after_id": after.id}
