"""What guests sent and what they were told: the outside half of what a check needs to know."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

STEPS = ("pending", "confirmed", "preparing", "ready", "completed")
CANCELLED = "cancelled"
FAILOVER_GRACE_SECONDS = 1.2
"""For half a second the others may not know (docs/decisions); the rest is for a busy machine."""


class StoreLoss(NamedTuple):
    """A diner lost a store; in the time of `time.monotonic`."""

    at: float
    place: str


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One try of one request. Status 0 says that no answer came."""

    diner: str
    method: str
    path: str
    key: str | None
    began: float
    seconds: float
    status: int
    body: Any = None
    store: str = ""
    role: str = ""
    replayed: bool = False
    retry_after: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether a client has no reason to try again."""
        return 0 < self.status < 500 and not self.is_busy

    @property
    def is_busy(self) -> bool:
        return self.status == 409 and bool(self.retry_after)

    def __str__(self) -> str:
        told = "" if self.status < 400 else f" {self.body}"
        return (
            f"{self.method} {self.path} at {self.diner} by {self.store or 'nobody'} as {self.role}:"
            f" {self.status} after {self.seconds * 1000:.0f} ms{told}"
        )


@dataclass(eq=False, slots=True)
class OrderFact:
    """An order as its only owner knows it.

    `asked` are steps that were tried and not answered; they may have been taken. `unsure` says
    that some try to place it may have succeeded although nobody said so. `disputed`: another
    state of it is kept in a conflict. `changing`: a change of its lines or payments was tried and
    not answered, or answered by whoever did not know of all the others. `known_lines`: how many
    there are of each line that was acknowledged. `cart`: what it was ordered from.
    """

    key: str
    sent: dict[str, Any]
    answer: dict[str, Any] | None = None
    ids: set[str] = field(default_factory=set)
    status: str = STEPS[0]
    unanswered_steps: set[str] = field(default_factory=set)
    refused: bool = False
    maybe_placed: bool = False
    disputed: bool = False
    maybe_changed: bool = False
    known_lines: dict[str, int] = field(default_factory=dict)
    cart: str | None = None

    @property
    def may_cost_more(self) -> bool:
        """Whether its total is not what was acknowledged last, for all anybody knows."""
        return self.disputed or self.maybe_changed

    @property
    def id(self) -> str:
        assert self.answer is not None
        order_id: str = self.answer["id"]
        return order_id

    def may_be(self, status: str) -> bool:
        return status == self.status or status in self.unanswered_steps


@dataclass(eq=False, slots=True)
class DishFact:
    """A menu item as its only owner knows it; `asked` are prices tried and not answered."""

    id: str
    price: int
    unanswered_prices: set[int] = field(default_factory=set)
    deleted: bool = False
    maybe_deleted: bool = False
    available: bool = True

    def may_cost(self, price: int) -> bool:
        return price == self.price or price in self.unanswered_prices


@dataclass(eq=False, slots=True)
class ChargeFact:
    """Money that was taken, or given back; its `mark` is in the payment and nowhere else."""

    order: OrderFact
    mark: str
    amount: int
    acknowledged: bool = False
    maybe_charged: bool = False


@dataclass(slots=True)
class Observations:
    """Filled by many threads, each with facts of its own.

    `checked`: it was compared with what the databases hold.
    """

    calls: list[RecordedCall] = field(default_factory=list)
    orders: list[OrderFact] = field(default_factory=list)
    dishes: list[DishFact] = field(default_factory=list)
    charges: list[ChargeFact] = field(default_factory=list)
    stock_limits: dict[str, int] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    stale_answers: list[tuple[RecordedCall, str, str]] = field(default_factory=list)
    not_found_calls: list[RecordedCall] = field(default_factory=list)
    allows_stale_backup: bool = False
    checked: bool = False

    @property
    def acknowledged(self) -> list[OrderFact]:
        return [order for order in self.orders if order.answer is not None]

    def staleness(self, losses: Sequence[StoreLoss], disputed: Container[str]) -> list[str]:
        """P6: answers that lack an acknowledged write. Anybody may give them for a moment after a
        diner lost a store. Where the scenario leaves a backup alone that is behind, it may, and so
        may everybody afterwards if what it took meanwhile has won and a conflict says so."""
        return [
            f"P6: {what}: {call}"
            for call, what, about in self.stale_answers
            if not _stores_lost_before(call, losses)
            and not (self.allows_stale_backup and (call.role == "backup" or about in disputed))
        ]

    def vanished_records(self, losses: Sequence[StoreLoss]) -> list[str]:
        """P7: no acknowledged record is said not to exist, but for a moment where one diner lost
        one store and another diner the other one."""
        return [
            f"P7: {call}"
            for call in self.not_found_calls
            if len(_stores_lost_before(call, losses)) < 2
        ]

    def calls_where(self, wanted: Callable[[RecordedCall], bool]) -> list[RecordedCall]:
        return [call for call in list(self.calls) if wanted(call)]

    def slowest(self, since: float = 0.0) -> RecordedCall:
        return max(self.calls_where(lambda call: call.began >= since), key=lambda c: c.seconds)

    def trip(self, since: float = 0.0) -> list[RecordedCall]:
        """Calls that had to be repeated."""
        return self.calls_where(lambda call: call.began >= since and not call.is_answer)

    def figures(self) -> dict[str, int]:
        """For reports."""
        writes = [call for call in self.calls if call.method != "GET"]
        again = {call.key for call in writes if not call.is_answer}
        return {
            "orders placed": len(self.orders),
            "orders acknowledged": len(self.acknowledged),
            "charges acknowledged": sum(charge.acknowledged for charge in self.charges),
            "writes": len({call.key for call in writes}),
            "writes acknowledged": len({c.key for c in writes if 200 <= c.status < 300}),
            "writes retried": len(again),
            "tries that gave no answer or 5xx": sum(not call.is_answer for call in writes),
            "reads": len(self.calls) - len(writes),
            "refused (4xx)": sum(c.is_answer and c.status >= 400 for c in writes),
            "answers from behind": len(self.stale_answers),
        }


def _stores_lost_before(call: RecordedCall, losses: Sequence[StoreLoss]) -> set[str]:
    """Which stores some diner lost just before the call."""
    return {
        loss.place for loss in losses if loss.at <= call.began < loss.at + FAILOVER_GRACE_SECONDS
    }
