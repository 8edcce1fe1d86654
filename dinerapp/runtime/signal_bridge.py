"""What happens here is told to the other processes, and what they tell is announced here."""

from __future__ import annotations

from typing import Any

from dinerapp.live import bus
from dinerapp.live.signals import changed_elsewhere, news_missed
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.domain.read_markers import READS, Read
from dinerapp.messaging.signals import (
    access_changed,
    message_changed,
    message_sent,
    room_read,
    typing_heard,
    typing_noticed,
)
from dinerapp.ordering.domain.customers import CUSTOMERS, Customer
from dinerapp.ordering.domain.menu import CATEGORIES, MENU_ITEMS, Category, MenuItem
from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.services.menu_cache import takes_stock
from dinerapp.ordering.signals import (
    category_changed,
    customer_erased,
    menu_changed,
    order_paid,
    order_placed,
    order_refunded,
    order_revised,
    order_status_changed,
    tickets_changed,
)
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.record import Record
from dinerapp.replication.signals import (
    absence_heard,
    absence_reported,
    announce,
    conflict_resolved,
)

ABSENCE, TYPING = "absence", "typing"


class News:
    """Between the signals of this process and the bus.

    A signal about a record of another domain is passed on by one more receiver here.
    """

    def __init__(self, line: bus.Bus) -> None:
        self._bus = line
        menu_changed.connect(self._menu_changed)
        category_changed.connect(self._category_changed)
        order_placed.connect(self._order_placed)
        order_status_changed.connect(self._order_status_changed)
        order_revised.connect(self._order_revised)
        order_paid.connect(self._order_changed)
        order_refunded.connect(self._order_changed)
        tickets_changed.connect(self._order_changed)
        customer_erased.connect(self._customer_erased)
        conflict_resolved.connect(self._conflict_resolved)
        absence_reported.connect(self._absence_reported)
        message_sent.connect(self._message_changed)
        message_changed.connect(self._message_changed)
        room_read.connect(self._room_read)
        access_changed.connect(self._access_changed)
        typing_noticed.connect(self._typing_noticed)
        line.subscribe(self._heard)

    def _menu_changed(self, _sender: object, item: MenuItem) -> None:
        self._tell("menu_changed", MENU_ITEMS.name, item)

    def _category_changed(self, _sender: object, category: Category) -> None:
        self._tell("category_changed", CATEGORIES.name, category)

    def _order_placed(self, _sender: object, order: Order) -> None:
        self._tell("order_placed", ORDERS.name, order, takes_stock=takes_stock(order))

    def _order_status_changed(self, _sender: object, order: Order, **_payload: Any) -> None:
        self._tell("order_status_changed", ORDERS.name, order, takes_stock=takes_stock(order))

    def _order_revised(self, _sender: object, order: Order) -> None:
        takes = any(line.counted for line in order.lines)
        self._tell("order_revised", ORDERS.name, order, takes_stock=takes)

    def _order_changed(self, _sender: object, order: Order, **_payload: Any) -> None:
        self._tell("order_changed", ORDERS.name, order)

    def _customer_erased(self, _sender: object, customer: Customer) -> None:
        self._tell("customer_erased", CUSTOMERS.name, customer)

    def _conflict_resolved(self, _sender: object, conflict: Conflict) -> None:
        payload = {"kind": conflict.about, "id": conflict.record_id, "version": ""}
        self._bus.publish("conflict_resolved", payload)

    def _absence_reported(self, _sender: object, place: str) -> None:
        self._bus.publish(ABSENCE, {"place": place})

    def _message_changed(self, _sender: object, kind: str, message: Message) -> None:
        self._tell("message_changed", kind, message, room_id=message.room_id)

    def _room_read(self, _sender: object, read: Read) -> None:
        about = {"room_id": read.room_id, "user_id": read.user_id, "message_id": read.message_id}
        self._tell("room_read", READS.name, read, **about)

    def _access_changed(self, _sender: object, about: Record, user_id: str | None) -> None:
        self._tell("access_changed", "", about, user_id=user_id)

    def _typing_noticed(self, _sender: object, room_id: str, user_id: str) -> None:
        self._bus.publish(TYPING, {"room_id": room_id, "user_id": user_id})

    def _tell(self, topic: str, kind: str, record: Record, **details: Any) -> None:
        payload = {"kind": kind, "id": record.id, "version": str(record.version), **details}
        self._bus.publish(topic, payload)

    def _heard(self, news: bus.Message) -> None:
        match news:
            case bus.Message(topic) if topic == bus.MISSED:
                announce(news_missed, self)
            case bus.Message(topic, {"place": str(place)}) if topic == ABSENCE:
                announce(absence_heard, self, place=place)
            case bus.Message(topic, {"room_id": str(room_id), "user_id": str(user_id)}) if (
                topic == TYPING
            ):
                announce(typing_heard, self, room_id=room_id, user_id=user_id)
            case bus.Message(topic, {"kind": kind, "id": record_id, "version": version, **details}):
                announce(
                    changed_elsewhere,
                    self,
                    topic=topic,
                    kind=kind,
                    record_id=record_id,
                    version=version,
                    details=details,
                )
