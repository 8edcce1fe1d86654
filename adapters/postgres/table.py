"""How a kind of record lies in tables: what a store has to know to write its SQL."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.replication.version import StoreId

VERSION_COLUMNS = tuple(f"v_{place}" for place in StoreId)
ENVELOPE_COLUMNS = (
    "id",
    *VERSION_COLUMNS,
    "created_at",
    "updated_at",
    "source",
    "op_id",
    "trail",
    "deleted",
    "digest",
    "bucket",
)


@dataclass(frozen=True)
class ChildTable:
    """A list within the record that has a table of its own, a row per element.

    `foreign_key` is the foreign key, `position` the place in the list. The record's own table keeps
    the length as `count`, and a trigger drops the rows beyond it when the list gets shorter.
    """

    field: str
    table: str
    foreign_key: str
    count_column: str
    columns: tuple[str, ...]

    @property
    def primary_key(self) -> tuple[str, str]:
        return self.foreign_key, "position"


@dataclass(frozen=True)
class Table:
    """The table of a kind, named like the kind.

    `columns` are those beside the envelope that the kind's adapter fills; `unique` are fields
    that have a column `u_…`; `has_reservations` and `has_limits` say that the kind counts things.
    """

    name: str
    columns: tuple[str, ...]
    children: tuple[ChildTable, ...] = ()
    unique: tuple[str, ...] = ()
    has_reservations: bool = False
    has_limits: bool = False
    default_limit: int | None = None

    @property
    def unique_columns(self) -> tuple[str, ...]:
        return tuple(f"u_{field}" for field in self.unique)

    @property
    def written_columns(self) -> tuple[str, ...]:
        """Every column that is not generated."""
        counts = tuple(children.count_column for children in self.children)
        holds = ("holds",) if self.has_reservations else ()
        return (*ENVELOPE_COLUMNS, *self.columns, *counts, *self.unique_columns, *holds)
