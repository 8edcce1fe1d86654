"""A database in memory, for test suites: the MongoDB adapter over mongomock.

database = MemoryDatabase()
orders = MongoOrders(database)
database.open()
database.prepare()
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from pymongo.client_session import ClientSession
from pymongo.collection import Collection as MongoCollection

from adapters.mongo.client import Document
from adapters.mongo.database import CollectionSpec, MongoDatabase
from dinerapp.replication.ports.database import Ping, PoolUsage
from dinerapp.replication.version import StoreId

if TYPE_CHECKING:
    from adapters.memory.collection import MemoryServer

T = TypeVar("T")


class MemoryDatabase(MongoDatabase):
    """Stands in for either database. Its content survives `close`."""

    def __init__(self, store_id: StoreId = StoreId.MONGODB) -> None:
        super().__init__("mongodb://memory", name=store_id.value)
        self.store_id = store_id
        self._server = _new_server()
        self._is_open = False

    def collection(self, name: str) -> MongoCollection[Document]:
        return cast("MongoCollection[Document]", self._server[name])

    def transact(
        self, work: Callable[[ClientSession | None], T], lock_keys: Collection[str] = ()
    ) -> T:
        with self.writing(), self._server.lock:
            self._server.undo_log = []
            try:
                return work(None)
            except BaseException:
                undo, self._server.undo_log = self._server.undo_log, None
                for step in reversed(undo):
                    step()
                raise
            finally:
                self._server.undo_log = None

    def collections_with_any(self, names: Sequence[str], query: Document) -> Sequence[str]:
        return [name for name in names if self.collection(name).find_one(query) is not None]

    def open(self) -> None:
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def ping(self) -> Ping:
        with self.reading():
            return Ping(0.0, "memory")

    def pool_usage(self) -> PoolUsage:
        return PoolUsage()

    def _is_unreachable(self) -> bool:
        return not self._is_open

    def _create_collection(self, spec: CollectionSpec) -> None:
        self.collection(spec.collection).create_indexes([*spec.indexes])


def _new_server() -> MemoryServer:
    try:
        from adapters.memory.collection import MemoryServer
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "memory stores need mongomock, which production does not install: "
            "pip install mongomock",
            name=error.name,
        ) from error
    return MemoryServer()
