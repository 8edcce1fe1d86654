"""Records as the parameters of the statements, and rows as records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from adapters.postgres.connection import Row
from adapters.postgres.table import Children, Table
from dinerapp.replication import codec
from dinerapp.replication.errors import Refused
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.replica import Owing
from dinerapp.replication.ports.repository import Seen
from dinerapp.replication.record import Record
from dinerapp.replication.version import Place, Version

R = TypeVar("R", bound=Record)
Plain = dict[str, Any]

_INDEXABLE = 500
_AS_THEY_ARE = ("id", "created_at", "updated_at", "source", "op_id", "trail", "deleted")


@dataclass(frozen=True)
class Rows(Generic[R]):
    """Between the records of one kind and the rows of its table.

    `to_row` fills the columns beside the envelope; `from_row` gives the fields beside it.
    """

    kind: Kind[R]
    table: Table
    to_row: Callable[[Plain], Row]
    from_row: Callable[[Row], Plain]

    def record(self, row: Row) -> R:
        """The record of a selected row."""
        lists = {children.field: row[children.field] for children in self.table.children}
        return codec.load(self.kind.record, {**self.from_row(row), **lists, **_envelope_of(row)})

    def parameters(
        self, records: Sequence[R], owing: Collection[Owing], *, displaced: bool = False
    ) -> Row:
        """What a write needs: the rows of each table as one JSON text.

        Raises Refused for values that JSON cannot say. A displaced record goes without its
        unique values.
        """
        try:
            rows = self._of_tables(records, displaced=displaced)
        except (TypeError, ValueError, RecursionError) as error:
            raise Refused(str(error)) from error
        rows["owing"] = [{"target": one.to, "due": one.due, "missed": one.missed} for one in owing]
        texts: Row = {name: as_json(each) for name, each in rows.items()}
        ids = [record.id for record in records]
        return texts | {"ids": ids, "targets": [str(one.to) for one in owing]}

    def unique(self, record: R) -> Row:
        """The columns that keep two living records from sharing a value."""
        if record.deleted:
            return dict.fromkeys(self.table.unique_columns)
        return {f"u_{field}": _indexable(getattr(record, field)) for field in self.table.unique}

    def _of_tables(self, records: Sequence[R], *, displaced: bool) -> dict[str, list[Row]]:
        plains = [codec.dump(record) for record in records]
        rows = {"rows": list(map(self._row, records, plains))}
        if not displaced:
            rows["rows"] = [
                row | self.unique(record) for row, record in zip(rows["rows"], records, strict=True)
            ]
        for children in self.table.children:
            rows[children.table] = [row for plain in plains for row in _rows(children, plain)]
        if self.table.ceilings:
            rows["ceilings"] = [row for record in records for row in self._ceilings(record)]
        return rows

    def _row(self, record: R, plain: Plain) -> Row:
        row = {
            **{name: plain[name] for name in _AS_THEY_ARE},
            **version_row(record.version),
            **{children.count: len(plain[children.field]) for children in self.table.children},
            **self.to_row(plain),
            "digest": codec.digest(record),
            "bucket": codec.bucket(record.id),
        }
        if self.table.holds:
            row["holds"] = dict(self.kind.holds(record))
        return row

    def _ceilings(self, record: R) -> list[Row]:
        limits = self.kind.ceilings(record)
        return [
            {"record_id": record.id, "key": key, "ceiling": ceiling}
            for key, ceiling in limits.items()
        ]


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """One parameter for any number of rows."""
    try:
        return orjson.dumps(list(rows)).decode()
    except (TypeError, ValueError) as error:
        raise Refused(str(error)) from error


def as_seen(basis: Collection[Seen]) -> dict[str, list[Row]]:
    """The basis of a write by kind, as rows."""
    seen: dict[str, list[Row]] = {}
    for each in sorted(basis, key=lambda one: (one.kind, one.record_id)):
        seen.setdefault(each.kind, []).append({"id": each.record_id, **version_row(each.version)})
    return seen


def version_row(version: Version, prefix: str = "v_") -> dict[str, int]:
    """A version as its columns."""
    return {f"{prefix}{place}": version.at(place) for place in Place}


def _indexable(value: Any) -> str | None:
    """The value as text; in its place a hash where an index could not hold it."""
    if value is None or len(str(value)) <= _INDEXABLE:
        return None if value is None else str(value)
    return hashlib.sha256(str(value).encode(errors="surrogatepass")).hexdigest()


def _envelope_of(row: Row) -> Plain:
    plain = {name: row[name] for name in _AS_THEY_ARE}
    plain["version"] = {str(place): row[f"v_{place}"] for place in Place}
    return plain


def _rows(children: Children, plain: Plain) -> list[Row]:
    return [
        {**element, children.parent: plain["id"], "position": position}
        for position, element in enumerate(plain[children.field])
    ]
