"""One MongoDB database: its client, its deadlines, its transactions, what others think of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import pymongo
from pymongo import IndexModel, MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.topology_description import TopologyDescription

from adapters.mongo.client import NAME, Client, Document, is_out_of_reach, new_client
from adapters.mongo.errors import INDEX_DIFFERS, NAMESPACE_EXISTS, failure_of
from adapters.mongo.traffic import Traffic
from adapters.mongo.turns import Turns
from dinerapp.replication import deadline
from dinerapp.replication.errors import StoreUnavailable
from dinerapp.replication.ports.database import Absence, Database, Ping, PoolUse
from dinerapp.replication.version import Place

T = TypeVar("T")

_ABSENCES, _MARKS = "absences", "marks"
_PING_SECONDS = 0.9
_PREPARE_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
_NOT_ALLOWED = 13
# Far longer than any transaction of ours takes; where one is ended by mistake, it starts over.
_STRANDED_MICROSECONDS = 2_000_000
_STRANDED: list[Document] = [
    {"$currentOp": {"idleSessions": True}},
    {
        "$match": {
            "type": "idleSession",
            "transaction.timeOpenMicros": {"$gt": _STRANDED_MICROSECONDS},
        }
    },
    {"$project": {"lsid": 1}},
]
_FORGET_ABSENCES = IndexModel("until", name="until", expireAfterSeconds=3600)


@dataclass(frozen=True, slots=True)
class Layout:
    """A collection, the indexes it needs, and what living documents that lack a field get.

    `is_counted`: its documents hold something of counted things.
    """

    collection: str
    indexes: Sequence[IndexModel] = ()
    filled: Mapping[str, str] = field(default_factory=dict)
    is_counted: bool = False


class MongoDatabase(Database):
    """A database on a replica set or sharded cluster. Stores declare their layouts to it."""

    place = Place.MONGODB

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
        self._prober: Client | None = None
        self._collections: dict[str, MongoCollection[Document]] = {}
        self._traffic = Traffic()
        self._turns = Turns()
        self._judged: tuple[TopologyDescription | None, bool] = (None, False)
        self._layouts: dict[str, Layout] = {}
        self.declare(Layout(_ABSENCES, (_FORGET_ABSENCES,)))
        self.declare(Layout(_MARKS))

    def declare(self, layout: Layout) -> None:
        """Has `prepare` make this collection too."""
        self._layouts[layout.collection] = layout

    @property
    def counted_collections(self) -> Sequence[str]:
        """Those whose documents hold something of counted things."""
        return [layout.collection for layout in self._layouts.values() if layout.is_counted]

    def collection(self, name: str) -> MongoCollection[Document]:
        """The collection, for use within `reading`, `writing` or `transact`."""
        found = self._collections.get(name)
        if found is None:
            client = self._opened(self._client)
            database = self._database or client.get_default_database(NAME).name
            found = self._collections.setdefault(name, client[database][name])
        return found

    def having_any(self, names: Sequence[str], wanted: Document) -> Sequence[str]:
        """Those of the collections that have such a document, in one question."""
        first, *others = names
        more = [{"$unionWith": {"coll": name, "pipeline": _any(name, wanted)}} for name in others]
        found = self.collection(first).aggregate([*_any(first, wanted), *more])
        return [each["name"] for each in found]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One attempt that changes nothing, within the deadline."""
        with self._attempt(lambda _: False):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One attempt that may change data, within the deadline."""
        with self._attempt(lambda _: self._traffic.call_was_sent):
            yield

    def transact(
        self, work: Callable[[ClientSession | None], T], crowded: Collection[str] = ()
    ) -> T:
        """Does the work in one transaction, again and again while others get in its way.

        `crowded` names what many may want to change at once.
        """
        left = deadline.remaining(self._default_timeout)
        end = time.monotonic() + left
        with self._turns.at(crowded, left) as my_turn:
            if not my_turn:
                raise StoreUnavailable(self.name, "too many transactions at once")
            with (
                self._attempt(lambda _: False),
                self._opened(self._client).start_session(causal_consistency=False) as session,
            ):
                return _committed(session, work, end)

    def open(self) -> None:
        self.close()
        self._traffic = Traffic()
        self._client = new_client(
            self._client_factory,
            self._uri,
            minPoolSize=self._pool_min,
            maxPoolSize=self._pool_max,
            event_listeners=[self._traffic],
        )
        self._prober = new_client(self._client_factory, self._uri, maxPoolSize=1)

    def close(self) -> None:
        clients = self._client, self._prober
        self._client = self._prober = None
        self._collections = {}
        for client in clients:
            if client is not None:
                client.close()

    def reset(self) -> None:
        """Drops no connections: pymongo does that by itself as soon as it loses a server."""
        if self._client is not None:
            with self._attempt(lambda _: False), _allowing(_NOT_ALLOWED):
                _end_stranded(self._client)

    def prepare(self) -> None:
        with self._attempt(lambda _: False, _PREPARE_SECONDS):
            for layout in self._layouts.values():
                self._lay_out(layout)

    def ping(self) -> Ping:
        started = time.perf_counter()
        with self._translated(lambda _: False), pymongo.timeout(_PING_SECONDS):
            admin = self._opened(self._prober).admin
            hello = admin.command("hello")
            seconds = time.perf_counter() - started
            version = admin.command("buildInfo").get("version", "")
            if self._is_lost():
                # The pool's own monitor may not have heard yet, and would refuse the next calls.
                self._opened(self._client).admin.command("ping")
        if not hello.get("isWritablePrimary"):
            raise StoreUnavailable(self.name, "the server takes no writes")
        details = {"replica_set": hello["setName"]} if "setName" in hello else {}
        return Ping(seconds, f"MongoDB {version}", details)

    def pool(self) -> PoolUse:
        return PoolUse(self._pool_max, self._traffic.open, self._traffic.busy)

    def has_joined(self) -> bool:
        with self.reading():
            return self.collection(_MARKS).find_one({"_id": "joined"}) is not None

    def join(self) -> None:
        with self.writing():
            self.collection(_MARKS).replace_one({"_id": "joined"}, {"joined": True}, upsert=True)

    def report_absence(self, absence: Absence) -> None:
        word = {
            "store": absence.store.value,
            "process": absence.process,
            "until": absence.until,
        }
        with self.writing():
            self.collection(_ABSENCES).replace_one(
                {"_id": _word_id(absence.store, absence.process)}, word, upsert=True
            )

    def withdraw_absence(self, absence: Absence) -> None:
        with self.writing():
            self.collection(_ABSENCES).delete_one(
                {
                    "_id": _word_id(absence.store, absence.process),
                    "until": {"$lte": absence.until},
                }
            )

    def absences(self, now: datetime) -> Sequence[Absence]:
        with self.reading():
            words = list(self.collection(_ABSENCES).find({"until": {"$gt": now}}))
        return [Absence(Place(word["store"]), word["process"], word["until"]) for word in words]

    @contextmanager
    def _attempt(
        self, perhaps_applied: Callable[[PyMongoError], bool], seconds: float | None = None
    ) -> Iterator[None]:
        left = deadline.remaining(seconds or self._default_timeout)
        if left <= 0:
            raise StoreUnavailable(self.name, "no time was left to ask it")
        if self._is_lost():
            raise StoreUnavailable(self.name, "no server that takes writes is in reach")
        self._traffic.begin_call()
        with self._translated(perhaps_applied), pymongo.timeout(left):
            yield

    @contextmanager
    def _translated(self, perhaps_applied: Callable[[PyMongoError], bool]) -> Iterator[None]:
        try:
            yield
        except PyMongoError as error:
            failure = failure_of(error, self.name, perhaps_applied=perhaps_applied(error))
            if failure is None:
                raise
            raise failure from error

    def _is_lost(self) -> bool:
        """Whether pymongo knows that no server takes writes; asks nobody."""
        seen = self._opened(self._client).topology_description
        if seen is not self._judged[0]:
            self._judged = seen, is_out_of_reach(seen)
        return self._judged[1]

    def _opened(self, client: Client | None) -> Client:
        if client is None:
            raise StoreUnavailable(self.name, "it is not open")
        return client

    def _lay_out(self, layout: Layout) -> None:
        collection = self.collection(layout.collection)
        with _allowing(NAMESPACE_EXISTS):
            collection.database.create_collection(layout.collection, check_exists=False)
        for index in layout.indexes:
            try:
                collection.create_indexes([index])
            except OperationFailure as error:
                if error.code not in INDEX_DIFFERS:
                    raise
                collection.drop_index(index.document["name"])
                collection.create_indexes([index])
        for path, expression in layout.filled.items():
            lacking = {path: {"$exists": False}, "deleted": False}
            collection.update_many(lacking, [{"$set": {path: expression}}])


def _committed(session: ClientSession, work: Callable[[ClientSession | None], T], end: float) -> T:
    pause = _FIRST_PAUSE
    while True:
        try:
            with session.start_transaction(read_concern=ReadConcern("snapshot")):
                return work(session)
        except PyMongoError as error:
            pause = min(2 * pause, _LONGEST_PAUSE)
            again = error.has_error_label("TransientTransactionError")
            if not again or time.monotonic() + pause > end:
                raise
        time.sleep(pause * random.random())  # noqa: S311


def _any(name: str, wanted: Document) -> list[Document]:
    said = {"_id": 0, "name": {"$literal": name}}
    return [{"$match": wanted}, {"$limit": 1}, {"$project": said}]


def _end_stranded(client: Client) -> None:
    """Transactions whose process died or was cut off: for a minute and more the server would keep
    their documents from everybody else."""
    admin = client.get_database("admin", read_concern=ReadConcern("local"))
    sessions = [{"id": each["lsid"]["id"]} for each in admin.aggregate(_STRANDED)]
    if sessions:
        admin.command("killSessions", sessions)


@contextmanager
def _allowing(code: int) -> Iterator[None]:
    try:
        yield
    except OperationFailure as error:
        if error.code != code:
            raise


def _word_id(store: Place, process: str) -> str:
    return f"{store.value}/{process}"
