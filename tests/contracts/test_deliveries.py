"""The contract of `Deliveries`: what it asks beyond the common base."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.webhooks.domain.deliveries import Attempt, DeliveryState
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, delivery

ONE, OTHER = new_id(), new_id()


def attempt(status: int) -> Attempt:
    return Attempt(at=at(1), duration_ms=12, status=status)


def tried(record: Any, status: int, wait: timedelta | None = None) -> Any:
    """The record after a try that was answered with the status."""
    return record.with_attempt(attempt(status), wait, op_id=new_op_id(), now=at(2))


@over_what_answers_questions
class TestDeliveries:
    """Deliveries of a webhook in pages, what is due, and what is old."""

    def test_pages_hold_every_delivery_of_a_webhook_once(self, repositories: Repositories) -> None:
        kept = repositories.deliveries
        saved = [kept.save(delivery(webhook_id=ONE, created_at=at(n))) for n in range(5)]
        kept.save(delivery(webhook_id=OTHER))
        assert ids(all_pages(lambda after, n: kept.page(ONE, None, after, n), 2)) == ids(
            saved[::-1]
        )
        assert ids(kept.page(new_id(), None, None, 10).items) == []

    @pytest.mark.parametrize("webhook_id", ["", "\0", "\ud800", "x" * 10_000])
    def test_a_webhook_that_cannot_be_has_no_deliveries(
        self, repositories: Repositories, webhook_id: str
    ) -> None:
        assert repositories.deliveries.page(webhook_id, None, None, 10).items == ()

    def test_pages_can_be_of_one_state(self, repositories: Repositories) -> None:
        kept = repositories.deliveries
        pending, delivered, given_up = (kept.save(delivery(webhook_id=ONE)) for _ in range(3))
        kept.save(tried(delivered, 204))
        kept.save(tried(given_up, 500))
        found = {s: ids(kept.page(ONE, s, None, 10).items) for s in DeliveryState}
        assert found == {
            DeliveryState.PENDING: [pending.id],
            DeliveryState.DELIVERED: [delivered.id],
            DeliveryState.GIVEN_UP: [given_up.id],
        }

    def test_what_is_due_comes_longest_due_first(self, repositories: Repositories) -> None:
        kept = repositories.deliveries
        saved = [kept.save(delivery(webhook_id=ONE, due=at(n))) for n in (3, 1, 2, 9)]
        other = kept.save(delivery(webhook_id=OTHER, due=at(0)))
        due = ids([other, saved[1], saved[2], saved[0]])
        assert ids(kept.due(at(3), 10)) == due
        assert ids(kept.due(at(3), 2)) == due[:2]
        assert ids(kept.due(at(3), 10, [OTHER, new_id()])) == due[1:]

    def test_what_is_finished_or_put_off_is_not_due(self, repositories: Repositories) -> None:
        kept = repositories.deliveries
        delivered, given_up, put_off, purged = (kept.save(delivery()) for _ in range(4))
        kept.save(tried(delivered, 200))
        kept.save(tried(given_up, 404))
        kept.save(tried(put_off, 503, timedelta(seconds=60)))
        kept.save(purged.as_deleted(op_id=new_op_id(), now=at(1)))
        assert kept.due(at(50), 10) == []
        assert ids(kept.due(at(100), 10)) == [put_off.id]

    def test_old_ones_are_found_whatever_became_of_them(self, repositories: Repositories) -> None:
        kept = repositories.deliveries
        saved = [kept.save(delivery(created_at=at(n))) for n in (2, 0, 1, 3)]
        kept.save(tried(saved[1], 200))
        kept.save(saved[2].as_deleted(op_id=new_op_id(), now=at(5)))
        assert ids(kept.made_before(at(3), 10)) == ids([saved[1], saved[0]])
        assert ids(kept.made_before(at(3), 1)) == [saved[1].id]

    def test_what_was_tried_is_kept(self, repositories: Repositories) -> None:
        kept = repositories.deliveries
        saved = kept.save(delivery())
        failed = Attempt(at=at(1), duration_ms=7, error="connection refused")
        after = saved.with_attempt(failed, timedelta(seconds=3), op_id=new_op_id(), now=at(2))
        kept.save(after)
        found = kept.get(saved.id)
        assert (found.attempts, found.tries, found.due) == ((failed,), 1, at(5))
        assert found.payload == saved.payload
