"""The contract of `Repository`: what a record was made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dinerapp.replication.errors import Replayed, StaleReadSet
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.repository import ReadVersion
from dinerapp.replication.version import StoreId
from tests.contracts.over import over_everything
from tests.contracts.samples import Repositories
from tests.factories import at, menu_item, order


@over_everything
class TestBasis:
    """What a record was made from, looked at where the record is accepted."""

    def test_what_was_made_from_the_latest_states_is_kept(self, repositories: Repositories) -> None:
        read = [repositories.menu_items.save(menu_item()) for _ in range(2)]
        saved = repositories.orders.save(order(notes="first"), seen(*read))
        saved = repositories.orders.save(with_notes(saved, "second"), seen(*read))
        assert repositories.orders.get(saved.id).notes == "second"

    @pytest.mark.parametrize("change", [{"price": 1}, {"deleted": True}], ids=str)
    def test_what_was_made_from_something_that_has_moved_on_is_not(
        self, repositories: Repositories, change: dict[str, Any]
    ) -> None:
        other, read = (repositories.menu_items.save(menu_item()) for _ in range(2))
        saved = repositories.orders.save(order(notes="first"), seen(other, read))
        repositories.menu_items.save(read.with_changes(op_id=new_op_id(), now=at(1), **change))
        for made in (order(), with_notes(saved, "second")):
            with pytest.raises(StaleReadSet):
                repositories.orders.save(made, seen(other, read))
        assert set(repositories.orders.get_many([made.id, saved.id])) == {saved.id}
        assert repositories.orders.get(saved.id) == saved
        assert repositories.orders.save(order(), seen(other)).version.revision == 1

    def test_a_store_may_know_less_of_it_than_the_caller(self, repositories: Repositories) -> None:
        here, unknown = repositories.menu_items.save(menu_item()), menu_item()
        newer = replace(here, version=here.version.incremented(StoreId.NOCODB))
        assert repositories.orders.save(order(), seen(newer, unknown)).version.revision == 1

    def test_a_repeated_operation_is_one_whatever_has_moved_on(
        self, repositories: Repositories
    ) -> None:
        read, new = repositories.menu_items.save(menu_item()), order()
        saved = repositories.orders.save(new, seen(read))
        repositories.menu_items.save(read.with_changes(op_id=new_op_id(), now=at(1), price=1))
        with pytest.raises(Replayed) as replayed:
            repositories.orders.save(new, seen(read))
        assert replayed.value.stored == saved


def seen(*items: Any) -> list[ReadVersion]:
    """Dishes as they were read."""
    return [ReadVersion("menu_items", item.id, item.version) for item in items]


def with_notes(record: Any, notes: str) -> Any:
    return record.with_changes(op_id=new_op_id(), now=at(1), notes=notes)
