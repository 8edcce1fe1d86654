"""The settings of replication, whatever the kinds are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.version import StoreId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationSettings:
    """Durations are in seconds.

    `placement` overrides the default placement of single kinds. `policy` decides which state wins
    if a kind has no merge rule of its own. Store calls longer than `slow_call` count as slow.
    `relay_in_workers` says whether this process works off outboxes; some process has to.
    """

    placement: Mapping[str, tuple[StoreId, ...]] = field(default_factory=dict)
    policy: MergePolicy = field(default_factory=MergePolicy)
    request_deadline: float = 0.95
    attempt_deadline: float = 0.45
    slow_call: float = 0.3
    relay_in_workers: bool = True
