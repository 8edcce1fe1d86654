"""Demo data, put together from what the diner knows: its menu, hours, rates and databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dinerapp.demo import coupons, large, menu
from dinerapp.demo.house import House
from dinerapp.demo.watching import Report, nobody_watches
from dinerapp.demo.week import Week
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.ports.tills import Tills
from dinerapp.replication.record import utc_now
from dinerapp.runtime.administration import await_catching_up, require_all
from dinerapp.runtime.container import Application
from dinerapp.runtime.settings import Settings

PATIENCE = 5.0
"""Seconds that a call of a store may take: no guest is waiting, and a slow store is not away."""


def patient(settings: Settings) -> Settings:
    """The settings to connect with for what is done here."""
    return replace(settings, attempt_deadline=PATIENCE, slow_call=PATIENCE, relay_in_workers=False)


@dataclass(frozen=True, slots=True)
class Added:
    """How much was not there before."""

    items: int
    orders: int
    coupons: int = 0


def seed_week(
    diner: Application, report: Report = nobody_watches, now: datetime | None = None
) -> Added:
    """The demo menu, coupons, and the week of orders before now; either database may be away."""
    now = now or utc_now()
    ordering = diner.of(OrderingServices)
    dishes = menu.seed(ordering.menu, ordering.categories)
    offers = coupons.seed(ordering.coupons, now)
    orders = diner.repository(Orders)
    tills = diner.repository(Tills)
    house = demo_house(diner, [offer.record for offer in offers])
    added = Week(house, orders, tills, ordering.till).seed(now, report)
    return Added(dishes, added, sum(offer.changed for offer in offers))


def demo_house(diner: Application, offers: Sequence[Coupon] = ()) -> House:
    """Where what is left of the demo menu is served, as it is by now."""
    ordering = diner.of(OrderingServices)
    by_id = {item.id: item for item in ordering.menu.all() if item.available}
    served = {key: course for key, course in menu.by_id().items() if key in by_id}
    return House(
        menu={key: by_id[key] for key in served},
        categories={category.id: category for category in ordering.categories.all()},
        calendar=diner.settings.calendar,
        rates=diner.settings.rates,
        currency=diner.settings.currency,
        coupons=offers,
        appetite={key: course.appetite / len(course.dishes) for key, course in served.items()},
        filling=frozenset(key for key, course in served.items() if course.filling),
    )


def seed_large(
    diner: Application, report: Report, items: int = large.ITEMS, orders: int = large.ORDERS
) -> Added:
    """A menu and orders for load tests, into every database that is configured."""
    await_catching_up(diner)
    require_all(diner)
    now, settings = utc_now(), diner.settings
    made = large.LargeMenu(items, now)
    new_items = large.seed_menu(
        made, diner.bulk_loaders["categories"], diner.bulk_loaders["menu_items"]
    )
    house = made.house(settings.calendar, settings.rates, settings.currency)
    new_orders = large.seed_orders(house, diner.bulk_loaders["orders"], now, report, orders)
    large.tell(made)
    return Added(new_items, new_orders)
