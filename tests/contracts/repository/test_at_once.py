"""The contract of `Repository`: many who ask at the same time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dinerapp.replication.errors import (
    AlreadyExists,
    DuplicateKey,
    Exhausted,
    Replayed,
    StaleVersion,
)
from dinerapp.replication.identity import new_id
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_shared_repositories
from tests.contracts.samples import Repositories, Sample, held, run_concurrently
from tests.factories import menu_item, order, stocked_order


@over_shared_repositories
@of_every_kind
class TestSharedRepository:
    """What holds when many ask at once."""

    def test_of_writers_of_one_state_exactly_one_wins(
        self, repository: Any, sample: Sample
    ) -> None:
        record = repository.save(sample.make())
        for round_number in range(3):
            changes = [sample.with_text(record, f"{round_number}:{n}") for n in range(8)]
            results = run_concurrently([partial(repository.save, change) for change in changes])
            won = [result for result in results if not isinstance(result, Exception)]
            lost = [result for result in results if isinstance(result, Exception)]
            assert len(won) == 1
            assert [type(error) for error in lost] == [StaleVersion] * 7
            record = repository.get(record.id)
            assert record == won[0]
            assert record.version.revision == round_number + 2

    def test_of_creators_of_one_id_exactly_one_wins(self, repository: Any, sample: Sample) -> None:
        for _ in range(3):
            record_id = new_id()
            tries = [partial(repository.save, sample.make(id=record_id)) for _ in range(8)]
            results = run_concurrently(tries)
            won = [result for result in results if not isinstance(result, Exception)]
            lost = [result for result in results if isinstance(result, Exception)]
            assert won == [repository.get(record_id)]
            assert [type(error) for error in lost] == [AlreadyExists] * 7

    def test_one_operation_tried_by_many_is_done_once(
        self, repository: Any, sample: Sample
    ) -> None:
        for _ in range(3):
            record = sample.make()
            results = run_concurrently([partial(repository.save, record)] * 8)
            done = [result for result in results if not isinstance(result, Exception)]
            replays = [result for result in results if isinstance(result, Exception)]
            assert done == [repository.get(record.id)]
            assert done[0].version.revision == 1
            assert [type(error) for error in replays] == [Replayed] * 7


@over_shared_repositories
class TestSharedStock:
    """Counted things and unique values when many ask at once."""

    def test_twenty_guests_get_exactly_the_last_five_pieces(
        self, repositories: Repositories
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        results = run_concurrently([buying(repositories, item.id) for _ in range(20)])
        assert sum(isinstance(result, Exhausted) for result in results) == 15
        sold = [result for result in results if not isinstance(result, Exception)]
        assert len(sold) == 5
        assert held(repositories, item.id) == 5
        assert len(repositories.orders.get_many([each.id for each in sold])) == 5

    def test_orders_of_the_same_items_in_any_order_do_not_block_each_other(
        self, repositories: Repositories
    ) -> None:
        items = [repositories.menu_items.save(menu_item(stock_limit=1000)) for _ in range(4)]
        lines = tuple(stocked_order(item.id).lines[0] for item in items)
        turns = [lines[n % 4 :] + lines[: n % 4] for n in range(24)]
        calls = [partial(repositories.orders.save, order(order_lines=turn)) for turn in turns]
        calls += [partial(repositories.orders.save, order(order_lines=t[::-1])) for t in turns]
        results = run_concurrently(calls)
        assert [result for result in results if isinstance(result, Exception)] == []
        assert {held(repositories, item.id) for item in items} == {48}

    def test_one_value_taken_by_many_at_once_has_one_holder(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        results = run_concurrently([partial(items.save, menu_item(slug="soup")) for _ in range(8)])
        won = [result for result in results if not isinstance(result, Exception)]
        lost = [result for result in results if isinstance(result, Exception)]
        assert len(won) == 1
        assert [type(error) for error in lost] == [DuplicateKey] * 7


def buying(repositories: Repositories, item_id: str) -> Callable[[], Any]:
    """One guest's attempt at one piece."""
    return partial(repositories.orders.save, stocked_order(item_id))
