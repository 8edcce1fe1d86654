"""The live stream of orders, as a screen in the kitchen reads it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from dinerapp.ordering.container import OrderingServices
from tests.blueprints.api_helpers import add_dish, client_of, order_for, place_order, services_of
from tests.blueprints.messaging_helpers import open_stream

PATH = "/api/orders/stream"


def test_an_order_that_is_placed_and_moved_is_seen(client: FlaskClient) -> None:
    item = add_dish(client)
    with open_stream(client, PATH) as events:
        order = place_order(client, order_for(item))
        seen = next(each for each in events if each["data"]["id"] == order["id"])
        assert seen["event"] == "order"
        assert seen["data"] == client.get(f"/api/orders/{order['id']}").json
        client.patch(f"/api/orders/{order['id']}/status", json={"status": "confirmed"})
        seen = next(each for each in events if each["data"]["id"] == order["id"])
        assert (seen["data"]["status"], seen["data"]["revision"]) == ("confirmed", 2)


def test_a_stream_goes_on_after_the_last_event_that_was_seen(client: FlaskClient) -> None:
    item = add_dish(client)
    first = place_order(client, order_for(item))
    with open_stream(client, PATH) as events:
        last = next(each for each in events if each["data"]["id"] == first["id"])["id"]
    missed = place_order(client, order_for(item))
    with open_stream(client, PATH, **{"Last-Event-ID": last}) as events:
        assert next(each for each in events if each["data"]["id"] == missed["id"])


@pytest.mark.parametrize("given", ["", "yesterday", "2036-05-01", "2036-05-01T12:00:00", "1e9"])
def test_an_event_that_never_was_is_refused(client: FlaskClient, given: str) -> None:
    refused = client.get(PATH, headers={"Last-Event-ID": given})
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["Last-Event-ID"])


def test_a_stream_is_for_staff(guests: FlaskClient) -> None:
    assert guests.get(PATH).status_code in (401, 403)


def test_beyond_so_many_streams_there_is_a_clear_answer_and_no_waiting() -> None:
    with client_of(web_streams=1) as client:
        with open_stream(client, PATH):
            refused = client.get(PATH)
            assert refused.status_code == 503
            assert refused.json["type"] == "urn:dinerapp:problem:too-many-streams"
            assert int(refused.headers["Retry-After"]) > 0
            assert client.get("/api/menu").status_code == 200
        with open_stream(client, PATH):
            pass


def test_a_stream_ends_when_the_application_does() -> None:
    with client_of() as client, open_stream(client, PATH) as events:
        services_of(client).of(OrderingServices).order_feed.close()
        assert list(events) == []
