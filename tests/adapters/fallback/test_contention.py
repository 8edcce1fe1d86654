"""A store where others were always faster is a store that is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dinerapp.replication.errors import Contended, NotFound, NothingAvailable, OutcomeUnknown
from dinerapp.replication.version import Place
from tests.contracts.conftest import composed, reference_stores
from tests.contracts.subjects import Repositories
from tests.makers import order


def failing(error: Exception) -> Callable[..., Any]:
    def accept(*_args: Any, **_options: Any) -> Any:
        raise error

    return accept


@pytest.fixture
def both() -> tuple[Any, Any, Repositories]:
    one, other = reference_stores(Place.POSTGRESQL), reference_stores(Place.MONGODB)
    return one.orders, other.orders, composed(one, other)


def test_contention_moves_nothing_to_the_other_store(both: Any) -> None:
    primary, backup, repositories = both
    primary.accept = failing(Contended("postgresql", "others were faster"))
    wanted = order()
    with pytest.raises(Contended):
        repositories.orders.save(wanted)
    assert backup.load([wanted.id]) == {}
    assert all(side.breaker.is_up for side in repositories.orders.sides)


def test_after_a_lost_answer_contention_leaves_the_outcome_open(both: Any) -> None:
    primary, backup, repositories = both
    primary.accept = failing(OutcomeUnknown("postgresql", "cut off"))
    backup.accept = failing(Contended("mongodb", "others were faster"))
    with pytest.raises(NothingAvailable):
        repositories.orders.save(order())
    [lost, well] = repositories.orders.sides
    assert not lost.breaker.is_up
    assert well.breaker.is_up


def test_what_is_left_of_a_deleted_record_tells_who_deleted_it(both: Any) -> None:
    _, _, repositories = both
    kept = repositories.orders.save(order())
    deletion = kept.changed(op_id="d" * 32, now=kept.updated_at)
    repositories.orders.delete(deletion)
    with pytest.raises(NotFound) as missing:
        repositories.orders.get(kept.id)
    assert missing.value.gone.has_done(deletion.op_id)
