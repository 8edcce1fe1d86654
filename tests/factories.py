"""Valid records in one call; every field can be given another value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from dinerapp.accounts.domain.profiles import Preferences, Profile
from dinerapp.accounts.domain.users import Session, User
from dinerapp.messaging.domain.conversations import Conversation
from dinerapp.messaging.domain.idempotency import IdempotencyRecord
from dinerapp.messaging.domain.members import Member
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.domain.read_markers import ReadMarker
from dinerapp.messaging.domain.servers import Channel, Server
from dinerapp.ordering.domain.carts import Cart, CartLine
from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.ordering.domain.customers import Customer as KnownCustomer
from dinerapp.ordering.domain.menu import Category, MenuItem
from dinerapp.ordering.domain.orders import (
    Fulfilment,
    FulfilmentType,
    HistoryStep,
    Line,
    Order,
    OrderContact,
    Status,
)
from dinerapp.ordering.domain.payments import Method, Payment
from dinerapp.ordering.domain.pricing import LineRequest
from dinerapp.ordering.domain.slots import Slot
from dinerapp.ordering.domain.tills import Till
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.version import StoreId
from dinerapp.reservations.model import Area, DiningTable, Reservation
from dinerapp.webhooks.domain.deliveries import WebhookDelivery
from dinerapp.webhooks.domain.webhooks import Webhook

MAINS_ID = "01a1fd5b-738a-7340-82a6-7288b9785b65"
"""The id of a category; whether there is one does not matter to stores."""
LONG_WORD = Random(1).randbytes(6_000).hex()
"""No store can press this into an entry of an index."""
_numbers = count(1)
_NOON = datetime(2036, 5, 1, 12, tzinfo=UTC)


def at(seconds: float = 0) -> datetime:
    """A moment so many seconds after noon on a day in May, far from what any store forgets."""
    return _NOON + timedelta(seconds=seconds)


def line(**fields: Any) -> Line:
    """A position of an order; its total follows from the price unless it is given."""
    given = {"quantity": 1, "unit_price": 850, **fields}
    return Line(
        **{
            "id": new_id(),
            "item_id": new_id(),
            "name": "Pelmeni",
            "total": given["quantity"] * given["unit_price"],
            **given,
        }
    )


def order(lines: int = 1, **fields: Any) -> Order:
    """A pending pickup order with so many lines, or with the `order_lines` given."""
    positions = fields.pop("order_lines", None) or tuple(line() for _ in range(lines))
    amount = sum(position.total for position in positions)
    return Order(
        **{
            **_envelope(fields.get("created_at", at())),
            "code": "A17",
            "customer": OrderContact(name="Ada", phone="+491701234567"),
            "fulfilment": Fulfilment(type=FulfilmentType.PICKUP),
            "lines": positions,
            "subtotal": amount,
            "total": amount,
            "currency": "EUR",
            "history": (HistoryStep(at=at(), status=Status.PENDING, actor="guest"),),
            **fields,
        }
    )


def stocked_order(item_id: str, quantity: int = 1, **fields: Any) -> Order:
    """An order that takes so many pieces from the item's stock."""
    position = line(item_id=item_id, quantity=quantity, counted=True)
    return order(order_lines=(position,), **fields)


def payment(amount: int = 850, **fields: Any) -> Payment:
    """Cash, without tip or change."""
    given = {"id": new_id(), "op_id": new_op_id(), "method": Method.CASH, "actor": "ada"}
    return Payment(**{**given, "amount": amount, "at": at(), **fields})


def cart_line(**fields: Any) -> CartLine:
    """One of something."""
    wanted = {"item_id": new_id(), "quantity": 1}
    own = {name: fields.pop(name) for name in ("id", "revision") if name in fields}
    return CartLine(**{"id": new_id(), **own}, wanted=LineRequest(**{**wanted, **fields}))


def cart(**fields: Any) -> Cart:
    """A guest's open cart with one position."""
    known = {"lines": (cart_line(),), "expires_at": at(3600)}
    return Cart(**{**_envelope(fields.get("created_at", at())), **known, **fields})


def slot(**fields: Any) -> Slot:
    """Half past something, for five orders."""
    return Slot(
        **{
            **_envelope(fields.get("created_at", at())),
            "starts_at": at(1800),
            "capacity": 5,
            **fields,
        }
    )


def area(**fields: Any) -> Area:
    """With a name of its own."""
    made = _envelope(fields.get("created_at", at()))
    return Area(**{**made, "name": f"Area {made['id']}", **fields})


def table(**fields: Any) -> DiningTable:
    """For four, with a name and in an area of its own."""
    made = _envelope(fields.get("created_at", at()))
    known = {"name": f"Table {made['id']}", "area_id": new_id(), "seats": 4}
    return DiningTable(**{**made, **known, **fields})


def reservation(**fields: Any) -> Reservation:
    """Four people for two hours from half past twelve on, at a table of their own."""
    made = _envelope(fields.get("created_at", at()))
    begin = fields.get("starts_at", at(1800))
    known = {"code": "A17Q", "name": "Ada", "phone": "+49301234567", "party_size": 4}
    place = {"table_id": new_id(), "starts_at": begin, "ends_at": begin + timedelta(hours=2)}
    return Reservation(**{**made, **known, **place, **fields})


def coupon(**fields: Any) -> Coupon:
    """Ten percent off, with a code of its own."""
    made = _envelope(fields.get("created_at", at()))
    return Coupon(**{**made, "code": f"C{made['id']}", "percent": 1000, **fields})


