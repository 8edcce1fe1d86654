"""What one process cannot use, the others look at without delay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.fallback.breaker import Breaker
from adapters.fallback.connections import Named, NamedConnections, Pace
from adapters.fallback.probe import Probe
from adapters.fallback.settler import Settler
from adapters.fallback.word import Word
from adapters.memory.database import MemoryDatabase
from dinerapp.replication.followers import Following
from dinerapp.replication.merge import Policy
from dinerapp.replication.ports.database import Ping
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Handover
from dinerapp.replication.signals import absence_heard, absence_reported, announce
from dinerapp.replication.version import Place
from tests.contracts.bus import until
from tests.makers import at

NEVER = 3600.0


class Looked(MemoryDatabase):
    """Counts how often it is asked whether it is there."""

    pings = 0

    def ping(self) -> Ping:
        self.pings += 1
        return super().ping()


@pytest.fixture
def database() -> Iterator[Looked]:
    database = Looked()
    named = Named("mongodb", "primary", Probe(database, Breaker("mongodb")))
    connections = NamedConnections(
        [named],
        relay=Relay([], Handover(Policy())),
        pairs=[],
        settler=Settler(Handover(Policy())),
        following=Following([], {}),
        at_work=False,
        pace=Pace(look=NEVER, start=0.0),
    )
    connections.initialize_all()
    until(lambda: database.pings)
    yield database
    connections.close_all()


def test_a_process_looks_as_soon_as_it_hears_of_a_loss(database: Looked) -> None:
    before = database.pings
    announce(absence_heard, None, place="mongodb")
    until(lambda: database.pings > before)


def test_a_word_is_called_out_when_it_is_given_and_not_each_time_it_is_needed() -> None:
    told: list[str] = []

    def tell(_sender: object, place: str) -> None:
        told.append(place)

    witness, moment = MemoryDatabase(Place.POSTGRESQL), [at()]
    witness.open()
    word = Word(Place.MONGODB, witness, "here", now=lambda: moment[0])
    with absence_reported.connected_to(tell):
        for _ in range(3):
            word.give()
        assert told == ["mongodb"]
        moment[0] += timedelta(seconds=4)
        word.give()
        assert told == ["mongodb", "mongodb"]
