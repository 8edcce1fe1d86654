"""Orders at tables: moving one, and paying two as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.signals import order_revised
from dinerapp.replication.errors import InvalidRequest, NotFound, RuleViolation
from dinerapp.replication.identity import Operation, new_op_id
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, update_and_confirm, update_with_retry
from dinerapp.replication.signals import announce


class BillService:
    """Use cases around tables and bills, and a follower of orders.

    A merge is two writes: the order says on whose bill it is, and that one learns what it adds.
    The first one decides. Whatever happens after it, the follower brings the bills in line with
    what orders say: an interrupted merge, a change of an order on a bill, and what two stores that
    were cut off had merged differently.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def move(
        self, order_id: str, operation: Operation, table: str, if_match: str | None
    ) -> WriteResult[Order]:
        """To another table."""

        def change(order: Order) -> Order:
            return order.at_table(table, op_id=operation.op_id, now=utc_now())

        return _announced(
            self,
            update_and_confirm(self._orders, order_id, operation.op_id, change, if_match),
        )

    def merge(self, order_id: str, operation: Operation, other_id: str) -> WriteResult[Order]:
        """Puts another order on the bill of this one; whoever repeats a call that died in between
        gets the rest done."""
        if order_id == other_id:
            raise InvalidRequest("must be another order", field="order_id")
        order, other = self._orders.get(order_id), self._named(other_id)
        if other.seating.merged_into != order_id and not order.has_applied(operation.op_id):
            order.require_takes_orders()
            other = self._put_on(other, order)
        try:
            return self._learn(order_id, other, operation.op_id, is_first=True)
        except RuleViolation:
            self._take_off(other_id, order_id)
            raise

    def split(self, order_id: str, operation: Operation) -> WriteResult[Order]:
        """Takes an order off the bill it is on, unless it was paid there."""

        def change(order: Order) -> Order:
            self._require_unpaid(order)
            return order.off_bill(op_id=operation.op_id, now=utc_now())

        done = update_and_confirm(self._orders, order_id, operation.op_id, change)
        self._align(done.record)
        return _announced(self, done)

    def follow(self, records: Sequence[Order]) -> None:
        """Brings every bill in line that the orders are or were on."""
        for order in records:
            if order.seating.former:
                self._align(order)

    def _align(self, order: Order) -> None:
        circle = self._circle_of(order)
        if circle:
            self._take_off(*min(circle.items()))
            for each in self._orders.get_many(circle).values():
                self._tell_bills(each)
        else:
            self._tell_bills(order)

    def _tell_bills(self, order: Order) -> None:
        for order_id in order.seating.former:
            with suppress(NotFound):
                self._learn(order_id, order, new_op_id(), is_first=False)

    def _circle_of(self, order: Order) -> Mapping[str, str]:
        """Orders that two stores, cut off from each other, have put on each other's bills: who is
        on whose. The oldest of them gets its own bill back."""
        circle: dict[str, str] = {}
        here: Order | None = order
        while here is not None and here.seating.merged_into is not None:
            circle[here.id] = target = here.seating.merged_into
            if target == order.id:
                return circle
            if target in circle:
                break  # Another circle, which others will find.
            here = self._orders.get_many([target]).get(target)
        return {}

    def _require_unpaid(self, order: Order) -> None:
        target = order.seating.merged_into
        bill = None if target is None else self._orders.get_many([target]).get(target)
        part = bill and next((it for it in bill.seating.on_bill if it.order_id == order.id), None)
        if bill and part and part.outstanding > bill.outstanding:
            raise RuleViolation("it was paid on the bill it is on; refund that first")

    def _put_on(self, other: Order, order: Order) -> Order:
        op_id = new_op_id()

        def change(found: Order) -> Order:
            return found.onto_bill(order, op_id=op_id, now=utc_now())

        return update_with_retry(self._orders, other.id, op_id, change).record

    def _take_off(self, other_id: str, order_id: str) -> None:
        op_id = new_op_id()

        def change(found: Order) -> Order:
            is_there = found.seating.merged_into == order_id
            return found.off_bill(op_id=op_id, now=utc_now()) if is_there else found

        update_with_retry(self._orders, other_id, op_id, change)

    def _learn(
        self, order_id: str, other: Order, op_id: str, *, is_first: bool
    ) -> WriteResult[Order]:
        """Tells an order what another one adds to its bill. The first time it may refuse."""

        def change(order: Order) -> Order:
            if is_first and all(it.order_id != other.id for it in order.seating.on_bill):
                order.require_takes_orders()
            return order.with_part(other, op_id=op_id, now=utc_now())

        return _announced(self, update_with_retry(self._orders, order_id, op_id, change))

    def _named(self, other_id: str) -> Order:
        try:
            return self._orders.get(other_id)
        except NotFound as exc:
            raise InvalidRequest("there is no such order", field="order_id") from exc


def _announced(sender: object, done: WriteResult[Order]) -> WriteResult[Order]:
    if done.changed:
        announce(order_revised, sender, order=done.record)
    return done
