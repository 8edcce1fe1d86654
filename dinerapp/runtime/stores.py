"""Builds the stores of every kind by its placement, and what replicates between them."""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import Event
from typing import Any, TypeVar

from adapters.fallback.ack_batcher import AckBatcher
from adapters.fallback.background import (
    AckLoop,
    FollowerLoop,
    MonitorLoop,
    RelayLoop,
    await_first_store,
)
from adapters.fallback.composite import ReplicationContext, compose
from adapters.fallback.connection_monitor import ConnectionMonitor
from adapters.fallback.connections import MonitoredConnections, NamedConnection
from adapters.fallback.guarded_store import GuardedStore
from adapters.fallback.store_health import SlowCallPolicy, StoreHealth
from adapters.fallback.store_monitor import MonitoredStore, StoreMonitor
from adapters.fallback.suspicion import Suspicion
from dinerapp.replication.anti_entropy import AntiEntropy
from dinerapp.replication.bulk_loader import BulkLoader
from dinerapp.replication.conflicts import CONFLICTS, Conflict
from dinerapp.replication.errors import DinerError
from dinerapp.replication.follower_dispatcher import FollowerDispatcher
from dinerapp.replication.local_dispatch import LocalDispatchQueue
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.ports.connections import Connections
from dinerapp.replication.ports.database import Connection
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.served_by import StoreRole
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId
from dinerapp.runtime.databases import AuxConnection, Backend
from dinerapp.runtime.kind_row import KindRow
from dinerapp.runtime.replication_settings import ReplicationSettings
from dinerapp.runtime.supervisor import ConnectionPools, Service

P = TypeVar("P", bound=Repository[Any])

ENGINES = {StoreId.POSTGRESQL: "postgresql", StoreId.MONGODB: "mongodb"}


class UnusablePlacement(DinerError):
    """A placement names an unknown kind, or a store whose database is not configured."""

    def __init__(self, kind: str, store_ids: Sequence[StoreId], reason: str) -> None:
        super().__init__(f"{kind} cannot be placed in {', '.join(store_ids)}: {reason}")
        self.kind = kind
        self.store_ids = store_ids


class DuplicateKind(DinerError):
    """Two kinds have the same name, and would share a table."""


