"""What has happened, for whoever wants to know. Sent after the fact; receivers never undo it.

Receivers are module-level functions (blinker keeps weak references), and `announce` keeps a
failing one from stopping the request or the other receivers.
"""

from __future__ import annotations

from typing import Any

import structlog
from blinker import NamedSignal, Namespace

_log = structlog.get_logger(__name__)
_signals = Namespace()

connection_lost = _signals.signal("connection_lost")
"""A store stopped answering this process. place: str, reason: str."""

connection_restored = _signals.signal("connection_restored")
"""A store has received all it missed and is up again. place: str, seconds: float down."""

connection_slow = _signals.signal("connection_slow")
"""Too many calls of a store were slow; connection_lost follows. place: str, seconds: float."""

connection_behind = _signals.signal("connection_behind")
"""Another process cannot use a store that is up here; it may lack writes. place: str."""

absence_reported = _signals.signal("absence_reported")
"""This process has told the others that it cannot use a store. place: str."""

absence_heard = _signals.signal("absence_heard")
"""Another process has just said that it cannot use a store. place: str."""

follow_up_owed = _signals.signal("follow_up_owed")
"""A record was written that its kind's followers have not been shown. kind: str."""

deliveries_due = _signals.signal("deliveries_due")
"""Something is to be sent to webhooks now. No payload."""

changed_elsewhere = _signals.signal("changed_elsewhere")
"""Another process changed a record, perhaps told twice. topic: str (its signal there), kind: str,
record_id: str, version: str, details: Mapping."""

news_missed = _signals.signal("news_missed")
"""Other processes may have changed records without this one hearing of it. No payload."""

order_placed = _signals.signal("order_placed")
"""An order was accepted. order: Order."""

order_status_changed = _signals.signal("order_status_changed")
"""An order took a step. order: Order, before: Status."""

order_revised = _signals.signal("order_revised")
"""Lines of an order were added or changed. order: Order."""

order_paid = _signals.signal("order_paid")
"""A payment was taken. order: Order, payment: Payment."""

order_refunded = _signals.signal("order_refunded")
"""Money was given back. order: Order, payment: Payment."""

tickets_changed = _signals.signal("tickets_changed")
"""The kitchen took a step. order: Order."""

customer_erased = _signals.signal("customer_erased")
"""Somebody was forgotten, here and in all their orders. customer: Customer (what is left)."""

user_created = _signals.signal("user_created")
"""Somebody has an account now. user: User."""

user_changed = _signals.signal("user_changed")
"""An account was changed by its owner or a manager. user: User."""

ABOUT_ORDERS = (
    order_placed,
    order_status_changed,
    order_revised,
    order_paid,
    order_refunded,
    tickets_changed,
)
"""All that carry an order."""

message_sent = _signals.signal("message_sent")
"""Something was said in a room. kind: str, message: Message."""

message_changed = _signals.signal("message_changed")
"""A message was edited or removed. kind: str, message: Message."""

room_read = _signals.signal("room_read")
"""Somebody has read a room up to some message. read: Read."""

typing_noticed = _signals.signal("typing_noticed")
"""Somebody is typing in a room. room_id: str, user_id: str."""

typing_heard = _signals.signal("typing_heard")
"""Another process noticed somebody typing in a room. room_id: str, user_id: str."""

access_changed = _signals.signal("access_changed")
"""Somebody may not see every room any more that they saw. about: Record, user_id: str or None for
anybody."""

menu_changed = _signals.signal("menu_changed")
"""An item was added, changed or removed. item: MenuItem."""

category_changed = _signals.signal("category_changed")
"""A category was added, changed or removed. category: Category."""

conflict_found = _signals.signal("conflict_found")
"""Two states met and one lost. conflict: Conflict."""

conflict_resolved = _signals.signal("conflict_resolved")
"""A manager closed a conflict, which may have changed its record. conflict: Conflict."""


def announce(signal: NamedSignal, sender: object, **payload: Any) -> None:
    """Sends the signal to every receiver; one that fails is logged."""
    for receiver in signal.receivers_for(sender):
        try:
            receiver(sender, **payload)
        except Exception:  # noqa: BLE001 whatever a receiver does wrong is its own affair
            _log.exception("receiver_failed", signal=signal.name, receiver=repr(receiver))
