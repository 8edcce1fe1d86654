"""Sending, editing and removing messages in rooms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.accounts.errors import NotPermitted
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.services.room_feed import ResumeToken, RoomStream
from dinerapp.messaging.services.rooms import Room, RoomService
from dinerapp.messaging.services.throttle import Throttle
from dinerapp.messaging.signals import message_changed, message_sent, typing_noticed
from dinerapp.ordering.services.orders import OrderService
from dinerapp.replication import served_by
from dinerapp.replication.errors import InvalidRequest, NotFound
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, create_idempotently, update_with_retry
from dinerapp.replication.signals import announce


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to send: text, a file, an order, or several of these."""

    content: str = ""
    file_url: str | None = None
    order_id: str | None = None


class MessageService:
    """Use cases for messages. Users who are not in a room get the same error as if it did not
    exist."""

    def __init__(self, rooms: RoomService, orders: OrderService, typing_throttle: Throttle) -> None:
        self._rooms = rooms
        self._orders = orders
        self._typing_throttle = typing_throttle

    def page(self, caller: Caller, room_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        """The messages of a room, newest first."""
        return self._messages_of(caller, room_id).page(room_id, after, limit)

    def get(self, caller: Caller, room_id: str, message_id: str) -> Message:
        """One message of a room."""
        return _require_in_room(self._messages_of(caller, room_id).get(message_id), room_id)

    def send(
        self, caller: Caller, room_id: str, operation: Operation, new: NewMessage
    ) -> WriteResult[Message]:
        """Sends a message, once per operation."""
        room = self._authorize(caller, room_id)
        now = utc_now()
        message = Message(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            room_id=room_id,
            author_id=room.user_id,
            content=new.content,
            file_url=new.file_url,
            order_id=new.order_id,
        )
        messages = room.backend.messages

        def create() -> Message:
            self._require_content(caller, new)
            return messages.save(message)

        result = create_idempotently(messages, operation, create)
        if result.changed:
            announce(message_sent, self, kind=messages.kind.name, message=result.record)
        return result

    def edit(
        self,
        caller: Caller,
        room_id: str,
        message_id: str,
        operation: Operation,
        content: str,
        if_match: str | None = None,
    ) -> WriteResult[Message]:
        """Changes the text; only the author may."""
        room = self._authorize(caller, room_id)

        def change(message: Message) -> Message:
            if _require_in_room(message, room_id).author_id != room.user_id:
                raise NotPermitted("only its author may edit a message")
            return message.with_content(content, op_id=operation.op_id, now=utc_now())

        return self._update(room, message_id, operation, change, if_match)

    def remove(
        self,
        caller: Caller,
        room_id: str,
        message_id: str,
        operation: Operation,
        if_match: str | None = None,
    ) -> WriteResult[Message]:
        """Removes a message: the caller's own, or as a moderator any message."""
        room = self._authorize(caller, room_id)

        def change(message: Message) -> Message:
            if (
                _require_in_room(message, room_id).author_id != room.user_id
                and not room.may_moderate
            ):
                raise NotPermitted("only moderators and admins may delete messages of others")
            return message.as_removed(room.user_id, op_id=operation.op_id, now=utc_now())

        return self._update(room, message_id, operation, change, if_match)

    def announce_typing(self, caller: Caller, room_id: str) -> None:
        """Tells the others in the room that the caller is typing; throttled."""
        room = self._authorize(caller, room_id)
        if self._typing_throttle.try_acquire((room_id, room.user_id)):
            announce(typing_noticed, self, room_id=room_id, user_id=room.user_id)

    def stream(self, caller: Caller, room_id: str, resume_token: ResumeToken | None) -> RoomStream:
        """The messages of a room from now on, or since a resume token."""
        room = self._authorize(caller, room_id)
        return room.backend.feed.stream(room_id, room.user_id, resume_token)

    def can_watch(self, stream: RoomStream) -> bool:
        """Whether the watcher of a stream still has access to its room."""
        return self._rooms.still_authorized(stream)

    def _authorize(self, caller: Caller, room_id: str) -> Room:
        return self._rooms.authorize(caller.user_id or "", room_id)

    def _messages_of(self, caller: Caller, room_id: str) -> Messages:
        return self._authorize(caller, room_id).backend.messages

    def _require_content(self, caller: Caller, new: NewMessage) -> None:
        if not (new.content.strip() or new.file_url or new.order_id):
            raise InvalidRequest(
                "must not be blank unless a file or an order is attached", field="content"
            )
        if new.order_id is not None:
            try:
                with served_by.suspended():
                    self._orders.get(new.order_id, caller)
            except NotFound:
                raise InvalidRequest("is not an order that you may see", field="order_id") from None

    def _update(
        self,
        room: Room,
        message_id: str,
        operation: Operation,
        change: Callable[[Message], Message],
        if_match: str | None,
    ) -> WriteResult[Message]:
        messages = room.backend.messages
        result = update_with_retry(messages, message_id, operation.op_id, change, if_match)
        if result.changed:
            kind = messages.kind.name
            announce(message_changed, self, kind=kind, message=result.record)
        return result


def _require_in_room(message: Message, room_id: str) -> Message:
    """NotFound if the message is in another room."""
    if message.room_id != room_id:
        raise NotFound("messages", message.id)
    return message
