"""Customers as staff see, correct and erase them, and how an order makes one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.replication.erasure import PersonalData
from dinerapp.replication.identity import new_id
from dinerapp.runtime import wiring
from dinerapp.runtime.app import create_app
from dinerapp.runtime.registry import WINGS
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running
from dinerapp.runtime.wing import BuiltWing, Wing, WingContext
from tests.blueprints.api_helpers import (
    FAST_SETTINGS,
    CheckedClient,
    add_dish,
    await_followers,
    bearer,
    client_as,
    client_of,
    idempotency_headers,
    log_in,
    order_for,
    place_order,
    services_of,
)


@pytest.fixture
def lonely() -> Iterator[FlaskClient]:
    """An application of its own, for lists that must hold nothing else."""
    with client_of(lookup_limit="") as client:
        yield client


def number() -> str:
    """One that nobody else in these tests has, without its country."""
    return f"030 {uuid4().int % 10**9:09}"


def order_of(client: FlaskClient, phone: str, name: str = "Ada", **fields: Any) -> dict[str, Any]:
    customer = {"name": name, "phone": phone, **fields.pop("customer", {})}
    order = place_order(client, order_for(add_dish(client), customer=customer, **fields))
    await_followers(client)
    return order


def customers(client: FlaskClient, **query: str) -> list[dict[str, Any]]:
    answer = client.get("/api/customers", query_string=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def customer_of(client: FlaskClient, phone: str) -> dict[str, Any]:
    [found] = customers(client, phone=phone)
    return found


def path_of(customer: dict[str, Any]) -> str:
    return f"/api/customers/{customer['id']}"


def test_whoever_orders_is_a_customer_from_then_on(client: FlaskClient) -> None:
    phone = number()
    order = order_of(client, phone, customer={"email": "Ada@Example.org"})
    known = customer_of(client, phone)
    assert known["phone"] == "+49" + phone[1:].replace(" ", "")
    assert (known["name"], known["email"], known["notes"]) == ("Ada", "ada@example.org", "")
    assert known["first_seen"] == known["last_seen"] == order["created_at"]


def test_a_customer_is_one_however_the_number_is_typed(lonely: FlaskClient) -> None:
    client, phone = lonely, number()
    abroad = f"+49 (0){phone[1:]}"
    orders = [order_of(client, each, name=each) for each in (phone, abroad, f"0049{phone[1:]}")]
    for typed in (phone, abroad, phone.replace(" ", "/")):
        assert customer_of(client, typed)["name"] == orders[-1]["customer"]["name"]
        listed = client.get("/api/orders", query_string={"phone": typed}).json["items"]
        assert [each["id"] for each in listed] == [each["id"] for each in orders[::-1]]
        for order in orders:
            query = {"phone": typed, "code": order["code"]}
            assert client.get("/api/orders/lookup", query_string=query).json["id"] == order["id"]


def test_an_order_shows_the_number_as_it_was_typed_and_no_other(client: FlaskClient) -> None:
    order = order_of(client, "030 123 45")
    assert order["customer"] == {"name": "Ada", "phone": "03012345", "email": None}


@pytest.mark.parametrize("odd", ["00000", "99999999999999999999", "+11111"])
def test_an_odd_number_is_no_reason_to_refuse_an_order(client: FlaskClient, odd: str) -> None:
    order = order_of(client, odd)
    [found] = client.get("/api/orders", query_string={"phone": odd}).json["items"]
    assert found["id"] == order["id"]
    known = customer_of(client, odd)
    assert client.get("/api/customers", query_string={"phone": known["phone"]}).json["items"] == [
        known
    ]


def test_numbers_without_a_country_are_the_regions() -> None:
    with client_of(phone_region="US") as client:
        order_of(client, "(212) 555-0100")
        assert customer_of(client, "+1 212 555 0100")["phone"] == "+12125550100"


def test_another_name_and_address_are_known_from_the_next_order_on(client: FlaskClient) -> None:
    phone = number()
    first = order_of(client, phone, customer={"email": "ada@example.org"})
    order_of(client, phone, name="Ada L.")
    known = customer_of(client, phone)
    assert (known["name"], known["email"]) == ("Ada L.", "ada@example.org")
    assert known["first_seen"] == first["created_at"]
    assert known["revision"] == 2


def test_a_regulars_next_order_of_the_day_asks_no_store(client: FlaskClient) -> None:
    phone = number()
    order_of(client, phone)
    before = customer_of(client, phone)
    order_of(client, phone)
    assert customer_of(client, phone) == before


def test_an_answer_to_an_order_says_who_took_the_order(client: FlaskClient) -> None:
    placement = Settings.from_environment({"PLACEMENT": "customers=mongodb,postgresql"}).placement
    with client_of(placement=placement) as other:
        answer = other.post("/api/orders", json=order_for(add_dish(other)))
        assert answer.headers["X-Diner-Store"] == "postgresql"
        await_followers(other)
        [known] = customers(other)
        assert other.get(path_of(known)).headers["X-Diner-Store"] == "mongodb"


def test_an_order_stands_even_if_its_guest_cannot_be_remembered() -> None:
    places = Settings.from_environment({"PLACEMENT": "customers=mongodb"}).placement
    app = create_app(Settings(**{**FAST_SETTINGS, "placement": places}), stores=memory_stores())
    app.test_client_class = CheckedClient
    with running(app):
        client = client_as(app, Role.ADMIN)
        item = add_dish(client)
        repository: Any = services_of(client).repositories["customers"]
        repository.stores[0].store.database.close()
        order = place_order(client, order_for(item))
        assert client.get(f"/api/orders/{order['id']}").status_code == 200
        assert client.get(f"/api/customers/{new_id()}").status_code == 503


def test_applications_in_one_process_remember_nobody_elses_guests(
    client: FlaskClient, lonely: FlaskClient
) -> None:
    order_of(client, number())
    assert customers(lonely) == []


def test_customers_are_listed_in_pages_newest_first(lonely: FlaskClient) -> None:
    names = [order_of(lonely, number(), name=f"Guest {n}")["customer"]["name"] for n in range(5)]
    first = lonely.get("/api/customers?limit=3").json
    cursor = first["next_cursor"]
    rest = lonely.get(f"/api/customers?limit=3&cursor={cursor}").json
    assert [one["name"] for one in first["items"] + rest["items"]] == names[::-1]
    assert rest["next_cursor"] is None


def test_customers_are_found_by_address_in_any_case(lonely: FlaskClient) -> None:
    order_of(lonely, number(), customer={"email": "ada@example.org"})
    order_of(lonely, number(), customer={"email": "eve@example.org"})
    [known] = customers(lonely, email="ADA@example.org")
    assert known["email"] == "ada@example.org"
    assert customers(lonely, email="ada@example.org", phone=number()) == []


def test_a_customers_orders_are_listed_in_pages_newest_first(client: FlaskClient) -> None:
    phone = number()
    orders = [order_of(client, phone) for _ in range(5)]
    order_of(client, number())
    path = f"{path_of(customer_of(client, phone))}/orders"
    first = client.get(f"{path}?limit=3").json
    cursor = first["next_cursor"]
    rest = client.get(f"{path}?limit=3&cursor={cursor}").json
    assert [one["id"] for one in first["items"] + rest["items"]] == [
        one["id"] for one in orders[::-1]
    ]
    assert rest["next_cursor"] is None


def test_staff_correct_a_customer_and_leave_notes(client: FlaskClient) -> None:
    phone = number()
    order_of(client, phone)
    read = client.get(path_of(customer_of(client, phone)))
    etag = {"If-Match": read.headers["ETag"]}
    changes = {"name": "Ada L.", "email": "AL@example.org", "notes": "sits by the window"}
    answer = client.patch(path_of(read.json), json=changes, headers=etag)
    assert answer.status_code == 200
    assert answer.json.items() >= {**changes, "email": "al@example.org"}.items()
    assert client.get(path_of(read.json)).json == answer.json
    stale = client.patch(path_of(read.json), json=changes, headers=etag)
    assert stale.status_code == 412
    assert stale.headers["ETag"] == answer.headers["ETag"]
    known = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(path_of(read.json), headers=known).status_code == 304


def test_a_repeated_change_is_one(client: FlaskClient) -> None:
    phone, headers = number(), idempotency_headers()
    order_of(client, phone)
    path = path_of(customer_of(client, phone))
    first = client.patch(path, json={"notes": "a"}, headers=headers)
    again = client.patch(path, json={"notes": "a"}, headers=headers)
    assert again.json == first.json
    assert again.headers["Idempotent-Replay"] == "true"
    assert client.patch(path, json={"notes": "b"}, headers=headers).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": "+49301"},
        {"name": ""},
        {"name": None},
        {"email": "nonsense"},
        {"notes": "x" * 2001},
        {"first_seen": "2036-05-01T12:00:00Z"},
        {"erased_at": None},
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_change_that_is_none_is_refused(client: FlaskClient, changes: dict[str, Any]) -> None:
    phone = number()
    order_of(client, phone)
    before = customer_of(client, phone)
    assert client.patch(path_of(before), json=changes).status_code == 422
    assert customer_of(client, phone) == before


def test_there_is_no_customer_nobody_has_heard_of(client: FlaskClient) -> None:
    path = f"/api/customers/{new_id()}"
    answers = [
        client.get(path),
        client.get(f"{path}/orders"),
        client.patch(path, json={"notes": "a"}),
        client.delete(path),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


def test_who_is_erased_is_gone_and_their_orders_stay_for_the_books(client: FlaskClient) -> None:
    phone = number()
    told: dict[str, Any] = {
        "customer": {"email": "ada@example.org"},
        "fulfilment": {"type": "delivery", "address": "1 Main Street"},
        "notes": "ring twice",
    }
    before = order_of(client, phone, **told)
    known = customer_of(client, phone)
    answer = client.delete(path_of(known))
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get(path_of(known)).status_code == 404
    assert client.get(f"{path_of(known)}/orders").status_code == 404
    assert client.patch(path_of(known), json={"notes": "a"}).status_code == 404
    assert customers(client, phone=phone) == []
    assert client.get("/api/orders", query_string={"phone": phone}).json["items"] == []
    after = client.get(f"/api/orders/{before['id']}").json
    assert after["customer"] == {"name": "", "phone": "", "email": None}
    assert after["fulfilment"]["address"] is after["notes"] is None
    assert after["erased_at"]
    assert after["user_id"] is None
    for name in ("code", "status", "total", "tax", "currency", "created_at"):
        assert after[name] == before[name]


def test_erasing_again_changes_nothing(client: FlaskClient) -> None:
    phone, headers = number(), idempotency_headers()
    order = order_of(client, phone)
    path = path_of(customer_of(client, phone))
    assert client.delete(path, headers=headers).status_code == 204
    before = client.get(f"/api/orders/{order['id']}").json
    assert client.delete(path).status_code == 204
    again = client.delete(path, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (204, "true")
    assert client.get(f"/api/orders/{order['id']}").json == before


def test_whatever_a_wing_keeps_of_its_guests_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    def personal_data(context: WingContext) -> Sequence[PersonalData[Any]]:
        profiles = context.repository(Profiles)
        return [
            PersonalData(
                repository=profiles,
                find=lambda person: profiles.get_many(person.user_ids).values(),
                redact=lambda profile, _at: replace(profile, bio="") if profile.bio else profile,
            )
        ]

    wing = Wing("theirs", (), (), lambda _: BuiltWing(None), personal_data=personal_data)
    monkeypatch.setattr(wiring, "WINGS", (*WINGS, wing))
    with client_of() as client:
        phone, own = number(), client_as(client.application, Role.CUSTOMER)
        me = own.get("/api/auth/me").json["id"]
        assert own.patch(f"/api/users/{me}/profile", json={"bio": "I am Ada"}).status_code == 200
        place_order(own, order_for(add_dish(client), customer={"name": "Ada", "phone": phone}))
        await_followers(client)
        assert client.delete(path_of(customer_of(client, phone))).status_code == 204
        assert own.get(f"/api/users/{me}/profile").json["bio"] == ""


def test_only_the_customer_that_was_read_is_erased(client: FlaskClient) -> None:
    phone = number()
    order = order_of(client, phone)
    read = client.get(path_of(customer_of(client, phone)))
    client.patch(path_of(read.json), json={"notes": "wants to stay"})
    stale = client.delete(path_of(read.json), headers={"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412
    assert client.get(f"/api/orders/{order['id']}").json["customer"]["name"] == "Ada"
    current = {"If-Match": stale.headers["ETag"]}
    assert client.delete(path_of(read.json), headers=current).status_code == 204


def test_who_orders_after_they_were_erased_is_new_at_once(client: FlaskClient) -> None:
    phone = number()
    order_of(client, phone)
    before = customer_of(client, phone)
    client.patch(path_of(before), json={"notes": "sits by the window"})
    client.delete(path_of(before))
    order = order_of(client, phone)
    again = customer_of(client, phone)
    assert (again["name"], again["notes"], again["first_seen"]) == ("Ada", "", order["created_at"])
    [listed] = client.get(f"{path_of(again)}/orders").json["items"]
    assert listed["id"] == order["id"]


def test_an_account_is_not_found_by_orders_that_were_erased(client: FlaskClient) -> None:
    phone, own = number(), client_as(client.application, Role.CUSTOMER)
    customer = {"name": "Ada", "phone": phone}
    order = place_order(own, order_for(add_dish(client), customer=customer))
    await_followers(client)
    client.delete(path_of(customer_of(client, phone)))
    assert own.get("/api/orders").json["items"] == []
    left = client.get(f"/api/orders/{order['id']}").json
    assert left["user_id"] is None
    assert [event["actor"] for event in left["history"]] == ["guest"]
    token = bearer(order["access_token"])
    guest = client_as(client.application, None)
    assert guest.get(f"/api/orders/{order['id']}", headers=token).status_code == 200


@pytest.mark.parametrize(
    ("role", "sees", "changes"),
    [
        (Role.CUSTOMER, False, False),
        (Role.CHEF, False, False),
        (Role.WAITER, True, False),
        (Role.CASHIER, True, False),
        (Role.MANAGER, True, True),
    ],
)
def test_the_floor_sees_customers_and_managers_change_and_erase_them(
    client: FlaskClient, role: Role, sees: bool, changes: bool
) -> None:
    phone = number()
    order_of(client, phone)
    path = path_of(customer_of(client, phone))
    somebody = client_as(client.application, None)
    log_in(somebody, role)
    seeing = [somebody.get(each).status_code for each in ("/api/customers", path, f"{path}/orders")]
    assert seeing == [200 if sees else 403] * 3
    changing = [somebody.patch(path, json={"notes": "a"}), somebody.delete(path)]
    assert [one.status_code for one in changing] == ([200, 204] if changes else [403, 403])
