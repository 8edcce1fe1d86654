"""Who is let into which room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dinerapp.accounts.ports.users import Users
from dinerapp.messaging.domain.members import Deed, Member, member_id
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.messaging.ports.members import Members
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.messaging.services.room_feed import RoomFeed, RoomStream
from dinerapp.replication import deadline, served_by
from dinerapp.replication.errors import NoStoreAvailable, NotFound

MOST_KNOWN = 10_000
PATIENCE = 1.0


class RoomKind(StrEnum):
    """What a room is; its id says which one."""

    CHANNEL = "channel"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where what is said in rooms of one kind is kept, and watched."""

    messages: Messages
    feed: RoomFeed


@dataclass(frozen=True, slots=True)
class Room:
    """A room that somebody is in, and as what: a member of its server, or one of two."""

    id: str
    user_id: str
    keeping: Keeping
    member: Member | None = None

    @property
    def may_moderate(self) -> bool:
        """Whether they may remove what others said."""
        return self.member is not None and self.member.may(Deed.REMOVE_MESSAGES)


class RoomService:
    """Answers one question. A room that is not there and one that somebody is not in are one."""

    def __init__(
        self,
        users: Users,
        servers: Servers,
        channels: Channels,
        members: Members,
        conversations: Conversations,
        keeping: Mapping[RoomKind, Keeping],
    ) -> None:
        self._users = users
        self._servers = servers
        self._channels = channels
        self._members = members
        self._conversations = conversations
        self._keeping = keeping
        self._known_channels: set[str] = set()

    def enter(self, user_id: str, room_id: str) -> Room:
        """The room, if it is one of theirs; NotFound."""
        with served_by.suspended():
            try:
                if room_id not in self._known_channels and self._is_for_two(user_id, room_id):
                    return Room(room_id, user_id, self._keeping[RoomKind.CONVERSATION])
                member = self._membership(user_id, room_id)
            except NotFound:
                raise NotFound("rooms", room_id) from None
        return Room(room_id, user_id, self._keeping[RoomKind.CHANNEL], member)

    def may_stay(self, stream: RoomStream) -> bool:
        """Whether somebody who watches a room is still in it; while nobody can say, they are."""
        if not stream.is_in_doubt:
            return True
        try:
            with deadline.within(PATIENCE):
                self.enter(stream.watcher, stream.room_id)
                return self._stays(stream)
        except NotFound:
            return False
        except NoStoreAvailable:
            return True

    def _stays(self, stream: RoomStream) -> bool:
        if self._users.get(stream.watcher).active:
            stream.confirm()
            return True
        return False

    def _is_for_two(self, user_id: str, room_id: str) -> bool:
        """Whether it is a conversation; NotFound where it is one of others."""
        try:
            conversation = self._conversations.get(room_id)
        except NotFound:
            return False
        if user_id not in conversation.user_ids:
            raise NotFound("rooms", room_id)
        return True

    def _membership(self, user_id: str, room_id: str) -> Member:
        """In the server whose channel it is."""
        channel = self._channels.get(room_id)
        self._remember(room_id)
        member = self._members.get(member_id(channel.server_id, user_id))
        if not member.is_active:
            raise NotFound("rooms", room_id)
        self._servers.get(channel.server_id)
        return member

    def _remember(self, channel_id: str) -> None:
        """What is a channel is no conversation, and never becomes one."""
        if len(self._known_channels) >= MOST_KNOWN:
            self._known_channels = set()
        self._known_channels.add(channel_id)
