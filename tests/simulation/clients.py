"""Clients: each does a few random things, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dinerapp.ordering.domain.menu import MenuItem
from dinerapp.ordering.domain.orders import STEPS, HistoryStep, Order, Status
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.replication.identity import Operation
from tests import factories
from tests.contracts.counted import Booking, booking
from tests.simulation.oracle import IntendedOperation
from tests.simulation.requests import RequestRunner
from tests.simulation.simulation import Simulation
from tests.simulation.stores import POISON


@dataclass
class KnownIds:
    """Ids that clients have heard of."""

    orders: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    bookings: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[str]:
        """Those of a kind."""
        return {"orders": self.orders, "menu_items": self.items, "bookings": self.bookings}[kind]


class SimulatedClient:
    """Orders, books tables, moves, cancels, edits, deletes and reads."""

    def __init__(self, name: str, world: Simulation, known: KnownIds) -> None:
        self.name = name
        self._world = world
        self._known = known
        self._rng = world.rng
        self._eager = world.plan.eager
        self._requests = RequestRunner(world)
        self._number = 0

    def run(self) -> None:
        """The life of the client."""
        plan = self._world.plan
        actions: list[Callable[[], None]] = [getattr(self, name) for name in plan.mix]
        weights = list(plan.mix.values())
        for _ in range(self._rng.randint(2, plan.record_count)):
            self._world.scheduler.sleep(self._rng.expovariate(1 / plan.think_seconds))
            self._rng.choices(actions, weights)[0]()

    def place_order(self) -> None:
        if not self._known.items:
            return
        op = self._new("orders", "place")
        item, quantity = self._rng.choice(self._known.items[:2]), self._rng.choice((1, 1, 2))
        self._known.orders.append(op.record_id)
        self._requests.create(op, lambda: self._order(op, item, quantity))

    def move_order(self) -> None:
        wanted: list[Status] = []

        def change(order: Order, op: IntendedOperation) -> Order:
            ahead = sorted(STEPS[order.status] - {Status.CANCELLED})
            wanted.append(self._rng.choice(ahead or [Status.PENDING]))
            return self._move_marker(order, op, wanted[0])

        self._change("orders", "move", change)

    def cancel_order(self) -> None:
        self._change("orders", "cancel", lambda o, op: self._move_marker(o, op, Status.CANCELLED))

    def write_notes(self) -> None:
        def change(order: Order, op: IntendedOperation) -> Order:
            return self._edited(order, op, notes=self._notes(op.label))

        self._change("orders", "notes", change)

    def price_item(self) -> None:
        price = 1000 + len(self._world.oracle.ops)
        self._change("menu_items", "price", lambda i, op: self._edited(i, op, price=price))

    def delete_item(self) -> None:
        def change(item: MenuItem, op: IntendedOperation) -> MenuItem:
            return replace(self._edited(item, op), deleted=True)

        self._change("menu_items", "delete", change, deletes=True)

    def create_item(self) -> None:
        op = self._new("menu_items", "create")
        slug = "special" if self._rng.random() < 0.15 else f"dish-{op.record_id}"
        limit = self._rng.choice((None, 2, 3))
        now = self._world.clock.now()

        def make() -> MenuItem:
            return factories.menu_item(
                id=op.record_id, op_id=op.op_id, created_at=now, slug=slug, stock_limit=limit
            )

        if self._requests.create(op, make):
            self._known.items.append(op.record_id)

    def book_table(self) -> None:
        op = self._new("bookings", "book")
        keys = self._half_hours()
        self._known.bookings.append(op.record_id)
        now = self._world.clock.now()
        self._requests.create(
            op, lambda: booking(*keys, id=op.record_id, op_id=op.op_id, created_at=now)
        )

    def move_booking(self) -> None:
        keys = self._half_hours()
        self._change("bookings", "rebook", lambda b, op: self._edited(b, op, keys=keys))

    def cancel_booking(self) -> None:
        def change(booked: Booking, op: IntendedOperation) -> Booking:
            return replace(self._edited(booked, op), deleted=True)

        self._change("bookings", "give up", change, deletes=True)

    def _half_hours(self) -> tuple[str, ...]:
        """One table, for a while of the same short evening."""
        start = self._rng.randrange(3)
        return tuple(f"table:{number}" for number in range(start, start + self._rng.choice((1, 2))))

    def read_order(self) -> None:
        self._read("orders", self._known.orders)

    def read_item(self) -> None:
        self._read("menu_items", self._known.items)

    def list_records(self) -> None:
        if self._rng.random() < 0.5:
            self._requests.fetch("orders", lambda checked: checked.list(OrderFilter(), None, 50))
        else:
            self._requests.fetch("menu_items", lambda checked: checked.list())

    def _read(self, kind: str, ids: list[str]) -> None:
        if ids:
            record_id = self._one_of(ids)
            self._requests.fetch(kind, lambda checked: checked.get(record_id))

    def _one_of(self, ids: list[str]) -> str:
        """Rather one that others are busy with, if the plan says so."""
        return ids[-1] if self._rng.random() < self._eager else self._rng.choice(ids)

    def _change(
        self,
        kind: str,
        label: str,
        change: Callable[[Any, IntendedOperation], Any],
        *,
        deletes: bool = False,
    ) -> None:
        ids = self._known.of(kind)
        if ids:
            op = self._new(kind, label, self._one_of(ids), deletes=deletes)
            self._requests.change(op, lambda record: change(record, op))

    def _move_marker(self, order: Order, op: IntendedOperation, status: Status) -> Order:
        now = self._world.clock.now()
        return order.with_status(status, actor=self.name, reason=op.label, op_id=op.op_id, now=now)

    def _edited(self, record: Any, op: IntendedOperation, **fields: Any) -> Any:
        return record.with_changes(op_id=op.op_id, now=self._world.clock.now(), **fields)

    def _order(self, op: IntendedOperation, item: str, quantity: int) -> Order:
        """Priced at this try: the price may have changed since the last one."""
        price = 850 + self._rng.choice((0, 0, self._rng.randrange(1, 9)))
        now = self._world.clock.now()
        line = factories.line(
            id=op.record_id, item_id=item, quantity=quantity, unit_price=price, counted=True
        )
        return factories.order(
            order_lines=(line,),
            id=op.record_id,
            op_id=op.op_id,
            created_at=now,
            notes=self._notes(None),
            history=(HistoryStep(at=now, status=Status.PENDING, actor=self.name, reason=op.label),),
        )

    def _notes(self, otherwise: str | None) -> str | None:
        return POISON if self._rng.random() < self._world.plan.poisoned else otherwise

    def _new(
        self, kind: str, label: str, record_id: str = "", *, deletes: bool = False
    ) -> IntendedOperation:
        self._number += 1
        made = Operation.from_key(str(self._world.plan.seed), f"{self.name} {self._number}", b"")
        moves = label in ("move", "cancel")
        label = f"{self.name}.{self._number} {label}"
        op = IntendedOperation(made.op_id, label, kind, record_id or made.record_id, deletes, moves)
        self._world.oracle.record_intent(op)
        self._world.history.note("%s of %s %s", op, kind, op.record_id[:4])
        return op
