"""Kinds that PostgreSQL keeps whole, as JSONB; what is asked for are generated columns."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from adapters.postgres.connection import Row
from adapters.postgres.rows import PlainRecord
from adapters.postgres.store import PostgresStore
from dinerapp.replication.codec import ENVELOPE_FIELDS
from dinerapp.replication.ports.repository import Repository
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


def plain_table(port: type[Repository[Any]]) -> type[DocumentStore[Any]]:
    """The store of a kind that is asked for nothing beyond every repository's own questions."""
    return type(f"Postgres{port.__name__}", (DocumentStore, port), {})
