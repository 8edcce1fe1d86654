"""A store where others were always faster is a store that is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dinerapp.replication.errors import Contended, NoStoreAvailable, NotFound, OutcomeUnknown
from dinerapp.replication.version import StoreId
from tests.contracts.conftest import compose_stores, reference_stores
from tests.contracts.samples import Repositories
from tests.factories import order


def failing(error: Exception) -> Callable[..., Any]:
    def accept(*_args: Any, **_options: Any) -> Any:
        raise error

    return accept


@pytest.fixture
def both() -> tuple[Any, Any, Repositories]:
    one, other = reference_stores(StoreId.POSTGRESQL), reference_stores(StoreId.MONGODB)
    return one.orders, other.orders, compose_stores(one, other)


def test_contention_moves_nothing_to_the_other_store(both: Any) -> None:
    primary, backup, repositories = both
    primary.accept = failing(Contended("postgresql", "others were faster"))
    wanted = order()
    with pytest.raises(Contended):
        repositories.orders.save(wanted)
    assert backup.load([wanted.id]) == {}
    assert all(side.health.is_up for side in repositories.orders.stores)


def test_after_a_lost_answer_contention_leaves_the_outcome_open(both: Any) -> None:
    primary, backup, repositories = both
    primary.accept = failing(OutcomeUnknown("postgresql", "cut off"))
    backup.accept = failing(Contended("mongodb", "others were faster"))
    with pytest.raises(NoStoreAvailable):
        repositories.orders.save(order())
    [lost, well] = repositories.orders.stores
    assert not lost.health.is_up
    assert well.health.is_up


def test_what_is_left_of_a_deleted_record_tells_who_deleted_it(both: Any) -> None:
    _, _, repositories = both
    kept = repositories.orders.save(order())
    deletion = kept.with_changes(op_id="d" * 32, now=kept.updated_at)
    repositories.orders.delete(deletion)
    with pytest.raises(NotFound) as missing:
        repositories.orders.get(kept.id)
    assert missing.value.tombstone.has_applied(deletion.op_id)
