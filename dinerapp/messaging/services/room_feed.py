"""What is said in rooms, for whoever has them open.

A stream that is opened again goes on where the one before ended: a `Mark` says what that one had.
It is no place in an order of times, for after an outage a message may arrive with the time it was
sent at, long before others that were seen already.
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
from dinerapp.live.feed import LONGEST_RETURN, OVERLAP, Feed, Overtaken, Seats, Stream
from dinerapp.live.signals import remote_change
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.domain.read_markers import Read
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.services.throttle import Seldom
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

MOST_MARKED = 600
"""Messages that a mark names; with more of them it goes less far back."""
SURE_FOR = 20.0
"""Seconds after which it is asked anew whether a watcher is still in the room."""
_SHORT_BYTES, _TIME_BYTES, _REVISIONS = 5, 6, 256
_INSTANT = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a stream has had: of what changed since a moment, these messages up to these revisions
    and no others. Of a message there are a few bytes, and of its revision the last one."""

    since: datetime
    had: Mapping[bytes, int] = field(default_factory=dict)

    def has(self, message: Message) -> bool:
        """Whether the message came in this state, or in a later one."""
        had = self.had.get(_short(message))
        return had is not None and (had - message.version.revision) % _REVISIONS < _REVISIONS // 2

    def __str__(self) -> str:
        moment = (self.since - _EPOCH) // _INSTANT
        states = (short + bytes([revision]) for short, revision in sorted(self.had.items()))
        plain = moment.to_bytes(_TIME_BYTES) + b"".join(states)
        return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> Mark:
        """The mark that `str` wrote; ValueError when it did not."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            plain = base64.b64decode(padded, altchars=b"-_", validate=True)
            moment, states = plain[:_TIME_BYTES], plain[_TIME_BYTES:]
            if len(moment) < _TIME_BYTES or len(states) % (_SHORT_BYTES + 1):
                raise ValueError(text)
            since = _EPOCH + int.from_bytes(moment) * _INSTANT
        except (binascii.Error, OverflowError) as exc:
            raise ValueError(text) from exc
        steps = range(0, len(states), _SHORT_BYTES + 1)
        each = [states[step : step + _SHORT_BYTES + 1] for step in steps]
        return cls(since, {state[:-1]: state[-1] for state in each})


@dataclass(frozen=True, slots=True)
class Said:
    """A message in its latest state, and what the stream has had with it."""

    message: Message
    mark: Mark


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that is told to whoever is there, and kept nowhere."""

    what: str
    about: Mapping[str, Any]


class RoomStream(Stream[Message]):
    """Of one room, for one watcher."""

    def __init__(self, feed: RoomFeed, room_id: str, watcher: str) -> None:
        super().__init__(feed)
        self.room_id = room_id
        self.watcher = watcher
        self._look_again = time.monotonic() + SURE_FOR
        self._early: list[Message] | None = []
        self._begins = self._since = _EPOCH
        self._had: dict[str, tuple[datetime, bytes, int]] = {}

    @property
    def is_in_doubt(self) -> bool:
        """Whether it is time to ask if the watcher is still in the room."""
        return time.monotonic() >= self._look_again

    def doubt(self) -> None:
        """Something has happened that may have put the watcher out."""
        self._look_again = 0.0

    def confirm(self) -> None:
        """The watcher is still in the room."""
        self._look_again = time.monotonic() + SURE_FOR

    def begin(self, since: datetime, known: Iterable[Message], missed: Iterable[Message]) -> None:
        """With what changed since a moment, of which the watcher knows a part."""
        with self._offering:
            early, self._early = self._early or [], None
            self._begins = self._since = since
            for message in known:
                self._remember(message)
                self._note_had(message)
            for message in (*missed, *early):
                self._take(message)

    def offer(self, records: Iterable[Message]) -> None:
        with self._offering:
            own = [message for message in records if message.room_id == self.room_id]
            if self._early is not None:
                self._early += own
                return
            for message in own:
                self._take(message)

    def _take(self, record: Message) -> None:
        """Of what was changed before the stream begins nobody can say whether it is known."""
        if record.updated_at >= self._begins:
            super()._take(record)

    def notice(self, noticed: Noticed) -> None:
        """Tells the watcher, unless too much else waits already."""
        with suppress(Full):
            self._waiting.put_nowait(noticed)

    def next(self, seconds: float) -> Said | Noticed | None:
        """The next thing, if there is one within so many seconds."""
        found = self._next(seconds)
        if not isinstance(found, Message):
            return found  # type: ignore[no-any-return]
        self._note_had(found)
        return Said(found, self._mark())

    def _note_had(self, message: Message) -> None:
        revision = message.version.revision % _REVISIONS
        self._had[message.id] = message.updated_at, _short(message), revision

    def _mark(self) -> Mark:
        """Goes back as far as anything may come late, or as many states as it has room for."""
        had = sorted(self._had.values())
        self._since = max(self._since, had[-1][0] - LONGEST_RETURN)
        if len(had) > MOST_MARKED:
            self._since = max(self._since, had[-MOST_MARKED - 1][0] + _INSTANT)
        self._had = {key: one for key, one in self._had.items() if one[0] >= self._since}
        return Mark(self._since, {short: revision for _, short, revision in self._had.values()})


