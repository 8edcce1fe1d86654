"""The menu as guests read it and staff change it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.replication.identity import new_id
from tests.blueprints.api_helpers import (
    add_category,
    add_dish,
    dish_fields,
    idempotency_headers,
    order_for,
    place_order,
)

SIZES: dict[str, Any] = {
    "id": "size",
    "name": "Size",
    "min": 1,
    "max": 1,
    "options": [
        {"id": "small", "name": "Small", "price": -100},
        {"id": "large", "name": "Large", "price": 200},
    ],
}


def path_of(item: dict[str, Any]) -> str:
    return f"/api/menu/items/{item['id']}"


def shown(client: FlaskClient, item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(path_of(item)).json
    return found


def test_the_menu_is_grouped_by_category_in_order_of_position(client: FlaskClient) -> None:
    sweets = add_category(client, name="Über-Süßes", position=9)
    soups = add_category(client, name="Супы", position=8)
    sweet = add_dish(client, category_id=sweets["id"], name="Halva")
    late = add_dish(client, category_id=soups["id"], name="Borscht", position=2)
    early = add_dish(client, category_id=soups["id"], name="Ukha", position=1)
    menu = client.get("/api/menu").json
    assert menu["currency"] == "EUR"
    groups = [(group["id"], group["name"]) for group in menu["categories"]]
    ours = [(each["id"], each["name"]) for each in (soups, sweets)]
    assert [group for group in groups if group in ours] == ours
    items = {group["id"]: [item["id"] for item in group["items"]] for group in menu["categories"]}
    assert items[soups["id"]] == [early["id"], late["id"]]
    assert items[sweets["id"]] == [sweet["id"]]


def test_an_item_on_the_menu_has_the_fields_that_clients_rely_on(client: FlaskClient) -> None:
    fields = dish_fields(dietary=["vegan"], allergens=["nuts"], option_groups=[SIZES])
    item = client.post("/api/menu/items", json=fields).json
    wanted = {"id", "name", "description", "price", "dietary", "allergens", "available", "stock"}
    assert wanted | {"option_groups"} <= set(item)
    assert item["option_groups"] == [SIZES]
    assert (item["dietary"], item["allergens"], item["stock"]) == (["vegan"], ["nuts"], None)
    assert item["revision"] == 1


def test_a_new_item_is_found_at_its_location_with_its_etag(client: FlaskClient) -> None:
    made = client.post("/api/menu/items", json=dish_fields())
    read = client.get(made.headers["Location"])
    assert (made.status_code, read.status_code) == (201, 200)
    assert read.json == made.json
    assert read.headers["ETag"] == made.headers["ETag"]
    assert read.headers["X-Diner-Store"] == "mongodb"
    assert read.headers["X-Diner-Role"] == "primary"


def test_a_menu_that_the_caller_has_is_not_sent_again(client: FlaskClient) -> None:
    item = add_dish(client)
    etag = client.get("/api/menu").headers["ETag"]
    known = client.get("/api/menu", headers={"If-None-Match": etag})
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", etag)
    client.put(f"{path_of(item)}/availability", json={"available": False})
    assert client.get("/api/menu", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_an_item_that_the_caller_has_is_not_sent_again(client: FlaskClient, form: str) -> None:
    item = add_dish(client)
    etag = client.get(path_of(item)).headers["ETag"]
    known = client.get(path_of(item), headers={"If-None-Match": form.format(etag)})
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", etag)


def test_what_is_left_of_an_item_is_part_of_its_etag(client: FlaskClient) -> None:
    item = add_dish(client, stock=5)
    etag = client.get(path_of(item)).headers["ETag"]
    place_order(client, order_for(item, 2))
    read = client.get(path_of(item), headers={"If-None-Match": etag})
    assert (read.status_code, read.json["stock"]) == (200, 3)


def test_an_order_in_between_is_no_reason_to_refuse_a_change(client: FlaskClient) -> None:
    item = add_dish(client, stock=5)
    etag = client.get(path_of(item)).headers["ETag"]
    place_order(client, order_for(item, 2))
    done = client.patch(path_of(item), json={"price": 900}, headers={"If-Match": etag})
    assert (done.status_code, done.json["price"]) == (200, 900)


def test_only_the_fields_that_are_sent_change(client: FlaskClient) -> None:
    item = add_dish(client, description="with sour cream")
    changed = client.patch(path_of(item), json={"price": 900, "tax_rate": 700}).json
    assert changed == item | {"price": 900, "tax_rate": 700, "revision": 2}
    assert shown(client, item) == changed


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("PATCH", "", {"price": 1}),
        ("PUT", "/availability", {"available": False}),
        ("PUT", "/stock", {"stock": 1}),
        ("DELETE", "", None),
    ],
)
@pytest.mark.parametrize("stale", ['"p0m1n0"', "rubbish", '"', "", 'W/"p9m9n9"'])
def test_a_change_of_something_that_has_changed_is_refused_with_the_current_etag(
    client: FlaskClient, method: str, suffix: str, body: Any, stale: str
) -> None:
    item = add_dish(client)
    client.patch(path_of(item), json={"name": "Vareniki"})
    before = client.get(path_of(item))
    refused = client.open(
        path_of(item) + suffix, method=method, json=body, headers={"If-Match": stale}
    )
    assert refused.status_code == 412
    assert refused.headers["ETag"] == before.headers["ETag"]
    assert shown(client, item) == before.json


@pytest.mark.parametrize("form", ["{}", "W/{}", "*"])
def test_a_change_with_the_current_etag_is_made(client: FlaskClient, form: str) -> None:
    item = add_dish(client)
    etag = client.get(path_of(item)).headers["ETag"]
    headers = {"If-Match": form.format(etag)}
    done = client.patch(path_of(item), json={"price": 1}, headers=headers)
    assert (done.status_code, done.json["revision"]) == (200, 2)
    assert done.headers["ETag"] == client.get(path_of(item)).headers["ETag"] != etag


def test_86_takes_an_item_out_of_sale_and_back(client: FlaskClient) -> None:
    item = add_dish(client)
    path = f"{path_of(item)}/availability"
    assert client.put(path, json={"available": False}).json["available"] is False
    refused = client.post("/api/orders", json=order_for(item))
    assert (refused.status_code, [*refused.json["errors"]]) == (409, ["items.0.item_id"])
    client.put(path, json={"available": True})
    place_order(client, order_for(item))


def test_stock_is_what_is_left_and_an_item_without_any_is_not_available(
    client: FlaskClient,
) -> None:
    item = add_dish(client, stock=3)
    place_order(client, order_for(item, 2))
    assert (shown(client, item)["stock"], shown(client, item)["available"]) == (1, True)
    place_order(client, order_for(item, 1))
    assert (shown(client, item)["stock"], shown(client, item)["available"]) == (0, False)
    refused = client.post("/api/orders", json=order_for(item))
    assert (refused.status_code, refused.json["type"]) == (409, "urn:dinerapp:problem:sold-out")


def test_counting_again_starts_from_what_was_counted(client: FlaskClient) -> None:
    item = add_dish(client, stock=3)
    place_order(client, order_for(item, 2))
    counted = client.put(f"{path_of(item)}/stock", json={"stock": 7})
    assert counted.json["stock"] == 7
    place_order(client, order_for(item, 7))
    assert client.put(f"{path_of(item)}/stock", json={"stock": None}).json["stock"] is None
    place_order(client, order_for(item, 9))


def test_a_removed_item_is_gone_and_its_slug_is_free(client: FlaskClient) -> None:
    item = add_dish(client)
    assert client.post("/api/menu/items", json=dish_fields(slug=item["slug"])).status_code == 409
    removed = client.delete(path_of(item))
    assert (removed.status_code, removed.data) == (204, b"")
    assert client.get(path_of(item)).status_code == 404
    assert item["id"] not in client.get("/api/menu").text
    refused = client.post("/api/orders", json=order_for(item))
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["items.0.item_id"])
    add_dish(client, slug=item["slug"])


def test_an_item_is_added_once_per_key(client: FlaskClient) -> None:
    headers, fields = idempotency_headers(), dish_fields()
    first = client.post("/api/menu/items", json=fields, headers=headers)
    again = client.post("/api/menu/items", json=fields, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    other = client.post("/api/menu/items", json=fields | {"price": 1}, headers=headers)
    assert (other.status_code, [*other.json["errors"]]) == (422, ["Idempotency-Key"])


@pytest.mark.parametrize(
    ("method", "suffix", "body", "other"),
    [
        ("PATCH", "", {"price": 1}, {"price": 2}),
        ("PUT", "/availability", {"available": False}, {"available": True}),
        ("PUT", "/stock", {"stock": 1}, {"stock": 2}),
    ],
)
def test_an_item_is_changed_once_per_key(
    client: FlaskClient, method: str, suffix: str, body: Any, other: Any
) -> None:
    item, headers = add_dish(client), idempotency_headers()
    path = path_of(item) + suffix
    first = client.open(path, method=method, json=body, headers=headers)
    between = client.patch(path_of(item), json={"name": "Vareniki"})
    again = client.open(path, method=method, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json == between.json
    assert client.open(path, method=method, json=other, headers=headers).status_code == 422
    assert shown(client, item) == between.json


def test_one_key_may_serve_for_different_items(client: FlaskClient) -> None:
    headers, items = idempotency_headers(), (add_dish(client), add_dish(client))
    done = [client.patch(path_of(item), json={"price": 5}, headers=headers) for item in items]
    assert [answer.json["price"] for answer in done] == [5, 5]


def test_a_repeated_change_is_a_replay_even_if_its_etag_is_stale_by_now(
    client: FlaskClient,
) -> None:
    item = add_dish(client)
    headers = idempotency_headers(**{"If-Match": client.get(path_of(item)).headers["ETag"]})
    client.patch(path_of(item), json={"price": 5}, headers=headers)
    again = client.patch(path_of(item), json={"price": 5}, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (200, "true")
    assert again.json["revision"] == 2


def test_an_item_is_removed_once_and_a_repetition_is_told_so(client: FlaskClient) -> None:
    item, headers = add_dish(client), idempotency_headers()
    assert client.delete(path_of(item), headers=headers).status_code == 204
    again = client.delete(path_of(item), headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (204, "true")
    assert client.delete(path_of(item), headers=idempotency_headers()).status_code == 404


def test_what_was_removed_is_not_given_as_the_answer_of_its_creation(client: FlaskClient) -> None:
    headers, body = idempotency_headers(), dish_fields()
    item = client.post("/api/menu/items", json=body, headers=headers).json
    client.delete(path_of(item))
    assert client.post("/api/menu/items", json=body, headers=headers).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_item_that_never_was_is_not_found(client: FlaskClient, method: str) -> None:
    body = {"price": 1} if method == "PATCH" else None
    answer = client.open(f"/api/menu/items/{new_id()}", method=method, json=body)
    assert answer.status_code == 404


def test_an_id_may_be_written_in_capitals(client: FlaskClient) -> None:
    item = add_dish(client)
    assert client.get(f"/api/menu/items/{item['id'].upper()}").json == item


@pytest.mark.parametrize(
    ("group", "field"),
    [
        (SIZES | {"min": 2, "max": 1}, "option_groups.0.min"),
        (SIZES | {"max": 3}, "option_groups.0.max"),
        (SIZES | {"options": []}, "option_groups.0.options"),
        (SIZES | {"options": SIZES["options"] * 2}, "option_groups"),
    ],
)
def test_option_groups_that_nobody_could_choose_from_are_refused(
    client: FlaskClient, group: dict[str, Any], field: str
) -> None:
    refused = client.post("/api/menu/items", json=dish_fields(option_groups=[group]))
    assert (refused.status_code, [*refused.json["errors"]]) == (422, [field])
