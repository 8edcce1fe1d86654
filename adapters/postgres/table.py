"""Describes the tables of a kind, from which the SQL of its store is generated."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.replication.version import StoreId

VERSION_COLUMNS = tuple(f"v_{store_id}" for store_id in StoreId)
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
    """The table of a list field, with one row per element.

    Column `position` is the index in the list. The record's own table stores the length of the list
    in `count_column`, and a trigger deletes the rows beyond it when the list gets shorter.
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

    `columns` are the columns outside the envelope that the kind's store fills. Each field in
    `unique` has a column `u_<field>`. `has_reservations` and `has_limits` say whether records of
    the kind hold or limit counted things.
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
        """All columns that are not generated."""
        counts = tuple(children.count_column for children in self.children)
        holds = ("holds",) if self.has_reservations else ()
        return (*ENVELOPE_COLUMNS, *self.columns, *counts, *self.unique_columns, *holds)
