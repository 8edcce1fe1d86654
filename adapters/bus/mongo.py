"""The bus over MongoDB: a collection that forgets, and its change stream."""

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

from adapters.bus.line import PATIENCE, Line, LineDown

DATABASE = "diner"
COLLECTION = "bus"
FORGOTTEN_AFTER = 60
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
_LONGEST_WAIT = 500


class MongoLine(Line):
    """A client to send, another one to listen."""

    name = "mongodb"

    def __init__(self, url: str) -> None:
        self._url = url
        self._sender: MongoClient[Document] | None = None
        self._listener: MongoClient[Document] | None = None
        self._stream: ChangeStream[Document] | None = None

    def send(self, texts: Sequence[str]) -> None:
        with _translated():
            if self._sender is None:
                self._sender = self._client(PATIENCE)
            now = datetime.now(UTC)
            kept = _collection(self._sender).with_options(write_concern=WriteConcern(w=1))
            kept.insert_many([{"text": text, "at": now} for text in texts], ordered=False)

    def begin(self) -> None:
        with _translated():
            self._listener = self._client(PATIENCE + _LONGEST_WAIT / 1000)
            kept = _collection(self._listener)
            kept.create_index("at", name="at", expireAfterSeconds=FORGOTTEN_AFTER)
            self._stream = kept.watch(_INSERTS, max_await_time_ms=_LONGEST_WAIT)

    def listen(self, hear: Callable[[str], None], seconds: float) -> None:
        stream = self._stream
        if stream is None:
            raise LineDown("it is not connected")
        with _translated():
            change = stream.try_next()
        if change is not None:
            hear(change["fullDocument"]["text"])
        elif not stream.alive:
            raise LineDown("the stream has ended")

    def stop_sending(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def stop_listening(self) -> None:
        """The client alone: closing the stream would ask a server that may be frozen."""
        self._stream = None
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _client(self, patience: float) -> MongoClient[Document]:
        return MongoClient(self._url, **_OPTIONS, socketTimeoutMS=int(patience * 1000))


def _collection(client: MongoClient[Document]) -> Collection[Document]:
    return client.get_default_database(DATABASE)[COLLECTION]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PyMongoError as exc:
        raise LineDown(f"{type(exc).__name__}: {exc}"[:200]) from exc
