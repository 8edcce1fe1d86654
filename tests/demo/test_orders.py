"""The demo's orders are ones that a restaurant could have had, whenever it is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dinerapp.demo.arrivals import DEFAULT_HOURS
from dinerapp.demo.large import LargeMenu
from dinerapp.demo.order_generator import NEWEST_NUMBER
from dinerapp.demo.restaurant import Restaurant
from dinerapp.demo.week import ORDER_COUNT
from dinerapp.ordering.domain.hours import Calendar, parse_hours
from dinerapp.ordering.domain.orders import FulfilmentType, Order, Status
from dinerapp.ordering.domain.payments import Method, PaymentStatus
from dinerapp.ordering.domain.pricing import Rates
from tests.demo.audit import CLOSED_STATUSES, find_violations
from tests.demo.restaurants import DAYS, SATURDAY_EVENING, order_generator, seeded_services

LONGEST = timedelta(hours=4)
BERLIN = {"time_zone": ZoneInfo("Europe/Berlin")}


@dataclass(frozen=True)
class Week:
    """A house, a moment, and the orders of the week before it."""

    house: Restaurant
    now: datetime
    orders: Sequence[Order]

    @property
    def before(self) -> Sequence[Order]:
        """Without the one that comes in at this moment."""
        return self.orders[1:]


def week(now: datetime, **settings: Any) -> Week:
    house = seeded_services(now, **settings)
    book = order_generator(house, now)
    return Week(house, now, [book.order(number) for number in range(ORDER_COUNT)])


CASES = {
    "always open, a Saturday evening": lambda: week(SATURDAY_EVENING),
    "always open, at breakfast": lambda: week(datetime(2036, 5, 5, 9, 10, tzinfo=UTC)),
    "always open, in the night": lambda: week(datetime(2036, 5, 5, 3, 30, tzinfo=UTC)),
    "just opened, in Berlin": lambda: week(
        datetime(2036, 5, 6, 9, 40, tzinfo=UTC),
        opening_hours=parse_hours("tue-sun 11:30-15:00; tue-sun 17:30-23:00"),
        **BERLIN,
    ),
    "a bar that is closed now": lambda: week(
        datetime(2036, 5, 6, 10, tzinfo=UTC),
        opening_hours=parse_hours("fri,sat 18:00-04:00"),
        **BERLIN,
    ),
    "clocks were put forward": lambda: week(
        datetime(2036, 3, 30, 16, tzinfo=UTC),
        opening_hours=parse_hours("mon-sun 00:00-24:00"),
        **BERLIN,
    ),
    "tax comes on top, and service": lambda: week(
        SATURDAY_EVENING, tax_rate=1900, tax_included=False, service_charge=1000, currency="USD"
    ),
}


@pytest.fixture(scope="module", params=CASES)
def any_week(request: pytest.FixtureRequest) -> Week:
    return CASES[request.param]()


@pytest.fixture(scope="module")
def saturday() -> Week:
    return week(SATURDAY_EVENING)


def test_an_auditor_finds_nothing(any_week: Week) -> None:
    house, now = any_week.house, any_week.now
    found = [one for order in any_week.orders for one in find_violations(order, house.menu, now)]
    assert found == []


def test_they_are_all_different(any_week: Week) -> None:
    assert len({order.id for order in any_week.orders}) == ORDER_COUNT
    payments = [payment.id for order in any_week.orders for payment in order.payments]
    assert len(set(payments)) == len(payments)


def test_guests_come_while_it_is_open(any_week: Week) -> None:
    calendar = any_week.house.calendar
    for order in any_week.before:
        assert any_week.now - timedelta(days=DAYS) <= order.created_at <= any_week.now
        assert calendar.is_open(order.created_at)
        if order.fulfilment.scheduled_for is not None:
            assert calendar.is_within(
                calendar.opening or DEFAULT_HOURS, order.fulfilment.scheduled_for
            )


def test_what_is_ordered_is_served_then(any_week: Week) -> None:
    for order in any_week.orders:
        serving = any_week.house.serving(order.fulfilment.scheduled_for or order.created_at)
        assert all(serving.serves(any_week.house.menu[line.item_id]) for line in order.lines)


def test_old_orders_are_closed(any_week: Week) -> None:
    for order in any_week.before:
        expected = order.fulfilment.scheduled_for or order.created_at
        if expected < any_week.now - LONGEST:
            assert order.status in CLOSED_STATUSES


def test_one_comes_in_at_this_moment_for_later(any_week: Week) -> None:
    order = any_week.orders[NEWEST_NUMBER]
    assert (order.created_at, order.status) == (any_week.now, Status.PENDING)
    assert order.fulfilment.scheduled_for is not None
    assert order.fulfilment.scheduled_for > any_week.now


def test_while_it_is_open_the_kitchen_has_something_to_do(saturday: Week) -> None:
    counts = Counter(order.status for order in saturday.orders)
    assert len(counts) >= 6
    assert counts[Status.COMPLETED] > 0.85 * ORDER_COUNT
    assert 0 < counts[Status.CANCELLED] < 0.1 * ORDER_COUNT
    assert any(ticket.is_open for order in saturday.orders for ticket in order.tickets)


def test_every_way_of_ordering_and_of_paying_is_there(saturday: Week) -> None:
    orders = saturday.orders
    assert {order.fulfilment.type for order in orders} == set(FulfilmentType)
    assert {payment.method for order in orders for payment in order.payments} == set(Method)
    assert any(payment.tip for order in orders for payment in order.payments)
    assert any(payment.line_ids for order in orders for payment in order.payments)
    assert PaymentStatus.PARTLY_REFUNDED in {order.payment_status for order in orders}
    assert any(order.discount for order in orders)
    assert any(line.notes for order in orders for line in order.lines)
    assert any(ticket.revision > 1 for order in orders for ticket in order.tickets)
    assert len({order.customer.phone for order in orders}) > 20


def test_there_is_enough_of_what_is_counted(any_week: Week) -> None:
    taken = Counter[str]()
    for order in any_week.orders:
        taken.update({line.item_id: line.quantity for line in order.lines if line.counted})
    assert taken
    for item_id, number in taken.items():
        assert number < 0.9 * (any_week.house.menu[item_id].stock_limit or 0)


def test_the_same_number_is_the_same_order_and_another_seed_is_another_week(
    saturday: Week,
) -> None:
    again, other = (
        [
            order_generator(saturday.house, saturday.now, seed=seed).order(number)
            for number in range(30)
        ]
        for seed in (1, 2)
    )
    assert again == saturday.orders[:30]
    assert [one.id for one in other] == [one.id for one in again]
    assert sum(one.lines != another.lines for one, another in zip(other, again, strict=True)) > 25


def test_orders_of_the_large_house_please_the_auditor_too() -> None:
    large = LargeMenu(60, SATURDAY_EVENING)
    house = large.restaurant(Calendar(), Rates(700), "EUR")
    book = order_generator(house, SATURDAY_EVENING)
    orders = [book.order(number) for number in range(200)]
    found = [
        one for order in orders for one in find_violations(order, house.menu, SATURDAY_EVENING)
    ]
    assert found == []


def test_where_nobody_ever_opens_there_is_only_the_order_of_this_moment() -> None:
    """Opening hours that a week never has; nothing is made up for them."""
    closed = parse_hours("mon 10:00-10:10")
    now = datetime(2036, 5, 6, 10, tzinfo=UTC)
    house = seeded_services(now, opening_hours=closed)
    assert order_generator(house, now).order(5).created_at == now
