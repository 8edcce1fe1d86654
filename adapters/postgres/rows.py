"""Converts records to statement parameters, and rows to records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from adapters.postgres.connection import Row
from adapters.postgres.table import ChildTable, Table
from dinerapp.replication import codec
from dinerapp.replication.errors import UnstorableRecord
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.replica import OutboxEntry
from dinerapp.replication.ports.repository import ReadVersion
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId, Version

R = TypeVar("R", bound=Record)
PlainRecord = dict[str, Any]

_MAX_INDEXED_LENGTH = 500
_UNCHANGED_FIELDS = ("id", "created_at", "updated_at", "source", "op_id", "trail", "deleted")


@dataclass(frozen=True)
class RowMapper(Generic[R]):
    """Maps the records of one kind to rows of its table and back.

    `to_row` and `from_row` convert the columns that are not part of the envelope.
    """

    kind: Kind[R]
    table: Table
    to_row: Callable[[PlainRecord], Row]
    from_row: Callable[[Row], PlainRecord]

    def to_record(self, row: Row) -> R:
        """The record in a selected row."""
        lists = {children.field: row[children.field] for children in self.table.children}
        return codec.load(self.kind.record_type, {**self.from_row(row), **lists, **_envelope(row)})

    def write_parameters(
        self,
        records: Sequence[R],
        entries: Collection[OutboxEntry],
        *,
        without_unique: bool = False,
    ) -> Row:
        """The parameters of a write: the rows of each table as one JSON text.

        Raises UnstorableRecord for values that JSON cannot represent. `without_unique` leaves the
        unique columns empty.
        """
        try:
            rows = self._rows_by_table(records, without_unique=without_unique)
        except (TypeError, ValueError, RecursionError) as error:
            raise UnstorableRecord(str(error)) from error
        rows["entries"] = [
            {"target": entry.target, "due": entry.due, "missed": entry.undelivered}
            for entry in entries
        ]
        texts: Row = {name: as_json(table_rows) for name, table_rows in rows.items()}
        ids = [record.id for record in records]
        return texts | {"ids": ids, "targets": [str(entry.target) for entry in entries]}

    def unique_values(self, record: R) -> Row:
        """The values of the unique columns. Tombstones have none."""
        if record.deleted:
            return dict.fromkeys(self.table.unique_columns)
        return {f"u_{field}": index_value(getattr(record, field)) for field in self.table.unique}

    def _rows_by_table(self, records: Sequence[R], *, without_unique: bool) -> dict[str, list[Row]]:
        plains = [codec.dump(record) for record in records]
        rows = {"rows": list(map(self._record_row, records, plains))}
        if not without_unique:
            rows["rows"] = [
                row | self.unique_values(record)
                for row, record in zip(rows["rows"], records, strict=True)
            ]
        for children in self.table.children:
            rows[children.table] = [row for plain in plains for row in _child_rows(children, plain)]
        if self.table.has_limits:
            rows["ceilings"] = [row for record in records for row in self._limit_rows(record)]
        return rows

    def _record_row(self, record: R, plain: PlainRecord) -> Row:
        row = {
            **{name: plain[name] for name in _UNCHANGED_FIELDS},
            **version_row(record.version),
            **{
                children.count_column: len(plain[children.field])
                for children in self.table.children
            },
            **self.to_row(plain),
            "digest": codec.digest(record),
            "bucket": codec.bucket(record.id),
        }
        if self.table.has_reservations:
            reservations = self.kind.reservations(record)
            row["holds"] = {key: quantity for key, quantity in reservations.items() if quantity}
        return row

    def _limit_rows(self, record: R) -> list[Row]:
        limits = self.kind.limits(record)
        return [
            {"record_id": record.id, "key": key, "ceiling": limit} for key, limit in limits.items()
        ]


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as one JSON parameter."""
    try:
        return orjson.dumps(list(rows)).decode()
    except (TypeError, ValueError) as error:
        raise UnstorableRecord(str(error)) from error


def read_set_rows(read_set: Collection[ReadVersion]) -> dict[str, list[Row]]:
    """The read set of a write as rows, by kind."""
    rows: dict[str, list[Row]] = {}
    for read in sorted(read_set, key=lambda read: (read.kind, read.record_id)):
        rows.setdefault(read.kind, []).append({"id": read.record_id, **version_row(read.version)})
    return rows


def version_row(version: Version, prefix: str = "v_") -> dict[str, int]:
    """The columns of a version."""
    return {f"{prefix}{store_id}": version.counter_of(store_id) for store_id in StoreId}


def index_value(value: Any) -> str | None:
    """What a unique column stores for a value: its text, or a hash if that is too long to index."""
    if value is None or len(str(value)) <= _MAX_INDEXED_LENGTH:
        return None if value is None else str(value)
    return hashlib.sha256(str(value).encode(errors="surrogatepass")).hexdigest()


def _envelope(row: Row) -> PlainRecord:
    plain = {name: row[name] for name in _UNCHANGED_FIELDS}
    plain["version"] = {str(store_id): row[f"v_{store_id}"] for store_id in StoreId}
    return plain


def _child_rows(children: ChildTable, plain: PlainRecord) -> list[Row]:
    return [
        {**element, children.foreign_key: plain["id"], "position": position}
        for position, element in enumerate(plain[children.field])
    ]
