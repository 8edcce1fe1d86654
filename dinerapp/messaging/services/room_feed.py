"""Streams messages in rooms to the clients that have them open.

A client that reconnects resumes with a `ResumeToken`, which says what the previous stream has sent.
A position in time would not do: after an outage a message may arrive with its original time, long
before others that were already sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Full
from typing import Any

from dinerapp.live import feed as feeds
from dinerapp.live.feed import MAX_REPLAY, OVERLAP, CursorExpired, Feed, Stream, StreamQuota
from dinerapp.live.signals import remote_change
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.domain.read_markers import ReadMarker
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.services.throttle import Throttle
from dinerapp.messaging.signals import (
    access_changed,
    message_changed,
    message_sent,
    remote_typing,
    room_read,
    typing_noticed,
)
from dinerapp.replication.ports.repository import ChangeCursor
from dinerapp.replication.record import utc_now

MAX_TOKEN_STATES = 600
"""How many messages a resume token can name; if there are more, it covers a shorter time."""
ACCESS_CHECK_SECONDS = 20.0
"""After this many seconds a stream checks again whether its user is still in the room."""
_SHORT_ID_BYTES, _TIME_BYTES, _REVISION_MODULUS = 5, 6, 256
_TIME_RESOLUTION = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """What a stream has sent: of the changes since a time, exactly these messages up to these
    revisions. A message takes a few bytes of its id, and of its revision the last byte."""

    since: datetime
    revisions: Mapping[bytes, int] = field(default_factory=dict)

    def includes(self, message: Message) -> bool:
        """Whether the message was sent in this state or a later one."""
        had = self.revisions.get(_short_id(message))
        return (
            had is not None
            and (had - message.version.revision) % _REVISION_MODULUS < _REVISION_MODULUS // 2
        )

    def __str__(self) -> str:
        moment = (self.since - _EPOCH) // _TIME_RESOLUTION
        states = (short + bytes([revision]) for short, revision in sorted(self.revisions.items()))
        plain = moment.to_bytes(_TIME_BYTES) + b"".join(states)
        return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> ResumeToken:
        """The token from its string form; ValueError for any other text."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            plain = base64.b64decode(padded, altchars=b"-_", validate=True)
            moment, states = plain[:_TIME_BYTES], plain[_TIME_BYTES:]
            if len(moment) < _TIME_BYTES or len(states) % (_SHORT_ID_BYTES + 1):
                raise ValueError(text)
            since = _EPOCH + int.from_bytes(moment) * _TIME_RESOLUTION
        except (binascii.Error, OverflowError) as exc:
            raise ValueError(text) from exc
        steps = range(0, len(states), _SHORT_ID_BYTES + 1)
        each = [states[step : step + _SHORT_ID_BYTES + 1] for step in steps]
        return cls(since, {state[:-1]: state[-1] for state in each})


@dataclass(frozen=True, slots=True)
class MessageUpdate:
    """A message in its latest state, and the resume token after it."""

    message: Message
    resume_token: ResumeToken


@dataclass(frozen=True, slots=True)
class EphemeralEvent:
    """An event for current streams only, which is not stored."""

    name: str
    payload: Mapping[str, Any]


