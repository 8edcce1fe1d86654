"""A bus over several lines: sends on the first that is up, and listens on all of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from adapters.bus.line import AT_ONCE, Line, LineDown
from dinerapp.live.bus import MISSED, Bus, Message
from dinerapp.replication.identity import new_id

_log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds: how long messages gather before they are sent together, and longer where some were
    sent just before; how long one step of listening takes, how soon and how seldom a lost line is
    tried again, and how long closing may take."""

    gather: float = 0.005
    gather_more: float = 0.04
    listen: float = 0.5
    first_retry: float = 0.1
    longest_retry: float = 5.0
    close: float = 2.0


class Lines(Bus):
    """One thread sends, and one listens to each line. Without any line it reaches nobody."""

    def __init__(self, lines: Sequence[Line], rhythm: Rhythm | None = None) -> None:
        self._rhythm = rhythm or Rhythm()
        self._me = new_id()
        self._receivers: list[Callable[[Message], None]] = []
        self._outgoing = _Outgoing(lines, self._rhythm)
        self._ears = [_Ear(line, self._hear, self._missed, self._rhythm) for line in lines]

    def open(self) -> None:
        for ear in self._ears:
            ear.start()
        self._outgoing.start()

    def close(self) -> None:
        for ear in self._ears:
            ear.stop()
        self._outgoing.stop()
        for ear in self._ears:
            ear.join(self._rhythm.close)

    def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        try:
            text = orjson.dumps({"from": self._me, "topic": topic, "payload": payload}).decode()
        except (TypeError, ValueError):
            _log.exception("bus_message_unfit", topic=topic)
            return
        if len(text.encode()) > LONGEST_TEXT:
            _log.error("bus_message_too_long", topic=topic)
            return
        self._outgoing.add(text)

    def subscribe(self, receiver: Callable[[Message], None]) -> None:
        self._receivers.append(receiver)

    @property
    def is_listening(self) -> bool:
        return all(ear.is_listening for ear in self._ears)

    def _hear(self, text: str) -> None:
        try:
            said = orjson.loads(text)
            sender, message = said["from"], Message(said["topic"], said["payload"])
        except (ValueError, TypeError, KeyError):
            _log.warning("bus_message_unreadable", text=text[:200])
            return
        if sender != self._me:
            self._tell(message)

    def _missed(self) -> None:
        self._tell(Message(MISSED))

    def _tell(self, message: Message) -> None:
        for receiver in self._receivers:
            try:
                receiver(message)
            except Exception:  # noqa: BLE001 whatever a receiver does wrong is its own affair
                _log.exception("bus_receiver_failed", topic=message.topic)


class _Outgoing:
    """Waiting messages, and the thread that sends them."""

    def __init__(self, lines: Sequence[Line], rhythm: Rhythm) -> None:
        self._lines = [*lines]
        self._rhythm = rhythm
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._wake = threading.Event()
        self._is_open = False
        self._thread: threading.Thread | None = None

    def add(self, text: str) -> None:
        if self._lines:
            self._waiting.append(text)
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
            thread.join(self._rhythm.close)

    def _run(self) -> None:
        sent_at = 0.0
        while self._is_open:
            self._wake.wait()
            rest = sent_at + self._rhythm.gather_more - time.monotonic()
            time.sleep(max(self._rhythm.gather, rest))
            self._wake.clear()
            self._send_all()
            sent_at = time.monotonic()
        for line in self._lines:
            line.stop_sending()

    def _send_all(self) -> None:
        give_up = time.monotonic() + self._rhythm.close
        while self._waiting and (self._is_open or time.monotonic() < give_up):
            texts = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            if not any(self._says(line, texts) for line in [*self._lines]):
                _log.debug("bus_messages_lost", count=len(texts))

    def _says(self, line: Line, texts: Sequence[str]) -> bool:
        try:
            line.send(texts)
        except LineDown as exc:
            _log.debug("bus_line_failed", line=line.name, reason=str(exc))
        except Exception:  # noqa: BLE001 a thread that ends silently is worse than a log line
            _log.exception("bus_line_failed", line=line.name)
        else:
            return True
        line.stop_sending()
        # Last from now on, so that not every message waits for a server that is frozen.
        self._lines.remove(line)
        self._lines.append(line)
        return False


class _Ear:
    """The thread that listens to one line, and connects again whenever it is lost."""

    def __init__(
        self,
        line: Line,
        hear: Callable[[str], None],
        missed: Callable[[], None],
        rhythm: Rhythm,
    ) -> None:
        self._line = line
        self._hear = hear
        self._missed = missed
        self._rhythm = rhythm
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_listening = False

    def start(self) -> None:
        self._stopped.clear()
        self._thread = threading.Thread(
            target=self._run, name=f"bus-{self._line.name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def join(self, seconds: float) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        retry = self._rhythm.first_retry
        while not self._stopped.is_set():
            if self._listened():
                retry = self._rhythm.first_retry
            self._stopped.wait(retry)
            retry = min(2 * retry, self._rhythm.longest_retry)

    def _listened(self) -> bool:
        """Listens for as long as that works, and says whether it did at all."""
        try:
            self._line.begin()
            self.is_listening = True
            _log.debug("bus_listening", line=self._line.name)
            self._missed()
            while not self._stopped.is_set():
                self._line.listen(self._hear, self._rhythm.listen)
        except LineDown as exc:
            _log.debug("bus_line_lost", line=self._line.name, reason=str(exc))
        except Exception:  # noqa: BLE001 a thread that ends silently is worse than a log line
            _log.exception("bus_line_lost", line=self._line.name)
        finally:
            worked, self.is_listening = self.is_listening, False
            self._line.stop_listening()
        if worked and not self._stopped.is_set():
            self._missed()
        return worked
