"""Builds the stores by placement and everything that stands on them.

Together with `app` the only module that sees adapters.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from adapters.bus.line import Line
from adapters.bus.lines import Lines
from adapters.bus.mongo import MongoLine
from adapters.bus.postgres import PostgresLine
from adapters.bus.redis import RedisLine
from adapters.cache.redis import RedisConnection
from adapters.fallback.breaker import Breaker, SlowCalls
from adapters.fallback.composite import Workings, compose
from adapters.fallback.connections import Named, NamedConnections
from adapters.fallback.loops import Repeated
from adapters.fallback.probe import Probe
from adapters.fallback.settler import Settler
from adapters.fallback.side import Side
from adapters.fallback.watch import Member, Watch
from adapters.fallback.word import Word
from adapters.mongo.carts import MongoCarts
from adapters.mongo.conflicts import MongoConflicts
from adapters.mongo.conversations import MongoConversations
from adapters.mongo.coupons import MongoCoupons
from adapters.mongo.customers import MongoCustomers
from adapters.mongo.database import MongoDatabase
from adapters.mongo.deliveries import MongoDeliveries
from adapters.mongo.members import MongoMembers
from adapters.mongo.menu import MongoCategories, MongoMenuItems
from adapters.mongo.messages import MongoChannelMessages, MongoDirectMessages
from adapters.mongo.orders import MongoOrders
from adapters.mongo.profiles import MongoProfiles
from adapters.mongo.reads import MongoReads
from adapters.mongo.servers import MongoChannels, MongoServers
from adapters.mongo.slots import MongoSlots
from adapters.mongo.tills import MongoTills
from adapters.mongo.used_keys import MongoUsedKeys
from adapters.mongo.users import MongoUsers
from adapters.mongo.webhooks import MongoWebhooks
from adapters.postgres.carts import PostgresCarts
from adapters.postgres.conflicts import PostgresConflicts
from adapters.postgres.conversations import PostgresConversations
from adapters.postgres.coupons import PostgresCoupons
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.deliveries import PostgresDeliveries
from adapters.postgres.members import PostgresMembers
from adapters.postgres.menu import PostgresCategories, PostgresMenuItems
from adapters.postgres.messages import PostgresChannelMessages, PostgresDirectMessages
from adapters.postgres.orders import PostgresOrders
from adapters.postgres.profiles import PostgresProfiles
from adapters.postgres.reads import PostgresReads
from adapters.postgres.servers import PostgresChannels, PostgresServers
from adapters.postgres.slots import PostgresSlots
from adapters.postgres.tills import PostgresTills
from adapters.postgres.used_keys import PostgresUsedKeys
from adapters.postgres.users import PostgresUsers
from adapters.postgres.webhooks import PostgresWebhooks
from adapters.webhooks.posting import poster
from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.accounts.ports.users import Users
from dinerapp.accounts.services.accounts import AccountService
from dinerapp.accounts.services.passwords import Passwords
from dinerapp.accounts.services.profiles import ProfileService
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.accounts.services.tokens import Tokens
from dinerapp.live.bus import Bus
from dinerapp.live.feed import Feed, Seats
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.messaging.ports.idempotency import UsedKeys
from dinerapp.messaging.ports.members import Members
from dinerapp.messaging.ports.messages import ChannelMessages, DirectMessages, Messages
from dinerapp.messaging.ports.read_markers import Reads
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.messaging.services.conversations import ConversationService
from dinerapp.messaging.services.display_names import Names
from dinerapp.messaging.services.erasure import AuthorsWords
from dinerapp.messaging.services.idempotency import Once
from dinerapp.messaging.services.messages import MessageService
from dinerapp.messaging.services.reading import ReadingService
from dinerapp.messaging.services.room_feed import RoomFeed
from dinerapp.messaging.services.rooms import Keeping, RoomKind, RoomService
from dinerapp.messaging.services.servers import ServerService
from dinerapp.messaging.services.throttle import Seldom
from dinerapp.ordering.domain.customers import Recognition
from dinerapp.ordering.ports.carts import Carts
from dinerapp.ordering.ports.coupons import Coupons
from dinerapp.ordering.ports.customers import Customers
from dinerapp.ordering.ports.menu import Categories, MenuItems
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.ports.slots import Slots
from dinerapp.ordering.ports.tills import Tills
from dinerapp.ordering.services.carts import CartService
from dinerapp.ordering.services.coupons import CouponService
from dinerapp.ordering.services.customer_tracker import Regulars
from dinerapp.ordering.services.customers import CustomerService
from dinerapp.ordering.services.kitchen import KitchenService
from dinerapp.ordering.services.menu import CategoryService, MenuService
from dinerapp.ordering.services.menu_cache import Board
from dinerapp.ordering.services.order_feed import OrderFeed
from dinerapp.ordering.services.orders import OrderService
from dinerapp.ordering.services.slots import SlotService
from dinerapp.ordering.services.till import TillService
from dinerapp.replication.anti_entropy import Consistency
from dinerapp.replication.bulk_loader import Bulk
from dinerapp.replication.conflict_service import ConflictService
from dinerapp.replication.errors import DinerError
from dinerapp.replication.followers import Following
from dinerapp.replication.local_dispatch import Fresh
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.connections import Connections
from dinerapp.replication.ports.database import Connection, Database
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.ports.store import Store
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Handover
from dinerapp.replication.served_by import Role
from dinerapp.replication.store_pair import Pair
from dinerapp.replication.version import Place
from dinerapp.runtime.settings import PLACEMENT, BadSetting, Settings
from dinerapp.runtime.signal_bridge import News
from dinerapp.webhooks.domain.deliveries import Patience
from dinerapp.webhooks.ports.deliveries import Deliveries
from dinerapp.webhooks.ports.webhooks import Webhooks
from dinerapp.webhooks.services.fanout import OrderTeller
from dinerapp.webhooks.services.sender import Manners, WebhookSender
from dinerapp.webhooks.services.webhooks import WebhookService

P = TypeVar("P", bound=Repository[Any])

Stores = Mapping[str, Callable[[Any], Store[Any]]]

PORTS: Mapping[str, type[Repository[Any]]] = {
    port.kind.name: port
    for port in (
        Orders,
        Customers,
        Categories,
        MenuItems,
        Carts,
        Coupons,
        Slots,
        Tills,
        Users,
        Profiles,
        Webhooks,
        Deliveries,
        Servers,
        Channels,
        Members,
        Conversations,
        DirectMessages,
        ChannelMessages,
        Reads,
        UsedKeys,
        Conflicts,
    )
}
POSTGRES_STORES: Stores = {
    store.kind.name: store
    for store in (
        PostgresOrders,
        PostgresCustomers,
        PostgresCategories,
        PostgresMenuItems,
        PostgresCarts,
        PostgresCoupons,
        PostgresSlots,
        PostgresTills,
        PostgresUsers,
        PostgresProfiles,
        PostgresWebhooks,
        PostgresDeliveries,
        PostgresServers,
        PostgresChannels,
        PostgresMembers,
        PostgresConversations,
        PostgresDirectMessages,
        PostgresChannelMessages,
        PostgresReads,
        PostgresUsedKeys,
        PostgresConflicts,
    )
}
MONGO_STORES: Stores = {
    store.kind.name: store
    for store in (
        MongoOrders,
        MongoCustomers,
        MongoCategories,
        MongoMenuItems,
        MongoCarts,
        MongoCoupons,
        MongoSlots,
        MongoTills,
        MongoUsers,
        MongoProfiles,
        MongoWebhooks,
        MongoDeliveries,
        MongoServers,
        MongoChannels,
        MongoMembers,
        MongoConversations,
        MongoDirectMessages,
        MongoChannelMessages,
        MongoReads,
        MongoUsedKeys,
        MongoConflicts,
    )
}
TYPING_EVERY = 1.0
"""Seconds in which the others in a room are told at most once that somebody is typing."""
ENGINES = {Place.POSTGRESQL: "postgresql", Place.MONGODB: "mongodb"}


class NoDatabase(DinerError):
    """Neither database is configured."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One place's database, and how a store of each kind is made on it."""

    database: Database
    stores: Stores


