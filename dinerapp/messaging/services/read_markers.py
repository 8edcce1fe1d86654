"""How far users have read rooms, and how many messages they have not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.domain.read_markers import ReadMarker, read_marker_id
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.messaging.ports.members import Members
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.ports.read_markers import ReadMarkers
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.messaging.services.rooms import RoomBackend, RoomKind, RoomService
from dinerapp.messaging.signals import room_read
from dinerapp.replication import served_by
from dinerapp.replication.errors import InvalidRequest, NoStoreAvailable, NotFound
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, upsert_with_retry
from dinerapp.replication.signals import announce

MAX_UNREAD = 100
"""The number at which counting unread messages stops."""
MAX_ROOMS = 500
"""The maximum number of rooms of each kind; of conversations the newest count."""


@dataclass(frozen=True, slots=True)
class UnreadCount:
    """The number of unread messages in a room; None while it is unknown."""

    room_id: str
    kind: RoomKind
    count: int | None


@dataclass(frozen=True, slots=True)
class UnreadRooms:
    """Unread messages by room. `truncated` says that the user is in more rooms than are counted."""

    rooms: Sequence[UnreadCount]
    truncated: bool


class ReadMarkerService:
    """Use cases for read markers."""

    def __init__(
        self,
        rooms: RoomService,
        read_markers: ReadMarkers,
        servers: Servers,
        channels: Channels,
        members: Members,
        conversations: Conversations,
        backends: Mapping[RoomKind, RoomBackend],
    ) -> None:
        self._rooms = rooms
        self._read_markers = read_markers
        self._servers = servers
        self._channels = channels
        self._members = members
        self._conversations = conversations
        self._backends = backends

    def page(
        self, caller: Caller, room_id: str, after: Cursor | None, limit: int
    ) -> Page[ReadMarker]:
        """The read markers of a room."""
        self._rooms.authorize(caller.user_id or "", room_id)
        return self._read_markers.page(room_id, after, limit)

    def mark_read(
        self, caller: Caller, room_id: str, operation: Operation, message_id: str
    ) -> WriteResult[ReadMarker]:
        """Marks everything up to that message as read; never moves back."""
        room = self._rooms.authorize(caller.user_id or "", room_id)
        with served_by.suspended():
            message = _require_message(room.backend.messages, room_id, message_id)
        result = self._move_marker(room.user_id, operation, message)
        if result.changed:
            announce(room_read, self, read=result.record)
        return result

    def unread(self, caller: Caller) -> UnreadRooms:
        """Unread messages in all rooms of the caller, in one query for each kind."""
        user_id = caller.user_id or ""
        conversations, more_conversations = self._conversations_of(user_id)
        channels, more_channels = self._channels_of(user_id)
        rooms = {RoomKind.CONVERSATION: conversations, RoomKind.CHANNEL: channels}
        ids = [read_marker_id(room_id, user_id) for found in rooms.values() for room_id in found]
        known = self._read_markers.get_many(ids).values() if ids else ()
        reached = {read.room_id: Cursor(*read.position) for read in known}
        counted = [
            one
            for kind, found in rooms.items()
            for one in self._count_unread(user_id, kind, _later_positions(found, reached))
        ]
        return UnreadRooms(counted, truncated=more_conversations or more_channels)

    def _conversations_of(self, user_id: str) -> tuple[dict[str, Cursor], bool]:
        """The caller's conversations with the position at which each begins, and whether there are
        more."""
        found = self._conversations.page(user_id, None, MAX_ROOMS)
        return {
            one.id: Cursor(one.created_at, "") for one in found.items
        }, found.next_cursor is not None

    def _channels_of(self, user_id: str) -> tuple[dict[str, Cursor], bool]:
        """The caller's channels, with the position at which they joined, and whether more exist."""
        found = self._members.page_of(user_id, None, MAX_ROOMS)
        joined = {member.server_id: member.joined_at for member in found.items}
        there = self._servers.get_many(joined) if joined else {}
        channels = self._channels.of_servers(there, MAX_ROOMS + 1) if there else ()
        truncated = found.next_cursor is not None or len(channels) > MAX_ROOMS
        positions = {one.id: Cursor(joined[one.server_id], "") for one in channels[:MAX_ROOMS]}
        return positions, truncated

    def _count_unread(
        self, user_id: str, kind: RoomKind, rooms: Mapping[str, Cursor]
    ) -> Sequence[UnreadCount]:
        if not rooms:
            return []
        try:
            counts = self._backends[kind].messages.unread(user_id, rooms, MAX_UNREAD)
        except NoStoreAvailable:
            return [UnreadCount(room_id, kind, None) for room_id in rooms]
        return [UnreadCount(room_id, kind, counts.get(room_id, 0)) for room_id in rooms]

    def _move_marker(
        self, user_id: str, operation: Operation, message: Message
    ) -> WriteResult[ReadMarker]:
        now, key = utc_now(), read_marker_id(message.room_id, user_id)

        def move(read: ReadMarker) -> ReadMarker:
            return read.with_message(message, op_id=operation.op_id, now=now)

        first = ReadMarker(
            id=key,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            room_id=message.room_id,
            user_id=user_id,
            message_id=message.id,
            message_at=message.created_at,
        )
        return upsert_with_retry(self._read_markers, key, operation.op_id, move, lambda: first)


def _require_message(messages: Messages, room_id: str, message_id: str) -> Message:
    try:
        message = messages.get(message_id)
    except NotFound:
        message = None
    if message is None or message.room_id != room_id:
        raise InvalidRequest("is not a message in this room", field="message_id")
    return message


def _later_positions(
    starts: Mapping[str, Cursor], reached: Mapping[str, Cursor]
) -> dict[str, Cursor]:
    """The later position of each room: members who rejoin start again from there."""
    return {
        room_id: max(start, reached.get(room_id, start), key=lambda it: (it.created_at, it.id))
        for room_id, start in starts.items()
    }
