"""Stores of document kinds: the collection and its indexes are derived from the port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pymongo import ASCENDING, DESCENDING, IndexModel

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, cursor_query, newest_first
from dinerapp.replication.codec import ENVELOPE_FIELDS
from dinerapp.replication.ports.documents import DocumentQuery, Documents, Index
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)


class MongoDocuments(MongoStore[R], Documents[R]):
    """The store of a document kind."""

    def _find_documents(self, query: DocumentQuery) -> list[R]:
        conditions: list[Document] = [
            {self._path(name): {"$eq": value}} for name, value in query.equal.items()
        ]
        bounds = {"$gte": query.begin, "$lt": query.end}
        conditions += [
            {query.order_by: {operator: value}}
            for operator, value in bounds.items()
            if value is not None
        ]
        if query.order_by not in ENVELOPE_FIELDS:
            conditions.append({query.order_by: {"$ne": None}})
        if query.after is not None:
            conditions.append(
                cursor_query(query.after, query.order_by, newest_first=query.newest_first)
            )
        direction = DESCENDING if query.newest_first else ASCENDING
        order = [(query.order_by, direction), ("_id", direction)]
        return self._find({"$and": [{"deleted": False}, *conditions]}, order, query.limit)

    def _path(self, name: str) -> str:
        return f"_unique.{name}" if name in self.kind.unique_fields else name


def document_store(port: type[Documents[Any]]) -> type[MongoDocuments[Any]]:
    """The store class of a kind that is fully described by its port."""
    attributes = {
        "index_models": tuple(_index_model(port, index) for index in port.indexes),
        "backfills": _backfills(port),
    }
    return type(f"Mongo{port.__name__}", (MongoDocuments, port), attributes)


def _index_model(port: type[Documents[Any]], index: Index) -> IndexModel:
    order = port.order_of(index)
    if order != index.fields:
        return newest_first(*index.fields)
    return IndexModel(
        [*((name, ASCENDING) for name in order), ("_id", ASCENDING)],
        name="_".join(order),
        partialFilterExpression={"deleted": False},
    )


def _backfills(port: type[Documents[Any]]) -> Mapping[str, Any]:
    return {
        field.name: {"$literal": field.default}
        for field in port.indexed_fields.values()
        if field.default is not None
    }
