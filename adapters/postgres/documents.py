"""Kinds that PostgreSQL keeps whole, as JSONB; what is asked for are columns beside it."""

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
    """A table of its kind has the envelope, `content`, and columns generated from it."""

    columns: ClassVar[tuple[str, ...]] = ("content",)

    def to_row(self, plain: PlainRecord) -> Row:
        return {"content": {key: plain[key] for key in plain.keys() - ENVELOPE_FIELDS}}

    def from_row(self, row: Row) -> PlainRecord:
        content: PlainRecord = row["content"]
        return content


class PostgresDocuments(DocumentStore[R], Documents[R]):
    """The store of a port that declares its indexes; the table follows from them."""

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
        order = ", ".join(f"{each} {direction}" for each in (*self._nulls(query), column, "id"))
        clauses = f"WHERE {' AND '.join(where)} ORDER BY {order} LIMIT {query.limit:d}"
        return self._find(clauses, parameters)

    def _nulls(self, query: DocumentQuery) -> list[str]:
        """Where the index has NULL as long as it leads on. Unlike of values that are equal, the
        planner does not see of NULL that its index is in the order wanted, unless that says so."""
        nulls = [name for name in query.leading if query.equal[name] is None]
        return [self._indexed(name, _quoted(name)) for name in nulls]

    def _is_equal(self, name: str, value: Value) -> str:
        """The condition, in the words that the index was made with."""
        column, parameter = _quoted(name), f"%(equal_{name})s"
        if name in self.kind.unique_fields:
            return f"u_{name} = {parameter}"
        equal = "IS NULL" if value is None else "= {}"
        compared = {column: parameter, self._indexed(name, column): self._indexed(name, parameter)}
        return " AND ".join(f"{one} {equal.format(other)}" for one, other in compared.items())

    def _indexed(self, name: str, term: str) -> str:
        return indexed_part(self._askable_field(name), term)


def document_store(port: type[Documents[Any]]) -> type[PostgresDocuments[Any]]:
    """The store of a kind whose port says all there is to say about it."""
    return type(f"Postgres{port.__name__}", (PostgresDocuments, port), {})


def _quoted(column: str) -> str:
    return Identifier(column).as_string()
