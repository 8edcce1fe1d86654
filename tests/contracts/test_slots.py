"""The contract of `Slots`: how many orders a slot takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dinerapp.ordering.domain.orders import Status
from dinerapp.ordering.domain.slots import slot_key
from dinerapp.replication.errors import Exhausted
from dinerapp.replication.identity import new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, identical, run_concurrently
from tests.factories import at, order, slot


def scheduled(starts_at: Any) -> Any:
    made = order()
    return replace(made, fulfilment=replace(made.fulfilment, slot=starts_at))


@over_what_answers_questions
class TestSlots:
    """Slots, counted."""

    def test_a_slot_comes_back_as_it_was(self, repositories: Repositories) -> None:
        saved = repositories.slots.save(slot(notes="a party"))
        assert identical(repositories.slots.get(saved.id), saved)

    def test_a_slot_takes_as_many_orders_as_it_has_places(self, repositories: Repositories) -> None:
        start = repositories.slots.save(slot(capacity=2)).starts_at
        first = repositories.orders.save(scheduled(start))
        repositories.orders.save(scheduled(start))
        with pytest.raises(Exhausted) as refused:
            repositories.orders.save(scheduled(start))
        assert refused.value.key == slot_key(start)
        repositories.orders.save(
            first.with_status(
                Status.CANCELLED, actor="a", reason=None, op_id=new_op_id(), now=at(2)
            )
        )
        repositories.orders.save(scheduled(start))
        assert repositories.orders.usage([slot_key(start)])[slot_key(start)].reserved == 2

    def test_a_slot_that_is_closed_keeps_the_orders_it_has(
        self, repositories: Repositories
    ) -> None:
        saved = repositories.slots.save(slot(capacity=1))
        kept = repositories.orders.save(scheduled(saved.starts_at))
        repositories.slots.save(saved.with_changes(op_id=new_op_id(), now=at(1), capacity=0))
        with pytest.raises(Exhausted):
            repositories.orders.save(scheduled(saved.starts_at))
        moved = kept.with_status(
            Status.CONFIRMED, actor="a", reason=None, op_id=new_op_id(), now=at(2)
        )
        assert repositories.orders.save(moved).status is Status.CONFIRMED

    def test_many_at_once_do_not_get_more_places_than_there_are(
        self, repositories: Repositories
    ) -> None:
        start = repositories.slots.save(slot(capacity=3)).starts_at
        tries = [lambda: repositories.orders.save(scheduled(start)) for _ in range(8)]
        results = run_concurrently(tries)
        taken = [result for result in results if not isinstance(result, Exception)]
        assert len(taken) <= 3
        assert repositories.orders.usage([slot_key(start)])[slot_key(start)].reserved == len(taken)
