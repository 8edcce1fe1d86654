"""The contract of `Repository`: unique values."""

from __future__ import annotations

import pytest

from dinerapp.replication.errors import DuplicateKey, Replayed, StaleVersion
from dinerapp.replication.identity import new_op_id
from tests.contracts.over import over_everything
from tests.contracts.samples import Repositories
from tests.factories import at, menu_item


@over_everything
class TestUniqueKeys:
    """Values that no two living records of a kind share."""

    def test_a_value_that_is_taken_is_refused(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        first = items.save(menu_item(slug="soup"))
        second = menu_item(slug="soup")
        with pytest.raises(DuplicateKey) as refused:
            items.save(second)
        assert refused.value.field == "slug"
        assert items.get_many([first.id, second.id]) == {first.id: first}

    def test_a_value_cannot_be_taken_by_a_change_either(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        items.save(menu_item(slug="soup"))
        stew = items.save(menu_item(slug="stew"))
        with pytest.raises(DuplicateKey):
            items.save(stew.with_changes(op_id=new_op_id(), now=at(1), slug="soup"))
        assert items.get(stew.id) == stew

    def test_a_record_keeps_its_own_value(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        soup = items.save(menu_item(slug="soup"))
        dearer = items.save(soup.with_changes(op_id=new_op_id(), now=at(1), price=999))
        assert items.get(soup.id) == dearer

    def test_a_value_is_free_again_once_its_record_is_deleted(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        old = items.save(menu_item(slug="soup"))
        items.delete(old.with_changes(op_id=new_op_id(), now=at(1)))
        new = items.save(menu_item(slug="soup"))
        assert items.get(new.id).slug == "soup"

    def test_a_value_is_free_again_once_its_record_has_another(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        old = items.save(menu_item(slug="soup"))
        items.save(old.with_changes(op_id=new_op_id(), now=at(1), slug="broth"))
        new = items.save(menu_item(slug="soup"))
        assert items.get(new.id).slug == "soup"

    def test_a_creation_tried_again_is_a_replay_even_if_its_value_is_taken_by_now(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        creation = menu_item(slug="soup")
        renamed = items.save(
            items.save(creation).with_changes(op_id=new_op_id(), now=at(1), slug="broth")
        )
        items.save(menu_item(slug="soup"))
        with pytest.raises(Replayed) as again:
            items.save(creation)
        assert again.value.stored == renamed

    def test_a_stale_change_is_stale_even_if_its_value_is_taken(
        self, repositories: Repositories
    ) -> None:
        items = repositories.menu_items
        items.save(menu_item(slug="soup"))
        first = items.save(menu_item(slug="stew"))
        items.save(first.with_changes(op_id=new_op_id(), now=at(1), price=1))
        with pytest.raises(StaleVersion):
            items.save(first.with_changes(op_id=new_op_id(), now=at(1), slug="soup"))

    def test_values_that_only_look_alike_are_different(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        slugs = ["soup", "Soup", "soup ", "so\u0301up", "s\u00f3up", ""]
        saved = [items.save(menu_item(slug=slug)) for slug in slugs]
        assert items.get_many([item.id for item in saved]) == {item.id: item for item in saved}
