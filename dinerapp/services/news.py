"""What happens here is told to the other processes, and what they tell is announced here."""

from __future__ import annotations

from typing import Any

from dinerapp import signals
from dinerapp.domain.conflicts import Conflict
from dinerapp.domain.customers import CUSTOMERS, Customer
from dinerapp.domain.menu import CATEGORIES, MENU_ITEMS, Category, MenuItem
from dinerapp.domain.messages import Message
from dinerapp.domain.order_merging import ORDERS
from dinerapp.domain.orders import Order
from dinerapp.domain.reads import READS, Read
from dinerapp.domain.record import Record
from dinerapp.ports import bus
from dinerapp.services.board import takes_stock

ABSENCE, TYPING = "absence", "typing"


class News:
    """Between the signals of this process and the bus.

    A signal about a record of another domain is passed on by one more receiver here.
    """

    def __init__(self, line: bus.Bus) -> None:
        self._bus = line
        signals.menu_changed.connect(self._menu_changed)
        signals.category_changed.connect(self._category_changed)
        signals.order_placed.connect(self._order_placed)
        signals.order_status_changed.connect(self._order_status_changed)
        signals.order_revised.connect(self._order_revised)
        signals.order_paid.connect(self._order_changed)
        signals.order_refunded.connect(self._order_changed)
        signals.tickets_changed.connect(self._order_changed)
        signals.customer_erased.connect(self._customer_erased)
        signals.conflict_resolved.connect(self._conflict_resolved)
        signals.absence_reported.connect(self._absence_reported)
        signals.message_sent.connect(self._message_changed)
        signals.message_changed.connect(self._message_changed)
        signals.room_read.connect(self._room_read)
        signals.access_changed.connect(self._access_changed)
        signals.typing_noticed.connect(self._typing_noticed)
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
                signals.announce(signals.news_missed, self)
            case bus.Message(topic, {"place": str(place)}) if topic == ABSENCE:
                signals.announce(signals.absence_heard, self, place=place)
            case bus.Message(topic, {"room_id": str(room_id), "user_id": str(user_id)}) if (
                topic == TYPING
            ):
                signals.announce(signals.typing_heard, self, room_id=room_id, user_id=user_id)
            case bus.Message(topic, {"kind": kind, "id": record_id, "version": version, **details}):
                signals.announce(
                    signals.changed_elsewhere,
                    self,
                    topic=topic,
                    kind=kind,
                    record_id=record_id,
                    version=version,
                    details=details,
                )
