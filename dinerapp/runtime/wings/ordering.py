"""The wing of ordering."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

from adapters.mongo.carts import MongoCarts
from adapters.mongo.customers import MongoCustomers
from adapters.mongo.menu import MongoCategories, MongoMenuItems
from adapters.mongo.orders import MongoOrders
from adapters.mongo.tills import MongoTills
from adapters.postgres.carts import PostgresCarts
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.menu import PostgresCategories, PostgresMenuItems
from adapters.postgres.orders import PostgresOrders
from adapters.postgres.tills import PostgresTills
from blueprints.carts.routes import blp as carts
from blueprints.coupons.routes import blp as coupons
from blueprints.customers.routes import blp as customers
from blueprints.kitchen.routes import blp as kitchen
from blueprints.menu.routes import blp as menu
from blueprints.orders.routes import blp as orders
from blueprints.till.routes import blp as till
from dinerapp.accounts.ports.users import Users
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.customers import PhoneIdentity
from dinerapp.ordering.domain.order_events import Topic, events_of
from dinerapp.ordering.forwarding import forward_signals
from dinerapp.ordering.ports.carts import Carts
from dinerapp.ordering.ports.coupons import Coupons
from dinerapp.ordering.ports.customers import Customers
from dinerapp.ordering.ports.menu import Categories, MenuItems
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.ports.slots import Slots
from dinerapp.ordering.ports.tills import Tills
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
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.runtime.kind_row import MONGO_FIRST, KindRow
from dinerapp.runtime.supervisor import Resource
from dinerapp.runtime.wing import BuiltWing, Wing, WingContext
from dinerapp.webhooks.domain.event_sources import EventSource


def phone_identity(context: WingContext) -> PhoneIdentity:
    """How guests are recognised by their phone numbers."""
    return PhoneIdentity(context.secret, context.settings.phone_region)


def _build(context: WingContext) -> BuiltWing:
    settings, identity = context.settings, phone_identity(context)
    order_repository, menu_items = context.repository(Orders), context.repository(MenuItems)
    categories, coupon_repository = context.repository(Categories), context.repository(Coupons)
    menu_cache = MenuCache(
        menu_items,
        categories,
        order_repository,
        settings.calendar,
        is_informed=context.is_informed,
    )
    slots = SlotService(context.repository(Slots), order_repository, settings.slot_policy)
    orders = OrderService(
        order_repository,
        menu_items,
        coupon_repository,
        settings.rates,
        settings.currency,
        RecordTokens(context.secret, "order"),
        menu_cache,
        slots,
        identity,
    )
    carts = CartService(
        context.repository(Carts),
        orders,
        RecordTokens(context.secret, "cart"),
        timedelta(hours=settings.cart_hours),
    )
    customers = CustomerService(
        context.repository(Customers),
        order_repository,
        context.repository(Users),
        context.repository(Conflicts),
        identity,
        context.personal_data(),
    )
    wake = Event()
    feed = OrderFeed(order_repository, context.stream_quota, wake=wake.set)
    tracker, bills = CustomerTracker(customers), BillService(order_repository)
    services = OrderingServices(
        currency=settings.currency,
        menu=MenuService(menu_items, categories, menu_cache),
        categories=CategoryService(categories, menu_items),
        menu_cache=menu_cache,
        carts=carts,
        orders=orders,
        bills=bills,
        order_feed=feed,
        slots=slots,
        kitchen=KitchenService(order_repository),
        till=TillService(order_repository, context.repository(Tills)),
        coupons=CouponService(coupon_repository, order_repository),
        customers=customers,
        customer_tracker=tracker,
    )
    return BuiltWing(
        services,
        followers={Orders.kind.name: [tracker, bills]},
        background=(
            PeriodicThread("order-feed", feed.step, wake),
            Resource(feed),
            PeriodicThread("expired-carts", carts.step),
        ),
    )


ORDERING = Wing(
    name="ordering",
    kinds=(
        KindRow(Orders, PostgresOrders, MongoOrders),
        KindRow(Customers, PostgresCustomers, MongoCustomers),
        KindRow(Categories, PostgresCategories, MongoCategories, MONGO_FIRST),
        KindRow(MenuItems, PostgresMenuItems, MongoMenuItems, MONGO_FIRST),
        KindRow(Carts, PostgresCarts, MongoCarts, MONGO_FIRST),
        KindRow.documents(Coupons),
        KindRow(Tills, PostgresTills, MongoTills),
        KindRow.documents(Slots),
    ),
    blueprints=(customers, menu, carts, orders, kitchen, till, coupons),
    build=_build,
    event_sources=(EventSource(Orders.kind, tuple(Topic), events_of),),
    forward_signals=forward_signals,
)
