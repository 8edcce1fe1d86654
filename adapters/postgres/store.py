"""The store of any kind of record: what is left to a kind's adapter is its table and questions."""

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
    """A kind's adapter names the columns it adds to the envelope, and fills and reads them."""

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
        """The kind's own columns, out of what `codec.dump` gives."""

    @abstractmethod
    def from_row(self, row: Row) -> PlainRecord:
        """The fields beside the envelope, for `codec.load`; lists in `children` are seen to."""

    def accept(
        self,
        record: R,
        entries: Collection[OutboxEntry] = (),
        read_set: Collection[ReadVersion] = (),
    ) -> R:
        accepted = record.as_accepted_by(self.store_id)
        seen = read_set_rows(read_set)
        parameters = self._row_mapper.write_parameters([accepted], entries)
        for kind, rows in seen.items():
            parameters[read_set_parameter(kind)] = as_json(rows)
        try:
            if self._write(self._statements.accept(tuple(seen)), parameters):
                return accepted
        except DuplicateKey:
            # The other record may be this one, kept by another try at the same moment.
            stored = self.load([record.id]).get(record.id)
            if stored is None or record.version.dominates(stored.version):
                raise
        raise self.rejection(record, self.load([record.id]).get(record.id), read_set)

    def deliver(
        self, records: Sequence[R], entries: Collection[OutboxEntry] = ()
    ) -> Sequence[ApplyResult[R]]:
        answers = self._deliver_batch(records, entries) if records else {}
        stored = self.load([record.id for record in records if record.id not in answers])
        return [
            answers.get(record.id) or self.skip_result(record, stored[record.id])
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
            taken, _ = self._write_displacing(self._statements.replace, merged, entries, old)
            return taken

    def rehash(self, record_ids: Collection[str]) -> int:
        ids = [record_id for record_id in record_ids if _UUID_PATTERN.fullmatch(record_id)]
        held = {
            row["id"]: row["digest"] for row in self._fetch(self._statements.digests, {"ids": ids})
        }
        stale = [
            {"id": record.id, "held": held[record.id], "digest": digest}
            | version_row(record.version)
            for record in self.load(list(held)).values()
            if (digest := codec.digest(record)) != held[record.id]
        ]
        return len(self._write(self._statements.rehash, {"fresh": as_json(stale)})) if stale else 0

    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        ids = [record_id for record_id in record_ids if _UUID_PATTERN.fullmatch(record_id)]
        found = self._find("WHERE id = ANY (%(ids)s::uuid[])", {"ids": ids}) if ids else []
        return {record.id: record for record in found}

    def scan(self, after_id: str | None, limit: int) -> Sequence[R]:
        beyond = "" if after_id is None else "WHERE id > %(after)s"
        return self._find(f"{beyond} ORDER BY id LIMIT {limit:d}", {"after": after_id})

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
        found = {row["key"]: Usage(row["held"], row["ceiling"]) for row in rows}
        return {key: found.get(key, Usage(0, None)) for key in keys}

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
        """Those that meet the adapter's conditions, newest first."""
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
        """How to find a page and whether there is another one: from WHERE on, with parameters."""
        where = ["NOT deleted", *conditions]
        asked: Row = {**parameters}
        if after is not None:
            where.append(after_cursor("created_at", "<", after))
            asked |= cursor_parameters(after)
        rest = f"WHERE {' AND '.join(where)} ORDER BY created_at DESC, id DESC LIMIT {limit + 1:d}"
        return rest, asked

    def _find(self, clauses: str, parameters: Mapping[str, Any]) -> list[R]:
        found = self._fetch(self._statements.select(clauses), parameters)
        return [self._row_mapper.to_record(row) for row in found]

    def _fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows; there are none for what PostgreSQL has no words for, like NUL in a text."""
        try:
            return self._database.fetch(query, parameters)
        except (UnstorableRecord, UnicodeError):
            return []

    def _write(self, statement: str, parameters: Row) -> set[str]:
        """The ids of the records that were taken."""
        return {row["id"] for row in self._database.fetch(statement, parameters, writes=True)}

    def _deliver_batch(
        self, records: Sequence[R], entries: Collection[OutboxEntry]
    ) -> dict[str, ApplyResult[R]]:
        """The answers for records that were stored or refused; halves what fails as a whole."""
        try:
            taken = self._write(
                self._statements.deliver, self._row_mapper.write_parameters(records, entries)
            )
        except (DuplicateKey, UnstorableRecord) as error:
            if len(records) == 1:
                return self._deliver_alone(records[0], entries, error)
            middle = len(records) // 2
            return self._deliver_batch(records[:middle], entries) | self._deliver_batch(
                records[middle:], entries
            )
        return dict.fromkeys(taken, ApplyResult(ApplyOutcome.STORED))

    def _deliver_alone(
        self, record: R, entries: Collection[OutboxEntry], error: DuplicateKey | UnstorableRecord
    ) -> dict[str, ApplyResult[R]]:
        if isinstance(error, UnstorableRecord):
            return {record.id: ApplyResult(ApplyOutcome.REFUSED, reason=str(error))}
        taken, displaced = self._write_displacing(self._statements.deliver, record, entries, {})
        return (
            {record.id: ApplyResult(ApplyOutcome.STORED, displaced_id=displaced)} if taken else {}
        )

    def _write_displacing(
        self, statement: str, record: R, entries: Collection[OutboxEntry], expected: Row
    ) -> tuple[bool, str | None]:
        """Whether the record was taken, and who is left without unique values by that.

        Of two records with one value the lower id keeps it, whichever came first.
        """
        nameless = (
            self._row_mapper.write_parameters([record], entries, without_unique=True) | expected
        )
        values = {"id": record.id, **self._row_mapper.unique_values(record)}

        def work(connection: DeadlineConnection) -> tuple[bool, str | None]:
            with connection.transaction():
                if not connection.execute(statement, nameless).fetchall():
                    return False, None
                rivals = [
                    row["id"] for row in connection.execute(self._statements.unique_holders, values)
                ]
                if rivals and rivals[0] < record.id:
                    return True, record.id
                connection.execute(self._statements.release_unique, {"rivals": rivals})
                connection.execute(self._statements.claim_unique, values)
                return True, next(iter(rivals), None)

        return self._database.run(work, writes=True)


def after_cursor(column: str, comparison: str, after: Cursor) -> str:
    """The condition for what comes after a place in the order of a time and then of ids."""
    own_id = "id" if _UUID_PATTERN.fullmatch(after.id) else 'id::text COLLATE "C"'
    return f"({column}, {own_id}) {comparison} (%(after_created_at)s, %(after_id)s)"


def cursor_parameters(after: Cursor) -> Row:
    """What such a condition is asked with."""
    return {"after_created_at": after.created_at, "after_id": after.id}