def till(**fields: Any) -> Till:
    """Open, with 200.00 in it."""
    made = _envelope(fields.get("created_at", at()))
    return Till(**{**made, "name": "Bar", "opened_by": "ada", "opening": 20000, **fields})


def webhook(**fields: Any) -> Webhook:
    """Wants to hear of everything."""
    made = _envelope(fields.get("created_at", at()))
    given = {"url": "https://example.org/hook", "secret": "whsec_0", "since": made["created_at"]}
    return Webhook(**{**made, **given, **fields})


def delivery(**fields: Any) -> WebhookDelivery:
    """Due since it happened, and not tried yet."""
    made = _envelope(fields.get("created_at", at()))
    given = {"webhook_id": new_id(), "event": "order.placed", "due": made["created_at"]}
    payload = {"type": "order.placed", "order": {"code": "A17", "total": 850}}
    return WebhookDelivery(**{**made, **given, "payload": payload, **fields})


def menu_item(**fields: Any) -> MenuItem:
    """A dish with a slug of its own."""
    record_id = fields.get("id", new_id())
    return MenuItem(
        **{
            **_envelope(fields.get("created_at", at())),
            "id": record_id,
            "slug": f"dish-{record_id}",
            "name": "Pelmeni",
            "category_id": MAINS_ID,
            "price": 850,
            **fields,
        }
    )


def user(**fields: Any) -> User:
    """A customer with an address of their own, who is logged in once."""
    record_id = fields.get("id", new_id())
    created_at = fields.get("created_at", at())
    return User(
        **{
            **_envelope(created_at),
            "id": record_id,
            "email": f"{record_id}@example.org",
            "name": "Ada",
            "password_hash": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$bm8gaGFzaA",
            "password_changed_at": created_at,
            "sessions": (session(),),
            **fields,
        }
    )


def customer(**fields: Any) -> KnownCustomer:
    """A guest with a number of their own, who has ordered once."""
    created_at = fields.get("created_at", at())
    return KnownCustomer(
        **{
            **_envelope(created_at),
            "phone": f"+4930{next(_numbers):07}",
            "name": "Ada",
            "first_seen": created_at,
            "last_seen": created_at,
            **fields,
        }
    )


def profile(**fields: Any) -> Profile:
    """Of somebody who has said what they eat."""
    made = _envelope(fields.get("created_at", at()))
    preferences = Preferences(dietary=("vegan",), language="de")
    return Profile(**{**made, "display_name": "Ada", "preferences": preferences, **fields})


def category(**fields: Any) -> Category:
    """A part of the menu with a slug of its own."""
    record_id = fields.get("id", new_id())
    return Category(
        **{
            **_envelope(fields.get("created_at", at())),
            "id": record_id,
            "slug": f"category-{record_id}",
            "name": "Mains",
            **fields,
        }
    )


def session(**fields: Any) -> Session:
    """A login that lasts for an hour."""
    given = {"created_at": at(), **fields}
    ends = given["created_at"] + timedelta(hours=1)
    return Session(
        **{"id": new_id(), "rotated_at": given["created_at"], "expires_at": ends, **given}
    )


def server(**fields: Any) -> Server:
    """A restaurant with an invite code of its own."""
    made = _envelope(fields.get("created_at", at()))
    known = {"name": "Diner", "owner_id": new_id(), "invite_code": f"code-{made['id']}"}
    return Server(**{**made, **known, **fields})


def channel(**fields: Any) -> Channel:
    """Of a server nobody knows."""
    made = _envelope(fields.get("created_at", at()))
    return Channel(**{**made, "server_id": new_id(), "name": "kitchen", **fields})


def member(**fields: Any) -> Member:
    """A guest of a server."""
    made = _envelope(fields.get("created_at", at()))
    known = {"server_id": new_id(), "user_id": new_id(), "joined_at": made["created_at"]}
    return Member(**{**made, **known, **fields})


def conversation(**fields: Any) -> Conversation:
    """Of two strangers."""
    made = _envelope(fields.get("created_at", at()))
    return Conversation(**{**made, "user_ids": (new_id(), new_id()), "started_by": "ada", **fields})


def message(**fields: Any) -> Message:
    """A few words in a room."""
    made = _envelope(fields.get("created_at", at()))
    known = {"room_id": new_id(), "author_id": new_id(), "content": "Two covers are late"}
    return Message(**{**made, **known, **fields})


def read_marker(**fields: Any) -> ReadMarker:
    """Somebody has read a room up to some message."""
    made = _envelope(fields.get("created_at", at()))
    known = {"room_id": new_id(), "user_id": new_id(), "message_id": new_id()}
    return ReadMarker(**{**made, **known, "message_at": made["created_at"], **fields})


def idempotency_record(**fields: Any) -> IdempotencyRecord:
    """A key that was used to find or make something."""
    made = _envelope(fields.get("created_at", at()))
    return IdempotencyRecord(**{**made, "led_to": new_id(), **fields})


def conflict(**fields: Any) -> Conflict:
    """An open conflict about an order."""
    return Conflict(
        **{
            **_envelope(fields.get("created_at", at())),
            "about": "orders",
            "record_id": new_id(),
            "reason": "source_priority",
            "winner": {"notes": "no onions"},
            "loser": {"notes": "extra onions"},
            **fields,
        }
    )


def other_store(store_id: StoreId) -> StoreId:
    """The other one of the two databases."""
    return StoreId.MONGODB if store_id == StoreId.POSTGRESQL else StoreId.POSTGRESQL


def _envelope(created_at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "op_id": new_op_id(),
        "created_at": created_at,
        "updated_at": created_at,
    }
