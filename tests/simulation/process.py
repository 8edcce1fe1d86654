"""One process of the diner: its memory is lost when it is killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from adapters.fallback.breaker import Breaker
from adapters.fallback.composite import Workings, compose
from adapters.fallback.probe import Manners
from adapters.fallback.settler import Settler
from adapters.fallback.side import Side
from adapters.fallback.watch import Member, Watch
from adapters.fallback.word import Word
from dinerapp.ordering.ports.menu import MenuItems
from dinerapp.ordering.ports.orders import Orders
from dinerapp.replication.anti_entropy import Consistency
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.errors import DinerError, StoreUnavailable
from dinerapp.replication.followers import Following
from dinerapp.replication.local_dispatch import Fresh
from dinerapp.replication.merge import Policy
from dinerapp.replication.outbox_consumer import Terms
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.record import Record
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Handover
from dinerapp.replication.served_by import Role
from dinerapp.replication.store_pair import Pair
from dinerapp.replication.version import Place
from tests.simulation.network import Network
from tests.simulation.oracle import Oracle
from tests.simulation.reference import ReferenceDatabase, ReferenceStore
from tests.simulation.scheduler import Actor
from tests.simulation.stores import Line, Poison, Request, SimulatedDatabase, SimulatedStore

PLACES = (Place.POSTGRESQL, Place.MONGODB)
PLACEMENT = {
    Orders: PLACES,
    MenuItems: PLACES[::-1],
    Conflicts: PLACES,
}
WORD_HOLDS = timedelta(seconds=2)
GRACE = timedelta(seconds=1)
MANNERS = Manners(ping=0.5, drain_for=0.5)


@dataclass(frozen=True)
class Servers:
    """The two databases and what they hold; they outlive every process."""

    databases: Mapping[Place, ReferenceDatabase]
    stores: Mapping[tuple[Place, str], ReferenceStore[Any]]

    @classmethod
    def empty(cls) -> Servers:
        databases = {place: ReferenceDatabase(place) for place in PLACES}
        stores = {
            (place, port.kind.name): ReferenceStore(databases[place], port.kind)
            for place in PLACES
            for port in PLACEMENT
        }
        return cls(databases, stores)

    def at(self, place: Place) -> list[ReferenceStore[Any]]:
        """All stores of one place."""
        return [store for (where, _), store in self.stores.items() if where is place]


@dataclass(frozen=True)
class Habits:
    """How a process goes about its background work."""

    terms: Terms
    policy: Policy
    look: float = 0.4
    relay: float = 0.4
    follow: float = 0.6
    settle: float = 0.2


@dataclass(frozen=True)
class Surroundings:
    """What all processes share."""

    servers: Servers
    network: Network
    oracle: Oracle
    poison: Poison


class Watcher:
    """A follower: tells the oracle what it is shown, if whatever it writes to can be reached."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def follow(self, records: Sequence[Record]) -> None:
        network = self._around.network
        network.scheduler.pause()
        if network.rng.random() < network.weather.refused:
            raise StoreUnavailable("elsewhere", "connection refused")
        for record in records:
            self._around.oracle.follows(record)
        network.scheduler.pause()


