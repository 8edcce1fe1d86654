"""What an order tells of its past, who wants to hear it, and how long it is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from dinerapp.ordering.domain.order_events import Topic, events_of
from dinerapp.ordering.domain.order_merge import merge_orders
from dinerapp.ordering.domain.orders import (
    Fulfilment,
    FulfilmentType,
    HistoryStep,
    OrderContact,
    Status,
)
from dinerapp.replication import codec
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.webhooks.domain.deliveries import (
    MAX_ATTEMPTS_KEPT,
    RETRY_GROWTH,
    RETRY_JITTER,
    Attempt,
    DeliveryState,
    delivery_of,
    merge_deliveries,
)
from tests.factories import at, delivery, order, payment, webhook

PERSONAL = ("Ada", "4917", "Elm Street", "no onions", "ring twice", "card 4711", "the chef")


def an_order(**fields: Any) -> Any:
    """Placed, confirmed, paid and refunded, with everything personal that there is."""
    paid = payment(850, reference="card 4711", at=at(20))
    back = payment(-100, refund_of=paid.id, reason="the chef", at=at(30))
    return order(
        status=Status.CONFIRMED,
        customer=OrderContact(name="Ada", phone="+491701234567", email="Ada@example.org"),
        fulfilment=Fulfilment(type=FulfilmentType.DELIVERY, address="Elm Street"),
        notes="no onions",
        history=(
            HistoryStep(at=at(0), status=Status.PENDING, actor="guest"),
            HistoryStep(at=at(10), status=Status.CONFIRMED, actor="Ada", reason="ring twice"),
        ),
        payments=(paid, back),
        **fields,
    )


def test_an_order_tells_of_its_steps_and_payments() -> None:
    found = list(events_of(an_order()))
    assert [(one.topic, one.at) for one in found] == [
        (Topic.ORDER_PLACED, at(0)),
        (Topic.ORDER_STATUS_CHANGED, at(10)),
        (Topic.ORDER_PAID, at(20)),
        (Topic.ORDER_REFUNDED, at(30)),
    ]
    placed, step, paid, back = (one.payload for one in found)
    assert placed["type"] == "order.placed"
    assert placed["created_at"] == "2036-05-01T12:00:00.000Z"
    assert step["status"] == "confirmed"
    assert paid["payment"]["amount"] == 850
    assert back["payment"] == {
        "id": back["payment"]["id"],
        "method": "cash",
        "amount": 100,
        "refund_of": paid["payment"]["id"],
    }


def test_nothing_personal_is_told() -> None:
    told = orjson.dumps([one.payload for one in events_of(an_order())]).decode()
    assert not [word for word in PERSONAL if word in told]


def test_a_later_state_tells_of_the_same_happenings_under_the_same_ids() -> None:
    first = an_order()
    later = first.with_changes(
        op_id=new_op_id(), now=at(50), notes="other", payment_status="refunded"
    )
    assert [one.id for one in events_of(first)] == [one.id for one in events_of(later)]
    assert len({one.id for one in events_of(first)}) == 4


def test_one_step_that_was_tried_in_two_stores_happened_once() -> None:
    base = an_order()
    one, other = (
        base.with_status(Status.PREPARING, actor="a", reason=None, op_id="1" * 32, now=at(seconds))
        for seconds in (60, 61)
    )
    merged = merge_orders(one, other, MergePolicy()).record
    told = [{one.id for one in events_of(each)} for each in (one, other, merged)]
    assert told[0] == told[1] == told[2]


def test_the_first_step_is_the_placing_though_a_slow_clock_says_otherwise() -> None:
    late, early = (
        HistoryStep(at=at(9), status=Status.PENDING, actor="guest"),
        HistoryStep(at=at(1), status=Status.CONFIRMED, actor="ada"),
    )
    found = list(events_of(order(history=(early, late))))
    assert [(one.topic, one.at) for one in found] == [
        (Topic.ORDER_STATUS_CHANGED, at(1)),
        (Topic.ORDER_PLACED, at(9)),
    ]


def test_a_happening_is_one_delivery_per_webhook_whoever_makes_it() -> None:
    happening = next(events_of(an_order()))
    one, again, other = (delivery_of(happening, key) for key in ("a", "a", "b"))
    assert one == again
    assert one.id != other.id
    assert codec.canonical(one).payload == happening.payload


def test_a_webhook_wants_its_events_from_when_it_was_made() -> None:
    found = list(events_of(an_order()))
    everything = webhook(since=at(0))
    assert [one.topic for one in found if everything.is_subscribed(one)] == list(Topic)
    paid = webhook(since=at(0), events=(Topic.ORDER_PAID,))
    assert [one.topic for one in found if paid.is_subscribed(one)] == [Topic.ORDER_PAID]
    late = webhook(since=at(15))
    assert [one.at for one in found if late.is_subscribed(one)] == [at(20), at(30)]
    assert not any(webhook(since=at(0), active=False).is_subscribed(one) for one in found)


def test_what_a_webhook_begins_to_want_it_wants_from_now_on() -> None:
    hook = webhook(since=at(0), events=(Topic.ORDER_PAID,))
    adjust: dict[str, Any] = {"op_id": new_op_id(), "now": at(100)}
    assert hook.with_settings(description="x", **adjust).since == at(0)
    assert hook.with_settings(active=False, **adjust).since == at(0)
    assert hook.with_settings(events=(Topic.ORDER_PAID, Topic.ORDER_PLACED), **adjust).since == at(
        100
    )
    assert hook.with_settings(events=(), **adjust).since == at(100)
    assert replace(hook, active=False).with_settings(active=True, **adjust).since == at(100)
    assert replace(hook, events=()).with_settings(events=(Topic.ORDER_PAID,), **adjust).since == at(
        0
    )


def test_the_secret_is_not_in_its_words() -> None:
    assert "whsec_deep" not in repr(webhook(secret="whsec_deep"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http:///path",
        "http://user@example.org/",
        "http://user:word@example.org/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://[::1/",
        "http://example.org/#part",
        "http://exa mple.org/",
        "http://ex\nample.org/",
        "http://exämple.org/",
        "http://example.org/" + "x" * 2000,
    ],
)
def test_what_cannot_be_posted_to_is_no_url(url: str) -> None:
    with pytest.raises(InvalidRecord):
        webhook(url=url).validate()


@pytest.mark.parametrize(
    "url", ["http://example.org", "https://example.org:8443/a?b=c", "http://[::1]:80/", "HTTP://X/"]
)
def test_what_can_be_posted_to_is_a_url(url: str) -> None:
    webhook(url=url).validate()


def test_waits_grow_over_a_day_and_then_it_is_given_up() -> None:
    policy = RetryPolicy(
        max_tries=8,
        first_delay=timedelta(seconds=60),
        growth=RETRY_GROWTH,
        max_jitter=RETRY_JITTER,
    )
    waits = [policy.delay(tries, 0.5) for tries in range(1, 9)]
    assert waits[0] == timedelta(seconds=67.5)
    assert waits[-1] is None
    known = [wait for wait in waits if wait is not None]
    assert known == sorted(known)
    assert timedelta(hours=18) < sum(known, timedelta()) < timedelta(hours=24)


def test_a_delivery_goes_through_its_states() -> None:
    failed = Attempt(at=at(1), duration_ms=5, status=500)
    done = Attempt(at=at(2), duration_ms=5, status=204)
    tried = delivery().with_attempt(failed, timedelta(seconds=9), op_id="a", now=at(1))
    assert (tried.state, tried.due, tried.tries) == (DeliveryState.PENDING, at(10), 1)
    given_up = tried.with_attempt(failed, None, op_id="b", now=at(2))
    assert (given_up.state, given_up.due, given_up.tries) == (DeliveryState.GIVEN_UP, None, 2)
    again = given_up.as_repeated(op_id="c", now=at(3))
    assert (again.state, again.due, again.tries) == (DeliveryState.PENDING, at(3), 0)
    delivered = again.with_attempt(done, timedelta(seconds=9), op_id="d", now=at(4))
    assert (delivered.state, delivered.due) == (DeliveryState.DELIVERED, None)
    assert delivered.attempts == (failed, failed, done)


def test_only_the_latest_attempts_are_kept() -> None:
    record = delivery()
    for number in range(MAX_ATTEMPTS_KEPT + 5):
        attempt = Attempt(at=at(number), duration_ms=1, error="no")
        record = record.with_attempt(attempt, timedelta(1), op_id=new_op_id(), now=at(number))
    assert len(record.attempts) == MAX_ATTEMPTS_KEPT
    assert record.attempts[-1].at == at(MAX_ATTEMPTS_KEPT + 4)


def test_of_two_stores_what_was_delivered_in_one_is_delivered() -> None:
    base = delivery()
    failed = Attempt(at=at(1), duration_ms=5, error="no")
    done = Attempt(at=at(2), duration_ms=5, status=200)
    one = base.with_attempt(done, None, op_id="a", now=at(2))
    other = base.with_attempt(failed, None, op_id="b", now=at(9))
    for pair in ((one, other), (other, one)):
        merge = merge_deliveries(*pair, MergePolicy())
        assert merge.loser is None
        assert merge.record.state is DeliveryState.DELIVERED
        assert merge.record.attempts == (failed, done)
