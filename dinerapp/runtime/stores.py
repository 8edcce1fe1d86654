"""Builds the two stores of every kind by placement, and everything that keeps them equal."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import Event
from typing import Any

from adapters.fallback.ack_batcher import AckBatcher
from adapters.fallback.background import (
    Acknowledging,
    FollowingUp,
    Monitoring,
    Shipping,
    await_first_store,
)
from adapters.fallback.composite import ReplicationContext, compose
from adapters.fallback.connection_monitor import ConnectionMonitor
from adapters.fallback.connections import NamedConnection, Supervisor
from adapters.fallback.guarded_store import GuardedStore
from adapters.fallback.store_health import SlowCallPolicy, StoreHealth
from adapters.fallback.store_monitor import MonitoredStore, StoreMonitor
from adapters.fallback.suspicion import Suspicion
from dinerapp.replication.anti_entropy import AntiEntropy
from dinerapp.replication.bulk_loader import BulkLoader
from dinerapp.replication.conflicts import CONFLICTS, Conflict
from dinerapp.replication.follower_dispatcher import FollowerDispatcher
from dinerapp.replication.local_dispatch import LocalDispatchQueue
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.ports.connections import Connections
from dinerapp.replication.ports.database import Connection
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.served_by import StoreRole
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId
from dinerapp.runtime.backends import AuxConnection, Backend
from dinerapp.runtime.registry import PLACEMENT, PORTS
from dinerapp.runtime.settings import BadSetting, Settings
from dinerapp.runtime.supervisor import ConnectionPools, Service

ENGINES = {StoreId.POSTGRESQL: "postgresql", StoreId.MONGODB: "mongodb"}


class Stores:
    """The stores of a process as composites, and what works on them in the background."""

    def __init__(
        self,
        settings: Settings,
        backends: Sequence[Backend],
        aux_connections: Sequence[AuxConnection],
        observer: Observer,
        is_busy: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._aux_connections = aux_connections
        self._observer = observer
        self._is_busy = is_busy
        self._slow = SlowCallPolicy(threshold_seconds=settings.slow_call)
        self._backends = {backend.database.store_id: backend for backend in backends}
        self._wakes = {place: Event() for place in self._backends}
        self._members = {
            place: MonitoredStore(
                backend.database, self._breaker(backend.database.name, self._wakes[place])
            )
            for place, backend in self._backends.items()
        }
        self._words = {place: self._word(place) for place in self._members}
        self._sides = {kind: self._sides_of(kind) for kind in PORTS}
        self._replicator = Replicator(
            settings.policy, save_conflict=self._save_conflict, observer=observer
        )
        self._settler = AckBatcher(self._replicator)
        self._fresh = (
            LocalDispatchQueue() if settings.relay_in_workers else LocalDispatchQueue.disabled()
        )
        self.relay = Relay(list(self.pairs.values()), self._replicator, observer=observer)
        self.consistency = AntiEntropy(self._replicator)

    @cached_property
    def repositories(self) -> Mapping[str, Any]:
        """Each port over the stores that its kind is placed in."""
        workings = ReplicationContext(self._replicator, self._settler, self._fresh)
        return {kind: compose(port, self._sides[kind], workings) for kind, port in PORTS.items()}

    @cached_property
    def pairs(self) -> Mapping[str, StorePair[Any]]:
        """The kinds that live in both stores."""
        return {
            kind: StorePair(sides[0].store, sides[1].store)
            for kind, sides in self._sides.items()
            if len(sides) == len(StoreRole)
        }

    @cached_property
    def bulk_loaders(self) -> Mapping[str, BulkLoader[Any]]:
        """What writes many records of a kind at once."""
        return {
            kind: BulkLoader([side.store for side in sides], self._replicator)
            for kind, sides in self._sides.items()
            if sides
        }

    def following(self, followers: Mapping[str, Sequence[Follower[Any]]]) -> FollowerDispatcher:
        """What shows records to their followers."""
        stores = [side.store for sides in self._sides.values() for side in sides]
        return FollowerDispatcher(
            stores, followers, dispatch_queue=self._fresh, observer=self._observer
        )

    def connections(self, following: FollowerDispatcher) -> Connections:
        """What is known of the connections."""
        watched = [
            NamedConnection(ENGINES[place], self._role(place), watch)
            for place, watch in self._watches.items()
        ]
        probed = [
            NamedConnection(each.engine, each.role, self._probes[each.connection.name])
            for each in self._aux_connections
        ]
        return Supervisor(
            [*watched, *probed],
            relay=self.relay,
            dispatcher=following,
            are_paired=bool(self.pairs),
        )

    def background(self, following: FollowerDispatcher) -> Sequence[Service]:
        """Pools first, then what watches the stores, then what works on them."""
        watches = list(self._watches.values())
        services: list[Service] = [
            ConnectionPools(
                [probe.connection for probe in self._all_probes], before_close=self._settler.flush
            ),
            PeriodicThread("acknowledgements", Acknowledging(self._settler).step),
            *(
                PeriodicThread(f"watch-{each.probe.connection.name}", each.step, wake)
                for each, wake in self._monitors
            ),
        ]
        if self._settings.relay_in_workers and self.pairs:
            second = Event()
            shipping = Shipping(self.relay, watches, is_busy=self._is_busy, wake_second=second.set)
            services += [
                PeriodicThread("relay", shipping.step),
                PeriodicThread("second-relay", shipping.second_step, second),
            ]
        if self._settings.relay_in_workers and following.stores:
            written = Event()
            following_up = FollowingUp(following, watches, wake=written.set)
            services.append(PeriodicThread("followers", following_up.step, written))
        return services

    def await_first_store(self) -> None:
        """Lets the first requests find a store, without insisting on it."""
        await_first_store([monitor for monitor, _ in self._monitors])

    def _save_conflict(self, conflict: Conflict) -> None:
        """Conflicts are replicated like everything else, by what files them."""
        self.repositories[CONFLICTS.name].save(conflict)

    def _sides_of(self, kind: str) -> list[GuardedStore[Any]]:
        """Of a kind whose stores by default are not configured there is none: it has to wait."""
        wanted = self._settings.placement[kind]
        order = [place for place in wanted if place in self._backends]
        if not order and wanted != PLACEMENT[kind]:
            accepted = "stores whose database is configured"
            raise BadSetting("PLACEMENT", f"{kind}={wanted[0]}", accepted)
        return [
            GuardedStore(
                self._backends[place].stores[kind](self._backends[place].database),
                self._members[place].health,
                role,
                self._settings.attempt_deadline,
                self._observer,
                self._word_kept_at(place),
            )
            for place, role in zip(order, StoreRole, strict=False)
        ]

    @cached_property
    def _watches(self) -> Mapping[StoreId, StoreMonitor]:
        pairs = list(self.pairs.values())
        return {
            place: StoreMonitor(
                member,
                self._other(place),
                suspicion=self._words[place],
                relay=self.relay,
                anti_entropy=self.consistency,
                pairs=pairs,
            )
            for place, member in self._members.items()
        }

    @cached_property
    def _probes(self) -> Mapping[str, ConnectionMonitor]:
        return {
            each.connection.name: self._probe(each.connection) for each in self._aux_connections
        }

    @property
    def _all_probes(self) -> Sequence[ConnectionMonitor]:
        return [*self._watches.values(), *self._probes.values()]

    @cached_property
    def _monitors(self) -> Sequence[tuple[Monitoring, Event]]:
        wakes = [*self._wakes.values(), *(Event() for _ in self._probes)]
        return [
            (Monitoring(probe, wake=wake.set), wake)
            for probe, wake in zip(self._all_probes, wakes, strict=True)
        ]

    def _probe(self, connection: Connection) -> ConnectionMonitor:
        return ConnectionMonitor(connection, self._breaker(connection.name, Event()))

    def _breaker(self, name: str, wake: Event) -> StoreHealth:
        return StoreHealth(name, slow_calls=self._slow, observer=self._observer, on_lost=wake.set)

    def _word(self, about: StoreId) -> Suspicion | None:
        witness = self._other(about)
        if witness is None:
            return None
        return Suspicion(about, witness.database, f"{socket.gethostname()}:{os.getpid()}")

    def _word_kept_at(self, place: StoreId) -> Suspicion | None:
        return next((word for about, word in self._words.items() if about is not place), None)

    def _other(self, place: StoreId) -> MonitoredStore | None:
        return next((m for at, m in self._members.items() if at is not place), None)

    def _role(self, place: StoreId) -> str:
        first = [
            kind for kind, sides in self._sides.items() if sides and sides[0].store_id is place
        ]
        return "primary of " + ", ".join(sorted(first)) if first else "backup"
