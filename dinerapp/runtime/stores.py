"""Builds the two stores of every kind by placement, and everything that keeps them equal."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import Event
from typing import Any

from adapters.fallback.background import (
    Acknowledging,
    FollowingUp,
    Monitoring,
    Shipping,
    await_first_store,
)
from adapters.fallback.breaker import Breaker, SlowCalls
from adapters.fallback.composite import Workings, compose
from adapters.fallback.connections import NamedConnection, NamedConnections
from adapters.fallback.probe import Probe
from adapters.fallback.settler import Settler
from adapters.fallback.side import Side
from adapters.fallback.watch import Member, Watch
from adapters.fallback.word import Word
from dinerapp.replication.anti_entropy import Consistency
from dinerapp.replication.bulk_loader import Bulk
from dinerapp.replication.conflicts import CONFLICTS, Conflict
from dinerapp.replication.followers import Following
from dinerapp.replication.local_dispatch import Fresh
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.ports.connections import Connections
from dinerapp.replication.ports.database import Connection
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Handover
from dinerapp.replication.served_by import Role
from dinerapp.replication.store_pair import Pair
from dinerapp.replication.version import Place
from dinerapp.runtime.backends import AuxConnection, Backend
from dinerapp.runtime.registry import PLACEMENT, PORTS
from dinerapp.runtime.settings import BadSetting, Settings
from dinerapp.runtime.supervisor import ConnectionPools, Service

ENGINES = {Place.POSTGRESQL: "postgresql", Place.MONGODB: "mongodb"}


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
        self._slow = SlowCalls(after=settings.slow_call)
        self._backends = {backend.database.place: backend for backend in backends}
        self._wakes = {place: Event() for place in self._backends}
        self._members = {
            place: Member(
                backend.database, self._breaker(backend.database.name, self._wakes[place])
            )
            for place, backend in self._backends.items()
        }
        self._words = {place: self._word(place) for place in self._members}
        self._sides = {kind: self._sides_of(kind) for kind in PORTS}
        self._replicator = Handover(
            settings.policy, save_conflict=self._save_conflict, observer=observer
        )
        self._settler = Settler(self._replicator)
        self._fresh = Fresh() if settings.relay_in_workers else Fresh.of_nobody()
        self.relay = Relay(list(self.pairs.values()), self._replicator, observer=observer)
        self.consistency = Consistency(self._replicator)

    @cached_property
    def repositories(self) -> Mapping[str, Any]:
        """Each port over the stores that its kind is placed in."""
        workings = Workings(self._replicator, self._settler, self._fresh)
        return {kind: compose(port, self._sides[kind], workings) for kind, port in PORTS.items()}

    @cached_property
    def pairs(self) -> Mapping[str, Pair[Any]]:
        """The kinds that live in both stores."""
        return {
            kind: Pair(sides[0].store, sides[1].store)
            for kind, sides in self._sides.items()
            if len(sides) == len(Role)
        }

    @cached_property
    def bulk_loaders(self) -> Mapping[str, Bulk[Any]]:
        """What writes many records of a kind at once."""
        return {
            kind: Bulk([side.store for side in sides], self._replicator)
            for kind, sides in self._sides.items()
            if sides
        }

    def following(self, followers: Mapping[str, Sequence[Follower[Any]]]) -> Following:
        """What shows records to their followers."""
        stores = [side.store for sides in self._sides.values() for side in sides]
        return Following(stores, followers, fresh=self._fresh, observer=self._observer)

    def connections(self, following: Following) -> Connections:
        """What is known of the connections."""
        watched = [
            NamedConnection(ENGINES[place], self._role(place), watch)
            for place, watch in self._watches.items()
        ]
        probed = [
            NamedConnection(each.engine, each.role, self._probes[each.connection.name])
            for each in self._aux_connections
        ]
        return NamedConnections(
            [*watched, *probed],
            relay=self.relay,
            following=following,
            are_paired=bool(self.pairs),
        )

    def background(self, following: Following) -> Sequence[Service]:
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

    def _sides_of(self, kind: str) -> list[Side[Any]]:
        """Of a kind whose stores by default are not configured there is none: it has to wait."""
        wanted = self._settings.placement[kind]
        order = [place for place in wanted if place in self._backends]
        if not order and wanted != PLACEMENT[kind]:
            accepted = "stores whose database is configured"
            raise BadSetting("PLACEMENT", f"{kind}={wanted[0]}", accepted)
        return [
            Side(
                self._backends[place].stores[kind](self._backends[place].database),
                self._members[place].breaker,
                role,
                self._settings.attempt_deadline,
                self._observer,
                self._word_kept_at(place),
            )
            for place, role in zip(order, Role, strict=False)
        ]

    @cached_property
    def _watches(self) -> Mapping[Place, Watch]:
        pairs = list(self.pairs.values())
        return {
            place: Watch(
                member,
                self._other(place),
                word=self._words[place],
                relay=self.relay,
                consistency=self.consistency,
                pairs=pairs,
            )
            for place, member in self._members.items()
        }

    @cached_property
    def _probes(self) -> Mapping[str, Probe]:
        return {
            each.connection.name: self._probe(each.connection) for each in self._aux_connections
        }

    @property
    def _all_probes(self) -> Sequence[Probe]:
        return [*self._watches.values(), *self._probes.values()]

    @cached_property
    def _monitors(self) -> Sequence[tuple[Monitoring, Event]]:
        wakes = [*self._wakes.values(), *(Event() for _ in self._probes)]
        return [
            (Monitoring(probe, wake=wake.set), wake)
            for probe, wake in zip(self._all_probes, wakes, strict=True)
        ]

    def _probe(self, connection: Connection) -> Probe:
        return Probe(connection, self._breaker(connection.name, Event()))

    def _breaker(self, name: str, wake: Event) -> Breaker:
        return Breaker(name, slow=self._slow, observer=self._observer, on_lost=wake.set)

    def _word(self, about: Place) -> Word | None:
        witness = self._other(about)
        if witness is None:
            return None
        return Word(about, witness.database, f"{socket.gethostname()}:{os.getpid()}")

    def _word_kept_at(self, place: Place) -> Word | None:
        return next((word for about, word in self._words.items() if about is not place), None)

    def _other(self, place: Place) -> Member | None:
        return next((m for at, m in self._members.items() if at is not place), None)

    def _role(self, place: Place) -> str:
        first = [kind for kind, sides in self._sides.items() if sides and sides[0].place is place]
        return "primary of " + ", ".join(sorted(first)) if first else "backup"