@dataclass(frozen=True, slots=True)
class Extra:
    """A named connection that holds no records of ours."""

    engine: str
    role: str
    connection: Connection


@dataclass(frozen=True, slots=True)
class Diner:
    """What blueprints and commands work with."""

    settings: Settings
    connections: Connections
    repositories: Mapping[str, Repository[Any]]
    pairs: Mapping[str, Pair[Any]]
    bulk: Mapping[str, Bulk[Any]]
    relay: Relay
    following: Following
    consistency: Consistency
    menu: MenuService
    categories: CategoryService
    board: Board
    carts: CartService
    orders: OrderService
    slots: SlotService
    kitchen: KitchenService
    till: TillService
    coupons: CouponService
    accounts: AccountService
    profiles: ProfileService
    customers: CustomerService
    regulars: Regulars
    webhooks: WebhookService
    sender: WebhookSender
    seats: Seats
    feed: OrderFeed
    servers: ServerService
    conversations: ConversationService
    messages: MessageService
    reading: ReadingService
    names: Names
    conflicts: ConflictService
    bus: Bus
    news: News


def backends(settings: Settings) -> list[Backend]:
    """The real databases that the settings name."""
    found = []
    if settings.database_url:
        found.append(_postgres(settings, settings.database_url))
    if settings.mongodb_uri:
        found.append(_mongo(settings, settings.mongodb_uri))
    if not found:
        raise NoDatabase(
            "neither DATABASE_URL nor MONGODB_URI is set; set one or both, "
            "or start with `python -m dinerapp up`, which brings its own databases"
        )
    return found


