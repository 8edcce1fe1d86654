"""The contract of `Conversations`: what it asks beyond the common base."""

from __future__ import annotations

import pytest

from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import new_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, conversation

ADA, BOB, EVE = new_id(), new_id(), new_id()


@over_what_answers_questions
class TestConversations:
    """Conversations of whoever takes part in them."""

    def test_pages_hold_every_conversation_of_a_user_once(self, repositories: Repositories) -> None:
        kept = repositories.conversations
        pairs = [(ADA, BOB), (EVE, ADA), (new_id(), ADA), (ADA, new_id()), (ADA, EVE)]
        saved = [
            kept.save(conversation(user_ids=pair, created_at=at(n))) for n, pair in enumerate(pairs)
        ]
        kept.save(conversation(user_ids=(BOB, EVE)))
        assert ids(all_pages(lambda after, n: kept.page(ADA, after, n), 2)) == ids(saved[::-1])
        assert kept.page(new_id(), None, 10).items == ()

    @pytest.mark.parametrize("user_ids", [(), (ADA,), (ADA, ADA), (ADA, BOB, EVE)])
    def test_it_takes_two(self, repositories: Repositories, user_ids: tuple[str, ...]) -> None:
        with pytest.raises(InvalidRecord):
            repositories.conversations.save(conversation(user_ids=user_ids))
