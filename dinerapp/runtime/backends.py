"""The servers that the settings name: the stores' databases, other connections, and the bus."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.bus.mongo import MongoTransport
from adapters.bus.multi_transport import MultiTransportBus
from adapters.bus.postgres import PostgresTransport
from adapters.bus.redis import RedisTransport
from adapters.bus.transport import Transport
from adapters.cache.redis import RedisConnection
from adapters.mongo.database import MongoDatabase
from adapters.postgres.database import PostgresDatabase
from dinerapp.live.bus import Bus
from dinerapp.replication.errors import DinerError
from dinerapp.replication.ports.database import Connection, Database
from dinerapp.runtime.registry import MONGO_STORES, POSTGRES_STORES, StoreFactories
from dinerapp.runtime.settings import Settings


class NoDatabase(DinerError):
    """A database that is needed is not configured."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A database, and the factories of its stores for each kind."""

    database: Database
    stores: StoreFactories


@dataclass(frozen=True, slots=True)
class AuxConnection:
    """A named connection to a server that holds no records."""

    engine: str
    role: str
    connection: Connection


def backends_of(settings: Settings) -> list[Backend]:
    """The databases that the settings name."""
    found = []
    if settings.database_url:
        found.append(_postgres(settings, settings.database_url))
    if settings.mongodb_uri:
        found.append(_mongo(settings, settings.mongodb_uri))
    if not found:
        raise NoDatabase(
            "neither DATABASE_URL nor MONGODB_URI is set; set one or both, "
            "or start with `python -m dinerapp up`, which runs databases of its own"
        )
    return found


def aux_connections_of(settings: Settings) -> list[AuxConnection]:
    """The connections besides the two stores: the second MongoDB database, and Redis if set."""
    found = []
    uri = settings.database1_uri or settings.mongodb_uri
    if uri:
        found.append(_second_mongo(settings, uri))
    if settings.redis_url:
        found.append(AuxConnection("redis", "cache", RedisConnection(settings.redis_url)))
    return found


def bus_of(settings: Settings) -> Bus:
    """Over every way in which processes can reach one another, best first."""
    found: list[Transport] = []
    if settings.redis_url:
        found.append(RedisTransport(settings.redis_url))
    if settings.database_url:
        found.append(PostgresTransport(settings.database_url))
    if settings.mongodb_uri:
        found.append(MongoTransport(settings.mongodb_uri))
    return MultiTransportBus(found)


def _postgres(settings: Settings, url: str) -> Backend:
    database = PostgresDatabase(
        url, pool_min=settings.postgres_pool_min, pool_max=settings.postgres_pool_max
    )
    return Backend(database, POSTGRES_STORES)


def _mongo(settings: Settings, uri: str) -> Backend:
    database = MongoDatabase(
        uri, pool_min=settings.mongodb_pool_min, pool_max=settings.mongodb_pool_max
    )
    return Backend(database, MONGO_STORES)


def _second_mongo(settings: Settings, uri: str) -> AuxConnection:
    connection = MongoDatabase(
        uri,
        name="analytics",
        database=None if settings.database1_uri else "diner_analytics",
        pool_min=settings.database1_pool_min,
        pool_max=settings.database1_pool_max,
    )
    return AuxConnection("mongodb", "analytics", connection)