class Process:
    """Composites, watches, a relay, followers and a settler, as `dinerapp.runtime.wiring` wires
    them."""

    def __init__(self, name: str, around: Surroundings, habits: Habits) -> None:
        self.name = name
        self._around = around
        self._habits = habits
        clock = around.network.scheduler.clock
        self._clock = clock
        self._watchers: dict[Place, Actor | None] = {}
        self.breakers = {
            place: Breaker(place.value, on_lost=partial(self._wake_watcher, place), now=clock.now)
            for place in PLACES
        }
        self._lines = {place: self._line(place) for place in PLACES}
        self._members = {
            place: Member(
                SimulatedDatabase(self._lines[place], around.servers.databases[place]),
                self.breakers[place],
            )
            for place in PLACES
        }
        self._words = {place: self._word(place) for place in PLACES}
        handover = Handover(habits.policy, save_conflict=self._save_conflict, now=clock.now)
        self.settler = Settler(handover)
        fresh = Fresh(grace=GRACE)
        workings = Workings(handover, self.settler, fresh, GRACE, now=clock.now)
        sides = {port: self._sides(port) for port in PLACEMENT}
        composed = {port: compose(port, sides[port], workings) for port in PLACEMENT}
        self.repositories: dict[str, Any] = {p.kind.name: composed[p] for p in PLACEMENT}
        pairs = [Pair(one.store, other.store) for one, other in sides.values()]
        self.following = Following(
            [side.store for each in sides.values() for side in each],
            {"orders": [Watcher(around)]},
            terms=habits.terms,
            fresh=fresh,
            now=clock.now,
        )
        self.relay = Relay(pairs, handover, terms=habits.terms, now=clock.now)
        self.watches = {place: self._watch(place, Consistency(handover), pairs) for place in PLACES}

    def loops(self) -> list[tuple[str, Callable[[], None]]]:
        """The background work, each to be run by an actor of its own."""
        found: list[tuple[str, Callable[[], None]]] = [
            (f"{self.name} watch {place[0]}", lambda place=place: self._look(place))
            for place in PLACES
        ]
        found.append((f"{self.name} settler", self._settle))
        found.append((f"{self.name} relay", self._ship))
        found.append((f"{self.name} followers", self._follow))
        return found

    def has_recovered(self) -> bool:
        """Whether it thinks that all is well."""
        return all(breaker.is_up for breaker in self.breakers.values())

    def _line(self, place: Place) -> Line:
        around, breaker = self._around, self.breakers[place]
        return Line(
            around.network, around.oracle, around.poison, self.name, place, lambda: breaker.is_up
        )

    def _sides(self, port: Any) -> list[Side[Any]]:
        stores = self._around.servers.stores
        return [
            Side(
                SimulatedStore(self._lines[place], stores[place, port.kind.name]),
                self.breakers[place],
                role,
                word=self._words[_beside(place)],
            )
            for place, role in zip(PLACEMENT[port], Role, strict=True)
        ]

    def _watch(self, place: Place, consistency: Consistency, pairs: list[Pair[Any]]) -> Watch:
        return Watch(
            self._members[place],
            self._members[_beside(place)],
            word=self._words[place],
            relay=self.relay,
            consistency=consistency,
            pairs=pairs,
            manners=MANNERS,
            now=self._clock.now,
        )

    def _word(self, about: Place) -> Word:
        witness = self._members[_beside(about)].database
        return Word(about, witness, self.name, holds=WORD_HOLDS, now=self._clock.now)

    def _look(self, place: Place) -> None:
        scheduler = self._around.network.scheduler
        actor = scheduler.current
        breaker = self.breakers[place]
        self._watchers[place] = actor
        while True:
            request = self._request(actor)
            before, could = breaker.state, self._sees(_beside(place))
            self.watches[place].look()
            if breaker.state is not before:
                self._around.network.history.note("%s is %s", place, breaker.state)
            if _beside(place) not in request.missed and could == self._sees(_beside(place)):
                self._around.oracle.looked(self.name, place, request.began)
            scheduler.sleep(self._habits.look)

    def _wake_watcher(self, place: Place) -> None:
        """The watch of a store does not wait any longer."""
        actor = self._watchers.get(place)
        if actor is not None:
            actor.wake = 0.0

    def _save_conflict(self, conflict: Conflict) -> None:
        self.repositories["conflicts"].save(conflict)

    def _sees(self, place: Place) -> object:
        """The same at two moments only if the store could be asked from the one to the other."""
        if not self._around.network.reaches((self.name, place)):
            return object()
        breaker = self.breakers[place]
        return breaker.since if breaker.is_reachable else object()

    def _settle(self) -> None:
        while True:
            self._around.network.scheduler.sleep(self._habits.settle)
            self.settler.flush()

    def _ship(self) -> None:
        scheduler = self._around.network.scheduler
        while True:
            self._request(scheduler.current)
            if not sum(self._done(self.relay.ship_to, place) for place in PLACES):
                scheduler.sleep(self._habits.relay)

    def _follow(self) -> None:
        scheduler = self._around.network.scheduler
        while True:
            self._request(scheduler.current)
            followed = self._followed_here()
            if not followed + sum(self._done(self.following.follow_at, place) for place in PLACES):
                scheduler.sleep(self._habits.follow)

    def _followed_here(self) -> int:
        try:
            return self.following.follow_here()
        except DinerError:
            return 0

    def _done(self, work: Callable[[Place], int], place: Place) -> int:
        if not self.breakers[place].is_reachable:
            return 0
        try:
            return work(place)
        except DinerError:
            return 0

    def _request(self, actor: Actor | None) -> Request:
        request = Request(self._clock.seconds)
        if actor is not None:
            actor.context = request
        return request


def _beside(place: Place) -> Place:
    return PLACES[1 - PLACES.index(place)]
