"""The bus over MongoDB: a collection with a TTL index, and its change stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pymongo import MongoClient
from pymongo.change_stream import ChangeStream
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from adapters.bus.transport import TIMEOUT_SECONDS, Transport, TransportDown

DATABASE = "diner"
COLLECTION = "bus"
TTL_SECONDS = 60
Document = dict[str, Any]
_INSERTS = [{"$match": {"operationType": "insert"}}]
_OPTIONS: dict[str, Any] = {
    "appname": "dinerapp bus",
    "connect": False,
    "maxPoolSize": 1,
    "retryReads": False,
    "retryWrites": False,
    "serverSelectionTimeoutMS": 500,
    "connectTimeoutMS": 500,
    "heartbeatFrequencyMS": 1000,
}
_MAX_AWAIT_MS = 500


class MongoTransport(Transport):
    """One client for sending, another for listening."""

    name = "mongodb"

    def __init__(self, url: str) -> None:
        self._url = url
        self._sender: MongoClient[Document] | None = None
        self._listener: MongoClient[Document] | None = None
        self._stream: ChangeStream[Document] | None = None

    def send(self, texts: Sequence[str]) -> None:
        with _translate_errors():
            if self._sender is None:
                self._sender = self._new_client(TIMEOUT_SECONDS)
            now = datetime.now(UTC)
            messages = _collection(self._sender).with_options(write_concern=WriteConcern(w=1))
            messages.insert_many([{"text": text, "at": now} for text in texts], ordered=False)

    def connect(self) -> None:
        with _translate_errors():
            self._listener = self._new_client(TIMEOUT_SECONDS + _MAX_AWAIT_MS / 1000)
            messages = _collection(self._listener)
            messages.create_index("at", name="at", expireAfterSeconds=TTL_SECONDS)
            self._stream = messages.watch(_INSERTS, max_await_time_ms=_MAX_AWAIT_MS)

    def listen(self, on_message: Callable[[str], None], seconds: float) -> None:
        stream = self._stream
        if stream is None:
            raise TransportDown("the listener is not connected")
        with _translate_errors():
            change = stream.try_next()
        if change is not None:
            on_message(change["fullDocument"]["text"])
        elif not stream.alive:
            raise TransportDown("the change stream has ended")

    def stop_sending(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def stop_listening(self) -> None:
        """Closes only the client: closing the stream would wait for a server that may be frozen."""
        self._stream = None
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _new_client(self, timeout: float) -> MongoClient[Document]:
        return MongoClient(self._url, **_OPTIONS, socketTimeoutMS=int(timeout * 1000))


def _collection(client: MongoClient[Document]) -> Collection[Document]:
    return client.get_default_database(DATABASE)[COLLECTION]


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except PyMongoError as exc:
        raise TransportDown(f"{type(exc).__name__}: {exc}"[:200]) from exc