def extras(settings: Settings) -> list[Extra]:
    """The connections beside the two stores: the second MongoDB database, and Redis when set."""
    found = []
    uri = settings.database1_uri or settings.mongodb_uri
    if uri:
        found.append(_second_mongo(settings, uri))
    if settings.redis_url:
        found.append(_redis(settings.redis_url))
    return found


def bus_of(settings: Settings) -> Bus:
    """Over every way in which processes can call out to one another, best first."""
    found: list[Line] = []
    if settings.redis_url:
        found.append(RedisLine(settings.redis_url))
    if settings.database_url:
        found.append(PostgresLine(settings.database_url))
    if settings.mongodb_uri:
        found.append(MongoLine(settings.mongodb_uri))
    return Lines(found)


def build(
    settings: Settings,
    stores: Sequence[Backend],
    others: Sequence[Extra] = (),
    observer: Observer | None = None,
    bus: Bus | None = None,
) -> Diner:
    """Everything, not yet connected. Without a bus nobody else is reached or heard."""
    return _Builder(settings, stores, others, observer or Observer(), bus or Lines([])).diner()


class _Of(Protocol):
    """Finds the repository of a port."""

    def __call__(self, port: type[P]) -> P: ...


@dataclass(frozen=True, slots=True)
class _Talk:
    """What it takes for people to talk."""

    servers: ServerService
    conversations: ConversationService
    messages: MessageService
    reading: ReadingService
    names: Names
    feeds: Sequence[RoomFeed]


