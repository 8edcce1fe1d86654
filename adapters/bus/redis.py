"""The bus over Redis: PUBLISH and SUBSCRIBE."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from adapters.bus.line import PATIENCE, Line, LineDown

CHANNEL = "diner"
_ALIVE_SECONDS = 5


class RedisLine(Line):
    """A client to send, another one to listen."""

    name = "redis"

    def __init__(self, url: str) -> None:
        self._url = url
        self._sender: redis.Redis | None = None
        self._listener: redis.Redis | None = None
        self._heard: Any = None
        self._asked = 0.0

    def send(self, texts: Sequence[str]) -> None:
        with _translated():
            if self._sender is None:
                self._sender = self._client()
            pipeline = self._sender.pipeline(transaction=False)
            for text in texts:
                pipeline.publish(CHANNEL, text)
            pipeline.execute()

    def begin(self) -> None:
        with _translated():
            self._listener = self._client()
            self._heard = self._listener.pubsub()  # type: ignore[no-untyped-call]
            self._heard.subscribe(CHANNEL)
            if self._heard.get_message(timeout=PATIENCE) is None:
                raise LineDown("redis did not confirm the subscription")
            self._asked = time.monotonic()

    def listen(self, hear: Callable[[str], None], seconds: float) -> None:
        with _translated():
            message = self._heard.get_message(timeout=seconds)
            self._stay_certain(message)
        if message is not None and message["type"] == "message":
            hear(message["data"].decode())

    def stop_sending(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def stop_listening(self) -> None:
        heard, self._heard = self._heard, None
        listener, self._listener = self._listener, None
        if heard is not None:
            heard.close()
        if listener is not None:
            listener.close()

    def _stay_certain(self, message: object) -> None:
        """A server that has fallen silent is asked whether it is still there."""
        now = time.monotonic()
        if message is not None:
            self._asked = now
        elif now - self._asked > 2 * _ALIVE_SECONDS:
            raise LineDown("redis does not answer")
        elif now - self._asked > _ALIVE_SECONDS:
            self._heard.ping()

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(
            self._url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            protocol=2,
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as exc:
        raise LineDown(type(exc).__name__) from exc
