"""Simulates the life of a demo order: what waiters, cooks and cashiers do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from dinerapp.demo import people
from dinerapp.ordering.domain.orders import FulfilmentType, Order, Status
from dinerapp.ordering.domain.payments import Method, left_of
from dinerapp.ordering.domain.tickets import Ticket, open_stations
from dinerapp.ordering.services.till import NewPayment, NewRefund, payment_of, refund_of
from dinerapp.replication.identity import Operation

Change = Callable[[Order, datetime], Order]
LifecycleStep = tuple[datetime, Change]

_PREORDER_LEAD = timedelta(minutes=25)
"""How long before its scheduled time the kitchen starts with a pre-order."""
_BANKNOTE, _VOUCHER = 500, 2000
_TIPS = (0, 0, 0, 50, 100, 100, 150, 200, 300)


class OrderLifecycle:
    """The life of one order. If the guest `complains`, part of the payment is refunded.

    `till_at` returns the id of the till that is open at a moment, or None.
    """

    def __init__(
        self,
        order: Order,
        payment_scope: str,
        rng: Random,
        till_at: Callable[[datetime], str | None],
        *,
        complains: bool = False,
    ) -> None:
        self._order = order
        self._payment_scope = payment_scope
        self._rng = rng
        self._till_at = till_at
        self._complains = complains
        self._time = order.created_at
        self._waiter, self._cashier = rng.choice(people.WAITERS), rng.choice(people.CASHIERS)
        self._is_delivered = order.fulfilment.type is FulfilmentType.DELIVERY
        self._is_dine_in = order.fulfilment.type is FulfilmentType.DINE_IN

    def state_at(self, end: datetime) -> Order:
        """The state of the order at that time. It has the operation id of its creation, because it
        is saved in one write."""
        op_id = self._order.op_id
        for moment, change in self._steps():
            if moment > end:
                break
            self._order = change(self._order, moment)
        return replace(self._order, op_id=op_id)

    def _steps(self) -> Iterator[LifecycleStep]:
        chance = self._rng.random()
        if not self._is_dine_in and self._rng.random() < 0.6:
            yield self._after(1, 2), self._pay_online
        if chance < 0.03:
            yield self._after(1, 4), self._move(Status.CANCELLED, "guest", "ordered by mistake")
            yield from self._refund_steps("the order was cancelled")
            return
        yield self._after(1, 4), self._move(Status.CONFIRMED, self._waiter)
        if chance < 0.05:
            yield (
                self._after(2, 8),
                self._move(Status.CANCELLED, self._waiter, "nobody came for it"),
            )
            yield from self._refund_steps("the order was cancelled")
            return
        yield from self._cooking_steps()
        yield from self._closing_steps()
        if self._complains:
            yield self._after(5, 15), self._refund_part

    def _cooking_steps(self) -> Iterator[LifecycleStep]:
        scheduled_for = self._order.fulfilment.scheduled_for
        if scheduled_for is not None:
            self._time = max(self._time, scheduled_for - _PREORDER_LEAD)
        yield self._after(1, 4), self._cook(Ticket.as_accepted, open_stations(self._order.tickets))
        yield self._after(0, 1), self._move(Status.PREPARING, people.CHEF)
        if self._is_dine_in and self._rng.random() < 0.08:
            yield self._after(1, 4), self._add_one_more
        for station in open_stations(self._order.tickets):
            yield self._after(3, 9), self._cook(Ticket.as_bumped, (station,))
        yield self._after(0, 1), self._move(Status.READY, people.CHEF)

    def _closing_steps(self) -> Iterator[LifecycleStep]:
        if self._is_delivered:
            yield self._after(1, 8), self._move(Status.OUT_FOR_DELIVERY, self._waiter)
        min_minutes, max_minutes = (20, 55) if self._is_dine_in else (5, 20)
        yield self._after(min_minutes, max_minutes), self._pay_part
        yield self._after(0, 1), self._pay_rest
        yield self._after(0, 2), self._move(Status.COMPLETED, self._waiter)

    def _refund_steps(self, reason: str) -> Iterator[LifecycleStep]:
        for payment in self._order.payments:
            new = NewRefund(payment_id=payment.id, amount=payment.amount, reason=reason)
            yield self._after(1, 4), self._refund(new)

    def _after(self, min_minutes: int, max_minutes: int) -> datetime:
        """The time of the next step: a random number of minutes after the previous one."""
        self._time += timedelta(seconds=self._rng.randint(60 * min_minutes, 60 * max_minutes))
        return self._time

    def _move(self, status: Status, actor: str, reason: str | None = None) -> Change:
        def change(order: Order, now: datetime) -> Order:
            return order.with_status(status, actor=actor, reason=reason, op_id=order.op_id, now=now)

        return change

    def _cook(self, step: Callable[[Ticket, datetime], Ticket], at: Iterable[str]) -> Change:
        def change(order: Order, now: datetime) -> Order:
            ticket_ids = [
                ticket.id for ticket in order.tickets if ticket.is_open and ticket.station in at
            ]
            return order.with_ticket_step(ticket_ids, step, op_id=order.op_id, now=now)

        return change

    def _add_one_more(self, order: Order, now: datetime) -> Order:
        line = next((line for line in order.active_lines if not line.counted), None)
        if line is None:
            return order
        return order.with_lines([line.with_quantity(line.quantity + 1)], op_id=order.op_id, now=now)

    def _pay_online(self, order: Order, now: datetime) -> Order:
        return self._pay(order, NewPayment(method=Method.CARD, reference="online"), "guest", now)

    def _pay_part(self, order: Order, now: datetime) -> Order:
        """Some guests use a voucher, some pay only for one line; most do neither."""
        chance = self._rng.random()
        if not order.outstanding or chance > 0.2:
            return order
        if chance < 0.08:
            amount = min(_VOUCHER, order.outstanding)
            new = NewPayment(method=Method.VOUCHER, amount=amount, till_id=self._till_at(now))
            return self._pay(order, new, self._cashier, now)
        line_ids = (order.active_lines[0].id,)
        return self._pay(
            order, self._counter_payment(order.cost_of(line_ids), now, line_ids), None, now
        )

    def _pay_rest(self, order: Order, now: datetime) -> Order:
        if not order.outstanding:
            return order
        return self._pay(order, self._counter_payment(order.outstanding, now), None, now)

    def _counter_payment(
        self, cost: int, now: datetime, line_ids: tuple[str, ...] = ()
    ) -> NewPayment:
        tip, till_id = self._rng.choice(_TIPS), self._till_at(now)
        if self._rng.random() < 0.55:
            terminal = f"T-{self._rng.randrange(10_000):04}"
            return NewPayment(
                method=Method.CARD, tip=tip, reference=terminal, line_ids=line_ids, till_id=till_id
            )
        banknotes = -(-(cost + tip) // _BANKNOTE)
        return NewPayment(
            method=Method.CASH,
            tip=tip,
            given=banknotes * _BANKNOTE,
            line_ids=line_ids,
            till_id=till_id,
        )

    def _pay(self, order: Order, new: NewPayment, actor: str | None, now: datetime) -> Order:
        payment = payment_of(order, self._operation(order), new, actor or self._cashier, now)
        return order.with_payment(payment, now)

    def _refund_part(self, order: Order, now: datetime) -> Order:
        """Refunds one unit of the first line, at most what is left of the last payment."""
        payment = order.payments[-1]
        amount = min(order.active_lines[0].unit_price, left_of(payment.id, order.payments))
        till_id = self._till_at(now) if payment.till_id else None
        new = NewRefund(payment_id=payment.id, amount=amount, reason="it was cold", till_id=till_id)
        return self._refund(new)(order, now)

    def _refund(self, new: NewRefund) -> Change:
        def change(order: Order, now: datetime) -> Order:
            refund = refund_of(order, self._operation(order), new, self._cashier, now)
            return order.with_refund(refund, now)

        return change

    def _operation(self, order: Order) -> Operation:
        """The operation of the next payment."""
        return Operation.from_key(self._payment_scope, f"{order.id} {len(order.payments)}", b"")
