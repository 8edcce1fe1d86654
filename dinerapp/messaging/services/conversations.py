"""Opening conversations."""

from __future__ import annotations

from dataclasses import replace

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.accounts.domain.users import User
from dinerapp.accounts.ports.users import Users
from dinerapp.messaging.domain.conversations import Conversation, conversation_id
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.messaging.services.idempotency import IdempotencyGuard
from dinerapp.replication import served_by
from dinerapp.replication.errors import AlreadyExists, InvalidRequest, NotFound
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, confirm_unchanged, save_idempotently


class ConversationService:
    """Use cases for conversations."""

    def __init__(
        self, conversations: Conversations, users: Users, idempotency_guard: IdempotencyGuard
    ) -> None:
        self._conversations = conversations
        self._users = users
        self._idempotency_guard = idempotency_guard

    def page(self, caller: Caller, after: Cursor | None, limit: int) -> Page[Conversation]:
        """The caller's conversations, newest first."""
        return self._conversations.page(caller.user_id or "", after, limit)

    def get(self, caller: Caller, conversation_id: str) -> Conversation:
        """One of the caller's conversations; NotFound for any other."""
        found = self._conversations.get(conversation_id)
        if caller.user_id not in found.user_ids:
            raise NotFound(self._conversations.kind.name, conversation_id)
        return found

    def open(self, caller: Caller, user_id: str, operation: Operation) -> WriteResult[Conversation]:
        """The conversation of the two users, created if there is none."""
        own = caller.user_id or ""
        room_id = conversation_id(own, user_id)
        known = self._find(room_id)
        if known is None:
            self._require_staff(caller, user_id)
        self._idempotency_guard.record_use(operation, room_id)
        if known is not None:
            return self._confirm(known, operation)
        now = utc_now()
        conversation = Conversation(
            id=room_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            user_ids=tuple(sorted((own, user_id))),
            started_by=own,
        )
        try:
            return save_idempotently(self._conversations.save, conversation)
        except AlreadyExists as exc:
            return self._confirm(exc.stored, operation)

    def _confirm(self, known: Conversation, operation: Operation) -> WriteResult[Conversation]:
        """Whoever made it, this try or somebody else, may have died before both stores had it."""
        replayed = known.has_applied(operation.op_id)
        return replace(confirm_unchanged(self._conversations, known), replayed=replayed)

    def _find(self, room_id: str) -> Conversation | None:
        try:
            return self._conversations.get(room_id)
        except NotFound:
            return None

    def _require_staff(self, caller: Caller, user_id: str) -> None:
        """Guests can only talk with staff. The error is the same for guests and for unknown users,
        so that it does not reveal who exists."""
        with served_by.suspended():
            user = self._users.get_many([user_id]).get(user_id)
        allowed = caller.is_staff or _is_staff(user)
        if user is None or not user.active or user_id == caller.user_id or not allowed:
            raise InvalidRequest(
                "is not a person you can have a conversation with", field="user_id"
            )


def _is_staff(user: User | None) -> bool:
    return user is not None and Caller(role=user.role).is_staff
