"""Conversations of two: a guest with staff, or staff with staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import derived_id
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation(Record):
    """A room for two. Its id is derived from the two users, so that there is only one for them."""

    user_ids: tuple[str, ...]
    started_by: str

    def validate(self) -> None:
        if len(set(self.user_ids)) != 2:
            raise InvalidRecord("user_ids", "must be two different users")


def conversation_id(user_id: str, other_user_id: str) -> str:
    """The id of the conversation of two users, in whichever order they are given."""
    return derived_id("conversation", *sorted((user_id, other_user_id)))


def merge_conversations(
    first: Conversation, second: Conversation, policy: MergePolicy
) -> MergeResult[Conversation]:
    """If a conversation was started in both stores at once, both states count as the same."""
    return MergeResult(policy.decide(first, second).record)


CONVERSATIONS = Kind("conversations", Conversation, merge=merge_conversations)
