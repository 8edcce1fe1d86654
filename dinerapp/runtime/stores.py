"""Builds the two stores of every kind by placement, and everything that keeps them equal."""

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
    """A kind was placed where it cannot be."""

    def __init__(self, kind: str, store_ids: Sequence[StoreId], reason: str) -> None:
        super().__init__(f"{kind} cannot be placed in {', '.join(store_ids)}: {reason}")
        self.kind = kind
        self.store_ids = store_ids


class DuplicateKind(DinerError):
    """Two kinds would be kept in one table."""


class ReplicatedStores:
    """The stores of a process as composites, and what works on them in the background.

    The kinds must include conflicts: what loses when two states meet is kept as one.
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
        """By the name of the connection: ends the pause of what monitors it."""
        self._monitored_stores = {
            place: MonitoredStore(backend.database, self._new_health(backend.database.name))
            for place, backend in self._backends.items()
        }
        self._suspicions = {place: self._new_suspicion(place) for place in self._monitored_stores}
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
        """Each port over the stores that its kind is placed in."""
        workings = ReplicationContext(self._replicator, self._ack_batcher, self._dispatch_queue)
        return {
            kind: compose(row.port, self._guarded_stores[kind], workings)
            for kind, row in self._kinds.items()
        }

    def repository(self, port: type[P]) -> P:
        """The repository of the port."""
        found: P = self.repositories[port.kind.name]
        return found

    @cached_property
    def pairs(self) -> Mapping[str, StorePair[Any]]:
        """The kinds that live in both stores."""
        return {
            kind: StorePair(sides[0].store, sides[1].store)
            for kind, sides in self._guarded_stores.items()
            if len(sides) == len(StoreRole)
        }

    @cached_property
    def bulk_loaders(self) -> Mapping[str, BulkLoader[Any]]:
        """What writes many records of a kind at once."""
        return {
            kind: BulkLoader([side.store for side in sides], self._replicator)
            for kind, sides in self._guarded_stores.items()
            if sides
        }

    def follower_dispatcher(
        self, followers: Mapping[str, Sequence[Follower[Any]]]
    ) -> FollowerDispatcher:
        """What shows records to their followers."""
        stores = [side.store for sides in self._guarded_stores.values() for side in sides]
        return FollowerDispatcher(
            stores, followers, dispatch_queue=self._dispatch_queue, observer=self._observer
        )

    def connections(self, dispatcher: FollowerDispatcher) -> Connections:
        """What is known of the connections."""
        watched = [
            NamedConnection(ENGINES[place], self._role(place), watch)
            for place, watch in self._store_monitors.items()
        ]
        probed = [
            NamedConnection(each.engine, each.role, self._aux_monitors[each.connection.name])
            for each in self._aux_connections
        ]
        return MonitoredConnections(
            [*watched, *probed],
            relay=self.relay,
            dispatcher=dispatcher,
            are_paired=bool(self.pairs),
        )

    def background(self, dispatcher: FollowerDispatcher) -> Sequence[Service]:
        """Pools first, then what watches the stores, then what works on them."""
        watches = list(self._store_monitors.values())
        services: list[Service] = [
            ConnectionPools(
                [probe.connection for probe in self._all_monitors],
                before_close=self._ack_batcher.flush,
            ),
            PeriodicThread("acknowledgements", AckLoop(self._ack_batcher).step),
            *(
                PeriodicThread(f"watch-{each.monitor.connection.name}", each.step, wake)
                for each, wake in self._monitor_loops
            ),
        ]
        if self._settings.relay_in_workers and self.pairs:
            second = Event()
            shipping = RelayLoop(self.relay, watches, is_busy=self._is_busy, wake_second=second.set)
            services += [
                PeriodicThread("relay", shipping.step),
                PeriodicThread("second-relay", shipping.second_step, second),
            ]
        if self._settings.relay_in_workers and dispatcher.stores:
            written = Event()
            following_up = FollowerLoop(dispatcher, watches, wake=written.set)
            services.append(PeriodicThread("followers", following_up.step, written))
        return services

    def await_first_store(self) -> None:
        """Lets the first requests find a store, without insisting on it."""
        await_first_store([monitor for monitor, _ in self._monitor_loops])

    def _save_conflict(self, conflict: Conflict) -> None:
        """Conflicts are replicated like everything else, by what files them."""
        self.repositories[CONFLICTS.name].save(conflict)

    def _guard_stores(self, row: KindRow) -> list[GuardedStore[Any]]:
        """Of a kind whose stores by default are not configured there is none: it has to wait."""
        wanted = self._settings.placement.get(row.name, row.placement)
        order = [place for place in wanted if place in self._backends]
        if not order and wanted != row.placement:
            raise UnusablePlacement(row.name, wanted, "no such database is configured")
        return [
            GuardedStore(
                self._backends[place].stores[row.name](self._backends[place].database),
                self._monitored_stores[place].health,
                role,
                self._settings.attempt_deadline,
                self._observer,
                self._suspicion_stored_in(place),
            )
            for place, role in zip(order, StoreRole, strict=False)
        ]

    @cached_property
    def _store_monitors(self) -> Mapping[StoreId, StoreMonitor]:
        pairs = list(self.pairs.values())
        return {
            place: StoreMonitor(
                member,
                self._peer_of(place),
                suspicion=self._suspicions[place],
                relay=self.relay,
                anti_entropy=self.anti_entropy,
                pairs=pairs,
            )
            for place, member in self._monitored_stores.items()
        }

    @cached_property
    def _aux_monitors(self) -> Mapping[str, ConnectionMonitor]:
        return {
            each.connection.name: self._new_aux_monitor(each.connection)
            for each in self._aux_connections
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
            (word for about, word in self._suspicions.items() if about is not store_id), None
        )

    def _peer_of(self, store_id: StoreId) -> MonitoredStore | None:
        return next((m for at, m in self._monitored_stores.items() if at is not store_id), None)

    def _role(self, store_id: StoreId) -> str:
        first = [
            kind
            for kind, sides in self._guarded_stores.items()
            if sides and sides[0].store_id is store_id
        ]
        return "primary of " + ", ".join(sorted(first)) if first else "backup"
