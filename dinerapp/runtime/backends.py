"""The servers that the settings name: the stores' databases, other connections, and the bus."""

from __future__ import annotations

from adapters.bus.mongo import MongoTransport
from adapters.bus.multi_transport import MultiTransportBus
from adapters.bus.postgres import PostgresTransport
from adapters.bus.redis import RedisTransport
from adapters.bus.transport import Transport
from adapters.cache.redis import RedisConnection
from adapters.mongo.database import MongoDatabase
from adapters.postgres.migrator import migrations
from dinerapp.live.bus import Bus
from dinerapp.runtime.databases import (
    AuxConnection,
    Backend,
    NoDatabase,
    mongo_backend,
    postgres_backend,
)
from dinerapp.runtime.registry import KINDS
from dinerapp.runtime.settings import Settings


def backends_of(settings: Settings) -> list[Backend]:
    """The databases that the settings name."""
    found = []
    if settings.database_url:
        pool = (settings.postgres_pool_min, settings.postgres_pool_max)
        found.append(postgres_backend(settings.database_url, KINDS, pool, migrations))
    if settings.mongodb_uri:
        pool = (settings.mongodb_pool_min, settings.mongodb_pool_max)
        found.append(mongo_backend(settings.mongodb_uri, KINDS, pool))
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


def _second_mongo(settings: Settings, uri: str) -> AuxConnection:
    connection = MongoDatabase(
        uri,
        name="analytics",
        database=None if settings.database1_uri else "diner_analytics",
        pool_min=settings.database1_pool_min,
        pool_max=settings.database1_pool_max,
    )
    return AuxConnection("mongodb", "analytics", connection)
