"""What the stores have to be told of each kind of record."""

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
    """One kind of record: its port, its store in each database, and where it lives by default.

    Of the placement the first is the primary and the second the backup; one alone means only
    there.
    """

    port: type[Repository[Any]]
    postgres: StoreFactory
    mongo: StoreFactory
    placement: tuple[StoreId, ...] = POSTGRES_FIRST

    @classmethod
    def documents(
        cls, port: type[Documents[Any]], placement: tuple[StoreId, ...] = POSTGRES_FIRST
    ) -> KindRow:
        """A kind of documents: its port says all that its stores have to know."""
        return cls(port, postgres_documents(port), mongo_documents(port), placement)

    @property
    def name(self) -> str:
        return self.port.kind.name


CONFLICTS_ROW = KindRow(Conflicts, PostgresConflicts, MongoConflicts)
"""What lost when two states met is kept beside the records of every program."""
