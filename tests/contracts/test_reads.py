"""The contract of `ReadMarkers`: what it asks beyond the common base."""

from __future__ import annotations

from dinerapp.replication.identity import new_id, new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, message, read_marker

ONE = new_id()


@over_what_answers_questions
class TestReads:
    """Who has read how far in a room."""

    def test_pages_hold_everybody_who_has_read_in_a_room_once(
        self, repositories: Repositories
    ) -> None:
        kept = repositories.reads
        saved = [kept.save(read_marker(room_id=ONE, created_at=at(n))) for n in range(5)]
        kept.save(read_marker())
        assert ids(all_pages(lambda after, n: kept.page(ONE, after, n), 2)) == ids(saved[::-1])

    def test_a_place_comes_back_as_it_was_moved_to(self, repositories: Repositories) -> None:
        saved, to = repositories.reads.save(read_marker()), message(created_at=at(5))
        moved = repositories.reads.save(saved.with_message(to, op_id=new_op_id(), now=at(6)))
        assert repositories.reads.get(saved.id) == moved
        assert moved.position == (to.created_at, to.id)
