"""A write that is acknowledged again is in both stores, whoever died after the first try."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.messaging.domain.conversations import conversation_id
from dinerapp.messaging.services.conversations import ConversationService
from dinerapp.messaging.services.idempotency import IdempotencyGuard
from dinerapp.ordering.domain.carts import CartState
from dinerapp.ordering.domain.customers import PhoneIdentity, blank
from dinerapp.ordering.services.carts import CartService
from dinerapp.ordering.services.customers import CustomerService
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.saving import update_and_confirm, update_with_retry
from dinerapp.replication.version import StoreId
from tests.contracts.conftest import compose_stores, reference_stores
from tests.contracts.samples import Repositories, Stores
from tests.factories import at, cart, conversation, customer, menu_item


@pytest.mark.parametrize("deleted", [False, True])
def test_a_repeated_change_is_acknowledged_when_the_other_store_has_it_too(deleted: bool) -> None:
    primary, backup = reference_stores(StoreId.MONGODB), reference_stores(StoreId.POSTGRESQL)
    items = compose_stores(primary, backup).menu_items
    first = items.save(menu_item(price=100))
    op_id = new_op_id()

    def change(item: Any) -> Any:
        return replace(item.with_changes(op_id=op_id, now=at(1), price=200), deleted=deleted)

    # The process dies when one store has accepted it, and before the other one gets it.
    accepted = primary.menu_items.accept(change(first))
    assert backup.menu_items.load([first.id])[first.id] == first
    again = update_with_retry(items, first.id, op_id, change)
    assert again.replayed
    assert not again.changed
    assert backup.menu_items.load([first.id])[first.id] == accepted


@pytest.fixture
def primary() -> Stores:
    return reference_stores(StoreId.MONGODB)


@pytest.fixture
def backup() -> Stores:
    return reference_stores(StoreId.POSTGRESQL)


@pytest.fixture
def both(primary: Stores, backup: Stores) -> Repositories:
    return compose_stores(primary, backup)


@pytest.mark.parametrize("same_request", [True, False])
def test_a_conversation_that_is_there_already_is_there_in_both_stores(
    primary: Stores, backup: Stores, both: Repositories, same_request: bool
) -> None:
    mine, theirs = new_id(), new_id()
    op_id = new_op_id()
    # Whoever opened it first died before the backup got it.
    opened = primary.conversations.accept(
        conversation(id=conversation_id(mine, theirs), op_id=op_id, user_ids=(mine, theirs))
    )
    service = ConversationService(both.conversations, both.users, IdempotencyGuard(both.used_keys))
    again = Operation(new_id(), op_id if same_request else new_op_id())
    done = service.open(Caller(user_id=mine), theirs, again)
    assert (done.record, done.replayed, done.changed) == (opened, same_request, False)
    assert backup.conversations.load([opened.id]) == {opened.id: opened}


def test_a_cart_that_was_joined_is_closed_in_both_stores_before_the_other_takes_it_over(
    primary: Stores, backup: Stores, both: Repositories
) -> None:
    tokens = RecordTokens("secret", "cart")
    carts = CartService(both.carts, None, tokens, timedelta(days=9), now=at)  # type: ignore[arg-type]
    into, source = both.carts.save(cart()), both.carts.save(cart())
    closed = primary.carts.accept(
        replace(source.closed_as(CartState.JOINED, into.id), op_id=new_op_id())
    )
    owners = [Caller(record_token=carts.access_token(each.id)) for each in (into, source)]
    joined = carts.join(into.id, Operation.without_key(), source.id, *owners)
    assert len(joined.record.active_lines) == len(into.active_lines) + len(source.active_lines)
    assert backup.carts.load([source.id]) == {source.id: closed}


def test_somebody_who_was_erased_already_is_erased_in_both_stores(
    primary: Stores, backup: Stores, both: Repositories
) -> None:
    recognition = PhoneIdentity("secret", "DE")
    service = CustomerService(
        both.customers, both.orders, both.users, both.conflicts, recognition, ()
    )
    known = both.customers.save(customer())
    left = blank(known, at(1)).with_changes(op_id=new_op_id(), now=at(1))
    erased = primary.customers.accept(left)
    done = service.erase(known.id, Operation.without_key())
    assert (done.replayed, done.changed) == (False, False)
    assert backup.customers.load([known.id]) == {known.id: erased}


def test_a_change_that_finds_itself_done_is_in_both_stores_before_it_is_acknowledged(
    primary: Stores, backup: Stores, both: Repositories
) -> None:
    first = both.menu_items.save(menu_item(price=100))
    changed = primary.menu_items.accept(first.with_changes(op_id=new_op_id(), now=at(1), price=200))

    def change(item: Any) -> Any:
        return item if item.price == 200 else item.with_changes(op_id="", now=at(2), price=200)

    done = update_and_confirm(both.menu_items, first.id, new_op_id(), change)
    assert (done.record, done.replayed, done.changed) == (changed, False, False)
    assert backup.menu_items.load([first.id])[first.id] == changed