class RoomStream(Stream[Message]):
    """The stream of one room for one user."""

    def __init__(self, feed: RoomFeed, room_id: str, watcher_id: str) -> None:
        super().__init__(feed)
        self.room_id = room_id
        self.watcher_id = watcher_id
        self._access_check_at = time.monotonic() + ACCESS_CHECK_SECONDS
        self._pending: list[Message] | None = []
        self._begins_at = self._since = _EPOCH
        self._sent_states: dict[str, tuple[datetime, bytes, int]] = {}

    @property
    def must_check_access(self) -> bool:
        """Whether it is time to check if the user is still in the room."""
        return time.monotonic() >= self._access_check_at

    def suspect_access(self) -> None:
        """Asks for a check, because something may have ended the user's access."""
        self._access_check_at = 0.0

    def confirm_access(self) -> None:
        """Notes that the user still has access."""
        self._access_check_at = time.monotonic() + ACCESS_CHECK_SECONDS

    def begin(self, since: datetime, known: Iterable[Message], missed: Iterable[Message]) -> None:
        """Starts with the changes since a time, without those that the client already has."""
        with self._offer_lock:
            early, self._pending = self._pending or [], None
            self._begins_at = self._since = since
            for message in known:
                self._remember(message)
                self._note_sent(message)
            for message in (*missed, *early):
                self._enqueue(message)

    def offer(self, records: Iterable[Message]) -> None:
        with self._offer_lock:
            own = [message for message in records if message.room_id == self.room_id]
            if self._pending is not None:
                self._pending += own
                return
            for message in own:
                self._enqueue(message)

    def _enqueue(self, record: Message) -> None:
        """Drops changes from before the start of the stream: it is unknown whether the client has
        them."""
        if record.updated_at >= self._begins_at:
            super()._enqueue(record)

    def offer_event(self, event: EphemeralEvent) -> None:
        """Queues an event, unless too much is queued already."""
        with suppress(Full):
            self._queue.put_nowait(event)

    def next(self, seconds: float) -> MessageUpdate | EphemeralEvent | None:
        """The next update or event, or None if none arrives within so many seconds."""
        found = self._next(seconds)
        if not isinstance(found, Message):
            return found  # type: ignore[no-any-return]
        self._note_sent(found)
        return MessageUpdate(found, self._resume_token())

    def _note_sent(self, message: Message) -> None:
        revision = message.version.revision % _REVISION_MODULUS
        self._sent_states[message.id] = message.updated_at, _short_id(message), revision

    def _resume_token(self) -> ResumeToken:
        """Covers as long as changes may arrive late, or as many states as it can name."""
        had = sorted(self._sent_states.values())
        self._since = max(self._since, had[-1][0] - MAX_REPLAY)
        if len(had) > MAX_TOKEN_STATES:
            self._since = max(self._since, had[-MAX_TOKEN_STATES - 1][0] + _TIME_RESOLUTION)
        self._sent_states = {
            key: one for key, one in self._sent_states.items() if one[0] >= self._since
        }
        return ResumeToken(
            self._since, {short: revision for _, short, revision in self._sent_states.values()}
        )


