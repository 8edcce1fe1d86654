"""Guests and staff at work: each write has its own key and is repeated until it is answered."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any
from uuid import uuid4

from adapters.embedded.tcp_ports import LOCALHOST
from tests.faults.observations import (
    CANCELLED,
    STEPS,
    DishFact,
    Observations,
    OrderFact,
    RecordedCall,
)
from tests.faults.processes import DinerProcess

TRY_SECONDS = 3.0
PAUSE_SECONDS = 0.05
LAST_TRIES_SECONDS = 15.0
GUEST_COUNT = 4
THINKING_SECONDS = 0.02
INSPECTION_SECONDS = 0.03
_PLENTY, _FEW = 100_000, 60
_CONNECTION_ERRORS = (OSError, HTTPException, ValueError)
_STATES = "/connections"


class DinerConnection:
    """One client's connection to one diner; made anew after every failure."""

    def __init__(
        self, diner: DinerProcess, book: Observations, headers: Mapping[str, str] | None = None
    ) -> None:
        """Without `headers` of their own everybody is one of the staff."""
        self.diner = diner
        self._book = book
        self._headers = headers
        self._connection = HTTPConnection(LOCALHOST, diner.port, timeout=TRY_SECONDS)

    def fetch(
        self, method: str, path: str, body: Any = None, key: str | None = None
    ) -> RecordedCall:
        """One try; its outcome is in the book, whatever it was."""
        began = time.monotonic()
        try:
            call = self._load(method, path, body, key, began)
        except _CONNECTION_ERRORS:
            self._connection.close()
            seconds = time.monotonic() - began
            call = RecordedCall(self.diner.name, method, path, key, began, seconds, 0)
        self._book.calls.append(call)
        return call

    def close(self) -> None:
        self._connection.close()

    def _load(
        self, method: str, path: str, body: Any, key: str | None, began: float
    ) -> RecordedCall:
        headers = dict(self._headers or self.diner.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        payload = None if body is None else json.dumps(body).encode()
        self._connection.request(method, f"/api{path}", payload, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        return RecordedCall(
            self.diner.name,
            method,
            path,
            key,
            began,
            time.monotonic() - began,
            answer.status,
            json.loads(text) if text else None,
            answer.headers.get("X-Diner-Store", ""),
            answer.headers.get("X-Diner-Role", ""),
            "Idempotent-Replay" in answer.headers,
            answer.headers.get("Retry-After", ""),
        )


class RetryingClient:
    """Somebody who does one thing after the other, at whichever diner answers."""

    def __init__(
        self,
        name: str,
        diners: Sequence[DinerProcess],
        book: Observations,
        seed: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.observations = book
        self.connections = [DinerConnection(diner, book, headers) for diner in diners]
        self.rng = random.Random(f"{name} {seed}")
        self.gives_up_at = float("inf")
        self._numbers = count(1)

    def new_key(self) -> str:
        return f"{self.name}-{next(self._numbers)}"

    def call_until_answered(
        self, method: str, path: str, body: Any = None, key: str | None = None
    ) -> list[RecordedCall]:
        """Tries, each at another diner than the one before, until there is an answer."""
        key = key or self.new_key()
        first = self.rng.randrange(len(self.connections))
        tries: list[RecordedCall] = []
        while True:
            line = self.connections[(first + len(tries)) % len(self.connections)]
            tries.append(line.fetch(method, path, body, key))
            if tries[-1].is_answer:
                return tries
            if time.monotonic() > self.gives_up_at:
                self.observations.unanswered.append(f"{tries[-1]}, try {len(tries)}")
                return tries
            time.sleep(PAUSE_SECONDS)

    def close(self) -> None:
        for line in self.connections:
            line.close()


class Guest(RetryingClient):
    """Places orders and moves them along; also keeps one dish, whose price changes."""

    dish: DishFact
    counted: Sequence[str] = ()

    @cached_property
    def category(self) -> str:
        """The category of all dishes of this guest."""
        answer = self.call_until_answered(
            "POST", "/menu/categories", {"slug": self.name.lower(), "name": self.name}
        )[-1]
        assert answer.status == 201, answer
        return str(answer.body["id"])

    def new_dish(self, word: str, price: int, **more: Any) -> dict[str, Any]:
        slug = f"{self.name}-{word}"
        fields = {"slug": slug.lower(), "name": slug, "category_id": self.category}
        return {**fields, "price": price, **more}

    def prepare(self) -> None:
        self.dish = self.add_dish("dish")

    def add_dish(self, word: str) -> DishFact:
        price = self.rng.randrange(100, 2000)
        tries = self.call_until_answered("POST", "/menu/items", self.new_dish(word, price))
        assert tries[-1].status == 201, tries[-1]
        dish = DishFact(tries[-1].body["id"], price)
        self.observations.dishes.append(dish)
        return dish

    def run_round(self) -> None:
        """A little of everything, and a look at it from every diner."""
        self.reprice()
        order = self.place()
        if order.answer is not None:
            self.check_order(order)
            if self.rng.random() < 0.3:
                self.place_again(order)
            self.advance(order)
            self.check_order(order)
        if self.rng.random() < 0.15:
            self.toggle_availability()
        if self.rng.random() < 0.15:
            self.add_and_remove()
        self.check_dish(self.dish)

    def place(self, counted: str | None = None, marker: str = "") -> OrderFact:
        """An order of the own dish, and sometimes of something that is counted."""
        items = [{"item_id": self.dish.id, "quantity": self.rng.randrange(1, 4)}]
        if counted is None and self.counted and self.rng.random() < 0.5:
            counted = self.rng.choices(self.counted, [3, 1])[0]
        if counted is not None:
            items.append({"item_id": counted, "quantity": self.rng.randrange(1, 3)})
        key = self.new_key()
        order = OrderFact(key, new_order(f"{marker}{key}", items))
        self.observations.orders.append(order)
        self._record_placed(order, self.call_until_answered("POST", "/orders", order.sent, key))
        return order

    def place_again(self, order: OrderFact) -> None:
        """The same request once more: a client that did not hear the answer."""
        again = self.call_until_answered("POST", "/orders", order.sent, order.key)[-1]
        if again.is_answer:
            self._expect(again, again.status == 201, "is no replay")
            self._expect_fresh(again, again.replayed, "is no replay", order.id)
            order.disputed = order.disputed or not again.replayed
            order.ids.add((again.body or {}).get("id", "none"))

    def advance(self, order: OrderFact) -> None:
        for status in STEPS[1 : 1 + self.rng.randrange(len(STEPS))]:
            if not self.move(order, status):
                return
        if self.rng.random() < 0.25 and order.status != STEPS[-1]:
            self.cancel(order)

    def move(self, order: OrderFact, status: str) -> bool:
        order.unanswered_steps.add(status)
        tries = self.call_until_answered("PATCH", f"/orders/{order.id}/status", {"status": status})
        return self._record_moved(order, status, tries)

    def cancel(self, order: OrderFact) -> bool:
        order.unanswered_steps.add(CANCELLED)
        return self._record_moved(
            order, CANCELLED, self.call_until_answered("POST", f"/orders/{order.id}/cancel", {})
        )

    def reprice(self) -> None:
        price = self.rng.randrange(100, 2000)
        self.dish.unanswered_prices.add(price)
        answer = self.call_until_answered("PATCH", f"/menu/items/{self.dish.id}", {"price": price})[
            -1
        ]
        if answer.is_answer and self._expect(answer, answer.status == 200, "was not taken"):
            self._expect(answer, answer.body["price"] == price, f"does not cost {price}")
            self.dish.price = price
            self.dish.unanswered_prices.clear()

    def toggle_availability(self) -> None:
        for available in (False, True):
            path = f"/menu/items/{self.dish.id}/availability"
            answer = self.call_until_answered("PUT", path, {"available": available})[-1]
            if answer.is_answer and self._expect(answer, answer.status == 200, "was not taken"):
                self.dish.available = available

    def add_and_remove(self) -> None:
        dish = self.add_dish(f"special{len(self.observations.dishes)}")
        self.remove(dish)
        self.check_dish(dish)

    def remove(self, dish: DishFact) -> None:
        dish.maybe_deleted = True
        tries = self.call_until_answered("DELETE", f"/menu/items/{dish.id}")
        answer = tries[-1]
        if answer.is_answer:
            # What an unanswered try removed is not there any more for the next one.
            gone = answer.status == 204 or (answer.status == 404 and len(tries) > 1)
            dish.deleted = self._expect(answer, gone, "was not removed")

    def check_order(self, order: OrderFact) -> None:
        for line in self.connections:
            seen = line.fetch("GET", f"/orders/{order.id}")
            if seen.status == 404:
                self.observations.not_found_calls.append(seen)
            elif seen.status == 200:
                fresh = order.may_be(seen.body["status"])
                what = f"says {seen.body['status']}, not {order.status}"
                self._expect_fresh(seen, fresh, what, order.id)

    def check_dish(self, dish: DishFact) -> None:
        for line in self.connections:
            seen = line.fetch("GET", f"/menu/items/{dish.id}")
            if seen.status == 404 and not dish.maybe_deleted:
                self.observations.not_found_calls.append(seen)
            elif seen.status == 200:
                self._expect_fresh(seen, not dish.deleted, "shows what was removed", dish.id)
                fresh = dish.may_cost(seen.body["price"])
                what = f"says {seen.body['price']}, not {dish.price}"
                self._expect_fresh(seen, fresh, what, dish.id)

    def _record_placed(self, order: OrderFact, tries: Sequence[RecordedCall]) -> None:
        answer = tries[-1]
        order.maybe_placed = not all(call.is_answer for call in tries)
        if answer.status == 201:
            order.answer = answer.body
            order.ids.add(order.id)
            unit = answer.body["items"][0]["unit_price"]
            what = f"sells at {unit}, not {self.dish.price}"
            self._expect_fresh(answer, self.dish.may_cost(unit), what, self.dish.id)
        elif answer.is_answer:
            order.refused = True
            known = self._expect(answer, answer.status == 409, "has no reason to be refused")
            if known and "sold-out" not in answer.body["type"]:
                what = "refuses an order of what there is"
                self._expect_fresh(answer, False, what, self.dish.id)

    def _record_moved(self, order: OrderFact, status: str, tries: Sequence[RecordedCall]) -> bool:
        answer = tries[-1]
        if 400 <= answer.status < 500 and all(call.is_answer for call in tries):
            order.unanswered_steps.discard(status)
        if answer.status == 404:
            self.observations.not_found_calls.append(answer)
            return False
        if answer.status == 409:
            what = f"refuses {status} after {order.status}"
            self._expect_fresh(answer, False, what, order.id)
            return False
        taken = answer.is_answer and self._expect(answer, answer.status == 200, "was not taken")
        if taken:
            order.status = status
            order.unanswered_steps.discard(status)
        return taken

    def _expect(self, call: RecordedCall, fact: bool, complaint: str) -> bool:
        if not fact:
            self.observations.violations.append(f"{complaint}: {call}")
        return fact

    def _expect_fresh(self, call: RecordedCall, fresh: bool, what: str, about: str) -> None:
        if not fresh:
            self.observations.stale_answers.append((call, what, about))


class Inspector(Guest):
    """Looks whether answers agree with what a diner says about its connections (P6)."""

    def prepare(self) -> None:
        super().prepare()
        self.order = self.place()

    def run_round(self) -> None:
        for line in self.connections:
            for path in (f"/menu/items/{self.dish.id}", f"/orders/{self.order.id}"):
                self._inspect(line, path)
        time.sleep(INSPECTION_SECONDS)

    def _inspect(self, line: DinerConnection, path: str) -> None:
        before, seen, after = (line.fetch("GET", each) for each in (_STATES, path, _STATES))
        if seen.role == "primary" and _was_not_up_between(before, after, seen.store):
            self.observations.violations.append(f"P6: it was not up: {seen}; {before.body}")


class GuestCrowd:
    """Some guests at once, from `start` until `finish`; what they saw is in the book."""

    def __init__(
        self,
        diners: Sequence[DinerProcess],
        *,
        guests: int = GUEST_COUNT,
        counted: bool = True,
        kind: type[Guest] = Guest,
    ) -> None:
        """`counted`: whether some of what they order is."""
        self.observations = Observations()
        self._name = uuid4().hex[:6]
        self._diners = diners
        self._counted = counted
        self.guests: list[Guest] = [
            kind(f"{self._name}-{number}", diners, self.observations) for number in range(guests)
        ]
        self.guests.append(Inspector(f"{self._name}-inspector", diners, self.observations))
        self._threads = [threading.Thread(target=self._work, args=[one]) for one in self.guests]
        self._over = threading.Event()

    def prepare(self) -> None:
        """Puts dishes on the menu: one for each guest, and two that are counted for all."""
        host = self.guests[0]
        for word, left in (("soup", _PLENTY), ("cake", _FEW)) if self._counted else ():
            dish = host.add_dish(word)
            stocked = host.call_until_answered(
                "PUT", f"/menu/items/{dish.id}/stock", {"stock": left}
            )[-1]
            assert stocked.status == 200, stocked
            self.observations.stock_limits[dish.id] = left
        for guest in self.guests:
            guest.counted = list(self.observations.stock_limits)
            guest.prepare()

    def start(self) -> None:
        self.prepare()
        for thread in self._threads:
            thread.start()

    def finish(self) -> Observations:
        """Lets everybody hear an answer to what they asked last."""
        self._over.set()
        for guest in self.guests:
            guest.gives_up_at = time.monotonic() + LAST_TRIES_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(2 * LAST_TRIES_SECONDS)
                assert not thread.is_alive(), "a guest hangs"
        for guest in self.guests:
            guest.close()
        return self.observations

    def _work(self, guest: Guest) -> None:
        try:
            while not self._over.is_set():
                guest.run_round()
                time.sleep(THINKING_SECONDS)
        except Exception as exc:
            self.observations.violations.append(f"{guest.name} gave up: {exc!r}")
            raise


@contextmanager
def guests_at_work(
    diners: Sequence[DinerProcess],
    *,
    guests: int = GUEST_COUNT,
    counted: bool = True,
    kind: type[Guest] = Guest,
) -> Iterator[GuestCrowd]:
    """Guests at work while the block runs; nobody is left behind when it fails."""
    made = GuestCrowd(diners, guests=guests, counted=counted, kind=kind)
    made.start()
    try:
        yield made
    finally:
        made.finish()


def _was_not_up_between(before: RecordedCall, after: RecordedCall, store: str) -> bool:
    """Certain only when the state did not change from one look to the other."""
    if before.status != 200 or after.status != 200:
        return False
    one, two = (
        next(each for each in call.body["items"] if each["name"] == store)
        for call in (before, after)
    )
    return bool(one["state"] != "up" and one["since"] == two["since"])


def new_order(name: str, items: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """`name` is looked for in the databases: it tells which request an order came from."""
    return {
        "customer": {"name": name, "phone": "+49 30 1234567"},
        "fulfilment": {"type": "dine_in", "table": "7"},
        "items": list(items),
        **more,
    }
