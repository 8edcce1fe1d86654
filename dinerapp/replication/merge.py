"""Merges two states of one record. Pure, and symmetric: both stores come to the same result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from dinerapp.replication import codec
from dinerapp.replication.identity import same_operation
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId

R = TypeVar("R", bound=Record)

MergePolicyName = Literal["source_priority", "last_write_wins"]
DEFAULT_PRIORITY = {StoreId.NOCODB: 2, StoreId.MONGODB: 1, StoreId.POSTGRESQL: 1}


@dataclass(frozen=True, slots=True)
class MergePolicy:
    """Decides which state wins if the kind has no merge rule of its own."""

    name: MergePolicyName = "source_priority"
    priority: Mapping[StoreId, int] = field(default_factory=lambda: DEFAULT_PRIORITY)

    def decide(self, first: R, second: R) -> MergeResult[R]:
        """One state wins as a whole; the other is kept for a manager to review."""
        ranked = sorted((first, second), key=self._rank)
        reason = f"{self.name}: {_describe_write(ranked[1])} over {_describe_write(ranked[0])}"
        return MergeResult(ranked[1], loser=ranked[0], reason=reason)

    def _rank(self, record: Record) -> tuple[object, ...]:
        priority = 0
        if self.name == "source_priority" and record.source is not None:
            priority = self.priority[record.source]
        return priority, record.updated_at, record.op_id, codec.digest(record)


def merge_states(kind: Kind[R], stored: R, incoming: R, policy: MergePolicy) -> MergeResult[R]:
    """The state that both stores should hold, and the state that lost against it, if any."""
    if stored == incoming:
        return MergeResult(stored)
    if stored.version != incoming.version:
        stored_has_all, incoming_has_all = stored.includes(incoming), incoming.includes(stored)
        if stored_has_all and not incoming_has_all:
            return MergeResult(stored.with_history_of(incoming))
        if incoming_has_all and not stored_has_all:
            return MergeResult(incoming.with_history_of(stored))
    first, second = sorted((stored, incoming), key=codec.digest)
    merge = _merge_concurrent(kind, first, second, policy)
    return MergeResult(
        merge.record.with_history_of(first).with_history_of(second), merge.loser, merge.reason
    )


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that are taken together from the state that is ahead in them, whatever the policy
    prefers. If neither is ahead, they follow the policy, and a difference is a conflict."""

    names: tuple[str, ...]
    is_ahead: Callable[[Any, Any], bool]


def merge_groups(
    *groups: FieldGroup, clash: Callable[[R, R], str] = lambda _one, _other: ""
) -> Callable[[R, R, MergePolicy], MergeResult[R]]:
    """The merge rule of a kind: each group is merged on its own, the other fields by the policy.
    The loser is reported if it differs from the result in fields that it is not behind in. If
    `clash` returns a reason why both states cannot be right, the state behind in the first group
    loses, whatever the policy."""

    def merge(first: R, second: R, policy: MergePolicy) -> MergeResult[R]:
        decided = policy.decide(first, second)
        is_second_ahead = groups[0].is_ahead(second, first)
        behind, ahead = (first, second) if is_second_ahead else (second, first)
        clashes = clash(behind, ahead)
        winner = ahead if clashes else decided.record
        loser = second if winner is first else first
        settled: dict[str, Any] = {}
        for group in groups:
            if group.is_ahead(winner, loser) or group.is_ahead(loser, winner):
                right = loser if group.is_ahead(loser, winner) else winner
                settled |= {name: getattr(right, name) for name in group.names}
        merged: R = replace(winner, **settled)
        if clashes or codec.content(replace(loser, **settled)) != codec.content(merged):
            return MergeResult(merged, loser, clashes or decided.reason)
        return MergeResult(merged)

    return merge


def _merge_concurrent(kind: Kind[R], first: R, second: R, policy: MergePolicy) -> MergeResult[R]:
    if first.deleted != second.deleted:
        deleted, changed = (first, second) if first.deleted else (second, first)
        return MergeResult(deleted, loser=changed, reason="deletion wins over a concurrent change")
    if first.deleted or codec.content(first) == codec.content(second):
        return MergeResult(
            max(first, second, key=lambda r: (r.updated_at, r.op_id, codec.digest(r)))
        )
    if same_operation(first.op_id, second.op_id):
        merge = kind.merge(first, second, MergePolicy("last_write_wins"))
        reason = "one request was tried twice, with different results" if merge.loser else ""
        return MergeResult(merge.record, merge.loser, reason)
    return kind.merge(first, second, policy)


def _describe_write(record: Record) -> str:
    return f"{record.source} at {record.updated_at:%Y-%m-%dT%H:%M:%S.%f}"
