"""Access to rooms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from cachetools import LRUCache

from dinerapp.accounts.ports.users import Users
from dinerapp.messaging.domain.members import Member, MemberPermission, member_id
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.messaging.ports.members import Members
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.messaging.services.room_feed import RoomFeed, RoomStream
from dinerapp.replication import deadline, served_by
from dinerapp.replication.errors import NoStoreAvailable, NotFound

MAX_KNOWN_CHANNELS = 10_000
TIMEOUT_SECONDS = 1.0


class RoomKind(StrEnum):
    """The kind of a room, which can be found out from its id."""

    CHANNEL = "channel"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True)
class RoomBackend:
    """The messages of rooms of one kind, and their feed."""

    messages: Messages
    feed: RoomFeed


@dataclass(frozen=True, slots=True)
class Room:
    """A room as one user may use it: as a member of its server, or as one of two."""

    id: str
    user_id: str
    backend: RoomBackend
    member: Member | None = None

    @property
    def may_moderate(self) -> bool:
        """Whether the user may remove messages of others."""
        return self.member is not None and self.member.may(MemberPermission.REMOVE_MESSAGES)


class RoomService:
    """Checks access to rooms. A room that does not exist and one the user is not in give the same
    error."""

    def __init__(
        self,
        users: Users,
        servers: Servers,
        channels: Channels,
        members: Members,
        conversations: Conversations,
        backends: Mapping[RoomKind, RoomBackend],
    ) -> None:
        self._users = users
        self._servers = servers
        self._channels = channels
        self._members = members
        self._conversations = conversations
        self._backends = backends
        self._known_channel_ids = LRUCache[str, None](MAX_KNOWN_CHANNELS)
        self._lock = Lock()

    def authorize(self, user_id: str, room_id: str) -> Room:
        """The room, if the user is in it; otherwise NotFound."""
        with served_by.suspended():
            try:
                if room_id not in self._known_channel_ids and self._is_in_conversation(
                    user_id, room_id
                ):
                    return Room(room_id, user_id, self._backends[RoomKind.CONVERSATION])
                member = self._membership(user_id, room_id)
            except NotFound:
                raise NotFound("rooms", room_id) from None
        return Room(room_id, user_id, self._backends[RoomKind.CHANNEL], member)

    def still_authorized(self, stream: RoomStream) -> bool:
        """Whether the user of a stream is still in the room; True while that cannot be checked."""
        if not stream.must_check_access:
            return True
        try:
            with deadline.within(TIMEOUT_SECONDS):
                self.authorize(stream.watcher_id, stream.room_id)
                return self._confirm_if_active(stream)
        except NotFound:
            return False
        except NoStoreAvailable:
            return True

    def _confirm_if_active(self, stream: RoomStream) -> bool:
        if self._users.get(stream.watcher_id).active:
            stream.confirm_access()
            return True
        return False

    def _is_in_conversation(self, user_id: str, room_id: str) -> bool:
        """Whether it is a conversation; NotFound if it is a conversation of others."""
        try:
            conversation = self._conversations.get(room_id)
        except NotFound:
            return False
        if user_id not in conversation.user_ids:
            raise NotFound("rooms", room_id)
        return True

    def _membership(self, user_id: str, room_id: str) -> Member:
        """The membership in the server of the channel."""
        channel = self._channels.get(room_id)
        self._remember_channel(room_id)
        member = self._members.get(member_id(channel.server_id, user_id))
        if not member.is_active:
            raise NotFound("rooms", room_id)
        self._servers.get(channel.server_id)
        return member

    def _remember_channel(self, channel_id: str) -> None:
        """Remembers that an id is a channel's, so that it is never looked up as a conversation."""
        with self._lock:
            self._known_channel_ids[channel_id] = None
