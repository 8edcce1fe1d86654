"""A write that is acknowledged again is in both stores, whoever died after the first try."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dinerapp.replication.identity import new_op_id
from dinerapp.replication.saving import update_with_retry
from dinerapp.replication.version import StoreId
from tests.contracts.conftest import compose_stores, reference_stores
from tests.factories import at, menu_item


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
