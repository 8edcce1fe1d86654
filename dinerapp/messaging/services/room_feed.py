"""What is said in rooms, for whoever has them open.

A stream that is opened again goes on where the one before ended: a `ResumeToken` says what that
one had. It is no position in time: after an outage a message may arrive with the time it was sent
at, long before others that were seen already.
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
"""How many messages a resume token names; if there are more, it reaches less far back."""
ACCESS_CHECK_SECONDS = 20.0
"""Seconds after which it is asked anew whether a watcher is still in the room."""
_SHORT_ID_BYTES, _TIME_BYTES, _REVISION_MODULUS = 5, 6, 256
_TIME_RESOLUTION = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """What a stream has had: of what changed since a moment, these messages up to these revisions
    and no others. Of a message there are a few bytes, and of its revision the last one."""

    since: datetime
    revisions: Mapping[bytes, int] = field(default_factory=dict)

    def includes(self, message: Message) -> bool:
        """Whether the message came in this state, or in a later one."""
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
        """The token that `str` wrote; ValueError for any other text."""
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
    """A message in its latest state, and what the stream has had with it."""

    message: Message
    resume_token: ResumeToken


@dataclass(frozen=True, slots=True)
class EphemeralEvent:
    """An event for those who are watching now; it is stored nowhere."""

    name: str
    payload: Mapping[str, Any]


class RoomStream(Stream[Message]):
    """Of one room, for one watcher."""

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
        """Whether it is time to ask if the watcher is still in the room."""
        return time.monotonic() >= self._access_check_at

    def suspect_access(self) -> None:
        """Something has happened that may have ended the watcher's access."""
        self._access_check_at = 0.0

    def confirm_access(self) -> None:
        """The watcher still has access."""
        self._access_check_at = time.monotonic() + ACCESS_CHECK_SECONDS

    def begin(self, since: datetime, known: Iterable[Message], missed: Iterable[Message]) -> None:
        """With what changed since a moment, of which the watcher knows a part."""
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
        """Of what was changed before the stream begins nobody can say whether it is known."""
        if record.updated_at >= self._begins_at:
            super()._enqueue(record)

    def offer_event(self, event: EphemeralEvent) -> None:
        """Tells the watcher, unless too much else waits already."""
        with suppress(Full):
            self._queue.put_nowait(event)

    def next(self, seconds: float) -> MessageUpdate | EphemeralEvent | None:
        """The next thing, if there is one within so many seconds."""
        found = self._next(seconds)
        if not isinstance(found, Message):
            return found  # type: ignore[no-any-return]
        self._note_sent(found)
        return MessageUpdate(found, self._resume_token())

    def _note_sent(self, message: Message) -> None:
        revision = message.version.revision % _REVISION_MODULUS
        self._sent_states[message.id] = message.updated_at, _short_id(message), revision

    def _resume_token(self) -> ResumeToken:
        """Goes back as far as anything may come late, or as many states as it has room for."""
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
    """Reads changed messages of one kind, in the rooms that somebody here has open."""

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
        """A new stream, with what has changed in the room since the resume token; without one, with
        what changes from now on and what changed just before.

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
        """What was said before is known to whoever looks at the room, and yet has to be told from
        what will have come late."""
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
        """Everybody who watches, but for whom it is about."""
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
    """Tells a message from others, in few bytes."""
    return hashlib.blake2b(message.id.encode(), digest_size=_SHORT_ID_BYTES).digest()
