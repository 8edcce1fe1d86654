"""Removes the messages of guests when they are erased."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.accounts.domain.users import User
from dinerapp.accounts.ports.users import Users
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.ports.messages import Messages
from dinerapp.messaging.signals import message_changed
from dinerapp.ordering.domain.customers import PhoneIdentity
from dinerapp.ordering.domain.orders import Order
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.paging import pages
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import update_with_retry
from dinerapp.replication.signals import announce


class MessageEraser:
    """Finds the accounts of a guest, who is known by phone number, through the orders placed with
    them."""

    def __init__(
        self, users: Users, message_repositories: Sequence[Messages], phone_identity: PhoneIdentity
    ) -> None:
        self._users = users
        self._message_repositories = message_repositories
        self._phone_identity = phone_identity

    def erase(self, orders: Collection[Order], phone: str, at: datetime) -> None:
        """Erases all messages that the guest had sent by then, if the orders were placed from an
        account of theirs. Idempotent."""
        ids = {order.user_id for order in orders if order.user_id is not None}
        accounts = self._users.get_many(ids).values() if ids else ()
        for user in accounts:
            if self._is_theirs(user, phone):
                for messages in self._message_repositories:
                    self._erase_all_of(messages, user.id, at)

    def _is_theirs(self, user: User, phone: str) -> bool:
        """Whether the account is the guest's own: staff order for guests, and users for friends."""
        number = self._phone_identity.phone(user.phone) if user.phone else phone
        return not Caller(role=user.role).is_staff and number == phone

    def _erase_all_of(self, messages: Messages, author_id: str, at: datetime) -> None:
        for found in pages(partial(messages.page_of, author_id)):
            for message in found:
                if message.created_at <= at and not message.is_erased:
                    self._erase_message(messages, message.id)

    def _erase_message(self, messages: Messages, message_id: str) -> None:
        op_id = new_op_id()

        def erase(message: Message) -> Message:
            return message.as_erased(op_id=op_id, now=utc_now())

        result = update_with_retry(messages, message_id, op_id, erase)
        if result.changed:
            kind = messages.kind.name
            announce(message_changed, self, kind=kind, message=result.record)
