"""Two people who talk with each other: guests with staff, and staff among themselves."""

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
    """A room for two. Its id follows from who they are, so that there never are two of it."""

    user_ids: tuple[str, ...]
    started_by: str

    def validate(self) -> None:
        if len(set(self.user_ids)) != 2:
            raise InvalidRecord("user_ids", "must be two different users")


def conversation_id(user_id: str, other_user_id: str) -> str:
    """The same, whichever of the two asks."""
    return derived_id("conversation", *sorted((user_id, other_user_id)))


def merge_conversations(
    first: Conversation, second: Conversation, policy: MergePolicy
) -> MergeResult[Conversation]:
    """Begun on both sides at once it is one, and nobody has to decide who began it."""
    return MergeResult(policy.decide(first, second).record)


CONVERSATIONS = Kind("conversations", Conversation, merge=merge_conversations)
