"""Areas, tables and reservations as guests and staff meet them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from dinerapp.ordering.domain.hours import Window
from dinerapp.replication.identity import new_id
from dinerapp.reservations.model import STEPS, Stage
from dinerapp.reservations.service import ReservationService
from dinerapp.runtime.registry import MONGO_STORES
from tests.blueprints.api_helpers import (
    add_dish,
    await_followers,
    bearer,
    client_as,
    client_of,
    idempotency_headers,
    order_for,
    place_order,
)
from tests.blueprints.two_store_apps import TwoStoreApp

TOMORROW = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def manager() -> Iterator[FlaskClient]:
    with client_of(Role.MANAGER) as client:
        yield client


@pytest.fixture
def guest(manager: FlaskClient) -> FlaskClient:
    return client_as(manager.application, None)


@pytest.fixture(scope="module")
def lasting() -> Iterator[FlaskClient]:
    """A manager's, for tests that leave nothing that others would find."""
    with client_of(Role.MANAGER) as client:
        add_table(client)
        yield client


def made(client: FlaskClient, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    record: dict[str, Any] = answer.json
    assert answer.headers["Location"] == f"{path}/{record['id']}"
    return record


def add_area(manager: FlaskClient, **fields: Any) -> dict[str, Any]:
    return made(manager, "/api/areas", {"name": uuid4().hex, **fields})


def add_table(manager: FlaskClient, seats: int = 4, **fields: Any) -> dict[str, Any]:
    area_id = fields.pop("area_id", None) or add_area(manager)["id"]
    body = {"name": uuid4().hex, "area_id": area_id, "seats": seats, **fields}
    return made(manager, "/api/tables", body)


def wish(party_size: int = 2, starts_at: datetime = TOMORROW, **fields: Any) -> dict[str, Any]:
    who = {"name": "Ada", "phone": "+49 30 1234567"}
    return {**who, "party_size": party_size, "starts_at": starts_at.isoformat(), **fields}


def reserve(client: FlaskClient, *args: Any, **fields: Any) -> dict[str, Any]:
    return made(client, "/api/reservations", wish(*args, **fields))


def path_of(reservation: dict[str, Any]) -> str:
    return f"/api/reservations/{reservation['id']}"


def refusal(answer: Any) -> tuple[int, list[str]]:
    return answer.status_code, list(answer.json["errors"])


def test_areas_and_tables_are_added_changed_listed_and_deleted(manager: FlaskClient) -> None:
    area = add_area(manager, position=2)
    table = add_table(manager, area_id=area["id"], x=3, y=4, notes="window")
    path = f"/api/tables/{table['id']}"
    read = manager.get(path)
    assert read.json == table
    assert manager.get(path, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304
    changed = manager.patch(path, json={"seats": 6, "active": False})
    assert (changed.json["seats"], changed.json["active"], changed.json["x"]) == (6, False, 3)
    stale = manager.patch(path, json={"seats": 2}, headers={"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412
    assert [each["id"] for each in manager.get("/api/tables").json["items"]] == [table["id"]]
    assert manager.delete(path).status_code == 204
    assert manager.get(path).status_code == 404
    assert manager.delete(f"/api/areas/{area['id']}").status_code == 204


def test_names_are_unique(manager: FlaskClient) -> None:
    area = add_area(manager, name="Terrace")
    assert refusal(manager.post("/api/areas", json={"name": "Terrace"})) == (409, ["name"])
    add_table(manager, name="12", area_id=area["id"])
    body = {"name": "12", "area_id": area["id"], "seats": 2}
    assert refusal(manager.post("/api/tables", json=body)) == (409, ["name"])


def test_a_repeated_addition_is_one_and_another_body_under_its_key_is_refused(
    manager: FlaskClient,
) -> None:
    headers = idempotency_headers()
    first = made(manager, "/api/areas", {"name": "Bar"}, **headers)
    again = manager.post("/api/areas", json={"name": "Bar"}, headers=headers)
    assert (again.json, again.headers["Idempotent-Replay"]) == (first, "true")
    assert manager.post("/api/areas", json={"name": "Pub"}, headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("areas", {"name": ""}, "name"),
        ("areas", {"name": "x" * 101}, "name"),
        ("areas", {"name": "\0"}, "name"),
        ("areas", {"name": "A", "position": -1}, "position"),
        ("tables", {"seats": 0}, "seats"),
        ("tables", {"seats": 101}, "seats"),
        ("tables", {"x": -1}, "x"),
        ("tables", {"stay_minutes": 1000}, "stay_minutes"),
        ("tables", {"active": 1}, "active"),
        ("tables", {"area_id": new_id()}, "area_id"),
        ("tables", {"area_id": "x"}, "area_id"),
        ("tables", {"code": "x"}, "code"),
    ],
)
def test_what_no_area_or_table_can_be_is_refused(
    lasting: FlaskClient, path: str, body: dict[str, Any], field: str
) -> None:
    whole = {"name": "12", "area_id": add_area(lasting)["id"], "seats": 2}
    given = {**whole, **body} if path == "tables" else body
    assert refusal(lasting.post(f"/api/{path}", json=given)) == (422, [field])


def test_an_area_with_tables_and_a_table_with_reservations_to_come_stay(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    table = add_table(manager)
    refused = manager.delete(f"/api/areas/{table['area_id']}")
    assert (refused.status_code, "1" in refused.json["detail"]) == (409, True)
    taken = [reserve(guest, starts_at=TOMORROW + 3 * n * HOUR) for n in (0, 1)]
    refused = manager.delete(f"/api/tables/{table['id']}")
    assert (refused.status_code, "(2)" in refused.json["detail"]) == (409, True)
    for each in taken:
        manager.patch(path_of(each), json={"status": "cancelled"})
    assert manager.delete(f"/api/tables/{table['id']}").status_code == 204


def test_a_table_out_of_service_keeps_its_reservations_and_takes_no_new_ones(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    table = add_table(manager)
    kept = reserve(guest)
    assert manager.patch(f"/api/tables/{table['id']}", json={"active": False}).status_code == 200
    assert manager.get(path_of(kept)).json["table_id"] == table["id"]
    later = wish(starts_at=TOMORROW + 4 * HOUR)
    assert refusal(guest.post("/api/reservations", json=later)) == (409, ["starts_at"])
    named = manager.post("/api/reservations", json={**later, "table_id": table["id"]})
    assert refusal(named) == (409, ["table_id"])


def test_a_party_gets_the_smallest_table_that_is_free(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    large, small, other = (add_table(manager, seats) for seats in (8, 2, 4))
    assert reserve(guest, 2)["table_id"] == small["id"]
    assert reserve(guest, 2)["table_id"] == other["id"]
    assert reserve(guest, 5)["table_id"] == large["id"]
    full = guest.post("/api/reservations", json=wish(2))
    assert refusal(full) == (409, ["starts_at"])
    assert full.json["type"].endswith("sold-out")
    assert "no table is free" in full.json["detail"]
    assert reserve(guest, 2, starts_at=TOMORROW + 2 * HOUR)["table_id"] == small["id"]


def test_a_repeated_reservation_is_one_even_when_everything_is_full_by_now(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    add_table(manager)
    headers = idempotency_headers()
    answers = [guest.post("/api/reservations", json=wish(), headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json["id"] for answer in answers}) == 1
    assert answers[1].headers["Idempotent-Replay"] == "true"
    assert (
        guest.post("/api/reservations", json=wish(), headers=idempotency_headers()).json["status"]
        == 409
    )
    assert guest.post("/api/reservations", json=wish(3), headers=headers).status_code == 422


def test_many_at_once_get_no_more_tables_than_there_are(manager: FlaskClient) -> None:
    for _ in range(3):
        add_table(manager)
    guests = [client_as(manager.application, None) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda it: it.post("/api/reservations", json=wish()), guests))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert len({answer.json["table_id"] for answer in answers if answer.status_code == 201}) == 3


def test_the_last_table_goes_to_exactly_one_whichever_database_serves(
    ground: TwoStoreApp,
) -> None:
    manager = client_as(ground.client.application, Role.MANAGER)
    seats = 97  # Of these there is no other table.
    table = add_table(manager, seats)
    guests = [client_as(ground.client.application, None) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda it: it.post("/api/reservations", json=wish(seats)), guests))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    found = manager.get(f"/api/reservations?date={TOMORROW:%Y-%m-%d}&limit=200").json["items"]
    assert [each["table_id"] for each in found].count(table["id"]) == 1
    [taken] = [answer.json for answer in answers if answer.status_code == 201]
    manager.patch(path_of(taken), json={"status": "cancelled"})
    manager.delete(f"/api/tables/{table['id']}")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"party_size": 0}, "party_size"),
        ({"party_size": 101}, "party_size"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"phone": "x"}, "phone"),
        ({"email": "x"}, "email"),
        ({"notes": "x" * 501}, "notes"),
        ({"starts_at": "x"}, "starts_at"),
        ({"starts_at": (TOMORROW + timedelta(minutes=10)).isoformat()}, "starts_at"),
        ({"starts_at": (TOMORROW + timedelta(seconds=1)).isoformat()}, "starts_at"),
        ({"starts_at": (TOMORROW - timedelta(days=3)).isoformat()}, "starts_at"),
        ({"starts_at": (TOMORROW + timedelta(days=70)).isoformat()}, "starts_at"),
        ({"starts_at": "9999-12-31T23:30:00Z"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
        ({"table_id": "x"}, "table_id"),
        ({"status": "seated"}, "status"),
    ],
)
def test_what_no_reservation_can_be_is_refused(
    lasting: FlaskClient, fields: dict[str, Any], field: str
) -> None:
    answer = client_as(lasting.application, None).post(
        "/api/reservations", json={**wish(), **fields}
    )
    assert refusal(answer) == (422, [field])


@pytest.mark.parametrize("year", ["9999-12-31T23:30:00Z", "0001-01-01T00:00:00Z"])
def test_not_even_staff_reserve_beyond_a_year(lasting: FlaskClient, year: str) -> None:
    answer = lasting.post("/api/reservations", json={**wish(), "starts_at": year})
    assert refusal(answer) == (422, ["starts_at"])


def test_guests_come_when_it_is_open_and_staff_put_anybody_anywhere() -> None:
    hours = Window(opens=time(17), closes=time(20))
    with client_of(Role.MANAGER, opening_hours=(hours,)) as manager:
        table, guest = add_table(manager, 2), client_as(manager.application, None)
        early = wish(starts_at=TOMORROW - 4 * HOUR)
        closed = guest.post("/api/reservations", json=early)
        assert refusal(closed) == (409, ["starts_at"])
        chosen = guest.post("/api/reservations", json=wish(table_id=table["id"]))
        assert refusal(chosen) == (422, ["table_id"])
        placed = made(manager, "/api/reservations", {**early, "table_id": table["id"]})
        assert placed["status"] == "confirmed"
        crowded = reserve(manager, 9, table_id=table["id"])
        assert crowded["party_size"] == 9
        free = guest.get(f"/api/reservations/free?date={TOMORROW:%Y-%m-%d}&party=2").json["items"]
        assert [(each["starts_at"][11:16], each["tables"]) for each in free] == [
            *((f"{17 + n // 2}:{n % 2 * 30:02}", 0) for n in range(6)),
        ]


def free(client: FlaskClient, party: int, moment: datetime) -> int:
    answer = client.get(f"/api/reservations/free?date={moment:%Y-%m-%d}&party={party}")
    times = {each["starts_at"]: each["tables"] for each in answer.json["items"]}
    number: int = times[f"{moment:%Y-%m-%dT%H:%M:%SZ}"]
    return number


def test_the_times_of_a_day_say_how_many_tables_are_free(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    small, _ = add_table(manager, 2), add_table(manager, 4)
    assert [free(guest, party, TOMORROW) for party in (2, 3, 5)] == [2, 1, 0]
    taken = reserve(guest)
    assert taken["table_id"] == small["id"]
    assert [free(guest, party, TOMORROW) for party in (2, 3)] == [1, 1]
    assert free(guest, 2, TOMORROW - 1.5 * HOUR) == 1
    assert free(guest, 2, TOMORROW - 2 * HOUR) == 2
    assert free(guest, 2, TOMORROW + 2 * HOUR) == 2
    guest.patch(path_of(taken), json={"status": "cancelled"}, headers=bearer(taken["access_token"]))
    assert free(guest, 2, TOMORROW) == 2


def test_free_times_ask_for_tables_and_reservations_once(
    manager: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        add_table(manager)
    asked: list[str] = []

    def count_questions(store: Any) -> None:
        answer = store._find_documents

        def counted(*args: Any) -> Any:
            asked.append(store.__name__)
            return answer(*args)

        monkeypatch.setattr(store, "_find_documents", counted)

    for kind in ("tables", "reservations"):
        count_questions(MONGO_STORES[kind])
    assert free(manager, 2, TOMORROW) == 5
    assert sorted(asked) == ["MongoReservations", "MongoTables"]


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31", "2036-02-30", "x"])
@pytest.mark.parametrize("path", ["/api/reservations/free?party=2&", "/api/reservations?"])
def test_a_day_that_is_not_one_has_no_times(lasting: FlaskClient, path: str, date: str) -> None:
    answer = lasting.get(f"{path}date={date}")
    assert answer.status_code in (200, 422)
    assert answer.status_code == 422 or answer.json["items"] == []


@pytest.mark.parametrize("query", ["", "party=0", "party=101", "party=x", "party=2&date="])
def test_free_times_are_for_a_party(lasting: FlaskClient, query: str) -> None:
    assert lasting.get(f"/api/reservations/free?{query}").status_code == 422


def test_no_half_hour_is_lost_or_doubled_when_the_clocks_change() -> None:
    """Berlin puts its clocks back within the sixty days, or forward, or its days are as others."""
    berlin = ZoneInfo("Europe/Berlin")
    with client_of(Role.MANAGER, time_zone=berlin) as manager:
        add_table(manager)
        for days in range(1, 60):
            day = (datetime.now(berlin) + timedelta(days=days)).date()
            answer = manager.get(f"/api/reservations/free?date={day}&party=2").json["items"]
            times = [datetime.fromisoformat(each["starts_at"]) for each in answer]
            assert {later - earlier for earlier, later in pairwise(times)} == {HOUR / 2}
            assert times[0].astimezone(berlin).time() == time(4)


def test_staff_see_a_day_by_when_they_begin_page_by_page(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    add_table(manager)
    late, early, middle = (reserve(guest, starts_at=TOMORROW + n * HOUR) for n in (4, 0, 2))
    path = f"/api/reservations?date={TOMORROW:%Y-%m-%d}&limit=2"
    first = manager.get(path).json
    rest = manager.get(f"{path}&cursor={first['next_cursor']}").json
    found = [each["id"] for each in first["items"] + rest["items"]]
    assert found == [each["id"] for each in (early, middle, late)]
    assert rest["next_cursor"] is None
    assert manager.get("/api/reservations?date=2036-01-01").json["items"] == []
    assert manager.get(f"{path}&cursor=x").status_code == 422


def test_a_guest_finds_their_reservation_by_phone_and_code(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    add_table(manager)
    mine = reserve(guest)
    path = "/api/reservations/lookup?phone=%2B49%2030%2F1234567&code="
    found = guest.get(path + mine["code"].lower()).json
    assert (found["id"], found["access_token"]) == (mine["id"], mine["access_token"])
    for wrong in ("XXXX", "", "x" * 21):
        assert guest.get(path + wrong).status_code in (404, 422)
    assert (
        guest.get(f"/api/reservations/lookup?phone=%2B4930999&code={mine['code']}").status_code
        == 404
    )


def test_a_chef_reserves_as_guests_do(manager: FlaskClient) -> None:
    table = add_table(manager)
    chef = client_as(manager.application, Role.CHEF)
    refused = chef.post("/api/reservations", json=wish(table_id=table["id"]))
    assert refusal(refused) == (422, ["table_id"])
    assert reserve(chef)["status"] == Stage.REQUESTED


def test_who_names_a_taken_table_is_told_so(manager: FlaskClient) -> None:
    table, _other = add_table(manager), add_table(manager)
    reserve(manager, table_id=table["id"])
    taken = manager.post("/api/reservations", json=wish(table_id=table["id"]))
    assert refusal(taken) == (409, ["table_id"])
    assert "taken" in taken.json["detail"]


def test_a_reason_without_a_step_is_refused(manager: FlaskClient) -> None:
    add_table(manager)
    path = path_of(reserve(manager))
    assert refusal(manager.patch(path, json={"reason": "rain"})) == (422, ["reason"])


def test_a_table_that_is_deleted_meanwhile_is_not_given_away(
    manager: FlaskClient, guest: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = add_table(manager)
    find = ReservationService._free_tables

    def find_and_delete(self: Any, *args: Any) -> Any:
        found = find(self, *args)
        assert manager.delete(f"/api/tables/{table['id']}").status_code == 204
        return found

    monkeypatch.setattr(ReservationService, "_free_tables", find_and_delete)
    assert refusal(guest.post("/api/reservations", json=wish())) == (409, ["starts_at"])


def test_looking_up_is_limited() -> None:
    with client_of(None, lookup_limit="2 per hour") as guest:
        path = "/api/reservations/lookup?phone=%2B49301&code=AAAA"
        assert [guest.get(path).status_code for _ in range(3)] == [404, 404, 429]


def test_a_token_reads_and_cancels_just_its_reservation(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    add_table(manager), add_table(manager)
    mine, other = reserve(guest), reserve(guest)
    token = bearer(mine["access_token"])
    read = guest.get(path_of(mine), headers=token)
    assert {**read.json, "access_token": mine["access_token"]} == mine
    for path in (path_of(other), f"/api/reservations/{new_id()}"):
        assert guest.get(path, headers=token).status_code == 403
        assert guest.patch(path, json={"status": "cancelled"}, headers=token).status_code == 403
    for body in ({"status": "seated"}, {"starts_at": wish()["starts_at"]}, {"party_size": 1}):
        assert guest.patch(path_of(mine), json=body, headers=token).status_code == 403
    assert guest.get(path_of(mine)).status_code == 401
    cancelled = guest.patch(
        path_of(mine), json={"status": "cancelled", "reason": "we are ill"}, headers=token
    )
    assert (cancelled.json["status"], cancelled.json["reason"]) == ("cancelled", "we are ill")
    again = guest.patch(path_of(mine), json={"status": "cancelled"}, headers=token)
    assert again.status_code == 200
    assert again.headers["ETag"] == cancelled.headers["ETag"]


def test_customers_see_and_cancel_their_own_and_nobody_elses(manager: FlaskClient) -> None:
    add_table(manager)
    one, other = (client_as(manager.application, Role.CUSTOMER) for _ in range(2))
    mine = [reserve(one, starts_at=TOMORROW + n * HOUR) for n in (2, 0)]
    assert [each["id"] for each in one.get("/api/reservations").json["items"]] == [
        each["id"] for each in mine[::-1]
    ]
    assert other.get("/api/reservations").json["items"] == []
    for method, body in (("get", None), ("patch", {"status": "cancelled"})):
        answer = other.open(path_of(mine[0]), method=method, json=body)
        assert answer.status_code == 404
    assert one.patch(path_of(mine[0]), json={"status": "confirmed"}).status_code == 403
    assert one.patch(path_of(mine[0]), json={"status": "cancelled"}).json["status"] == "cancelled"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("status", Stage)
def test_a_step_is_taken_by_the_roles_whose_work_it_is(
    manager: FlaskClient, role: Role, status: Stage
) -> None:
    add_table(manager)
    owner = client_as(manager.application, role)
    mine = (
        reserve(owner) if role is Role.CUSTOMER else reserve(client_as(manager.application, None))
    )
    answer = owner.patch(path_of(mine), json={"status": status})
    before = Stage(mine["status"])
    if status is before:
        allowed = {200, 404} if role is Role.CHEF else {200}
    elif status not in STEPS[before]:
        allowed = {404} if role is Role.CHEF else {409}
    else:
        allowed = {200} if role in STEPS[before][status] else {403, 404}
    assert answer.status_code in allowed, answer.text


def test_a_party_is_confirmed_seated_and_gone(manager: FlaskClient, guest: FlaskClient) -> None:
    add_table(manager)
    mine, waiter = reserve(guest), client_as(manager.application, Role.WAITER)
    for status in ("confirmed", "seated", "completed"):
        assert waiter.patch(path_of(mine), json={"status": status}).json["status"] == status
    over = waiter.patch(path_of(mine), json={"status": "cancelled"})
    assert refusal(over) == (409, ["status"])
    moved = waiter.patch(path_of(mine), json={"party_size": 3})
    assert moved.status_code == 409
    assert reserve(guest)["table_id"] == mine["table_id"]


def test_staff_move_a_reservation_and_the_old_table_is_free_again(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    small, large = add_table(manager, 2), add_table(manager, 4)
    mine = reserve(guest)
    other = reserve(guest)
    taken = manager.patch(path_of(mine), json={"table_id": large["id"]})
    assert refusal(taken) == (409, ["table_id"])
    later = (TOMORROW + 2 * HOUR).isoformat()
    moved = manager.patch(
        path_of(mine), json={"table_id": large["id"], "starts_at": later, "status": "seated"}
    ).json
    assert (moved["table_id"], moved["status"]) == (large["id"], "seated")
    assert moved["ends_at"] == f"{TOMORROW + 4 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
    assert reserve(guest)["table_id"] == small["id"]
    for table_id, status in ((new_id(), 422), (small["id"], 200)):
        answer = manager.patch(path_of(moved), json={"table_id": table_id})
        assert answer.status_code == status
    odd = manager.patch(path_of(other), json={"starts_at": "2036-01-01T10:10:00Z"})
    assert refusal(odd) == (422, ["starts_at"])


def test_changes_honour_if_match_and_repeat_as_one(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    add_table(manager)
    mine = reserve(guest)
    etag = manager.get(path_of(mine)).headers["ETag"]
    headers = {**idempotency_headers(), "If-Match": etag}
    body = {"status": "confirmed"}
    first = manager.patch(path_of(mine), json=body, headers=headers)
    again = manager.patch(path_of(mine), json=body, headers=headers)
    assert (first.status_code, again.json) == (200, first.json)
    assert again.headers["Idempotent-Replay"] == "true"
    stale = manager.patch(path_of(mine), json={"party_size": 3}, headers={"If-Match": etag})
    assert stale.status_code == 412


def test_whoever_is_forgotten_is_forgotten_here_and_the_table_stays_taken(
    manager: FlaskClient, guest: FlaskClient
) -> None:
    add_table(manager)
    mine = reserve(guest, email="ada@example.org", notes="window")
    place_order(guest, order_for(add_dish(manager)))
    await_followers(manager)
    [known] = manager.get("/api/customers?phone=%2B49301234567").json["items"]
    assert manager.delete(f"/api/customers/{known['id']}").status_code in (200, 204)
    left = manager.get(path_of(mine)).json
    assert (left["name"], left["phone"], left["email"], left["notes"]) == ("", "", None, None)
    assert (left["table_id"], left["party_size"]) == (mine["table_id"], 2)
    assert guest.post("/api/reservations", json=wish()).status_code == 409
