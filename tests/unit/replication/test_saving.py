"""Records are made once for one operation, whatever has become of the rules since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dinerapp.ordering.domain.menu import Category
from dinerapp.replication.errors import (
    Exhausted,
    KeyReused,
    NotFound,
    RuleViolation,
    StoreUnavailable,
)
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.saving import create_idempotently, upsert_with_retry
from dinerapp.replication.version import StoreId
from tests.contracts.conftest import compose_stores, reference_stores
from tests.contracts.samples import Stores
from tests.factories import at, category

BOUGHT = Operation.from_key("test", "a key", b"{}")


@pytest.fixture
def primary() -> Stores:
    return reference_stores(StoreId.MONGODB)


@pytest.fixture
def backup() -> Stores:
    return reference_stores(StoreId.POSTGRESQL)


@pytest.fixture
def categories(primary: Stores, backup: Stores) -> Any:
    return compose_stores(primary, backup).categories


def made(operation: Operation = BOUGHT) -> Category:
    return category(id=operation.record_id, op_id=operation.op_id)


def refusing(failure: Exception) -> Callable[[], Category]:
    def create() -> Category:
        raise failure

    return create


REFUSALS = [RuleViolation("we are closed"), Exhausted("stock"), NotFound("menu_items", "x")]


def test_a_repeated_creation_is_answered_with_the_record_of_the_first(categories: Any) -> None:
    first = create_idempotently(categories, BOUGHT, lambda: categories.save(made()))
    again = create_idempotently(categories, BOUGHT, lambda: categories.save(made()))
    assert (first.changed, first.replayed) == (True, False)
    assert (again.changed, again.replayed, again.record) == (False, True, first.record)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda it: type(it).__name__)
def test_a_rule_that_came_after_the_first_try_does_not_undo_it(
    categories: Any, refusal: Exception
) -> None:
    first = categories.save(made())
    again = create_idempotently(categories, BOUGHT, refusing(refusal))
    assert (again.changed, again.replayed, again.record) == (False, True, first)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda it: type(it).__name__)
def test_what_was_never_made_is_refused_by_the_rule(categories: Any, refusal: Exception) -> None:
    with pytest.raises(type(refusal)):
        create_idempotently(categories, BOUGHT, refusing(refusal))


def test_a_key_that_made_something_else_is_refused_whatever_the_rule_says(categories: Any) -> None:
    categories.save(made())
    other = Operation.from_key("test", "a key", b'{"another": "body"}')
    for create in (lambda: categories.save(made(other)), refusing(REFUSALS[0])):
        with pytest.raises(KeyReused):
            create_idempotently(categories, other, create)


def test_a_store_that_does_not_answer_says_nothing_of_earlier_tries(categories: Any) -> None:
    categories.save(made())
    with pytest.raises(StoreUnavailable):
        create_idempotently(categories, BOUGHT, refusing(StoreUnavailable("mongodb", "gone")))


def test_an_earlier_try_is_acknowledged_when_both_stores_have_its_record(
    categories: Any, primary: Stores, backup: Stores
) -> None:
    # The process died when one store had accepted it, and before the other one got it.
    accepted = primary.categories.accept(made())
    assert create_idempotently(categories, BOUGHT, refusing(REFUSALS[0])).replayed
    assert backup.categories.load([accepted.id]) == {accepted.id: accepted}


def renaming(op_id: str) -> Callable[[Category], Category]:
    return lambda it: it.with_changes(op_id=op_id, now=at(1), name="Soups")


def test_a_change_of_what_is_not_there_yet_makes_it(categories: Any) -> None:
    first, op_id = category(id=new_id()), new_op_id()
    done = upsert_with_retry(categories, first.id, op_id, renaming(op_id), lambda: first)
    assert categories.get(first.id) == done.record
    assert done.record.name == first.name
    again = upsert_with_retry(categories, first.id, op_id, renaming(op_id), lambda: first)
    assert again.record.name == "Soups"


def test_whoever_comes_second_in_making_it_changes_it(categories: Any) -> None:
    first, op_id = category(id=new_id()), new_op_id()

    def create() -> Category:
        categories.save(replace(first, op_id=new_op_id()))
        return first

    done = upsert_with_retry(categories, first.id, op_id, renaming(op_id), create)
    assert done.record.name == "Soups"
