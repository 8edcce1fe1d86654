"""The contract of `Webhooks`: what it asks beyond the common base."""

from __future__ import annotations

from dinerapp.replication.identity import new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, webhook


@over_what_answers_questions
class TestWebhooks:
    """Webhooks in pages, and those that listen."""

    def test_pages_hold_every_webhook_once(self, repositories: Repositories) -> None:
        saved = [repositories.webhooks.save(webhook(created_at=at(n))) for n in range(5)]
        assert ids(all_pages(repositories.webhooks.page, 2)) == ids(saved[::-1])
        assert repositories.webhooks.page(None, 10).next_cursor is None

    def test_only_active_webhooks_listen(self, repositories: Repositories) -> None:
        active = [repositories.webhooks.save(webhook()) for _ in range(2)]
        repositories.webhooks.save(webhook(active=False))
        gone = repositories.webhooks.save(webhook())
        repositories.webhooks.delete(gone.with_changes(op_id=new_op_id(), now=at(1)))
        assert ids(repositories.webhooks.listening()) == sorted(ids(active))