class RoomFeed(Feed[Message]):
    """Reads changed messages of one kind, in the rooms that have streams in this process."""

    def __init__(
        self,
        messages: Messages,
        quota: StreamQuota,
        typing_throttle: Throttle,
        *,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(quota, wake=wake, now=now)
        self._messages = messages
        self._typing_throttle = typing_throttle
        message_sent.connect(self._on_message)
        message_changed.connect(self._on_message)
        typing_noticed.connect(self._on_typing)
        remote_typing.connect(self._on_remote_typing)
        room_read.connect(self._on_read)
        access_changed.connect(self._on_access_changed)
        remote_change.connect(self._on_remote_change)

    def stream(self, room_id: str, watcher_id: str, resume_token: ResumeToken | None) -> RoomStream:
        """Opens a stream with what has changed in the room since the resume token; without one,
        with changes from now on and those of just before.

        Raises TooManyStreams, and CursorExpired if too much has changed since.
        """
        stream = RoomStream(self, room_id, watcher_id)
        self._add_stream(stream)
        try:
            if resume_token is None:
                self._begin(stream)
            else:
                self._resume(stream, resume_token)
        except BaseException:
            stream.close()
            raise
        self._wake()
        return stream

    def _begin(self, stream: RoomStream) -> None:
        """Earlier messages are known to a client that has loaded the room, but must be
        distinguished from messages that arrive late."""
        now = self._now()
        lately, since = now - OVERLAP, now - MAX_REPLAY
        found = self._changes_in_room(stream, since, MAX_TOKEN_STATES + 1)
        if len(found) > MAX_TOKEN_STATES:
            since, found = lately, self._changes_in_room(stream, lately, feeds.MAX_MISSED)
        known = [message for message in found if message.updated_at < lately]
        stream.begin(since, known, found[len(known) :])

    def _resume(self, stream: RoomStream, resume_token: ResumeToken) -> None:
        found = self._changes_in_room(
            stream, resume_token.since, MAX_TOKEN_STATES + feeds.MAX_MISSED + 1
        )
        known = [message for message in found if resume_token.includes(message)]
        missed = [message for message in found if not resume_token.includes(message)]
        if len(missed) > feeds.MAX_MISSED or len(found) > MAX_TOKEN_STATES + feeds.MAX_MISSED:
            raise CursorExpired(f"more than {feeds.MAX_MISSED} messages have changed since")
        stream.begin(resume_token.since, known, missed)

    def _changes_in_room(
        self, stream: RoomStream, since: datetime, limit: int
    ) -> Sequence[Message]:
        return self._messages.changed_since([stream.room_id], ChangeCursor(since), limit)

    def _load(self, record_ids: Collection[str]) -> Mapping[str, Message]:
        return self._messages.get_many(record_ids)

    def _changed_since(self, cursor: ChangeCursor, limit: int) -> Sequence[Message]:
        rooms = {stream.room_id for stream in self._streams_of()}
        return self._messages.changed_since(rooms, cursor, limit)

    def _streams_of(self, room_id: str | None = None) -> list[RoomStream]:
        streams = [each for each in self._streams if isinstance(each, RoomStream)]
        return [each for each in streams if room_id in (None, each.room_id)]

    def _schedule_read(self, room_id: str, message_id: str) -> None:
        if self._streams_of(room_id):
            self._note_changed(message_id)
            self._wake()

    def _send_event(self, room_id: str, event: EphemeralEvent) -> None:
        """Sends an event to all streams of the room except the one of the user it is about."""
        for stream in self._streams_of(room_id):
            if stream.watcher_id != event.payload["user_id"]:
                stream.offer_event(event)

    def _on_message(self, _sender: object, kind: str, message: Message) -> None:
        if kind == self._messages.kind.name:
            self._schedule_read(message.room_id, message.id)

    def _on_typing(self, _sender: object, room_id: str, user_id: str) -> None:
        self._send_event(
            room_id, EphemeralEvent("typing", {"room_id": room_id, "user_id": user_id})
        )

    def _on_remote_typing(self, _sender: object, room_id: str, user_id: str) -> None:
        if self._streams_of(room_id) and self._typing_throttle.try_acquire((room_id, user_id)):
            self._on_typing(None, room_id, user_id)

    def _on_read(self, _sender: object, read: ReadMarker) -> None:
        self._send_read(read.room_id, read.user_id, read.message_id)

    def _send_read(self, room_id: str, user_id: str, message_id: str) -> None:
        about = {"room_id": room_id, "user_id": user_id, "message_id": message_id}
        self._send_event(room_id, EphemeralEvent("read", about))

    def _on_access_changed(self, _sender: object, user_id: str | None, **_payload: Any) -> None:
        for stream in self._streams_of():
            if user_id in (None, stream.watcher_id):
                stream.suspect_access()

    def _on_remote_change(
        self, _sender: object, topic: str, kind: str, record_id: str, details: Any, **_payload: Any
    ) -> None:
        match topic, details:
            case _, {"room_id": str(room_id)} if kind == self._messages.kind.name:
                self._schedule_read(room_id, record_id)
            case "room_read", {"room_id": str(room), "user_id": str(user), "message_id": str(read)}:
                self._send_read(room, user, read)
            case "access_changed", {"user_id": user_id}:
                self._on_access_changed(None, user_id)


def _short_id(message: Message) -> bytes:
    """A few bytes that distinguish a message from others."""
    return hashlib.blake2b(message.id.encode(), digest_size=_SHORT_ID_BYTES).digest()
