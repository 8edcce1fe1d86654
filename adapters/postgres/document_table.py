"""Derives the table of a document kind from its port.

The server generates the columns from `content`, so rows that were written before a column existed,
or by a process of an earlier version, have it too. No column is NOT NULL, because the record type
decides what a field may hold, and that can change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Identifier, Literal

from adapters.postgres.connection import DeadlineConnection
from dinerapp.replication import codec
from dinerapp.replication.ports.documents import (
    BadDeclaration,
    Documents,
    FieldType,
    Index,
    IndexedField,
    Value,
)

_INDEXED_LENGTH = 100
"""How many characters of a text are indexed: the size of an index entry is limited to a third of a
page."""
_MAX_NAME_LENGTH = 63

_TYPES = {
    FieldType.TEXT: 'text COLLATE "C"',
    FieldType.INTEGER: "bigint",
    FieldType.BOOLEAN: "boolean",
    FieldType.TIME: "timestamptz(3)",
}
_CONVERSIONS = {
    FieldType.TEXT: SQL("{}"),
    FieldType.INTEGER: SQL("({})::bigint"),
    FieldType.BOOLEAN: SQL("({})::boolean"),
    FieldType.TIME: SQL("time_of_text({})"),
}
_RESERVATION_COLUMNS = {
    "holds": "jsonb NOT NULL DEFAULT '{}'",
    "held_before": "jsonb NOT NULL DEFAULT '{}'",
}

_COLUMNS = """
SELECT table_class.relname AS table_name, attname AS column_name
FROM pg_attribute JOIN pg_class AS table_class ON table_class.oid = attrelid
WHERE table_class.relname = ANY (%(tables)s) AND relkind = 'r' AND pg_table_is_visible(attrelid)
  AND attnum > 0 AND NOT attisdropped
"""
_INDEXES = """
SELECT index_class.relname AS index_name
FROM pg_index JOIN pg_class AS index_class ON index_class.oid = indexrelid
JOIN pg_class AS table_class ON table_class.oid = indrelid
WHERE table_class.relname = ANY (%(tables)s) AND pg_table_is_visible(indrelid)
"""
_CREATE_TABLE = SQL("CREATE TABLE {table} (LIKE envelope INCLUDING ALL, content jsonb NOT NULL)")
_ADD_COLUMN = SQL("ALTER TABLE {table} ADD COLUMN {column} {definition}")
_GENERATED = SQL("{type} GENERATED ALWAYS AS ({expression}) STORED")
_CREATE_UNIQUE_INDEX = SQL("CREATE UNIQUE INDEX {name} ON {table} ({column})")
_CREATE_INDEX = SQL("CREATE INDEX {name} ON {table} ({parts}) WHERE NOT deleted")
_CREATE_HOLDS_INDEX = SQL("CREATE INDEX {name} ON {table} USING gin (holds)")


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of documents: the definition of each column beside `content`, and the statement that
    creates each index."""

    table: str
    columns: Mapping[str, str]
    indexes: Mapping[str, str]


def table_spec(port: type[Documents[Any]]) -> TableSpec:
    """The table that the port needs."""
    table, kind = port.kind.name, port.kind
    columns = {
        field.name: _definition(field)
        for field in port.indexed_fields.values()
        if not field.is_in_envelope
    }
    columns |= {f"u_{name}": "text" for name in kind.unique_fields}
    if kind.has_reservations:
        columns |= _RESERVATION_COLUMNS
    indexes = {
        f"{table}_u_{name}": _CREATE_UNIQUE_INDEX.format(
            name=Identifier(f"{table}_u_{name}"),
            table=Identifier(table),
            column=Identifier(f"u_{name}"),
        ).as_string()
        for name in kind.unique_fields
    }
    for index in port.indexes:
        name = _index_name(table, index)
        if name in indexes:
            raise BadDeclaration(f"{port.__name__} has two indexes that get the name {name}")
        indexes[name] = _create_index(port, index)
    if kind.has_reservations and kind.default_limit is not None:
        name = f"{table}_holds"
        indexes[name] = _CREATE_HOLDS_INDEX.format(
            name=Identifier(name), table=Identifier(table)
        ).as_string()
    _require_short_names(port, [*columns, *indexes])
    return TableSpec(table, columns, indexes)


def indexed_part(field: IndexedField, term: str) -> str:
    """The SQL expression for the part of a value that is indexed."""
    return f"left({term}, {_INDEXED_LENGTH})" if field.is_unbounded else term


def create_tables(connection: DeadlineConnection, specs: Collection[TableSpec]) -> None:
    """Creates missing tables, columns and indexes. If nothing is missing, it only reads the
    catalog: that needs no privilege to create tables, and takes no lock that blocks others."""
    tables = {"tables": [spec.table for spec in specs]}
    columns = {
        (row["table_name"], row["column_name"]) for row in connection.execute(_COLUMNS, tables)
    }
    indexes = {row["index_name"] for row in connection.execute(_INDEXES, tables)}
    for spec in specs:
        missing = [*_missing(spec, columns, indexes)]
        if missing:
            with connection.transaction():
                for statement in missing:
                    connection.execute(statement)


def _missing(
    spec: TableSpec, columns: Collection[tuple[str, str]], indexes: Collection[str]
) -> Iterable[str]:
    table = Identifier(spec.table)
    if (spec.table, "content") not in columns:
        yield _CREATE_TABLE.format(table=table).as_string()
    for name, definition in spec.columns.items():
        if (spec.table, name) not in columns:
            yield _ADD_COLUMN.format(
                table=table, column=Identifier(name), definition=SQL(definition)
            ).as_string()
    yield from (create for name, create in spec.indexes.items() if name not in indexes)


def _index_name(table: str, index: Index) -> str:
    return "_".join((table, "by", *index.fields) if index.fields else (table, "newest"))


def _create_index(port: type[Documents[Any]], index: Index) -> str:
    parts = [_index_part(port, name) for name in (*port.order_of(index), "id")]
    return _CREATE_INDEX.format(
        name=Identifier(_index_name(port.kind.name, index)),
        table=Identifier(port.kind.name),
        parts=SQL(", ".join(parts)),
    ).as_string()


def _index_part(port: type[Documents[Any]], name: str) -> str:
    column = Identifier(name).as_string()
    return (
        indexed_part(port.indexed_fields[name], column) if name in port.indexed_fields else column
    )


def _definition(field: IndexedField) -> str:
    expression = SQL("content ->> {}").format(Literal(field.name))
    if field.default is not None:
        # Not coalesce(): a field may be stored as null although its default is something else.
        expression = SQL("CASE WHEN content ? {} THEN {} ELSE {} END").format(
            Literal(field.name), expression, Literal(_as_json_text(field.default))
        )
    return _GENERATED.format(
        type=SQL(_TYPES[field.type]), expression=_CONVERSIONS[field.type].format(expression)
    ).as_string()


def _as_json_text(value: Value) -> str:
    """The value as the operator `->>` would return it."""
    return codec.encode(value).decode().strip('"') if not isinstance(value, str) else value


def _require_short_names(port: type[Documents[Any]], names: Iterable[str]) -> None:
    for name in names:
        if len(name.encode()) > _MAX_NAME_LENGTH:
            raise BadDeclaration(
                f"{port.__name__}: the name {name} is too long; PostgreSQL allows "
                f"{_MAX_NAME_LENGTH} bytes"
            )
