"""One process of the diner: its memory is lost when it is killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from adapters.fallback.ack_batcher import AckBatcher
from adapters.fallback.composite import ReplicationContext, compose
from adapters.fallback.connection_monitor import MonitorTimeouts
from adapters.fallback.guarded_store import GuardedStore
from adapters.fallback.store_health import StoreHealth
from adapters.fallback.store_monitor import MonitoredStore, StoreMonitor
from adapters.fallback.suspicion import Suspicion
from dinerapp.ordering.ports.menu import MenuItems
from dinerapp.ordering.ports.orders import Orders
from dinerapp.replication.anti_entropy import AntiEntropy
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.errors import DinerError, StoreUnavailable
from dinerapp.replication.follower_dispatcher import FollowerDispatcher
from dinerapp.replication.local_dispatch import LocalDispatchQueue
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.outbox_consumer import ConsumerSettings
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.record import Record
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.served_by import StoreRole
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId
from tests.contracts.counted import Bookings
from tests.simulation.network import Network
from tests.simulation.oracle import Oracle
from tests.simulation.reference import ReferenceDatabase, ReferenceStore
from tests.simulation.scheduler import Actor
from tests.simulation.stores import (
    PoisonedStore,
    RequestContext,
    ServerLink,
    SimulatedDatabase,
    SimulatedStore,
)

PLACES = (StoreId.POSTGRESQL, StoreId.MONGODB)
PLACEMENT: Mapping[type[Any], tuple[StoreId, ...]] = {
    Orders: PLACES,
    MenuItems: PLACES[::-1],
    Conflicts: PLACES,
    Bookings: PLACES[::-1],
}
SUSPICION_LEASE = timedelta(seconds=2)
GRACE = timedelta(seconds=1)
PROBE_TIMEOUTS = MonitorTimeouts(ping_seconds=0.5, drain_seconds=0.5)


@dataclass(frozen=True)
class SimulatedServers:
    """The two databases and what they hold; they outlive every process."""

    databases: Mapping[StoreId, ReferenceDatabase]
    stores: Mapping[tuple[StoreId, str], ReferenceStore[Any]]

    @classmethod
    def empty(cls) -> SimulatedServers:
        databases = {place: ReferenceDatabase(place) for place in PLACES}
        stores = {
            (place, port.kind.name): ReferenceStore(databases[place], port.kind)
            for place in PLACES
            for port in PLACEMENT
        }
        return cls(databases, stores)

    def at(self, store_id: StoreId) -> list[ReferenceStore[Any]]:
        """All stores of one place."""
        return [store for (where, _), store in self.stores.items() if where is store_id]


@dataclass(frozen=True)
class WorkIntervals:
    """How a process goes about its background work."""

    consumer_settings: ConsumerSettings
    policy: MergePolicy
    check: float = 0.4
    relay: float = 0.4
    follow: float = 0.6
    acknowledge: float = 0.2


@dataclass(frozen=True)
class Environment:
    """What all processes share."""

    servers: SimulatedServers
    network: Network
    oracle: Oracle
    poison: PoisonedStore


class OracleFollower:
    """A follower: tells the oracle what it is shown, if whatever it writes to can be reached."""

    def __init__(self, around: Environment) -> None:
        self._around = around

    def follow(self, records: Sequence[Record]) -> None:
        network = self._around.network
        network.scheduler.pause()
        if network.rng.random() < network.fault_rates.refused:
            raise StoreUnavailable("elsewhere", "connection refused")
        for record in records:
            self._around.oracle.is_newer_than(record)
        network.scheduler.pause()


class SimulatedProcess:
    """Composites, monitors, a relay, followers and an ack batcher, as `dinerapp.runtime.wiring`
    wires them."""

    def __init__(self, name: str, around: Environment, habits: WorkIntervals) -> None:
        self.name = name
        self._around = around
        self._habits = habits
        clock = around.network.scheduler.clock
        self._clock = clock
        self._monitor_actors: dict[StoreId, Actor | None] = {}
        self.store_healths = {
            place: StoreHealth(
                place.value, on_lost=partial(self._wake_monitor, place), now=clock.now
            )
            for place in PLACES
        }
        self._lines = {place: self._line(place) for place in PLACES}
        self._monitored_stores = {
            place: MonitoredStore(
                SimulatedDatabase(self._lines[place], around.servers.databases[place]),
                self.store_healths[place],
            )
            for place in PLACES
        }
        self._suspicions = {place: self._new_suspicion(place) for place in PLACES}
        replicator = Replicator(habits.policy, save_conflict=self._save_conflict, now=clock.now)
        self.ack_batcher = AckBatcher(replicator)
        fresh = LocalDispatchQueue(grace=GRACE)
        context = ReplicationContext(replicator, self.ack_batcher, fresh, GRACE, now=clock.now)
        guarded_stores = {port: self._guarded_stores(port) for port in PLACEMENT}
        composed = {port: compose(port, guarded_stores[port], context) for port in PLACEMENT}
        self.repositories: dict[str, Any] = {p.kind.name: composed[p] for p in PLACEMENT}
        pairs = [StorePair(one.store, other.store) for one, other in guarded_stores.values()]
        self.follower_dispatcher = FollowerDispatcher(
            [side.store for each in guarded_stores.values() for side in each],
            {"orders": [OracleFollower(around)]},
            settings=habits.consumer_settings,
            dispatch_queue=fresh,
            now=clock.now,
        )
        self.relay = Relay(pairs, replicator, settings=habits.consumer_settings, now=clock.now)
        self.monitors = {
            place: self._new_monitor(place, AntiEntropy(replicator), pairs) for place in PLACES
        }

    def loops(self) -> list[tuple[str, Callable[[], None]]]:
        """The background work, each to be run by an actor of its own."""
        found: list[tuple[str, Callable[[], None]]] = [
            (f"{self.name} monitor {place[0]}", partial(self._check_once, place))
            for place in PLACES
        ]
        found.append((f"{self.name} ack batcher", self._flush_acknowledgements))
        found.append((f"{self.name} relay", self._ship))
        found.append((f"{self.name} followers", self._consume_batch))
        return found

    def has_recovered(self) -> bool:
        """Whether it thinks that all is well."""
        return all(health.is_up for health in self.store_healths.values())

    def _line(self, store_id: StoreId) -> ServerLink:
        around, health = self._around, self.store_healths[store_id]
        return ServerLink(
            around.network, around.oracle, around.poison, self.name, store_id, lambda: health.is_up
        )

    def _guarded_stores(self, port: Any) -> list[GuardedStore[Any]]:
        stores = self._around.servers.stores
        return [
            GuardedStore(
                SimulatedStore(self._lines[place], stores[place, port.kind.name]),
                self.store_healths[place],
                role,
                peer_suspicion=self._suspicions[_peer_of(place)],
            )
            for place, role in zip(PLACEMENT[port], StoreRole, strict=True)
        ]

    def _new_monitor(
        self, store_id: StoreId, consistency: AntiEntropy, pairs: list[StorePair[Any]]
    ) -> StoreMonitor:
        return StoreMonitor(
            self._monitored_stores[store_id],
            self._monitored_stores[_peer_of(store_id)],
            suspicion=self._suspicions[store_id],
            relay=self.relay,
            anti_entropy=consistency,
            pairs=pairs,
            timeouts=PROBE_TIMEOUTS,
            now=self._clock.now,
        )

    def _new_suspicion(self, store_id: StoreId) -> Suspicion:
        peer = self._monitored_stores[_peer_of(store_id)].database
        return Suspicion(
            store_id, peer, self.name, lease_duration=SUSPICION_LEASE, now=self._clock.now
        )

    def _check_once(self, store_id: StoreId) -> None:
        scheduler = self._around.network.scheduler
        actor = scheduler.current
        health = self.store_healths[store_id]
        self._monitor_actors[store_id] = actor
        while True:
            request = self._request(actor)
            before, could = health.state, self._sees(_peer_of(store_id))
            self.monitors[store_id].check()
            if health.state is not before:
                self._around.network.history.note("%s is %s", store_id, health.state)
            if _peer_of(store_id) not in request.missed and could == self._sees(_peer_of(store_id)):
                self._around.oracle.record_check(self.name, store_id, request.began)
            scheduler.sleep(self._habits.check)

    def _wake_monitor(self, store_id: StoreId) -> None:
        """The monitor of a store does not wait any longer."""
        actor = self._monitor_actors.get(store_id)
        if actor is not None:
            actor.wake = 0.0

    def _save_conflict(self, conflict: Conflict) -> None:
        self.repositories["conflicts"].save(conflict)

    def _sees(self, store_id: StoreId) -> object:
        """The same at two moments only if the store could be asked from the one to the other."""
        if not self._around.network.reaches((self.name, store_id)):
            return object()
        health = self.store_healths[store_id]
        return health.since if health.is_reachable else object()

    def _flush_acknowledgements(self) -> None:
        while True:
            self._around.network.scheduler.sleep(self._habits.acknowledge)
            self.ack_batcher.flush()

    def _ship(self) -> None:
        scheduler = self._around.network.scheduler
        while True:
            self._request(scheduler.current)
            if not sum(self._done(self.relay.ship_to, place) for place in PLACES):
                scheduler.sleep(self._habits.relay)

    def _consume_batch(self) -> None:
        scheduler = self._around.network.scheduler
        while True:
            self._request(scheduler.current)
            followed = self._followed_here()
            if not followed + sum(
                self._done(self.follower_dispatcher.dispatch_from, place) for place in PLACES
            ):
                scheduler.sleep(self._habits.follow)

    def _followed_here(self) -> int:
        try:
            return self.follower_dispatcher.dispatch_local()
        except DinerError:
            return 0

    def _done(self, work: Callable[[StoreId], int], store_id: StoreId) -> int:
        if not self.store_healths[store_id].is_reachable:
            return 0
        try:
            return work(store_id)
        except DinerError:
            return 0

    def _request(self, actor: Actor | None) -> RequestContext:
        request = RequestContext(self._clock.seconds)
        if actor is not None:
            actor.context = request
        return request


def _peer_of(store_id: StoreId) -> StoreId:
    return PLACES[1 - PLACES.index(store_id)]
