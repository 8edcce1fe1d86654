"""The contract of `Orders`: what it asks beyond the common base."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from dinerapp.ordering.domain.erasure import anonymise
from dinerapp.ordering.domain.orders import (
    ChosenOption,
    Fulfilment,
    FulfilmentType,
    HistoryStep,
    OrderContact,
    Status,
)
from dinerapp.ordering.domain.payments import PaymentStatus
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.replication import codec
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Usage
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, identical, ids
from tests.factories import LONG_WORD, at, line, menu_item, order, stocked_order

EVERYTHING = OrderFilter()
AMOUNTS = ["subtotal", "discount", "service_charge", "tax", "tip", "total"]


@over_what_answers_questions
class TestOrders:
    """Lists of orders, whole orders, and what they hold."""

    def test_there_are_no_orders_at_first(self, repositories: Repositories) -> None:
        page = repositories.orders.page(EVERYTHING, None, 10)
        assert page.items == ()
        assert page.next_cursor is None

    def test_orders_come_newest_first(self, repositories: Repositories) -> None:
        saved = [save(repositories, created_at=at(n)) for n in (2, 0, 3, 1)]
        page = repositories.orders.page(EVERYTHING, None, 10)
        assert page.items == tuple(sorted(saved, key=newest, reverse=True))

    def test_orders_of_the_same_millisecond_come_by_id_the_highest_first(
        self, repositories: Repositories
    ) -> None:
        saved = [save(repositories) for _ in range(5)]
        page = repositories.orders.page(EVERYTHING, None, 10)
        assert list(page.items) == sorted(saved, key=lambda each: each.id, reverse=True)

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
    def test_pages_hold_every_order_once(self, repositories: Repositories, limit: int) -> None:
        saved = [save(repositories, created_at=at(n // 3 / 1000)) for n in range(7)]
        found = all_pages(partial(repositories.orders.page, EVERYTHING), limit)
        assert found == sorted(saved, key=newest, reverse=True)

    def test_a_page_says_where_the_next_one_begins_only_if_there_is_one(
        self, repositories: Repositories
    ) -> None:
        saved = sorted((save(repositories) for _ in range(4)), key=newest, reverse=True)
        first = repositories.orders.page(EVERYTHING, None, 2)
        assert first.next_cursor == Cursor(saved[1].created_at, saved[1].id)
        assert repositories.orders.page(EVERYTHING, first.next_cursor, 2).next_cursor is None
        assert repositories.orders.page(EVERYTHING, None, 4).next_cursor is None

    def test_orders_placed_between_two_pages_neither_repeat_nor_hide_any(
        self, repositories: Repositories
    ) -> None:
        saved = [save(repositories, created_at=at(n)) for n in range(4)]
        first = repositories.orders.page(EVERYTHING, None, 2)
        save(repositories, created_at=at(10))
        deleted(repositories, saved[3])
        second = repositories.orders.page(EVERYTHING, first.next_cursor, 10)
        assert ids(first.items + second.items) == ids(saved[::-1])

    def test_a_page_can_begin_after_an_order_that_is_gone(self, repositories: Repositories) -> None:
        saved = [save(repositories, created_at=at(n)) for n in range(3)]
        deleted(repositories, saved[1])
        after = Cursor(saved[1].created_at, saved[1].id)
        assert ids(repositories.orders.page(EVERYTHING, after, 10).items) == [saved[0].id]

    def test_a_page_can_begin_at_a_time_of_another_zone(self, repositories: Repositories) -> None:
        saved = [save(repositories, created_at=at(n)) for n in range(3)]
        elsewhen = saved[1].created_at.astimezone(timezone(timedelta(hours=-7)))
        page = repositories.orders.page(EVERYTHING, Cursor(elsewhen, saved[1].id), 10)
        assert ids(page.items) == [saved[0].id]

    def test_a_page_after_the_last_order_is_empty(self, repositories: Repositories) -> None:
        saved = save(repositories)
        page = repositories.orders.page(EVERYTHING, Cursor(saved.created_at, saved.id), 10)
        assert page.items == ()
        assert page.next_cursor is None

    def test_a_page_can_begin_after_an_id_no_order_can_have(
        self, repositories: Repositories
    ) -> None:
        saved = save(repositories)
        assert ids(repositories.orders.page(EVERYTHING, Cursor(at(1), "~"), 10).items) == [saved.id]
        assert repositories.orders.page(EVERYTHING, Cursor(at(-1), "~"), 10).items == ()

    def test_orders_can_be_wanted_by_status(self, repositories: Repositories) -> None:
        by_status = {status: save(repositories, status=status) for status in Status}
        for status, saved in by_status.items():
            page = repositories.orders.page(OrderFilter(status=status), None, 10)
            assert page.items == (saved,)

    def test_an_order_is_found_by_its_latest_status(self, repositories: Repositories) -> None:
        saved = save(repositories)
        moved = repositories.orders.save(
            saved.with_status(
                Status.CONFIRMED, actor="ada", reason=None, op_id=new_op_id(), now=at(1)
            )
        )
        wanted = partial(repositories.orders.page, after=None, limit=10)
        assert wanted(OrderFilter(status=Status.PENDING)).items == ()
        assert wanted(OrderFilter(status=Status.CONFIRMED)).items == (moved,)

    def test_orders_can_be_wanted_by_phone(self, repositories: Repositories) -> None:
        phones = ["+49170", "+491701", "49170", "", "+49%", "+49_70"]
        saved = {
            phone: save(repositories, customer=OrderContact(name="Ada", phone=phone))
            for phone in phones
        }
        for phone in phones:
            page = repositories.orders.page(OrderFilter(phone=phone), None, 10)
            assert page.items == (saved[phone],)
        for phone in ("+4917", ".*", "$ne", "a\0b", "\ud800"):
            assert repositories.orders.page(OrderFilter(phone=phone), None, 10).items == ()

    def test_an_order_is_found_by_its_number_as_it_is_compared_and_keeps_it_as_it_was_typed(
        self, repositories: Repositories
    ) -> None:
        customer = OrderContact(name="Ada", phone="030 123", phone_key="+4930123")
        saved = save(repositories, customer=customer)
        found = repositories.orders.page(OrderFilter(phone="+4930123"), None, 10)
        assert found.items == (saved,)
        assert found.items[0].customer == customer
        assert repositories.orders.page(OrderFilter(phone="030 123"), None, 10).items == ()

    def test_an_erased_order_is_found_by_no_number(self, repositories: Repositories) -> None:
        saved = save(repositories)
        gone = anonymise(saved, at(1)).with_changes(op_id=new_op_id(), now=at(1))
        gone = repositories.orders.save(gone)
        assert identical(repositories.orders.get(saved.id), gone)
        assert gone.erased_at == at(1)
        phone = OrderFilter(phone=saved.customer.phone_key)
        assert repositories.orders.page(phone, None, 10).items == ()

    def test_orders_can_be_wanted_since_a_moment(self, repositories: Repositories) -> None:
        saved = [save(repositories, created_at=at(n)) for n in range(3)]
        for zone in (UTC, timezone(timedelta(hours=9, minutes=30))):
            wanted = OrderFilter(since=at(1).astimezone(zone))
            page = repositories.orders.page(wanted, None, 10)
            assert ids(page.items) == [saved[2].id, saved[1].id]
        just_after = OrderFilter(since=at(1.001))
        assert ids(repositories.orders.page(just_after, None, 10).items) == [saved[2].id]

    def test_orders_can_be_wanted_by_who_placed_them(self, repositories: Repositories) -> None:
        by_user = {each: save(repositories, user_id=each) for each in (None, new_id(), new_id())}
        for each in filter(None, by_user):
            page = repositories.orders.page(OrderFilter(user_id=each), None, 10)
            assert page.items == (by_user[each],)
        assert len(repositories.orders.page(EVERYTHING, None, 10).items) == 3
        for nobody in ("", "0", new_id()):
            assert repositories.orders.page(OrderFilter(user_id=nobody), None, 10).items == ()

    def test_orders_can_be_wanted_by_fulfilment(self, repositories: Repositories) -> None:
        by_type = {
            each: save(repositories, fulfilment=Fulfilment(type=each)) for each in FulfilmentType
        }
        for each, saved in by_type.items():
            page = repositories.orders.page(OrderFilter(fulfilment=each), None, 10)
            assert page.items == (saved,)

    def test_all_that_is_wanted_must_be_true_of_an_order(self, repositories: Repositories) -> None:
        right: dict[str, Any] = {
            "status": Status.READY,
            "customer": OrderContact(name="Ada", phone="1"),
            "fulfilment": Fulfilment(type=FulfilmentType.DINE_IN, table="7"),
            "created_at": at(10),
        }
        wrong: dict[str, Any] = {
            "status": Status.PENDING,
            "customer": OrderContact(name="Ada", phone="2"),
            "fulfilment": Fulfilment(type=FulfilmentType.PICKUP),
            "created_at": at(5),
        }
        saved = [save(repositories, **right) for _ in range(3)]
        for field, value in wrong.items():
            save(repositories, **{**right, field: value})
        wanted = OrderFilter(
            status=Status.READY, phone="1", since=at(10), fulfilment=FulfilmentType.DINE_IN
        )
        found = all_pages(partial(repositories.orders.page, wanted), 1)
        assert found == sorted(saved, key=newest, reverse=True)

    def test_deleted_orders_are_in_no_list(self, repositories: Repositories) -> None:
        kept, gone = save(repositories), save(repositories)
        deleted(repositories, gone)
        assert repositories.orders.page(EVERYTHING, None, 10).items == (kept,)
        phone = OrderFilter(phone=gone.customer.phone)
        assert repositories.orders.page(phone, None, 10).items == (kept,)

    def test_an_order_comes_back_with_everything_it_says(self, repositories: Repositories) -> None:
        options = tuple(ChosenOption(id=new_id(), name=n, price=p) for n, p in (("ü", -5), ("", 0)))
        lines = tuple(
            line(
                quantity=2**31 + number,
                unit_price=2**40,
                total=2**62,
                options=options[:number],
                notes=["", "🌶 bitte", None][number],
                counted=number == 1,
            )
            for number in range(3)
        )
        saved = save(
            repositories,
            order_lines=lines,
            code="Ä-1",
            status=Status.OUT_FOR_DELIVERY,
            payment_status=PaymentStatus.PARTLY_REFUNDED,
            customer=OrderContact(name="Ada Lovelace", phone="+49", email="ada@example.org"),
            fulfilment=Fulfilment(
                type=FulfilmentType.DELIVERY,
                table="",
                address="Hauptstr. 1\n12345 Köln",
                scheduled_for=at(3600.123),
            ),
            notes="",
            coupon="SUMMER",
            subtotal=2**63 - 1,
            discount=2**53 + 3,
            service_charge=1,
            tax=2**53 + 1,
            tip=3,
            total=0,
            history=tuple(
                HistoryStep(at=at(n / 1000), status=Status.PENDING, actor="ada", reason=reason)
                for n, reason in enumerate(("", None, "late"))
            ),
        )
        assert saved.lines == lines
        assert identical(repositories.orders.get(saved.id), saved)
        assert repositories.orders.page(EVERYTHING, None, 1).items == (saved,)

    @pytest.mark.parametrize("field", AMOUNTS)
    @pytest.mark.parametrize("amount", [-1, 0])
    def test_an_unusual_amount_is_refused_before_any_store_is_asked_or_kept_by_all(
        self, repositories: Repositories, field: str, amount: int
    ) -> None:
        record = order(**{field: amount})
        assert refused(repositories, record) or kept(repositories, record)

    @pytest.mark.parametrize("field", ["quantity", "unit_price", "total"])
    @pytest.mark.parametrize("amount", [-1, 0])
    def test_an_unusual_line_is_refused_before_any_store_is_asked_or_kept_by_all(
        self, repositories: Repositories, field: str, amount: int
    ) -> None:
        record = order(order_lines=(line(**{"total": 1, field: amount}),))
        assert refused(repositories, record) or kept(repositories, record)

    def test_lines_keep_their_order_and_can_all_change(self, repositories: Repositories) -> None:
        lines = tuple(line(name=str(number)) for number in range(12))
        saved = save(repositories, order_lines=lines)
        assert repositories.orders.get(saved.id).lines == lines
        shuffled = (lines[7], replace(lines[2], quantity=9), line(name="new"), lines[0])
        changed = repositories.orders.save(
            saved.with_changes(op_id=new_op_id(), now=at(1), lines=shuffled)
        )
        assert repositories.orders.get(saved.id).lines == shuffled
        repositories.orders.save(changed.with_changes(op_id=new_op_id(), now=at(2), lines=()))
        assert repositories.orders.get(saved.id).lines == ()

    def test_two_orders_may_have_lines_of_the_same_id(self, repositories: Repositories) -> None:
        shared = line()
        saved = [save(repositories, order_lines=(shared,)) for _ in range(2)]
        found = repositories.orders.get_many(ids(saved))
        assert [found[each.id].lines for each in saved] == [(shared,), (shared,)]

    def test_an_order_may_be_for_an_item_nobody_has_heard_of(
        self, repositories: Repositories
    ) -> None:
        saved = save(repositories, order_lines=(line(item_id="no such item", id="l1"),))
        assert repositories.orders.get(saved.id).lines[0].item_id == "no such item"

    def test_times_within_an_order_come_back_in_utc_and_whole_milliseconds(
        self, repositories: Repositories
    ) -> None:
        moment = at(0.123987).astimezone(timezone(timedelta(hours=2)))
        saved = save(
            repositories,
            fulfilment=Fulfilment(type=FulfilmentType.PICKUP, scheduled_for=moment),
            history=(HistoryStep(at=moment, status=Status.PENDING, actor="ada"),),
        )
        found = repositories.orders.get(saved.id)
        assert found.fulfilment.scheduled_for == found.history[0].at == at(0.123)
        assert found.history[0].at.utcoffset() == timedelta(0)

    def test_counts_tell_what_is_held_and_how_much_there_is(
        self, repositories: Repositories
    ) -> None:
        limited = repositories.menu_items.save(menu_item(stock_limit=10))
        endless = repositories.menu_items.save(menu_item())
        for item in (limited, endless, limited):
            repositories.orders.save(stocked_order(item.id, 2))
        keys = [f"stock:{each}" for each in (limited.id, endless.id, "unknown")]
        assert repositories.orders.usage(keys) == dict(
            zip(keys, [Usage(4, 10), Usage(2, None), Usage(0, None)], strict=True)
        )
        assert repositories.orders.usage([]) == {}

    def test_changed_orders_come_by_when_they_were_changed_last(
        self, repositories: Repositories
    ) -> None:
        saved = [save(repositories, created_at=at(n)) for n in (2, 0, 3, 1)]
        moved = repositories.orders.save(saved[1].with_changes(op_id=new_op_id(), now=at(9)))
        expected = [saved[3], saved[0], saved[2], moved]
        assert list(repositories.orders.changed_since(ChangeCursor(at(-1)), 10)) == expected
        assert list(repositories.orders.changed_since(ChangeCursor(at(-1)), 2)) == expected[:2]

    def test_changes_of_one_millisecond_are_read_to_the_last(
        self, repositories: Repositories
    ) -> None:
        saved = sorted((save(repositories) for _ in range(5)), key=newest)
        found, place = [], ChangeCursor(at())
        while page := repositories.orders.changed_since(place, 2):
            found += page
            place = ChangeCursor(page[-1].updated_at, page[-1].id)
        assert found == saved

    def test_what_was_changed_at_the_place_itself_is_not_repeated(
        self, repositories: Repositories
    ) -> None:
        saved = save(repositories)
        place = ChangeCursor(saved.updated_at, saved.id)
        assert list(repositories.orders.changed_since(place, 10)) == []
        later = save(repositories, created_at=at(1))
        assert list(repositories.orders.changed_since(place, 10)) == [later]

    def test_deleted_orders_are_no_changes(self, repositories: Repositories) -> None:
        deleted(repositories, save(repositories))
        assert list(repositories.orders.changed_since(ChangeCursor(at(-1)), 10)) == []

    @pytest.mark.parametrize("field", ["code", "notes", "coupon", "phone"])
    def test_a_word_too_long_for_an_index_comes_back_unchanged(
        self, repositories: Repositories, field: str
    ) -> None:
        customer = OrderContact(name="Ada", phone=LONG_WORD)
        saved = save(
            repositories, **{"customer": customer} if field == "phone" else {field: LONG_WORD}
        )
        assert identical(repositories.orders.get(saved.id), saved)


def refused(repositories: Repositories, record: Any) -> bool:
    """Whether no store is asked to keep the record."""
    try:
        codec.canonical(record)
    except InvalidRecord:
        with pytest.raises(InvalidRecord):
            repositories.orders.save(record)
        return True
    return False


def kept(repositories: Repositories, record: Any) -> bool:
    """Whether the record is kept and found as it was saved."""
    saved = repositories.orders.save(record)
    return identical(repositories.orders.get(record.id), saved)


def save(repositories: Repositories, **fields: Any) -> Any:
    """A new order, kept."""
    return repositories.orders.save(order(**fields))


def deleted(repositories: Repositories, record: Any) -> None:
    """Deletes the order."""
    repositories.orders.delete(record.with_changes(op_id=new_op_id(), now=at(99)))


def newest(record: Any) -> tuple[Any, str]:
    """The order of lists, upside down."""
    return record.created_at, record.id
