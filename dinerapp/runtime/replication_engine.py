"""For programs of your own: records of any kind in PostgreSQL and MongoDB at once.

    with ReplicationEngine([KindRow.documents(Notes)], postgres_url=…, mongo_url=…) as engine:
        notes = engine.repository(Notes)

docs/building-your-own.md explains it with a whole program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from dinerapp.replication import deadline, served_by
from dinerapp.replication.health import HealthVerdict, assess
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.repository import Repository
from dinerapp.runtime.databases import Backend, NoDatabase, mongo_backend, postgres_backend
from dinerapp.runtime.kind_row import CONFLICTS_ROW, KindRow
from dinerapp.runtime.replication_settings import ReplicationSettings
from dinerapp.runtime.stores import ReplicatedStores
from dinerapp.runtime.supervisor import Supervisor

P = TypeVar("P", bound=Repository[Any])


class ReplicationEngine:
    """The stores of one process, and the threads that keep them equal.

    May be used by many threads. Has to be started in the process that uses it: threads and
    connections do not survive a fork.
    """

    def __init__(
        self,
        kinds: Sequence[KindRow],
        *,
        postgres_url: str | None = None,
        mongo_url: str | None = None,
        settings: ReplicationSettings | None = None,
        followers: Mapping[str, Sequence[Follower[Any]]] | None = None,
        observer: Observer | None = None,
    ) -> None:
        """With one URL the other database can join later, and is filled then. `followers` are
        shown every write of the kinds of those names."""
        self._settings = settings or ReplicationSettings()
        kinds = [*kinds, CONFLICTS_ROW]
        self._stores = ReplicatedStores(
            kinds, _backends(kinds, postgres_url, mongo_url), self._settings, observer=observer
        )
        dispatcher = self._stores.follower_dispatcher(followers or {})
        self._connections = self._stores.connections(dispatcher)
        self._supervisor = Supervisor(
            self._stores.background(dispatcher), await_ready=self._stores.await_first_store
        )

    def repository(self, port: type[P]) -> P:
        """The repository of the port, over the stores that its kind is placed in."""
        return self._stores.repository(port)

    def start(self) -> None:
        """Opens the pools and starts the threads. Tables, collections and indexes are made as soon
        as their database answers; this waits some seconds for a first one, and insists on none."""
        self._supervisor.start()

    def stop(self) -> None:
        """Ends the threads and closes the pools."""
        self._supervisor.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Around one request: bounds all that it asks of stores, and has `served_by.current()` say
        afterwards which of them served it."""
        served_by.reset()
        with deadline.within(self._settings.request_deadline):
            yield

    def health(self) -> HealthVerdict:
        """What this process thinks of its databases; asks nobody."""
        return assess(self._connections.status())


def _backends(
    kinds: Sequence[KindRow], postgres_url: str | None, mongo_url: str | None
) -> Sequence[Backend]:
    found = []
    if postgres_url:
        found.append(postgres_backend(postgres_url, kinds))
    if mongo_url:
        found.append(mongo_backend(mongo_url, kinds))
    if not found:
        raise NoDatabase("a replication engine needs the URL of PostgreSQL, of MongoDB, or of both")
    return found