class _Builder:
    """Holds the parts that the other parts share while they are put together."""

    def __init__(
        self,
        settings: Settings,
        stores: Sequence[Backend],
        others: Sequence[Extra],
        observer: Observer,
        bus: Bus,
    ) -> None:
        self.settings = settings
        self.bus = bus
        self.others = others
        self.observer = observer
        self.slow = SlowCalls(after=settings.slow_call)
        self.backends = {backend.database.place: backend for backend in stores}
        self.members = {
            place: Member(backend.database, self._breaker(backend.database.name))
            for place, backend in self.backends.items()
        }
        self.words = {place: self._word(place) for place in self.members}
        self.sides = {kind: self._sides(kind) for kind in PORTS}
        self.handover = Handover(settings.policy, observer=self.observer)
        self.settler = Settler(self.handover)
        self.fresh = Fresh() if settings.relay_in_workers else Fresh.of_nobody()

    def diner(self) -> Diner:
        made = self._repositories()

        def of(port: type[P]) -> P:
            repository: P = made[port.kind.name]
            return repository

        orders, menu, categories = of(Orders), of(MenuItems), of(Categories)
        relay = Relay(list(self._pairs().values()), self.handover, observer=self.observer)
        consistency = Consistency(self.handover)
        settings = self.settings
        # Without a key tokens are good for this process only; what serves people has one.
        secret = settings.secret_key or secrets.token_hex()
        board = Board(
            menu,
            categories,
            orders,
            settings.calendar,
            is_informed=lambda: self.bus.is_listening,
        )
        seats = Seats(settings.web_streams)
        feed = OrderFeed(orders, seats)
        recognition = Recognition(secret, settings.phone_region)
        messages = of(DirectMessages), of(ChannelMessages)
        words = AuthorsWords(of(Users), messages, recognition)
        customers = CustomerService(of(Customers), orders, of(Conflicts), recognition, [words])
        timing = SlotService(of(Slots), orders, settings.planning)
        ordering = OrderService(
            orders,
            menu,
            of(Coupons),
            settings.rates,
            settings.currency,
            RecordTokens(secret, "order"),
            board,
            timing,
            recognition,
        )
        regulars = Regulars(customers)
        webhooks, deliveries = of(Webhooks), of(Deliveries)
        kept = timedelta(days=settings.webhook_keep_days)
        following = self._following({"orders": [OrderTeller(webhooks, deliveries, kept), regulars]})
        sender = _sender(settings, webhooks, deliveries)
        lifetime = timedelta(hours=settings.cart_hours)
        keeping = CartService(of(Carts), ordering, RecordTokens(secret, "cart"), lifetime)
        accounts = _accounts(settings, of(Users), secret)
        talk = _talk(of, seats, secret, ordering)
        feeds: list[Feed[Any]] = [feed, *talk.feeds]
        return Diner(
            settings=settings,
            connections=self._connections(relay, following, consistency, feeds, sender, keeping),
            repositories=made,
            pairs=self._pairs(),
            bulk=self._bulk(),
            relay=relay,
            following=following,
            consistency=consistency,
            menu=MenuService(menu, categories, board),
            categories=CategoryService(categories, menu),
            board=board,
            carts=keeping,
            orders=ordering,
            slots=timing,
            webhooks=WebhookService(webhooks, deliveries, secret),
            sender=sender,
            seats=seats,
            feed=feed,
            servers=talk.servers,
            conversations=talk.conversations,
            messages=talk.messages,
            reading=talk.reading,
            names=talk.names,
            kitchen=KitchenService(orders),
            till=TillService(orders, of(Tills)),
            coupons=CouponService(of(Coupons), orders),
            accounts=accounts,
            profiles=ProfileService(of(Profiles), of(Users), accounts),
            customers=customers,
            regulars=regulars,
            conflicts=ConflictService(of(Conflicts), made),
            bus=self.bus,
            news=News(self.bus),
        )

    def _repositories(self) -> dict[str, Any]:
        """Conflicts first: filing them is part of how every other kind is handed over."""
        workings = Workings(self.handover, self.settler, self.fresh)
        made = {kind: compose(port, self.sides[kind], workings) for kind, port in PORTS.items()}
        self.handover.file_in(made["conflicts"])
        return made

    def _sides(self, kind: str) -> list[Side[Any]]:
        """Of a kind whose places by default are not configured there is none: it has to wait."""
        wanted = self.settings.placement[kind]
        order = [place for place in wanted if place in self.backends]
        if not order and wanted != PLACEMENT[kind]:
            accepted = "places whose database is configured"
            raise BadSetting("PLACEMENT", f"{kind}={wanted[0]}", accepted)
        return [
            Side(
                self.backends[place].stores[kind](self.backends[place].database),
                self.members[place].breaker,
                role,
                self.settings.attempt_deadline,
                self.observer,
                self._word_kept_at(place),
            )
            for place, role in zip(order, Role, strict=False)
        ]

    def _pairs(self) -> dict[str, Pair[Any]]:
        return {
            kind: Pair(sides[0].store, sides[1].store)
            for kind, sides in self.sides.items()
            if len(sides) == len(Role)
        }

    def _bulk(self) -> dict[str, Bulk[Any]]:
        return {
            kind: Bulk([side.store for side in sides], self.handover)
            for kind, sides in self.sides.items()
            if sides
        }

    def _following(self, followers: Mapping[str, Sequence[Follower[Any]]]) -> Following:
        stores = [side.store for sides in self.sides.values() for side in sides]
        return Following(stores, followers, fresh=self.fresh, observer=self.observer)

    def _connections(
        self,
        relay: Relay,
        following: Following,
        consistency: Consistency,
        feeds: Sequence[Feed[Any]],
        sender: WebhookSender,
        carts: CartService,
    ) -> NamedConnections:
        readers = [Repeated("feed", feed.step) for feed in feeds]
        for feed, reader in zip(feeds, readers, strict=True):
            feed.wake = reader.wake
        posting = Repeated("webhooks", sender.step)
        sender.wake = posting.wake
        at_work = self.settings.relay_in_workers
        pairs = list(self._pairs().values())
        named = [
            Named(ENGINES[place], self._role(place), self._watch(place, relay, consistency))
            for place in self.members
        ]
        named += [
            Named(extra.engine, extra.role, self._probe(extra.connection)) for extra in self.others
        ]
        return NamedConnections(
            named,
            relay=relay,
            pairs=pairs,
            settler=self.settler,
            following=following,
            at_work=at_work,
            companions=(
                *feeds,
                *readers,
                Repeated("expired-carts", carts.step),
                self.bus,
                *((posting, sender) if at_work else ()),
            ),
        )

    def _watch(self, place: Place, relay: Relay, consistency: Consistency) -> Watch:
        return Watch(
            self.members[place],
            self._other(place),
            word=self.words[place],
            relay=relay,
            consistency=consistency,
            pairs=list(self._pairs().values()),
        )

    def _word(self, about: Place) -> Word | None:
        witness = self._other(about)
        if witness is None:
            return None
        return Word(about, witness.database, f"{socket.gethostname()}:{os.getpid()}")

    def _word_kept_at(self, place: Place) -> Word | None:
        return next((word for about, word in self.words.items() if about is not place), None)

    def _other(self, place: Place) -> Member | None:
        return next((m for at, m in self.members.items() if at is not place), None)

    def _probe(self, connection: Connection) -> Probe:
        return Probe(connection, self._breaker(connection.name))

    def _breaker(self, name: str) -> Breaker:
        return Breaker(name, slow=self.slow, observer=self.observer)

    def _role(self, place: Place) -> str:
        first = [kind for kind, sides in self.sides.items() if sides and sides[0].place is place]
        return "primary of " + ", ".join(sorted(first)) if first else "backup"


