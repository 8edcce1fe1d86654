"""The store of any kind of record: what is left to a kind's adapter is its table and questions."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from adapters.postgres.connection import DeadlineConnection, Row
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.rows import Plain, Rows, as_json, as_seen, version_row
from adapters.postgres.statements import Statements, seen_of
from adapters.postgres.table import Children, Table
from adapters.postgres.templates import COUNTS, DUE, MISSED
from dinerapp.replication import codec
from dinerapp.replication.errors import DuplicateKey, Refused
from dinerapp.replication.ports.replica import (
    Backlog,
    Count,
    Creditor,
    Delivery,
    Fingerprint,
    Owed,
    Owing,
    Parked,
    Taken,
)
from dinerapp.replication.ports.repository import After, Page, Seen
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_AFTER = "(created_at, id) < (%(after_created_at)s, %(after_id)s)"
_AFTER_TEXT = '(created_at, id::text COLLATE "C") < (%(after_created_at)s, %(after_id)s)'


class PostgresStore(Store[R]):
    """A kind's adapter names the columns it adds to the envelope, and fills and reads them."""

    columns: ClassVar[tuple[str, ...]]
    children: ClassVar[tuple[Children, ...]] = ()

    def __init__(self, database: PostgresDatabase) -> None:
        self.place = database.place
        self._database = database
        table = Table(
            self.kind.name,
            self.columns,
            self.children,
            unique=self.kind.unique,
            holds=self.kind.takes,
            ceilings=self.kind.limits,
        )
        self._sql = Statements(table)
        self._rows: Rows[R] = Rows(self.kind, table, self.to_row, self.from_row)

    @abstractmethod
    def to_row(self, plain: Plain) -> Row:
        """The kind's own columns, out of what `codec.dump` gives."""

    @abstractmethod
    def from_row(self, row: Row) -> Plain:
        """The fields beside the envelope, for `codec.load`; lists in `children` are seen to."""

    def accept(self, record: R, owing: Collection[Owing] = (), basis: Collection[Seen] = ()) -> R:
        accepted = record.stamped(self.place)
        seen = as_seen(basis)
        parameters = self._rows.parameters([accepted], owing)
        for kind, rows in seen.items():
            parameters[seen_of(kind)] = as_json(rows)
        try:
            if self._write(self._sql.accept(tuple(seen)), parameters):
                return accepted
        except DuplicateKey:
            # The other record may be this one, kept by another try at the same moment.
            stored = self.load([record.id]).get(record.id)
            if stored is None or record.version.covers(stored.version):
                raise
        raise self.rejection(record, self.load([record.id]).get(record.id), basis)

    def deliver(self, records: Sequence[R], owing: Collection[Owing] = ()) -> Sequence[Delivery[R]]:
        answers = self._keep(records, owing) if records else {}
        stored = self.load([record.id for record in records if record.id not in answers])
        return [
            answers.get(record.id) or self.passed_over(record, stored[record.id])
            for record in records
        ]

    def replace(self, stored: R, merged: R, owing: Collection[Owing] = ()) -> bool:
        old = {"old_digest": codec.digest(stored), **version_row(stored.version, "old_v_")}
        try:
            return bool(
                self._write(self._sql.replace, self._rows.parameters([merged], owing) | old)
            )
        except DuplicateKey:
            taken, _ = self._displace(self._sql.replace, merged, owing, old)
            return taken

    def refresh(self, record_ids: Collection[str]) -> int:
        ids = [record_id for record_id in record_ids if _UUID.fullmatch(record_id)]
        held = {row["id"]: row["digest"] for row in self._ask(self._sql.digests, {"ids": ids})}
        stale = [
            {"id": record.id, "held": held[record.id], "digest": digest}
            | version_row(record.version)
            for record in self.load(list(held)).values()
            if (digest := codec.digest(record)) != held[record.id]
        ]
        return len(self._write(self._sql.refresh, {"fresh": as_json(stale)})) if stale else 0

    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        ids = [record_id for record_id in record_ids if _UUID.fullmatch(record_id)]
        found = self._find("WHERE id = ANY (%(ids)s::uuid[])", {"ids": ids}) if ids else []
        return {record.id: record for record in found}

    def scan(self, after: str | None, limit: int) -> Sequence[R]:
        beyond = "" if after is None else "WHERE id > %(after)s"
        return self._find(f"{beyond} ORDER BY id LIMIT {limit:d}", {"after": after})

    def claim(self, to: Creditor, limit: int, now: datetime, until: datetime) -> Sequence[Owed[R]]:
        parameters = {"target": to, "now": now, "until": until}
        rows = self._database.ask(self._sql.claim(limit), parameters, writes=True)
        return [Owed(self._rows.record(row), row["tries"]) for row in rows]

    def kinds_due(self, to: Creditor, kinds: Collection[str], now: datetime) -> Collection[str]:
        parameters = {"target": to, "kinds": list(kinds), "now": now}
        return [row["kind"] for row in self._database.ask(DUE, parameters)]

    def kinds_missed(self, to: Creditor, kinds: Collection[str]) -> Collection[str]:
        parameters = {"target": to, "kinds": list(kinds)}
        return [row["kind"] for row in self._database.ask(MISSED, parameters)]

    def settle(self, to: Creditor, shipped: Collection[tuple[str, Version]]) -> None:
        rows = [{"record_id": key, **version_row(version)} for key, version in shipped]
        ids = [key for key, _ in shipped]
        self._database.tell(self._sql.settle, {"target": to, "ids": ids, "shipped": as_json(rows)})

    def miss(self, to: Creditor, record_ids: Collection[str], now: datetime) -> None:
        parameters = {"target": to, "ids": list(record_ids), "now": now}
        self._database.tell(self._sql.miss, parameters)

    def postpone(
        self, to: Creditor, shipped: tuple[str, Version], reason: str, due: datetime, *, park: bool
    ) -> None:
        record_id, version = shipped
        parameters = {"target": to, "id": record_id, "reason": reason, "due": due, "park": park}
        self._database.tell(self._sql.postpone, parameters | version_row(version))

    def retry_parked(self, to: Creditor, now: datetime) -> int:
        parameters = {"target": to, "now": now}
        return len(self._database.ask(self._sql.retry_parked, parameters, writes=True))

    def parked(self, to: Creditor, limit: int) -> Sequence[Parked]:
        rows = self._database.ask(self._sql.parked(limit), {"target": to})
        return [Parked(**row) for row in rows]

    def backlog(self, to: Creditor) -> Backlog:
        return Backlog(**self._database.ask(self._sql.backlog, {"target": to})[0])

    def fingerprints(self) -> Mapping[int, Fingerprint]:
        rows = self._database.ask(self._sql.fingerprints)
        return {row["bucket"]: Fingerprint(row["count"], row["digest"]) for row in rows}

    def bucket(self, number: int) -> Mapping[str, int]:
        rows = self._database.ask(self._sql.bucket, {"bucket": number})
        return {row["id"]: row["digest"] for row in rows}

    def counts(self, keys: Collection[str]) -> Mapping[str, Count]:
        rows = self._ask(COUNTS, {"keys": list(keys)})
        found = {row["key"]: Count(row["held"], row["ceiling"]) for row in rows}
        return {key: found.get(key, Count(0, None)) for key in keys}

    def _page(
        self,
        conditions: Iterable[str],
        parameters: Mapping[str, Any],
        after: After | None,
        limit: int,
    ) -> Page[R]:
        """Those that meet the adapter's conditions, newest first."""
        return Page.of(self._find(*self._newest(conditions, parameters, after, limit)), limit)

    def _newest(
        self,
        conditions: Iterable[str],
        parameters: Mapping[str, Any],
        after: After | None,
        limit: int,
    ) -> tuple[str, Row]:
        """How to find a page and whether there is another one: from WHERE on, with parameters."""
        where = ["NOT deleted", *conditions]
        asked: Row = {**parameters}
        if after is not None:
            where.append(_AFTER if _UUID.fullmatch(after.id) else _AFTER_TEXT)
            asked |= {"after_created_at": after.created_at, "after_id": after.id}
        rest = f"WHERE {' AND '.join(where)} ORDER BY created_at DESC, id DESC LIMIT {limit + 1:d}"
        return rest, asked

    def _find(self, rest: str, parameters: Mapping[str, Any]) -> list[R]:
        found = self._ask(self._sql.select(rest), parameters)
        return [self._rows.record(row) for row in found]

    def _ask(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows; there are none for what PostgreSQL has no words for, like NUL in a text."""
        try:
            return self._database.ask(query, parameters)
        except (Refused, UnicodeError):
            return []

    def _write(self, statement: str, parameters: Row) -> set[str]:
        """The ids of the records that were taken."""
        return {row["id"] for row in self._database.ask(statement, parameters, writes=True)}

    def _keep(self, records: Sequence[R], owing: Collection[Owing]) -> dict[str, Delivery[R]]:
        """The answers for records that were stored or refused; halves what fails as a whole."""
        try:
            taken = self._write(self._sql.deliver, self._rows.parameters(records, owing))
        except (DuplicateKey, Refused) as error:
            if len(records) == 1:
                return self._keep_alone(records[0], owing, error)
            middle = len(records) // 2
            return self._keep(records[:middle], owing) | self._keep(records[middle:], owing)
        return dict.fromkeys(taken, Delivery(Taken.STORED))

    def _keep_alone(
        self, record: R, owing: Collection[Owing], error: DuplicateKey | Refused
    ) -> dict[str, Delivery[R]]:
        if isinstance(error, Refused):
            return {record.id: Delivery(Taken.REFUSED, reason=str(error))}
        taken, displaced = self._displace(self._sql.deliver, record, owing, {})
        return {record.id: Delivery(Taken.STORED, displaced=displaced)} if taken else {}

    def _displace(
        self, statement: str, record: R, owing: Collection[Owing], old: Row
    ) -> tuple[bool, str | None]:
        """Whether the record was taken, and who is left without unique values by that.

        Of two records with one value the lower id keeps it, whichever came first.
        """
        nameless = self._rows.parameters([record], owing, displaced=True) | old
        values = {"id": record.id, **self._rows.unique(record)}

        def work(connection: DeadlineConnection) -> tuple[bool, str | None]:
            with connection.transaction():
                if not connection.execute(statement, nameless).fetchall():
                    return False, None
                rivals = [row["id"] for row in connection.execute(self._sql.rivals, values)]
                if rivals and rivals[0] < record.id:
                    return True, record.id
                connection.execute(self._sql.give_up, {"rivals": rivals})
                connection.execute(self._sql.take_over, values)
                return True, next(iter(rivals), None)

        return self._database.attempt(work, writes=True)
