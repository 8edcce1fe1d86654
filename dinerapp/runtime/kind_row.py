"""The declaration of a kind: its port, its stores and its default placement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.mongo.conflicts import MongoConflicts
from adapters.mongo.document_store import document_store as mongo_documents
from adapters.postgres.conflicts import PostgresConflicts
from adapters.postgres.documents import document_store as postgres_documents
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.documents import Documents
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.ports.store import Store
from dinerapp.replication.version import StoreId

POSTGRES_FIRST = (StoreId.POSTGRESQL, StoreId.MONGODB)
POSTGRES_ONLY = (StoreId.POSTGRESQL,)
MONGO_FIRST = (StoreId.MONGODB, StoreId.POSTGRESQL)

StoreFactory = Callable[[Any], Store[Any]]
StoreFactories = Mapping[str, StoreFactory]


@dataclass(frozen=True, slots=True)
class KindRow:
    """A kind of record: its port, its store in each database, and its default placement.

    The first store of the placement is the primary, the second one the backup. A kind with only one
    is not replicated.
    """

    port: type[Repository[Any]]
    postgres: StoreFactory
    mongo: StoreFactory
    placement: tuple[StoreId, ...] = POSTGRES_FIRST

    @classmethod
    def documents(
        cls, port: type[Documents[Any]], placement: tuple[StoreId, ...] = POSTGRES_FIRST
    ) -> KindRow:
        """A document kind, whose stores are derived from its port."""
        return cls(port, postgres_documents(port), mongo_documents(port), placement)

    @property
    def name(self) -> str:
        return self.port.kind.name


CONFLICTS_ROW = KindRow(Conflicts, PostgresConflicts, MongoConflicts)
"""Every program has conflicts beside its own kinds."""
