"""The services of this wing, as routes and commands use them."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.ordering.services.bills import BillService
from dinerapp.ordering.services.carts import CartService
from dinerapp.ordering.services.coupons import CouponService
from dinerapp.ordering.services.customer_tracker import CustomerTracker
from dinerapp.ordering.services.customers import CustomerService
from dinerapp.ordering.services.kitchen import KitchenService
from dinerapp.ordering.services.menu import CategoryService, MenuService
from dinerapp.ordering.services.menu_cache import MenuCache
from dinerapp.ordering.services.order_feed import OrderFeed
from dinerapp.ordering.services.orders import OrderService
from dinerapp.ordering.services.slots import SlotService
from dinerapp.ordering.services.till import TillService


@dataclass(frozen=True, slots=True)
class OrderingServices:
    """From the menu to the till. `currency` is the restaurant's."""

    currency: str
    menu: MenuService
    categories: CategoryService
    menu_cache: MenuCache
    carts: CartService
    orders: OrderService
    bills: BillService
    order_feed: OrderFeed
    slots: SlotService
    kitchen: KitchenService
    till: TillService
    coupons: CouponService
    customers: CustomerService
    customer_tracker: CustomerTracker