class ReplicatedStores:
    """The composites of a process, and the background services that work on their stores.

    The kinds must include conflicts, because merges file them.
    """

    def __init__(
        self,
        kinds: Sequence[KindRow],
        backends: Sequence[Backend],
        settings: ReplicationSettings,
        *,
        aux_connections: Sequence[AuxConnection] = (),
        observer: Observer | None = None,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        observer = observer or Observer()
        self._kinds = {row.name: row for row in kinds}
        if len(self._kinds) < len(kinds):
            names = sorted(row.name for row in kinds)
            raise DuplicateKind(f"two kinds have the same name: {', '.join(names)}")
        for kind in settings.placement.keys() - self._kinds.keys():
            raise UnusablePlacement(kind, settings.placement[kind], "there is no such kind")
        self._settings = settings
        self._aux_connections = aux_connections
        self._observer = observer
        self._is_busy = is_busy
        self._slow_calls = SlowCallPolicy(threshold_seconds=settings.slow_call)
        self._backends = {backend.database.store_id: backend for backend in backends}
        self._wake_events: dict[str, Event] = defaultdict(Event)
        """By connection name: ends the pause of the thread that monitors the connection."""
        self._monitored_stores = {
            store_id: MonitoredStore(backend.database, self._new_health(backend.database.name))
            for store_id, backend in self._backends.items()
        }
        self._suspicions = {
            store_id: self._new_suspicion(store_id) for store_id in self._monitored_stores
        }
        self._guarded_stores = {row.name: self._guard_stores(row) for row in kinds}
        self._replicator = Replicator(
            settings.policy, save_conflict=self._save_conflict, observer=observer
        )
        self._ack_batcher = AckBatcher(self._replicator)
        self._dispatch_queue = (
            LocalDispatchQueue() if settings.relay_in_workers else LocalDispatchQueue.disabled()
        )
        self.relay = Relay(list(self.pairs.values()), self._replicator, observer=observer)
        self.anti_entropy = AntiEntropy(self._replicator)

    @cached_property
    def repositories(self) -> Mapping[str, Any]:
        """The repository of each kind, over the stores that the kind is placed in."""
        context = ReplicationContext(self._replicator, self._ack_batcher, self._dispatch_queue)
        return {
            kind: compose(row.port, self._guarded_stores[kind], context)
            for kind, row in self._kinds.items()
        }

    def repository(self, port: type[P]) -> P:
        """The repository of the port."""
        repository: P = self.repositories[port.kind.name]
        return repository

    @cached_property
    def pairs(self) -> Mapping[str, StorePair[Any]]:
        """The two stores of each kind that has both."""
        return {
            kind: StorePair(guarded[0].store, guarded[1].store)
            for kind, guarded in self._guarded_stores.items()
            if len(guarded) == len(StoreRole)
        }

    @cached_property
    def bulk_loaders(self) -> Mapping[str, BulkLoader[Any]]:
        """The bulk loader of each kind that has a store."""
        return {
            kind: BulkLoader([guarded.store for guarded in guarded_stores], self._replicator)
            for kind, guarded_stores in self._guarded_stores.items()
            if guarded_stores
        }

    def follower_dispatcher(
        self, followers: Mapping[str, Sequence[Follower[Any]]]
    ) -> FollowerDispatcher:
        """The dispatcher that runs the followers of each kind."""
        stores = [
            guarded.store
            for guarded_stores in self._guarded_stores.values()
            for guarded in guarded_stores
        ]
        return FollowerDispatcher(
            stores, followers, dispatch_queue=self._dispatch_queue, observer=self._observer
        )

    def connections(self, dispatcher: FollowerDispatcher) -> Connections:
        """The states of all connections of this process."""
        stores = [
            NamedConnection(ENGINES[store_id], self._role(store_id), monitor)
            for store_id, monitor in self._store_monitors.items()
        ]
        aux_connections = [
            NamedConnection(aux.engine, aux.role, self._aux_monitors[aux.connection.name])
            for aux in self._aux_connections
        ]
        return MonitoredConnections(
            [*stores, *aux_connections],
            relay=self.relay,
            dispatcher=dispatcher,
            are_paired=bool(self.pairs),
        )

    def background(self, dispatcher: FollowerDispatcher) -> Sequence[Service]:
        """The background services in start order: connection pools, monitors, then the others."""
        monitors = list(self._store_monitors.values())
        services: list[Service] = [
            ConnectionPools(
                [monitor.connection for monitor in self._all_monitors],
                before_close=self._ack_batcher.flush,
            ),
            PeriodicThread("acknowledgements", AckLoop(self._ack_batcher).step),
            *(
                PeriodicThread(f"watch-{loop.monitor.connection.name}", loop.step, wake)
                for loop, wake in self._monitor_loops
            ),
        ]
        if self._settings.relay_in_workers and self.pairs:
            wake_second = Event()
            relay_loop = RelayLoop(
                self.relay, monitors, is_busy=self._is_busy, wake_second=wake_second.set
            )
            services += [
                PeriodicThread("relay", relay_loop.step),
                PeriodicThread("second-relay", relay_loop.second_step, wake_second),
            ]
        if self._settings.relay_in_workers and dispatcher.stores:
            wake = Event()
            follower_loop = FollowerLoop(dispatcher, monitors, wake=wake.set)
            services.append(PeriodicThread("followers", follower_loop.step, wake))
        return services

    def await_first_store(self) -> None:
        """Waits a limited time for a store to be up, so that the first requests find one."""
        await_first_store([loop for loop, _ in self._monitor_loops])

    def _save_conflict(self, conflict: Conflict) -> None:
        """Looked up late, because the composite of conflicts needs the replicator."""
        self.repositories[CONFLICTS.name].save(conflict)

    def _guard_stores(self, row: KindRow) -> list[GuardedStore[Any]]:
        """The guarded stores of a kind, primary first. There may be none if neither database of its
        default placement is configured."""
        placement = self._settings.placement.get(row.name, row.placement)
        store_ids = [store_id for store_id in placement if store_id in self._backends]
        if not store_ids and placement != row.placement:
            raise UnusablePlacement(row.name, placement, "no such database is configured")
        return [
            GuardedStore(
                self._backends[store_id].stores[row.name](self._backends[store_id].database),
                self._monitored_stores[store_id].health,
                role,
                self._settings.attempt_deadline,
                self._observer,
                self._suspicion_stored_in(store_id),
            )
            for store_id, role in zip(store_ids, StoreRole, strict=False)
        ]

    @cached_property
    def _store_monitors(self) -> Mapping[StoreId, StoreMonitor]:
        pairs = list(self.pairs.values())
        return {
            store_id: StoreMonitor(
                store,
                self._peer_of(store_id),
                suspicion=self._suspicions[store_id],
                relay=self.relay,
                anti_entropy=self.anti_entropy,
                pairs=pairs,
            )
            for store_id, store in self._monitored_stores.items()
        }

    @cached_property
    def _aux_monitors(self) -> Mapping[str, ConnectionMonitor]:
        return {
            aux.connection.name: self._new_aux_monitor(aux.connection)
            for aux in self._aux_connections
        }

    @property
    def _all_monitors(self) -> Sequence[ConnectionMonitor]:
        return [*self._store_monitors.values(), *self._aux_monitors.values()]

    @cached_property
    def _monitor_loops(self) -> Sequence[tuple[MonitorLoop, Event]]:
        return [
            (MonitorLoop(monitor, wake=wake.set), wake)
            for monitor in self._all_monitors
            for wake in [self._wake_events[monitor.connection.name]]
        ]

    def _new_aux_monitor(self, connection: Connection) -> ConnectionMonitor:
        return ConnectionMonitor(connection, self._new_health(connection.name))

    def _new_health(self, name: str) -> StoreHealth:
        return StoreHealth(
            name,
            slow_calls=self._slow_calls,
            observer=self._observer,
            on_lost=self._wake_events[name].set,
        )

    def _new_suspicion(self, store_id: StoreId) -> Suspicion | None:
        peer = self._peer_of(store_id)
        if peer is None:
            return None
        return Suspicion(store_id, peer.database, f"{socket.gethostname()}:{os.getpid()}")

    def _suspicion_stored_in(self, store_id: StoreId) -> Suspicion | None:
        return next(
            (suspicion for about, suspicion in self._suspicions.items() if about is not store_id),
            None,
        )

    def _peer_of(self, store_id: StoreId) -> MonitoredStore | None:
        stores = self._monitored_stores.items()
        return next((store for other_id, store in stores if other_id is not store_id), None)

    def _role(self, store_id: StoreId) -> str:
        kinds = [
            kind
            for kind, guarded_stores in self._guarded_stores.items()
            if guarded_stores and guarded_stores[0].store_id is store_id
        ]
        return "primary of " + ", ".join(sorted(kinds)) if kinds else "backup"
