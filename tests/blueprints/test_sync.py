"""Conflicts and consistency as a manager sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.ordering.domain.menu import MenuItem
from dinerapp.ordering.domain.orders import Status
from dinerapp.replication import conflicts
from dinerapp.replication.identity import new_id
from dinerapp.replication.record import utc_now
from dinerapp.replication.version import StoreId
from dinerapp.runtime.registry import PLACEMENT
from tests import factories
from tests.blueprints.api_helpers import (
    add_dish,
    client_of,
    idempotency_headers,
    order_for,
    place_order,
    services_of,
)


@pytest.fixture
def lonely() -> Iterator[FlaskClient]:
    """An application of its own, for lists that must hold nothing else."""
    with client_of() as client:
        yield client


def conflicting(client: FlaskClient) -> tuple[MenuItem, dict[str, Any]]:
    """An item, and the open conflict in which another name for it lost."""
    diner = services_of(client)
    item = diner.repositories["menu_items"].get(add_dish(client)["id"])
    loser = replace(item, name="Vareniki")
    found = conflicts.from_states("menu_items", item, loser, "source_priority", utc_now())
    kept = diner.repositories["conflicts"].save(found)
    return item, {"id": kept.id}


def resolve(client: FlaskClient, conflict: dict[str, Any], take: str, **headers: str) -> Any:
    path = f"/api/sync/conflicts/{conflict['id']}/resolve"
    return client.post(path, json={"take": take}, headers=headers)


def name_of(client: FlaskClient, item: MenuItem) -> str:
    name: str = client.get(f"/api/menu/items/{item.id}").json["name"]
    return name


def differ(client: FlaskClient) -> str:
    """An order that only one of the two stores holds; its id."""
    order = factories.order()
    services_of(client).replication.pairs["orders"].primary.deliver(
        [order.as_accepted_by(StoreId.POSTGRESQL)]
    )
    return order.id


def test_conflicts_are_listed_newest_first_by_pages_and_state(lonely: FlaskClient) -> None:
    repository = services_of(lonely).repositories["conflicts"]
    made = [repository.save(factories.conflict(created_at=factories.at(n))).id for n in range(5)]
    first = lonely.get("/api/sync/conflicts?limit=3&state=open").json
    cursor = first["next_cursor"]
    second = lonely.get(f"/api/sync/conflicts?limit=3&state=open&cursor={cursor}").json
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    assert first["items"][0]["winner"] == {"notes": "no onions"}
    assert lonely.get("/api/sync/conflicts?state=resolved").json["items"] == []


def test_what_won_can_be_kept(client: FlaskClient) -> None:
    item, conflict = conflicting(client)
    resolved = resolve(client, conflict, "keep")
    assert (resolved.status_code, resolved.json["state"]) == (200, "resolved")
    assert (resolved.json["resolution"], name_of(client, item)) == ("keep", "Pelmeni")
    assert resolved.headers["ETag"]


def test_the_other_side_can_be_taken(client: FlaskClient) -> None:
    item, conflict = conflicting(client)
    assert resolve(client, conflict, "take_other").json["resolution"] == "take_other"
    assert name_of(client, item) == "Vareniki"


def test_a_conflict_is_resolved_once(client: FlaskClient) -> None:
    item, conflict = conflicting(client)
    resolve(client, conflict, "keep")
    assert resolve(client, conflict, "take_other").status_code == 409
    assert name_of(client, item) == "Pelmeni"


def test_a_repeated_resolution_is_a_replay(client: FlaskClient) -> None:
    item, conflict = conflicting(client)
    headers = idempotency_headers()
    first = resolve(client, conflict, "take_other", **headers)
    again = resolve(client, conflict, "take_other", **headers)
    assert again.json == first.json
    assert again.headers["Idempotent-Replay"] == "true"
    assert resolve(client, conflict, "keep", **headers).status_code == 422
    assert name_of(client, item) == "Vareniki"


def test_the_content_of_a_deleted_record_cannot_be_taken(client: FlaskClient) -> None:
    item, conflict = conflicting(client)
    client.delete(f"/api/menu/items/{item.id}")
    refused = resolve(client, conflict, "take_other")
    assert (refused.status_code, [*refused.json["errors"]]) == (409, ["take"])


def test_a_state_that_no_longer_fits_cannot_be_taken(client: FlaskClient) -> None:
    item = add_dish(client, stock=1)
    orders = services_of(client).repositories["orders"]
    cancelled = orders.save(factories.stocked_order(item["id"], 5, status=Status.CANCELLED))
    pending = replace(cancelled, status=Status.PENDING)
    conflict = conflicts.from_states("orders", cancelled, pending, "for a test", utc_now())
    services_of(client).repositories["conflicts"].save(conflict)
    refused = resolve(client, {"id": conflict.id}, "take_other")
    assert (refused.status_code, [*refused.json["errors"]]) == (409, ["take"])
    assert orders.get(cancelled.id).status is Status.CANCELLED


def test_an_oversold_item_has_no_other_side_to_take(client: FlaskClient) -> None:
    oversold = conflicts.from_oversold(f"stock:{new_id()}", 3, 2, utc_now())
    services_of(client).repositories["conflicts"].save(oversold)
    assert resolve(client, {"id": oversold.id}, "take_other").status_code == 409
    assert resolve(client, {"id": oversold.id}, "keep").status_code == 200


@pytest.mark.parametrize("take", ["", "both", None, 1, {"$ne": "keep"}])
def test_only_what_is_offered_can_be_taken(client: FlaskClient, take: Any) -> None:
    _, conflict = conflicting(client)
    refused = resolve(client, conflict, take)
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["take"])


def test_a_conflict_that_never_was_is_not_found(client: FlaskClient) -> None:
    assert resolve(client, {"id": new_id()}, "keep").status_code == 404


def test_stores_that_agree_are_equal(lonely: FlaskClient) -> None:
    order = place_order(lonely, order_for(add_dish(lonely)))
    kinds = lonely.get("/api/consistency").json["items"]
    assert {kind["kind"] for kind in kinds} == {
        kind for kind, places in PLACEMENT.items() if len(places) == 2
    }
    assert all(kind["equal"] for kind in kinds)
    one = lonely.get(f"/api/consistency/orders/{order['id']}").json
    assert one["equal"] is True
    assert one["versions"] == {"postgresql": "p1m0n0", "mongodb": "p1m0n0"}


def test_a_difference_is_shown_and_repaired(lonely: FlaskClient) -> None:
    missing = differ(lonely)
    [report] = [k for k in lonely.get("/api/consistency").json["items"] if not k["equal"]]
    assert report == {"kind": "orders", "equal": False, "differing": 1, "records": [missing]}
    one = lonely.get(f"/api/consistency/orders/{missing}").json
    assert (one["equal"], sorted(map(str, one["versions"].values()))) == (False, ["None", "p1m0n0"])
    repaired = lonely.post("/api/consistency/orders/repair").json
    assert repaired == {"kind": "orders", "differing": 1, "repaired": 1, "refused": {}}
    assert lonely.get(f"/api/consistency/orders/{missing}").json["equal"] is True
    assert lonely.post("/api/consistency/orders/repair").json["differing"] == 0


def test_records_and_kinds_that_are_not_there_are_not_found(client: FlaskClient) -> None:
    assert client.get(f"/api/consistency/orders/{new_id()}").status_code == 404
    assert client.get(f"/api/consistency/desserts/{new_id()}").status_code == 404
    assert client.post("/api/consistency/desserts/repair").status_code == 404
