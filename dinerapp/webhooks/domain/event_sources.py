"""Which kinds of records webhooks tell of. Other wings declare theirs; none is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dinerapp.replication.events import RecordEvent
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)

PING = "ping"
"""The topic of test deliveries, which nobody subscribes to."""


@dataclass(frozen=True, slots=True)
class EventSource(Generic[R]):
    """A kind whose records tell of events: their topics, such as `order.placed`, and everything
    that the state of a record tells of its past. Nothing personal belongs in them.

    The kind has followers: a delivery is made even if the process dies after the write.
    """

    kind: Kind[R]
    topics: tuple[str, ...]
    events_of: Callable[[R], Iterable[RecordEvent]]

    def __post_init__(self) -> None:
        if not self.kind.has_followers:
            raise TypeError(f"the kind {self.kind.name} needs has_followers=True to tell of events")
        if PING in self.topics:
            raise TypeError(f"the topic {PING} is taken")
