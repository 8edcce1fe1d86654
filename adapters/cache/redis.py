"""Redis as a named connection: for caches, rate limits and the bus. Never for records."""

from __future__ import annotations

import time

import redis

from dinerapp.replication import deadline
from dinerapp.replication.errors import StoreUnavailable
from dinerapp.replication.ports.database import Connection, Ping, PoolUsage

TIMEOUT_SECONDS = 1.0


class RedisConnection(Connection):
    """One pool of connections to one Redis."""

    def __init__(self, url: str, *, name: str = "redis", pool_max: int = 10) -> None:
        self.name = name
        self._url = url
        self._pool_max = pool_max
        self._client: redis.Redis | None = None

    @property
    def client(self) -> redis.Redis:
        """The driver's client, for adapters that use this connection."""
        if self._client is None:
            self._client = redis.Redis.from_url(
                self._url,
                max_connections=self._pool_max,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
            )
        return self._client

    def open(self) -> None:
        """Nothing to do: the client connects when it is first used."""

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def reset(self) -> None:
        self.client.connection_pool.disconnect(inuse_connections=False)

    def prepare(self) -> None:
        """Redis has no schema."""

    def ping(self) -> Ping:
        started = time.perf_counter()
        if deadline.remaining(TIMEOUT_SECONDS) <= 0:
            raise StoreUnavailable(self.name, "no time is left before the deadline")
        try:
            self.client.ping()
        except redis.RedisError as exc:
            raise StoreUnavailable(self.name, type(exc).__name__) from exc
        return Ping(time.perf_counter() - started)

    def pool_usage(self) -> PoolUsage:
        return PoolUsage(size=self._pool_max)
