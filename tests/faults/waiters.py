"""Waiters on a busy evening: one order after the other from the cart to the bill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.faults.guests import Guest, new_order
from tests.faults.observations import ChargeFact, OrderFact, RecordedCall

COUPON = "SATURDAY"


class Waiter(Guest):
    """Whatever a guest does, and the rest of an order's life."""

    def run_round(self) -> None:
        if self.rng.random() < 0.2:
            self.reprice()
        if self.rng.random() < 0.2:
            self.toggle_availability()
        order = self.order_from_cart() if self.rng.random() < 0.4 else self.place()
        if order.answer is None:
            return
        if self.rng.random() < 0.1:
            self.cancel(order)
            return
        if self.move(order, "confirmed"):
            self.serve(order)
        self.check_order(order)

    def place(self, counted: str | None = None, marker: str = "") -> OrderFact:
        """Some with the coupon."""
        if self.rng.random() < 0.5:
            return super().place(counted, marker)
        key = self.new_key()
        items = [{"item_id": self.dish.id, "quantity": self.rng.randrange(1, 6)}]
        order = OrderFact(key, new_order(key, items, coupon=COUPON))
        self.observations.orders.append(order)
        self._record_placed(order, self.call_until_answered("POST", "/orders", order.sent, key))
        return order

    def serve(self, order: OrderFact) -> None:
        for _ in range(self.rng.randrange(3)):
            self.revise(order)
        self.cook(order)
        self.pay_bill(order)
        if self.rng.random() < 0.2:
            self.refund(order)
        for status in ("preparing", "ready", "completed"):
            if order.maybe_changed or not self.move(order, status):
                return

    def order_from_cart(self) -> OrderFact:
        """A cart, filled and checked out: twice, as by somebody who does not trust the first."""
        key = self.new_key()
        sent = {**new_order(key, []), "coupon": COUPON}
        del sent["items"]
        order = OrderFact(key, sent, cart="none")
        self.observations.orders.append(order)
        opened = self._load("POST", "/carts", {})
        if opened is None:
            return order
        order.cart = opened.body["id"]
        path = f"/carts/{order.cart}"
        for item_id in (self.dish.id, *self.rng.sample(list(self.counted), 1)):
            body = {"item_id": item_id, "quantity": self.rng.randrange(1, 3)}
            if self._load("POST", f"{path}/items", body) is None:
                return order
        tries = self.call_until_answered("POST", f"{path}/checkout", sent)
        if tries[-1].status == 404:
            self.observations.not_found_calls.append(tries[-1])
            order.maybe_placed = True
            return order
        self._record_placed(order, tries)
        if order.answer is not None and self.rng.random() < 0.3:
            again = self.call_until_answered("POST", f"{path}/checkout", sent)[-1]
            if again.is_answer:
                same = again.status == 201 and again.body["id"] == order.id
                self._expect_fresh(again, same, "is another order", order.id)
                order.ids.add((again.body or {}).get("id", "none") if same else order.id)
        return order

    def revise(self, order: OrderFact) -> None:
        """One more of the first line, or one dish more."""
        line = order.answer["items"][0] if order.answer else {}
        changes: dict[str, Any] = {"quantities": {line["id"]: line["quantity"] + 1}}
        if self.rng.random() < 0.5:
            changes = {"add": [{"item_id": self.dish.id, "quantity": 1}]}
        self._change(order, "PATCH", f"/orders/{order.id}/items", changes)

    def cook(self, order: OrderFact) -> None:
        """The kitchen does what it sees; what it does not see yet stays open."""
        board = self.call_until_answered("GET", "/kitchen/tickets")[-1]
        if board.status != 200:
            return
        seen = [entry for entry in board.body["items"] if entry["order_id"] == order.id]
        ids = [ticket["id"] for entry in seen for ticket in entry["tickets"]]
        if ids:
            path = f"/kitchen/orders/{order.id}/bump"
            bumped = self.call_until_answered("POST", path, {"tickets": ids})[-1]
            if bumped.is_answer:
                self._expect_fresh(bumped, bumped.status == 200, "does not cook", order.id)

    def pay_bill(self, order: OrderFact) -> None:
        """In one to three parts, some with a tip."""
        parts = self.rng.randrange(1, 4)
        for part in range(parts, 0, -1):
            outstanding = order.answer["outstanding"] if order.answer else 0
            amount = outstanding if part == 1 else outstanding // part
            if amount > 0 and not order.maybe_changed:
                self.charge(order, amount, self.rng.choice((0, 0, 100)))

    def charge(self, order: OrderFact, amount: int, tip: int) -> None:
        key = self.new_key()
        fact = ChargeFact(order, key, amount + tip)
        self.observations.charges.append(fact)
        body = {"method": "card", "amount": amount, "tip": tip, "reference": key}
        self._record_charged(
            fact, self._change(order, "POST", f"/orders/{order.id}/payments", body)
        )

    def refund(self, order: OrderFact) -> None:
        payments = order.answer["payments"] if order.answer else []
        if not payments or order.maybe_changed:
            return
        payment, mark = payments[0], self.new_key()
        amount = 1 + self.rng.randrange(payment["amount"])
        fact = ChargeFact(order, mark, -amount)
        self.observations.charges.append(fact)
        body = {"payment_id": payment["id"], "amount": amount, "reason": mark}
        self._record_charged(fact, self._change(order, "POST", f"/orders/{order.id}/refunds", body))

    def _change(
        self, order: OrderFact, method: str, path: str, body: dict[str, Any]
    ) -> Sequence[RecordedCall]:
        """The order is what the answer says; without one nobody knows."""
        tries = self.call_until_answered(method, path, body)
        answer = tries[-1]
        if answer.status == 200:
            lines = _lines(answer.body)
            complete = all(lines.get(key, 0) >= had for key, had in order.known_lines.items())
            self._expect_fresh(answer, complete, "lacks a line", order.id)
            # Whoever answers from behind does not know what all of it comes to.
            order.maybe_changed = order.maybe_changed or not complete
            for key, has in lines.items():
                order.known_lines[key] = max(has, order.known_lines.get(key, 0))
            order.answer = {**(order.answer or {}), **answer.body}
            return tries
        order.maybe_changed = order.maybe_changed or not all(call.is_answer for call in tries)
        if answer.status == 404:
            self.observations.not_found_calls.append(answer)
        elif answer.is_answer:
            known = self._expect(answer, answer.status == 409, "has no reason to be refused")
            if known and "sold-out" not in answer.body["type"]:
                self._expect_fresh(answer, False, "refuses what could be done", order.id)
        return tries

    def _record_charged(self, fact: ChargeFact, tries: Sequence[RecordedCall]) -> None:
        fact.acknowledged = tries[-1].status == 200
        fact.maybe_charged = not all(call.is_answer for call in tries)

    def _load(self, method: str, path: str, body: Any) -> RecordedCall | None:
        """The answer, if it was done."""
        answer = self.call_until_answered(method, path, body)[-1]
        if 200 <= answer.status < 300:
            return answer
        if answer.status == 404:
            self.observations.not_found_calls.append(answer)
        elif answer.is_answer:
            self._expect_fresh(answer, False, "refuses what could be done", path)
        return None


def _lines(order: dict[str, Any]) -> dict[str, int]:
    return {line["id"]: line["quantity"] for line in order["items"]}
