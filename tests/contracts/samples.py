"""What the suites are run over: the stores of a database, and a sample of each kind of record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from dinerapp.replication import codec
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.database import Database
from dinerapp.replication.ports.replica import ApplyResult
from dinerapp.replication.record import AppliedOperation, Record
from dinerapp.replication.version import StoreId, Version
from tests.factories import (
    area,
    at,
    cart,
    category,
    channel,
    conflict,
    conversation,
    coupon,
    customer,
    delivery,
    idempotency_record,
    member,
    menu_item,
    message,
    order,
    profile,
    read_marker,
    reservation,
    server,
    slot,
    table,
    till,
    user,
    webhook,
)


@dataclass(frozen=True)
class Repositories:
    """One repository per kind, an attribute of its name: of one store, or composed of two."""

    by_kind: Mapping[str, Any]

    def __getattr__(self, kind: str) -> Any:
        if kind not in self.by_kind:
            raise AttributeError(kind)
        return self.by_kind[kind]


@dataclass(frozen=True)
class Stores(Repositories):
    """Every kind of record in one database."""

    database: Database


@dataclass(frozen=True)
class Sample:
    """One kind of record: how to make one, and which of its fields is free text."""

    name: str
    make: Callable[..., Any]
    text: str

    def with_text(self, record: Any, text: str = "edited", **fields: Any) -> Any:
        """The record after an operation that wrote the text."""
        known = {"op_id": new_op_id(), "now": at(1), self.text: text, **fields}
        return record.with_changes(**known)


SAMPLES = (
    Sample("orders", order, "notes"),
    Sample("menu_items", menu_item, "description"),
    Sample("users", user, "name"),
    Sample("customers", customer, "notes"),
    Sample("profiles", profile, "bio"),
    Sample("categories", category, "description"),
    Sample("carts", cart, "successor"),
    Sample("conflicts", conflict, "reason"),
    Sample("coupons", coupon, "description"),
    Sample("slots", slot, "notes"),
    Sample("areas", area, "notes"),
    Sample("tables", table, "notes"),
    Sample("reservations", reservation, "notes"),
    Sample("tills", till, "notes"),
    Sample("webhooks", webhook, "description"),
    Sample("deliveries", delivery, "event"),
    Sample("servers", server, "name"),
    Sample("channels", channel, "name"),
    Sample("members", member, "barred"),
    Sample("conversations", conversation, "started_by"),
    Sample("direct_messages", message, "content"),
    Sample("channel_messages", message, "content"),
    Sample("reads", read_marker, "message_id"),
    Sample("used_keys", idempotency_record, "led_to"),
)


def accepted_by(record: Any, store_id: StoreId, *places: StoreId) -> Any:
    """The record as the places, one after the other, would have accepted it."""
    record = codec.canonical(record).as_accepted_by(store_id)
    for each in places:
        record = accepted_again_by(record, each)
    return record


def accepted_again_by(record: Record, store_id: StoreId, **fields: Any) -> Any:
    """The stored record after one more write that the place accepted."""
    return record.with_changes(**{"op_id": new_op_id(), "now": at(1), **fields}).as_accepted_by(
        store_id
    )


def with_unknown_past(record: Any, version: Version) -> Any:
    """The record at a version with a past nobody here has seen."""
    trail = tuple(
        AppliedOperation(place, version.counter_of(place), new_op_id())
        for place in StoreId
        if version.counter_of(place)
    )
    return replace(record, version=version, trail=trail)


def deliver_each(store: Any, *states: Any) -> list[ApplyResult[Any]]:
    """Delivers the states, one at a time."""
    return [answer for state in states for answer in store.deliver([state])]


def load_one(store: Any, record: Record) -> Any:
    """What the store holds of the record, tombstones included; None if nothing."""
    return store.load([record.id]).get(record.id)


def identical(one: Any, other: Any) -> bool:
    """Equal, and equal in every type, which `1 == 1.0 == True` is not."""
    return one == other and codec.digest(one) == codec.digest(other)


def scan_all(store: Any, limit: int = 500) -> list[Any]:
    """Everything the store holds, in the order in which it gives it."""
    found: list[Any] = []
    while page := store.scan(found[-1].id if found else None, limit):
        found.extend(page)
    return found


def all_pages(query: Callable[[Any, int], Any], limit: int) -> list[Any]:
    """All pages of a list, one after the other."""
    page = query(None, limit)
    found = list(page.items)
    while page.next_cursor is not None:
        assert len(page.items) == limit
        page = query(page.next_cursor, limit)
        found.extend(page.items)
    return found


def ids(records: Iterable[Record]) -> list[str]:
    """Only the ids."""
    return [record.id for record in records]


def held(repositories: Repositories, item_id: str) -> int:
    """How much orders hold of an item's stock."""
    key = f"stock:{item_id}"
    count: int = repositories.orders.usage([key])[key].reserved
    return count


def run_concurrently(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of calls made by a thread each; an error is a result too."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.exception() or future.result() for future in futures]
