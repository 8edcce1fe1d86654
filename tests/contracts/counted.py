"""Kinds that only tests have: one holds and limits the same thing, one has a default limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.mongo.conflicts import MongoConflicts
from adapters.mongo.document_store import document_store as mongo_documents
from adapters.postgres.conflicts import PostgresConflicts
from adapters.postgres.documents import document_store as postgres_documents
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.documents import Documents
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.record import Record
from tests.factories import at


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(Record):
    """So many towels, and how many of them are out."""

    key: str
    size: int | None
    taken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking(Record):
    """Of several things, so much of each."""

    keys: tuple[str, ...]
    quantity: int = 1
    name: str = ""


def _taken(pool: Pool) -> Mapping[str, int]:
    return {pool.key: 0 if pool.deleted else pool.taken}


def _sizes(pool: Pool) -> Mapping[str, int | None]:
    return {pool.key: None if pool.deleted else pool.size}


def _booked(booking: Booking) -> Mapping[str, int]:
    return {} if booking.deleted else dict.fromkeys(booking.keys, booking.quantity)


class Pools(Documents[Pool]):
    """Hold and limit the same counter."""

    kind = Kind("pools", Pool, reservations=_taken, limits=_sizes)


class Bookings(Documents[Booking]):
    """Nothing is booked twice."""

    kind = Kind("bookings", Booking, reservations=_booked, default_limit=1)


class Pairs(Documents[Booking]):
    """Two of each thing are there."""

    kind = Kind("pairs", Booking, reservations=_booked, default_limit=2)


COUNTED: Mapping[str, type[Documents[Any]]] = {
    port.kind.name: port for port in (Pools, Bookings, Pairs)
}
PORTS: Mapping[str, type[Repository[Any]]] = {**COUNTED, "conflicts": Conflicts}
MONGO_STORES: Mapping[str, Callable[[Any], Any]] = {
    **{name: mongo_documents(port) for name, port in COUNTED.items()},
    "conflicts": MongoConflicts,
}
POSTGRES_STORES: Mapping[str, Callable[[Any], Any]] = {
    **{name: postgres_documents(port) for name, port in COUNTED.items()},
    "conflicts": PostgresConflicts,
}


def pool(**fields: Any) -> Pool:
    """A pool of any size, with nothing taken."""
    return Pool(**{**_envelope(), "key": f"towels:{new_id()}", "size": None, **fields})


def booking(*keys: str, **fields: Any) -> Booking:
    """A booking of these things."""
    return Booking(**{**_envelope(), "keys": keys, **fields})


def _envelope() -> dict[str, Any]:
    return {"id": new_id(), "op_id": new_op_id(), "created_at": at(), "updated_at": at()}