class RoomFeed(Feed[Message]):
    """Reads changed messages of one kind, in the rooms that somebody here has open."""

    def __init__(
        self,
        messages: Messages,
        seats: Seats,
        typing: Seldom,
        *,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(seats, wake=wake, now=now)
        self._messages = messages
        self._typing = typing
        message_sent.connect(self._changed)
        message_changed.connect(self._changed)
        typing_noticed.connect(self._typed)
        remote_typing.connect(self._heard_typing)
        room_read.connect(self._was_read)
        access_changed.connect(self._access_changed)
        remote_change.connect(self._changed_elsewhere)

    def stream(self, room_id: str, watcher: str, mark: Mark | None) -> RoomStream:
        """A new stream, with what has changed in the room since the mark; without one, with what
        changes from now on and what changed just before.

        Raises TooManyStreams, and Overtaken where too much has changed since.
        """
        stream = RoomStream(self, room_id, watcher)
        self._enter(stream)
        try:
            if mark is None:
                self._begin(stream)
            else:
                self._resume(stream, mark)
        except BaseException:
            stream.close()
            raise
        self._wake()
        return stream

    def _begin(self, stream: RoomStream) -> None:
        """What was said before is known to whoever looks at the room, and yet has to be told from
        what will have come late."""
        now = self._now()
        lately, since = now - OVERLAP, now - LONGEST_RETURN
        found = self._in_room(stream, since, MOST_MARKED + 1)
        if len(found) > MOST_MARKED:
            since, found = lately, self._in_room(stream, lately, feeds.MOST_MISSED)
        known = [message for message in found if message.updated_at < lately]
        stream.begin(since, known, found[len(known) :])

    def _resume(self, stream: RoomStream, mark: Mark) -> None:
        found = self._in_room(stream, mark.since, MOST_MARKED + feeds.MOST_MISSED + 1)
        known = [message for message in found if mark.has(message)]
        missed = [message for message in found if not mark.has(message)]
        if len(missed) > feeds.MOST_MISSED or len(found) > MOST_MARKED + feeds.MOST_MISSED:
            raise Overtaken(f"more than {feeds.MOST_MISSED} messages have changed since")
        stream.begin(mark.since, known, missed)

    def _in_room(self, stream: RoomStream, since: datetime, limit: int) -> Sequence[Message]:
        return self._messages.changed_since([stream.room_id], ChangeCursor(since), limit)

    def _get(self, record_ids: Collection[str]) -> Mapping[str, Message]:
        return self._messages.get_many(record_ids)

    def _changed_since(self, place: ChangeCursor, limit: int) -> Sequence[Message]:
        rooms = {stream.room_id for stream in self._watching()}
        return self._messages.changed_since(rooms, place, limit)

    def _watching(self, room_id: str | None = None) -> list[RoomStream]:
        streams = [each for each in self._streams if isinstance(each, RoomStream)]
        return [each for each in streams if room_id in (None, each.room_id)]

    def _look_at(self, room_id: str, message_id: str) -> None:
        if self._watching(room_id):
            self._note(message_id)
            self._wake()

    def _tell(self, room_id: str, noticed: Noticed) -> None:
        """Everybody who watches, but for whom it is about."""
        for stream in self._watching(room_id):
            if stream.watcher != noticed.about["user_id"]:
                stream.notice(noticed)

    def _changed(self, _sender: object, kind: str, message: Message) -> None:
        if kind == self._messages.kind.name:
            self._look_at(message.room_id, message.id)

    def _typed(self, _sender: object, room_id: str, user_id: str) -> None:
        self._tell(room_id, Noticed("typing", {"room_id": room_id, "user_id": user_id}))

    def _heard_typing(self, _sender: object, room_id: str, user_id: str) -> None:
        if self._watching(room_id) and self._typing.allows((room_id, user_id)):
            self._typed(None, room_id, user_id)

    def _was_read(self, _sender: object, read: Read) -> None:
        self._has_read(read.room_id, read.user_id, read.message_id)

    def _has_read(self, room_id: str, user_id: str, message_id: str) -> None:
        about = {"room_id": room_id, "user_id": user_id, "message_id": message_id}
        self._tell(room_id, Noticed("read", about))

    def _access_changed(self, _sender: object, user_id: str | None, **_payload: Any) -> None:
        for stream in self._watching():
            if user_id in (None, stream.watcher):
                stream.doubt()

    def _changed_elsewhere(
        self, _sender: object, topic: str, kind: str, record_id: str, details: Any, **_payload: Any
    ) -> None:
        match topic, details:
            case _, {"room_id": str(room_id)} if kind == self._messages.kind.name:
                self._look_at(room_id, record_id)
            case "room_read", {"room_id": str(room), "user_id": str(user), "message_id": str(read)}:
                self._has_read(room, user, read)
            case "access_changed", {"user_id": user_id}:
                self._access_changed(None, user_id)


def _short(message: Message) -> bytes:
    """Tells a message from others, in few bytes."""
    return hashlib.blake2b(message.id.encode(), digest_size=_SHORT_BYTES).digest()
