"""The contract of `MenuItems` and `Categories`: what they ask beyond the common base."""

from __future__ import annotations

from itertools import product

import pytest

from dinerapp.ordering.domain.hours import parse_hours
from dinerapp.ordering.domain.menu import Option, OptionGroup
from dinerapp.replication.identity import new_id, new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, identical, ids
from tests.factories import LONG_WORD, MAINS_ID, at, category, menu_item

NAMES = [
    "Zander",
    "apple",
    "Äpfel",
    "Apple",
    "_",
    "10",
    "9",
    "éclair",
    "e\u0301clair",
    "🍕",
    "ﬀ",
    "",
]


HOURS = parse_hours("mon-fri 11:00-15:00; sat 22:30-02:00")


@over_what_answers_questions
class TestCategories:
    """The parts of the menu."""

    def test_categories_come_in_the_order_of_the_menu(self, repositories: Repositories) -> None:
        places = list(product([2, -1, 10], ["b", "Ähnliches", "B", "a"]))
        saved = [
            repositories.categories.save(category(position=position, name=name))
            for position, name in [*places[::-1], *places]
        ]
        expected = sorted(saved, key=lambda each: (each.position, each.name, each.id))
        assert list(repositories.categories.all()) == expected

    def test_deleted_categories_are_not_on_the_menu(self, repositories: Repositories) -> None:
        kept, gone = (repositories.categories.save(category()) for _ in range(2))
        repositories.categories.delete(gone.with_changes(op_id=new_op_id(), now=at(1)))
        assert list(repositories.categories.all()) == [kept]

    def test_a_category_comes_back_with_everything_it_says(
        self, repositories: Repositories
    ) -> None:
        saved = repositories.categories.save(category(hours=HOURS, description="only at noon"))
        assert saved.hours == HOURS
        assert identical(repositories.categories.get(saved.id), saved)


@over_what_answers_questions
class TestMenuItems:
    """The whole menu."""

    def test_an_empty_menu_has_no_items(self, repositories: Repositories) -> None:
        assert list(repositories.menu_items.all()) == []

    def test_every_item_comes_in_the_order_of_the_menu(self, repositories: Repositories) -> None:
        places = list(product(["Mains", "drinks", "Ähnliches"], [2, -1, 10], ["b", "B", "a"]))
        saved = [
            repositories.menu_items.save(menu_item(category_id=group, position=position, name=name))
            for group, position, name in [*places[::-1], *places]
        ]
        expected = sorted(saved, key=lambda i: (i.category_id, i.position, i.name, i.id))
        assert list(repositories.menu_items.all()) == expected

    @pytest.mark.parametrize("field", ["name", "category_id"])
    def test_words_of_all_languages_are_in_the_same_order_everywhere(
        self, repositories: Repositories, field: str
    ) -> None:
        saved = [repositories.menu_items.save(menu_item(**{field: name})) for name in NAMES]
        found = repositories.menu_items.all()
        assert [getattr(item, field) for item in found] == sorted(NAMES)
        assert {item.id: item for item in found} == {item.id: item for item in saved}

    def test_deleted_items_are_not_on_the_menu(self, repositories: Repositories) -> None:
        kept, gone = (repositories.menu_items.save(menu_item()) for _ in range(2))
        repositories.menu_items.delete(gone.with_changes(op_id=new_op_id(), now=at(1)))
        assert list(repositories.menu_items.all()) == [kept]

    def test_items_that_are_not_available_are(self, repositories: Repositories) -> None:
        saved = repositories.menu_items.save(menu_item(available=False))
        assert list(repositories.menu_items.all()) == [saved]

    def test_an_item_shows_its_latest_state(self, repositories: Repositories) -> None:
        saved = repositories.menu_items.save(menu_item())
        dearer = repositories.menu_items.save(
            saved.with_changes(op_id=new_op_id(), now=at(1), price=9)
        )
        assert list(repositories.menu_items.all()) == [dearer]

    def test_an_item_comes_back_with_everything_it_says(self, repositories: Repositories) -> None:
        groups = tuple(
            OptionGroup(
                id=new_id(),
                name=name,
                min=0,
                max=2**40,
                options=(Option(id=new_id(), name="more", price=-50), Option(id="x", name="")),
            )
            for name in ("Sauce", "Größe")
        )
        saved = repositories.menu_items.save(
            menu_item(
                description="with 🍄",
                position=-(2**40),
                price=2**62,
                tax_rate=0,
                dietary=("vegan", "halal"),
                allergens=("nuts", "nuts", ""),
                option_groups=groups,
                station="grill",
                hours=HOURS,
                available=False,
                stock_limit=2**53 + 1,
            )
        )
        assert saved.option_groups == groups
        assert identical(repositories.menu_items.get(saved.id), saved)
        assert ids(repositories.menu_items.all()) == [saved.id]

    @pytest.mark.parametrize("field", ["slug", "name", "category_id"])
    def test_a_word_too_long_for_an_index_comes_back_unchanged(
        self, repositories: Repositories, field: str
    ) -> None:
        saved = repositories.menu_items.save(menu_item(**{field: LONG_WORD}))
        assert getattr(repositories.menu_items.get(saved.id), field) == LONG_WORD
        assert list(repositories.menu_items.all()) == [saved]

    def test_the_items_of_a_category_are_counted(self, repositories: Repositories) -> None:
        items = repositories.menu_items
        other = new_id()
        gone = items.save(menu_item())
        for each in (menu_item(), menu_item(), menu_item(category_id=other)):
            items.save(each)
        items.delete(gone.with_changes(op_id=new_op_id(), now=at(1)))
        counts = [items.count_in(key) for key in (MAINS_ID, other, new_id(), "no\0thing")]
        assert counts == [2, 1, 0, 0]
