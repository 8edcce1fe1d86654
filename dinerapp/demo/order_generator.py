"""Generates demo orders from numbers. The same number always gives the same order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from dinerapp.demo import people
from dinerapp.demo.arrivals import Arrivals
from dinerapp.demo.order_lifecycle import OrderLifecycle
from dinerapp.demo.restaurant import Restaurant
from dinerapp.ordering.domain.billing import Discount
from dinerapp.ordering.domain.menu import Serving
from dinerapp.ordering.domain.orders import Fulfilment, FulfilmentType, Line, Order
from dinerapp.ordering.domain.pricing import quote, require_all
from dinerapp.ordering.services.orders import NewOrder, order_of
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.identity import Operation

NEWEST_NUMBER = 0
"""The number of the order that is placed at the time of the first run. When it is found in a
database, its creation time is the time of that run."""
_RECENT_NUMBERS = range(1, 13)
_COMPLAINT_INTERVAL, _FIRST_COMPLAINT = 60, 20
_HOURS_AHEAD = (2, 6)
_TIPS = (0, 0, 0, 100, 200, 300)
_NOTES = ("ring twice", "we are allergic to nuts", "please call when you are here")
_TYPE_WEIGHTS = {FulfilmentType.DINE_IN: 50, FulfilmentType.PICKUP: 25, FulfilmentType.DELIVERY: 25}


class OrderGenerator:
    """Generates the orders of one `scope`, in the state that they have at `arrivals.now`.

    `till_at` returns the id of the till that is open at a moment, or None.
    """

    def __init__(
        self,
        scope: str,
        restaurant: Restaurant,
        arrivals: Arrivals,
        guest_count: int,
        till_at: Callable[[datetime], str | None] = lambda _: None,
        seed: int = 1,
    ) -> None:
        self._scope = scope
        self._restaurant = restaurant
        self._arrivals = arrivals
        self._guest_count = guest_count
        self._till_at = till_at
        self._seed = seed

    def order(self, number: int) -> Order:
        """The order with that number."""
        rng = Random(f"{self._seed} {self._scope} {number}")  # noqa: S311 nothing is secret here
        placed_at = self._place_time(number, rng)
        order = self._place(number, placed_at, rng)
        complains = number % _COMPLAINT_INTERVAL == _FIRST_COMPLAINT
        payments = f"{self._scope} payment"
        lifecycle = OrderLifecycle(order, payments, rng, self._till_at, complains=complains)
        return lifecycle.state_at(self._arrivals.now)

    def _place_time(self, number: int, rng: Random) -> datetime:
        if number == NEWEST_NUMBER:
            return self._arrivals.now
        return (
            self._arrivals.recent_time(rng)
            if number in _RECENT_NUMBERS
            else self._arrivals.random_time(rng)
        )

    def _place(self, number: int, placed_at: datetime, rng: Random) -> Order:
        operation = operation_of(self._scope, number)
        fulfilment, customer = self._fulfilment(number, placed_at, rng)
        serving = self._restaurant.serving(fulfilment.scheduled_for or placed_at)
        items = self._restaurant.basket(rng, serving)
        new = NewOrder(
            customer=people.guest_contact(customer),
            fulfilment=fulfilment,
            items=items,
            tip=rng.choice(_TIPS) if fulfilment.type is FulfilmentType.DELIVERY else 0,
            notes=rng.choice(_NOTES) if rng.random() < 0.05 else None,
        )
        lines = self._lines(operation, new, serving)
        discount = self._discount(sum(line.total for line in lines), placed_at, rng)
        terms = self._restaurant.rates.billing_terms(fulfilment.type, discount)
        return order_of(operation, new, lines, terms, self._restaurant.currency, placed_at)

    def _fulfilment(self, number: int, now: datetime, rng: Random) -> tuple[Fulfilment, int]:
        """The fulfilment of an order, and the number of the guest."""
        guest = rng.randrange(self._guest_count)
        [fulfilment_type] = rng.choices([*_TYPE_WEIGHTS], [*_TYPE_WEIGHTS.values()])
        if number == NEWEST_NUMBER:
            fulfilment_type = FulfilmentType.PICKUP
        is_dine_in = fulfilment_type is FulfilmentType.DINE_IN
        is_scheduled = number == NEWEST_NUMBER or (not is_dine_in and rng.random() < 0.1)
        fulfilment = Fulfilment(
            type=fulfilment_type,
            table=people.table(rng) if is_dine_in else None,
            address=people.address(guest) if fulfilment_type is FulfilmentType.DELIVERY else None,
            scheduled_for=self._scheduled_time(now, rng) if is_scheduled else None,
        )
        return fulfilment, guest

    def _scheduled_time(self, now: datetime, rng: Random) -> datetime:
        return self._arrivals.next_slot(now + timedelta(hours=rng.randint(*_HOURS_AHEAD)))

    def _lines(self, operation: Operation, new: NewOrder, serving: Serving) -> tuple[Line, ...]:
        ids = [operation.child_id(f"line {number}") for number in range(len(new.items))]
        return require_all(
            quote(new.items, self._restaurant.menu, ids, self._restaurant.rates, serving)
        )

    def _discount(self, subtotal: int, now: datetime, rng: Random) -> Discount | None:
        if not self._restaurant.coupons or rng.random() > 0.12:
            return None
        try:
            return rng.choice(self._restaurant.coupons).discount(subtotal, now)
        except RuleViolation:
            return None


def operation_of(scope: str, number: int) -> Operation:
    """The operation that places the order with that number, always with the same ids."""
    return Operation.from_key(scope, str(number), b"")
