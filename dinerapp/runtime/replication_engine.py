"""Replication as a library: records of any kind in PostgreSQL and MongoDB at once.

    with ReplicationEngine([KindRow.documents(Notes)], postgres_url=…, mongo_url=…) as engine:
        notes = engine.repository(Notes)

docs/building-your-own.md explains it with a complete program.
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
    """The stores of one process, and the threads that replicate between them.

    It is thread-safe. It has to be started in the process that uses it, because threads and
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
        """With only one URL, the other database can be added later, and is filled then. `followers`
        are called after every write of a kind, by the name of the kind."""
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
        """Opens the pools and starts the threads. Tables, collections and indexes are created as
        soon as their database answers. Waits a few seconds for a first database, but does not fail
        without one."""
        self._supervisor.start()

    def stop(self) -> None:
        """Stops the threads and closes the pools."""
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
        """Sets the deadline for all store calls of one request. `served_by.current()` returns
        afterwards which store served it."""
        served_by.reset()
        with deadline.within(self._settings.request_deadline):
            yield

    def health(self) -> HealthVerdict:
        """The health of the databases as this process knows it. Sends no query."""
        return assess(self._connections.status())


def _backends(
    kinds: Sequence[KindRow], postgres_url: str | None, mongo_url: str | None
) -> Sequence[Backend]:
    backends = []
    if postgres_url:
        backends.append(postgres_backend(postgres_url, kinds))
    if mongo_url:
        backends.append(mongo_backend(mongo_url, kinds))
    if not backends:
        raise NoDatabase("a replication engine needs the URL of PostgreSQL, of MongoDB, or of both")
    return backends
