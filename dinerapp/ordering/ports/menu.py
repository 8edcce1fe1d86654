"""The menu. Contract suite: tests/contracts/test_menu.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from dinerapp.ordering.domain.menu import CATEGORIES, MENU_ITEMS, Category, MenuItem
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.ports.routing import query


class Categories(Repository[Category]):
    """The parts of the menu."""

    kind = CATEGORIES

    @abstractmethod
    @query
    def all(self) -> Sequence[Category]:
        """Every category, by position, then name, then id."""


class MenuItems(Repository[MenuItem]):
    """Dishes and drinks."""

    kind = MENU_ITEMS

    @abstractmethod
    @query
    def all(self) -> Sequence[MenuItem]:
        """Every item, by category id, then position, then name, then id."""

    @abstractmethod
    @query
    def count_in(self, category_id: str) -> int:
        """How many items the category has."""
