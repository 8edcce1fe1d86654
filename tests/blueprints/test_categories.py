"""Categories, their hours, and the menu as it is kept ready."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from blinker import NamedSignal
from flask.testing import FlaskClient

from adapters.bus.memory import MemoryBroker, MemoryTransport
from adapters.bus.multi_transport import MultiTransportBus
from dinerapp.accounts.domain.permissions import Role
from dinerapp.live.bus import Bus
from dinerapp.live.signals import bus_gap
from dinerapp.ordering.domain.hours import WEEK
from dinerapp.ordering.signals import category_changed
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.signals import (
    announce,
    connection_behind,
    connection_lost,
    connection_restored,
)
from dinerapp.runtime.app import create_app
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running
from tests.blueprints.api_helpers import (
    FAST_SETTINGS,
    CheckedClient,
    add_category,
    add_dish,
    client_as,
    client_of,
    dish_fields,
    idempotency_headers,
    order_for,
    place_order,
    services_of,
)
from tests.contracts.bus import RecordingListener, open_buses, wait_until
from tests.factories import stocked_order


def hours_from_now(begin: int, end: int) -> list[dict[str, Any]]:
    """A window of every day, by the clock in UTC."""
    opens, closes = (datetime.now(UTC) + timedelta(hours=hours) for hours in (begin, end))
    return [{"days": list(WEEK), "opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"}]


def path_of(made: dict[str, Any]) -> str:
    return f"/api/menu/categories/{made['id']}"


def item_ids(client: FlaskClient, **query: str) -> list[str]:
    menu = client.get("/api/menu", query_string=query).json
    return [item["id"] for group in menu["categories"] for item in group["items"]]


def test_a_new_category_is_found_at_its_location_with_its_etag(client: FlaskClient) -> None:
    fields = {"slug": f"c-{new_id()}", "name": "Ужин", "hours": hours_from_now(-1, 1)}
    made = client.post("/api/menu/categories", json=fields)
    read = client.get(made.headers["Location"])
    assert (made.status_code, read.status_code) == (201, 200)
    assert read.json == made.json
    assert read.json["hours"] == fields["hours"]
    assert read.headers["ETag"] == made.headers["ETag"]
    assert made.json in client.get("/api/menu/categories").json["items"]


def test_a_category_is_added_changed_and_removed_once_per_key(client: FlaskClient) -> None:
    headers, fields = idempotency_headers(), {"slug": f"c-{new_id()}", "name": "Soups"}
    first, again = (
        client.post("/api/menu/categories", json=fields, headers=headers) for _ in range(2)
    )
    assert first.json == again.json
    assert again.headers["Idempotent-Replay"] == "true"
    changed = client.patch(
        path_of(first.json), json={"name": "Stews"}, headers=idempotency_headers()
    )
    assert changed.json == first.json | {"name": "Stews", "revision": 2}
    headers = idempotency_headers()
    gone = [client.delete(path_of(first.json), headers=headers).status_code for _ in range(2)]
    assert gone == [204, 204]
    assert client.get(path_of(first.json)).status_code == 404


def test_a_change_of_a_category_that_has_changed_is_refused(client: FlaskClient) -> None:
    made = add_category(client)
    etag = client.get(path_of(made)).headers["ETag"]
    client.patch(path_of(made), json={"name": "Stews"})
    for method, body in (("PATCH", {"name": "Broths"}), ("DELETE", None)):
        refused = client.open(path_of(made), method=method, json=body, headers={"If-Match": etag})
        assert refused.status_code == 412


@pytest.mark.parametrize(("number", "words"), [(1, "1 item is"), (3, "3 items are")])
def test_a_category_with_items_stays_and_says_how_many(
    client: FlaskClient, number: int, words: str
) -> None:
    made = add_category(client)
    items = [add_dish(client, category_id=made["id"]) for _ in range(number)]
    refused = client.delete(path_of(made))
    assert refused.status_code == 409
    assert words in refused.json["detail"]
    for item in items:
        client.delete(f"/api/menu/items/{item['id']}")
    assert client.delete(path_of(made)).status_code == 204


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_no_item_goes_into_a_category_that_is_not_there(client: FlaskClient, method: str) -> None:
    path = "/api/menu/items" if method == "POST" else f"/api/menu/items/{add_dish(client)['id']}"
    refused = client.open(path, method=method, json=dish_fields(category_id=new_id()))
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["category_id"])


def test_a_repeated_addition_is_one_even_if_its_category_has_gone(client: FlaskClient) -> None:
    old, new, headers = add_category(client), add_category(client), idempotency_headers()
    fields = dish_fields(category_id=old["id"])
    item = client.post("/api/menu/items", json=fields, headers=headers).json
    moved = client.patch(f"/api/menu/items/{item['id']}", json={"category_id": new["id"]}).json
    assert client.delete(path_of(old)).status_code == 204
    again = client.post("/api/menu/items", json=fields, headers=headers)
    assert (again.status_code, again.json) == (201, moved)


def test_an_item_whose_category_vanished_is_still_on_the_menu(client: FlaskClient) -> None:
    made = add_category(client)
    item = add_dish(client, category_id=made["id"])
    categories = services_of(client).repositories["categories"]
    record = categories.get(made["id"])
    categories.delete(record.with_changes(op_id="0" * 32, now=record.updated_at))
    announce(category_changed, categories, category=record)
    groups = client.get("/api/menu").json["categories"]
    [group] = [each for each in groups if each["id"] == made["id"]]
    assert (group["name"], [each["id"] for each in group["items"]]) == ("Other", [item["id"]])


def test_the_menu_is_narrowed_by_category(client: FlaskClient) -> None:
    made = add_category(client)
    item = add_dish(client, category_id=made["id"])
    add_dish(client)
    assert item_ids(client, category=made["id"]) == [item["id"]]
    assert item_ids(client, category=made["slug"]) == [item["id"]]
    assert client.get("/api/menu?category=nowhere").json["categories"] == []


def test_the_menu_is_narrowed_to_what_has_all_dietary_marks(client: FlaskClient) -> None:
    both = add_dish(client, dietary=["Vegan", "halal", "raw"])
    one = add_dish(client, dietary=["vegan"])
    found = item_ids(client, dietary="halal, VEGAN")
    assert both["id"] in found
    assert one["id"] not in found
    assert {both["id"], one["id"]} <= set(item_ids(client, dietary="vegan"))


def test_the_menu_is_narrowed_to_what_can_be_ordered(client: FlaskClient) -> None:
    can = add_dish(client)
    cannot = [
        add_dish(client, available=False)["id"],
        add_dish(client, stock=0)["id"],
        add_dish(client, hours=hours_from_now(2, 3))["id"],
    ]
    yes, no = (item_ids(client, available=flag) for flag in ("true", "false"))
    assert can["id"] in yes
    assert not set(cannot) & set(yes)
    assert set(cannot) <= set(no)
    assert can["id"] not in no


@pytest.mark.parametrize(
    ("query", "field"),
    [("available=1", "available"), ("available=True", "available"), ("category=", "category"),
     ("colour=red", "colour"), ("dietary=" + ",".join("x" * 21), "dietary"),
     ("dietary=a&dietary=b", "dietary"), ("category=a%00b", "category")],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_refused(
    client: FlaskClient, query: str, field: str
) -> None:
    refused = client.get(f"/api/menu?{query}")
    assert (refused.status_code, [*refused.json["errors"]]) == (422, [field])


@pytest.mark.parametrize("of", ["item", "category"])
def test_outside_its_hours_an_item_is_shown_and_refused(client: FlaskClient, of: str) -> None:
    hours = hours_from_now(2, 3)
    made = add_category(client, **({"hours": hours} if of == "category" else {}))
    fields = {"hours": hours} if of == "item" else {}
    item = add_dish(client, category_id=made["id"], **fields)
    assert item["available"] is False
    refused = client.post("/api/orders", json=order_for(item))
    assert (refused.status_code, [*refused.json["errors"]]) == (409, ["items.0.item_id"])
    assert "is not served on" in refused.json["detail"]
    opens = hours[0]["opens"]
    assert refused.json["detail"].endswith(f"at {opens}")


def test_an_order_for_later_may_have_what_is_served_then(client: FlaskClient) -> None:
    item = add_dish(client, hours=hours_from_now(2, 4))
    later = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    place_order(client, order_for(item, fulfilment={"type": "pickup", "scheduled_for": later}))


@pytest.mark.parametrize("moment", ["0001-01-02T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_an_order_for_the_end_of_time_is_told_so_in_words(client: FlaskClient, moment: str) -> None:
    item = add_dish(client, hours=[{"opens": "11:00", "closes": "11:01"}])
    wanted = {"type": "pickup", "scheduled_for": moment}
    refused = client.post("/api/orders", json=order_for(item, fulfilment=wanted))
    assert refused.status_code in (409, 422)


def test_hours_are_part_of_an_items_etag(client: FlaskClient) -> None:
    made = add_category(client)
    item = add_dish(client, category_id=made["id"])
    path = f"/api/menu/items/{item['id']}"
    etag = client.get(path).headers["ETag"]
    client.patch(path_of(made), json={"hours": hours_from_now(2, 3)})
    read = client.get(path, headers={"If-None-Match": etag})
    assert (read.status_code, read.json["available"]) == (200, False)


@pytest.mark.parametrize(
    "window",
    [{"opens": "11:00"}, {"opens": "25:00", "closes": "26:00"},
     {"opens": "9:00", "closes": "10:00"},
     {"days": [], "opens": "11:00", "closes": "12:00"}, {"opens": 11, "closes": 12},
     {"days": ["friday"], "opens": "11:00", "closes": "12:00"}],
)  # fmt: skip
def test_hours_that_are_none_are_refused(client: FlaskClient, window: dict[str, Any]) -> None:
    fields = {"slug": f"c-{new_id()}", "name": "Soups", "hours": [window]}
    refused = client.post("/api/menu/categories", json=fields)
    assert refused.status_code == 422
    assert all(name.startswith("hours.0.") for name in refused.json["errors"])


def test_the_menu_is_sent_compressed_to_those_who_take_it(client: FlaskClient) -> None:
    add_dish(client)
    plain = client.get("/api/menu")
    zipped = client.get("/api/menu", headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(zipped.data)) == plain.json
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    for answer in (plain, zipped):
        known = client.get("/api/menu", headers={"If-None-Match": answer.headers["ETag"]})
        assert (known.status_code, known.data) == (304, b"")


def test_a_kept_menu_still_says_who_served_it(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.get("/api/menu")
        assert answer.headers["X-Diner-Store"] == "mongodb"
        assert answer.headers["X-Diner-Role"] == "primary"


def test_the_menu_shows_what_an_order_has_taken(client: FlaskClient) -> None:
    made = add_category(client)
    item = add_dish(client, category_id=made["id"], stock=5)

    def left() -> int:
        [group] = client.get(f"/api/menu?category={made['id']}").json["categories"]
        return int(group["items"][0]["stock"])

    assert left() == 5
    order = place_order(client, order_for(item, 2))
    assert left() == 3
    client.post(f"/api/orders/{order['id']}/cancel", json={})
    assert left() == 5


@contextmanager
def with_another_process() -> Iterator[tuple[FlaskClient, Bus]]:
    """An application, and the bus of another process that works on the same stores."""
    exchange = MemoryBroker()
    app = create_app(
        Settings(**FAST_SETTINGS),
        stores=memory_stores(),
        bus=MultiTransportBus([MemoryTransport(exchange)]),
    )
    app.test_client_class = CheckedClient
    other = MultiTransportBus([MemoryTransport(exchange)])
    with running(app), open_buses(other):
        client = client_as(app, Role.ADMIN)
        wait_until(lambda: services_of(client).bus.is_listening)
        yield client, other


def test_what_another_process_changes_is_shown_as_soon_as_it_says_so() -> None:
    with with_another_process() as (client, other):
        item = add_dish(client)
        items = services_of(client).repositories["menu_items"]
        assert item_ids(client, available="true") == [item["id"]]
        record = items.get(item["id"])
        items.save(record.with_changes(op_id=new_op_id(), now=record.updated_at, available=False))
        assert item_ids(client, available="true") == [item["id"]]
        other.publish("menu_changed", {"kind": "menu_items", "id": item["id"], "version": ""})
        wait_until(lambda: item_ids(client, available="true") == [])


def test_what_another_process_sells_is_shown_as_soon_as_it_says_so() -> None:
    with with_another_process() as (client, other):
        item = add_dish(client, stock=5)
        assert item_ids(client, available="true") == [item["id"]]
        sold = services_of(client).repositories["orders"].save(stocked_order(item["id"], 5))
        assert item_ids(client, available="true") == [item["id"]]
        news = {"kind": "orders", "id": sold.id, "version": "", "takes_stock": True}
        other.publish("order_placed", news)
        wait_until(lambda: item_ids(client, available="true") == [])


def test_after_an_interruption_of_the_bus_the_menu_is_read_again() -> None:
    with with_another_process() as (client, _):
        item = add_dish(client)
        items = services_of(client).repositories["menu_items"]
        assert item_ids(client) == [item["id"]]
        record = items.get(item["id"])
        items.delete(record.with_changes(op_id=new_op_id(), now=record.updated_at))
        assert item_ids(client) == [item["id"]]
        announce(bus_gap, None)
        assert item_ids(client) == []


@pytest.mark.parametrize("signal", [connection_lost, connection_behind, connection_restored])
def test_when_a_database_comes_or_goes_the_menu_is_read_again(signal: NamedSignal) -> None:
    with client_of() as client:
        item = add_dish(client)
        items = services_of(client).repositories["menu_items"]
        assert item_ids(client) == [item["id"]]
        record = items.get(item["id"])
        items.delete(record.with_changes(op_id=new_op_id(), now=record.updated_at))
        details = {"store": "mongodb", "reason": "", "seconds": 1.0}
        announce(signal, None, **details)
        assert item_ids(client) == []


def test_the_other_processes_are_told_of_every_change() -> None:
    with with_another_process() as (client, other):
        listener = RecordingListener(other)
        item = add_dish(client, stock=5)
        order = place_order(client, order_for(item))
        client.patch(f"/api/orders/{order['id']}/status", json={"status": "confirmed"})
        wait_until(lambda: "order_status_changed" in listener.topics())
        heard = {message.topic: message.payload for message in listener.heard}
    version = {"version": "p1m0n0", "takes_stock": True}
    assert heard["order_placed"] == {"kind": "orders", "id": order["id"], **version}
    assert heard["menu_changed"]["id"] == item["id"]
    assert not heard["order_status_changed"]["takes_stock"]
