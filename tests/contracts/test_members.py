"""The contract of `Members`: what it asks beyond the common base."""

from __future__ import annotations

from dinerapp.replication.identity import new_id, new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, member

ONE, OTHER = new_id(), new_id()


@over_what_answers_questions
class TestMembers:
    """Active members of a server and active memberships of a user, in pages."""

    def test_pages_hold_every_member_of_a_server_once(self, repositories: Repositories) -> None:
        kept = repositories.members
        saved = [kept.save(member(server_id=ONE, created_at=at(n))) for n in range(5)]
        kept.save(member(server_id=OTHER))
        assert ids(all_pages(lambda after, n: kept.page(ONE, after, n), 2)) == ids(saved[::-1])

    def test_pages_hold_every_membership_of_a_user_once(self, repositories: Repositories) -> None:
        kept = repositories.members
        saved = [kept.save(member(user_id=ONE, created_at=at(n))) for n in range(5)]
        kept.save(member(user_id=OTHER))
        assert ids(all_pages(lambda after, n: kept.page_of(ONE, after, n), 2)) == ids(saved[::-1])

    def test_whoever_left_or_was_put_out_is_in_no_list_until_they_come_back(
        self, repositories: Repositories
    ) -> None:
        kept = repositories.members
        left, kicked = (kept.save(member(server_id=ONE, user_id=OTHER)) for _ in range(2))
        left = kept.save(left.as_left(op_id=new_op_id(), now=at(1)))
        kept.save(kicked.as_kicked("code", op_id=new_op_id(), now=at(1)))
        assert kept.page(ONE, None, 10).items == kept.page_of(OTHER, None, 10).items == ()
        back = kept.save(left.as_rejoined("code", op_id=new_op_id(), now=at(2)))
        assert ids(kept.page(ONE, None, 10).items) == [back.id]
