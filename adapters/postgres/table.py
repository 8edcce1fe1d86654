"""How a kind of record lies in tables: what a store has to know to write its SQL."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.replication.version import Place

VERSION = tuple(f"v_{place}" for place in Place)
ENVELOPE = (
    "id",
    *VERSION,
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
class Children:
    """A list within the record that has a table of its own, a row per element.

    `parent` is the foreign key, `position` the place in the list. The record's own table keeps
    the length as `count`, and a trigger drops the rows beyond it when the list gets shorter.
    """

    field: str
    table: str
    parent: str
    count: str
    columns: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        return self.parent, "position"


@dataclass(frozen=True)
class Table:
    """The table of a kind, named like the kind.

    `columns` are those beside the envelope that the kind's adapter fills; `unique` are fields
    that have a column `u_…`; `holds` and `ceilings` say that the kind counts things.
    """

    name: str
    columns: tuple[str, ...]
    children: tuple[Children, ...] = ()
    unique: tuple[str, ...] = ()
    holds: bool = False
    ceilings: bool = False

    @property
    def unique_columns(self) -> tuple[str, ...]:
        return tuple(f"u_{field}" for field in self.unique)

    @property
    def written(self) -> tuple[str, ...]:
        """Every column that is not generated."""
        counts = tuple(children.count for children in self.children)
        holds = ("holds",) if self.holds else ()
        return (*ENVELOPE, *self.columns, *counts, *self.unique_columns, *holds)
