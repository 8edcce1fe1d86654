"""A MongoDB database: its clients, deadlines, transactions and collections."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import pymongo
from pymongo import IndexModel, MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.topology_description import TopologyDescription

from adapters.mongo.client import APP_NAME, Client, Document, is_unreachable, new_client
from adapters.mongo.errors import INDEX_CONFLICT_CODES, NAMESPACE_EXISTS_CODE, to_store_failure
from adapters.mongo.pool_monitor import PoolMonitor
from adapters.mongo.striped_lock import StripedLock
from dinerapp.replication import deadline
from dinerapp.replication.errors import StoreUnavailable
from dinerapp.replication.ports.database import Database, Ping, PoolUsage, SuspicionLease
from dinerapp.replication.version import StoreId

T = TypeVar("T")

_ABSENCES, _MARKS = "absences", "marks"
_PING_SECONDS = 0.9
_PREPARE_SECONDS = 60.0
_MIN_BACKOFF_SECONDS, _MAX_BACKOFF_SECONDS = 0.001, 0.05
_UNAUTHORIZED_CODE = 13
# Far longer than transactions of this program take. One that is killed by mistake is retried.
_ORPHANED_AFTER_MICROSECONDS = 2_000_000
_ORPHANED_TRANSACTIONS: list[Document] = [
    {"$currentOp": {"idleSessions": True}},
    {
        "$match": {
            "type": "idleSession",
            "transaction.timeOpenMicros": {"$gt": _ORPHANED_AFTER_MICROSECONDS},
        }
    },
    {"$project": {"lsid": 1}},
]
_SUSPICION_TTL_INDEX = IndexModel("until", name="until", expireAfterSeconds=3600)


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """A collection and its indexes.

    `backfills` maps field paths to expressions: `prepare` sets them on documents that lack the
    field. `has_reservations` says whether documents hold counted things, and `default_limit` is
    the limit of things that no document limits.
    """

    collection: str
    indexes: Sequence[IndexModel] = ()
    backfills: Mapping[str, Any] = field(default_factory=dict)
    has_reservations: bool = False
    default_limit: int | None = None


class MongoDatabase(Database):
    """A database on a replica set or sharded cluster. Stores declare their collections here."""

    store_id = StoreId.MONGODB

    def __init__(
        self,
        uri: str,
        *,
        pool_min: int = 2,
        pool_max: int = 10,
        name: str = "mongodb",
        default_timeout: float = 5.0,
        database: str | None = None,
        client_factory: Callable[..., Client] = MongoClient,
    ) -> None:
        self.name = name
        self._uri = uri
        self._pool_min, self._pool_max = pool_min, pool_max
        self._default_timeout = default_timeout
        self._database = database
        self._client_factory = client_factory
        self._client: Client | None = None
        self._ping_client: Client | None = None
        self._collections: dict[str, MongoCollection[Document]] = {}
        self._pool_monitor = PoolMonitor()
        self._transaction_locks = StripedLock()
        self._reachability: tuple[TopologyDescription | None, bool] = (None, False)
        self._specs: dict[str, CollectionSpec] = {}
        self.declare(CollectionSpec(_ABSENCES, (_SUSPICION_TTL_INDEX,)))
        self.declare(CollectionSpec(_MARKS))

    def declare(self, spec: CollectionSpec) -> None:
        """Makes `prepare` create this collection, too."""
        self._specs[spec.collection] = spec

    @property
    def collections_with_reservations(self) -> Sequence[CollectionSpec]:
        """The collections whose documents hold counted things."""
        return [spec for spec in self._specs.values() if spec.has_reservations]

    def collection(self, name: str) -> MongoCollection[Document]:
        """The collection, for use within `reading`, `writing` or `transact`."""
        collection = self._collections.get(name)
        if collection is None:
            client = self._require_open(self._client)
            database = self._database or client.get_default_database(APP_NAME).name
            collection = self._collections.setdefault(name, client[database][name])
        return collection

    def collections_with_any(self, names: Sequence[str], query: Document) -> Sequence[str]:
        """The collections that have a document matching the query, found in one round trip."""
        first, *others = names
        unions = [
            {"$unionWith": {"coll": name, "pipeline": _any_pipeline(name, query)}}
            for name in others
        ]
        matches = self.collection(first).aggregate([*_any_pipeline(first, query), *unions])
        return [match["name"] for match in matches]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Runs a call that changes nothing, within the deadline."""
        with self._attempt(lambda _: False):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Runs a call that may change data, within the deadline."""
        with self._attempt(lambda _: self._pool_monitor.call_was_sent):
            yield

    def transact(
        self, work: Callable[[ClientSession | None], T], lock_keys: Collection[str] = ()
    ) -> T:
        """Runs `work` in one transaction, and retries while it conflicts with others.

        `lock_keys` names what concurrent transactions may change too: within this process they
        wait for each other instead of conflicting.
        """
        left = deadline.remaining(self._default_timeout)
        end = time.monotonic() + left
        with self._transaction_locks.acquire(lock_keys, left) as acquired:
            if not acquired:
                raise StoreUnavailable(self.name, "too many transactions at once")
            with (
                self._attempt(lambda _: False),
                self._require_open(self._client).start_session(causal_consistency=False) as session,
            ):
                return _commit_with_retry(session, work, end)

    def open(self) -> None:
        self.close()
        self._pool_monitor = PoolMonitor()
        self._client = new_client(
            self._client_factory,
            self._uri,
            minPoolSize=self._pool_min,
            maxPoolSize=self._pool_max,
            event_listeners=[self._pool_monitor],
        )
        self._ping_client = new_client(self._client_factory, self._uri, maxPoolSize=1)

    def close(self) -> None:
        clients = self._client, self._ping_client
        self._client = self._ping_client = None
        self._collections = {}
        for client in clients:
            if client is not None:
                client.close()

    def reset(self) -> None:
        """Kills orphaned transactions. pymongo drops connections to a lost server by itself."""
        if self._client is not None:
            with self._attempt(lambda _: False), _ignore_code(_UNAUTHORIZED_CODE):
                _kill_orphaned_transactions(self._client)

    def prepare(self) -> None:
        with self._attempt(lambda _: False, _PREPARE_SECONDS):
            for spec in self._specs.values():
                self._create_collection(spec)

    def ping(self) -> Ping:
        started = time.perf_counter()
        with self._translate_errors(lambda _: False), pymongo.timeout(_PING_SECONDS):
            admin = self._require_open(self._ping_client).admin
            hello = admin.command("hello")
            seconds = time.perf_counter() - started
            version = admin.command("buildInfo").get("version", "")
            if self._is_unreachable():
                # The pooled client may not have noticed yet, and calls on it would be refused.
                self._require_open(self._client).admin.command("ping")
        if not hello.get("isWritablePrimary"):
            raise StoreUnavailable(self.name, "the server does not accept writes")
        details = {"replica_set": hello["setName"]} if "setName" in hello else {}
        return Ping(seconds, f"MongoDB {version}", details)

    def pool_usage(self) -> PoolUsage:
        return PoolUsage(self._pool_max, self._pool_monitor.open, self._pool_monitor.busy)

    def has_full_copy(self) -> bool:
        with self.reading():
            return self.collection(_MARKS).find_one({"_id": "joined"}) is not None

    def mark_full_copy(self) -> None:
        with self.writing():
            self.collection(_MARKS).replace_one({"_id": "joined"}, {"joined": True}, upsert=True)

    def publish_suspicion(self, lease: SuspicionLease) -> None:
        document = {
            "store": lease.store_id.value,
            "process": lease.process,
            "until": lease.until,
        }
        with self.writing():
            self.collection(_ABSENCES).replace_one(
                {"_id": _suspicion_id(lease.store_id, lease.process)}, document, upsert=True
            )

    def withdraw_suspicion(self, lease: SuspicionLease) -> None:
        with self.writing():
            self.collection(_ABSENCES).delete_one(
                {
                    "_id": _suspicion_id(lease.store_id, lease.process),
                    "until": {"$lte": lease.until},
                }
            )

    def suspicions(self, now: datetime) -> Sequence[SuspicionLease]:
        with self.reading():
            documents = list(self.collection(_ABSENCES).find({"until": {"$gt": now}}))
        return [
            SuspicionLease(StoreId(doc["store"]), doc["process"], doc["until"]) for doc in documents
        ]

    @contextmanager
    def _attempt(
        self, may_be_applied: Callable[[PyMongoError], bool], seconds: float | None = None
    ) -> Iterator[None]:
        left = deadline.remaining(seconds or self._default_timeout)
        if left <= 0:
            raise StoreUnavailable(self.name, "the deadline has passed")
        if self._is_unreachable():
            raise StoreUnavailable(self.name, "no server that accepts writes can be reached")
        self._pool_monitor.begin_call()
        with self._translate_errors(may_be_applied), pymongo.timeout(left):
            yield

    @contextmanager
    def _translate_errors(self, may_be_applied: Callable[[PyMongoError], bool]) -> Iterator[None]:
        try:
            yield
        except PyMongoError as error:
            failure = to_store_failure(error, self.name, may_be_applied=may_be_applied(error))
            if failure is None:
                raise
            raise failure from error

    def _is_unreachable(self) -> bool:
        """Whether pymongo knows that no server accepts writes. Sends nothing."""
        topology = self._require_open(self._client).topology_description
        if topology is not self._reachability[0]:
            self._reachability = topology, is_unreachable(topology)
        return self._reachability[1]

    def _require_open(self, client: Client | None) -> Client:
        if client is None:
            raise StoreUnavailable(self.name, "the client is not open")
        return client

    def _create_collection(self, spec: CollectionSpec) -> None:
        collection = self.collection(spec.collection)
        with _ignore_code(NAMESPACE_EXISTS_CODE):
            collection.database.create_collection(spec.collection, check_exists=False)
        for index in spec.indexes:
            try:
                collection.create_indexes([index])
            except OperationFailure as error:
                if error.code not in INDEX_CONFLICT_CODES:
                    raise
                collection.drop_index(index.document["name"])
                collection.create_indexes([index])
        for path, expression in spec.backfills.items():
            lacking = {path: {"$exists": False}, "deleted": False}
            collection.update_many(lacking, [{"$set": {path: expression}}])


def _commit_with_retry(
    session: ClientSession, work: Callable[[ClientSession | None], T], give_up_at: float
) -> T:
    pause = _MIN_BACKOFF_SECONDS
    while True:
        try:
            with session.start_transaction(read_concern=ReadConcern("snapshot")):
                return work(session)
        except PyMongoError as error:
            pause = min(2 * pause, _MAX_BACKOFF_SECONDS)
            is_transient = error.has_error_label("TransientTransactionError")
            if not is_transient or time.monotonic() + pause > give_up_at:
                raise
        time.sleep(pause * random.random())  # noqa: S311


def _any_pipeline(name: str, query: Document) -> list[Document]:
    projection = {"_id": 0, "name": {"$literal": name}}
    return [{"$match": query}, {"$limit": 1}, {"$project": projection}]


def _kill_orphaned_transactions(client: Client) -> None:
    """Kills transactions whose process died or was cut off. The server would keep their documents
    locked for a minute or longer."""
    admin = client.get_database("admin", read_concern=ReadConcern("local"))
    operations = admin.aggregate(_ORPHANED_TRANSACTIONS)
    sessions = [{"id": operation["lsid"]["id"]} for operation in operations]
    if sessions:
        admin.command("killSessions", sessions)


@contextmanager
def _ignore_code(code: int) -> Iterator[None]:
    try:
        yield
    except OperationFailure as error:
        if error.code != code:
            raise


def _suspicion_id(store: StoreId, process: str) -> str:
    return f"{store.value}/{process}"
