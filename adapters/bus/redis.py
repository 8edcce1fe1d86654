"""The bus over Redis: PUBLISH and SUBSCRIBE."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from adapters.bus.transport import TIMEOUT_SECONDS, Transport, TransportDown

CHANNEL = "diner"
_KEEPALIVE_SECONDS = 5


class RedisTransport(Transport):
    """One client for sending, another for listening."""

    name = "redis"

    def __init__(self, url: str) -> None:
        self._url = url
        self._sender: redis.Redis | None = None
        self._listener: redis.Redis | None = None
        self._pubsub: Any = None
        self._last_heard_at = 0.0

    def send(self, texts: Sequence[str]) -> None:
        with _translate_errors():
            if self._sender is None:
                self._sender = self._new_client()
            pipeline = self._sender.pipeline(transaction=False)
            for text in texts:
                pipeline.publish(CHANNEL, text)
            pipeline.execute()

    def connect(self) -> None:
        with _translate_errors():
            self._listener = self._new_client()
            self._pubsub = self._listener.pubsub()  # type: ignore[no-untyped-call]
            self._pubsub.subscribe(CHANNEL)
            if self._pubsub.get_message(timeout=TIMEOUT_SECONDS) is None:
                raise TransportDown("redis did not confirm the subscription")
            self._last_heard_at = time.monotonic()

    def listen(self, on_message: Callable[[str], None], seconds: float) -> None:
        with _translate_errors():
            message = self._pubsub.get_message(timeout=seconds)
            self._check_alive(message)
        if message is not None and message["type"] == "message":
            on_message(message["data"].decode())

    def stop_sending(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def stop_listening(self) -> None:
        pubsub, self._pubsub = self._pubsub, None
        listener, self._listener = self._listener, None
        if pubsub is not None:
            pubsub.close()
        if listener is not None:
            listener.close()

    def _check_alive(self, message: object) -> None:
        """Checks with a ping whether a server that has been silent is still alive."""
        now = time.monotonic()
        if message is not None:
            self._last_heard_at = now
        elif now - self._last_heard_at > 2 * _KEEPALIVE_SECONDS:
            raise TransportDown("redis does not answer")
        elif now - self._last_heard_at > _KEEPALIVE_SECONDS:
            self._pubsub.ping()

    def _new_client(self) -> redis.Redis:
        return redis.Redis.from_url(
            self._url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            protocol=2,
        )


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as exc:
        raise TransportDown(type(exc).__name__) from exc