def _talk(of: _Of, seats: Seats, secret: str, orders: OrderService) -> _Talk:
    typing = Seldom(TYPING_EVERY)

    def kept(messages: Messages) -> Keeping:
        return Keeping(messages, RoomFeed(messages, seats, typing))

    keeping = {
        RoomKind.CONVERSATION: kept(of(DirectMessages)),
        RoomKind.CHANNEL: kept(of(ChannelMessages)),
    }
    servers, channels, members = of(Servers), of(Channels), of(Members)
    conversations, users = of(Conversations), of(Users)
    places = servers, channels, members, conversations
    rooms = RoomService(users, *places, keeping)
    once = Once(of(UsedKeys))
    return _Talk(
        servers=ServerService(servers, channels, members, once, secret),
        conversations=ConversationService(conversations, users, once),
        messages=MessageService(rooms, orders, typing),
        reading=ReadingService(rooms, of(Reads), *places, keeping),
        names=Names(of(Profiles), users),
        feeds=[each.feed for each in keeping.values()],
    )


def _sender(settings: Settings, webhooks: Webhooks, deliveries: Deliveries) -> WebhookSender:
    patience = Patience(
        tries=settings.webhook_tries, first_wait=timedelta(seconds=settings.webhook_first_wait)
    )
    manners = Manners(
        # Longer than any try takes: names are looked up, and results are written.
        lease=timedelta(seconds=2 * settings.webhook_timeout + 10),
        patience=patience,
        kept=timedelta(days=settings.webhook_keep_days),
    )
    post = poster(settings.webhook_timeout, private=settings.webhook_private_addresses)
    return WebhookSender(webhooks, deliveries, post, manners)


def _accounts(settings: Settings, users: Users, secret: str) -> AccountService:
    places = max(1, settings.web_threads // 2)
    return AccountService(
        users,
        Passwords(settings.password_memory_kib, settings.password_rounds, places),
        Tokens(secret, timedelta(seconds=settings.access_token_seconds)),
        timedelta(days=settings.session_days),
    )


def _postgres(settings: Settings, url: str) -> Backend:
    database = PostgresDatabase(
        url, pool_min=settings.postgres_pool_min, pool_max=settings.postgres_pool_max
    )
    return Backend(database, POSTGRES_STORES)


def _mongo(settings: Settings, uri: str) -> Backend:
    database = MongoDatabase(
        uri, pool_min=settings.mongodb_pool_min, pool_max=settings.mongodb_pool_max
    )
    return Backend(database, MONGO_STORES)


def _second_mongo(settings: Settings, uri: str) -> Extra:
    connection = MongoDatabase(
        uri,
        name="analytics",
        database=None if settings.database1_uri else "diner_analytics",
        pool_min=settings.database1_pool_min,
        pool_max=settings.database1_pool_max,
    )
    return Extra("mongodb", "analytics", connection)


def _redis(url: str) -> Extra:
    return Extra("redis", "cache", RedisConnection(url))
