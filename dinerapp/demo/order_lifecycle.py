"""What becomes of an order: waiters, cooks and cashiers do with it what they do in real life."""

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
"""So long before it is wanted the kitchen begins with a pre-order."""
_BANKNOTE, _VOUCHER = 500, 2000
_TIPS = (0, 0, 0, 50, 100, 100, 150, 200, 300)


class OrderLifecycle:
    """The life of one order. If the guest `complains`, part of the payment is refunded.

    `till_at` returns the till that is open at a moment, None for none.
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
        """The order as it stands at that moment, as if it had been written at once."""
        op_id = self._order.op_id
        for moment, change in self._steps():
            if moment > end:
                break
            self._order = change(self._order, moment)
        return replace(self._order, op_id=op_id)

    def _steps(self) -> Iterator[LifecycleStep]:
        fate = self._rng.random()
        if not self._is_dine_in and self._rng.random() < 0.6:
            yield self._after(1, 2), self._pay_online
        if fate < 0.03:
            yield self._after(1, 4), self._move(Status.CANCELLED, "guest", "ordered by mistake")
            yield from self._refund_steps("the order was cancelled")
            return
        yield self._after(1, 4), self._move(Status.CONFIRMED, self._waiter)
        if fate < 0.05:
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
        wanted_at = self._order.fulfilment.scheduled_for
        if wanted_at is not None:
            self._time = max(self._time, wanted_at - _PREORDER_LEAD)
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
        least, most = (20, 55) if self._is_dine_in else (5, 20)
        yield self._after(least, most), self._pay_part
        yield self._after(0, 1), self._pay_rest
        yield self._after(0, 2), self._move(Status.COMPLETED, self._waiter)

    def _refund_steps(self, reason: str) -> Iterator[LifecycleStep]:
        for payment in self._order.payments:
            new = NewRefund(payment_id=payment.id, amount=payment.amount, reason=reason)
            yield self._after(1, 4), self._refund(new)

    def _after(self, least: int, most: int) -> datetime:
        """So many minutes after the step before."""
        self._time += timedelta(seconds=self._rng.randint(60 * least, 60 * most))
        return self._time

    def _move(self, status: Status, actor: str, reason: str | None = None) -> Change:
        def change(order: Order, now: datetime) -> Order:
            return order.with_status(status, actor=actor, reason=reason, op_id=order.op_id, now=now)

        return change

    def _cook(self, step: Callable[[Ticket, datetime], Ticket], at: Iterable[str]) -> Change:
        def change(order: Order, now: datetime) -> Order:
            waiting = [ticket.id for ticket in order.tickets if ticket.is_open]
            mine = [ticket.id for ticket in order.tickets if ticket.station in at]
            tickets = [ticket_id for ticket_id in waiting if ticket_id in mine]
            return order.with_ticket_step(tickets, step, op_id=order.op_id, now=now)

        return change

    def _add_one_more(self, order: Order, now: datetime) -> Order:
        line = next((line for line in order.active_lines if not line.counted), None)
        if line is None:
            return order
        return order.with_lines([line.with_quantity(line.quantity + 1)], op_id=order.op_id, now=now)

    def _pay_online(self, order: Order, now: datetime) -> Order:
        return self._pay(order, NewPayment(method=Method.CARD, reference="online"), "guest", now)

    def _pay_part(self, order: Order, now: datetime) -> Order:
        """Some have a voucher, some pay only what they had; most do neither."""
        how = self._rng.random()
        if not order.outstanding or how > 0.2:
            return order
        if how < 0.08:
            worth = min(_VOUCHER, order.outstanding)
            new = NewPayment(method=Method.VOUCHER, amount=worth, till_id=self._till_at(now))
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
        notes = -(-(cost + tip) // _BANKNOTE)
        return NewPayment(
            method=Method.CASH, tip=tip, given=notes * _BANKNOTE, line_ids=line_ids, till_id=till_id
        )

    def _pay(self, order: Order, new: NewPayment, actor: str | None, now: datetime) -> Order:
        payment = payment_of(order, self._operation(order), new, actor or self._cashier, now)
        return order.with_payment(payment, now)

    def _refund_part(self, order: Order, now: datetime) -> Order:
        """For one piece of the first line, as far as the last payment goes."""
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
        """Of the payment that comes next."""
        return Operation.from_key(self._payment_scope, f"{order.id} {len(order.payments)}", b"")
