"""Stores that keep a record as JSONB, with a generated column for each field that is queried."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from psycopg.sql import Identifier

from adapters.postgres.connection import Row
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.document_table import indexed_part, table_spec
from adapters.postgres.rows import PlainRecord, index_value
from adapters.postgres.store import PostgresStore, after_cursor, cursor_parameters
from dinerapp.replication.codec import ENVELOPE_FIELDS
from dinerapp.replication.ports.documents import DocumentQuery, Documents, Value
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)


class DocumentStore(PostgresStore[R]):
    """The table has the envelope columns, `content`, and columns generated from `content`."""

    columns: ClassVar[tuple[str, ...]] = ("content",)

    def to_row(self, plain: PlainRecord) -> Row:
        return {"content": {key: plain[key] for key in plain.keys() - ENVELOPE_FIELDS}}

    def from_row(self, row: Row) -> PlainRecord:
        content: PlainRecord = row["content"]
        return content


class PostgresDocuments(DocumentStore[R], Documents[R]):
    """The store of a document kind: its table is derived from the indexes of its port."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        database.declare(table_spec(type(self)))

    def _find_documents(self, query: DocumentQuery) -> list[R]:
        column = _quoted(query.order_by)
        where = ["NOT deleted"]
        if query.order_by not in ENVELOPE_FIELDS:
            where.append(f"{column} IS NOT NULL")
        where += [self._is_equal(name, value) for name, value in query.equal.items()]
        parameters: Row = {
            f"equal_{name}": index_value(value) if name in self.kind.unique_fields else value
            for name, value in query.equal.items()
            if value is not None
        }
        for name, comparison, value in (("begin", ">=", query.begin), ("end", "<", query.end)):
            if value is not None:
                where.append(f"{column} {comparison} %({name})s")
                parameters[name] = value
        if query.after is not None:
            where.append(after_cursor(column, "<" if query.newest_first else ">", query.after))
            parameters |= cursor_parameters(query.after)
        direction = "DESC" if query.newest_first else "ASC"
        order = ", ".join(
            f"{term} {direction}" for term in (*self._null_columns(query), column, "id")
        )
        clauses = f"WHERE {' AND '.join(where)} ORDER BY {order} LIMIT {query.limit:d}"
        return self._find(clauses, parameters)

    def _null_columns(self, query: DocumentQuery) -> list[str]:
        """The leading index columns that the query requires to be NULL. They have to be in
        ORDER BY: unlike from `column = value`, the planner does not conclude from `column IS NULL`
        that the index returns rows in the requested order."""
        names = [name for name in query.leading if query.equal[name] is None]
        return [self._indexed(name, _quoted(name)) for name in names]

    def _is_equal(self, name: str, value: Value) -> str:
        """The condition, written with the expression that the index was created with."""
        column, parameter = _quoted(name), f"%(equal_{name})s"
        if name in self.kind.unique_fields:
            return f"u_{name} = {parameter}"
        comparison = "IS NULL" if value is None else "= {}"
        terms = {column: parameter, self._indexed(name, column): self._indexed(name, parameter)}
        return " AND ".join(f"{left} {comparison.format(right)}" for left, right in terms.items())

    def _indexed(self, name: str, term: str) -> str:
        return indexed_part(self._queryable_field(name), term)


def document_store(port: type[Documents[Any]]) -> type[PostgresDocuments[Any]]:
    """The store class of a kind that is fully described by its port."""
    return type(f"Postgres{port.__name__}", (PostgresDocuments, port), {})


def _quoted(column: str) -> str:
    return Identifier(column).as_string()
