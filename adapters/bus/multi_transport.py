"""A bus over several transports: sends on the first that is up, and listens on all of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from adapters.bus.transport import BATCH_SIZE, Transport, TransportDown
from dinerapp.live.bus import GAP_TOPIC, Bus, BusMessage
from dinerapp.replication.identity import new_id

_log = structlog.get_logger(__name__)

MAX_QUEUED = 10_000
MAX_MESSAGE_BYTES = 4000


@dataclass(frozen=True, slots=True)
class BusTimings:
    """In seconds. Messages gather for `linger` before they are sent together, and until
    `linger_after_send` has passed since the last batch. A lost transport is retried after
    `min_backoff` at first and `max_backoff` at most."""

    linger: float = 0.005
    linger_after_send: float = 0.04
    poll_timeout: float = 0.5
    min_backoff: float = 0.1
    max_backoff: float = 5.0
    close_timeout: float = 2.0


class MultiTransportBus(Bus):
    """One thread sends, and one listens on each transport. Without transports it does nothing."""

    def __init__(self, transports: Sequence[Transport], timings: BusTimings | None = None) -> None:
        self._timings = timings or BusTimings()
        self._sender_id = new_id()
        self._receivers: list[Callable[[BusMessage], None]] = []
        self._send_queue = _SendQueue(transports, self._timings)
        self._listeners = [
            _Listener(transport, self._receive, self._report_gap, self._timings)
            for transport in transports
        ]

    def open(self) -> None:
        for listener in self._listeners:
            listener.start()
        self._send_queue.start()

    def close(self) -> None:
        for listener in self._listeners:
            listener.stop()
        self._send_queue.stop()
        for listener in self._listeners:
            listener.join(self._timings.close_timeout)

    def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        try:
            text = orjson.dumps(
                {"from": self._sender_id, "topic": topic, "payload": payload}
            ).decode()
        except (TypeError, ValueError):
            _log.exception("bus_message_unfit", topic=topic)
            return
        if len(text.encode()) > MAX_MESSAGE_BYTES:
            _log.error("bus_message_too_long", topic=topic)
            return
        self._send_queue.enqueue(text)

    def subscribe(self, receiver: Callable[[BusMessage], None]) -> None:
        self._receivers.append(receiver)

    @property
    def is_listening(self) -> bool:
        return all(listener.is_listening for listener in self._listeners)

    def _receive(self, text: str) -> None:
        try:
            parsed = orjson.loads(text)
            sender, message = parsed["from"], BusMessage(parsed["topic"], parsed["payload"])
        except (ValueError, TypeError, KeyError):
            _log.warning("bus_message_unreadable", text=text[:200])
            return
        if sender != self._sender_id:
            self._dispatch(message)

    def _report_gap(self) -> None:
        self._dispatch(BusMessage(GAP_TOPIC))

    def _dispatch(self, message: BusMessage) -> None:
        for receiver in self._receivers:
            try:
                receiver(message)
            except Exception:  # noqa: BLE001 a failing receiver must not affect the others
                _log.exception("bus_receiver_failed", topic=message.topic)


class _SendQueue:
    """Queued messages, and the thread that sends them."""

    def __init__(self, transports: Sequence[Transport], timings: BusTimings) -> None:
        self._transports = [*transports]
        self._timings = timings
        self._queue: deque[str] = deque(maxlen=MAX_QUEUED)
        self._wake = threading.Event()
        self._is_open = False
        self._thread: threading.Thread | None = None

    def enqueue(self, text: str) -> None:
        if self._transports:
            self._queue.append(text)
            self._wake.set()

    def start(self) -> None:
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="bus-sender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        self._is_open = False
        self._wake.set()
        if thread is not None:
            thread.join(self._timings.close_timeout)

    def _run(self) -> None:
        sent_at = 0.0
        while self._is_open:
            self._wake.wait()
            rest = sent_at + self._timings.linger_after_send - time.monotonic()
            time.sleep(max(self._timings.linger, rest))
            self._wake.clear()
            self._send_all()
            sent_at = time.monotonic()
        for transport in self._transports:
            transport.stop_sending()

    def _send_all(self) -> None:
        give_up = time.monotonic() + self._timings.close_timeout
        while self._queue and (self._is_open or time.monotonic() < give_up):
            texts = [self._queue.popleft() for _ in range(min(BATCH_SIZE, len(self._queue)))]
            if not any(self._try_send(transport, texts) for transport in [*self._transports]):
                _log.debug("bus_messages_lost", count=len(texts))

    def _try_send(self, transport: Transport, texts: Sequence[str]) -> bool:
        try:
            transport.send(texts)
        except TransportDown as exc:
            _log.debug("bus_line_failed", line=transport.name, reason=str(exc))
        except Exception:  # noqa: BLE001 a thread that ends silently is worse than a log line
            _log.exception("bus_line_failed", line=transport.name)
        else:
            return True
        transport.stop_sending()
        # Moved to the end, so that not every message waits for a server that is frozen.
        self._transports.remove(transport)
        self._transports.append(transport)
        return False


class _Listener:
    """The thread that listens on one transport, and reconnects whenever it is lost."""

    def __init__(
        self,
        transport: Transport,
        on_message: Callable[[str], None],
        on_gap: Callable[[], None],
        timings: BusTimings,
    ) -> None:
        self._transport = transport
        self._on_message = on_message
        self._on_gap = on_gap
        self._timings = timings
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_listening = False

    def start(self) -> None:
        self._stopped.clear()
        self._thread = threading.Thread(
            target=self._run, name=f"bus-{self._transport.name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def join(self, seconds: float) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        retry = self._timings.min_backoff
        while not self._stopped.is_set():
            if self._listen_until_lost():
                retry = self._timings.min_backoff
            self._stopped.wait(retry)
            retry = min(2 * retry, self._timings.max_backoff)

    def _listen_until_lost(self) -> bool:
        """Listens until the transport is lost; returns whether it was ever connected."""
        try:
            self._transport.connect()
            self.is_listening = True
            _log.debug("bus_listening", line=self._transport.name)
            self._on_gap()
            while not self._stopped.is_set():
                self._transport.listen(self._on_message, self._timings.poll_timeout)
        except TransportDown as exc:
            _log.debug("bus_line_lost", line=self._transport.name, reason=str(exc))
        except Exception:  # noqa: BLE001 a thread that ends silently is worse than a log line
            _log.exception("bus_line_lost", line=self._transport.name)
        finally:
            worked, self.is_listening = self.is_listening, False
            self._transport.stop_listening()
        if worked and not self._stopped.is_set():
            self._on_gap()
        return worked
