"""Records as the parameters of the statements, and rows as records."""

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
    """Between the records of one kind and the rows of its table.

    `to_row` fills the columns beside the envelope; `from_row` gives the fields beside it.
    """

    kind: Kind[R]
    table: Table
    to_row: Callable[[PlainRecord], Row]
    from_row: Callable[[Row], PlainRecord]

    def to_record(self, row: Row) -> R:
        """The record of a selected row."""
        lists = {children.field: row[children.field] for children in self.table.children}
        return codec.load(self.kind.record_type, {**self.from_row(row), **lists, **_envelope(row)})

    def write_parameters(
        self,
        records: Sequence[R],
        entries: Collection[OutboxEntry],
        *,
        without_unique: bool = False,
    ) -> Row:
        """What a write needs: the rows of each table as one JSON text.

        Raises Refused for values that JSON cannot say. A displaced record goes without its
        unique values.
        """
        try:
            rows = self._rows_by_table(records, without_unique=without_unique)
        except (TypeError, ValueError, RecursionError) as error:
            raise UnstorableRecord(str(error)) from error
        rows["owing"] = [
            {"target": one.target, "due": one.due, "missed": one.undelivered} for one in entries
        ]
        texts: Row = {name: as_json(each) for name, each in rows.items()}
        ids = [record.id for record in records]
        return texts | {"ids": ids, "targets": [str(one.target) for one in entries]}

    def unique_values(self, record: R) -> Row:
        """The columns that keep two living records from sharing a value."""
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
            row["holds"] = {key: held for key, held in reservations.items() if held}
        return row

    def _limit_rows(self, record: R) -> list[Row]:
        limits = self.kind.limits(record)
        return [
            {"record_id": record.id, "key": key, "ceiling": ceiling}
            for key, ceiling in limits.items()
        ]


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """One parameter for any number of rows."""
    try:
        return orjson.dumps(list(rows)).decode()
    except (TypeError, ValueError) as error:
        raise UnstorableRecord(str(error)) from error


def read_set_rows(read_set: Collection[ReadVersion]) -> dict[str, list[Row]]:
    """The basis of a write by kind, as rows."""
    seen: dict[str, list[Row]] = {}
    for each in sorted(read_set, key=lambda one: (one.kind, one.record_id)):
        seen.setdefault(each.kind, []).append({"id": each.record_id, **version_row(each.version)})
    return seen


def version_row(version: Version, prefix: str = "v_") -> dict[str, int]:
    """A version as its columns."""
    return {f"{prefix}{place}": version.counter_of(place) for place in StoreId}


def index_value(value: Any) -> str | None:
    """What a unique column holds of a value: its text, or a hash where an index has no room."""
    if value is None or len(str(value)) <= _MAX_INDEXED_LENGTH:
        return None if value is None else str(value)
    return hashlib.sha256(str(value).encode(errors="surrogatepass")).hexdigest()


def _envelope(row: Row) -> PlainRecord:
    plain = {name: row[name] for name in _UNCHANGED_FIELDS}
    plain["version"] = {str(place): row[f"v_{place}"] for place in StoreId}
    return plain


def _child_rows(children: ChildTable, plain: PlainRecord) -> list[Row]:
    return [
        {**element, children.foreign_key: plain["id"], "position": position}
        for position, element in enumerate(plain[children.field])
    ]
