"""The contract of `Tills`: what it asks beyond the common base."""

from __future__ import annotations

from functools import partial

from dinerapp.replication.identity import new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, till


@over_what_answers_questions
class TestTills:
    """Tills in pages, open and closed."""

    def test_there_are_no_tills_at_first(self, repositories: Repositories) -> None:
        assert repositories.tills.page(None, None, 10).items == ()

    def test_open_and_closed_ones_are_told_apart(self, repositories: Repositories) -> None:
        saved = [repositories.tills.save(till(created_at=at(n))) for n in range(4)]
        for each in saved[:2]:
            repositories.tills.save(
                each.as_closed(
                    by="eve", expected=5, counted=4, notes=None, op_id=new_op_id(), now=at(9)
                )
            )
        assert ids(repositories.tills.page(True, None, 10).items) == ids([saved[3], saved[2]])
        assert ids(repositories.tills.page(False, None, 10).items) == ids([saved[1], saved[0]])
        assert ids(all_pages(partial(repositories.tills.page, None), 3)) == ids(saved[::-1])
