"""What databases in use already hold keeps its name: a document written by an earlier version is
read by this one. A new name needs a step that carries the old one over."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect
from pymongo import MongoClient

from adapters.mongo.database import MongoDatabase
from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.database import SuspicionLease
from dinerapp.replication.ports.replica import FollowerTarget, OutboxEntry
from dinerapp.replication.version import StoreId
from dinerapp.runtime.registry import MONGO_STORES, PORTS
from tests.factories import at, menu_item, order, stocked_order

PINNED = tomllib.loads(Path(__file__).with_name("stored_names.toml").read_text())
P = StoreId.POSTGRESQL
Documents = Mapping[str, list[dict[str, Any]]]


def test_fields_of_records_keep_their_names() -> None:
    types = {name: inspect.type_info(port.kind.record_type) for name, port in PORTS.items()}
    assert (
        _gone(PINNED["records"], {name: _field_paths(each) for name, each in types.items()}) == {}
    )


@pytest.fixture
def stored(fresh_mongo_url: str) -> Iterator[tuple[Documents, Mapping[str, list[str]]]]:
    """The documents and the indexes of a database in which everything the machinery has a name for
    has happened once."""
    database = MongoDatabase(fresh_mongo_url)
    stores = {name: made(database) for name, made in MONGO_STORES.items()}
    database.open()
    try:
        database.prepare()
        _use(database, stores)
    finally:
        database.close()
    with MongoClient[dict[str, Any]](fresh_mongo_url) as client:
        collections = client.get_default_database()
        names = collections.list_collection_names()
        yield (
            {name: list(collections[name].find()) for name in names},
            {name: sorted(collections[name].index_information()) for name in names},
        )


def test_documents_and_indexes_keep_their_names(
    stored: tuple[Documents, Mapping[str, list[str]]],
) -> None:
    documents, indexes = stored
    paths = {
        name: {path for each in found for path in _paths(each)} for name, found in documents.items()
    }
    assert _gone(PINNED["documents"], paths) == {}
    assert _gone(PINNED["indexes"], indexes) == {}


def _gone(
    pinned: Mapping[str, list[str]], present: Mapping[str, Iterable[str]]
) -> Mapping[str, set[str]]:
    """The pinned names that are no longer there."""
    missing = {name: set(names) - {*present.get(name, ())} for name, names in pinned.items()}
    return {name: names for name, names in missing.items() if names}


def _use(database: MongoDatabase, stores: Mapping[str, Any]) -> None:
    item = stores["menu_items"].save(menu_item(stock_limit=5))
    stores["orders"].save(stocked_order(item.id))
    stores["orders"].deliver([stocked_order(new_id()).as_accepted_by(P)])
    undelivered = stores["orders"].accept(
        order(), [OutboxEntry(P, at(), True), OutboxEntry(FollowerTarget.FOLLOWERS, at(), False)]
    )
    stores["orders"].claim(P, now=at(1), lease_until=at(2), limit=1)
    stores["orders"].reschedule(
        P, (undelivered.id, undelivered.version), "refused", at(1), give_up=True
    )
    database.mark_full_copy()
    database.publish_suspicion(SuspicionLease(P, "host:1", at()))


def _paths(document: Mapping[str, Any], within: str = "") -> Iterator[str]:
    for name, value in document.items():
        yield f"{within}{name}"
        if isinstance(value, dict):
            yield from _paths(value, f"{within}{name}.")


def _field_paths(
    kind: inspect.Type, within: str = "", known: tuple[type, ...] = ()
) -> Iterator[str]:
    if isinstance(kind, inspect.DataclassType):
        for field in kind.fields:
            yield (path := f"{within}{field.encode_name}")
            if kind.cls not in known:
                yield from _field_paths(field.type, f"{path}.", (*known, kind.cls))
    elif isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _field_paths(each, within, known)
    elif isinstance(kind, inspect.VarTupleType):
        yield from _field_paths(kind.item_type, within, known)
    elif isinstance(kind, inspect.DictType):
        yield from _field_paths(kind.value_type, within, known)
