"""The contract of `Carts`: what it asks beyond the common base, and how two states become one."""

from __future__ import annotations

from dinerapp.ordering.domain.carts import CartState
from dinerapp.replication.identity import new_id, new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, identical, ids
from tests.factories import at, cart, cart_line


@over_what_answers_questions
class TestCarts:
    """Carts of an account, and those whose time is over."""

    def test_a_cart_comes_back_as_it_was(self, repositories: Repositories) -> None:
        lines = (
            cart_line(quantity=3, options=("large", "hot"), notes="no onions"),
            cart_line(quantity=0, revision=4),
        )
        made = cart(lines=lines, absorbed=(new_id(),), user_id=new_id())
        saved = repositories.carts.save(made)
        assert identical(repositories.carts.get(made.id), saved)
        assert saved.lines == lines

    def test_an_account_has_its_own_carts_newest_first(self, repositories: Repositories) -> None:
        mine, theirs = new_id(), new_id()
        own = [repositories.carts.save(cart(user_id=mine, created_at=at(n))) for n in range(5)]
        for user_id in (theirs, None):
            repositories.carts.save(cart(user_id=user_id))

        def pages(after: object, limit: int) -> object:
            return repositories.carts.page_of(mine, after, limit)

        assert ids(all_pages(pages, 2)) == ids(own[::-1])

    def test_a_cart_that_was_thrown_away_is_in_no_list(self, repositories: Repositories) -> None:
        saved = repositories.carts.save(cart(user_id=new_id()))
        repositories.carts.delete(saved.with_changes(op_id=new_op_id(), now=at(1)))
        assert repositories.carts.page_of(saved.user_id, None, 10).items == ()
        assert not repositories.carts.expired(at(10_000), 10)

    def test_carts_whose_time_is_over_are_found_the_longest_gone_first(
        self, repositories: Repositories
    ) -> None:
        saved = [repositories.carts.save(cart(expires_at=at(n))) for n in (30, 10, 20, 40)]
        assert ids(repositories.carts.expired(at(30), 10)) == ids([saved[1], saved[2], saved[0]])
        assert ids(repositories.carts.expired(at(30), 2)) == ids([saved[1], saved[2]])
        assert ids(repositories.carts.expired(at(9), 2)) == []

    def test_what_has_become_of_a_cart_is_kept(self, repositories: Repositories) -> None:
        saved = repositories.carts.save(cart())
        ordered = saved.closed_as(CartState.ORDERED, new_id())
        repositories.carts.save(ordered.with_changes(op_id=new_op_id(), now=at(1)))
        assert repositories.carts.get(saved.id).state is CartState.ORDERED
