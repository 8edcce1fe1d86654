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

from adapters.embedded.ports import LOCALHOST
from tests.faults.book import CANCELLED, STEPS, Book, Call, DishFact, OrderFact
from tests.faults.diners import Diner

TRY_SECONDS = 3.0
PAUSE = 0.05
LAST_TRIES = 15.0
GUESTS = 4
THINKING = 0.02
LOOKING = 0.03
_PLENTY, _FEW = 100_000, 60
_LOST = (OSError, HTTPException, ValueError)
_STATES = "/connections"


class Line:
    """One client's connection to one diner; made anew after every failure."""

    def __init__(self, diner: Diner, book: Book, headers: Mapping[str, str] | None = None) -> None:
        """Without `headers` of their own everybody is one of the staff."""
        self.diner = diner
        self._book = book
        self._headers = headers
        self._connection = HTTPConnection(LOCALHOST, diner.port, timeout=TRY_SECONDS)

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Call:
        """One try; its outcome is in the book, whatever it was."""
        began = time.monotonic()
        try:
            call = self._asked(method, path, body, key, began)
        except _LOST:
            self._connection.close()
            seconds = time.monotonic() - began
            call = Call(self.diner.name, method, path, key, began, seconds, 0)
        self._book.calls.append(call)
        return call

    def close(self) -> None:
        self._connection.close()

    def _asked(self, method: str, path: str, body: Any, key: str | None, began: float) -> Call:
        headers = dict(self._headers or self.diner.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        payload = None if body is None else json.dumps(body).encode()
        self._connection.request(method, f"/api{path}", payload, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        return Call(
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


class Client:
    """Somebody who does one thing after the other, at whichever diner answers."""

    def __init__(
        self,
        name: str,
        diners: Sequence[Diner],
        book: Book,
        seed: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.book = book
        self.lines = [Line(diner, book, headers) for diner in diners]
        self.dice = random.Random(f"{name} {seed}")
        self.ends = float("inf")
        self._numbers = count(1)

    def new_key(self) -> str:
        return f"{self.name}-{next(self._numbers)}"

    def insist(
        self, method: str, path: str, body: Any = None, key: str | None = None
    ) -> list[Call]:
        """Tries, each at another diner than the one before, until there is an answer."""
        key = key or self.new_key()
        first = self.dice.randrange(len(self.lines))
        tries: list[Call] = []
        while True:
            line = self.lines[(first + len(tries)) % len(self.lines)]
            tries.append(line.ask(method, path, body, key))
            if tries[-1].is_answer:
                return tries
            if time.monotonic() > self.ends:
                self.book.unanswered.append(f"{tries[-1]}, try {len(tries)}")
                return tries
            time.sleep(PAUSE)

    def close(self) -> None:
        for line in self.lines:
            line.close()


class Guest(Client):
    """Places orders and moves them along; also keeps one dish, whose price changes."""

    dish: DishFact
    counted: Sequence[str] = ()

    @cached_property
    def category(self) -> str:
        """The category of all dishes of this guest."""
        answer = self.insist(
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
        price = self.dice.randrange(100, 2000)
        tries = self.insist("POST", "/menu/items", self.new_dish(word, price))
        assert tries[-1].status == 201, tries[-1]
        dish = DishFact(tries[-1].body["id"], price)
        self.book.dishes.append(dish)
        return dish

    def round(self) -> None:
        """A little of everything, and a look at it from every diner."""
        self.reprice()
        order = self.place()
        if order.told is not None:
            self.look_at_order(order)
            if self.dice.random() < 0.3:
                self.place_again(order)
            self.move_along(order)
            self.look_at_order(order)
        if self.dice.random() < 0.15:
            self.take_off_and_back()
        if self.dice.random() < 0.15:
            self.add_and_remove()
        self.look_at_dish(self.dish)

    def place(self, counted: str | None = None, marker: str = "") -> OrderFact:
        """An order of the own dish, and sometimes of something that is counted."""
        items = [{"item_id": self.dish.id, "quantity": self.dice.randrange(1, 4)}]
        if counted is None and self.counted and self.dice.random() < 0.5:
            counted = self.dice.choices(self.counted, [3, 1])[0]
        if counted is not None:
            items.append({"item_id": counted, "quantity": self.dice.randrange(1, 3)})
        key = self.new_key()
        order = OrderFact(key, new_order(f"{marker}{key}", items))
        self.book.orders.append(order)
        self._note_placed(order, self.insist("POST", "/orders", order.sent, key))
        return order

    def place_again(self, order: OrderFact) -> None:
        """The same request once more: a client that did not hear the answer."""
        again = self.insist("POST", "/orders", order.sent, order.key)[-1]
        if again.is_answer:
            self._expect(again, again.status == 201, "is no replay")
            self._note_age(again, again.replayed, "is no replay", order.id)
            order.disputed = order.disputed or not again.replayed
            order.ids.add((again.body or {}).get("id", "none"))

    def move_along(self, order: OrderFact) -> None:
        for status in STEPS[1 : 1 + self.dice.randrange(len(STEPS))]:
            if not self.move(order, status):
                return
        if self.dice.random() < 0.25 and order.status != STEPS[-1]:
            self.cancel(order)

    def move(self, order: OrderFact, status: str) -> bool:
        order.asked.add(status)
        tries = self.insist("PATCH", f"/orders/{order.id}/status", {"status": status})
        return self._note_moved(order, status, tries)

    def cancel(self, order: OrderFact) -> bool:
        order.asked.add(CANCELLED)
        return self._note_moved(
            order, CANCELLED, self.insist("POST", f"/orders/{order.id}/cancel", {})
        )

    def reprice(self) -> None:
        price = self.dice.randrange(100, 2000)
        self.dish.asked.add(price)
        answer = self.insist("PATCH", f"/menu/items/{self.dish.id}", {"price": price})[-1]
        if answer.is_answer and self._expect(answer, answer.status == 200, "was not taken"):
            self._expect(answer, answer.body["price"] == price, f"does not cost {price}")
            self.dish.price = price
            self.dish.asked.clear()

    def take_off_and_back(self) -> None:
        for available in (False, True):
            path = f"/menu/items/{self.dish.id}/availability"
            answer = self.insist("PUT", path, {"available": available})[-1]
            if answer.is_answer and self._expect(answer, answer.status == 200, "was not taken"):
                self.dish.available = available

    def add_and_remove(self) -> None:
        dish = self.add_dish(f"special{len(self.book.dishes)}")
        self.remove(dish)
        self.look_at_dish(dish)

    def remove(self, dish: DishFact) -> None:
        dish.perhaps_gone = True
        tries = self.insist("DELETE", f"/menu/items/{dish.id}")
        answer = tries[-1]
        if answer.is_answer:
            # What an unanswered try removed is not there any more for the next one.
            gone = answer.status == 204 or (answer.status == 404 and len(tries) > 1)
            dish.gone = self._expect(answer, gone, "was not removed")

    def look_at_order(self, order: OrderFact) -> None:
        for line in self.lines:
            seen = line.ask("GET", f"/orders/{order.id}")
            if seen.status == 404:
                self.book.missing.append(seen)
            elif seen.status == 200:
                fresh = order.may_be(seen.body["status"])
                what = f"says {seen.body['status']}, not {order.status}"
                self._note_age(seen, fresh, what, order.id)

    def look_at_dish(self, dish: DishFact) -> None:
        for line in self.lines:
            seen = line.ask("GET", f"/menu/items/{dish.id}")
            if seen.status == 404 and not dish.perhaps_gone:
                self.book.missing.append(seen)
            elif seen.status == 200:
                self._note_age(seen, not dish.gone, "shows what was removed", dish.id)
                fresh = dish.may_cost(seen.body["price"])
                what = f"says {seen.body['price']}, not {dish.price}"
                self._note_age(seen, fresh, what, dish.id)

    def _note_placed(self, order: OrderFact, tries: Sequence[Call]) -> None:
        answer = tries[-1]
        order.unsure = not all(call.is_answer for call in tries)
        if answer.status == 201:
            order.told = answer.body
            order.ids.add(order.id)
            unit = answer.body["items"][0]["unit_price"]
            what = f"sells at {unit}, not {self.dish.price}"
            self._note_age(answer, self.dish.may_cost(unit), what, self.dish.id)
        elif answer.is_answer:
            order.refused = True
            known = self._expect(answer, answer.status == 409, "has no reason to be refused")
            if known and "sold-out" not in answer.body["type"]:
                what = "refuses an order of what there is"
                self._note_age(answer, False, what, self.dish.id)

    def _note_moved(self, order: OrderFact, status: str, tries: Sequence[Call]) -> bool:
        answer = tries[-1]
        if 400 <= answer.status < 500 and all(call.is_answer for call in tries):
            order.asked.discard(status)
        if answer.status == 404:
            self.book.missing.append(answer)
            return False
        if answer.status == 409:
            what = f"refuses {status} after {order.status}"
            self._note_age(answer, False, what, order.id)
            return False
        taken = answer.is_answer and self._expect(answer, answer.status == 200, "was not taken")
        if taken:
            order.status = status
            order.asked.discard(status)
        return taken

    def _expect(self, call: Call, fact: bool, complaint: str) -> bool:
        if not fact:
            self.book.wrong.append(f"{complaint}: {call}")
        return fact

    def _note_age(self, call: Call, fresh: bool, what: str, about: str) -> None:
        if not fresh:
            self.book.behind.append((call, what, about))


class Inspector(Guest):
    """Looks whether answers agree with what a diner says about its connections (P6)."""

    def prepare(self) -> None:
        super().prepare()
        self.order = self.place()

    def round(self) -> None:
        for line in self.lines:
            for path in (f"/menu/items/{self.dish.id}", f"/orders/{self.order.id}"):
                self._inspect(line, path)
        time.sleep(LOOKING)

    def _inspect(self, line: Line, path: str) -> None:
        before, seen, after = (line.ask("GET", each) for each in (_STATES, path, _STATES))
        if seen.role == "primary" and _was_not_up_between(before, after, seen.store):
            self.book.wrong.append(f"P6: it was not up: {seen}; {before.body}")


class Party:
    """Some guests at once, from `start` until `finish`; what they saw is in the book."""

    def __init__(
        self,
        diners: Sequence[Diner],
        *,
        guests: int = GUESTS,
        counted: bool = True,
        kind: type[Guest] = Guest,
    ) -> None:
        """`counted`: whether some of what they order is."""
        self.book = Book()
        self._name = uuid4().hex[:6]
        self._diners = diners
        self._counted = counted
        self.guests: list[Guest] = [
            kind(f"{self._name}-{number}", diners, self.book) for number in range(guests)
        ]
        self.guests.append(Inspector(f"{self._name}-inspector", diners, self.book))
        self._threads = [threading.Thread(target=self._work, args=[one]) for one in self.guests]
        self._over = threading.Event()

    def prepare(self) -> None:
        """Puts dishes on the menu: one for each guest, and two that are counted for all."""
        host = self.guests[0]
        for word, left in (("soup", _PLENTY), ("cake", _FEW)) if self._counted else ():
            dish = host.add_dish(word)
            stocked = host.insist("PUT", f"/menu/items/{dish.id}/stock", {"stock": left})[-1]
            assert stocked.status == 200, stocked
            self.book.counted[dish.id] = left
        for guest in self.guests:
            guest.counted = list(self.book.counted)
            guest.prepare()

    def start(self) -> None:
        self.prepare()
        for thread in self._threads:
            thread.start()

    def finish(self) -> Book:
        """Lets everybody hear an answer to what they asked last."""
        self._over.set()
        for guest in self.guests:
            guest.ends = time.monotonic() + LAST_TRIES
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(2 * LAST_TRIES)
                assert not thread.is_alive(), "a guest hangs"
        for guest in self.guests:
            guest.close()
        return self.book

    def _work(self, guest: Guest) -> None:
        try:
            while not self._over.is_set():
                guest.round()
                time.sleep(THINKING)
        except Exception as exc:
            self.book.wrong.append(f"{guest.name} gave up: {exc!r}")
            raise


@contextmanager
def party(
    diners: Sequence[Diner],
    *,
    guests: int = GUESTS,
    counted: bool = True,
    kind: type[Guest] = Guest,
) -> Iterator[Party]:
    """Guests at work while the block runs; nobody is left behind when it fails."""
    made = Party(diners, guests=guests, counted=counted, kind=kind)
    made.start()
    try:
        yield made
    finally:
        made.finish()


def _was_not_up_between(before: Call, after: Call, store: str) -> bool:
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
